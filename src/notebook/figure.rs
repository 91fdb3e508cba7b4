//! Figures: SVG drawings in a common style, with a title and a text that says what they show.
//!
//! The colours are those of Okabe and Ito, which colour-blind readers can distinguish, in an order that keeps them
//! distinct in grey as well. Lines also differ in their dashes, points in their shapes. The background is white: JupyterLab as
//! it is set up here, and the pages, exchange light and dark in a dark theme.

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
mod path;
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
pub use path::path;
pub use signal::{Place, signal, signal_with_places};
pub use spread::spread;

/// The width and height of most figures, in pixels.
const SIZE: (u32, u32) = (640, 420);

/// The width of the panel to the right of the axes that holds a legend or a colour bar.
const PANEL: i32 = 186;

/// The colours of Okabe & Ito (2008), and some shades of grey.
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

/// The largest absolute value that a figure can draw. Larger numbers would make the axes overflow.
const LARGEST: f64 = 1e100;

/// The width of a character of text and of a title, in pixels: an upper bound of the average in common fonts.
const CHARACTER: u32 = 8;
const TITLE_CHARACTER: u32 = 10;

/// The styles of the first, second, … series in a figure.
const SERIES_STYLES: [SeriesStyle; 6] = [
    SeriesStyle { color: BLUE, dash: None, shape: Shape::Disc(4) },
    SeriesStyle { color: ORANGE, dash: Some((10, 4)), shape: Shape::Triangle },
    SeriesStyle { color: INK, dash: Some((2, 4)), shape: Shape::Cross },
    SeriesStyle { color: VERMILION, dash: Some((6, 4)), shape: Shape::Ring(4) },
    SeriesStyle { color: SKY, dash: Some((16, 5)), shape: Shape::Disc(2) },
    SeriesStyle { color: GREEN, dash: Some((4, 8)), shape: Shape::Ring(6) },
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A drawing: an SVG, and a text that says what it shows.
///
/// ```
/// use zero_init::prelude::*;
///
/// let figure = figure::losses()?;
/// assert!(figure.svg().starts_with("<svg"));
/// assert!(figure.text().contains("ln 2"));
/// assert!(figure.save("no/such/folder/losses.svg").is_err());
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

/// An SVG document of these elements. A screen reader reads its title and text aloud, and a browser shows the title
/// where the pointer rests.
fn document(title: &str, text: &str, (width, height): (u32, u32), elements: &str) -> String {
    let (title, text) = (escape(title), escape(text));
    let mut svg = format!(
        "<svg role=\"img\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{title}</title>\n<desc>{text}</desc>\n{elements}</svg>\n"
    );
    // Titles and names come from the caller, and XML forbids control characters even where they are escaped.
    svg.retain(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')));
    svg
}

impl Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Figure: {}", self.text)
    }
}

/// Writes only the text, because the SVG is long and hard to read.
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

/// Whether a number can be drawn: it is not NaN and not so large that the axes would overflow.
fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

fn drawing(error: impl Display) -> Error {
    Error::Figure { cause: error.to_string() }
}

fn text_style(color: RGBColor) -> TextStyle<'static> {
    (FONT, TEXT_SIZE).into_font().color(&color)
}

/// A text whose vertical middle is at the given place, in any coordinates.
fn text_at<C>(text: impl Into<String>, place: C, side: HPos, color: RGBColor) -> Text<'static, C, String> {
    Text::new(text.into(), place, text_style(color).pos(Pos::new(side, VPos::Center)))
}

/// The text if it fits, otherwise its beginning.
fn shortened(text: &str, characters: u32) -> String {
    let characters = characters as usize;
    if text.chars().count() <= characters {
        text.to_string()
    } else {
        text.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
    }
}

/// The mixture of two colours: `from` for a share of 0, `to` for a share of 1.
fn blend(from: RGBColor, to: RGBColor, share: f64) -> RGBColor {
    let channel = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    RGBColor(channel(from.0, to.0), channel(from.1, to.1), channel(from.2, to.2))
}

/// The smallest and the largest of some numbers.
fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// The range with some room at both ends. The range of a single value gets relatively more room.
fn padded((low, high): (f64, f64)) -> std::ops::Range<f64> {
    let size = low.abs().max(high.abs());
    let span = (high - low).max(1e-6 * size);
    let room = if span >= f64::MIN_POSITIVE { 0.08 * span } else { 1.0 };
    low - room..high + room
}

/// How a series is drawn, so that it differs from the others in colour, in grey and in shape.
struct SeriesStyle {
    color: RGBColor,
    /// The lengths of a dash and of the gap after it, in pixels.
    dash: Option<(u32, u32)>,
    shape: Shape,
}

/// The shape of a mark. The numbers are radii in pixels.
#[derive(Clone, Copy)]
enum Shape {
    Disc(i32),
    Ring(i32),
    Triangle,
    Cross,
}

impl SeriesStyle {
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

/// The styles for this number of series. Errors if there is no series, or if there are more series than styles.
fn series_styles(argument: &'static str, count: usize) -> Result<&'static [SeriesStyle]> {
    if (1..=SERIES_STYLES.len()).contains(&count) {
        Ok(&SERIES_STYLES[..count])
    } else {
        Err(Error::shape(argument, format!("1 to {} of them", SERIES_STYLES.len()), count.to_string()))
    }
}

/// Draws the line and the mark of every series, each with two lines of text, from the top of a panel down.
fn legend(panel: &Area, entries: impl IntoIterator<Item = (&'static SeriesStyle, [String; 2])>) -> Result<()> {
    for ((style, texts), top) in entries.into_iter().zip((24..).step_by(46)) {
        panel.draw(&style.line(vec![(6, top), (36, top)])).map_err(drawing)?;
        panel.draw(&style.mark((21, top))).map_err(drawing)?;
        for (text, y) in texts.iter().zip([top, top + 17]) {
            let text = shortened(text, (PANEL - 44) as u32 / CHARACTER);
            panel.draw(&text_at(text, (44, y), HPos::Left, INK)).map_err(drawing)?;
        }
    }
    Ok(())
}

/// Draws a vertical bar of the colours from share 0 (bottom) to share 1 (top), with a heading and labels at some
/// shares.
fn color_bar(
    panel: &Area,
    heading: &str,
    color: impl Fn(f64) -> RGBColor,
    labels: impl IntoIterator<Item = (f64, String)>,
) -> Result<()> {
    const STEPS: i32 = 40;
    let (left, right, top, step) = (12, 30, 44, 4);
    let bottom = top + STEPS * step;
    panel.draw(&text_at(heading, (left, 22), HPos::Left, INK)).map_err(drawing)?;
    for index in 0..STEPS {
        let corners = [(left, bottom - index * step), (right, bottom - (index + 1) * step)];
        let share = (f64::from(index) + 0.5) / f64::from(STEPS);
        panel.draw(&Rectangle::new(corners, color(share).filled())).map_err(drawing)?;
    }
    panel.draw(&Rectangle::new([(left, top), (right, bottom)], INK)).map_err(drawing)?;
    for (share, text) in labels {
        let y = bottom - (share * f64::from(bottom - top)).round() as i32;
        panel.draw(&PathElement::new([(right, y), (right + 5, y)], INK)).map_err(drawing)?;
        panel.draw(&text_at(text, (right + 10, y), HPos::Left, INK)).map_err(drawing)?;
    }
    Ok(())
}

/// One axis: its label, its range and its ticks. On a log axis, range and ticks are decimal logarithms.
struct Axis<'a> {
    label: &'a str,
    range: Range<f64>,
    ticks: Vec<f64>,
    log: bool,
}

impl<'a> Axis<'a> {
    /// An axis over this range, with ticks at about six round numbers.
    fn linear(label: &'a str, range: Range<f64>) -> Self {
        let rough = (range.end - range.start) / 6.0;
        let power = pow(10.0, log10(rough).floor());
        let step = [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|&step| step >= rough).unwrap_or(10.0 * power);
        let (first, last) = ((range.start / step).ceil() as i64, (range.end / step).floor() as i64);
        Axis { label, range, ticks: (first..=last).map(|i| i as f64 * step).collect(), log: false }
    }

    /// A log axis from the last tick below `low` to the first tick above `high`; both must be positive.
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

/// The coordinates of a plot with two axes. Nothing is drawn.
fn coordinates<'a, 'b, 'c>(area: &'a Area<'b>, x: Axis<'c>, y: Axis<'c>) -> Result<Chart<'a, 'b, 'c>> {
    ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)
        .map_err(drawing)
}

/// Draws two axes and their grid, and returns the coordinates of the plot.
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
