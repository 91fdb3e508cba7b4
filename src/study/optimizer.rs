//! Optimizers: how a training step follows from the gradient.

use crate::argument::gradients::Gradients;
use crate::argument::network::Network;
use crate::support::error::{Error, Result, check_positive};

/// How a step follows from the gradient G of the cost, dW or db. A step subtracts learning_rate · D from each parameter.
///
/// A gradient that is exactly zero from the first step on gives steps of exactly zero, with each of them.
///
/// ```
/// use zero_init::prelude::*;
///
/// let (data, zeros) = (circles_train(), Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?);
/// let adam = Optimizer::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 };
/// let mut network = zeros.clone();
/// Training::new(0.01, 100).optimizer(adam).run(&mut network, &data)?;
/// assert_eq!(network, zeros); // 0 / (√0 + ε) is 0
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Optimizer {
    /// Gradient descent: D = G.
    GradientDescent,
    /// Gradient descent with momentum (Polyak 1964): V ← β V + G, D = V. If G stays the same, the steps grow by up to
    /// 1 / (1 - β). (Some courses multiply G by 1 - β, and then they do not grow.)
    Momentum {
        /// β, from 0 up to but not including 1.
        beta: f64,
    },
    /// Adam (Kingma & Ba 2014, arXiv 1412.6980, algorithm 1): M ← β₁ M + (1 - β₁) G, V ← β₂ V + (1 - β₂) G²,
    /// D = M̂ / (√V̂ + ε) with M̂ = M / (1 - β₁ᵗ) and V̂ = V / (1 - β₂ᵗ) at step t, entry by entry.
    Adam {
        /// β₁, from 0 up to but not including 1. The usual value is 0.9.
        beta_1: f64,
        /// β₂, from 0 up to but not including 1. The usual value is 0.999.
        beta_2: f64,
        /// ε, above 0. The usual value is 1e-8.
        epsilon: f64,
    },
}

impl Optimizer {
    fn check(self) -> Result<()> {
        match self {
            Optimizer::GradientDescent => Ok(()),
            Optimizer::Momentum { beta } => check_decay("beta", beta),
            Optimizer::Adam { beta_1, beta_2, epsilon } => {
                check_decay("beta_1", beta_1)?;
                check_decay("beta_2", beta_2)?;
                check_positive("epsilon", epsilon)
            }
        }
    }
}

fn check_decay(argument: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::value(argument, "a number from 0 up to but not including 1", value.to_string()))
}

/// An optimizer at work: what it remembers of the gradients so far.
pub(crate) struct Progress {
    optimizer: Optimizer,
    /// V of momentum, or M and V of Adam.
    first: Gradients,
    second: Gradients,
    /// β₁ᵗ and β₂ᵗ.
    powers: (f64, f64),
    /// D.
    direction: Gradients,
}

impl Progress {
    pub(crate) fn new(optimizer: Optimizer, network: &Network) -> Result<Self> {
        optimizer.check()?;
        let zeros = || Gradients::zeros(network, 0);
        Ok(Progress { optimizer, first: zeros(), second: zeros(), powers: (1.0, 1.0), direction: zeros() })
    }

    /// D, the direction of the next step, from the gradients.
    pub(crate) fn direction<'a>(&'a mut self, gradients: &'a Gradients) -> &'a Gradients {
        match self.optimizer {
            Optimizer::GradientDescent => gradients,
            Optimizer::Momentum { beta } => {
                self.first.zip_mut(gradients, |v, g| *v = beta * *v + g);
                &self.first
            }
            Optimizer::Adam { beta_1, beta_2, epsilon } => {
                self.first.zip_mut(gradients, |m, g| *m = beta_1 * *m + (1.0 - beta_1) * g);
                self.second.zip_mut(gradients, |v, g| *v = beta_2 * *v + (1.0 - beta_2) * g * g);
                self.powers = (self.powers.0 * beta_1, self.powers.1 * beta_2);
                let (rest_1, rest_2) = (1.0 - self.powers.0, 1.0 - self.powers.1);
                self.direction.zip_mut(&self.first, |d, m| *d = m / rest_1);
                self.direction.zip_mut(&self.second, |d, v| *d /= (v / rest_2).sqrt() + epsilon);
                &self.direction
            }
        }
    }
}

impl Gradients {
    /// Changes each entry of dW and db, given the entry of another one at the same place.
    fn zip_mut(&mut self, other: &Gradients, mut change: impl FnMut(&mut f64, f64)) {
        let mine = self.dw.0.iter_mut().chain(&mut self.db.0);
        for (mine, other) in mine.zip(other.dw.iter().chain(other.db.iter())) {
            mine.zip_mut_with(other, |mine, &other| change(mine, other));
        }
    }
}
