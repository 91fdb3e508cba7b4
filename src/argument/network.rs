//! The network and its forward pass: z^l = W^l a^{l-1} + b^l, a^l = g(z^l).

use std::fmt;

use ndarray::Array2;

use super::activation::{Activation, sigmoid};
use super::init::Init;
use super::loss::mean_loss;
use crate::study::data::Dataset;
use crate::study::dropout::Masks;
use crate::support::error::{Error, Result};
use crate::support::matrix::{
    Layers, affine, check_finite, check_layer, check_no_overflow, check_samples, check_shape, check_sizes,
    in_standard_layout, zeros,
};

/// A multilayer perceptron for two classes: its hidden layers have one activation, and its output is one sigmoid unit.
///
/// Layers are counted as in the formulas: W^1 … W^L, with a^0 = x. W^l is (n_l, n_{l-1}), b^l is (n_l, 1); samples are
/// columns. A network without a hidden layer is a logistic regression. Rows and columns are counted from 0, as in
/// NumPy.
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// assert_eq!((network.layers(), network.sizes()), (3, vec![2, 10, 5, 1]));
/// assert_eq!(network.weights(1)?.dim(), (10, 2));
/// assert!(network.weights(4).is_err());
/// assert!(network.each_layer().all(|(_, w, b)| all_zero(w) && all_zero(b)));
///
/// let data = circles_train();
/// let trace = network.forward(data.x())?;
/// assert!(all_zero(trace.a(2)?) && trace.a(3)?.iter().all(|&y_hat| y_hat == 0.5));
/// assert_eq!((network.cost(&data)?, network.accuracy(&data)?), (std::f64::consts::LN_2, 0.5));
///
/// network.set_bias(3, 0, logit(0.8)?)?;
/// assert!((network.probabilities(data.x())?[[0, 0]] - 0.8).abs() < 1e-15);
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(crate) w: Layers<Array2<f64>>,
    pub(crate) b: Layers<Array2<f64>>,
    pub(crate) g: Activation,
}

impl Network {
    /// The forward pass: computes z and a of the layers 1 … L from a^0 = x, which is in the trace. The output's a = ŷ
    /// is left out, because no gradient needs it.
    pub(crate) fn forward_pass(&self, Trace { z, a, masks }: &mut Trace) {
        for l in 1..=self.layers() {
            affine(&self.w[l], &a[l - 1], &self.b[l], &mut z[l]); // z = W a + b
            if l < self.layers() {
                self.g.apply(&z[l], &mut a[l]); // a = g(z)
                masks.apply(l, &mut a[l]);
            }
        }
    }

    /// The forward pass for the samples `x`, (n_0, m): z and a of every layer.
    ///
    /// Errors if `x` has another number of rows, no column, a number that is not finite, or so many samples that the z
    /// of all units are more than 250 million numbers; or if the weights are so large that a z overflows.
    pub fn forward(&self, x: &Array2<f64>) -> Result<Trace> {
        self.check_samples(x)?;
        let mut trace = Trace::new(self, x);
        self.forward_pass(&mut trace);
        check_no_overflow("pre-activations", &trace.z)?;
        trace.a[self.layers()] = trace.z[self.layers()].mapv(sigmoid); // ŷ = σ(z)
        Ok(trace)
    }

    /// The cost: the mean binary cross-entropy over the samples, in nats. It is computed from z^L, so that it is
    /// finite even where ŷ rounds to 0 or 1.
    ///
    /// Errors as [`forward`](Self::forward) does.
    pub fn cost(&self, data: &Dataset) -> Result<f64> {
        Ok(mean_loss(&self.forward(data.x())?.z[self.layers()], data.y()))
    }

    /// The predictions ŷ = a^L for the samples `x`, (1, m). Errors as [`forward`](Self::forward) does.
    pub fn probabilities(&self, x: &Array2<f64>) -> Result<Array2<f64>> {
        Ok(self.forward(x)?.a.swap_remove(self.layers()))
    }

    /// The predicted labels for the samples `x`, (1, m): 1 where ŷ > 0.5, otherwise 0, as in the course.
    ///
    /// Errors as [`forward`](Self::forward) does.
    pub fn predictions(&self, x: &Array2<f64>) -> Result<Array2<f64>> {
        Ok(self.probabilities(x)?.mapv(|y_hat| f64::from(u8::from(y_hat > 0.5))))
    }

    /// The share of samples whose predicted label is right. Errors as [`forward`](Self::forward) does.
    pub fn accuracy(&self, data: &Dataset) -> Result<f64> {
        let predictions = self.predictions(data.x())?;
        let right = predictions.iter().zip(data.y()).filter(|(p, y)| p == y).count();
        Ok(right as f64 / data.samples() as f64)
    }
}

/// The result of a forward pass: z^l, (n_l, m), of layers 1 … L and a^l, (n_l, m), of layers 0 … L, with a^0 = x.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 10, 5, 1], Activation::Sigmoid, Init::Zeros)?;
/// let trace = network.forward(circles_train().x())?;
/// assert_eq!(trace.a(0)?, circles_train().x());
/// assert!(trace.each_layer().all(|(_, z, a)| all_zero(z) && a.iter().all(|&a| a == 0.5)));
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub(crate) z: Layers<Array2<f64>>,
    pub(crate) a: Vec<Array2<f64>>,
    pub(crate) masks: Masks,
}

impl Trace {
    /// The pre-activations z^l, (n_l, m). Errors if `layer` is not one of 1 … L.
    pub fn z(&self, layer: usize) -> Result<&Array2<f64>> {
        self.z.get(layer)
    }

    /// The activations a^l, (n_l, m); a^0 is x, a^L is ŷ. Errors if `layer` is not one of 0 … L.
    pub fn a(&self, layer: usize) -> Result<&Array2<f64>> {
        check_layer(layer, 0, self.z.0.len())?;
        Ok(&self.a[layer])
    }

    /// The layers 1 … L one after the other: the layer's number, z^l and a^l.
    pub fn each_layer(&self) -> impl Iterator<Item = (usize, &Array2<f64>, &Array2<f64>)> {
        (1..).zip(self.z.iter()).zip(&self.a[1..]).map(|((l, z), a)| (l, z, a))
    }

    /// Space for a forward pass on the samples `x`, (n_0, m), which are already in it as a^0.
    pub(crate) fn new(network: &Network, x: &Array2<f64>) -> Self {
        let z = zeros(network.b.iter().map(|b| (b.nrows(), x.ncols())));
        let a = std::iter::once(in_standard_layout(x.clone())).chain(z.iter().cloned()).collect();
        Trace { z, a, masks: Masks::default() }
    }
}

/// How to make a network, and how to read and set its parameters.
impl Network {
    /// A network with the given layer sizes, from the inputs n_0 to the one output unit; its biases are 0.
    ///
    /// Errors if there are fewer than two sizes, if one is 0, if the last is not 1, if there would be more than 10^8
    /// parameters, or if the activation or the initialization holds a number that is not finite.
    pub fn new(sizes: &[usize], hidden: Activation, init: Init) -> Result<Self> {
        check_sizes(sizes)?;
        hidden.check()?;
        Ok(Network { w: init.weights(sizes)?, b: Init::Zeros.biases(sizes)?, g: hidden })
    }

    /// A network with the given parameters: W^l is (n_l, n_{l-1}), b^l is (n_l, 1).
    ///
    /// Errors if the shapes of the layers do not fit together, if the last layer has more than one unit, or if a number
    /// is not finite.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let network = Network::from_parameters(vec![array![[1.0, -1.0]]], vec![array![[0.5]]], Activation::Relu)?;
    /// assert_eq!(network.sizes(), [2, 1]);
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn from_parameters(weights: Vec<Array2<f64>>, biases: Vec<Array2<f64>>, hidden: Activation) -> Result<Self> {
        hidden.check()?;
        let Some(first) = weights.first() else {
            return Err(Error::shape("weights", "at least 1 layer", "none"));
        };
        let sizes: Vec<usize> = std::iter::once(first.ncols()).chain(weights.iter().map(|w| w.nrows())).collect();
        check_sizes(&sizes)?;
        if biases.len() != weights.len() {
            return Err(Error::shape("biases", format!("{} layers", weights.len()), biases.len().to_string()));
        }
        for (l, (w, b)) in (1..).zip(weights.iter().zip(&biases)) {
            check_shape("weights", l, (sizes[l], sizes[l - 1]), w.dim())?;
            check_shape("biases", l, (sizes[l], 1), b.dim())?;
            check_finite("weights", w)?;
            check_finite("biases", b)?;
        }
        let layers = |matrices: Vec<Array2<f64>>| Layers(matrices.into_iter().map(in_standard_layout).collect());
        Ok(Network { w: layers(weights), b: layers(biases), g: hidden })
    }

    /// The same network with its biases initialized in the given way.
    ///
    /// Errors for `He` and `Xavier`, which set the scale of weights only, and for numbers that are not finite.
    pub fn with_biases(mut self, biases: Init) -> Result<Self> {
        self.b = biases.biases(&self.sizes())?;
        Ok(self)
    }

    /// The number of units of every layer, inputs first: n_0, n_1, …, n_L.
    pub fn sizes(&self) -> Vec<usize> {
        std::iter::once(self.w[1].ncols()).chain(self.w.iter().map(|w| w.nrows())).collect()
    }

    /// The number L of layers that have weights.
    pub fn layers(&self) -> usize {
        self.w.0.len()
    }

    /// The layers 1 … L one after the other: the layer's number, W^l and b^l.
    pub fn each_layer(&self) -> impl Iterator<Item = (usize, &Array2<f64>, &Array2<f64>)> {
        (1..).zip(self.w.iter()).zip(self.b.iter()).map(|((l, w), b)| (l, w, b))
    }

    /// The activation g of the hidden layers.
    pub fn activation(&self) -> Activation {
        self.g
    }

    /// The weights W^l, (n_l, n_{l-1}). Errors if `layer` is not one of 1 … L.
    pub fn weights(&self, layer: usize) -> Result<&Array2<f64>> {
        self.w.get(layer)
    }

    /// The biases b^l, (n_l, 1). Errors if `layer` is not one of 1 … L.
    pub fn biases(&self, layer: usize) -> Result<&Array2<f64>> {
        self.b.get(layer)
    }

    /// Sets one weight, W^l at (row, column): from unit `column` of layer l - 1 to unit `row` of layer l.
    ///
    /// Errors if there is no such weight or if `value` is not finite.
    pub fn set_weight(&mut self, layer: usize, (row, column): (usize, usize), value: f64) -> Result<()> {
        set(&mut self.w, layer, (row, column), value)
    }

    /// Sets one bias, b^l at `row`. Errors as [`set_weight`](Self::set_weight) does.
    pub fn set_bias(&mut self, layer: usize, row: usize, value: f64) -> Result<()> {
        set(&mut self.b, layer, (row, 0), value)
    }

    /// The samples `x` are (n_0, m), finite, and not so many that their z would not fit into memory.
    pub(crate) fn check_samples(&self, x: &Array2<f64>) -> Result<()> {
        check_samples(x)?;
        let (sizes, (features, samples)) = (self.sizes(), x.dim());
        if features != sizes[0] {
            return Err(Error::shape("x", format!("{} rows (features)", sizes[0]), format!("{features} rows")));
        }
        let units: usize = sizes.iter().sum();
        if units.saturating_mul(samples) > MAX_TRACE {
            let expected = format!("at most {} samples for {units} units", MAX_TRACE / units);
            return Err(Error::shape("x", expected, samples.to_string()));
        }
        Ok(())
    }

    pub(crate) fn parameter_count(&self) -> usize {
        self.w.iter().chain(self.b.iter()).map(|matrix| matrix.len()).sum()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.sizes().iter().map(|n| n.to_string()).collect();
        write!(f, "layers {}, hidden {:?}, {} parameters", sizes.join(" → "), self.g, self.parameter_count())
    }
}

/// The most numbers that the matrices of one kind (z, a or δ) may have in all layers together (2 GB).
const MAX_TRACE: usize = 250_000_000;

fn set(matrices: &mut Layers<Array2<f64>>, layer: usize, index: (usize, usize), value: f64) -> Result<()> {
    let (rows, columns) = matrices.get(layer)?.dim();
    if !value.is_finite() {
        return Err(Error::value("value", "a finite number", value.to_string()));
    }
    let Some(entry) = matrices[layer].get_mut(index) else {
        let expected = format!("a row below {rows} and a column below {columns}");
        return Err(Error::value("row, column", expected, format!("{index:?}")));
    };
    *entry = value;
    Ok(())
}
