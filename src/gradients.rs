//! The backward pass: δ^L = ŷ - y, δ^l = (W^{l+1}ᵀ δ^{l+1}) ⊙ g'(z^l), dW^l = δ^l (a^{l-1})ᵀ / m, db^l = Σ δ^l / m.

use ndarray::Array2;

use crate::data::{Dataset, check_labels};
use crate::error::{Error, Result, check_positive};
use crate::loss;
use crate::network::{Network, Trace, check_layer, check_shape};
use crate::product::{self, largest};

impl Network {
    /// The backward pass from a trace of this network and the labels `y`, (1, m): δ, dW and db of every layer.
    ///
    /// δ is per sample; dW and db are those of the mean loss. They are summed before they are divided by m, so terms
    /// that cancel add up to exactly 0 if their partial sums are exact, as those of ±½ and ±¼ are. Errors if the trace
    /// is of a network of other sizes, if `y` has another shape than (1, m) or holds anything but 0 and 1, or if the
    /// numbers are so large that a gradient overflows.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let data = circles_train();
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// let trace = network.forward(data.x())?;
    /// let gradients = network.backward(&trace, data.y())?;
    /// assert!(gradients.delta(3)?.iter().all(|delta| delta.abs() == 0.5)); // δ is not zero
    /// assert!(gradients.dw(3)?.iter().all(|&dw| dw == 0.0)); // and dW is
    /// # Ok(())
    /// # }
    /// ```
    pub fn backward(&self, trace: &Trace, y: &Array2<f64>) -> Result<Gradients> {
        if trace.z.len() != self.layers() {
            let expected = format!("{} layers", self.layers());
            return Err(Error::shape("trace", expected, trace.z.len().to_string()));
        }
        let samples = trace.a[0].ncols();
        for (layer, (a, units)) in trace.a.iter().zip(self.sizes()).enumerate() {
            check_shape("trace", layer, (units, samples), a.dim())?;
        }
        check_labels(y, samples)?;
        let mut gradients = Gradients::new(self, samples);
        gradients.compute(self, trace, y);
        for (l, (dw, db)) in gradients.dw.iter().zip(&gradients.db).enumerate() {
            if !(largest(dw).is_finite() && largest(db).is_finite()) {
                let came = format!("infinite or NaN in layer {}", l + 1);
                return Err(Error::value("network", "finite gradients on this data", came));
            }
        }
        Ok(gradients)
    }

    /// The gradients of the cost on a data set: a forward pass, then a backward pass.
    ///
    /// Errors as [`forward`](Self::forward) and [`backward`](Self::backward) do.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let logistic_regression = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// let gradients = logistic_regression.gradients(&circles_train())?;
    /// assert!(gradients.dw(1)?.iter().all(|&dw| dw != 0.0)); // its input is x: it learns from zero
    /// # Ok(())
    /// # }
    /// ```
    pub fn gradients(&self, data: &Dataset) -> Result<Gradients> {
        let trace = self.forward(data.x())?;
        self.backward(&trace, data.y())
    }

    /// One step of gradient descent: W^l - learning_rate · dW^l and b^l - learning_rate · db^l replace W^l and b^l.
    ///
    /// Errors, changing nothing, if the gradients are of a network of other sizes, if the learning rate is not finite,
    /// or if a parameter would not be finite.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// let before = network.clone();
    /// let gradients = network.gradients(&circles_train())?;
    /// network.descend(&gradients, 0.01)?;
    /// assert_eq!(network, before); // nothing moved, not even the output bias: the circles are balanced
    /// # Ok(())
    /// # }
    /// ```
    pub fn descend(&mut self, gradients: &Gradients, learning_rate: f64) -> Result<()> {
        check_positive("learning_rate", learning_rate)?;
        if gradients.dw.len() != self.layers() {
            let expected = format!("{} layers", self.layers());
            return Err(Error::shape("gradients", expected, gradients.dw.len().to_string()));
        }
        for (l, (w, dw)) in self.weights.iter().zip(&gradients.dw).enumerate() {
            check_shape("gradients", l + 1, w.dim(), dw.dim())?;
        }
        let mut next = self.clone();
        if !next.update(gradients, learning_rate) {
            return Err(Error::Diverged { step: 1, learning_rate });
        }
        *self = next;
        Ok(())
    }

    /// Updates every parameter and says whether all are finite.
    pub(crate) fn update(&mut self, gradients: &Gradients, learning_rate: f64) -> bool {
        let mut finite = true;
        let parameters = self.weights.iter_mut().chain(&mut self.biases);
        for (parameter, gradient) in parameters.zip(gradients.dw.iter().chain(&gradients.db)) {
            parameter.zip_mut_with(gradient, |parameter, gradient| {
                *parameter -= learning_rate * gradient;
                finite &= parameter.is_finite();
            });
        }
        finite
    }
}

/// What a backward pass leaves: δ^l, (n_l, m), per sample; dW^l, (n_l, n_{l-1}), and db^l, (n_l, 1), of the cost.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let network = Network::new(&[2, 10, 5, 1], Activation::Tanh, Init::He { seed: 1 })?;
/// let gradients = network.gradients(&circles_train())?;
/// assert_eq!(gradients.delta(2)?.dim(), (5, 300));
/// assert_eq!(gradients.dw(2)?.dim(), (5, 10));
/// assert_eq!(gradients.db(2)?.dim(), (5, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    pub(crate) delta: Vec<Array2<f64>>,
    pub(crate) dw: Vec<Array2<f64>>,
    pub(crate) db: Vec<Array2<f64>>,
}

impl Gradients {
    /// δ^l = ∂ℓ/∂z^l of every sample, (n_l, m). Errors if `layer` is not one of 1 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(*network.gradients(&circles_train())?.delta(3)?, 0.5 - circles_train().y());
    /// # Ok(())
    /// # }
    /// ```
    pub fn delta(&self, layer: usize) -> Result<&Array2<f64>> {
        check_layer(layer, 1, self.delta.len())?;
        Ok(&self.delta[layer - 1])
    }

    /// The weight gradient dW^l, (n_l, n_{l-1}). Errors if `layer` is not one of 1 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert!(all_zero(network.gradients(&circles_train())?.dw(1)?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn dw(&self, layer: usize) -> Result<&Array2<f64>> {
        check_layer(layer, 1, self.dw.len())?;
        Ok(&self.dw[layer - 1])
    }

    /// The bias gradient db^l, (n_l, 1). Errors if `layer` is not one of 1 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert!(all_zero(network.gradients(&circles_train())?.db(3)?)); // 150 push up, 150 down
    /// # Ok(())
    /// # }
    /// ```
    pub fn db(&self, layer: usize) -> Result<&Array2<f64>> {
        check_layer(layer, 1, self.db.len())?;
        Ok(&self.db[layer - 1])
    }

    /// The size of every layer's dW: its Frobenius norm, √Σ dW².
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// assert_eq!(network.gradients(&circles_train())?.norms(), [0.0, 0.0, 0.0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn norms(&self) -> Vec<f64> {
        let norm = |dw: &Array2<f64>| {
            let largest = largest(dw);
            if largest == 0.0 || !largest.is_finite() {
                return largest;
            }
            // Scaled, so that tiny entries do not underflow when they are squared.
            largest * product::sum(product::contiguous(&dw.mapv(|v| (v / largest).powi(2)))).sqrt()
        };
        self.dw.iter().map(norm).collect()
    }

    /// Space for the gradients of a network on so many samples.
    pub(crate) fn new(network: &Network, samples: usize) -> Self {
        let zeros = |arrays: &[Array2<f64>]| arrays.iter().map(|a| Array2::zeros(a.dim())).collect();
        let delta = network.biases.iter().map(|b| Array2::zeros((b.nrows(), samples))).collect();
        Gradients { delta, dw: zeros(&network.weights), db: zeros(&network.biases) }
    }

    /// The backward pass, from the output layer to the first.
    pub(crate) fn compute(&mut self, network: &Network, trace: &Trace, y: &Array2<f64>) {
        let last = network.layers() - 1;
        // δ = ŷ - y at the output
        ndarray::Zip::from(&mut self.delta[last])
            .and(&trace.z[last])
            .and(y)
            .for_each(|delta, &z, &y| *delta = loss::delta(z, y));
        for l in (0..last).rev() {
            // δ = (Wᵀ δ) ⊙ g'(z), with W and δ of the layer above
            let (below, above) = self.delta.split_at_mut(l + 1);
            let delta = &mut below[l];
            product::times(network.weights[l + 1].t(), &above[0], None, delta);
            if let Some(mask) = trace.masks.get(l) {
                *delta *= mask;
            }
            let (z, delta) = (product::contiguous(&trace.z[l]), product::contiguous_mut(delta));
            network.hidden.scale_by_derivative(z, delta);
        }
        let m = y.len() as f64;
        for (l, delta) in self.delta.iter().enumerate() {
            // dW = δ aᵀ / m, with a of the layer below
            product::times_transpose(delta, &trace.a[l], &mut self.dw[l]);
            self.dw[l].map_inplace(|dw| *dw /= m);
            // db = Σ δ / m
            for (db, delta) in self.db[l].iter_mut().zip(product::contiguous(delta).chunks_exact(y.len())) {
                *db = product::sum(delta) / m;
            }
        }
    }
}
