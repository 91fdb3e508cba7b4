//! Inspection: why is this gradient zero? The chain that makes each layer's dW, and what it says.
//!
//! dW^l is the mean over the samples of δ^l times a^{l-1}, and δ^l is what flows back, W^{l+1}ᵀ δ^{l+1}, times the
//! slope g'(z^l). A product is zero if a factor is; a mean is zero also if its terms cancel. "Zero" means `== 0.0`.

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
    /// All entries are zero, since the activations that come in, a^{l-1}, are.
    InputZero,
    /// All entries are zero, since δ^l is.
    DeltaZero(
        /// Which of the factors of δ^l is zero.
        NoDelta,
    ),
    /// All entries are zero, twice over: a^{l-1} and δ^l both are.
    InputAndDeltaZero(
        /// Which of the factors of δ^l is zero.
        NoDelta,
    ),
    /// All entries are zero though neither a^{l-1} nor δ^l is: no sample has both.
    NeverTogether,
    /// All entries are zero though samples have both: their product is too small a number to be written.
    Underflow,
    /// All entries are zero though samples push: what they push adds up to zero over the batch.
    Cancelled,
}

/// Why δ^l is zero for every unit and sample.
///
/// ```
/// use zero_init::prelude::*;
///
/// let inspection = Network::new(&[2, 3, 1], Activation::Tanh, Init::Zeros)?.inspect(&circles_train())?;
/// assert_eq!(inspection.layer(1)?.dw_verdict, Verdict::DeltaZero(NoDelta::NothingFlowsBack));
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDelta {
    /// Nothing flows back: W^{l+1}ᵀ δ^{l+1} = 0.
    NothingFlowsBack,
    /// The slope g'(z^l) is zero everywhere.
    SlopeZero,
    /// Both are zero.
    BothZero,
    /// Neither is zero, but wherever one is not, the other is.
    NeverTogether,
    /// Both are non-zero at the same unit and sample, but their product is too small a number to be written.
    Underflow,
    /// The output layer's δ^L = ŷ - y is zero: every prediction equals its label.
    NoError,
}

/// What a gradient is the product of.
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
    /// The activations that come in, a^{l-1}.
    Input,
    /// What flows back, W^{l+1}ᵀ δ^{l+1}; at the output layer ŷ - y. Small at a hidden layer: a vanishing gradient.
    FlowBack,
    /// The slope g'(z^l). Small: saturated units.
    Slope,
    /// The coincidence of factors: where one of them is large, another is small.
    Coincidence,
    /// The mean over the samples: it is much smaller than the largest term.
    Mean,
}

/// One layer's chain: the largest absolute value of each factor of dW^l and db^l, and the verdicts.
///
/// ```
/// use zero_init::prelude::*;
///
/// let inspection = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?.inspect(&circles_train())?;
/// let output = inspection.layer(3)?;
/// assert_eq!((output.input, output.delta, output.per_sample, output.dw), (0.0, 0.5, 0.0, 0.0));
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LayerInspection {
    /// The layer l.
    pub layer: usize,
    /// The number of units n_l.
    pub units: usize,
    /// Units that are off for every sample, with a = 0 and g'(z) = 0; `None` at the output layer.
    pub dead_units: Option<usize>,
    /// a^{l-1}, what comes in.
    pub input: f64,
    /// W^{l+1}ᵀ δ^{l+1}, what flows back; at the output layer ŷ - y.
    pub flow_back: f64,
    /// g'(z^l); `None` at the output layer, where δ is ŷ - y as a whole.
    pub slope: Option<f64>,
    /// δ^l.
    pub delta: f64,
    /// δ^l times a^{l-1} for single samples, before their mean is taken.
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

/// The inspection of a network on a data set: a row a layer. Shown in a notebook as a table.
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
    /// Says for each layer, on the given data, why dW and db are zero or are not.
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
            let meet = samples().any(|(delta, a)| largest(delta) != 0.0 && largest(a) != 0.0);
            layer.dw_verdict = layer.verdict(layer.input, layer.per_sample, layer.dw, meet, no_delta);
            layer.db_verdict = layer.verdict(1.0, layer.delta, layer.db, true, no_delta);
            layer
        };
        Ok(Inspection { layers: (1..=self.layers()).map(inspect).collect() })
    }
}

/// Below this size a gradient that is not zero is called small.
const SMALL: f64 = 1e-7;

impl LayerInspection {
    /// Why a gradient of this layer is what it is. It is the mean over the samples of δ times `input`; `terms` is the
    /// largest of these products, and `meet` says whether for some sample neither factor is zero.
    fn verdict(&self, input: f64, terms: f64, gradient: f64, meet: bool, no_delta: NoDelta) -> Verdict {
        match (input == 0.0, self.delta == 0.0) {
            _ if gradient >= SMALL => Verdict::Alive,
            _ if gradient != 0.0 => {
                Verdict::Small { threshold: SMALL, cause: self.smallest_factor(input, terms, gradient) }
            }
            (true, true) => Verdict::InputAndDeltaZero(no_delta),
            (true, false) => Verdict::InputZero,
            (false, true) => Verdict::DeltaZero(no_delta),
            (false, false) if !meet => Verdict::NeverTogether,
            // Below this, a number has lost digits, and its mean may be zero for that alone.
            (false, false) if terms < f64::MIN_POSITIVE => Verdict::Underflow,
            (false, false) => Verdict::Cancelled,
        }
    }

    /// Why δ of a hidden layer is zero, if it is. `meet` says whether for some unit and sample neither factor is zero.
    fn no_delta(&self, meet: bool) -> NoDelta {
        match (self.slope == Some(0.0), self.flow_back == 0.0) {
            (true, true) => NoDelta::BothZero,
            (true, false) => NoDelta::SlopeZero,
            (false, true) => NoDelta::NothingFlowsBack,
            (false, false) if meet => NoDelta::Underflow,
            (false, false) => NoDelta::NeverTogether,
        }
    }

    /// Which factor makes a gradient small. The largest entry of the gradient is the product of the five numbers below: the
    /// sizes of its three factors, how far these are large for the same unit and sample, and how far the samples agree.
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
    /// The rows, layer 1 first.
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
