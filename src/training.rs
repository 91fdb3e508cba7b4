//! Training: full-batch gradient descent, and a history of what one asks for.

use crate::data::Dataset;
use crate::error::{Error, Result, check_positive};
use crate::gradients::Gradients;
use crate::network::{Dropout, MAX_PARAMETERS, Network};
use crate::show::{Show, number};

/// The most numbers that one kind of record may have; snapshots may have [`MAX_PARAMETERS`].
const MAX_RECORDS: usize = 10_000_000;

/// At which steps something is recorded. Step k is the state after k updates: step 0 is the start.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
/// let history = Training::new(0.1, 10).cost(Steps::Every(5)).run(&mut network, &circles_train())?;
/// let steps: Vec<usize> = history.costs().iter().map(|&(step, _)| step).collect();
/// assert_eq!(steps, [0, 5, 10]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Steps {
    /// Never.
    Never,
    /// At step 0 and at every so many steps.
    Every(
        /// How many; at least 1.
        usize,
    ),
    /// At these steps, in rising order.
    At(
        /// The steps.
        Vec<usize>,
    ),
}

/// A run of full-batch gradient descent: W - learning_rate · dW and b - learning_rate · db, so many times.
///
/// Nothing is recorded that is not asked for, and what is not recorded costs nothing. No step of a small network (less
/// than 256 weights a layer) allocates; the memory grows only with what is recorded.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 3 })?;
/// let history = Training::new(0.1, 2000).cost(Steps::Every(1000)).run(&mut network, &circles_train())?;
/// assert!(history.costs()[2].1 < history.costs()[0].1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    learning_rate: f64,
    steps: usize,
    cost: Steps,
    norms: Steps,
    snapshots: Steps,
    dropout: Option<(f64, u64)>,
}

impl Training {
    /// So many steps with this learning rate, recording nothing.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// let history = Training::new(0.1, 100).run(&mut network, &circles_train())?;
    /// assert!(history.costs().is_empty());
    /// assert!(!all_zero(network.weights(1)?)); // without a hidden layer, zero is no trap
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(learning_rate: f64, steps: usize) -> Self {
        let never = || Steps::Never;
        Training { learning_rate, steps, cost: never(), norms: never(), snapshots: never(), dropout: None }
    }

    /// Records the cost (nats) at these steps: [`History::costs`].
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// let history = Training::new(0.1, 100).cost(Steps::Every(50)).run(&mut network, &circles_train())?;
    /// assert_eq!(history.costs().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cost(self, steps: Steps) -> Self {
        Training { cost: steps, ..self }
    }

    /// Records the size of every layer's dW at these steps: [`History::norms`].
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    /// let history = Training::new(0.01, 2).norms(Steps::Every(1)).run(&mut network, &circles_train())?;
    /// assert!(history.norms().iter().all(|(_, norms)| norms == &[0.0, 0.0, 0.0]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn norms(self, steps: Steps) -> Self {
        Training { norms: steps, ..self }
    }

    /// Keeps a copy of the network at these steps: [`History::snapshots`].
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// let history = Training::new(0.1, 10).snapshots(Steps::At(vec![0, 10])).run(&mut network, &circles_train())?;
    /// assert_eq!(history.snapshots()[1], (10, network));
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshots(self, steps: Steps) -> Self {
        Training { snapshots: steps, ..self }
    }

    /// Trains with dropout on the hidden layers: each unit is kept, for each sample and step, with probability `keep`.
    ///
    /// What is recorded, costs and norms, is that of the step with its masks.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 3, 1], Activation::Relu, Init::Constant(0.5))?;
    /// Training::new(0.1, 1).dropout(0.5, 1).run(&mut network, &circles_train())?;
    /// assert_ne!(network.weights(1)?.row(0), network.weights(1)?.row(1)); // twins, no more
    /// # Ok(())
    /// # }
    /// ```
    pub fn dropout(self, keep: f64, seed: u64) -> Self {
        Training { dropout: Some((keep, seed)), ..self }
    }

    /// Trains the network, in place.
    ///
    /// Errors, leaving the network as it was, if the learning rate is not a finite number above 0, if the steps to
    /// record are not in rising order, beyond the last step or too many, if the data has another number of features,
    /// if `keep` is not in (0, 1], or if a parameter becomes infinite or NaN ([`Error::Diverged`] says at which step).
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 1 })?;
    /// let before = network.clone();
    /// let error = Training::new(1e200, 100).run(&mut network, &circles_train()).unwrap_err();
    /// assert!(error.to_string().contains("after step"));
    /// assert_eq!(network, before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, network: &mut Network, data: &Dataset) -> Result<History> {
        check_positive("learning_rate", self.learning_rate)?;
        let [mut cost, mut norms, mut snapshots] = [
            self.cost.schedule("cost", self.steps, MAX_RECORDS)?,
            self.norms.schedule("norms", self.steps, MAX_RECORDS / network.layers())?,
            self.snapshots.schedule("snapshots", self.steps, MAX_PARAMETERS / network.parameter_count())?,
        ];
        let mut dropout = self.dropout.map(|(keep, seed)| Dropout::new(keep, seed)).transpose()?;
        let mut trained = network.clone();
        let mut trace = trained.new_trace(data.x())?;
        if let Some(dropout) = &dropout {
            trace.masks = dropout.new_masks(&trace);
        }
        let mut gradients = Gradients::new(&trained, data.samples());
        let mut history = History::default();
        for step in 0..=self.steps {
            if let Some(dropout) = &mut dropout {
                dropout.draw(&mut trace.masks);
            }
            let (record_cost, record_norms) = (cost.is_due(step), norms.is_due(step));
            if snapshots.is_due(step) {
                history.snapshots.push((step, trained.clone()));
            }
            if step == self.steps && !record_cost && !record_norms {
                break;
            }
            trained.propagate(&mut trace);
            let diverged = |step| Error::Diverged { step, learning_rate: self.learning_rate };
            if record_cost {
                let cost = trace.cost(data.y());
                history.costs.push((step, if cost.is_finite() { cost } else { return Err(diverged(step)) }));
            }
            gradients.compute(&trained, &trace, data.y());
            if record_norms {
                let norms = gradients.norms();
                let finite = norms.iter().all(|norm| norm.is_finite());
                history.norms.push((step, if finite { norms } else { return Err(diverged(step)) }));
            }
            if step < self.steps && !trained.update(&gradients, self.learning_rate) {
                return Err(diverged(step + 1));
            }
        }
        *network = trained;
        Ok(history)
    }
}

/// What a run recorded, in the order of the steps.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let history = Training::new(0.01, 100).cost(Steps::Every(50)).run(&mut network, &circles_train())?;
/// let ln_2 = std::f64::consts::LN_2;
/// assert_eq!(history.costs(), [(0, ln_2), (50, ln_2), (100, ln_2)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    costs: Vec<(usize, f64)>,
    norms: Vec<(usize, Vec<f64>)>,
    snapshots: Vec<(usize, Network)>,
}

impl History {
    /// The recorded costs: the step and the cost, in nats.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// let history = Training::new(0.1, 3).cost(Steps::At(vec![0])).run(&mut network, &circles_train())?;
    /// assert_eq!(history.costs(), [(0, std::f64::consts::LN_2)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn costs(&self) -> &[(usize, f64)] {
        &self.costs
    }

    /// The recorded sizes of dW: the step, and the Frobenius norms of layers 1 … L.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 3, 1], Activation::Relu, Init::Zeros)?;
    /// let history = Training::new(0.1, 3).norms(Steps::At(vec![2])).run(&mut network, &circles_train())?;
    /// assert_eq!(history.norms(), [(2, vec![0.0, 0.0])]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn norms(&self) -> &[(usize, Vec<f64>)] {
        &self.norms
    }

    /// The recorded networks: the step, and the network as it was.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
    /// let start = network.clone();
    /// let history = Training::new(0.1, 3).snapshots(Steps::At(vec![0])).run(&mut network, &circles_train())?;
    /// assert_eq!(history.snapshots(), [(0, start)]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshots(&self) -> &[(usize, Network)] {
        &self.snapshots
    }
}

impl Show for History {
    fn plain(&self) -> String {
        let counts = format!("{} norms, {} snapshots", self.norms.len(), self.snapshots.len());
        match (self.costs.first(), self.costs.last()) {
            (Some((first, from)), Some((last, to))) => format!(
                "{} costs, from {} at step {first} to {} at step {last}; {counts}",
                self.costs.len(),
                number(*from),
                number(*to)
            ),
            _ => format!("0 costs, {counts}"),
        }
    }
}

impl Steps {
    fn schedule(&self, argument: &'static str, last: usize, most: usize) -> Result<Schedule<'_>> {
        let count = match self {
            Steps::Never => 0,
            Steps::Every(0) => return Err(Error::value(argument, "every 1 or more steps", "Every(0)")),
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
        Ok(Schedule { steps: self, next: 0 })
    }
}

/// Walks through the steps at which something is due.
struct Schedule<'a> {
    steps: &'a Steps,
    next: usize,
}

impl Schedule<'_> {
    fn is_due(&mut self, step: usize) -> bool {
        let due = match self.steps {
            Steps::Never => false,
            Steps::Every(interval) => step.is_multiple_of(*interval),
            Steps::At(steps) => steps.get(self.next) == Some(&step),
        };
        self.next += usize::from(due);
        due
    }
}
