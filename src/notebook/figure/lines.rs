use super::{Axis, Figure, LARGEST, PANEL, SIZE, axes, drawable, drawing, extent, legend, padded, series_styles};
use crate::support::error::{Error, Result};
use crate::support::text::number;

/// Up to six named lines on two linear axes. Each goes through its points in the given order.
///
/// The last point of each line has a mark. Errors if there is no line or more than six, if one has fewer than two
/// points, or if a number is not finite or beyond ±10^100.
///
/// ```
/// use zero_init::prelude::*;
///
/// let point = |i| (f64::from(i) / 5.0, Activation::Tanh.value(f64::from(i) / 5.0));
/// let points: Vec<(f64, f64)> = (-10..=10).map(point).collect();
/// let figure = figure::lines("An activation", "z", "g(z)", &[("tanh", &points)])?;
/// assert!(figure.text().contains("tanh: -0.964 at -2, 0.964 at 2"));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn lines(title: &str, x_label: &str, y_label: &str, series: &[(&str, &[(f64, f64)])]) -> Result<Figure> {
    let styles = series_styles("series", series.len())?;
    for (name, points) in series {
        if points.len() < 2 {
            return Err(Error::shape(
                "series",
                "at least 2 points for each line",
                format!("{} in {name:?}", points.len()),
            ));
        }
        if let Some(point) = points.iter().find(|p| !(drawable(p.0) && drawable(p.1))) {
            return Err(Error::value(
                "series",
                format!("numbers within ±{LARGEST:e}"),
                format!("{point:?} in {name:?}"),
            ));
        }
    }
    let all = || series.iter().flat_map(|(_, points)| points.iter());
    let (x_extent, y_extent) = (extent(all().map(|p| p.0)), extent(all().map(|p| p.1)));

    let sentence = |(name, points): &(&str, &[(f64, f64)])| {
        let ((x, y), (last_x, last_y)) = (points[0], points[points.len() - 1]);
        let (low, high) = extent(points.iter().map(|p| p.1));
        let [x, y, last_x, last_y, low, high] = [x, y, last_x, last_y, low, high].map(number);
        format!("{name}: {y} at {x}, {last_y} at {last_x}, between {low} and {high}.")
    };
    let sentences: Vec<String> = series.iter().map(sentence).collect();
    let text = format!("{title}. {y_label} over {x_label}. {}", sentences.join(" "));
    Figure::draw(title, text, SIZE, |area| {
        let (plot, panel) = area.split_horizontally(SIZE.0 as i32 - PANEL);
        let (x, y) = (Axis::linear(x_label, padded(x_extent)), Axis::linear(y_label, padded(y_extent)));
        let mut chart = axes(&plot, x, y)?;
        for ((_, points), style) in series.iter().zip(styles) {
            chart.draw_series([style.line(points.to_vec())]).map_err(drawing)?;
            chart.draw_series([style.mark(points[points.len() - 1])]).map_err(drawing)?;
        }
        let end = |points: &[(f64, f64)]| format!("ends at {}", number(points[points.len() - 1].1));
        let entries = series.iter().map(|(name, points)| [name.to_string(), end(points)]);
        legend(&panel, styles.iter().zip(entries))
    })
}
