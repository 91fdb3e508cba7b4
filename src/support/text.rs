//! Text: how numbers and layer numbers are written, and what tables and figures have in common.

use super::elementary::log10;

/// A number with four significant digits, or with two if it is very small or very large. Only zero, with either sign,
/// is written "0".
///
/// ```
/// use zero_init::notebook::number;
///
/// assert_eq!(number(-0.0), "0");
/// assert_eq!(number(2.0 / 3.0), "0.6667");
/// assert_eq!(number(1e-17), "1.0e-17");
/// ```
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_string()
    } else if !value.is_finite() {
        value.to_string()
    } else if (1e-3..1e5).contains(&size) {
        let digits = (3 - log10(size).floor() as i32).clamp(0, 6) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
    } else {
        format!("{value:.1e}")
    }
}

/// A number in superscript digits, for the number of a layer as in W².
pub(crate) fn superscript(number: usize) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| DIGITS[usize::from(digit - b'0')]).collect()
}

/// The text with the special characters of HTML and SVG escaped.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Which of `count` indices to show: all if there are at most `most`, otherwise the first and the last ones, with
/// `None` in place of those that are left out.
pub(crate) fn indices_to_show(count: usize, most: usize) -> Vec<Option<usize>> {
    if count <= most {
        return (0..count).map(Some).collect();
    }
    let corner = (most - 1) / 2;
    (0..corner).map(Some).chain([None]).chain((count - corner..count).map(Some)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_tell_zero_from_small() {
        let texts = [0.0, -0.0, 0.5, -0.5, 0.66667778, 1.0, 123.456, 99999.0, 1e5, 1e-3, 9.99e-4, f64::NAN];
        let expected = ["0", "0", "0.5", "-0.5", "0.6667", "1", "123.5", "99999", "1.0e5", "0.001", "1.0e-3", "NaN"];
        assert_eq!(texts.map(number), expected);
    }
}
