use ndarray::Array2;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, BLUE, Figure, GREY, INK, VERMILION, drawing, text_at};
use crate::argument::network::Network;
use crate::study::check::Parameter;
use crate::study::data::Dataset;
use crate::support::error::{Error, Result};
use crate::support::text::{indices_to_show, number, superscript};

/// If a layer has more units than this, the first 4 and the last 4 are drawn.
const MOST_UNITS: usize = 10;
const MOST_LAYERS: usize = 12;

/// The radius of a unit, and the least distance from one unit's middle to the next, in pixels.
pub(super) const RADIUS: i32 = 13;
const UNIT: i32 = 34;

/// The right half of a unit's edge, in pixels from its middle: whole numbers, nearly on the circle.
const HALF: [(i32, i32); 9] = [(0, -13), (5, -12), (9, -9), (12, -5), (13, 0), (12, 5), (9, 9), (5, 12), (0, 13)];

/// The least width of the figure, which leaves room for the legend, and the heights of the parts above and below the
/// units.
const WIDTH: i32 = 720;
pub(super) const ABOVE: i32 = 40;
const BELOW: i32 = 190;

/// The network as units and weights. It shows how far the forward signal a and the backward signal δ come, and which
/// weights have a gradient that is not 0. A weight's dW is the mean of δ · a, so it needs both signals.
///
/// The left half of a unit is filled if its activation is not 0 for some sample, the right half if its δ is not 0 for
/// some sample. A weight is a thick line if its dW is not 0; otherwise its ends are coloured where a or δ arrives. If a
/// layer has more than 10 units, 8 of them are drawn. Errors if the network has more than 12 layers, or if the data has
/// another number of features.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let figure = figure::signal(&network, &circles_train())?;
/// assert!(figure.text().contains("dW¹ ≠ 0 for 0 of 20 weights"));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn signal(network: &Network, data: &Dataset) -> Result<Figure> {
    signal_with_places(network, data).map(|(figure, _)| figure)
}

/// Where a picture of the two signals has a parameter: a weight is the line from one unit to another, a bias is the
/// unit itself, and there both ends are its middle. In pixels, from the left and from the top.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Place {
    /// The parameter.
    pub parameter: Parameter,
    /// The end at the layer before.
    pub from: (i32, i32),
    /// The end at its own layer.
    pub to: (i32, i32),
}

/// [`signal`], and where in the picture each parameter is, so that a page can let its reader point at one. Errors as
/// [`signal`] does.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let (figure, places) = figure::signal_with_places(&network, &circles_train())?;
/// assert_eq!(figure, figure::signal(&network, &circles_train())?);
/// assert_eq!(places.len(), network.parameters().len());
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn signal_with_places(network: &Network, data: &Dataset) -> Result<(Figure, Vec<Place>)> {
    let mut top = 0;
    let picture = Picture::new(network, data)?;
    let (width, height) = (picture.width, picture.height);
    let size = (width as u32, (34 + ABOVE + height + BELOW) as u32);
    let title = format!("Forward and backward signal in the network {:?}", network.sizes());
    let figure = Figure::draw(&title, picture.words(&title, data.samples()), size, |area| {
        top = area.get_base_pixel().1;
        for right in 1..picture.columns.len() {
            picture.draw_weights(area, right)?;
        }
        for (index, column) in picture.columns.iter().enumerate() {
            picture.draw_units(area, index, column)?;
            picture.draw_caption(area, index, column, ABOVE + height + 22)?;
        }
        draw_legend(area, (width - WIDTH) / 2 + 30, ABOVE + height + 108)
    })?;
    Ok((figure, picture.places(top)))
}

/// A layer, which is a column of the picture.
struct Column {
    /// For example "a¹".
    name: String,
    /// The units that are drawn, with `None` in place of those that are left out.
    units: Vec<Option<usize>>,
    a: Signal,
    /// The δ of the layer; the inputs have none.
    delta: Option<Signal>,
    /// Whether dW ≠ 0, for the weights from the layer before; the inputs have none.
    dw: Option<Array2<bool>>,
}

/// The activations or the δ of a layer.
struct Signal {
    /// For each unit, whether its value is not 0 for some sample.
    alive: Vec<bool>,
    /// The value, if it is the same for all units and samples.
    constant: Option<f64>,
}

impl Signal {
    fn new(values: &Array2<f64>) -> Self {
        let first = values[[0, 0]];
        Signal {
            alive: values.rows().into_iter().map(|row| row.iter().any(|&v| v != 0.0)).collect(),
            constant: values.iter().all(|&v| v == first).then_some(first),
        }
    }

    fn count(&self) -> usize {
        self.alive.iter().filter(|&&alive| alive).count()
    }

    fn caption(&self, symbol: &str) -> String {
        match (self.constant, self.count(), self.alive.len()) {
            (Some(value), ..) => format!("{symbol} = {}", number(value)),
            (None, count, all) if count == all => format!("{symbol} ≠ 0"),
            (None, count, all) => format!("{symbol} ≠ 0: {count} of {all}"),
        }
    }
}

fn columns(network: &Network, data: &Dataset) -> Result<Vec<Column>> {
    let trace = network.forward(data.x())?;
    let gradients = network.backward(&trace, data.y())?;
    let column = |layer: usize| {
        let hidden = layer > 0;
        Ok(Column {
            name: match layer {
                0 => "a⁰ = x".to_string(),
                l if l == network.layers() => format!("a{} = ŷ", superscript(l)),
                l => format!("a{}", superscript(l)),
            },
            units: indices_to_show(network.sizes()[layer], MOST_UNITS),
            a: Signal::new(trace.a(layer)?),
            delta: hidden.then(|| gradients.delta(layer).map(Signal::new)).transpose()?,
            dw: hidden.then(|| gradients.dw(layer).map(|dw| dw.mapv(|v| v != 0.0))).transpose()?,
        })
    };
    (0..=network.layers()).map(column).collect()
}

/// A network whose layers are columns of units.
pub(super) struct Picture {
    columns: Vec<Column>,
    /// The place of the first column, and the distance from one column to the next, in pixels.
    first: i32,
    spacing: i32,
    pub(super) width: i32,
    /// The height that the units can use, in pixels.
    pub(super) height: i32,
}

impl Picture {
    pub(super) fn new(network: &Network, data: &Dataset) -> Result<Self> {
        let layers = network.layers();
        if layers > MOST_LAYERS {
            return Err(Error::shape("network", format!("at most {MOST_LAYERS} layers"), layers.to_string()));
        }
        let columns = columns(network, data)?;
        let height = columns.iter().map(|column| column.units.len() as i32).fold(3, i32::max) * UNIT;
        let spacing = (570 / layers as i32).clamp(118, 190);
        let width = WIDTH.max(150 + layers as i32 * spacing);
        let first = (width - layers as i32 * spacing) / 2;
        Ok(Picture { columns, first, spacing, width, height })
    }

    pub(super) fn x(&self, column: usize) -> i32 {
        self.first + column as i32 * self.spacing
    }

    /// The vertical places of a column's units, and which units they are.
    pub(super) fn slots(&self, column: usize) -> impl Iterator<Item = (i32, Option<usize>)> {
        let units = &self.columns[column].units;
        let count = units.len() as i32;
        let unit = (self.height / count).min(2 * UNIT);
        let top = ABOVE + (self.height - (count - 1) * unit) / 2;
        (0..).map(move |slot| top + slot * unit).zip(units.iter().copied())
    }

    /// Where each parameter that is drawn is, if the drawing begins at this height.
    fn places(&self, top: i32) -> Vec<Place> {
        let mut places = Vec::new();
        let units =
            |layer: usize| self.slots(layer).filter_map(move |(y, unit)| Some((unit?, (self.x(layer), top + y))));
        for layer in 1..self.columns.len() {
            for (row, to) in units(layer) {
                let weight = |(column, from)| Place { parameter: Parameter::Weight { layer, row, column }, from, to };
                places.extend(units(layer - 1).map(weight));
                places.push(Place { parameter: Parameter::Bias { layer, row }, from: to, to });
            }
        }
        places
    }

    /// Draws the weights from the column before. Weights with a gradient are drawn over those without.
    fn draw_weights(&self, area: &Area, right: usize) -> Result<()> {
        let (Some(dw), Some(delta)) = (&self.columns[right].dw, &self.columns[right].delta) else {
            return Ok(());
        };
        for thick in [false, true] {
            for (y0, from) in self.slots(right - 1) {
                for (y1, to) in self.slots(right) {
                    let (Some(from), Some(to)) = (from, to) else { continue };
                    if dw[[to, from]] == thick {
                        let ends = [(self.x(right - 1), y0), (self.x(right), y1)];
                        let marked = (self.columns[right - 1].a.alive[from], delta.alive[to]);
                        draw_weight(area, ends, thick, marked)?;
                    }
                }
            }
        }
        let count = dw.iter().filter(|&&alive| alive).count();
        let name = format!("dW{}", superscript(right));
        let text = match count {
            0 => format!("{name} = 0"),
            count if count == dw.len() => format!("{name} ≠ 0"),
            count => format!("{name} ≠ 0: {count}/{}", dw.len()),
        };
        let place = (self.x(right) - self.spacing / 2, 14);
        area.draw(&text_at(text, place, HPos::Center, INK)).map_err(drawing)
    }

    fn draw_units(&self, area: &Area, index: usize, column: &Column) -> Result<()> {
        for (y, unit) in self.slots(index) {
            let x = self.x(index);
            match unit {
                Some(unit) => {
                    draw_unit(area, (x, y), column.a.alive[unit], column.delta.as_ref().map(|delta| delta.alive[unit]))?
                }
                None => area.draw(&text_at("⋮", (x, y), HPos::Center, INK)).map_err(drawing)?,
            }
        }
        Ok(())
    }

    fn draw_caption(&self, area: &Area, index: usize, column: &Column, top: i32) -> Result<()> {
        let all = column.a.alive.len();
        let units = format!("{} ({all} {})", column.name, if all == 1 { "unit" } else { "units" });
        let delta = column.delta.as_ref().map_or(String::new(), |delta| delta.caption("δ"));
        let lines = [(units, INK), (column.a.caption("a"), BLUE), (delta, VERMILION)];
        for ((text, color), y) in lines.into_iter().zip((top..).step_by(19)) {
            area.draw(&text_at(text, (self.x(index), y), HPos::Center, color)).map_err(drawing)?;
        }
        Ok(())
    }

    fn words(&self, title: &str, samples: usize) -> String {
        let layers = |alive: &dyn Fn(&Column) -> bool| {
            let layers = self.columns.iter().enumerate().filter(|(_, column)| alive(column));
            let layers: Vec<String> = layers.map(|(layer, _)| layer.to_string()).collect();
            if layers.is_empty() { "no layer".to_string() } else { format!("layer {}", layers.join(", ")) }
        };
        let mut sentences = vec![
            format!("{title} on {samples} samples."),
            format!("Forward signal alive in {};", layers(&|column| column.a.count() > 0)),
            format!("backward signal in {};", layers(&|column| column.delta.as_ref().is_some_and(|d| d.count() > 0))),
            format!("dW ≠ 0 in {}.", layers(&|column| column.dw.as_ref().is_some_and(|dw| dw.iter().any(|&v| v)))),
        ];
        for (layer, column) in self.columns.iter().enumerate() {
            let all = column.a.alive.len();
            let mut parts = vec![format!("a ≠ 0 in {} of {all} units", column.a.count())];
            parts.extend(column.delta.as_ref().map(|delta| format!("δ ≠ 0 in {} of {all}", delta.count())));
            parts.extend(column.dw.as_ref().map(|dw| {
                let count = dw.iter().filter(|&&alive| alive).count();
                format!("dW{} ≠ 0 for {count} of {} weights", superscript(layer), dw.len())
            }));
            sentences.push(format!("{}: {}.", column.name, parts.join(", ")));
        }
        sentences.join(" ")
    }
}

/// Draws a weight as a line: thick if its dW is not 0, otherwise thin, and coloured at the ends where a or δ arrives.
fn draw_weight(area: &Area, [from, to]: [(i32, i32); 2], thick: bool, (a, delta): (bool, bool)) -> Result<()> {
    let along = |share: f64| {
        let part = |from: i32, to: i32| from + (share * f64::from(to - from)).round() as i32;
        (part(from.0, to.0), part(from.1, to.1))
    };
    let line = |ends: [(i32, i32); 2], style: ShapeStyle| area.draw(&PathElement::new(ends, style)).map_err(drawing);
    if thick {
        return line([from, to], INK.stroke_width(2));
    }
    line([from, to], GREY.into())?;
    if a {
        line([from, along(0.35)], BLUE.stroke_width(3))?;
    }
    if delta {
        line([along(0.65), to], VERMILION.stroke_width(3))?;
    }
    Ok(())
}

/// Draws a unit. The left half is filled if its a is not 0 for some sample, the right half if its δ is not. Inputs have
/// no right half.
fn draw_unit(area: &Area, (x, y): (i32, i32), a: bool, delta: Option<bool>) -> Result<()> {
    for (alive, side, color) in [(Some(a), -1, BLUE), (delta, 1, VERMILION)] {
        let Some(alive) = alive else { continue };
        let half = HALF.map(|(dx, dy)| (x + side * dx, y + dy));
        let fill = if alive { color } else { WHITE };
        area.draw(&Polygon::new(half, fill.filled())).map_err(drawing)?;
        let outline: Vec<(i32, i32)> = half.into_iter().chain([half[0]]).collect();
        area.draw(&PathElement::new(outline, INK)).map_err(drawing)?;
    }
    Ok(())
}

fn draw_legend(area: &Area, left: i32, top: i32) -> Result<()> {
    let units = [
        (true, Some(false), "left half: forward, a ≠ 0"),
        (false, Some(true), "right half: backward, δ ≠ 0"),
        (false, Some(false), "empty: 0 for every sample"),
    ];
    let weights = [
        (true, (true, true), "dW ≠ 0: this weight moves"),
        (false, (true, true), "dW = 0: coloured where a or δ arrives"),
        (false, (false, false), "dW = 0: neither arrives"),
    ];
    for ((unit, weight), y) in units.into_iter().zip(weights).zip((top..).step_by(30)) {
        let (a, delta, text) = unit;
        draw_unit(area, (left + RADIUS, y), a, delta)?;
        area.draw(&text_at(text, (left + 36, y), HPos::Left, INK)).map_err(drawing)?;
        let (thick, marked, text) = weight;
        let start = left + 270;
        draw_weight(area, [(start, y), (start + 70, y)], thick, marked)?;
        area.draw(&text_at(text, (start + 80, y), HPos::Left, INK)).map_err(drawing)?;
    }
    Ok(())
}
