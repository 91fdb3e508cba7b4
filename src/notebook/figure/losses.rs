use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Axis, BLUE, Figure, INK, SIZE, VERMILION, axes, drawing, text_at};
use crate::argument::loss::{cross_entropy, cross_entropy_slope};
use crate::support::error::Result;

/// The top of the vertical axis.
const HIGHEST: f64 = 3.0;

/// Both losses over the prediction ŷ, with their tangents at ŷ = 0.5: the losses are equal there, the slopes opposite.
///
/// ```
/// use zero_init::prelude::*;
///
/// assert!(figure::losses()?.svg().contains("slope"));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn losses() -> Result<Figure> {
    let curve = |y: f64| -> Result<Vec<(f64, f64)>> {
        let points = (0..=400).map(|i| f64::from(i) / 400.0).map(|y_hat| Ok((y_hat, cross_entropy(y_hat, y)?)));
        Ok(points.collect::<Result<Vec<_>>>()?.into_iter().filter(|&(_, loss)| loss <= HIGHEST).collect())
    };
    let (zero, one) = (curve(0.0)?, curve(1.0)?);
    let height = cross_entropy(0.5, 1.0)?;
    let slopes = [cross_entropy_slope(0.5, 0.0)?, cross_entropy_slope(0.5, 1.0)?];
    let text = "The loss of one sample over the prediction ŷ from 0 to 1. For label 1 it falls to 0 at ŷ = 1, for \
                label 0 it rises from 0 at ŷ = 0; at its other end each grows without bound. They cross at ŷ = 0.5, \
                where both are ln 2 = 0.693, with opposite slopes: the tangents there have slope -2 for label 1 and \
                +2 for label 0.";
    Figure::draw("Binary cross-entropy: the same loss at ŷ = 0.5, opposite slopes", text, SIZE, |area| {
        let (x, y) = (Axis::linear("prediction ŷ", 0.0..1.0), Axis::linear("loss ℓ (nats)", 0.0..HIGHEST));
        let mut chart = axes(area, x, y)?;
        for (slope, color) in slopes.into_iter().zip([VERMILION, BLUE]) {
            let tangent = [0.3, 0.7].map(|y_hat| (y_hat, height + slope * (y_hat - 0.5)));
            chart.draw_series(LineSeries::new(tangent, color.mix(0.35).stroke_width(7))).map_err(drawing)?;
        }
        chart.draw_series(LineSeries::new(one, BLUE.stroke_width(2))).map_err(drawing)?;
        chart.draw_series(DashedLineSeries::new(zero, 8, 5, VERMILION.stroke_width(2))).map_err(drawing)?;
        chart
            .draw_series([
                text_at("both losses are ln 2 = 0.693", (0.5, 0.2), HPos::Center, INK),
                text_at("label y = 1:  ℓ = −ln ŷ", (0.12, 2.5), HPos::Left, BLUE),
                text_at("label y = 0:  ℓ = −ln(1 − ŷ)", (0.88, 2.5), HPos::Right, VERMILION),
                text_at("slope −2", (0.29, 1.1), HPos::Right, BLUE),
                text_at("slope +2", (0.71, 1.1), HPos::Left, VERMILION),
            ])
            .map_err(drawing)?;
        chart.draw_series([Circle::new((0.5, height), 5, INK.filled())]).map_err(drawing)?;
        Ok(())
    })
}
