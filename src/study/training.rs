//! Training: gradient descent and its variants, and a history of what it is asked to record.

use std::fmt;

use super::batch::{Batch, Order};
use super::data::Dataset;
use super::dropout::Dropout;
use super::optimizer::{Optimizer, Progress};
use crate::argument::network::Network;
use crate::support::error::{Error, Result, check_not_negative, check_positive};
use crate::support::matrix::MAX_PARAMETERS;
use crate::support::text::number;

/// A run of gradient descent: in each step, W becomes W - learning_rate · dW, and b likewise. Each step uses all samples
/// and gradient descent itself, unless it is told otherwise.
///
/// It records only what it is asked to record; the rest costs nothing. Step k is the state after k updates, so step 0
/// is the start. With a large data set all cores are used, and the result is the same to the last bit.
///
/// ```
/// use zero_init::prelude::*;
///
/// let data = circles_train();
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 3 })?;
/// let start = network.clone();
/// let training = Training::new(0.1, 2000).record_cost(Steps::Every(1000)).record_norms(Steps::At(vec![0]));
/// let history = training.record_snapshots(Steps::At(vec![0, 2000])).run(&mut network, &data)?;
/// assert!(history.costs()[2].1 < history.costs()[0].1);
/// assert_eq!(history.norms(), [(0, start.gradients(&data)?.norms())]);
/// assert_eq!(history.snapshots(), [(0, start), (2000, network.clone())]);
///
/// let error = Training::new(1e200, 100).run(&mut network, &data).unwrap_err();
/// assert!(error.to_string().contains("after step")); // the network is unchanged
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    learning_rate: f64,
    steps: usize,
    cost: Steps,
    norms: Steps,
    snapshots: Steps,
    dropout: Option<(f64, u64)>,
    batches: Option<(usize, u64)>,
    optimizer: Optimizer,
    weight_decay: f64,
}

impl Training {
    /// Trains the network in place.
    ///
    /// The network is unchanged if there is an error. Errors if the learning rate is not a finite number above 0, if
    /// the steps to record are not in rising order, are beyond the last step or are too many, if the data has another
    /// number of features, if `keep` of dropout is not in (0, 1], if a mini-batch is empty or larger than the data, if a
    /// number of the optimizer or of weight decay is out of range, or if a parameter, or a number to record, becomes
    /// infinite or NaN ([`Error::Diverged`] says after which step).
    pub fn run(&self, network: &mut Network, data: &Dataset) -> Result<History> {
        self.watch(network, data, &Steps::Never, |_, _, _| {})
    }

    /// Trains as [`run`](Training::run) does, and at some steps shows the step, the network, and what is recorded so
    /// far.
    ///
    /// Errors as [`run`](Training::run) does, and if the steps `at` are not in rising order or beyond the last one.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// let mut seen = vec![];
    /// let training = Training::new(0.1, 10).record_cost(Steps::Every(1));
    /// training.watch(&mut network, &circles_train(), &Steps::Every(5), |step, _, history| {
    ///     seen.push((step, history.costs().len()));
    /// })?;
    /// assert_eq!(seen, [(0, 1), (5, 6), (10, 11)]);
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn watch(
        &self,
        network: &mut Network,
        data: &Dataset,
        at: &Steps,
        mut see: impl FnMut(usize, &Network, &History),
    ) -> Result<History> {
        self.check(network)?;
        at.check("at", self.steps, usize::MAX)?;
        let dropout = self.dropout.map(|(keep, seed)| Dropout::new(keep, seed)).transpose()?;
        let order = |(size, seed)| Order::new(data.samples(), size, seed);
        let mut order = self.batches.map(order).transpose()?;
        let size = self.batches.map_or(data.samples(), |(size, _)| size);
        let mut batch = Batch::new(network, data, size, dropout)?;
        let mut pass = |batch: &mut Batch, network: &Network| {
            if let Some(order) = &mut order {
                batch.load(data, order);
            }
            batch.forward_and_backward(network);
        };
        let mut progress = Progress::new(self.optimizer, network)?;
        let (mut trained, mut history) = (network.clone(), History::default());
        for step in 0..self.steps {
            pass(&mut batch, &trained);
            self.record(step, &trained, &batch, &mut history)?;
            if at.contains(step) {
                see(step, &trained, &history);
            }
            if self.weight_decay != 0.0 {
                let kept = 1.0 - self.learning_rate * self.weight_decay;
                trained.w.0.iter_mut().for_each(|w| *w *= kept);
            }
            if !trained.descend_by(progress.direction(batch.gradients()), self.learning_rate) {
                return Err(self.diverged(step + 1));
            }
        }
        if self.records_at(self.steps) {
            pass(&mut batch, &trained);
            self.record(self.steps, &trained, &batch, &mut history)?;
        }
        if at.contains(self.steps) {
            see(self.steps, &trained, &history);
        }
        *network = trained;
        Ok(history)
    }

    /// This number of steps with this learning rate; nothing is recorded.
    pub fn new(learning_rate: f64, steps: usize) -> Self {
        let never = || Steps::Never;
        Training {
            learning_rate,
            steps,
            cost: never(),
            norms: never(),
            snapshots: never(),
            dropout: None,
            batches: None,
            optimizer: Optimizer::GradientDescent,
            weight_decay: 0.0,
        }
    }

    /// Records the cost (nats) at these steps: [`History::costs`].
    pub fn record_cost(self, steps: Steps) -> Self {
        Training { cost: steps, ..self }
    }

    /// Records the size of every layer's dW at these steps: [`History::norms`].
    pub fn record_norms(self, steps: Steps) -> Self {
        Training { norms: steps, ..self }
    }

    /// Records the network itself at these steps: [`History::snapshots`].
    pub fn record_snapshots(self, steps: Steps) -> Self {
        Training { snapshots: steps, ..self }
    }

    /// Trains with dropout on the hidden layers: for each sample and step, each unit is kept with probability `keep`.
    ///
    /// The activations of units that are kept are divided by `keep` (inverted dropout; Srivastava et al. 2014). The
    /// recorded costs and norms are those of the network without the units that the step leaves out.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let mut network = Network::new(&[2, 3, 1], Activation::Relu, Init::Constant(0.5))?;
    /// Training::new(0.1, 1).dropout(0.5, 1).run(&mut network, &circles_train())?;
    /// assert_ne!(network.weights(1)?.row(0), network.weights(1)?.row(1)); // the units are no longer equal
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn dropout(self, keep: f64, seed: u64) -> Self {
        Training { dropout: Some((keep, seed)), ..self }
    }

    /// Trains in mini-batches: each step is made from the next `size` samples.
    ///
    /// The samples are taken in an order drawn at random, and when all have had their turn, in a new one. The recorded
    /// costs and norms are those of the step's batch; those of the last step are of the batch that would come next.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let mut network = Network::new(&[2, 3, 1], Activation::Sigmoid, Init::Zeros)?;
    /// Training::new(0.1, 1).batches(32, 1).run(&mut network, &circles_train())?;
    /// assert!(!all_zero(network.weights(2)?)); // the whole data set is balanced, these 32 samples are not
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn batches(self, size: usize, seed: u64) -> Self {
        Training { batches: Some((size, seed)), ..self }
    }

    /// Trains with this optimizer in the place of gradient descent.
    pub fn optimizer(self, optimizer: Optimizer) -> Self {
        Training { optimizer, ..self }
    }

    /// Trains with weight decay λ: before each step, all weights are multiplied by 1 - learning_rate · λ. Biases are not.
    ///
    /// With gradient descent this is the same as adding λ/2 · ‖W‖² to the cost; with Adam it is AdamW (Loshchilov &
    /// Hutter 2017, arXiv 1711.05101).
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Constant(1.0))?;
    /// let gradients = network.gradients(&circles_train())?;
    /// let expected = network.weights(1)? * (1.0 - 0.1 * 0.5) - 0.1 * gradients.dw(1)?;
    /// Training::new(0.1, 1).weight_decay(0.5).run(&mut network, &circles_train())?;
    /// assert_eq!(network.weights(1)?, expected);
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn weight_decay(self, lambda: f64) -> Self {
        Training { weight_decay: lambda, ..self }
    }

    fn records_at(&self, step: usize) -> bool {
        [&self.cost, &self.norms, &self.snapshots].iter().any(|steps| steps.contains(step))
    }

    /// Adds to the history what is to be recorded at a step. It is called after the passes of the step and before its
    /// update.
    fn record(&self, step: usize, network: &Network, batch: &Batch, history: &mut History) -> Result<()> {
        if self.snapshots.contains(step) {
            history.snapshots.push((step, network.clone()));
        }
        if self.cost.contains(step) {
            let cost = batch.cost();
            history.costs.push((step, if cost.is_finite() { cost } else { return Err(self.diverged(step)) }));
        }
        if self.norms.contains(step) {
            let norms = batch.gradients().norms();
            let finite = norms.iter().all(|norm| norm.is_finite());
            history.norms.push((step, if finite { norms } else { return Err(self.diverged(step)) }));
        }
        Ok(())
    }

    fn diverged(&self, step: usize) -> Error {
        Error::Diverged { step, learning_rate: self.learning_rate }
    }

    fn check(&self, network: &Network) -> Result<()> {
        check_positive("learning_rate", self.learning_rate)?;
        check_not_negative("lambda", self.weight_decay)?;
        self.cost.check("record_cost", self.steps, MAX_RECORDS)?;
        self.norms.check("record_norms", self.steps, MAX_RECORDS / network.layers())?;
        self.snapshots.check("record_snapshots", self.steps, MAX_PARAMETERS / network.parameter_count())
    }
}

/// The most numbers that the records of one kind may have; snapshots may have [`MAX_PARAMETERS`].
const MAX_RECORDS: usize = 10_000_000;

/// The steps at which something is recorded.
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
/// let history = Training::new(0.1, 10).record_cost(Steps::Every(5)).run(&mut network, &circles_train())?;
/// let steps: Vec<usize> = history.costs().iter().map(|&(step, _)| step).collect();
/// assert_eq!(steps, [0, 5, 10]);
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Steps {
    /// Never.
    Never,
    /// At step 0 and then at regular intervals.
    Every(
        /// The number of steps in an interval, at least 1.
        usize,
    ),
    /// At these steps, in rising order.
    At(
        /// The steps.
        Vec<usize>,
    ),
}

impl Steps {
    fn contains(&self, step: usize) -> bool {
        match self {
            Steps::Never => false,
            Steps::Every(interval) => step % interval == 0,
            Steps::At(steps) => steps.binary_search(&step).is_ok(),
        }
    }

    fn check(&self, argument: &'static str, last: usize, most: usize) -> Result<()> {
        let count = match self {
            Steps::Never => 0,
            Steps::Every(0) => return Err(Error::value(argument, "an interval of at least 1 step", "Every(0)")),
            Steps::Every(interval) => (last / interval).saturating_add(1),
            Steps::At(steps) => {
                if !steps.is_sorted_by(|a, b| a < b) {
                    return Err(Error::value(argument, "steps in rising order", format!("{steps:?}")));
                }
                if let Some(step) = steps.iter().find(|&&step| step > last) {
                    return Err(Error::value(argument, format!("steps up to {last}"), step.to_string()));
                }
                steps.len()
            }
        };
        if count > most {
            return Err(Error::value(argument, format!("at most {most} records"), count.to_string()));
        }
        Ok(())
    }
}

/// What a run recorded, in the order of the steps.
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let history = Training::new(0.01, 100).record_cost(Steps::Every(50)).run(&mut network, &circles_train())?;
/// let ln_2 = std::f64::consts::LN_2;
/// assert_eq!(history.costs(), [(0, ln_2), (50, ln_2), (100, ln_2)]);
/// assert!(history.norms().is_empty() && history.snapshots().is_empty()); // nobody asked for them
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    costs: Vec<(usize, f64)>,
    norms: Vec<(usize, Vec<f64>)>,
    snapshots: Vec<(usize, Network)>,
}

impl History {
    /// The recorded costs: the step and the cost, in nats.
    pub fn costs(&self) -> &[(usize, f64)] {
        &self.costs
    }

    /// The recorded sizes of dW: the step, and the Frobenius norms of layers 1 … L.
    pub fn norms(&self) -> &[(usize, Vec<f64>)] {
        &self.norms
    }

    /// The recorded networks: the step, and the network as it was.
    pub fn snapshots(&self) -> &[(usize, Network)] {
        &self.snapshots
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} costs, ", self.costs.len())?;
        if let (Some((first, from)), Some((last, to))) = (self.costs.first(), self.costs.last()) {
            write!(f, "from {} at step {first} to {} at step {last}; ", number(*from), number(*to))?;
        }
        write!(f, "{} norms, {} snapshots", self.norms.len(), self.snapshots.len())
    }
}
