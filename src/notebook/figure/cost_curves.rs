use std::f64::consts::LN_2;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Axis, Figure, INK, PANEL, SIZE, axes, drawing, extent, legend, series_styles, text_at};
use crate::study::training::History;
use crate::support::error::{Error, Result};
use crate::support::text::number;

/// A longer curve is divided into this number of parts, and the lowest and the highest point of each part are drawn.
const PARTS: usize = 300;

/// The cost over the steps of up to six named runs, and a line at ln 2, the cost of always predicting 0.5.
///
/// The axis ends above the typical costs. A huge first cost is drawn as a triangle at the top, and the legend has its
/// value. Errors if there is no run or more than six, or if a run recorded no cost
/// ([`Training::record_cost`](crate::Training::record_cost)).
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let history = Training::new(0.01, 100).record_cost(Steps::Every(10)).run(&mut network, &circles_train())?;
/// let figure = figure::cost_curves(&[("zeros", &history)])?;
/// assert!(figure.text().contains("zeros: 0.6931 at step 0, 0.6931 at step 100"));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn cost_curves(runs: &[(&str, &History)]) -> Result<Figure> {
    let styles = series_styles("runs", runs.len())?;
    let curves = runs.iter().map(|(name, history)| curve(name, history)).collect::<Result<Vec<_>>>()?;
    let last_step = curves.iter().map(|curve| curve[curve.len() - 1].0).fold(1.0, f64::max);
    let top = 1.25 * curves.iter().map(|curve| typical(curve)).fold(LN_2, f64::max);
    let above = curves.iter().any(|curve| curve.iter().any(|&(_, cost)| cost > top));

    let ends = |curve: &[(f64, f64)]| (curve[0], curve[curve.len() - 1]);
    let sentences: Vec<String> = runs
        .iter()
        .zip(&curves)
        .map(|((name, _), curve)| {
            let ((first, start), (last, end)) = ends(curve);
            let (lowest, highest) = extent(curve.iter().map(|&(_, cost)| cost));
            let (start, end, lowest, highest) = (number(start), number(end), number(lowest), number(highest));
            format!("{name}: {start} at step {first}, {end} at step {last}, between {lowest} and {highest}.")
        })
        .collect();
    let text = format!("Cost in nats over training steps; ln 2 = 0.6931 is marked. {}", sentences.join(" "));

    Figure::draw("Cost while training", text, SIZE, |area| {
        let (plot, panel) = area.split_horizontally(SIZE.0 as i32 - PANEL);
        let mut x = Axis::linear("step", 0.0..last_step);
        x.ticks.retain(|tick| tick.fract() == 0.0);
        let mut chart = axes(&plot, x, Axis::linear("cost (nats)", 0.0..top))?;
        let level = vec![(0.0, LN_2), (last_step, LN_2)];
        chart.draw_series([PathElement::new(level, INK.stroke_width(1))]).map_err(drawing)?;
        for (curve, style) in curves.iter().zip(styles) {
            let inside: Vec<(f64, f64)> = thinned(curve).map(|(step, cost)| (step, cost.min(top))).collect();
            let (step, cost) = ends(&inside).1;
            chart.draw_series([style.line(inside)]).map_err(drawing)?;
            chart.draw_series([style.mark((step, cost))]).map_err(drawing)?;
            let first_above = curve.iter().find(|&&(_, cost)| cost > top);
            let arrow = |&(step, _): &(f64, f64)| TriangleMarker::new((step, top), 8, style.color.filled());
            chart.draw_series(first_above.map(arrow)).map_err(drawing)?;
        }
        let entries = runs.iter().zip(&curves).map(|((name, _), curve)| {
            let ((_, start), (_, end)) = ends(curve);
            [name.to_string(), format!("{} → {}", number(start), number(end))]
        });
        legend(&panel, styles.iter().zip(entries))?;
        let below = 24 + 46 * runs.len() as i32;
        panel.draw(&PathElement::new([(6, below), (36, below)], INK)).map_err(drawing)?;
        panel.draw(&text_at("ln 2 = 0.6931", (44, below), HPos::Left, INK)).map_err(drawing)?;
        if above {
            panel.draw(&TriangleMarker::new((21, below + 26), 8, INK.filled())).map_err(drawing)?;
            panel.draw(&text_at("above the axis", (44, below + 26), HPos::Left, INK)).map_err(drawing)?;
        }
        Ok(())
    })
}

/// The recorded costs of a run as points: the step and the cost.
pub(super) fn curve(name: &str, history: &History) -> Result<Vec<(f64, f64)>> {
    let points: Vec<(f64, f64)> = history.costs().iter().map(|&(step, cost)| (step as f64, cost)).collect();
    if points.is_empty() {
        return Err(Error::shape(
            "runs",
            "at least 1 recorded cost (Training::record_cost)",
            format!("none in {name:?}"),
        ));
    }
    Ok(points)
}

/// A cost that at most a tenth of the points exceed, and that is not less than the last one.
pub(super) fn typical(curve: &[(f64, f64)]) -> f64 {
    let mut costs: Vec<f64> = curve.iter().map(|&(_, cost)| cost).collect();
    let last = costs[costs.len() - 1];
    costs.sort_by(f64::total_cmp);
    last.max(costs[(costs.len() - 1) * 9 / 10])
}

/// Fewer points of a curve, if it is long: the lowest and the highest one of each of its [`PARTS`].
pub(super) fn thinned(curve: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let part = curve.len().div_ceil(PARTS);
    curve.chunks(part).flat_map(move |points| {
        let by_cost = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let mut ends: Vec<(f64, f64)> =
            points.iter().min_by(by_cost).into_iter().chain(points.iter().max_by(by_cost)).copied().collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        ends
    })
}
