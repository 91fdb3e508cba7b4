//! Symmetry: units of a layer that compute the same values, and the narrower network that computes the same function.

use std::fmt;

use ndarray::{Array2, Axis};

use crate::argument::network::Network;
use crate::support::error::{Result, check_not_negative};
use crate::support::matrix::check_finite;

/// The units of a hidden layer in groups of twins: units with the same incoming weights and bias.
///
/// Twins have the same z and a for every input. If their outgoing weights are the same too, they have the same δ and
/// the same gradient, and gradient descent never makes them different.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 10, 5, 1], Activation::Sigmoid, Init::Constant(0.5))?;
/// let symmetry = network.symmetry(1, 0.0)?;
/// assert_eq!(symmetry.distinct(), 1); // ten units, one function
/// assert_eq!(symmetry.groups(), [(0..10).collect::<Vec<_>>()]);
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symmetry {
    layer: usize,
    groups: Vec<Vec<usize>>,
}

impl Symmetry {
    /// The number of distinct units in the layer.
    pub fn distinct(&self) -> usize {
        self.groups.len()
    }

    /// The units, from 0, in groups of twins; a unit without a twin is a group of one.
    pub fn groups(&self) -> &[Vec<usize>] {
        &self.groups
    }
}

impl fmt::Display for Symmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units: usize = self.groups.iter().map(Vec::len).sum();
        write!(f, "layer {}: {units} units, {} distinct: ", self.layer, self.distinct())?;
        let groups: Vec<String> = self.groups.iter().map(|group| format!("{group:?}")).collect();
        write!(f, "{}", groups.join(" "))
    }
}

impl Network {
    /// The units of layer l in groups of twins: the incoming weights and the bias of a unit differ by at most
    /// `tolerance` from those of the first unit of its group. With a tolerance of 0 they are equal to the last bit,
    /// except for the sign of a zero.
    ///
    /// Errors if `layer` is not one of 1 … L, or `tolerance` is negative or not finite.
    pub fn symmetry(&self, layer: usize, tolerance: f64) -> Result<Symmetry> {
        check_not_negative("tolerance", tolerance)?;
        let (w, b) = (self.weights(layer)?, self.biases(layer)?);
        let are_twins = |i: usize, j: usize| {
            let bias = (b[[i, 0]] - b[[j, 0]]).abs() <= tolerance;
            bias && w.row(i).iter().zip(w.row(j)).all(|(v, u)| (v - u).abs() <= tolerance)
        };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for unit in 0..w.nrows() {
            match groups.iter_mut().find(|group| are_twins(group[0], unit)) {
                Some(group) => group.push(unit),
                None => groups.push(vec![unit]),
            }
        }
        Ok(Symmetry { layer, groups })
    }

    /// The narrower network that computes the same function: it keeps one unit of every group of twins.
    ///
    /// The outgoing weights of this unit are the sums of those of its group. So the next layer gets the same z, except
    /// for rounding, because the weights are added before they are multiplied by a. The layers are merged one after the
    /// other, so that units that become twins by the merging of earlier layers are merged as well. Errors if such a sum
    /// overflows.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// let wide = Network::new(&[2, 10, 5, 1], Activation::Sigmoid, Init::Constant(0.5))?;
    /// let narrow = wide.collapse()?;
    /// assert_eq!(narrow.sizes(), [2, 1, 1, 1]);
    /// let x = circles_train();
    /// let difference = wide.probabilities(x.x())? - narrow.probabilities(x.x())?;
    /// assert!(difference.iter().all(|d| d.abs() < 1e-15));
    /// # Ok::<(), zero_init::Error>(())
    /// ```
    pub fn collapse(&self) -> Result<Network> {
        let mut narrow = self.clone();
        for layer in 1..self.layers() {
            let groups = narrow.symmetry(layer, 0.0)?.groups;
            let first: Vec<usize> = groups.iter().map(|group| group[0]).collect();
            narrow.w[layer] = narrow.w[layer].select(Axis(0), &first);
            narrow.b[layer] = narrow.b[layer].select(Axis(0), &first);
            let outgoing = &narrow.w[layer + 1];
            let summed = |(row, group): (usize, usize)| groups[group].iter().map(|&unit| outgoing[[row, unit]]).sum();
            narrow.w[layer + 1] = Array2::from_shape_fn((outgoing.nrows(), groups.len()), summed);
            check_finite("weights", &narrow.w[layer + 1])?;
        }
        Ok(narrow)
    }
}
