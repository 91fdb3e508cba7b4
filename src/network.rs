//! The network and its forward pass: z^l = W^l a^{l-1} + b^l, a^l = g(z^l).

use ndarray::Array2;

use crate::activation::{Activation, sigmoid};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::init::Init;
use crate::loss;
use crate::product;
use crate::random::{Random, Stream};
use crate::show::Show;

/// The most parameters that a network may have (800 MB).
pub(crate) const MAX_PARAMETERS: usize = 100_000_000;

/// The most numbers that one kind of array, z or a or δ, may have over all layers (2 GB).
const MAX_TRACE: usize = 250_000_000;

/// A multilayer perceptron for two classes: hidden layers with one activation, one sigmoid output unit.
///
/// Layers are counted as in the formulas: W^1 … W^L, with a^0 = x. W^l is (n_l, n_{l-1}), b^l is (n_l, 1); samples
/// are columns. Without a hidden layer it is logistic regression. Rows and columns are counted from 0, as in NumPy.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let trace = network.forward(circles_train().x())?;
/// assert!(trace.a(3)?.iter().all(|&y_hat| y_hat == 0.5));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(crate) weights: Vec<Array2<f64>>,
    pub(crate) biases: Vec<Array2<f64>>,
    pub(crate) hidden: Activation,
}

impl Network {
    /// A network with the given layer sizes, from the inputs n_0 to the one output unit; its biases are 0.
    ///
    /// Errors if there are fewer than two sizes, if one is 0, if the last is not 1, or if there would be more than
    /// 10^8 parameters; if the activation or the initialization holds a number that is not finite.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let logistic_regression = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// assert_eq!(logistic_regression.layers(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(sizes: &[usize], hidden: Activation, init: Init) -> Result<Self> {
        check_sizes(sizes)?;
        hidden.check()?;
        Ok(Network { weights: init.weights(sizes)?, biases: Init::Zeros.biases(sizes)?, hidden })
    }

    /// A network with the given parameters: W^l is (n_l, n_{l-1}), b^l is (n_l, 1).
    ///
    /// Errors if the shapes do not chain, if the last layer has more than one unit, or if a number is not finite.
    ///
    /// ```
    /// use ndarray::array;
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::from_parameters(vec![array![[1.0, -1.0]]], vec![array![[0.5]]], Activation::Relu)?;
    /// assert_eq!(network.sizes(), [2, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_parameters(weights: Vec<Array2<f64>>, biases: Vec<Array2<f64>>, hidden: Activation) -> Result<Self> {
        hidden.check()?;
        let Some(first) = weights.first() else {
            return Err(Error::shape("weights", "at least 1 layer", "none"));
        };
        let mut sizes = vec![first.ncols()];
        sizes.extend(weights.iter().map(|w| w.nrows()));
        check_sizes(&sizes)?;
        if biases.len() != weights.len() {
            return Err(Error::shape("biases", format!("{} layers", weights.len()), biases.len().to_string()));
        }
        for (index, (w, b)) in weights.iter().zip(&biases).enumerate() {
            let layer = index + 1;
            check_shape("weights", layer, (sizes[layer], sizes[index]), w.dim())?;
            check_shape("biases", layer, (sizes[layer], 1), b.dim())?;
            check_finite("weights", w)?;
            check_finite("biases", b)?;
        }
        let standard = |arrays: Vec<Array2<f64>>| arrays.into_iter().map(in_standard_layout).collect();
        Ok(Network { weights: standard(weights), biases: standard(biases), hidden })
    }

    /// The same network with its biases initialized in a way of their own.
    ///
    /// Errors for He and Xavier, which are scales for weights, and for numbers that are not finite.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 3, 1], Activation::Relu, Init::Zeros)?.with_biases(Init::Constant(0.1))?;
    /// assert!(network.biases(1)?.iter().all(|&b| b == 0.1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_biases(mut self, biases: Init) -> Result<Self> {
        self.biases = biases.biases(&self.sizes())?;
        Ok(self)
    }

    /// The number of units of every layer, inputs first: n_0, n_1, …, n_L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.sizes(), [2, 10, 5, 1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![self.weights[0].ncols()];
        sizes.extend(self.weights.iter().map(|w| w.nrows()));
        sizes
    }

    /// The number L of layers that have weights.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.layers(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn layers(&self) -> usize {
        self.weights.len()
    }

    pub(crate) fn parameter_count(&self) -> usize {
        self.weights.iter().chain(&self.biases).map(|array| array.len()).sum()
    }

    /// The activation g of the hidden layers.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.activation(), Activation::Relu);
    /// # Ok(())
    /// # }
    /// ```
    pub fn activation(&self) -> Activation {
        self.hidden
    }

    /// The weights W^l, (n_l, n_{l-1}). Errors if `layer` is not one of 1 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.weights(1)?.dim(), (10, 2));
    /// assert!(network.weights(4).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn weights(&self, layer: usize) -> Result<&Array2<f64>> {
        self.check_layer(layer)?;
        Ok(&self.weights[layer - 1])
    }

    /// The biases b^l, (n_l, 1). Errors if `layer` is not one of 1 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.biases(1)?.dim(), (10, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn biases(&self, layer: usize) -> Result<&Array2<f64>> {
        self.check_layer(layer)?;
        Ok(&self.biases[layer - 1])
    }

    /// Sets one weight, W^l at (row, column): from unit `column` of layer l - 1 to unit `row` of layer l.
    ///
    /// Errors if there is no such weight or if `value` is not finite.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 3, 1], Activation::Relu, Init::Zeros)?;
    /// network.set_weight(1, (0, 1), 0.1)?;
    /// assert_eq!(network.weights(1)?[[0, 1]], 0.1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_weight(&mut self, layer: usize, (row, column): (usize, usize), value: f64) -> Result<()> {
        self.check_layer(layer)?;
        set(&mut self.weights[layer - 1], (row, column), value)
    }

    /// Sets one bias, b^l at `row`. Errors as [`set_weight`](Self::set_weight) does.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 3, 1], Activation::Relu, Init::Zeros)?;
    /// network.set_bias(2, 0, logit(0.8)?)?;
    /// assert!((network.probabilities(circles_train().x())?[[0, 0]] - 0.8).abs() < 1e-15);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_bias(&mut self, layer: usize, row: usize, value: f64) -> Result<()> {
        self.check_layer(layer)?;
        set(&mut self.biases[layer - 1], (row, 0), value)
    }

    /// The forward pass for the samples `x`, (n_0, m): z and a of every layer.
    ///
    /// Errors if `x` has another number of rows, no column, or a number that is not finite; or if the weights are so
    /// large that a z overflows.
    ///
    /// ```
    /// use ndarray::array;
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 3, 1], Activation::Sigmoid, Init::Zeros)?;
    /// let trace = network.forward(&array![[1.0], [-2.0]])?;
    /// assert!(trace.z(1)?.iter().all(|&z| z == 0.0));
    /// assert!(trace.a(1)?.iter().all(|&a| a == 0.5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn forward(&self, x: &Array2<f64>) -> Result<Trace> {
        let mut trace = self.new_trace(x)?;
        self.propagate(&mut trace);
        trace.finish()?;
        Ok(trace)
    }

    /// The forward pass with dropout: every hidden unit is kept, for every sample, with probability `keep`.
    ///
    /// What is kept is divided by `keep` (inverted dropout; Srivastava et al. 2014). The masks stay in the trace, so
    /// that [`backward`](Self::backward) uses the same. Errors as `forward` does, and if `keep` is not in (0, 1].
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 3, 1], Activation::Relu, Init::Constant(0.5))?;
    /// let trace = network.forward_with_dropout(circles_train().x(), 0.5, 1)?;
    /// assert_ne!(trace.a(1)?.row(0), trace.a(1)?.row(1)); // twins, no more
    /// # Ok(())
    /// # }
    /// ```
    pub fn forward_with_dropout(&self, x: &Array2<f64>, keep: f64, seed: u64) -> Result<Trace> {
        let mut trace = self.new_trace(x)?;
        let mut dropout = Dropout::new(keep, seed)?;
        trace.masks = dropout.new_masks(&trace);
        dropout.draw(&mut trace.masks);
        self.propagate(&mut trace);
        trace.finish()?;
        Ok(trace)
    }

    /// The predictions ŷ = a^L for the samples `x`, (1, m). Errors as [`forward`](Self::forward) does.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert!(network.probabilities(circles_test().x())?.iter().all(|&y_hat| y_hat == 0.5));
    /// # Ok(())
    /// # }
    /// ```
    pub fn probabilities(&self, x: &Array2<f64>) -> Result<Array2<f64>> {
        let mut trace = self.forward(x)?;
        Ok(trace.a.swap_remove(self.layers()))
    }

    /// The predicted labels for the samples `x`, (1, m): 1 where ŷ > 0.5, else 0, as in the course.
    ///
    /// Errors as [`forward`](Self::forward) does.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert!(all_zero(&network.predictions(circles_test().x())?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn predictions(&self, x: &Array2<f64>) -> Result<Array2<f64>> {
        Ok(self.probabilities(x)?.mapv(|y_hat| f64::from(u8::from(y_hat > 0.5))))
    }

    /// The share of samples whose predicted label is right. Errors if the data has another number of features.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.accuracy(&circles_train())?, 0.5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accuracy(&self, data: &Dataset) -> Result<f64> {
        let predictions = self.predictions(data.x())?;
        let right = predictions.iter().zip(data.y()).filter(|(p, y)| p == y).count();
        Ok(right as f64 / data.samples() as f64)
    }

    /// The cost: the mean binary cross-entropy over the samples, in nats. From z^L, so that ŷ = 0 or 1 does no harm.
    ///
    /// Errors as [`forward`](Self::forward) does.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.cost(&circles_train())?, std::f64::consts::LN_2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cost(&self, data: &Dataset) -> Result<f64> {
        Ok(self.forward(data.x())?.cost(data.y()))
    }

    /// Space for a forward pass, with a^0 = x in it.
    pub(crate) fn new_trace(&self, x: &Array2<f64>) -> Result<Trace> {
        let sizes = self.sizes();
        let (features, samples) = x.dim();
        if features != sizes[0] {
            return Err(Error::shape("x", format!("{} rows (features)", sizes[0]), format!("{features} rows")));
        }
        if samples == 0 {
            return Err(Error::shape("x", "at least 1 column (sample)", "none"));
        }
        check_finite("x", x)?;
        let units: usize = sizes.iter().sum();
        if units.saturating_mul(samples) > MAX_TRACE {
            let expected = format!("at most {} samples for {units} units", MAX_TRACE / units);
            return Err(Error::shape("x", expected, samples.to_string()));
        }
        let z: Vec<_> = sizes[1..].iter().map(|&n| Array2::zeros((n, samples))).collect();
        let mut a = vec![in_standard_layout(x.clone())];
        a.extend(z.iter().cloned());
        Ok(Trace { z, a, masks: Vec::new() })
    }

    /// z of every layer and a of every hidden layer, from the a^0 of the trace. What training needs.
    pub(crate) fn propagate(&self, trace: &mut Trace) {
        for l in 0..self.layers() {
            // z = W a + b
            product::times(self.weights[l].view(), &trace.a[l], Some(&self.biases[l]), &mut trace.z[l]);
            if l + 1 < self.layers() {
                // a = g(z)
                let (z, a) = (&trace.z[l], &mut trace.a[l + 1]);
                self.hidden.apply(product::contiguous(z), product::contiguous_mut(a));
                if let Some(mask) = trace.masks.get(l) {
                    *a *= mask;
                }
            }
        }
    }

    pub(crate) fn check_layer(&self, layer: usize) -> Result<()> {
        check_layer(layer, 1, self.layers())
    }
}

impl Show for Network {
    fn plain(&self) -> String {
        let sizes: Vec<String> = self.sizes().iter().map(|n| n.to_string()).collect();
        format!("layers {}, hidden {:?}, {} parameters", sizes.join(" → "), self.hidden, self.parameter_count())
    }
}

/// What a forward pass leaves: z^l, (n_l, m), of layers 1 … L and a^l, (n_l, m), of layers 0 … L, with a^0 = x.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let trace = network.forward(circles_train().x())?;
/// assert_eq!(trace.a(0)?, circles_train().x());
/// assert_eq!(trace.z(2)?.dim(), (5, 300));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub(crate) z: Vec<Array2<f64>>,
    pub(crate) a: Vec<Array2<f64>>,
    /// What dropout multiplies the hidden activations by, 0 or 1 / keep; empty without dropout.
    pub(crate) masks: Vec<Array2<f64>>,
}

impl Trace {
    /// The pre-activations z^l, (n_l, m). Errors if `layer` is not one of 1 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert!(all_zero(network.forward(circles_train().x())?.z(1)?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn z(&self, layer: usize) -> Result<&Array2<f64>> {
        check_layer(layer, 1, self.z.len())?;
        Ok(&self.z[layer - 1])
    }

    /// The activations a^l, (n_l, m); a^0 is x, a^L is ŷ. Errors if `layer` is not one of 0 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.forward(circles_train().x())?.a(0)?, circles_train().x());
    /// # Ok(())
    /// # }
    /// ```
    pub fn a(&self, layer: usize) -> Result<&Array2<f64>> {
        check_layer(layer, 0, self.z.len())?;
        Ok(&self.a[layer])
    }

    /// ŷ = a^L = σ(z^L), which no gradient needs, if no z overflowed.
    fn finish(&mut self) -> Result<()> {
        if let Some(l) = self.z.iter().position(|z| z.iter().any(|z| !z.is_finite())) {
            let came = format!("infinite or NaN in layer {}", l + 1);
            return Err(Error::value("network", "finite pre-activations on this data", came));
        }
        let layers = self.z.len();
        self.a[layers].zip_mut_with(&self.z[layers - 1], |y_hat, &z| *y_hat = sigmoid(z));
        Ok(())
    }

    /// The mean loss over the samples, measured from that of the first, so that equal losses have exactly their mean.
    pub(crate) fn cost(&self, y: &Array2<f64>) -> f64 {
        let z = &self.z[self.z.len() - 1];
        let losses = z.iter().zip(y).map(|(&z, &y)| loss::loss(z, y));
        let first = loss::loss(z[[0, 0]], y[[0, 0]]);
        first + losses.map(|loss| (loss - first) / y.len() as f64).sum::<f64>()
    }
}

/// Draws the masks of dropout.
pub(crate) struct Dropout {
    keep: f64,
    random: Random,
}

impl Dropout {
    pub(crate) fn new(keep: f64, seed: u64) -> Result<Self> {
        if !(keep > 0.0 && keep <= 1.0) {
            return Err(Error::value("keep", "a probability above 0 and at most 1", keep.to_string()));
        }
        Ok(Dropout { keep, random: Random::new(seed, Stream::Dropout) })
    }

    /// Space for the masks of all hidden layers.
    pub(crate) fn new_masks(&self, trace: &Trace) -> Vec<Array2<f64>> {
        trace.z[..trace.z.len() - 1].to_vec()
    }

    pub(crate) fn draw(&mut self, masks: &mut [Array2<f64>]) {
        for mask in masks {
            mask.map_inplace(|m| *m = if self.random.uniform() < self.keep { 1.0 / self.keep } else { 0.0 });
        }
    }
}

fn check_sizes(sizes: &[usize]) -> Result<()> {
    if sizes.len() < 2 {
        let expected = "at least 2 (inputs and the output unit)";
        return Err(Error::shape("sizes", expected, sizes.len().to_string()));
    }
    if let Some(layer) = sizes.iter().position(|&n| n == 0) {
        let came = format!("0 in layer {layer}");
        return Err(Error::value("sizes", "at least 1 unit in every layer", came));
    }
    if sizes[sizes.len() - 1] != 1 {
        let came = format!("{} units", sizes[sizes.len() - 1]);
        return Err(Error::value("sizes", "1 unit in the last layer", came));
    }
    let parameters =
        sizes.windows(2).fold(0usize, |sum, n| sum.saturating_add(n[1].saturating_mul(n[0].saturating_add(1))));
    if parameters > MAX_PARAMETERS {
        let expected = format!("at most {MAX_PARAMETERS} parameters");
        return Err(Error::value("sizes", expected, format!("{sizes:?}")));
    }
    Ok(())
}

pub(crate) fn check_layer(layer: usize, first: usize, last: usize) -> Result<()> {
    if (first..=last).contains(&layer) {
        Ok(())
    } else {
        Err(Error::value("layer", format!("a number from {first} to {last}"), layer.to_string()))
    }
}

pub(crate) fn check_shape(
    argument: &'static str,
    layer: usize,
    expected: (usize, usize),
    came: (usize, usize),
) -> Result<()> {
    if expected == came {
        Ok(())
    } else {
        Err(Error::shape(argument, format!("shape {expected:?} in layer {layer}"), format!("{came:?}")))
    }
}

/// Every number is finite; else the error says where the first other one is.
pub(crate) fn check_finite(argument: &'static str, array: &Array2<f64>) -> Result<()> {
    match array.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => {
            let came = format!("{value} at row {row}, column {column}");
            Err(Error::value(argument, "finite numbers", came))
        }
    }
}

pub(crate) fn in_standard_layout(array: Array2<f64>) -> Array2<f64> {
    if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() }
}

fn set(array: &mut Array2<f64>, index: (usize, usize), value: f64) -> Result<()> {
    if !value.is_finite() {
        return Err(Error::value("value", "a finite number", value.to_string()));
    }
    let (rows, columns) = array.dim();
    match array.get_mut(index) {
        Some(element) => {
            *element = value;
            Ok(())
        }
        None => {
            let expected = format!("a row below {rows} and a column below {columns}");
            Err(Error::value("row, column", expected, format!("{index:?}")))
        }
    }
}
