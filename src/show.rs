//! How values look in a notebook: a table or a picture, and always plain text as well.

use ndarray::{ArrayRef, Ix2};

/// Rows or columns up to this number are all shown; of more, the corners.
const MOST: usize = 8;

/// What a notebook shows of a value. The kernel calls [`evcxr_display`](Show::evcxr_display) on a cell's last
/// expression wherever this trait is in scope.
///
/// ```
/// use ndarray::array;
/// use zero_init::prelude::*;
///
/// let w = array![[0.0, -0.0], [0.5, 1e-9]];
/// assert_eq!(w.plain(), "2 × 2\n  0       0\n0.5  1.0e-9");
/// ```
pub trait Show {
    /// The value as text, for terminals, tests and screen readers.
    fn plain(&self) -> String;

    /// The value as HTML or SVG: its mime type and its content, if there is more to show than text.
    fn rich(&self) -> Option<(&'static str, String)> {
        None
    }

    /// Writes the value in all its forms, in the way that the evcxr kernel reads.
    fn evcxr_display(&self) {
        let plain = ("text/plain", self.plain());
        for (mime, content) in self.rich().into_iter().chain([plain]) {
            println!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT");
        }
    }
}

/// A matrix: its shape first, then its numbers; of a large one the corners. -0.0 is shown as 0.
impl Show for ArrayRef<f64, Ix2> {
    fn plain(&self) -> String {
        let rows = cells(self);
        let columns = rows.first().map_or(0, Vec::len);
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
            cells.join("  ")
        };
        let lines: Vec<String> = std::iter::once(shape(self)).chain(rows.iter().map(line)).collect();
        lines.join("\n")
    }

    fn rich(&self) -> Option<(&'static str, String)> {
        let body = cells(self)
            .iter()
            .map(|row| format!("<tr>{}</tr>", html_cells("td", Align::Right, row)))
            .collect::<String>();
        let caption = shape(self);
        Some(("text/html", format!("<table><caption>{caption}</caption><tbody>{body}</tbody></table>")))
    }
}

/// Where the text of a table's cell is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Cells of an HTML table, `th` or `td`: numbers to the right, on one line, or words to the left. The text is escaped.
pub(crate) fn html_cells(cell: &str, align: Align, texts: &[impl AsRef<str>]) -> String {
    let style = if align == Align::Right { "text-align: right; white-space: nowrap" } else { "text-align: left" };
    let html = |text: &str| format!("<{cell} style=\"{style}\">{}</{cell}>", escape(text));
    texts.iter().map(|text| html(text.as_ref())).collect()
}

/// Text for HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A number to four significant digits, or to two if very small or large. Only zero, of either sign, is "0".
///
/// ```
/// use zero_init::number;
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
        let digits = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
    } else {
        format!("{value:.1e}")
    }
}

/// Digits for a layer's number, as in W².
pub(crate) fn superscript(number: usize) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| DIGITS[usize::from(digit - b'0')]).collect()
}

fn shape(matrix: &ArrayRef<f64, Ix2>) -> String {
    format!("{} × {}", matrix.nrows(), matrix.ncols())
}

/// The texts of a matrix's cells, with "…" for what is left out.
fn cells(matrix: &ArrayRef<f64, Ix2>) -> Vec<Vec<String>> {
    let columns = shown(matrix.ncols(), MOST);
    let text = |row: Option<usize>, column: &Option<usize>| match (row, column) {
        (Some(row), Some(column)) => number(matrix[[row, *column]]),
        _ => "…".to_string(),
    };
    let row = |row: Option<usize>| columns.iter().map(|column| text(row, column)).collect();
    shown(matrix.nrows(), MOST).into_iter().map(row).collect()
}

/// The indices that are shown of so many: all up to `most`, else the first and the last; `None` for those left out.
pub(crate) fn shown(count: usize, most: usize) -> Vec<Option<usize>> {
    if count <= most {
        return (0..count).map(Some).collect();
    }
    let corner = (most - 1) / 2;
    (0..corner).map(Some).chain([None]).chain((count - corner..count).map(Some)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn numbers_keep_four_digits_and_tell_zero_from_small() {
        let texts = [0.0, -0.0, 0.5, -0.5, 0.66667778, 1.0, 123.456, 99999.0, 1e5, 1e-3, 9.99e-4, f64::NAN];
        let expected = ["0", "0", "0.5", "-0.5", "0.6667", "1", "123.5", "99999", "1.0e5", "0.001", "1.0e-3", "NaN"];
        assert_eq!(texts.map(number), expected);
    }

    #[test]
    fn a_large_matrix_shows_its_shape_and_its_corners() {
        let matrix = Array2::from_shape_fn((20, 300), |(i, j)| (i * 1000 + j) as f64);
        let plain = matrix.plain();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0], "20 × 300");
        assert_eq!(lines.len(), 1 + 7);
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "…", "297", "298", "299"]);
        assert_eq!(lines[7].split_whitespace().last(), Some("19299"));
        let (mime, html) = matrix.rich().unwrap();
        assert_eq!(mime, "text/html");
        assert_eq!(html.matches("<td ").count(), 49);
    }

    #[test]
    fn an_empty_matrix_shows_its_shape() {
        assert_eq!(Array2::<f64>::zeros((0, 3)).plain(), "0 × 3");
        assert_eq!(Array2::<f64>::zeros((2, 0)).plain().lines().next(), Some("2 × 0"));
    }
}
