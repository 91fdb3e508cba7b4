//! Initialization: what the parameters are before the first step.

use ndarray::Array2;

use crate::support::error::{Error, Result, check_not_negative};
use crate::support::matrix::{Layers, check_finite};
use crate::support::random::{Random, Stream};

/// How the weights of a network start.
///
/// Random starts are seeded: the same seed gives the same weights on every platform (generator: ChaCha8). The
/// numbers are drawn layer by layer, row by row.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 1 })?;
/// assert_eq!(network.weights(1)?.dim(), (10, 2));
/// assert!(network.biases(1)?.iter().all(|&b| b == 0.0));
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Every entry is 0.
    Zeros,
    /// Every entry is this number. (`Network::new` uses it for the weights, `with_biases` for the biases.)
    Constant(
        /// The number.
        f64,
    ),
    /// Normal with mean 0 and standard deviation `scale`. The course's "large random" start has a scale of 10.
    Normal {
        /// The standard deviation.
        scale: f64,
        /// The seed.
        seed: u64,
    },
    /// Normal with variance 2 / (n_l + n_{l-1}): Glorot & Bengio (2010), equation 12.
    Xavier {
        /// The seed.
        seed: u64,
    },
    /// Normal with variance 2 / n_{l-1}: He, Zhang, Ren & Sun (2015), equation 10.
    He {
        /// The seed.
        seed: u64,
    },
}

impl Init {
    /// The weights of all layers of the given sizes: W^l is (n_l, n_{l-1}).
    pub(crate) fn weights(self, sizes: &[usize]) -> Result<Layers<Array2<f64>>> {
        self.check("init")?;
        let mut random = self.random(Stream::Weights);
        let layer = |pair: &[usize]| {
            let (inputs, units) = (pair[0], pair[1]);
            let scale = match self {
                Init::Xavier { .. } => (2.0 / (inputs + units) as f64).sqrt(),
                Init::He { .. } => (2.0 / inputs as f64).sqrt(),
                Init::Normal { scale, .. } => scale,
                Init::Zeros | Init::Constant(_) => 0.0,
            };
            self.array((units, inputs), scale, &mut random)
        };
        finite("init", sizes.windows(2).map(layer).collect())
    }

    /// The biases of all layers of the given sizes: b^l is (n_l, 1).
    pub(crate) fn biases(self, sizes: &[usize]) -> Result<Layers<Array2<f64>>> {
        self.check("biases")?;
        let scale = match self {
            Init::Normal { scale, .. } => scale,
            Init::Zeros | Init::Constant(_) => 0.0,
            Init::Xavier { .. } | Init::He { .. } => {
                let came = format!("{self:?}, which is a scale for weights");
                return Err(Error::value("biases", "Init::Zeros, Init::Constant or Init::Normal", came));
            }
        };
        let mut random = self.random(Stream::Biases);
        finite("biases", sizes[1..].iter().map(|&units| self.array((units, 1), scale, &mut random)).collect())
    }

    fn array(self, shape: (usize, usize), scale: f64, random: &mut Random) -> Array2<f64> {
        match self {
            Init::Zeros => Array2::zeros(shape),
            Init::Constant(value) => Array2::from_elem(shape, value),
            _ => Array2::from_shape_simple_fn(shape, || scale * random.normal()),
        }
    }

    fn random(self, stream: Stream) -> Random {
        let seed = match self {
            Init::Normal { seed, .. } | Init::Xavier { seed } | Init::He { seed } => seed,
            Init::Zeros | Init::Constant(_) => 0,
        };
        Random::new(seed, stream)
    }

    fn check(self, argument: &'static str) -> Result<()> {
        match self {
            Init::Constant(value) if !value.is_finite() => {
                Err(Error::value(argument, "a finite constant", value.to_string()))
            }
            Init::Normal { scale, .. } => check_not_negative(argument, scale),
            _ => Ok(()),
        }
    }
}

/// The matrices, if all numbers are finite: a huge scale times a normal number may overflow.
fn finite(argument: &'static str, matrices: Vec<Array2<f64>>) -> Result<Layers<Array2<f64>>> {
    matrices.iter().try_for_each(|matrix| check_finite(argument, matrix))?;
    Ok(Layers(matrices))
}
