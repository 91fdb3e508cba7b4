use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Axis, BLUE, Figure, INK, LARGEST, PANEL, SIZE, axes, drawable, drawing, extent, padded, text_at};
use crate::support::elementary::log10;
use crate::support::error::{Error, Result};
use crate::support::text::number;

/// Several values at each place of a log axis, for example one for each seed. Each value is a ring, and a line goes
/// through the medians.
///
/// Errors if there is no group, if a group is empty, if a place is not finite and above 0, or if a value is not finite
/// or beyond ±10^100.
///
/// ```
/// use zero_init::prelude::*;
///
/// let groups = [(0.1, vec![50.0, 52.0, 51.0]), (1.0, vec![97.0, 99.0, 98.0])];
/// let figure = figure::spread("Accuracy", "scale", "accuracy (%)", &groups)?;
/// assert!(figure.text().contains("at 1: 98 (97 to 99)"));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn spread(title: &str, x_label: &str, y_label: &str, groups: &[(f64, Vec<f64>)]) -> Result<Figure> {
    if groups.is_empty() {
        return Err(Error::shape("groups", "at least 1", "0"));
    }
    for (place, values) in groups {
        if !(place.is_finite() && *place > 0.0) {
            return Err(Error::value("groups", "finite places above 0", place.to_string()));
        }
        if values.is_empty() {
            return Err(Error::shape("groups", "at least 1 value in each group", format!("0 at {place}")));
        }
        if let Some(value) = values.iter().find(|&&v| !drawable(v)) {
            return Err(Error::value("groups", format!("values within ±{LARGEST:e}"), format!("{value} at {place}")));
        }
    }
    let x_extent = extent(groups.iter().map(|group| group.0));
    let y_extent = extent(groups.iter().flat_map(|group| group.1.iter().copied()));

    let sentence = |(place, values): &(f64, Vec<f64>)| {
        let (low, high) = extent(values.iter().copied());
        let [place, middle, low, high] = [*place, median(values), low, high].map(number);
        format!("at {place}: {middle} ({low} to {high})")
    };
    let sentences: Vec<String> = groups.iter().map(sentence).collect();
    let text = format!("{title}. {y_label} over {x_label}, the median and the range: {}.", sentences.join("; "));
    Figure::draw(title, text, SIZE, |area| {
        let (plot, panel) = area.split_horizontally(SIZE.0 as i32 - PANEL);
        let mut chart = axes(&plot, Axis::log(x_label, x_extent), Axis::linear(y_label, padded(y_extent)))?;
        let medians = groups.iter().map(|(place, values)| (log10(*place), median(values)));
        chart.draw_series(LineSeries::new(medians, INK.stroke_width(2))).map_err(drawing)?;
        let rings = groups.iter().flat_map(|(place, values)| values.iter().map(|&v| (log10(*place), v)));
        chart.draw_series(rings.map(|ring| Circle::new(ring, 4, BLUE.stroke_width(1)))).map_err(drawing)?;
        panel.draw(&Circle::new((21, 24), 4, BLUE.stroke_width(1))).map_err(drawing)?;
        panel.draw(&text_at("one run", (44, 24), HPos::Left, INK)).map_err(drawing)?;
        panel.draw(&PathElement::new([(6, 50), (36, 50)], INK.stroke_width(2))).map_err(drawing)?;
        panel.draw(&text_at("median", (44, 50), HPos::Left, INK)).map_err(drawing)
    })
}

/// The middle one of the sorted values, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
}
