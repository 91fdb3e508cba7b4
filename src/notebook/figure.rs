//! Figures: SVG drawings with one look, a title and a text that says what they show.
//!
//! The colours are those of Okabe and Ito, which the colour-blind can tell apart, in an order that differs in grey as
//! well; lines also differ in their dashes, points in their shapes. The background is white, in a dark theme too.

mod boundary_film;
mod compare_starts;
mod cost_curves;
mod decision_boundary;
mod film;
mod heat_map;
mod lines;
mod log_log;
mod losses;
mod norm_map;
mod signal;
mod spread;

use std::fmt::{self, Display};
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, KeyPointWeight, NoDefaultFormatting, ValueFormatter};
use plotters::element::{DashedPathElement, DynElement, IntoDynElement};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::notebook::show::Show;
use crate::support::elementary::{log10, pow};
use crate::support::error::{Error, Result};
use crate::support::text::{escape, number};

pub use boundary_film::boundary_film;
pub use compare_starts::compare_starts;
pub use cost_curves::cost_curves;
pub use decision_boundary::decision_boundary;
pub use film::Film;
pub use heat_map::heat_map;
pub use lines::lines;
pub use log_log::{fitted_slope, log_log};
pub use losses::losses;
pub use norm_map::norm_map;
pub use signal::signal;
pub use spread::spread;

/// Width and height of a single figure, in pixels.
const SIZE: (u32, u32) = (640, 420);

/// Width of the panel to the right of the axes that holds a legend or a colour bar.
const PANEL: i32 = 186;

/// Okabe & Ito's colours (2008), by what they are for here.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const SKY: RGBColor = RGBColor(86, 180, 233);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const INK: RGBColor = RGBColor(30, 30, 30);
const GREY: RGBColor = RGBColor(165, 165, 165);
const PALE: RGBColor = RGBColor(225, 225, 225);

const FONT: &str = "sans-serif";
const TITLE_SIZE: u32 = 19;
const TEXT_SIZE: u32 = 15;

/// Of numbers beyond this size, the axes would overflow.
const LARGEST: f64 = 1e100;

/// Width of a character of text and of a title, in pixels: an upper bound of the average of common fonts.
const CHARACTER: u32 = 8;
const TITLE_CHARACTER: u32 = 10;

/// How each of several series looks.
const LOOKS: [Look; 6] = [
    Look { color: BLUE, dash: None, shape: Shape::Disc(4) },
    Look { color: ORANGE, dash: Some((10, 4)), shape: Shape::Triangle },
    Look { color: INK, dash: Some((2, 4)), shape: Shape::Cross },
    Look { color: VERMILION, dash: Some((6, 4)), shape: Shape::Ring(4) },
    Look { color: SKY, dash: Some((16, 5)), shape: Shape::Disc(2) },
    Look { color: GREEN, dash: Some((4, 8)), shape: Shape::Ring(6) },
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A drawing: SVG, and a text alternative that says what it shows.
///
/// ```
/// use zero_init::prelude::*;
///
/// let figure = figure::losses()?;
/// assert!(figure.svg().starts_with("<svg"));
/// assert!(figure.text().contains("ln 2"));
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Figure {
    svg: String,
    text: String,
}

impl Figure {
    /// Draws on a white area of the given size, in pixels, below the title.
    fn draw(
        title: &str,
        text: impl Into<String>,
        size: (u32, u32),
        draw: impl FnOnce(&Area) -> Result<()>,
    ) -> Result<Figure> {
        let text = text.into();
        let title = &shortened(title, size.0 / TITLE_CHARACTER);
        let elements = elements(size, |root| {
            root.fill(&WHITE).map_err(drawing)?;
            draw(&root.titled(title, (FONT, TITLE_SIZE).into_font().color(&INK)).map_err(drawing)?)
        })?;
        Ok(Figure { svg: document(title, &text, size, &elements), text })
    }

    /// The drawing as SVG.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// What the drawing shows, in words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes the drawing to a file, which should end in `.svg`. Errors if the file cannot be written.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let path = std::env::temp_dir().join("zero-init-losses.svg");
    /// figure::losses()?.save(&path)?;
    /// # std::fs::remove_file(path).ok();
    /// assert!(figure::losses()?.save("no/such/folder/losses.svg").is_err());
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        std::fs::write(path, &self.svg)
            .map_err(|e| Error::File { path: path.display().to_string(), cause: e.to_string() })
    }
}

/// What is drawn on an area of the given size, in pixels, as SVG elements.
fn elements(size: (u32, u32), draw: impl FnOnce(&Area) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&root)?;
        root.present().map_err(drawing)?;
    }
    let (_, inside) = svg.split_once(">\n").unwrap_or_default();
    Ok(inside.trim_end().trim_end_matches("</svg>").to_string())
}

/// An SVG document of these elements, with what a screen reader says, and what a browser shows where the pointer rests.
fn document(title: &str, text: &str, (width, height): (u32, u32), elements: &str) -> String {
    let (title, text) = (escape(title), escape(text));
    let mut svg = format!(
        "<svg role=\"img\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{title}</title>\n<desc>{text}</desc>\n{elements}</svg>\n"
    );
    // Titles and names are the caller's: XML forbids control characters even where they are escaped.
    svg.retain(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')));
    svg
}

impl Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Figure: {}", self.text)
    }
}

/// The text, since the SVG is long and hard to read.
impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Show for Figure {
    fn rich(&self) -> Option<(&'static str, String)> {
        Some(("image/svg+xml", self.svg.clone()))
    }
}

/// Neither NaN nor so large that the axes would overflow.
fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

fn drawing(error: impl Display) -> Error {
    Error::Figure { cause: error.to_string() }
}

fn text_style(color: RGBColor) -> TextStyle<'static> {
    (FONT, TEXT_SIZE).into_font().color(&color)
}

/// Text at a place of any coordinates, its vertical middle there.
fn note<C>(text: impl Into<String>, place: C, side: HPos, color: RGBColor) -> Text<'static, C, String> {
    Text::new(text.into(), place, text_style(color).pos(Pos::new(side, VPos::Center)))
}

/// The text, or the beginning of it that fits.
fn shortened(text: &str, characters: u32) -> String {
    let characters = characters as usize;
    if text.chars().count() <= characters {
        text.to_string()
    } else {
        text.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
    }
}

/// The colour on the way between two.
fn blend(from: RGBColor, to: RGBColor, share: f64) -> RGBColor {
    let channel = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    RGBColor(channel(from.0, to.0), channel(from.1, to.1), channel(from.2, to.2))
}

/// The smallest and the largest of some numbers.
fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// The range with some room around; of a single value with more.
fn padded((low, high): (f64, f64)) -> std::ops::Range<f64> {
    let size = low.abs().max(high.abs());
    let span = (high - low).max(1e-6 * size);
    let room = if span > 0.0 { 0.08 * span } else { 1.0 };
    low - room..high + room
}

/// What tells one of several series from the others, in colour, in grey and in shape.
struct Look {
    color: RGBColor,
    /// The lengths of a dash and of the gap after it, in pixels.
    dash: Option<(u32, u32)>,
    shape: Shape,
}

/// Of a disc and a ring the radius, in pixels.
#[derive(Clone, Copy)]
enum Shape {
    Disc(i32),
    Ring(i32),
    Triangle,
    Cross,
}

impl Look {
    fn line<'a, C: Clone + 'static>(&self, points: Vec<C>) -> DynElement<'static, SVGBackend<'a>, C> {
        let style = self.color.stroke_width(2);
        match self.dash {
            None => PathElement::new(points, style).into_dyn(),
            Some((dash, gap)) => DashedPathElement::new(points, dash, gap, style).into_dyn(),
        }
    }

    fn mark<'a, C: Clone + 'static>(&self, place: C) -> DynElement<'static, SVGBackend<'a>, C> {
        let color = self.color;
        match self.shape {
            Shape::Disc(radius) => Circle::new(place, radius, color.filled()).into_dyn(),
            Shape::Ring(radius) => Circle::new(place, radius, color.stroke_width(2)).into_dyn(),
            Shape::Triangle => TriangleMarker::new(place, 6, color.filled()).into_dyn(),
            Shape::Cross => Cross::new(place, 4, color.stroke_width(2)).into_dyn(),
        }
    }
}

/// The looks of so many series. Errors if there is none, or if there are more than looks.
fn looks(argument: &'static str, count: usize) -> Result<&'static [Look]> {
    if (1..=LOOKS.len()).contains(&count) {
        Ok(&LOOKS[..count])
    } else {
        Err(Error::shape(argument, format!("1 to {} of them", LOOKS.len()), count.to_string()))
    }
}

/// Line and mark of every series, each with two lines of text, from the top of a panel.
fn legend(panel: &Area, entries: impl IntoIterator<Item = (&'static Look, [String; 2])>) -> Result<()> {
    for ((look, texts), top) in entries.into_iter().zip((24..).step_by(46)) {
        panel.draw(&look.line(vec![(6, top), (36, top)])).map_err(drawing)?;
        panel.draw(&look.mark((21, top))).map_err(drawing)?;
        for (text, y) in texts.iter().zip([top, top + 17]) {
            let text = shortened(text, (PANEL - 44) as u32 / CHARACTER);
            panel.draw(&note(text, (44, y), HPos::Left, INK)).map_err(drawing)?;
        }
    }
    Ok(())
}

/// A vertical bar of the colours from share 0 (bottom) to 1 (top), with a text at some shares and a heading.
fn color_bar(
    panel: &Area,
    heading: &str,
    color: impl Fn(f64) -> RGBColor,
    labels: impl IntoIterator<Item = (f64, String)>,
) -> Result<()> {
    const STEPS: i32 = 40;
    let (left, right, top, step) = (12, 30, 44, 4);
    let bottom = top + STEPS * step;
    panel.draw(&note(heading, (left, 22), HPos::Left, INK)).map_err(drawing)?;
    for index in 0..STEPS {
        let corners = [(left, bottom - index * step), (right, bottom - (index + 1) * step)];
        let share = (f64::from(index) + 0.5) / f64::from(STEPS);
        panel.draw(&Rectangle::new(corners, color(share).filled())).map_err(drawing)?;
    }
    panel.draw(&Rectangle::new([(left, top), (right, bottom)], INK)).map_err(drawing)?;
    for (share, text) in labels {
        let y = bottom - (share * f64::from(bottom - top)).round() as i32;
        panel.draw(&PathElement::new([(right, y), (right + 5, y)], INK)).map_err(drawing)?;
        panel.draw(&note(text, (right + 10, y), HPos::Left, INK)).map_err(drawing)?;
    }
    Ok(())
}

/// One axis: what it says, how far it goes, where it is marked; on a log axis all in powers of 10.
struct Axis<'a> {
    label: &'a str,
    range: Range<f64>,
    ticks: Vec<f64>,
    log: bool,
}

impl<'a> Axis<'a> {
    /// An axis over these numbers, marked at about six round ones.
    fn linear(label: &'a str, range: Range<f64>) -> Self {
        let rough = (range.end - range.start) / 6.0;
        let power = pow(10.0, log10(rough).floor());
        let step = [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|&step| step >= rough).unwrap_or(10.0 * power);
        let (first, last) = ((range.start / step).ceil() as i64, (range.end / step).floor() as i64);
        Axis { label, range, ticks: (first..=last).map(|i| i as f64 * step).collect(), log: false }
    }

    /// A log axis from the mark below `low` to the mark above `high`, two positive numbers.
    fn log(label: &'a str, (low, high): (f64, f64)) -> Self {
        let (low, high) = (log10(low), log10(high));
        let every = ((high - low) / 7.0).ceil().max(1.0) as i32;
        let decades = (low.floor() as i32 - every)..=(high.ceil() as i32 + every);
        let within: &[f64] = match high - low {
            narrow if narrow < 0.5 => &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            middling if middling < 2.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let marks = decades.filter(|decade| decade % every == 0);
        let marks: Vec<f64> = marks.flat_map(|k| within.iter().map(move |&m| f64::from(k) + log10(m))).collect();
        let start = marks.iter().copied().filter(|&mark| mark < low).fold(marks[0], f64::max);
        let end = marks.iter().copied().filter(|&mark| mark > high).fold(marks[marks.len() - 1], f64::min);
        let ticks = marks.into_iter().filter(|mark| (start..=end).contains(mark)).collect();
        Axis { label, range: start..end, ticks, log: true }
    }
}

impl Ranged for Axis<'_> {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        pixels.0 + (f64::from(pixels.1 - pixels.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if matches!(hint.weight(), KeyPointWeight::Bold) { self.ticks.clone() } else { Vec::new() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis<'_> {
    fn format_ext(&self, value: &f64) -> String {
        number(if self.log { pow(10.0, *value) } else { *value })
    }
}

type Chart<'a, 'b, 'c> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis<'c>, Axis<'c>>>;

/// Two axes that are not drawn.
fn coordinates<'a, 'b, 'c>(area: &'a Area<'b>, x: Axis<'c>, y: Axis<'c>) -> Result<Chart<'a, 'b, 'c>> {
    ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)
        .map_err(drawing)
}

/// Draws two axes and their grid.
fn axes<'a, 'b, 'c>(area: &'a Area<'b>, x: Axis<'c>, y: Axis<'c>) -> Result<Chart<'a, 'b, 'c>> {
    let (x_label, y_label) = (shortened(x.label, 50), shortened(y.label, 40));
    let mut chart = coordinates(area, x, y)?;
    chart
        .configure_mesh()
        .x_desc(x_label)
        .y_desc(y_label)
        .label_style(text_style(INK))
        .bold_line_style(PALE)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .draw()
        .map_err(drawing)?;
    Ok(chart)
}
