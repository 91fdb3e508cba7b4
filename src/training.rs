//! Training: full-batch gradient descent, and a history of what one asks for.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::gradients::{Gradients, check_learning_rate};
use crate::network::{Dropout, Network};

/// The most entries that one kind of record may have.
const MAX_RECORDS: usize = 10_000_000;

/// At which steps something is recorded. Step k is the state after k updates: step 0 is the start.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let mut network = Network::new(&[2, 1], Activation::Identity, Init::Zeros)?;
/// let history = Training::new(0.1, 10).cost(Steps::Every(5)).run(&mut network, &circles_train())?;
/// assert_eq!(history.steps(), [0, 5, 10]);
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
/// Nothing is recorded that is not asked for, and what is not recorded costs nothing. No step allocates; the memory
/// grows only with what is recorded.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 3 })?;
/// let history = Training::new(0.1, 2000).cost(Steps::Every(1000)).run(&mut network, &circles_train())?;
/// assert!(history.costs()[2] < history.costs()[0]);
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
    pub fn new(learning_rate: f64, steps: usize) -> Self {
        let never = || Steps::Never;
        Training { learning_rate, steps, cost: never(), norms: never(), snapshots: never(), dropout: None }
    }

    /// Records the cost (nats) at these steps: [`History::costs`].
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
    /// assert_eq!(history.norms(), vec![vec![0.0; 3]; 3]);
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
    /// assert_eq!(history.snapshots()[1], network);
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
        check_learning_rate(self.learning_rate)?;
        let [mut cost, mut norms, mut snapshots] = [
            self.cost.schedule("cost", self.steps)?,
            self.norms.schedule("norms", self.steps)?,
            self.snapshots.schedule("snapshots", self.steps)?,
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
            if record_cost {
                history.costs.push((step, trace.cost(data.y())));
            }
            gradients.compute(&trained, &trace, data.y());
            if record_norms {
                history.norms.push((step, gradients.norms()));
            }
            if step < self.steps && !trained.update(&gradients, self.learning_rate) {
                return Err(Error::Diverged { step: step + 1, learning_rate: self.learning_rate });
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
/// assert_eq!(history.costs(), [std::f64::consts::LN_2; 3]);
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
    /// The steps at which the cost was recorded.
    pub fn steps(&self) -> Vec<usize> {
        self.costs.iter().map(|&(step, _)| step).collect()
    }

    /// The recorded costs, in nats.
    pub fn costs(&self) -> Vec<f64> {
        self.costs.iter().map(|&(_, cost)| cost).collect()
    }

    /// The steps at which the norms were recorded.
    pub fn norm_steps(&self) -> Vec<usize> {
        self.norms.iter().map(|&(step, _)| step).collect()
    }

    /// The recorded Frobenius norms of dW: at each of those steps, of layers 1 … L.
    pub fn norms(&self) -> Vec<Vec<f64>> {
        self.norms.iter().map(|(_, norms)| norms.clone()).collect()
    }

    /// The steps at which the network was copied.
    pub fn snapshot_steps(&self) -> Vec<usize> {
        self.snapshots.iter().map(|&(step, _)| step).collect()
    }

    /// The copies of the network.
    pub fn snapshots(&self) -> Vec<Network> {
        self.snapshots.iter().map(|(_, network)| network.clone()).collect()
    }
}

impl Steps {
    fn schedule(&self, argument: &'static str, last: usize) -> Result<Schedule<'_>> {
        let count = match self {
            Steps::Never => 0,
            Steps::Every(0) => return Err(Error::value(argument, "every 1 or more steps", "Every(0)")),
            Steps::Every(interval) => last / interval + 1,
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
        if count > MAX_RECORDS {
            return Err(Error::value(argument, format!("at most {MAX_RECORDS} records"), count.to_string()));
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
