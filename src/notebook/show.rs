//! How a notebook shows values: as a table or a picture, and always as plain text as well.

use std::fmt::Display;

use ndarray::{ArrayRef, Ix2};

use super::changes::{Change, Changes, UNCHANGED};
use super::words::{LEGEND, NUMBERS};
use crate::argument::inspection::{Inspection, LayerInspection};
use crate::argument::network::Network;
use crate::study::check::GradientCheck;
use crate::study::data::Dataset;
use crate::study::symmetry::Symmetry;
use crate::study::training::History;
use crate::support::text::{escape, indices_to_show, number};

/// If a matrix has at most this number of rows or columns, all are shown; otherwise the first and the last ones.
const MOST: usize = 8;

/// What a notebook shows of a value: its `Display`, and a table or a picture if there is one.
///
/// Where this trait is in scope, the kernel calls [`evcxr_display`](Show::evcxr_display) on the value of the last
/// expression of a cell.
///
/// ```
/// use zero_init::prelude::*;
///
/// assert_eq!(array![[0.0, -0.0], [0.5, 1e-9]].plain(), "2 × 2\n  0       0\n0.5  1.0e-9");
/// assert_eq!(circles_train().plain(), circles_train().to_string());
/// ```
pub trait Show: Display {
    /// The value as text, for terminals, tests and screen readers.
    fn plain(&self) -> String {
        self.to_string()
    }

    /// The value as HTML or SVG, if there is more to show than text: the MIME type and the content.
    fn rich(&self) -> Option<(&'static str, String)> {
        None
    }

    /// Prints the value in all its forms, in the format that the evcxr kernel reads.
    fn evcxr_display(&self) {
        let plain = ("text/plain", self.plain());
        for (mime, content) in self.rich().into_iter().chain([plain]) {
            println!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT");
        }
    }
}

impl Show for Network {}

impl Show for Dataset {}

impl Show for History {}

impl Show for GradientCheck {}

impl Show for Symmetry {}

/// The table has a row for each layer.
impl Show for Inspection {
    fn rich(&self) -> Option<(&'static str, String)> {
        const HEADINGS: [&str; 10] =
            ["layer l", "aˡ⁻¹", "Wˡ⁺¹ᵀδˡ⁺¹", "g′(zˡ)", "δˡ", "δˡ·aˡ⁻¹", "dWˡ", "dbˡ", "why dWˡ", "why dbˡ"];
        let row = |cell, texts: Vec<String>| {
            let (numbers, reasons) = texts.split_at(1 + NUMBERS);
            format!("<tr>{}{}</tr>", html_cells(cell, Align::Right, numbers), html_cells(cell, Align::Left, reasons))
        };
        let texts = |layer: &LayerInspection| {
            let entries = layer.entries().into_iter().map(|(_, text)| text);
            [layer.layer.to_string()].into_iter().chain(entries).take(HEADINGS.len()).collect()
        };
        let head = row("th", HEADINGS.map(str::to_string).to_vec());
        let body: String = self.layers().iter().map(|layer| row("td", texts(layer))).collect();
        let dead = |layer: &LayerInspection| {
            Some(format!("{} of {} in layer {}", layer.dead_units?, layer.units, layer.layer))
        };
        let dead: Vec<String> = self.layers().iter().filter_map(dead).collect();
        let dead = if dead.is_empty() {
            String::new()
        } else {
            format!(" Dead units (a = 0 and g′(z) = 0 for every sample): {}.", dead.join(", "))
        };
        let table = format!("<table><thead>{head}</thead><tbody>{body}</tbody></table><p>{LEGEND}{dead}</p>");
        Some(("text/html", table))
    }
}

/// The table has a row for each entry that is no longer what it was.
impl Show for Changes {
    fn rich(&self) -> Option<(&'static str, String)> {
        if self.all().is_empty() {
            return None;
        }
        let row = |cell, texts: [&str; 4]| {
            let cells: String = texts.iter().map(|text| html_cells(cell, Align::Left, &[text])).collect();
            format!("<tr>{cells}</tr>")
        };
        let head = row("th", ["layer", "what", "before", "now"]);
        let line = |change: &Change| row("td", [&change.layer.to_string(), &change.entry, &change.before, &change.now]);
        let body: String = self.all().iter().map(line).collect();
        Some(("text/html", format!("<table><thead>{head}</thead><tbody>{body}</tbody></table><p>{UNCHANGED}</p>")))
    }
}

/// The shape of the matrix comes first, then its numbers; of a large matrix only the corners are shown. -0.0 is shown
/// as 0. (`Display` is that of ndarray, which writes every number with all its digits.)
impl Show for ArrayRef<f64, Ix2> {
    fn plain(&self) -> String {
        let rows = cells(self);
        let columns = rows.first().map_or(0, Vec::len);
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
            cells.join("  ")
        };
        let lines: Vec<String> = std::iter::once(shape(self)).chain(rows.iter().map(line)).collect();
        lines.join("\n")
    }

    fn rich(&self) -> Option<(&'static str, String)> {
        let body = cells(self)
            .iter()
            .map(|row| format!("<tr>{}</tr>", html_cells("td", Align::Right, row)))
            .collect::<String>();
        let caption = shape(self);
        Some(("text/html", format!("<table><caption>{caption}</caption><tbody>{body}</tbody></table>")))
    }
}

/// The side at which the text of a table's cell stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// The cells of an HTML table, `th` or `td`. Numbers stand to the right and are not broken into lines, words to the
/// left. The text is escaped.
pub(crate) fn html_cells(cell: &str, align: Align, texts: &[impl AsRef<str>]) -> String {
    let style = if align == Align::Right { "text-align: right; white-space: nowrap" } else { "text-align: left" };
    let html = |text: &str| format!("<{cell} style=\"{style}\">{}</{cell}>", escape(text));
    texts.iter().map(|text| html(text.as_ref())).collect()
}

fn shape(matrix: &ArrayRef<f64, Ix2>) -> String {
    format!("{} × {}", matrix.nrows(), matrix.ncols())
}

/// The texts of a matrix's cells, with "…" in place of what is left out.
fn cells(matrix: &ArrayRef<f64, Ix2>) -> Vec<Vec<String>> {
    let columns = indices_to_show(matrix.ncols(), MOST);
    let text = |row: Option<usize>, column: &Option<usize>| match (row, column) {
        (Some(row), Some(column)) => number(matrix[[row, *column]]),
        _ => "…".to_string(),
    };
    let row = |row: Option<usize>| columns.iter().map(|column| text(row, column)).collect();
    indices_to_show(matrix.nrows(), MOST).into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_large_matrix_shows_its_shape_and_its_corners() {
        let matrix = Array2::from_shape_fn((20, 300), |(i, j)| (i * 1000 + j) as f64);
        let plain = matrix.plain();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0], "20 × 300");
        assert_eq!(lines.len(), 1 + 7);
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "…", "297", "298", "299"]);
        assert_eq!(lines[7].split_whitespace().last(), Some("19299"));
        let (mime, html) = matrix.rich().unwrap();
        assert_eq!(mime, "text/html");
        assert_eq!(html.matches("<td ").count(), 49);
    }

    #[test]
    fn an_empty_matrix_shows_its_shape() {
        assert_eq!(Array2::<f64>::zeros((0, 3)).plain(), "0 × 3");
        assert_eq!(Array2::<f64>::zeros((2, 0)).plain().lines().next(), Some("2 × 0"));
    }
}
