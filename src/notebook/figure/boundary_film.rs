use super::decision_boundary::{Plane, SIZE, draw_legend, draw_samples, ranges, score};
use super::film::{Frame, Parts};
use super::{Axis, FONT, Film, INK, PANEL, TITLE_SIZE, axes, drawing, elements};
use crate::study::data::Dataset;
use crate::study::training::History;
use crate::support::error::{Error, Result};
use crate::support::text::number;
use plotters::prelude::*;

const TITLE: &str = "Decision boundary along training";

/// The [decision boundary](super::decision_boundary) along training: a slider leads through the recorded networks.
///
/// Errors if no network was recorded ([`Training::record_snapshots`](crate::Training::record_snapshots)), if more than
/// 120 were recorded, or if the figure of one of them cannot be drawn.
///
/// ```
/// use zero_init::prelude::*;
///
/// let data = circles_train();
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 3 })?;
/// let history = Training::new(0.1, 2000).record_snapshots(Steps::Every(100)).run(&mut network, &data)?;
/// let film = figure::boundary_film(&history, &data)?;
/// assert!(film.still().text().contains("Step 2000: cost"));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn boundary_film(history: &History, data: &Dataset) -> Result<Film> {
    let Some((_, first)) = history.snapshots().first() else {
        return Err(Error::shape("history", "at least 1 recorded network (Training::record_snapshots)", "none"));
    };
    let ranges = ranges(first, data)?;
    let axis = |feature: usize| Axis::linear(["feature x₁", "feature x₂"][feature], ranges[feature].clone());

    let mut field = (0..0, 0..0);
    let always = elements(SIZE, |root| {
        let below = root.titled(TITLE, (FONT, TITLE_SIZE).into_font().color(&INK)).map_err(drawing)?;
        let (plane, panel) = below.split_horizontally(SIZE.0 as i32 - PANEL);
        let mut chart = axes(&plane, axis(0), axis(1))?;
        field = chart.plotting_area().get_pixel_range();
        draw_samples(&mut chart, data)?;
        draw_legend(&panel)
    })?;
    let frames = history.snapshots().iter().map(|(step, network)| {
        let (cost, score) = (network.cost(data)?, score(network, data)?);
        let text = format!("Step {step}: cost {} nats, {score}.", number(cost));
        let elements = Plane::new(network, &ranges)?.elements(&field);
        Ok(Frame { start: String::new(), step: *step, text, cost, elements })
    });
    let frames = frames.collect::<Result<Vec<_>>>()?;
    Film::new(Parts { title: TITLE, size: SIZE, frames, starts: Vec::new(), always })
}
