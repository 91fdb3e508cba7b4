//! This crate is for assignments: it has checks that say what they expected, and calls of functions in another process.
//!
//! A grader must not trust a process in which a student's code runs: that code can suppress output, print, exit or
//! read, just as the checks can. So a check runs in a process of its own. Where it calls the student's function, a
//! stand-in ([`ask!`]) sends the arguments to the process that has the function ([`answer!`]) and returns what that
//! process sent back. So a student's code can influence a check only by the values that it returns.
//!
//! In the student's process:
//!
//! ```no_run
//! fn twice(x: f64) -> f64 {
//!     2.0 * x
//! }
//! exercise::answer!("/path/of/a.socket", fn twice(x: f64) -> f64);
//! ```
//!
//! In the grader's process:
//!
//! ```no_run
//! exercise::ask!(fn twice(x: f64) -> f64);
//!
//! fn check() -> exercise::Outcome {
//!     exercise::number("twice(3)", twice(3.0), 6.0)?;
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     exercise::judge(&[("twice", check)])
//! }
//! ```

use std::fmt::{self, Debug};

use ndarray::Array2;

#[cfg(unix)]
mod call;
#[cfg(feature = "zero-init")]
mod networks;
mod value;

#[cfg(unix)]
pub use call::{Check, Outcome, judge, secret};
#[cfg(unix)]
#[doc(hidden)]
pub use call::{ask, hidden, serve};
pub use value::{Argument, Reader, Value};

/// How far a result may be from the expected one, relative to the larger of 1 and the expected number.
const TOLERANCE: f64 = 1e-9;

/// The error of a check that is not passed: a sentence that tells the student why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    sentence: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Error {}

fn fail(sentence: String) -> Result<(), Error> {
    Err(Error { sentence })
}

/// Whether a result is close enough to the expected one. NaN never is, and infinity only if it is expected.
fn close(got: f64, expected: f64) -> bool {
    got == expected || expected.is_finite() && (got - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

/// A number with all its digits: `0.1`, `25`, `1e-17`.
fn written(number: f64) -> String {
    format!("{number:?}").trim_end_matches(".0").to_owned()
}

/// Checks that a number is the expected one, to 9 digits.
///
/// Errors if it is not; the message has both numbers.
///
/// ```
/// use ndarray::array;
///
/// let wrong = exercise::number("the loss", 0.301, 0.6931).unwrap_err();
/// assert_eq!(wrong.to_string(), "the loss: expected 0.6931, got 0.301");
/// let wrong = exercise::matrix("dW", &array![[0.5, 1.0]], &array![[0.5, 0.0]]).unwrap_err();
/// assert_eq!(wrong.to_string(), "dW[0, 1]: expected 0, got 1");
/// let wrong = exercise::equal("the number of units", 3, 10).unwrap_err();
/// assert_eq!(wrong.to_string(), "the number of units: expected 10, got 3");
/// let wrong = exercise::holds(1.0 < 0.5, "the cost should be below 0.5").unwrap_err();
/// assert_eq!(wrong.to_string(), "the cost should be below 0.5");
/// ```
pub fn number(what: &str, got: f64, expected: f64) -> Result<(), Error> {
    if close(got, expected) {
        return Ok(());
    }
    fail(format!("{what}: expected {}, got {}", written(expected), written(got)))
}

/// Checks that a matrix has the expected shape, and that its numbers are the expected ones, to 9 digits.
///
/// Errors if it is not so; the message has both shapes, or the first entry that differs.
pub fn matrix(what: &str, got: &Array2<f64>, expected: &Array2<f64>) -> Result<(), Error> {
    if got.dim() != expected.dim() {
        let ((rows, columns), (wanted_rows, wanted_columns)) = (got.dim(), expected.dim());
        return fail(format!("{what}: expected a matrix of {wanted_rows} × {wanted_columns}, got {rows} × {columns}"));
    }
    for (((row, column), &got), &expected) in got.indexed_iter().zip(expected) {
        number(&format!("{what}[{row}, {column}]"), got, expected)?;
    }
    Ok(())
}

/// Checks that two values are equal.
///
/// Errors if they are not; the message has both values.
pub fn equal<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Result<(), Error> {
    if got == expected { Ok(()) } else { fail(format!("{what}: expected {expected:?}, got {got:?}")) }
}

/// Checks that something holds.
///
/// Errors if it does not; the message is the sentence, which says what should hold.
pub fn holds(condition: bool, sentence: &str) -> Result<(), Error> {
    if condition { Ok(()) } else { fail(sentence.to_owned()) }
}
