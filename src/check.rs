//! Two ways to question a gradient without backpropagation: central differences, and a nudge.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::Network;

/// Which parameter: a weight or a bias, its layer, row and column (0 for a bias).
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let network = Network::new(&[2, 3, 1], Activation::Tanh, Init::He { seed: 1 })?;
/// assert_eq!(network.parameters().len(), 3 * 2 + 3 + 3 + 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// W^l at (row, column).
    Weight {
        /// The layer l.
        layer: usize,
        /// The unit of layer l, from 0.
        row: usize,
        /// The unit of layer l - 1, from 0.
        column: usize,
    },
    /// b^l at row.
    Bias {
        /// The layer l.
        layer: usize,
        /// The unit of layer l, from 0.
        row: usize,
    },
}

/// What a gradient check found: the worst disagreement of backpropagation with central differences, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientCheck {
    /// The worst relative error |g - d| / max(|g|, |d|, 10^-3 of the largest |g|).
    pub worst: f64,
    /// Where it is.
    pub at: Parameter,
    /// The gradient by backpropagation there.
    pub backpropagation: f64,
    /// The gradient by central differences there.
    pub difference: f64,
}

impl Network {
    /// All parameters, layer by layer, the weights of a layer before its biases.
    pub fn parameters(&self) -> Vec<Parameter> {
        let layer = |(l, w): (usize, &ndarray::Array2<f64>)| {
            let ((rows, columns), layer) = (w.dim(), l + 1);
            let weight = move |row| (0..columns).map(move |column| Parameter::Weight { layer, row, column });
            (0..rows).flat_map(weight).chain((0..rows).map(move |row| Parameter::Bias { layer, row }))
        };
        self.weights.iter().enumerate().flat_map(layer).collect()
    }

    /// Compares every gradient of the cost with (J(θ + h) - J(θ - h)) / 2h.
    ///
    /// An `h` around 1e-5 does best: the difference is off by about h² from the curvature and by 10^-16 / h from
    /// rounding. Errors if `h` is not a finite number above 0 or the data has another number of features.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 3, 1], Activation::Tanh, Init::He { seed: 1 })?;
    /// let check = network.check_gradients(&circles_train(), 1e-5)?;
    /// assert!(check.worst < 1e-6, "{check:?}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn check_gradients(&self, data: &Dataset, h: f64) -> Result<GradientCheck> {
        check_h(h)?;
        let gradients = self.gradients(data)?;
        let gradient = |parameter: Parameter| match parameter {
            Parameter::Weight { layer, row, column } => gradients.dw[layer - 1][[row, column]],
            Parameter::Bias { layer, row } => gradients.db[layer - 1][[row, 0]],
        };
        let parameters = self.parameters();
        let largest = parameters.iter().map(|&p| gradient(p).abs()).fold(0.0, f64::max);
        let mut nudged = self.clone();
        let mut worst: Option<GradientCheck> = None;
        for at in parameters {
            let value = self.parameter(at)?;
            let mut cost_at = |value: f64| {
                nudged.set_parameter(at, value)?;
                nudged.cost(data)
            };
            let (backpropagation, difference) = (gradient(at), (cost_at(value + h)? - cost_at(value - h)?) / (2.0 * h));
            nudged.set_parameter(at, value)?;
            let size = backpropagation.abs().max(difference.abs()).max(1e-3 * largest);
            let error = if size == 0.0 { 0.0 } else { (backpropagation - difference).abs() / size };
            if worst.is_none_or(|worst| error > worst.worst) {
                worst = Some(GradientCheck { worst: error, at, backpropagation, difference });
            }
        }
        worst.ok_or_else(|| Error::shape("network", "at least 1 parameter", "none"))
    }

    /// How many of the weights change the cost, by even one bit, when they alone move by `h`.
    ///
    /// Zero for a network that starts at zero, however large `h` is. Errors if `h` is not finite or 0, or if the data
    /// has another number of features.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.weights_that_matter(&circles_train(), 0.1)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn weights_that_matter(&self, data: &Dataset, h: f64) -> Result<usize> {
        let weights = self.parameters().into_iter().filter(|p| matches!(p, Parameter::Weight { .. }));
        let changes = weights.map(|at| self.cost_change(data, at, h)).collect::<Result<Vec<_>>>()?;
        Ok(changes.into_iter().filter(|&change| change != 0.0).count())
    }

    /// By how much the cost changes when one parameter moves by `h`. Errors as `weights_that_matter` does, and if
    /// there is no such parameter.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// let weight = Parameter::Weight { layer: 1, row: 0, column: 0 };
    /// assert_eq!(network.cost_change(&circles_train(), weight, 0.1)?, 0.0); // not one bit
    /// let bias = Parameter::Bias { layer: 3, row: 0 };
    /// assert_ne!(network.cost_change(&circles_train(), bias, 0.1)?, 0.0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cost_change(&self, data: &Dataset, at: Parameter, h: f64) -> Result<f64> {
        if h == 0.0 || !h.is_finite() {
            return Err(Error::value("h", "a finite number other than 0", h.to_string()));
        }
        let mut nudged = self.clone();
        nudged.set_parameter(at, self.parameter(at)? + h)?;
        Ok(nudged.cost(data)? - self.cost(data)?)
    }

    fn parameter(&self, at: Parameter) -> Result<f64> {
        let (array, index) = match at {
            Parameter::Weight { layer, row, column } => (self.weights(layer)?, (row, column)),
            Parameter::Bias { layer, row } => (self.biases(layer)?, (row, 0)),
        };
        let missing = || Error::value("at", format!("a parameter of a {:?} array", array.dim()), format!("{at:?}"));
        array.get(index).copied().ok_or_else(missing)
    }

    fn set_parameter(&mut self, at: Parameter, value: f64) -> Result<()> {
        match at {
            Parameter::Weight { layer, row, column } => self.set_weight(layer, (row, column), value),
            Parameter::Bias { layer, row } => self.set_bias(layer, row, value),
        }
    }
}

fn check_h(h: f64) -> Result<()> {
    if h.is_finite() && h > 0.0 { Ok(()) } else { Err(Error::value("h", "a finite number above 0", h.to_string())) }
}
