//! Two ways to test a gradient without backpropagation: central differences, and a change of one parameter.

use std::fmt;

use ndarray::Array2;

use crate::argument::network::Network;
use crate::study::data::Dataset;
use crate::support::error::{Error, Result, check_positive};
use crate::support::matrix::largest;
use crate::support::text::number;

/// The place of a parameter: whether it is a weight or a bias, its layer, and its row and column.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh, Init::He { seed: 1 })?;
/// assert_eq!(network.parameters().len(), 3 * 2 + 3 + 3 + 1);
/// assert_eq!(network.parameters()[6], Parameter::Bias { layer: 1, row: 0 });
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// The weight W^l at (row, column).
    Weight {
        /// The layer l.
        layer: usize,
        /// The unit of layer l, from 0.
        row: usize,
        /// The unit of layer l - 1, from 0.
        column: usize,
    },
    /// The bias b^l at row.
    Bias {
        /// The layer l.
        layer: usize,
        /// The unit of layer l, from 0.
        row: usize,
    },
}

/// The result of a gradient check: where backpropagation and central differences disagree most, and by how much.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh, Init::He { seed: 1 })?;
/// let check = network.check_gradients(&circles_train(), 1e-5)?;
/// assert!((check.backpropagation - check.difference).abs() < 1e-8);
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GradientCheck {
    /// The worst relative error |g - d| / max(|g|, |d|, 10^-3 of the largest |g|).
    pub worst: f64,
    /// The parameter where it is.
    pub at: Parameter,
    /// The gradient by backpropagation there.
    pub backpropagation: f64,
    /// The gradient by central differences there.
    pub difference: f64,
}

impl Network {
    /// All parameters, layer by layer, the weights of a layer before its biases.
    pub fn parameters(&self) -> Vec<Parameter> {
        let of_layer = |(layer, w, _): (usize, &Array2<f64>, &Array2<f64>)| {
            let (rows, columns) = w.dim();
            let weight = move |row| (0..columns).map(move |column| Parameter::Weight { layer, row, column });
            (0..rows).flat_map(weight).chain((0..rows).map(move |row| Parameter::Bias { layer, row }))
        };
        self.each_layer().flat_map(of_layer).collect()
    }

    /// Compares every gradient of the cost with (J(θ + h) - J(θ - h)) / 2h.
    ///
    /// An `h` around 1e-5 works best: the difference has an error of about h² from the third derivative, and of about
    /// 10^-16 / h from rounding. Errors if `h` is not a finite number above 0 or is too small to change a parameter, if
    /// the data has another number of features, or if a cost or a gradient overflows.
    pub fn check_gradients(&self, data: &Dataset, h: f64) -> Result<GradientCheck> {
        check_positive("h", h)?;
        let gradients = self.gradients(data)?;
        let largest = gradients.dw.iter().chain(gradients.db.iter()).map(largest).fold(0.0, f64::max);
        let mut changed = self.clone();
        let mut check = |at| {
            let backpropagation = match at {
                Parameter::Weight { layer, row, column } => gradients.dw[layer][[row, column]],
                Parameter::Bias { layer, row } => gradients.db[layer][[row, 0]],
            };
            let value = self.parameter(at)?;
            let (above, below) = (value + h, value - h);
            if above == below {
                return Err(Error::value("h", format!("a step that changes a parameter of {value}"), h.to_string()));
            }
            let change = changed.cost_with(data, at, above)? - changed.cost_with(data, at, below)?;
            let difference = change / (above - below);
            let size = backpropagation.abs().max(difference.abs()).max(1e-3 * largest);
            let worst = if size == 0.0 { 0.0 } else { (backpropagation - difference).abs() / size };
            Ok(GradientCheck { worst, at, backpropagation, difference })
        };
        let mut parameters = self.parameters().into_iter().skip(1);
        let first = check(Parameter::Weight { layer: 1, row: 0, column: 0 })?;
        parameters
            .try_fold(first, |worst, at| check(at).map(|next| if next.worst > worst.worst { next } else { worst }))
    }

    /// The number of weights that change the cost, by at least one bit, when they change by `h` one at a time.
    ///
    /// For a network that starts at zero it is 0, for every `h` that does not overflow. Errors if `h` is not finite or
    /// 0, if the data has another number of features, or if a cost overflows.
    pub fn weights_that_matter(&self, data: &Dataset, h: f64) -> Result<usize> {
        check_change(h)?;
        let (cost, mut changed) = (self.cost(data)?, self.clone());
        let weights = self.parameters().into_iter().filter(|at| matches!(at, Parameter::Weight { .. }));
        weights.map(|at| Ok(usize::from(changed.cost_with(data, at, self.parameter(at)? + h)? != cost))).sum()
    }

    /// By how much the cost changes when one parameter changes by `h`.
    ///
    /// Errors as [`weights_that_matter`](Self::weights_that_matter) does, and if there is no such parameter.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// let weight = Parameter::Weight { layer: 1, row: 0, column: 0 };
    /// assert_eq!(network.cost_change(&circles_train(), weight, 0.1)?, 0.0); // not one bit
    /// assert_eq!(network.weights_that_matter(&circles_train(), 0.1)?, 0); // nor does any other
    /// let bias = Parameter::Bias { layer: 3, row: 0 };
    /// assert_ne!(network.cost_change(&circles_train(), bias, 0.1)?, 0.0);
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn cost_change(&self, data: &Dataset, at: Parameter, h: f64) -> Result<f64> {
        check_change(h)?;
        Ok(self.clone().cost_with(data, at, self.parameter(at)? + h)? - self.cost(data)?)
    }

    /// The cost with another value of one parameter. The parameter gets its old value back.
    fn cost_with(&mut self, data: &Dataset, at: Parameter, value: f64) -> Result<f64> {
        let before = self.parameter(at)?;
        self.set_parameter(at, value)?;
        let cost = self.cost(data);
        self.set_parameter(at, before)?;
        cost
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

impl fmt::Display for GradientCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GradientCheck { worst, at, backpropagation, difference } = self;
        write!(
            f,
            "worst relative error {} at {at:?}: {backpropagation} by backpropagation, {difference} by differences",
            number(*worst)
        )
    }
}

fn check_change(h: f64) -> Result<()> {
    if h == 0.0 || !h.is_finite() {
        return Err(Error::value("h", "a finite number other than 0", h.to_string()));
    }
    Ok(())
}
