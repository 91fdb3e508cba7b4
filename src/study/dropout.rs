//! Dropout: in each training step, hidden units are left out at random (Srivastava et al. 2014).

use ndarray::Array2;

use crate::support::error::{Error, Result};
use crate::support::matrix::Layers;
use crate::support::random::{Random, Stream};

/// The factors by which dropout multiplies the activations of the hidden layers, (n_l, m) for each layer: 0 where a
/// unit is left out for a sample, 1 / keep where it is kept. Without dropout there are no masks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Masks(Vec<Array2<f64>>);

impl Masks {
    /// Multiplies a or δ of hidden layer l by the layer's mask, if there is one.
    pub(crate) fn apply(&self, l: usize, values: &mut Array2<f64>) {
        if let Some(mask) = self.0.get(l - 1) {
            *values *= mask;
        }
    }
}

/// Draws the masks.
pub(crate) struct Dropout {
    keep: f64,
    random: Random,
}

impl Dropout {
    /// Dropout that keeps each hidden unit, for each sample, with probability `keep`.
    pub(crate) fn new(keep: f64, seed: u64) -> Result<Self> {
        if !(keep > 0.0 && keep <= 1.0) {
            return Err(Error::value("keep", "a probability above 0 and at most 1", keep.to_string()));
        }
        Ok(Dropout { keep, random: Random::new(seed, Stream::Dropout) })
    }

    /// New masks for the hidden layers, with the shapes of their z.
    pub(crate) fn draw(&mut self, z: &Layers<Array2<f64>>) -> Masks {
        let mut entry = || if self.random.uniform() < self.keep { 1.0 / self.keep } else { 0.0 };
        Masks(z.0[..z.0.len() - 1].iter().map(|z| Array2::from_shape_simple_fn(z.dim(), &mut entry)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_kept_with_the_probability_asked_for_and_the_mean_stays() {
        let z = Layers(vec![Array2::zeros((400, 300)), Array2::zeros((1, 300))]);
        let Masks(masks) = Dropout::new(0.8, 1).unwrap().draw(&z);
        assert_eq!(masks.len(), 1); // the output unit has none
        let kept = masks[0].iter().filter(|&&m| m != 0.0).count() as f64 / masks[0].len() as f64;
        assert!((kept - 0.8).abs() < 0.005, "{kept}");
        assert!((masks[0].mean().unwrap() - 1.0).abs() < 0.005);
        let Masks(all) = Dropout::new(1.0, 1).unwrap().draw(&z);
        assert!(all[0].iter().all(|&m| m == 1.0));
    }
}
