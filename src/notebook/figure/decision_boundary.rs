use std::ops::Range;

use ndarray::Array2;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::film::hexadecimal;
use super::{
    Axis, BLUE, Chart, Figure, INK, LARGEST, ORANGE, PANEL, VERMILION, axes, blend, color_bar, drawable, drawing,
    extent, padded, text_at,
};
use crate::argument::network::Network;
use crate::study::data::Dataset;
use crate::support::error::{Error, Result};
use crate::support::text::number;

/// The size of the figure in pixels. It makes the plane a square.
pub(super) const SIZE: (u32, u32) = (640, 476);

/// The number of rows, and of columns, of the cells in which the plane is shaded.
const GRID: usize = 64;

/// The limits between the shades of ŷ. The middle shade is white: there the prediction is undecided.
const SHADE_LIMITS: [f64; 4] = [0.1, 0.4, 0.6, 0.9];

/// What a network predicts over the plane of its two features, the line where ŷ = 0.5, and the samples.
///
/// Errors if the network or the data does not have exactly two features, if a feature is beyond ±10^100, or if
/// the numbers overflow.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let figure = figure::decision_boundary(&network, &circles_train())?;
/// assert!(figure.text().contains("150 of 300 samples are right (50 %)"));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn decision_boundary(network: &Network, data: &Dataset) -> Result<Figure> {
    let ranges = ranges(network, data)?;
    let plane = Plane::new(network, &ranges)?;
    let score = score(network, data)?;
    let (low, high) = extent(plane.y_hat.iter().copied());
    let contour = plane.contour();
    let line = if contour.is_empty() { "no line where ŷ = 0.5" } else { "with the line where ŷ = 0.5" };
    let text = format!(
        "Predictions ŷ over the plane of two features, from {} to {}, {line}. {score}; {} samples have label 1, {} \
         label 0.",
        number(low),
        number(high),
        data.ones(),
        data.samples() - data.ones()
    );
    Figure::draw(&format!("Decision boundary: {score}"), text, SIZE, |area| {
        let (plot, panel) = area.split_horizontally(SIZE.0 as i32 - PANEL);
        let [x, y] = ranges.clone();
        let mut chart = axes(&plot, Axis::linear("feature x₁", x), Axis::linear("feature x₂", y))?;
        chart.draw_series(plane.shades()).map_err(drawing)?;
        let contour = contour.into_iter().map(|ends| PathElement::new(ends, INK.stroke_width(2)));
        chart.draw_series(contour).map_err(drawing)?;
        draw_samples(&mut chart, data)?;
        draw_legend(&panel)
    })
}

/// The ranges of the two features. Errors if the network or the data has another number of them, or a feature is too
/// large.
pub(super) fn ranges(network: &Network, data: &Dataset) -> Result<[Range<f64>; 2]> {
    for (argument, features) in [("network", network.sizes()[0]), ("data", data.features())] {
        if features != 2 {
            return Err(Error::shape(argument, "2 features", features.to_string()));
        }
    }
    if let Some(feature) = data.x().iter().find(|&&v| !drawable(v)) {
        return Err(Error::value("data", format!("features within ±{LARGEST:e}"), feature.to_string()));
    }
    Ok([0, 1].map(|feature| padded(extent(data.x().row(feature).iter().copied()))))
}

/// How many samples are right, in words.
pub(super) fn score(network: &Network, data: &Dataset) -> Result<String> {
    let accuracy = network.accuracy(data)?;
    let right = (accuracy * data.samples() as f64).round();
    Ok(format!("{right} of {} samples are right ({} %)", data.samples(), number(100.0 * accuracy)))
}

/// The predictions ŷ in the middle of every cell of a grid. Rows are counted from below, columns from the left.
pub(super) struct Plane<'a> {
    ranges: &'a [Range<f64>; 2],
    y_hat: Array2<f64>,
}

impl<'a> Plane<'a> {
    pub(super) fn new(network: &Network, ranges: &'a [Range<f64>; 2]) -> Result<Self> {
        let mut plane = Plane { ranges, y_hat: Array2::zeros((GRID, GRID)) };
        let x = Array2::from_shape_fn((2, GRID * GRID), |(feature, cell)| {
            let index = if feature == 0 { cell % GRID } else { cell / GRID };
            plane.at(feature, index as f64 + 0.5)
        });
        for (cell, y_hat) in plane.y_hat.iter_mut().zip(&network.probabilities(&x)?) {
            *cell = *y_hat;
        }
        Ok(plane)
    }

    /// The value of a feature at a place that is given in cells from the left or from below.
    fn at(&self, feature: usize, cells: f64) -> f64 {
        let range = &self.ranges[feature];
        range.start + (range.end - range.start) * cells / GRID as f64
    }

    /// All sequences of neighbouring cells in a row with the same shade, except white: the row, the columns and the
    /// colour.
    fn runs(&self) -> Vec<(usize, Range<usize>, RGBColor)> {
        let mut runs = Vec::new();
        for (row, y_hat) in self.y_hat.rows().into_iter().enumerate() {
            let mut left = 0;
            for column in 1..=GRID {
                let color = shade(y_hat[left]);
                if column < GRID && shade(y_hat[column]) == color {
                    continue;
                }
                if color != WHITE {
                    runs.push((row, left..column, color));
                }
                left = column;
            }
        }
        runs
    }

    /// The shaded cells as rectangles.
    fn shades(&self) -> impl Iterator<Item = Rectangle<(f64, f64)>> {
        let corner = |column: usize, row: usize| (self.at(0, column as f64), self.at(1, row as f64));
        self.runs().into_iter().map(move |(row, columns, color)| {
            Rectangle::new([corner(columns.start, row), corner(columns.end, row + 1)], color.filled())
        })
    }

    /// The pieces of the line where ŷ = 0.5 (marching squares over the middles of the cells).
    fn contour(&self) -> Vec<[(f64, f64); 2]> {
        let place = |(x, y): (f64, f64)| (self.at(0, x), self.at(1, y));
        self.contour_in_cells().into_iter().map(|ends| ends.map(place)).collect()
    }

    /// The same pieces, in cells from the left and from below.
    fn contour_in_cells(&self) -> Vec<[(f64, f64); 2]> {
        let place = |(row, column): (usize, usize)| (column as f64 + 0.5, row as f64 + 0.5);
        let crossing = |from: (usize, usize), to: (usize, usize)| {
            let (low, high) = (self.y_hat[from] - 0.5, self.y_hat[to] - 0.5);
            let ((x0, y0), (x1, y1)) = (place(from), place(to));
            let share = low / (low - high);
            ((low > 0.0) != (high > 0.0)).then_some((x0 + share * (x1 - x0), y0 + share * (y1 - y0)))
        };
        let squares = (0..GRID - 1).flat_map(|row| (0..GRID - 1).map(move |column| (row, column)));
        squares
            .flat_map(|(row, column)| {
                let corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)];
                let crossings: Vec<(f64, f64)> =
                    (0..4).filter_map(|side| crossing(corners[side], corners[(side + 1) % 4])).collect();
                crossings.chunks_exact(2).map(|ends| [ends[0], ends[1]]).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The shades and the line as short SVG elements, for films: in units of a cell, scaled to a field of pixels.
    pub(super) fn elements(&self, (x, y): &(Range<i32>, Range<i32>)) -> String {
        let mut shades: Vec<(RGBColor, String)> = Vec::new();
        for (row, columns, color) in self.runs() {
            let index = shades.iter().position(|(other, _)| *other == color).unwrap_or_else(|| {
                shades.push((color, String::new()));
                shades.len() - 1
            });
            shades[index].1 += &format!("M{} {}h{}", columns.start, GRID - 1 - row, columns.len());
        }
        let [across, down] = [x, y].map(|pixels| f64::from(pixels.end - pixels.start) / GRID as f64);
        let mut svg =
            format!("<g transform=\"translate({} {}) scale({across} {down})\" fill=\"none\">\n", x.start, y.start);
        for (color, path) in shades {
            // The lines are as thick as a row, and crisp edges leave no gap between rows.
            svg += &format!(
                "<path shape-rendering=\"crispEdges\" transform=\"translate(0 .5)\" stroke=\"{}\" d=\"{path}\"/>\n",
                hexadecimal(color)
            );
        }
        // The numbers are in tenths of a cell, and the end of each piece is relative to its start.
        let mut line = String::new();
        for ends in self.contour_in_cells() {
            let [from, to] = ends.map(|(x, y)| [x, GRID as f64 - y].map(|cells| (10.0 * cells).round() as i32));
            line += &format!("M{} {}l{} {}", from[0], from[1], to[0] - from[0], to[1] - from[1]);
        }
        svg + &format!(
            "<path transform=\"scale(.1)\" vector-effect=\"non-scaling-stroke\" stroke=\"{}\" stroke-width=\"2\" \
             stroke-linecap=\"round\" d=\"{line}\"/>\n</g>\n",
            hexadecimal(INK)
        )
    }
}

/// The shade of a prediction. It is light, so that samples stay visible, and in grey the side of label 1 is darker.
fn shade(y_hat: f64) -> RGBColor {
    match SHADE_LIMITS.iter().filter(|&&limit| y_hat > limit).count() {
        0 => blend(WHITE, ORANGE, 0.45),
        1 => blend(WHITE, ORANGE, 0.2),
        2 => WHITE,
        3 => blend(WHITE, BLUE, 0.25),
        _ => blend(WHITE, BLUE, 0.5),
    }
}

/// The mark of a sample of label 1: a dark, filled triangle.
pub(super) fn mark_of_label_1<C>(place: C) -> TriangleMarker<C, i32> {
    TriangleMarker::new(place, 5, blend(BLUE, BLACK, 0.3).filled())
}

/// The mark of a sample of label 0: a ring.
pub(super) fn mark_of_label_0<C>(place: C) -> Circle<C, i32> {
    Circle::new(place, 3, VERMILION.stroke_width(2))
}

pub(super) fn draw_samples(chart: &mut Chart, data: &Dataset) -> Result<()> {
    let places = |label: f64| {
        let columns = data.x().columns().into_iter().zip(data.y());
        columns.filter(move |&(_, &y)| y == label).map(|(x, _)| (x[0], x[1]))
    };
    chart.draw_series(places(0.0).map(mark_of_label_0)).map_err(drawing)?;
    chart.draw_series(places(1.0).map(mark_of_label_1)).map_err(drawing)?;
    Ok(())
}

/// Explains the shades and marks, beside the plane.
pub(super) fn draw_legend(panel: &super::Area) -> Result<()> {
    let labels = [0.0].into_iter().chain(SHADE_LIMITS).chain([1.0]).map(|y_hat| (y_hat, number(y_hat)));
    color_bar(panel, "prediction ŷ", shade, labels)?;
    let (left, text, top) = (21, 40, 244);
    panel.draw(&PathElement::new([(left - 9, top), (left + 9, top)], INK.stroke_width(2))).map_err(drawing)?;
    panel.draw(&mark_of_label_1((left, top + 26))).map_err(drawing)?;
    panel.draw(&mark_of_label_0((left, top + 52))).map_err(drawing)?;
    for (words, y) in ["ŷ = 0.5", "sample, y = 1", "sample, y = 0"].into_iter().zip([top, top + 26, top + 52]) {
        panel.draw(&text_at(words, (text, y), HPos::Left, INK)).map_err(drawing)?;
    }
    Ok(())
}
