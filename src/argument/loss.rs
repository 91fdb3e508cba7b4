//! Binary cross-entropy: the loss of one sample, and its slope, as functions of the prediction ŷ and of z.
//!
//! The functions of ŷ and the functions of z give the same values, with ŷ = σ(z). The functions of ŷ are those of the
//! textbooks. The functions of z neither overflow nor lose digits when ŷ rounds to 0 or 1, so the network uses these.

use ndarray::{Array2, Zip};

use super::activation::{sigmoid, sigmoid_from, softplus};
use crate::support::elementary::{exp, ln, ln_1p};
use crate::support::error::{Error, Result};
use crate::support::matrix::check_label;

/// The loss of a prediction ŷ for the label y: ℓ = -y ln ŷ - (1 - y) ln(1 - ŷ), in nats.
///
/// It is +∞ for a prediction of exactly 0 or 1 that is wrong. Errors if ŷ is not in 0..=1 or y is neither 0 nor 1.
///
/// ```
/// use zero_init::{cross_entropy, cross_entropy_slope};
///
/// assert_eq!(cross_entropy(0.5, 0.0)?, std::f64::consts::LN_2);
/// assert_eq!(cross_entropy(0.5, 1.0)?, std::f64::consts::LN_2); // the same loss …
/// assert_eq!((cross_entropy_slope(0.5, 0.0)?, cross_entropy_slope(0.5, 1.0)?), (2.0, -2.0)); // … the opposite slope
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn cross_entropy(y_hat: f64, y: f64) -> Result<f64> {
    check_prediction(y_hat)?;
    check_label(y)?;
    // Subtracted from 0 rather than negated: a loss of zero is 0, not -0.
    Ok(if y == 1.0 { 0.0 - ln(y_hat) } else { 0.0 - ln_1p(-y_hat) })
}

/// The derivative of the loss with respect to the prediction: da = ∂ℓ/∂ŷ = -y/ŷ + (1 - y)/(1 - ŷ).
///
/// It is infinite for a prediction of exactly 0 or 1 that is wrong. Errors as [`cross_entropy`] does.
pub fn cross_entropy_slope(y_hat: f64, y: f64) -> Result<f64> {
    check_prediction(y_hat)?;
    check_label(y)?;
    // The absolute value, since y_hat may be -0: the slope there is -∞ as well.
    Ok(if y == 1.0 { -1.0 / y_hat.abs() } else { 1.0 / (1.0 - y_hat) })
}

/// The loss at the output unit's pre-activation z: ℓ = ln(1 + e^z) - y z, finite for every finite z.
///
/// Errors if z is NaN or y is neither 0 nor 1.
///
/// ```
/// use zero_init::{cross_entropy_at_z, delta_at_z};
///
/// assert_eq!(cross_entropy_at_z(-1000.0, 1.0)?, 1000.0); // ŷ rounds to 0, and the loss is still right
/// assert_eq!((delta_at_z(0.0, 0.0)?, delta_at_z(0.0, 1.0)?), (0.5, -0.5));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn cross_entropy_at_z(z: f64, y: f64) -> Result<f64> {
    check_z(z)?;
    check_label(y)?;
    Ok(loss(z, y))
}

/// δ at the output unit: ∂ℓ/∂z = ŷ - y. It has full relative accuracy even where ŷ rounds to y.
///
/// Errors as [`cross_entropy_at_z`] does.
pub fn delta_at_z(z: f64, y: f64) -> Result<f64> {
    check_z(z)?;
    check_label(y)?;
    Ok(delta(z, y))
}

/// δ = ŷ - y of every sample, as [`delta`] computes it. All three matrices are (1, m).
///
/// There are two loops: one for the exponentials, and one for the rest, which the compiler turns into vector code.
pub(crate) fn prediction_minus_label(z: &Array2<f64>, y: &Array2<f64>, out: &mut Array2<f64>) {
    out.zip_mut_with(z, |out, z| *out = exp(-z.abs()));
    Zip::from(out).and(z).and(y).for_each(|out, z, &y| *out = sign(y) * sigmoid_from(*out, sign(y) * z));
}

/// The mean loss over the samples, from z and y, both (1, m). It is the loss of the first sample plus the mean
/// difference from this loss, so that losses that are all equal have exactly this mean.
pub(crate) fn mean_loss(z: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let losses = z.iter().zip(y).map(|(&z, &y)| loss(z, y));
    let first = loss(z[[0, 0]], y[[0, 0]]);
    first + losses.map(|loss| (loss - first) / y.len() as f64).sum::<f64>()
}

/// ln(1 + e^z) - y z, which for y = 1 is ln(1 + e^-z).
fn loss(z: f64, y: f64) -> f64 {
    softplus(sign(y) * z)
}

/// σ(z) - y, which for y = 1 is -σ(-z): no digit is lost where ŷ rounds to y.
#[inline]
fn delta(z: f64, y: f64) -> f64 {
    sign(y) * sigmoid(sign(y) * z)
}

/// The direction in which the loss rises with z: +1 for y = 0, -1 for y = 1.
#[inline]
fn sign(y: f64) -> f64 {
    1.0 - 2.0 * y
}

fn check_prediction(y_hat: f64) -> Result<()> {
    if (0.0..=1.0).contains(&y_hat) {
        Ok(())
    } else {
        Err(Error::value("y_hat", "a prediction from 0 to 1", y_hat.to_string()))
    }
}

fn check_z(z: f64) -> Result<()> {
    if z.is_nan() { Err(Error::value("z", "a number", "NaN")) } else { Ok(()) }
}
