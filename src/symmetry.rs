//! Symmetry: units of a layer that compute the same, and the narrower network that computes what they do.

use std::fmt;

use ndarray::{Array2, Axis};

use crate::error::{Result, check_not_negative};
use crate::network::{Network, check_finite};
use crate::show::Show;

/// The units of a hidden layer in groups of twins: units with the same incoming weights and bias.
///
/// Twins have the same z and a for every input. If their outgoing weights are the same too, they have the same δ and
/// the same gradient, and gradient descent never parts them.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let network = Network::new(&[2, 10, 5, 1], Activation::Sigmoid, Init::Constant(0.5))?;
/// assert_eq!(network.symmetry(1, 0.0)?.distinct(), 1); // ten units, one function
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symmetry {
    layer: usize,
    groups: Vec<Vec<usize>>,
}

impl Symmetry {
    /// How many distinct units the layer has.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 3, 1], Activation::Tanh, Init::He { seed: 1 })?;
    /// assert_eq!(network.symmetry(1, 0.0)?.distinct(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn distinct(&self) -> usize {
        self.groups.len()
    }

    /// The units, from 0, in groups of twins; a unit without a twin is a group of one.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let mut network = Network::new(&[2, 3, 1], Activation::Tanh, Init::Constant(0.5))?;
    /// network.set_weight(1, (1, 0), 0.6)?;
    /// assert_eq!(network.symmetry(1, 0.0)?.groups(), [vec![0, 2], vec![1]]);
    /// # Ok(())
    /// # }
    /// ```
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

impl Show for Symmetry {
    fn plain(&self) -> String {
        self.to_string()
    }
}

impl Network {
    /// The units of layer l in groups of twins: incoming weights and bias differ by at most `tolerance` from those of
    /// the first unit of their group. A tolerance of 0 means: to the last bit, but for the sign of a zero.
    ///
    /// Errors if `layer` is not one of 1 … L, or `tolerance` is negative or not finite.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let network = Network::new(&[2, 3, 1], Activation::Tanh, Init::Constant(0.5))?;
    /// assert_eq!(network.symmetry(1, 0.0)?.plain(), "layer 1: 3 units, 1 distinct: [0, 1, 2]");
    /// # Ok(())
    /// # }
    /// ```
    pub fn symmetry(&self, layer: usize, tolerance: f64) -> Result<Symmetry> {
        self.check_layer(layer)?;
        check_not_negative("tolerance", tolerance)?;
        let (w, b) = (&self.weights[layer - 1], &self.biases[layer - 1]);
        let twins = |i: usize, j: usize| {
            let bias = (b[[i, 0]] - b[[j, 0]]).abs() <= tolerance;
            bias && w.row(i).iter().zip(w.row(j)).all(|(v, u)| (v - u).abs() <= tolerance)
        };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for unit in 0..w.nrows() {
            match groups.iter_mut().find(|group| twins(group[0], unit)) {
                Some(group) => group.push(unit),
                None => groups.push(vec![unit]),
            }
        }
        Ok(Symmetry { layer, groups })
    }

    /// The narrower network that computes the same function: of every group of twins one unit is left.
    ///
    /// Its outgoing weights are the sums of those of its group, so the next layer gets the same z, to rounding: twins'
    /// contributions are added before they are multiplied by a. Layer by layer, so that twins which the merging makes
    /// are merged as well. Errors if such a sum overflows.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let wide = Network::new(&[2, 10, 5, 1], Activation::Sigmoid, Init::Constant(0.5))?;
    /// let narrow = wide.collapse()?;
    /// assert_eq!(narrow.sizes(), [2, 1, 1, 1]);
    /// let x = circles_train();
    /// let difference = wide.probabilities(x.x())? - narrow.probabilities(x.x())?;
    /// assert!(difference.iter().all(|d| d.abs() < 1e-15));
    /// # Ok(())
    /// # }
    /// ```
    pub fn collapse(&self) -> Result<Network> {
        let mut narrow = self.clone();
        for layer in 1..self.layers() {
            let groups = narrow.symmetry(layer, 0.0)?.groups;
            let first: Vec<usize> = groups.iter().map(|group| group[0]).collect();
            narrow.weights[layer - 1] = narrow.weights[layer - 1].select(Axis(0), &first);
            narrow.biases[layer - 1] = narrow.biases[layer - 1].select(Axis(0), &first);
            let outgoing = &narrow.weights[layer];
            let summed = |(row, group): (usize, usize)| groups[group].iter().map(|&unit| outgoing[[row, unit]]).sum();
            narrow.weights[layer] = Array2::from_shape_fn((outgoing.nrows(), groups.len()), summed);
            check_finite("weights", &narrow.weights[layer])?;
        }
        Ok(narrow)
    }
}

/// The rank of a matrix: how many of its rows are independent, up to `tolerance` times its largest entry.
///
/// By elimination with full pivoting. A layer whose rows are all equal has rank 1, or 0 if they are zero. Errors if an
/// entry is not finite, or `tolerance` is negative or not finite.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// assert_eq!(rank(&array![[1.0, 2.0], [2.0, 4.0]], 1e-12)?, 1);
/// assert_eq!(rank(&array![[1.0, 2.0], [2.0, 5.0]], 1e-12)?, 2);
/// assert_eq!(rank(&array![[0.0, 0.0]], 1e-12)?, 0);
/// # Ok(())
/// # }
/// ```
pub fn rank(matrix: &Array2<f64>, tolerance: f64) -> Result<usize> {
    check_finite("matrix", matrix)?;
    check_not_negative("tolerance", tolerance)?;
    let largest = |m: &Array2<f64>| {
        let by_size = |a: &((usize, usize), &f64), b: &((usize, usize), &f64)| a.1.abs().total_cmp(&b.1.abs());
        m.indexed_iter().max_by(by_size).map(|(index, value)| (index, value.abs()))
    };
    let mut rest = matrix.clone();
    let Some((_, scale)) = largest(&rest) else { return Ok(0) };
    for rank in 0..matrix.nrows().min(matrix.ncols()) {
        match largest(&rest) {
            Some(((row, column), size)) if size > tolerance * scale => {
                let pivot = rest.row(row).to_owned() / rest[[row, column]];
                for mut other in rest.rows_mut() {
                    let factor = other[column];
                    other.scaled_add(-factor, &pivot);
                    other[column] = 0.0;
                }
                rest.row_mut(row).fill(0.0);
            }
            _ => return Ok(rank),
        }
    }
    Ok(matrix.nrows().min(matrix.ncols()))
}
