use std::fmt;

use plotters::style::RGBColor;

use super::{Figure, SeriesStyle, document};
use crate::notebook::show::Show;
use crate::support::error::{Error, Result};
use crate::support::text::escape;

/// The largest number of frames. More of them would make a page slow and a notebook large.
const MOST_FRAMES: usize = 120;

/// The script that puts controls under the picture, where the browser runs scripts.
const SCRIPT: &str = include_str!("film.js");

/// A figure that the reader can move with a slider over the steps. If there are several starts, the reader chooses one.
///
/// In a notebook it is HTML and SVG with a short script, which needs no server. Where no scripts run, or on paper, it
/// is a picture of one step: the last step of the start that ends with the lowest cost.
///
/// ```
/// use zero_init::prelude::*;
///
/// let data = circles_train();
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 3 })?;
/// let history = Training::new(0.1, 100).record_snapshots(Steps::Every(50)).run(&mut network, &data)?;
/// let film = figure::boundary_film(&history, &data)?;
/// assert_eq!(film.frames(), 3);
/// assert_eq!(film.still().svg().matches("data-step").count(), 3);
/// assert!(film.rich().is_some_and(|(mime, html)| mime == "text/html" && html.contains("<script>")));
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Film {
    still: Figure,
    frames: usize,
}

/// One state of a film.
pub(super) struct Frame {
    pub start: String,
    pub step: usize,
    /// What the frame shows, in words.
    pub text: String,
    pub cost: f64,
    /// The drawing of the frame, as SVG elements.
    pub elements: String,
}

/// The parts of a film, as SVG elements. They are drawn in this order, later ones over earlier ones.
pub(super) struct Parts<'a> {
    pub title: &'a str,
    pub size: (u32, u32),
    pub frames: Vec<Frame>,
    /// The name of every start, and what is visible at all of its steps.
    pub starts: Vec<(String, String)>,
    /// What is always visible.
    pub always: String,
}

impl Film {
    pub(super) fn new(parts: Parts) -> Result<Film> {
        let Parts { title, size, frames, starts, always } = parts;
        if !(1..=MOST_FRAMES).contains(&frames.len()) {
            let expected = format!("1 to {MOST_FRAMES} networks in all (Training::record_snapshots)");
            return Err(Error::shape("history", expected, frames.len().to_string()));
        }
        // Of the last frames of all starts, the one with the lowest cost is visible at first.
        let last = |frame: &Frame| frames.iter().rev().find(|other| other.start == frame.start).map(|last| last.step);
        let ends = frames.iter().filter(|frame| last(frame) == Some(frame.step));
        let visible = ends.min_by(|a, b| a.cost.total_cmp(&b.cost)).unwrap_or(&frames[0]);

        let group = |is_visible: bool, data: String, elements: &str| {
            let display = if is_visible { "inline" } else { "none" };
            format!("<g display=\"{display}\" {data}>\n{elements}</g>\n")
        };
        let start = |start: &str| format!("data-start=\"{}\"", escape(start));
        let mut drawn = format!("<rect width=\"{}\" height=\"{}\" fill=\"#FFFFFF\"/>\n", size.0, size.1);
        for frame in &frames {
            let data =
                format!("{} data-step=\"{}\" data-text=\"{}\"", start(&frame.start), frame.step, escape(&frame.text));
            drawn += &group(std::ptr::eq(frame, visible), data, &frame.elements);
        }
        for (name, elements) in &starts {
            drawn += &group(*name == visible.start, start(name), elements);
        }
        drawn += &always;
        let text = format!("{title}. {} {} in all.", visible.text, count(frames.len(), "picture"));
        Ok(Film { still: Figure { svg: document(title, &text, size, &drawn), text }, frames: frames.len() })
    }

    /// The picture that is visible where no scripts run. Its SVG also holds the other steps, which are hidden.
    pub fn still(&self) -> &Figure {
        &self.still
    }

    /// The number of steps that it shows, for all starts together.
    pub fn frames(&self) -> usize {
        self.frames
    }
}

impl fmt::Display for Film {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.still)
    }
}

/// Writes only the text, because the SVG is long and hard to read.
impl fmt::Debug for Film {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Show for Film {
    /// The picture as an image, which is safe to show everywhere, and the script that adds the controls to it.
    fn rich(&self) -> Option<(&'static str, String)> {
        let (data, text) = (base64(self.still.svg.as_bytes()), escape(&self.still.text));
        let image = format!(
            "<img class=\"zero-init-film\" style=\"max-width: 100%; height: auto\" alt=\"{text}\" \
             src=\"data:image/svg+xml;base64,{data}\">"
        );
        Some(("text/html", format!("{image}\n<script>\n{SCRIPT}</script>")))
    }
}

/// A line through points, in pixels. It is a single element, even if it is dashed.
pub(super) fn polyline(style: &SeriesStyle, points: impl IntoIterator<Item = (i32, i32)>) -> String {
    let dashes = style.dash.map(|(dash, gap)| format!(" stroke-dasharray=\"{dash} {gap}\"")).unwrap_or_default();
    let points: Vec<String> = points.into_iter().map(|(x, y)| format!("{x},{y}")).collect();
    let (color, points) = (hexadecimal(style.color), points.join(" "));
    format!("<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"{dashes} points=\"{points}\"/>\n")
}

/// A colour in the notation of SVG.
pub(super) fn hexadecimal(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// The bytes in base 64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, index| bits << 8 | usize::from(chunk.get(index).copied().unwrap_or(0)));
        for digit in 0..4 {
            let is_digit = digit <= chunk.len();
            text.push(if is_digit { char::from(DIGITS[bits >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4648, section 10.
    #[test]
    fn bytes_in_base_64() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(texts.map(|text| base64(text.as_bytes())), expected);
    }
}
