//! How a notebook shows failures: what was expected, what came, and where to look.

use std::fmt::{self, Display};
use std::panic::PanicHookInfo;
use std::path::Path;

use crate::notebook::show::Show;
use crate::support::text::escape;

/// At most this number of characters of a text is shown. The whole text is on stderr.
const LONGEST: usize = 300;

/// Two long texts are shown from this number of characters before their first difference on.
const BEFORE: usize = 30;

/// At most this number of lines of a statement is shown.
const LINES: usize = 6;

/// From now on, a notebook shows the failure of a cell as a table: what was expected, what came, and where to look.
///
/// This is true of panics, and so of failed assertions. For errors that `?` returns, import
/// [`eprintln!`](crate::notebook::eprintln!) as well. The plain text is still written to stderr, where tools look for
/// it, but without the backtrace that evcxr asks for. A cell that does not fail shows nothing.
///
/// ```
/// use zero_init::prelude::*;
///
/// show_failures();
/// let failed = std::panic::catch_unwind(|| assert_eq!(1 + 1, 3, "arithmetic"));
/// assert!(failed.is_err());
/// ```
pub fn show_failures() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let owned = payload.downcast_ref::<String>().map(String::as_str);
        let message = owned.or(payload.downcast_ref::<&str>().copied()).unwrap_or("(no message)");
        let thread = std::thread::current();
        // The message names no line: evcxr makes a file of the cell, and the reader has not seen its lines.
        std::eprintln!("\nthread '{}' panicked at cell:\n{message}", thread.name().unwrap_or("<unnamed>"));
        Failure::of_panic(message, statement(panic)).evcxr_display();
    }));
}

/// Shows an error that stopped a cell. [`eprintln!`](crate::notebook::eprintln!) calls it.
#[doc(hidden)]
pub fn show_error(error: &impl Display) {
    let message = error.to_string();
    std::eprintln!("{message}");
    Failure::of_error(&message).evcxr_display();
}

/// The `eprintln!` for notebooks, which shows an error as [`show_failures`](crate::notebook::show_failures) shows a
/// panic.
///
/// Where `?` returns an error, the code that evcxr generates calls `eprintln!("{}", error)`. This is a call of this
/// macro if the macro is imported by name. With any other arguments it does the same as the standard library's macro.
///
/// ```
/// use zero_init::{notebook::eprintln, prelude::*};
///
/// if let Err(error) = Network::new(&[2, 0, 1], Activation::Relu, Init::Zeros) {
///     eprintln!("{}", error); // a table: expected "at least 1 unit in every layer", came "0 in layer 1"
/// }
/// eprintln!("{} units", 0); // a line on stderr
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __eprintln {
    ("{}", $error:ident) => {
        $crate::notebook::show_error(&$error)
    };
    ($($arguments:tt)*) => {
        ::std::eprintln!($($arguments)*)
    };
}

/// The description of a failure: a heading, a sentence, and rows with a name and a text, which is mostly code.
#[derive(Debug, PartialEq)]
struct Failure {
    heading: &'static str,
    sentence: String,
    rows: Vec<(&'static str, String)>,
}

impl Failure {
    /// Splits the text of a panic into its parts, if it has the form that `assert!`, `assert_eq!` or `assert_ne!`
    /// writes.
    fn of_panic(message: &str, statement: Option<String>) -> Failure {
        let look_at = statement.map(|code| ("look at", code));
        let (heading, sentence, mut rows) = match message.strip_prefix("assertion ") {
            Some(text) => match sides(text) {
                Some((how, left, right)) => {
                    let (expected, came) = differing(right, left);
                    let expected =
                        if text.starts_with("`left != right`") { format!("not {expected}") } else { expected };
                    ("A claim does not hold.", how, vec![("expected (right)", expected), ("came (left)", came)])
                }
                None => {
                    let condition = text.strip_prefix("failed: ").unwrap_or(text);
                    (
                        "A claim does not hold.",
                        "",
                        vec![("expected", excerpt(condition, 0)), ("came", "false".to_string())],
                    )
                }
            },
            None if look_at.as_ref().is_some_and(|(_, code)| code.starts_with("assert")) => {
                ("A claim does not hold.", message, vec![])
            }
            None => ("The cell stopped.", message, vec![]),
        };
        rows.extend(look_at);
        Failure { heading, sentence: sentence.to_string(), rows }
    }

    /// Splits the text of an error into its parts, if it has the form that this crate writes: `argument: expected …,
    /// got …`.
    fn of_error(message: &str) -> Failure {
        let heading = "The cell stopped at an error.";
        let parts = message.split_once(": expected ").and_then(|(argument, rest)| {
            let (expected, came) = rest.split_once(", got ")?;
            Some((argument, expected, came))
        });
        match parts {
            Some((argument, expected, came)) => {
                let rows = [("expected", expected), ("came", came), ("look at", argument)];
                let rows = rows.map(|(name, text)| (name, excerpt(text, 0))).to_vec();
                Failure { heading, sentence: String::new(), rows }
            }
            None => Failure { heading, sentence: message.to_string(), rows: vec![] },
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{} {}", self.heading, self.sentence).trim_end())?;
        self.rows.iter().try_for_each(|(name, text)| write!(f, "\n{name}: {text}"))
    }
}

impl Show for Failure {
    fn rich(&self) -> Option<(&'static str, String)> {
        let row = |(name, text): &(&str, String)| {
            let code = format!("<pre style=\"margin: 0; white-space: pre-wrap\">{}</pre>", escape(text));
            let left = "text-align: left; vertical-align: top";
            format!("<tr><th style=\"{left}; white-space: nowrap\">{name}</th><td style=\"{left}\">{code}</td></tr>")
        };
        let rows: String = self.rows.iter().map(row).collect();
        let table = if rows.is_empty() { rows } else { format!("<table><tbody>{rows}</tbody></table>") };
        // This is one of the colours of the figures. It is easy to see on white and on black.
        let style = "border-left: 4px solid #d55e00; padding-left: 12px";
        let (heading, sentence) = (self.heading, escape(&self.sentence).replace('\n', "<br>"));
        let html =
            format!("<div role=\"alert\" style=\"{style}\"><p><strong>{heading}</strong> {sentence}</p>{table}</div>");
        Some(("text/html", html))
    }
}

/// The message and the two sides of "`left == right` failed: message\n  left: 1\n right: 2".
fn sides(text: &str) -> Option<(&str, &str, &str)> {
    let (how, values) = text.split_once("\n  left: ")?;
    let (left, right) = values.rsplit_once("\n right: ")?;
    Some((how.split_once("failed: ").map_or("", |(_, message)| message), left, right))
}

/// The two texts. If they are long, only the parts around the first difference.
fn differing(one: &str, other: &str) -> (String, String) {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let long = one.chars().count().max(other.chars().count()) > LONGEST;
    let start = if long { same.saturating_sub(BEFORE) } else { 0 };
    (excerpt(one, start), excerpt(other, start))
}

/// The part of the text that begins at character `start`, with "…" in place of what is left out.
fn excerpt(text: &str, start: usize) -> String {
    let mut rest = text.chars().skip(start);
    let part: String = rest.by_ref().take(LONGEST).collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
    format!("{before}{part}{after}")
}

/// The statement that panicked, if it is in the cell, and if the kernel says where it keeps the file of the cell.
fn statement(panic: &PanicHookInfo) -> Option<String> {
    let place = panic.location()?;
    // Cargo names the files of the crate that it builds by a relative path, those of dependencies by an absolute path.
    if Path::new(place.file()).is_absolute() {
        return None;
    }
    let file = Path::new(&std::env::var_os("EVCXR_TMPDIR")?).join("src").join("lib.rs");
    let code = std::fs::read_to_string(file).ok()?;
    statement_at(&code, place.line() as usize)
}

/// The lines of code from the given line (counted from 1) to the line where every bracket is closed.
fn statement_at(code: &str, line: usize) -> Option<String> {
    let mut lines = code.lines().skip(line.checked_sub(1)?);
    let first = lines.next()?;
    let indent = first.len() - first.trim_start().len();
    let mut statement = vec![first.trim()];
    let mut open = opened(first);
    while open > 0 && statement.len() < LINES {
        let Some(line) = lines.next() else { break };
        statement.push(line.get(indent..).unwrap_or(line.trim_start()).trim_end());
        open += opened(line);
    }
    Some(statement.join("\n"))
}

/// The number of brackets that a line opens minus the number that it closes.
fn opened(line: &str) -> isize {
    let (open, closed) = (line.matches(['(', '[', '{']).count(), line.matches([')', ']', '}']).count());
    open as isize - closed as isize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_panic(message: &str, code: &str) -> String {
        Failure::of_panic(message, Some(code.to_string())).plain()
    }

    #[test]
    fn an_equality_says_what_was_expected_what_came_and_where_to_look() {
        let message = "assertion `left == right` failed: why 3\n  left: 1\n right: 2";
        let expected = "A claim does not hold. why 3\nexpected (right): 2\ncame (left): 1\nlook at: assert_eq!(a, b);";
        assert_eq!(of_panic(message, "assert_eq!(a, b);"), expected);
        let message = "assertion `left != right` failed\n  left: 1\n right: 1";
        let expected = "A claim does not hold.\nexpected (right): not 1\ncame (left): 1\nlook at: assert_ne!(a, b);";
        assert_eq!(of_panic(message, "assert_ne!(a, b);"), expected);
    }

    #[test]
    fn a_condition_is_what_was_expected() {
        let expected = "A claim does not hold.\nexpected: a < b\ncame: false\nlook at: assert!(a < b);";
        assert_eq!(of_panic("assertion failed: a < b", "assert!(a < b);"), expected);
        let expected = "A claim does not hold. a is large\nlook at: assert!(a < b, \"a is large\");";
        assert_eq!(of_panic("a is large", "assert!(a < b, \"a is large\");"), expected);
        assert_eq!(of_panic("index 9", "v[9]"), "The cell stopped. index 9\nlook at: v[9]");
        assert_eq!(Failure::of_panic("index 9", None).plain(), "The cell stopped. index 9");
    }

    #[test]
    fn an_error_names_its_argument() {
        let error = crate::Network::new(&[2, 0, 1], crate::Activation::Relu, crate::Init::Zeros).unwrap_err();
        let expected = "The cell stopped at an error.\nexpected: at least 1 unit in every layer\ncame: 0 in layer 1\n\
                        look at: sizes";
        assert_eq!(Failure::of_error(&error.to_string()).plain(), expected);
        assert_eq!(Failure::of_error("no number").plain(), "The cell stopped at an error. no number");
    }

    #[test]
    fn long_values_are_shown_around_their_first_difference() {
        let (one, other) = ("ä".repeat(5000), "ä".repeat(4000) + "b");
        let (expected, came) = differing(&one, &other);
        assert_eq!(came, format!("…{}b", "ä".repeat(BEFORE)));
        assert_eq!(expected, format!("…{}…", "ä".repeat(LONGEST)));
    }

    #[test]
    fn text_is_escaped() {
        let (mime, html) = Failure::of_error("<script>: expected <b>, got &").rich().unwrap();
        assert_eq!(mime, "text/html");
        assert!(!html.contains("<script>") && html.contains("&lt;b&gt;") && html.contains("&amp;"));
    }

    #[test]
    fn a_statement_ends_where_its_brackets_do() {
        let code = "let a = 1;\n    assert_eq!(\n        a,\n        2\n    );\nassert!(a == 2)\n)));";
        assert_eq!(statement_at(code, 2).unwrap(), "assert_eq!(\n    a,\n    2\n);");
        assert_eq!(statement_at(code, 6).unwrap(), "assert!(a == 2)");
        assert_eq!(statement_at(code, 8), None);
        assert_eq!(statement_at(code, 0), None);
    }
}
