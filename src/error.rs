//! What can go wrong, and how it is said.

use std::fmt;

/// Everything that a function of this crate can refuse.
///
/// Each message names the argument, what was expected and what came. Nothing is changed by a call that fails.
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
        /// The shape that fits.
        expected: String,
        /// The shape that came.
        came: String,
    },
    /// An argument has the right shape and a value that makes no sense.
    Value {
        /// The argument's name.
        argument: &'static str,
        /// The values that make sense.
        expected: String,
        /// The value that came.
        came: String,
    },
    /// Gradient descent left the finite numbers.
    Diverged {
        /// The number of steps after which a parameter, or a number to record, was infinite or NaN.
        step: usize,
        /// The learning rate of that step.
        learning_rate: f64,
    },
    /// A file could not be written.
    File {
        /// Where it should have gone.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// A figure could not be drawn.
    Figure {
        /// What the drawing library said.
        cause: String,
    },
}

/// The result of every function here that can refuse its arguments.
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

/// A number that is finite and at least 0.
pub(crate) fn check_not_negative(argument: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::value(argument, "a finite number of at least 0", value.to_string()))
    }
}

/// A number that is finite and above 0.
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
            Error::Figure { cause } => write!(f, "figure: expected a drawing, got: {cause}"),
        }
    }
}

impl std::error::Error for Error {}
