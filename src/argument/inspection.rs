//! Inspection: why is this gradient zero? It finds the factors that make up each layer's dW, and the reason in them.
//!
//! dW^l is the mean over the samples of δ^l times a^{l-1}, and δ^l is what flows back, W^{l+1}ᵀ δ^{l+1}, times the
//! slope g'(z^l). A product is zero if one of its factors is zero. A mean is also zero if its terms cancel. "Zero"
//! means `== 0.0`.

use ndarray::Array2;

use super::network::Network;
use crate::study::data::Dataset;
use crate::support::error::Result;
use crate::support::matrix::{check_layer, largest, transpose_times};

/// Why a gradient is what it is.
///
/// ```
/// use zero_init::prelude::*;
///
/// let inspection = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?.inspect(&circles_train())?;
/// let why: Vec<Verdict> = inspection.layers().iter().map(|layer| layer.dw_verdict).collect();
/// assert_eq!(why[0], Verdict::DeltaZero(NoDelta::BothZero));
/// assert_eq!(why[1], Verdict::InputAndDeltaZero(NoDelta::BothZero));
/// assert_eq!(why[2], Verdict::InputZero);
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// At least one entry is not zero, and not small either.
    Alive,
    /// At least one entry is not zero, but all are below the threshold.
    Small {
        /// The threshold on the largest absolute entry.
        threshold: f64,
        /// The smallest of the factors that make up the largest entry.
        cause: Factor,
    },
    /// All entries are zero, because all incoming activations a^{l-1} are zero.
    InputZero,
    /// All entries are zero, because δ^l is zero for every unit and sample.
    DeltaZero(
        /// Which of the factors of δ^l is zero.
        NoDelta,
    ),
    /// All entries are zero for two reasons: a^{l-1} is zero, and δ^l is zero.
    InputAndDeltaZero(
        /// Which of the factors of δ^l is zero.
        NoDelta,
    ),
    /// All entries are zero although neither a^{l-1} nor δ^l is: no sample has values other than zero in both.
    NeverTogether,
    /// All entries are zero although some samples have values other than zero in both a^{l-1} and δ^l: the products are
    /// too small for a floating-point number.
    Underflow,
    /// All entries are zero although single samples have products other than zero: over the batch these add up to zero.
    Cancelled,
}

/// Why δ^l is zero for every unit and sample. [`Verdict`] has an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDelta {
    /// Nothing flows back: W^{l+1}ᵀ δ^{l+1} = 0.
    NothingFlowsBack,
    /// The slope g'(z^l) is zero everywhere.
    SlopeZero,
    /// Both are zero.
    BothZero,
    /// Neither is zero everywhere, but at every unit and sample at least one of them is zero.
    NeverTogether,
    /// At some unit and sample neither is zero, but their product is too small for a floating-point number.
    Underflow,
    /// The output layer's δ^L = ŷ - y is zero: every prediction equals its label.
    NoError,
}

/// The factors whose product is a gradient.
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut saturated = Network::new(&[2, 3, 1], Activation::Tanh, Init::Zeros)?.with_biases(Init::Constant(20.0))?;
/// saturated.set_weight(2, (0, 0), 1.0)?;
/// let verdict = saturated.inspect(&circles_train())?.layer(1)?.dw_verdict;
/// assert_eq!(verdict, Verdict::Small { threshold: 1e-7, cause: Factor::Slope });
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Factor {
    /// The incoming activations, a^{l-1}.
    Input,
    /// What flows back, W^{l+1}ᵀ δ^{l+1}; at the output layer ŷ - y. If it is small at a hidden layer, the gradient
    /// vanishes.
    FlowBack,
    /// The slope g'(z^l). If it is small, the units are saturated.
    Slope,
    /// The coincidence of the factors: wherever one of them is large, another one is small.
    Coincidence,
    /// The mean over the samples: it is much smaller than its largest term.
    Mean,
}

/// What an inspection finds for one layer: the largest absolute value of each factor of dW^l and db^l, and the
/// verdicts. [`Inspection`] has an example.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LayerInspection {
    /// The layer l.
    pub layer: usize,
    /// The number of units n_l.
    pub units: usize,
    /// The number of units that are off for every sample, with a = 0 and g'(z) = 0; `None` at the output layer.
    pub dead_units: Option<usize>,
    /// The incoming activations, a^{l-1}.
    pub input: f64,
    /// What flows back, W^{l+1}ᵀ δ^{l+1}; at the output layer ŷ - y.
    pub flow_back: f64,
    /// The slope g'(z^l); `None` at the output layer, where δ is not a product but simply ŷ - y.
    pub slope: Option<f64>,
    /// δ^l.
    pub delta: f64,
    /// The products of δ^l and a^{l-1} of single samples, before the mean over the samples.
    pub per_sample: f64,
    /// dW^l.
    pub dw: f64,
    /// db^l.
    pub db: f64,
    /// How many entries of dW^l are zero.
    pub zeros_in_dw: usize,
    /// How many entries dW^l has.
    pub entries_of_dw: usize,
    /// Why dW^l is what it is.
    pub dw_verdict: Verdict,
    /// Why db^l is what it is.
    pub db_verdict: Verdict,
}

/// The inspection of a network on a data set, with one row for each layer. A notebook shows it as a table.
///
/// ```
/// use zero_init::prelude::*;
///
/// let inspection = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?.inspect(&circles_train())?;
/// assert_eq!(inspection.layers().len(), 3);
/// let output = inspection.layer(3)?;
/// assert_eq!((output.input, output.delta, output.per_sample, output.dw), (0.0, 0.5, 0.0, 0.0));
/// assert_eq!(output.why_dw(), "zero since a² = 0");
/// assert_eq!(output.why_db(), "zero, cancelled: the samples push but their mean is 0");
/// println!("{inspection}");
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    layers: Vec<LayerInspection>,
}

impl Network {
    /// Says for each layer why dW and db on the given data are zero, or that they are not.
    ///
    /// Errors if the data has another number of features, or if the numbers are so large that one overflows.
    pub fn inspect(&self, data: &Dataset) -> Result<Inspection> {
        let trace = self.forward(data.x())?;
        let gradients = self.backward(&trace, data.y())?;
        let inspect = |l: usize| {
            let (a, delta, dw, db) = (&trace.a[l - 1], &gradients.delta[l], &gradients.dw[l], &gradients.db[l]);
            let samples = || delta.columns().into_iter().zip(a.columns());
            let mut layer = LayerInspection {
                layer: l,
                units: delta.nrows(),
                dead_units: None,
                input: largest(a),
                flow_back: largest(delta),
                slope: None,
                delta: largest(delta),
                per_sample: samples().map(|(delta, a)| largest(delta) * largest(a)).fold(0.0, f64::max),
                dw: largest(dw),
                db: largest(db),
                zeros_in_dw: dw.iter().filter(|&&v| v == 0.0).count(),
                entries_of_dw: dw.len(),
                dw_verdict: Verdict::Alive,
                db_verdict: Verdict::Alive,
            };
            let mut no_delta = NoDelta::NoError;
            if l < self.layers() {
                let slope = trace.z[l].mapv(|z| self.g.derivative(z));
                let mut back = Array2::zeros(delta.dim());
                transpose_times(&self.w[l + 1], &gradients.delta[l + 1], &mut back);
                let is_dead = |unit: usize| largest(trace.a[l].row(unit)) == 0.0 && largest(slope.row(unit)) == 0.0;
                layer.dead_units = Some((0..layer.units).filter(|&unit| is_dead(unit)).count());
                layer.flow_back = largest(&back);
                layer.slope = Some(largest(&slope));
                no_delta = layer.no_delta(back.iter().zip(&slope).any(|(&back, &slope)| back != 0.0 && slope != 0.0));
            }
            let coincide = samples().any(|(delta, a)| largest(delta) != 0.0 && largest(a) != 0.0);
            layer.dw_verdict = layer.verdict(layer.input, layer.per_sample, layer.dw, coincide, no_delta);
            // A bias is a weight whose input is 1 for every sample.
            layer.db_verdict = layer.verdict(1.0, layer.delta, layer.db, true, no_delta);
            layer
        };
        Ok(Inspection { layers: (1..=self.layers()).map(inspect).collect() })
    }
}

/// A gradient that is not zero is called small if it is below this size.
const SMALL: f64 = 1e-7;

impl LayerInspection {
    /// Why a gradient of this layer is what it is. The gradient is the mean over the samples of δ times `input`.
    /// `terms` is the largest of these products, and `coincide` says whether for some sample neither factor is zero.
    fn verdict(&self, input: f64, terms: f64, gradient: f64, coincide: bool, no_delta: NoDelta) -> Verdict {
        match (input == 0.0, self.delta == 0.0) {
            _ if gradient >= SMALL => Verdict::Alive,
            _ if gradient != 0.0 => {
                Verdict::Small { threshold: SMALL, cause: self.smallest_factor(input, terms, gradient) }
            }
            (true, true) => Verdict::InputAndDeltaZero(no_delta),
            (true, false) => Verdict::InputZero,
            (false, true) => Verdict::DeltaZero(no_delta),
            (false, false) if !coincide => Verdict::NeverTogether,
            // A number below this size has lost digits, and its mean may be zero only for this reason.
            (false, false) if terms < f64::MIN_POSITIVE => Verdict::Underflow,
            (false, false) => Verdict::Cancelled,
        }
    }

    /// Why δ of a hidden layer is zero, if it is. `coincide` says whether for some unit and sample neither factor is
    /// zero.
    fn no_delta(&self, coincide: bool) -> NoDelta {
        match (self.slope == Some(0.0), self.flow_back == 0.0) {
            (true, true) => NoDelta::BothZero,
            (true, false) => NoDelta::SlopeZero,
            (false, true) => NoDelta::NothingFlowsBack,
            (false, false) if coincide => NoDelta::Underflow,
            (false, false) => NoDelta::NeverTogether,
        }
    }

    /// Which factor makes a gradient small. The largest entry of the gradient is the product of the five numbers below:
    /// the sizes of its three factors, a number that says how far these are large for the same unit and sample, and a
    /// number that says how far the samples agree.
    fn smallest_factor(&self, input: f64, terms: f64, gradient: f64) -> Factor {
        let slope = self.slope.unwrap_or(1.0);
        let factors = [
            (Factor::Input, input),
            (Factor::FlowBack, self.flow_back),
            (Factor::Slope, slope),
            (Factor::Coincidence, (self.delta / (self.flow_back * slope)) * (terms / (self.delta * input))),
            (Factor::Mean, gradient / terms),
        ];
        let smallest = factors.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        smallest.map_or(Factor::Mean, |(factor, _)| factor)
    }
}

impl Inspection {
    /// The rows, from layer 1 to layer L.
    pub fn layers(&self) -> &[LayerInspection] {
        &self.layers
    }

    /// The row of layer l. Errors if `layer` is not one of 1 … L.
    pub fn layer(&self, layer: usize) -> Result<&LayerInspection> {
        check_layer(layer, 1, self.layers.len())?;
        Ok(&self.layers[layer - 1])
    }
}

/// Whether every entry of a matrix is exactly zero, `== 0.0`.
///
/// ```
/// use zero_init::prelude::*;
///
/// assert!(all_zero(&array![[0.0, -0.0]]));
/// assert!(!all_zero(&array![[0.0, 1e-300]]));
/// ```
pub fn all_zero(matrix: &Array2<f64>) -> bool {
    matrix.iter().all(|&v| v == 0.0)
}
