//! The backward pass: δ^L = ŷ - y, δ^l = (W^{l+1}ᵀ δ^{l+1}) ⊙ g'(z^l), dW^l = δ^l (a^{l-1})ᵀ / m, db^l = Σ δ^l / m.

use ndarray::Array2;

use super::loss::prediction_minus_label;
use super::network::{Network, Trace};
use crate::study::data::Dataset;
use crate::support::error::{Error, Result, check_positive};
use crate::support::matrix::{
    Layers, add_row_sums, add_times_transpose, check_labels, check_no_overflow, check_shape, norm, transpose_times,
    zeros,
};

/// The result of a backward pass: δ^l, (n_l, m), of every sample, and the gradients of the cost, dW^l, (n_l, n_{l-1}),
/// and db^l, (n_l, 1).
///
/// ```
/// use zero_init::prelude::*;
///
/// let data = circles_train();
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let gradients = network.gradients(&data)?;
/// assert_eq!(gradients.delta(3)?, 0.5 - data.y()); // δ is not zero …
/// assert!(gradients.each_layer().all(|(_, _, dw, _)| all_zero(dw))); // … and every dW is
/// assert_eq!(gradients.norms(), [0.0, 0.0, 0.0]);
/// assert!(all_zero(gradients.db(3)?)); // 150 samples push up, 150 push down
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    pub(crate) delta: Layers<Array2<f64>>,
    pub(crate) dw: Layers<Array2<f64>>,
    pub(crate) db: Layers<Array2<f64>>,
}

impl Network {
    /// The backward pass, from the output layer to the first layer: δ of every layer. What the samples contribute to dW
    /// and db is added to them. The division by the number m of samples comes last, in [`Gradients::divide_by`].
    pub(crate) fn backward_pass(
        &self,
        Trace { z, a, masks }: &Trace,
        y: &Array2<f64>,
        delta: &mut Layers<Array2<f64>>,
        dw: &mut Layers<Array2<f64>>,
        db: &mut Layers<Array2<f64>>,
    ) {
        let last = self.layers();
        prediction_minus_label(&z[last], y, &mut delta[last]); // δ = ŷ - y
        for l in (1..last).rev() {
            let (delta_l, delta_above) = delta.with_next(l);
            self.g.times_slope(&z[l], transpose_times(&self.w[l + 1], delta_above, delta_l)); // δ = (Wᵀ δ) ⊙ g'(z)
            masks.apply(l, delta_l);
        }
        for l in 1..=last {
            add_times_transpose(&delta[l], &a[l - 1], &mut dw[l]); // dW = δ aᵀ
            add_row_sums(&delta[l], &mut db[l]); // db = Σ δ
        }
    }
}

impl Gradients {
    /// dW = δ aᵀ / m and db = Σ δ / m.
    pub(crate) fn divide_by(&mut self, m: usize) {
        self.dw.0.iter_mut().chain(&mut self.db.0).for_each(|sum| *sum /= m as f64);
    }
}

impl Network {
    /// Takes one step of gradient descent. Returns whether every parameter is still finite.
    pub(crate) fn descend_by(&mut self, Gradients { dw, db, .. }: &Gradients, learning_rate: f64) -> bool {
        let mut finite = true;
        let parameters = self.w.0.iter_mut().chain(&mut self.b.0);
        for (parameter, gradient) in parameters.zip(dw.iter().chain(db.iter())) {
            parameter.zip_mut_with(gradient, |w, dw| {
                *w -= learning_rate * dw; // W ← W - η dW, and b likewise
                finite &= w.is_finite();
            });
        }
        finite
    }

    /// The backward pass from a trace of this network and the labels `y`, (1, m): δ, dW and db of every layer.
    ///
    /// δ belongs to a single sample; dW and db are the gradients of the mean loss. Their terms are added up before the
    /// sum is divided by m. So terms that cancel add up to exactly 0 if their partial sums are exact, as those of ±½
    /// and ±¼ are. Errors if the trace comes from a network of other sizes, if `y` has another shape than (1, m) or
    /// holds anything but 0 and 1, or if the numbers are so large that a gradient overflows.
    pub fn backward(&self, trace: &Trace, y: &Array2<f64>) -> Result<Gradients> {
        if trace.a.len() != self.sizes().len() {
            let expected = format!("{} layers", self.layers());
            return Err(Error::shape("trace", expected, (trace.a.len() - 1).to_string()));
        }
        let samples = trace.a[0].ncols();
        for (layer, (a, units)) in trace.a.iter().zip(self.sizes()).enumerate() {
            check_shape("trace", layer, (units, samples), a.dim())?;
        }
        check_labels(y, samples)?;
        let mut gradients = Gradients::zeros(self, samples);
        let Gradients { delta, dw, db } = &mut gradients;
        self.backward_pass(trace, y, delta, dw, db);
        gradients.divide_by(samples);
        check_no_overflow("gradients", &gradients.dw)?;
        check_no_overflow("gradients", &gradients.db)?;
        Ok(gradients)
    }

    /// The gradients of the cost on a data set: a forward pass, then a backward pass.
    ///
    /// Errors as [`forward`](Self::forward) and [`backward`](Self::backward) do.
    pub fn gradients(&self, data: &Dataset) -> Result<Gradients> {
        let trace = self.forward(data.x())?;
        self.backward(&trace, data.y())
    }

    /// Takes one step of gradient descent: subtracts learning_rate · dW^l from W^l and
    /// learning_rate · db^l from b^l.
    ///
    /// Errors if the gradients come from a network of other sizes, if the learning rate is not a finite number above 0,
    /// or if a parameter would not be finite. The network is then unchanged.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// let before = network.clone();
    /// network.descend(&network.gradients(&circles_train())?, 0.01)?;
    /// assert_eq!(network, before); // nothing moved, not even the output bias: the circles are balanced
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn descend(&mut self, gradients: &Gradients, learning_rate: f64) -> Result<()> {
        check_positive("learning_rate", learning_rate)?;
        if gradients.dw.0.len() != self.layers() {
            let expected = format!("{} layers", self.layers());
            return Err(Error::shape("gradients", expected, gradients.dw.0.len().to_string()));
        }
        for ((l, w, _), dw) in self.each_layer().zip(gradients.dw.iter()) {
            check_shape("gradients", l, w.dim(), dw.dim())?;
        }
        let mut next = self.clone();
        if !next.descend_by(gradients, learning_rate) {
            return Err(Error::Diverged { step: 1, learning_rate });
        }
        *self = next;
        Ok(())
    }
}

impl Gradients {
    /// δ^l = ∂ℓ/∂z^l of every sample, (n_l, m). Errors if `layer` is not one of 1 … L.
    pub fn delta(&self, layer: usize) -> Result<&Array2<f64>> {
        self.delta.get(layer)
    }

    /// The weight gradient dW^l, (n_l, n_{l-1}). Errors if `layer` is not one of 1 … L.
    pub fn dw(&self, layer: usize) -> Result<&Array2<f64>> {
        self.dw.get(layer)
    }

    /// The bias gradient db^l, (n_l, 1). Errors if `layer` is not one of 1 … L.
    pub fn db(&self, layer: usize) -> Result<&Array2<f64>> {
        self.db.get(layer)
    }

    /// The layers 1 … L one after the other: the layer's number, δ^l, dW^l and db^l.
    pub fn each_layer(&self) -> impl Iterator<Item = (usize, &Array2<f64>, &Array2<f64>, &Array2<f64>)> {
        (1..)
            .zip(self.delta.iter())
            .zip(self.dw.iter().zip(self.db.iter()))
            .map(|((l, delta), (dw, db))| (l, delta, dw, db))
    }

    /// The size of every layer's dW: its Frobenius norm, √Σ dW².
    pub fn norms(&self) -> Vec<f64> {
        self.dw.iter().map(norm).collect()
    }

    /// Gradients that are all zero, with space for the δ of the given number of samples.
    pub(crate) fn zeros(network: &Network, samples: usize) -> Self {
        Gradients {
            delta: zeros(network.b.iter().map(|b| (b.nrows(), samples))),
            dw: zeros(network.w.iter().map(|w| w.dim())),
            db: zeros(network.b.iter().map(|b| b.dim())),
        }
    }
}
