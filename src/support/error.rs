//! The errors of this crate and their messages.

use std::fmt;

/// The reasons why a function of this crate can fail.
///
/// Each message names the argument, what was expected, and what the function got. A call that fails changes nothing.
///
/// ```
/// use zero_init::prelude::*;
///
/// let error = Network::new(&[2, 0, 1], Activation::Relu, Init::Zeros).unwrap_err();
/// assert_eq!(error.to_string(), "sizes: expected at least 1 unit in every layer, got 0 in layer 1");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// An argument has the wrong shape or length.
    Shape {
        /// The argument's name.
        argument: &'static str,
        /// The shape that was expected.
        expected: String,
        /// The shape that the function got.
        came: String,
    },
    /// An argument has the right shape, but a value that makes no sense.
    Value {
        /// The argument's name.
        argument: &'static str,
        /// The values that were expected.
        expected: String,
        /// The value that the function got.
        came: String,
    },
    /// Gradient descent produced a number that is not finite.
    Diverged {
        /// The number of steps after which a parameter, or a number to record, was infinite or NaN.
        step: usize,
        /// The learning rate of that step.
        learning_rate: f64,
    },
    /// A file could not be written.
    File {
        /// The path of the file.
        path: String,
        /// The message of the operating system.
        cause: String,
    },
    /// A figure could not be drawn.
    Figure {
        /// The message of the drawing library.
        cause: String,
    },
}

/// The result of every function of this crate that can fail.
///
/// ```
/// let loss: zero_init::Result<f64> = zero_init::cross_entropy(0.5, 1.0);
/// assert_eq!(loss, Ok(std::f64::consts::LN_2));
/// ```
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn shape(argument: &'static str, expected: impl Into<String>, came: impl Into<String>) -> Self {
        let (expected, came) = (expected.into(), came.into());
        Error::Shape { argument, expected, came }
    }

    pub(crate) fn value(argument: &'static str, expected: impl Into<String>, came: impl Into<String>) -> Self {
        let (expected, came) = (expected.into(), came.into());
        Error::Value { argument, expected, came }
    }
}

/// Checks that a number is finite and at least 0.
pub(crate) fn check_not_negative(argument: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::value(argument, "a finite number of at least 0", value.to_string()))
    }
}

/// Checks that a number is finite and above 0.
pub(crate) fn check_positive(argument: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(Error::value(argument, "a finite number above 0", value.to_string()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Shape { argument, expected, came } | Error::Value { argument, expected, came } => {
                write!(f, "{argument}: expected {expected}, got {came}")
            }
            Error::Diverged { step, learning_rate } => write!(
                f,
                "training: expected finite numbers, got an infinite or NaN one after step {step} \
                 (learning rate {learning_rate}; try a smaller one)"
            ),
            Error::File { path, cause } => write!(f, "path: expected a file that can be written, got {path}: {cause}"),
            Error::Figure { cause } => write!(f, "figure: expected a drawing, got {cause}"),
        }
    }
}

impl std::error::Error for Error {}
