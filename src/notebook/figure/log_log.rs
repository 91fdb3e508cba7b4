use super::{Axis, Figure, PANEL, SIZE, axes, drawing, extent, legend, series_styles};
use crate::support::elementary::log10;
use crate::support::error::{Error, Result};
use crate::support::text::number;

/// Up to six named series of points on two log axes, each with its least-squares line and the slope of that line.
///
/// Errors if there is no series or more than six, and as [`fitted_slope`] does.
///
/// ```
/// use zero_init::prelude::*;
///
/// let points = [(1e-3, 1.0e3), (1e-2, 1.0e2), (1e-1, 1.0e1)];
/// let figure = figure::log_log("Steps until it learns", "scale ε", "steps", &[("He", &points)])?;
/// assert!(figure.svg().contains("slope −1.00"));
/// assert!((figure::fitted_slope(&points)? + 1.0).abs() < 1e-12);
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn log_log(title: &str, x_label: &str, y_label: &str, series: &[(&str, &[(f64, f64)])]) -> Result<Figure> {
    let styles = series_styles("series", series.len())?;
    let lines = series.iter().map(|(_, points)| Line::fit("series", points)).collect::<Result<Vec<_>>>()?;
    let points = || series.iter().flat_map(|(_, points)| points.iter());
    let (x_extent, y_extent) = (extent(points().map(|p| p.0)), extent(points().map(|p| p.1)));

    let sentences: Vec<String> = series
        .iter()
        .zip(&lines)
        .map(|((name, points), line)| format!("{name}: {} points, {}.", points.len(), line.words()))
        .collect();
    let range = |(low, high): (f64, f64)| format!("{} to {}", number(low), number(high));
    let text = format!(
        "{title}. {y_label}, {}, over {x_label}, {}, on log axes, with fitted lines. {}",
        range(y_extent),
        range(x_extent),
        sentences.join(" ")
    );
    Figure::draw(title, text, SIZE, |area| {
        let (plot, panel) = area.split_horizontally(SIZE.0 as i32 - PANEL);
        let (x, y) = (Axis::log(x_label, x_extent), Axis::log(y_label, y_extent));
        let mut chart = axes(&plot, x, y)?;
        for (((_, points), line), style) in series.iter().zip(&lines).zip(styles) {
            let logs: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (log10(x), log10(y))).collect();
            let (first, last) = extent(logs.iter().map(|p| p.0));
            chart.draw_series([style.line(vec![line.at(first), line.at(last)])]).map_err(drawing)?;
            chart.draw_series(logs.into_iter().map(|point| style.mark(point))).map_err(drawing)?;
        }
        let entries = series.iter().zip(&lines).map(|((name, _), line)| [name.to_string(), line.words()]);
        legend(&panel, styles.iter().zip(entries))
    })
}

/// The slope of the least-squares line through the logarithms of the points: the exponent p in y = c x^p.
///
/// Errors if a number is not finite and above 0, or if there are fewer than two different x. [`log_log`] has an
/// example.
pub fn fitted_slope(points: &[(f64, f64)]) -> Result<f64> {
    Ok(Line::fit("points", points)?.slope)
}

/// A line through the decimal logarithms of points.
struct Line {
    center: (f64, f64),
    slope: f64,
}

impl Line {
    fn fit(argument: &'static str, points: &[(f64, f64)]) -> Result<Self> {
        let usable = |v: f64| v.is_finite() && v > 0.0;
        if let Some(point) = points.iter().find(|p| !(usable(p.0) && usable(p.1))) {
            return Err(Error::value(argument, "finite numbers above 0", format!("{point:?}")));
        }
        let logs: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (log10(x), log10(y))).collect();
        let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / logs.len() as f64;
        let center = (mean(|p| p.0), mean(|p| p.1));
        if logs.iter().all(|p| p.0 == logs[0].0) {
            let came = format!("{} points with 1 or none", points.len());
            return Err(Error::value(argument, "at least 2 different x", came));
        }
        // slope = Σ (x - x̄)(y - ȳ) / Σ (x - x̄)²
        let sum =
            |term: &dyn Fn(f64, f64) -> f64| -> f64 { logs.iter().map(|p| term(p.0 - center.0, p.1 - center.1)).sum() };
        Ok(Line { center, slope: sum(&|x, y| x * y) / sum(&|x, _| x * x) })
    }

    fn at(&self, x: f64) -> (f64, f64) {
        (x, self.center.1 + self.slope * (x - self.center.0))
    }

    fn words(&self) -> String {
        format!("slope {:.2}", self.slope).replace('-', "−")
    }
}
