//! Activations: the functions that turn a unit's pre-activation z into its activation a.

use ndarray::Array2;

use crate::support::elementary::{cosh, erfc, exp, ln, ln_1p, tanh};
use crate::support::error::{Error, Result};
use crate::support::matrix::{values, values_mut};

/// A hidden layer's activation g, applied to every pre-activation: a = g(z).
///
/// Whether a layer that starts at zero is stuck depends on g(0) alone, because every hidden activation is then g(0),
/// and dW of the next layer is the mean of δ times g(0).
///
/// ```
/// use zero_init::Activation;
///
/// assert_eq!(Activation::Relu.value(0.0), 0.0); // stuck at zero
/// assert_eq!(Activation::Tanh.value(0.0), 0.0); // stuck too, though its slope is 1
/// assert_eq!(Activation::Tanh.derivative(0.0), 1.0);
/// assert_eq!(Activation::Sigmoid.value(0.0), 0.5); // not stuck
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// g(z) = z.
    Identity,
    /// g(z) = max(0, z), with g'(0) = 0, as in the course and the common frameworks.
    Relu,
    /// ReLU with a chosen value of g'(0). It serves to show that this value plays no part.
    ReluWithSlopeAtZero(
        /// g'(0), usually between 0 and 1.
        f64,
    ),
    /// g(z) = z for z > 0, otherwise slope · z; g'(0) = slope. Maas, Hannun & Ng (2013).
    LeakyRelu {
        /// The slope below zero, for example 0.01.
        slope: f64,
    },
    /// g(z) = tanh z.
    Tanh,
    /// g(z) = 1 / (1 + e^-z).
    Sigmoid,
    /// g(z) = ln(1 + e^z).
    Softplus,
    /// g(z) = z · sigmoid(z).
    Silu,
    /// g(z) = z · Φ(z) with the normal distribution function Φ, from erf and not from tanh. Hendrycks & Gimpel (2016).
    Gelu,
}

impl Activation {
    /// The activation g(z). It is finite for every finite z, except for a leaky ReLU with a slope above 1 at a huge z.
    /// NaN stays NaN.
    #[inline]
    pub fn value(self, z: f64) -> f64 {
        match self {
            Activation::Identity => z,
            Activation::Relu | Activation::ReluWithSlopeAtZero(_) => below_and_above(z, 0.0, z),
            Activation::LeakyRelu { slope } => below_and_above(z, slope * z, z),
            Activation::Tanh => tanh(z),
            Activation::Sigmoid => sigmoid(z),
            Activation::Softplus => softplus(z),
            Activation::Silu => z * sigmoid(z),
            Activation::Gelu => z * normal_cdf(z),
        }
    }

    /// The slope g'(z).
    #[inline]
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Activation::Identity => 1.0,
            Activation::ReluWithSlopeAtZero(slope) if z == 0.0 => slope,
            Activation::Relu | Activation::ReluWithSlopeAtZero(_) => below_and_above(z, 0.0, 1.0),
            Activation::LeakyRelu { slope } => below_and_above(z, slope, 1.0),
            Activation::Tanh => 1.0 / (cosh(z) * cosh(z)),
            Activation::Sigmoid => sigmoid(z) * sigmoid(-z),
            Activation::Softplus => sigmoid(z),
            Activation::Silu => sigmoid(z) * (1.0 + z * sigmoid(-z)),
            Activation::Gelu => normal_cdf(z) + z * exp(-0.5 * z * z) / std::f64::consts::TAU.sqrt(),
        }
    }

    /// The activations for tables: one of each kind except `ReluWithSlopeAtZero`. The leaky ReLU has the usual slope
    /// 0.01.
    pub const ALL: [Activation; 8] = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Tanh,
        Activation::Silu,
        Activation::Gelu,
        Activation::Sigmoid,
        Activation::Softplus,
    ];

    /// a = g(z), entry by entry.
    pub(crate) fn apply(self, z: &Array2<f64>, a: &mut Array2<f64>) {
        let pairs = values_mut(a).iter_mut().zip(values(z));
        match self {
            // The usual activation gets a loop of its own, which the compiler turns into vector code.
            Activation::Relu => pairs.for_each(|(a, &z)| *a = Activation::Relu.value(z)),
            g => pairs.for_each(|(a, &z)| *a = g.value(z)),
        }
    }

    /// δ = δ ⊙ g'(z), entry by entry.
    pub(crate) fn times_slope(self, z: &Array2<f64>, delta: &mut Array2<f64>) {
        let pairs = values_mut(delta).iter_mut().zip(values(z));
        match self {
            Activation::Relu => pairs.for_each(|(delta, &z)| *delta *= Activation::Relu.derivative(z)),
            g => pairs.for_each(|(delta, &z)| *delta *= g.derivative(z)),
        }
    }

    pub(crate) fn check(self) -> Result<()> {
        match self {
            Activation::LeakyRelu { slope } | Activation::ReluWithSlopeAtZero(slope) if !slope.is_finite() => {
                Err(Error::value("hidden", "an activation with a finite slope", format!("{self:?}")))
            }
            _ => Ok(()),
        }
    }
}

/// The logistic function σ(z) = 1 / (1 + e^-z): the output unit's activation. It never overflows.
///
/// ```
/// use zero_init::{logit, sigmoid};
///
/// assert_eq!(sigmoid(0.0), 0.5);
/// assert_eq!(sigmoid(-1000.0), 0.0);
/// assert!((sigmoid(logit(0.8)?) - 0.8).abs() < 1e-15);
/// # Ok::<(), zero_init::Error>(())
/// ```
#[inline]
pub fn sigmoid(z: f64) -> f64 {
    sigmoid_from(exp(-z.abs()), z)
}

/// The function σ(z), from e = e^-|z|, which never overflows: 1 / (1 + e), or e / (1 + e) for z below 0.
#[inline]
pub(crate) fn sigmoid_from(e: f64, z: f64) -> f64 {
    let numerator = if z >= 0.0 { 1.0 } else { e };
    numerator / (1.0 + e)
}

/// The inverse of [`sigmoid`]: the z at which the output is `p`, ln(p / (1 - p)). It is infinite at 0 and 1.
///
/// Errors if `p` is not between 0 and 1.
pub fn logit(p: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&p) {
        return Err(Error::value("p", "a probability from 0 to 1", p.to_string()));
    }
    Ok(ln(p) - ln_1p(-p))
}

/// The value `below` for z ≤ 0, the value `above` otherwise.
#[inline]
fn below_and_above(z: f64, below: f64, above: f64) -> f64 {
    if z <= 0.0 { below } else { above }
}

/// ln(1 + e^z), without overflow.
#[inline]
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + ln_1p(exp(-z.abs()))
}

/// The normal distribution function, accurate in both tails.
fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// The expected values at 0 and on both sides of the kinks were worked out by hand.
    #[test]
    fn values_and_slopes_at_and_around_zero() {
        let leaky = Activation::LeakyRelu { slope: 0.25 };
        let kinked = Activation::ReluWithSlopeAtZero(0.75);
        let table = [
            (Activation::Identity, [-2.0, 0.0, 2.0], [1.0, 1.0, 1.0]),
            (Activation::Relu, [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]),
            (kinked, [0.0, 0.0, 2.0], [0.0, 0.75, 1.0]),
            (leaky, [-0.5, 0.0, 2.0], [0.25, 0.25, 1.0]),
        ];
        for (g, values, slopes) in table {
            let z = [-2.0, 0.0, 2.0];
            assert_eq!(z.map(|z| g.value(z)), values, "{g:?}");
            assert_eq!(z.map(|z| g.derivative(z)), slopes, "{g:?}");
            let (mut a, mut delta) = (array![[9.0; 3]], array![[2.0; 3]]);
            g.apply(&array![z], &mut a);
            g.times_slope(&array![z], &mut delta);
            assert_eq!((a, delta), (array![values], array![slopes.map(|slope| 2.0 * slope)]), "{g:?}");
        }
        let at_zero = [Activation::Tanh, Activation::Sigmoid, Activation::Softplus, Activation::Silu, Activation::Gelu]
            .map(|g| (g.value(0.0), g.derivative(0.0)));
        let ln_2 = std::f64::consts::LN_2;
        assert_eq!(at_zero, [(0.0, 1.0), (0.5, 0.25), (ln_2, 0.5), (0.0, 0.5), (0.0, 0.5)]);
        assert!(Activation::Relu.value(f64::NAN).is_nan());
    }
}
