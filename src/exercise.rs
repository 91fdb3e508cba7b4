//! For assignments: checks that say what they expected, and functions that are called in another process.
//!
//! A grader must not believe a process in which a student's code runs: that code can silence, print, exit or read
//! whatever the checks can. So a check is run in a process of its own. Where it calls the student's function, a stand-in
//! ([`ask!`](crate::ask)) sends the arguments to the process that has the function ([`answer!`](crate::answer)) and
//! hands back what that process returned. All that a student's code can do to a check is to return a value.
//!
//! ```no_run
//! // In the student's process:
//! fn twice(x: f64) -> f64 {
//!     2.0 * x
//! }
//! zero_init::answer!("/path/of/a.socket", fn twice(x: f64) -> f64);
//! ```
//!
//! ```no_run
//! // In the grader's:
//! use zero_init::exercise;
//!
//! zero_init::ask!(fn twice(x: f64) -> f64);
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

use std::fmt::Debug;

use ndarray::Array2;

use crate::{Error, Result, number as written};

#[cfg(unix)]
mod call;
mod value;

#[cfg(unix)]
pub use call::{Check, Outcome, judge};
#[cfg(unix)]
#[doc(hidden)]
pub use call::{ask, serve};
pub use value::{Argument, Reader, Value};

/// How far a result may be from the expected one, relative to the larger of 1 and the expected number.
const TOLERANCE: f64 = 1e-9;

fn fail(message: String) -> Result<()> {
    Err(Error::Exercise { message })
}

/// NaN is close to nothing.
fn close(got: f64, expected: f64) -> bool {
    got == expected || (got - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

/// Checks that a number is the expected one, to 9 digits.
///
/// Errors, with both numbers, if it is not.
///
/// ```
/// use zero_init::exercise;
///
/// let wrong = exercise::number("the loss", 0.3010, 0.6931).unwrap_err();
/// assert_eq!(wrong.to_string(), "the loss: expected 0.6931, got 0.301");
/// ```
pub fn number(what: &str, got: f64, expected: f64) -> Result<()> {
    if close(got, expected) {
        return Ok(());
    }
    // Four digits may not tell the two apart.
    match (written(got), written(expected)) {
        (a, b) if a != b => fail(format!("{what}: expected {b}, got {a}")),
        _ => fail(format!("{what}: expected {expected}, got {got}")),
    }
}

/// Checks that a matrix has the expected shape, and its numbers the expected values, to 9 digits.
///
/// Errors with both shapes, or with the first entry that differs.
///
/// ```
/// use ndarray::array;
/// use zero_init::exercise;
///
/// let wrong = exercise::matrix("dW", &array![[0.5], [0.0]], &array![[0.5, 0.0]]).unwrap_err();
/// assert_eq!(wrong.to_string(), "dW: expected a matrix of 1 × 2, got 2 × 1");
/// let wrong = exercise::matrix("dW", &array![[0.5, 1.0]], &array![[0.5, 0.0]]).unwrap_err();
/// assert_eq!(wrong.to_string(), "dW[0, 1]: expected 0, got 1");
/// ```
pub fn matrix(what: &str, got: &Array2<f64>, expected: &Array2<f64>) -> Result<()> {
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
/// Errors, with both, if they are not.
///
/// ```
/// use zero_init::exercise;
///
/// let wrong = exercise::equal("the number of units", 3, 10).unwrap_err();
/// assert_eq!(wrong.to_string(), "the number of units: expected 10, got 3");
/// ```
pub fn equal<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Result<()> {
    if got == expected { Ok(()) } else { fail(format!("{what}: expected {expected:?}, got {got:?}")) }
}

/// Checks that something holds.
///
/// Errors with the sentence that says what should.
///
/// ```
/// use zero_init::exercise;
///
/// let wrong = exercise::holds(1.0 < 0.5, "the cost should be below 0.5").unwrap_err();
/// assert_eq!(wrong.to_string(), "the cost should be below 0.5");
/// ```
pub fn holds(condition: bool, sentence: &str) -> Result<()> {
    if condition { Ok(()) } else { fail(sentence.to_owned()) }
}
