//! Figures: SVG drawings with one look, a title and a text that says what they show.
//!
//! The colours are those of Okabe and Ito, which the colour-blind can tell apart, in an order that differs in grey as
//! well; lines also differ in their dashes, points in their shapes. The background is white, in a dark theme too.

mod losses;

use std::fmt::Display;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::{Error, Result};
use crate::show::{Show, escape};

pub use losses::losses;

/// Width and height of a single figure, in pixels.
const SIZE: (u32, u32) = (640, 420);

/// Okabe & Ito's colours (2008), by what they are for here.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const INK: RGBColor = RGBColor(30, 30, 30);
const PALE: RGBColor = RGBColor(225, 225, 225);

const FONT: &str = "sans-serif";
const TITLE_SIZE: u32 = 18;
const TEXT_SIZE: u32 = 14;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A drawing: SVG, and a text alternative that says what it shows.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let figure = figure::losses()?;
/// assert!(figure.svg().starts_with("<svg"));
/// assert!(figure.text().contains("ln 2"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
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
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            root.fill(&WHITE).map_err(drawing)?;
            let style = (FONT, TITLE_SIZE).into_font().color(&INK);
            let below = root.titled(title, style).map_err(drawing)?;
            draw(&below)?;
            root.present().map_err(drawing)?;
        }
        // What a screen reader says, and what a browser shows where the pointer rests.
        let (title, description) = (escape(title), escape(&text));
        let svg = svg.replacen("<svg ", "<svg role=\"img\" ", 1).replacen(
            ">\n",
            &format!(">\n<title>{title}</title>\n<desc>{description}</desc>\n"),
            1,
        );
        Ok(Figure { svg, text })
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
    /// # fn main() -> zero_init::Result<()> {
    /// let path = std::env::temp_dir().join("zero-init-losses.svg");
    /// figure::losses()?.save(&path)?;
    /// # std::fs::remove_file(path).ok();
    /// assert!(figure::losses()?.save("no/such/folder/losses.svg").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        std::fs::write(path, &self.svg)
            .map_err(|e| Error::File { path: path.display().to_string(), cause: e.to_string() })
    }
}

impl Show for Figure {
    fn plain(&self) -> String {
        format!("Figure: {}", self.text)
    }

    fn rich(&self) -> Option<(&'static str, String)> {
        Some(("image/svg+xml", self.svg.clone()))
    }
}

fn drawing(error: impl Display) -> Error {
    Error::Figure { cause: error.to_string() }
}

fn text_style(color: RGBColor) -> TextStyle<'static> {
    (FONT, TEXT_SIZE).into_font().color(&color)
}
