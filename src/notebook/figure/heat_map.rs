use ndarray::Array2;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::text_at;
use super::{BLUE, CHARACTER, Figure, INK, ORANGE, PALE, PANEL, TITLE_CHARACTER, blend, color_bar, drawing};
use crate::support::error::{Error, Result};
use crate::support::matrix::{check_finite, largest};
use crate::support::text::{indices_to_show, number};

/// If there are at most this number of rows or columns, all are drawn; otherwise the first 7 and the last 7.
const MOST: usize = 16;

/// The height of a row, in pixels.
const ROW: i32 = 28;

/// Where the matrix begins, in pixels. The row numbers are to the left of it, the column numbers above it.
const ORIGIN: (i32, i32) = (56, 52);

/// A matrix with its values in its cells: orange above 0, blue below, white only where it is exactly 0.
///
/// Rows and columns are numbered from 0. If there are more than 16, the first 7 and the last 7 are drawn. Errors if the
/// matrix is empty or holds a number that is not finite.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 3, 1], Activation::Relu, Init::Constant(0.5))?;
/// let gradients = network.gradients(&circles_train())?;
/// println!("{}", figure::heat_map("dW¹: its rows are equal", gradients.dw(1)?)?.plain());
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn heat_map(title: &str, matrix: &Array2<f64>) -> Result<Figure> {
    if matrix.is_empty() {
        let came = format!("{} × {}", matrix.nrows(), matrix.ncols());
        return Err(Error::shape("matrix", "at least 1 row and 1 column", came));
    }
    check_finite("matrix", matrix)?;
    let (rows, columns) = (indices_to_show(matrix.nrows(), MOST), indices_to_show(matrix.ncols(), MOST));
    let largest = largest(matrix);
    let value = |row: Option<usize>, column: Option<usize>| Some(matrix[[row?, column?]]);
    let cells: Vec<Vec<Option<f64>>> =
        rows.iter().map(|&row| columns.iter().map(|&column| value(row, column)).collect()).collect();
    let longest = cells.iter().flatten().flatten().map(|&v| number(v).chars().count()).max().unwrap_or(1);
    let width = (longest as i32 * CHARACTER as i32 + 8).max(36);

    let right = ORIGIN.0 + columns.len() as i32 * width;
    let size = (
        (right + 12 + PANEL).max(title.chars().count() as i32 * TITLE_CHARACTER as i32).min(1400) as u32,
        (ORIGIN.1 + rows.len() as i32 * ROW).max(210) as u32 + 50,
    );
    Figure::draw(title, words(title, matrix), size, |area| {
        area.draw(&text_at("column", (right, 12), HPos::Right, INK)).map_err(drawing)?;
        area.draw(&text_at("row", (ORIGIN.0 - 8, 34), HPos::Right, INK)).map_err(drawing)?;
        for (index, column) in (0..).zip(&columns) {
            let place = (ORIGIN.0 + index * width + width / 2, 34);
            area.draw(&text_at(label(*column, "…"), place, HPos::Center, INK)).map_err(drawing)?;
        }
        for (index, (row, values)) in (0..).zip(rows.iter().zip(&cells)) {
            let top = ORIGIN.1 + index * ROW;
            area.draw(&text_at(label(*row, "⋮"), (ORIGIN.0 - 8, top + ROW / 2), HPos::Right, INK)).map_err(drawing)?;
            for (index, &value) in (0..).zip(values) {
                let left = ORIGIN.0 + index * width;
                let corners = [(left, top), (left + width, top + ROW)];
                let share = value.map_or(0.0, |v| if largest == 0.0 { 0.0 } else { v / largest });
                let text = value.map_or("…".to_string(), number);
                let colored = value.is_some_and(|v| v != 0.0);
                area.draw(&Rectangle::new(corners, tint(share, colored).filled())).map_err(drawing)?;
                area.draw(&Rectangle::new(corners, PALE)).map_err(drawing)?;
                let middle = (left + width / 2, top + ROW / 2);
                area.draw(&text_at(text, middle, HPos::Center, INK)).map_err(drawing)?;
            }
        }
        let panel = area.margin(0, 0, right + 12, 0);
        let labels = [(0.0, number(-largest)), (0.5, "0".to_string()), (1.0, number(largest))];
        if largest == 0.0 {
            return panel.draw(&text_at("every entry is 0", (12, 66), HPos::Left, INK)).map_err(drawing);
        }
        color_bar(&panel, "value", |share| tint(2.0 * share - 1.0, true), labels)
    })
}

/// The colour of a cell: white for an exact zero, otherwise one that differs from white even for the smallest value.
/// Dark text is readable on all of these colours.
fn tint(share: f64, colored: bool) -> RGBColor {
    let color = if share < 0.0 { BLUE } else { ORANGE };
    if colored { blend(WHITE, color, 0.12 + 0.55 * share.abs()) } else { WHITE }
}

fn label(index: Option<usize>, left_out: &str) -> String {
    index.map_or(left_out.to_string(), |index| index.to_string())
}

fn words(title: &str, matrix: &Array2<f64>) -> String {
    let (low, high) = super::extent(matrix.iter().copied());
    let zeros = matrix.iter().filter(|&&v| v == 0.0).count();
    format!(
        "{title}. A matrix of {} × {} with values from {} to {}; {zeros} of its {} entries are exactly 0.",
        matrix.nrows(),
        matrix.ncols(),
        number(low),
        number(high),
        matrix.len()
    )
}
