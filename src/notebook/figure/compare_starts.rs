use std::f64::consts::LN_2;
use std::ops::Range;

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::cost_curves::{curve, thinned, typical};
use super::decision_boundary::{Plane, draw_samples, mark_of_label_0, mark_of_label_1, ranges, score};
use super::film::{Frame, Parts, hexadecimal, polyline};
use super::{
    Area, Axis, BLUE, FONT, Film, INK, SERIES_STYLES, TITLE_SIZE, axes, coordinates, drawing, elements, extent,
    series_styles, text_at,
};
use crate::argument::network::Network;
use crate::study::data::Dataset;
use crate::study::training::History;
use crate::support::elementary::log10;
use crate::support::error::{Error, Result};
use crate::support::text::number;

/// The size of the figure in pixels. It makes the plots nearly square.
const SIZE: (u32, u32) = (960, 376);

/// If norms were recorded at more steps than this, only every second, third, … of them is drawn.
const MOST_POINTS: usize = 300;

const TITLE_HEIGHT: i32 = 34;

/// The height of the key below the panels, which explains the lines and marks.
const KEY_HEIGHT: i32 = 34;

const TITLE: &str = "One network, several starts";

/// The horizontal and the vertical range of a plot, in pixels.
type Field = (Range<i32>, Range<i32>);

/// Cost, layer-by-layer gradients and decision boundary of up to six named runs: the reader picks a run and a step.
///
/// All runs have the same axes. A gradient that is exactly 0 has no place on a log axis, so it is drawn below the axis.
///
/// Errors if there is no run or more than six, if two have the same name, if a run recorded no cost, no norms or no
/// network ([`Training::record_cost`](crate::Training::record_cost), [`record_norms`](crate::Training::record_norms),
/// [`record_snapshots`](crate::Training::record_snapshots)), if there are more than 120 networks in all, if they have
/// more than six layers or different numbers of layers, or if the [figure of the boundary](super::decision_boundary)
/// cannot be drawn.
///
/// ```
/// use zero_init::prelude::*;
///
/// let data = circles_train();
/// let every = || Steps::Every(500);
/// let training = Training::new(0.1, 2000).record_cost(every()).record_norms(every()).record_snapshots(every());
/// let mut runs = vec![];
/// for init in [Init::Zeros, Init::He { seed: 3 }] {
///     runs.push(training.run(&mut Network::new(&[2, 10, 5, 1], Activation::Relu, init)?, &data)?);
/// }
/// let film = figure::compare_starts(&[("zero", &runs[0]), ("He", &runs[1])], &data)?;
/// assert_eq!(film.frames(), 10);
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn compare_starts(runs: &[(&str, &History)], data: &Dataset) -> Result<Film> {
    series_styles("runs", runs.len())?;
    for (index, (name, _)) in runs.iter().enumerate() {
        if runs[..index].iter().any(|(other, _)| other == name) {
            return Err(Error::value("runs", "a different name for each run", format!("{name:?} twice")));
        }
    }
    let scales = Scales::new(runs, data)?;
    let mut fields = [(); 3].map(|()| (0..0, 0..0));
    let always = elements(SIZE, |root| {
        let style = (FONT, TITLE_SIZE).into_font().color(&INK).pos(Pos::new(HPos::Center, VPos::Center));
        root.draw(&Text::new(TITLE, (SIZE.0 as i32 / 2, TITLE_HEIGHT / 2), style)).map_err(drawing)?;
        let [costs, norms, plane] = panels(root);
        let mut chart = axes(&costs, scales.steps(), scales.costs())?;
        let level = vec![(0.0, LN_2), (scales.last_step, LN_2)];
        chart.draw_series([PathElement::new(level, INK)]).map_err(drawing)?;
        chart
            .draw_series([text_at("ln 2", (scales.last_step, LN_2 + 0.03 * scales.top), HPos::Right, INK)])
            .map_err(drawing)?;
        fields[0] = chart.plotting_area().get_pixel_range();
        let chart = axes(&norms, scales.steps(), scales.norms())?;
        fields[1] = chart.plotting_area().get_pixel_range();
        if let Some(zero) = scales.zero {
            let (x, y) = chart.backend_coord(&(0.0, zero));
            root.draw(&text_at("0", (x - 10, y), HPos::Right, INK)).map_err(drawing)?;
        }
        let [x, y] = scales.features.clone();
        let mut chart = axes(&plane, Axis::linear("feature x₁", x), Axis::linear("feature x₂", y))?;
        fields[2] = chart.plotting_area().get_pixel_range();
        draw_samples(&mut chart, data)?;
        draw_key(root, scales.layers)
    })?;
    let (mut starts, mut frames) = (Vec::new(), Vec::new());
    for (name, history) in runs {
        starts.push((name.to_string(), scales.curves(name, history)?));
        for (step, network) in history.snapshots() {
            frames.push(scales.frame(name, *step, network, data, &fields)?);
        }
    }
    Film::new(Parts { title: TITLE, size: SIZE, frames, starts, always })
}

/// The axes, which all runs share.
struct Scales {
    last_step: f64,
    /// The upper end of the axis of costs.
    top: f64,
    /// The smallest and the largest norm on the axis, apart from 0.
    norms: (f64, f64),
    /// Where an exact 0 is drawn on that axis, as a decimal logarithm, if there is one.
    zero: Option<f64>,
    layers: usize,
    features: [Range<f64>; 2],
}

impl Scales {
    fn new(runs: &[(&str, &History)], data: &Dataset) -> Result<Scales> {
        let (mut last_step, mut top, mut norms, mut counts) = (1.0, LN_2, Vec::new(), Vec::new());
        for (name, history) in runs {
            let costs = curve(name, history)?;
            last_step = costs.iter().map(|&(step, _)| step).fold(last_step, f64::max);
            top = typical(&costs).max(top);
            let none = |what| Error::shape("runs", format!("at least 1 recorded {what}"), format!("none in {name:?}"));
            if history.norms().is_empty() {
                return Err(none("‖dW‖ (Training::record_norms)"));
            }
            if history.snapshots().is_empty() {
                return Err(none("network (Training::record_snapshots)"));
            }
            norms.extend(history.norms().iter().flat_map(|(_, norms)| norms).copied());
            counts.extend(history.snapshots().iter().map(|(_, network)| network.layers()));
            counts.extend(history.norms().iter().map(|(_, norms)| norms.len()));
            last_step = history.norms().iter().map(|&(step, _)| step as f64).fold(last_step, f64::max);
        }
        let layers = counts[0];
        series_styles("layers", layers)?;
        if let Some(other) = counts.iter().find(|&&count| count != layers) {
            return Err(Error::shape("runs", format!("networks of {layers} layers, as the first"), other.to_string()));
        }
        let (low, high) = extent(norms.iter().copied().filter(|&norm| norm > 0.0));
        let (low, high) = if low <= high { (low, high) } else { (0.1, 1.0) };
        let Range { start, end } = Axis::log("", (low, high)).range;
        let zero = norms.contains(&0.0).then_some(start - 0.08 * (end - start));
        let features = ranges(&runs[0].1.snapshots()[0].1, data)?;
        Ok(Scales { last_step, top: 1.25 * top, norms: (low, high), zero, layers, features })
    }

    fn steps(&self) -> Axis<'_> {
        let mut axis = Axis::linear("step", 0.0..self.last_step);
        axis.ticks.retain(|tick| tick.fract() == 0.0);
        if axis.ticks.len() > 4 {
            axis.ticks = axis.ticks.into_iter().step_by(2).collect();
        }
        axis
    }

    fn costs(&self) -> Axis<'_> {
        Axis::linear("cost (nats)", 0.0..self.top)
    }

    /// A log axis, with room for zero at its lower end.
    fn norms(&self) -> Axis<'_> {
        let mut axis = Axis::log("‖dW‖ (nats)", self.norms);
        if let Some(zero) = self.zero {
            axis.range.start = zero - (axis.range.start - zero) / 2.0;
        }
        axis
    }

    /// The curves of a run, as SVG elements.
    fn curves(&self, name: &str, history: &History) -> Result<String> {
        let cost = curve(name, history)?;
        let mut lines = String::new();
        let marks = elements(SIZE, |root| {
            let [costs, norms, _] = panels(root);
            let mut chart = coordinates(&costs, self.steps(), self.costs())?;
            let inside = thinned(&cost).map(|(step, cost)| chart.backend_coord(&(step, cost.min(self.top))));
            lines += &polyline(&SERIES_STYLES[0], inside);
            let above = cost.iter().find(|&&(_, cost)| cost > self.top);
            let arrow = |&(step, _): &(f64, f64)| TriangleMarker::new((step, self.top), 8, BLUE.filled());
            chart.draw_series(above.map(arrow)).map_err(drawing)?;
            let mut chart = coordinates(&norms, self.steps(), self.norms())?;
            let every = history.norms().len().div_ceil(MOST_POINTS);
            for (layer, style) in (0..self.layers).zip(&SERIES_STYLES) {
                let height = |norm: f64| if norm == 0.0 { self.zero.unwrap_or_default() } else { log10(norm) };
                let place = |(step, norms): &(usize, Vec<f64>)| (*step as f64, height(norms[layer]));
                let points = history.norms().iter().step_by(every).map(|norms| chart.backend_coord(&place(norms)));
                lines += &polyline(style, points);
                chart.draw_series(history.norms().last().map(|norms| style.mark(place(norms)))).map_err(drawing)?;
            }
            Ok(())
        })?;
        Ok(lines + &marks)
    }

    /// The frame of one network: a mark at its step in both panels of curves, and its predictions over the plane.
    fn frame(&self, name: &str, step: usize, network: &Network, data: &Dataset, fields: &[Field; 3]) -> Result<Frame> {
        let (cost, score) = (network.cost(data)?, score(network, data)?);
        let norms: Vec<String> = network.gradients(data)?.norms().iter().map(|&norm| number(norm)).collect();
        let text = format!(
            "{name}, step {step}: cost {} nats, {score}; ‖dW‖ of layers 1 to {}: {}.",
            number(cost),
            self.layers,
            norms.join(", ")
        );
        let mut elements = Plane::new(network, &self.features)?.elements(&fields[2]);
        for (x, y) in &fields[..2] {
            let x = f64::from(x.start) + step as f64 / self.last_step * f64::from(x.end - x.start);
            let (color, top, bottom) = (hexadecimal(INK), y.start, y.end);
            elements += &format!("<path stroke=\"{color}\" stroke-dasharray=\"3 3\" d=\"M{x:.1} {top}V{bottom}\"/>\n");
        }
        Ok(Frame { start: name.to_string(), step, text, cost, elements })
    }
}

/// Three panels side by side, between the title and the key.
fn panels<'a>(root: &Area<'a>) -> [Area<'a>; 3] {
    let (width, height) = (SIZE.0 as i32, SIZE.1 as i32);
    let (above, _) = root.split_vertically(height - KEY_HEIGHT);
    let (_, between) = above.split_vertically(TITLE_HEIGHT);
    let (costs, others) = between.split_horizontally(width / 3);
    let (norms, plane) = others.split_horizontally(width / 3);
    [costs, norms, plane]
}

/// Explains the lines and the marks below the panels.
fn draw_key(root: &Area, layers: usize) -> Result<()> {
    let (third, y) = (SIZE.0 as i32 / 3, SIZE.1 as i32 - KEY_HEIGHT / 2);
    let write = |text: &str, x: i32| root.draw(&text_at(text, (x, y), HPos::Left, INK)).map_err(drawing);
    let dashed = DashedPathElement::new(vec![(78, y - 10), (78, y + 10)], 3, 3, INK);
    root.draw(&dashed).map_err(drawing)?;
    write("the chosen step", 86)?;
    root.draw(&TriangleMarker::new((208, y), 8, BLUE.filled())).map_err(drawing)?;
    write("above the axis", 220)?;
    write("layer", third + 20)?;
    for (layer, style) in (0..layers).zip(&SERIES_STYLES) {
        let x = third + 66 + layer as i32 * 62;
        root.draw(&style.line(vec![(x, y), (x + 30, y)])).map_err(drawing)?;
        root.draw(&style.mark((x + 15, y))).map_err(drawing)?;
        write(&(layer + 1).to_string(), x + 36)?;
    }
    let plane = 2 * third + 70;
    root.draw(&PathElement::new([(plane, y), (plane + 18, y)], INK.stroke_width(2))).map_err(drawing)?;
    write("ŷ = 0.5", plane + 24)?;
    root.draw(&mark_of_label_1((plane + 98, y))).map_err(drawing)?;
    write("y = 1", plane + 108)?;
    root.draw(&mark_of_label_0((plane + 168, y))).map_err(drawing)?;
    write("y = 0", plane + 178)
}
