use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, Figure, GREY, INK, PANEL, SIZE, blend, color_bar, drawing, extent, text_at};
use crate::study::training::History;
use crate::support::elementary::{log10, pow};
use crate::support::error::{Error, Result};
use crate::support::text::number;

/// If there are more recorded steps than this, only every second, third, … of them is drawn.
const MOST_STEPS: usize = 100;

/// The field of cells: left, top, width and height, in pixels.
const FIELD: (i32, i32, i32, i32) = (64, 12, 400, 310);

/// The colours of the smallest and of the largest norm.
const SMALLEST: RGBColor = RGBColor(205, 228, 243);
const LARGEST: RGBColor = RGBColor(0, 40, 85);

/// The size of every layer's dW over the recorded steps, on a log colour scale; an exact 0 is hatched.
///
/// The columns are the recorded steps, side by side and equally wide, however many steps lie between them. If there are
/// more than 100, only every second, third, … of them is drawn. Errors if no norms were recorded
/// ([`Training::record_norms`](crate::Training::record_norms)).
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let history = Training::new(0.01, 20).record_norms(Steps::Every(1)).run(&mut network, &circles_train())?;
/// let figure = figure::norm_map(&history)?;
/// assert!(figure.text().contains("Layer 1: exactly 0 at 21 of 21 steps."));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn norm_map(history: &History) -> Result<Figure> {
    let (steps, norms): (Vec<usize>, Vec<Vec<f64>>) = history.norms().iter().cloned().unzip();
    let Some(layers) = norms.first().map(Vec::len) else {
        return Err(Error::shape("history", "at least 1 step with norms (Training::record_norms)", "none"));
    };
    let every = steps.len().div_ceil(MOST_STEPS);
    let (low, high) = extent(norms.iter().flatten().copied().filter(|&norm| norm > 0.0));
    let (low, high) = (log10(low), log10(high));
    let share = |norm: f64| if high > low { (log10(norm) - low) / (high - low) } else { 1.0 };

    Figure::draw("Size of dW, layer by layer, while training", words(&steps, &norms), SIZE, |area| {
        for layer in 0..layers {
            let row: Vec<f64> = norms.iter().step_by(every).map(|norms| norms[layer]).collect();
            draw_row(area, &row, (layer, layers), |norm| blend(SMALLEST, LARGEST, share(norm)))?;
        }
        draw_frame(area, &steps, every, layers)?;
        let panel = area.margin(0, 0, SIZE.0 as i32 - PANEL, 0);
        if low.is_finite() {
            let marks: &[f64] = if high > low { &[0.0, 0.25, 0.5, 0.75, 1.0] } else { &[1.0] };
            let labels = marks.iter().map(|&mark| (mark, number(pow(10.0, low + mark * (high - low)))));
            color_bar(&panel, "‖dW‖ (nats), log", |share| blend(SMALLEST, LARGEST, share), labels)?;
        }
        hatch(&panel, (12, 234), (30, 252))?;
        panel.draw(&text_at("0 exactly", (40, 243), HPos::Left, INK)).map_err(drawing)
    })
}

/// The pixel where cell `index` of `count` cells begins, if the first one begins at `start` and all have this length.
fn edge(start: i32, length: i32, index: usize, count: usize) -> i32 {
    start + (f64::from(length) * index as f64 / count as f64).round() as i32
}

/// Draws the cells of a layer; layer 1 is on top. Neighbouring cells of equal norms are drawn as one rectangle.
fn draw_row(
    area: &Area,
    norms: &[f64],
    (layer, layers): (usize, usize),
    color: impl Fn(f64) -> RGBColor,
) -> Result<()> {
    let (left, top, width, height) = FIELD;
    let (top, bottom) = (edge(top, height, layer, layers), edge(top, height, layer + 1, layers));
    let mut column = 0;
    for equal in norms.chunk_by(|a, b| a == b) {
        let start = edge(left, width, column, norms.len());
        column += equal.len();
        let end = edge(left, width, column, norms.len());
        if equal[0] == 0.0 {
            hatch(area, (start, top), (end, bottom))?;
        } else {
            area.draw(&Rectangle::new([(start, top), (end, bottom)], color(equal[0]).filled())).map_err(drawing)?;
        }
    }
    Ok(())
}

/// Draws a white rectangle with diagonal lines.
fn hatch(area: &Area, (left, top): (i32, i32), (right, bottom): (i32, i32)) -> Result<()> {
    area.draw(&Rectangle::new([(left, top), (right, bottom)], WHITE.filled())).map_err(drawing)?;
    // These are the lines x + y = sum, cut at the edges.
    for sum in ((left + top)..(right + bottom)).filter(|sum| sum % 8 == 0) {
        let (from, to) = ((sum - bottom).max(left), (sum - top).min(right));
        area.draw(&PathElement::new([(from, sum - from), (to, sum - to)], GREY)).map_err(drawing)?;
    }
    area.draw(&Rectangle::new([(left, top), (right, bottom)], GREY)).map_err(drawing)
}

/// Draws the frame, the borders between layers, and the texts of the axes.
fn draw_frame(area: &Area, steps: &[usize], every: usize, layers: usize) -> Result<()> {
    let steps: Vec<usize> = steps.iter().copied().step_by(every).collect();
    let (left, top, width, height) = FIELD;
    let (right, bottom) = (left + width, top + height);
    area.draw(&Rectangle::new([(left, top), (right, bottom)], INK)).map_err(drawing)?;
    for layer in 0..layers {
        let border = edge(top, height, layer, layers);
        area.draw(&PathElement::new([(left, border), (right, border)], INK)).map_err(drawing)?;
    }
    for layer in (0..layers).step_by(layers.div_ceil(12)) {
        let middle = (edge(top, height, layer, layers) + edge(top, height, layer + 1, layers)) / 2;
        area.draw(&text_at((layer + 1).to_string(), (left - 8, middle), HPos::Right, INK)).map_err(drawing)?;
    }
    for column in (0..steps.len()).step_by((steps.len() - 1).div_ceil(6).max(1)) {
        let middle = (edge(left, width, column, steps.len()) + edge(left, width, column + 1, steps.len())) / 2;
        area.draw(&PathElement::new([(middle, bottom), (middle, bottom + 5)], INK)).map_err(drawing)?;
        area.draw(&text_at(steps[column].to_string(), (middle, bottom + 16), HPos::Center, INK)).map_err(drawing)?;
    }
    let label = if every == 1 { "step".to_string() } else { format!("step (1 in {every} of the recorded ones)") };
    area.draw(&text_at(label, (left + width / 2, bottom + 42), HPos::Center, INK)).map_err(drawing)?;
    let upright = super::text_style(INK).transform(FontTransform::Rotate270);
    let upright = upright.pos(super::Pos::new(HPos::Center, super::VPos::Top));
    area.draw(&Text::new("layer", (18, top + height / 2), upright)).map_err(drawing)
}

fn words(steps: &[usize], norms: &[Vec<f64>]) -> String {
    let layers: Vec<String> = (0..norms[0].len())
        .map(|layer| {
            let row = || norms.iter().map(|norms| norms[layer]);
            let zeros = row().filter(|&norm| norm == 0.0).count();
            let (low, high) = extent(row().filter(|&norm| norm > 0.0));
            let others = match zeros == steps.len() {
                true => String::new(),
                false => format!(", otherwise from {} to {}, at last {}", number(low), number(high), {
                    number(norms[norms.len() - 1][layer])
                }),
            };
            format!("Layer {}: exactly 0 at {zeros} of {} steps{others}.", layer + 1, steps.len())
        })
        .collect();
    let (first, last) = (steps[0], steps[steps.len() - 1]);
    format!("The Frobenius norm of dW, in nats, at steps {first} to {last}, for each layer. {}", layers.join(" "))
}
