//! Data sets: their samples are columns, their labels are 0 and 1.

use std::fmt;

use ndarray::{Array2, Axis};

use crate::support::elementary::{cos, sin};
use crate::support::error::{Error, Result, check_not_negative};
use crate::support::matrix::{check_label, check_labels, check_samples, in_standard_layout};
use crate::support::random::{Random, Stream};

/// The largest number of samples that a generator makes.
const MAX_SAMPLES: usize = 100_000_000;

/// Samples `x`, (features, m), and their labels `y`, (1, m).
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut data = Dataset::new(array![[0.0, 1.0, 2.0]], array![[0.0, 1.0, 1.0]])?;
/// assert_eq!((data.features(), data.samples(), data.ones()), (1, 3, 2));
/// data.set_label(1, 0.0)?;
/// assert_eq!(data.subset(1, 1)?.x(), array![[0.0, 2.0]]); // the first sample of each label
///
/// let wrong = Dataset::new(array![[0.0, 1.0]], array![[0.0, 2.0]]).unwrap_err();
/// assert_eq!(wrong.to_string(), "y: expected the labels 0 and 1, got 2");
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    x: Array2<f64>,
    y: Array2<f64>,
}

impl Dataset {
    /// A data set of the samples `x`, (features, m), and the labels `y`, (1, m).
    ///
    /// Errors if there is no feature or no sample, if `x` and `y` have different numbers of columns, if a
    /// feature is not finite, or if a label is neither 0 nor 1.
    pub fn new(x: Array2<f64>, y: Array2<f64>) -> Result<Self> {
        check_samples(&x)?;
        check_labels(&y, x.ncols())?;
        Ok(Dataset { x: in_standard_layout(x), y: in_standard_layout(y) })
    }

    /// The samples, (features, m).
    pub fn x(&self) -> &Array2<f64> {
        &self.x
    }

    /// The labels, (1, m).
    pub fn y(&self) -> &Array2<f64> {
        &self.y
    }

    /// The number of rows of x.
    pub fn features(&self) -> usize {
        self.x.nrows()
    }

    /// The number m of samples.
    pub fn samples(&self) -> usize {
        self.x.ncols()
    }

    /// The number of samples with label 1.
    pub fn ones(&self) -> usize {
        self.y.iter().filter(|&&y| y == 1.0).count()
    }

    /// Changes the label of one sample; samples are counted from 0. Errors if there is no such sample or if the label
    /// is neither 0 nor 1.
    pub fn set_label(&mut self, sample: usize, label: f64) -> Result<()> {
        check_label(label)?;
        if sample >= self.samples() {
            let expected = format!("a number below {}", self.samples());
            return Err(Error::value("sample", expected, sample.to_string()));
        }
        self.y[[0, sample]] = label;
        Ok(())
    }

    /// The first `zeros` samples of label 0 and the first `ones` samples of label 1, in their order in this data set.
    ///
    /// Errors if there are fewer of them, or if both numbers are 0.
    pub fn subset(&self, zeros: usize, ones: usize) -> Result<Self> {
        let has = [self.samples() - self.ones(), self.ones()];
        if zeros == 0 && ones == 0 {
            return Err(Error::value("zeros, ones", "at least 1 sample", "0 and 0"));
        }
        if zeros > has[0] || ones > has[1] {
            let expected = format!("at most {} and {}", has[0], has[1]);
            return Err(Error::value("zeros, ones", expected, format!("{zeros} and {ones}")));
        }
        let mut left = [zeros, ones];
        let columns: Vec<usize> = (0..self.samples())
            .filter(|&sample| {
                let left = &mut left[usize::from(self.y[[0, sample]] == 1.0)];
                let taken = *left > 0;
                *left -= usize::from(taken);
                taken
            })
            .collect();
        Dataset::new(self.x.select(Axis(1), &columns), self.y.select(Axis(1), &columns))
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, samples, ones) = (self.features(), self.samples(), self.ones());
        write!(f, "{samples} samples of {features} features: {} of label 0, {ones} of label 1", samples - ones)
    }
}

/// The course's training data: two noisy circles, 300 samples of 2 features, 150 of each label.
///
/// Label 0 is the outer circle (radius 1), label 1 the inner one (radius 0.8).
///
/// ```
/// use zero_init::prelude::*;
///
/// let data = circles_train();
/// assert_eq!((data.x().dim(), data.ones()), ((2, 300), 150));
/// ```
pub fn circles_train() -> Dataset {
    from_csv(include_str!("data/circles_train.csv"))
}

/// The course's test data: 100 samples of the same kind as [`circles_train`], 50 of each label.
pub fn circles_test() -> Dataset {
    from_csv(include_str!("data/circles_test.csv"))
}

/// The standard normal numbers from which the course draws its random starts, in the shapes of W¹, W² and W³.
///
/// The course's network is [2, 10, 5, 1], so the shapes are (10, 2), (5, 10) and (1, 5). Multiplied by 10, the numbers
/// are its large random start; multiplied by √(2 / n_{l-1}), its He start. They come from NumPy's `RandomState(3)`.
///
/// ```
/// use zero_init::prelude::*;
///
/// let he = course_normals().iter().map(|w| w * (2.0 / w.ncols() as f64).sqrt()).collect();
/// let biases = [10, 5, 1].map(|units| Array2::zeros((units, 1))).to_vec();
/// let network = Network::from_parameters(he, biases, Activation::Relu)?;
/// assert!((network.cost(&circles_train())? - 0.8830537).abs() < 1e-7);
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn course_normals() -> Vec<Array2<f64>> {
    let mut numbers = numbers(include_str!("data/course_normals.csv"));
    let shapes = [(10, 2), (5, 10), (1, 5)];
    shapes.map(|(rows, columns)| Array2::from_shape_simple_fn((rows, columns), || numbers.next().expect("75"))).to_vec()
}

/// The data set in a text with rows `x1,x2,y` below a heading. It may panic, so it is only for the files of this crate,
/// which a test reads.
fn from_csv(text: &str) -> Dataset {
    let numbers: Vec<f64> = numbers(text.split_once('\n').expect("a heading").1).collect();
    let rows = Array2::from_shape_vec((numbers.len() / 3, 3), numbers).expect("3 columns");
    let (x, y) = rows.t().split_at(Axis(0), 2);
    Dataset::new(x.to_owned(), y.to_owned()).expect("finite samples, labels 0 and 1")
}

fn numbers(rows: &str) -> impl Iterator<Item = f64> {
    rows.lines().flat_map(|row| row.split(',')).map(|v| v.parse().expect("a number"))
}

/// What a generator of data makes: how many samples of each label, with how much noise, and from which seed.
///
/// ```
/// use zero_init::prelude::*;
///
/// let sampling = Sampling { zeros: 2, ones: 2, noise: 0.0, seed: 1 };
/// assert_eq!(two_blobs(sampling)?.x(), array![[-1.0, -1.0, 1.0, 1.0], [-1.0, -1.0, 1.0, 1.0]]);
/// assert_eq!(xor(sampling)?.x(), array![[1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]]);
/// let noisy = circles(Sampling { zeros: 100, ones: 200, noise: 0.05, seed: 1 })?;
/// assert_eq!((noisy.samples(), noisy.ones()), (300, 200));
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// The number of samples of label 0.
    pub zeros: usize,
    /// The number of samples of label 1.
    pub ones: usize,
    /// The standard deviation of the normal noise added to each feature.
    pub noise: f64,
    /// The seed.
    pub seed: u64,
}

/// Two circles around 0, as in the course. The radius is 1 for label 0 and 0.8 for label 1; before the noise, the
/// samples are evenly spaced.
///
/// Errors if there is no sample or more than 10^8, or if the noise is negative or not finite. [`Sampling`] has an
/// example.
pub fn circles(sampling: Sampling) -> Result<Dataset> {
    sampling.make(|label, turn, _| {
        let radius = if label == 0.0 { 1.0 } else { 0.8 };
        let angle = std::f64::consts::TAU * turn;
        [radius * cos(angle), radius * sin(angle)]
    })
}

/// Two normally distributed groups: around (-1, -1) for label 0, around (1, 1) for label 1. Errors as [`circles`] does.
pub fn two_blobs(sampling: Sampling) -> Result<Dataset> {
    sampling.make(|label, _, _| [2.0 * label - 1.0; 2])
}

/// Four normally distributed groups around the corners (±1, ±1). The label is 1 where the signs differ. Errors as
/// [`circles`] does.
pub fn xor(sampling: Sampling) -> Result<Dataset> {
    sampling.make(|label, _, index| {
        let side = if index % 2 == 0 { 1.0 } else { -1.0 };
        [side, side * (1.0 - 2.0 * label)]
    })
}

impl Sampling {
    /// Makes the samples of label 0, then those of label 1. `center` gives the place of a sample before the noise, from
    /// its label, from index / count, and from its index among the samples of this label.
    fn make(self, center: impl Fn(f64, f64, usize) -> [f64; 2]) -> Result<Dataset> {
        if self.zeros.saturating_add(self.ones) > MAX_SAMPLES {
            let came = format!("{} and {}", self.zeros, self.ones);
            return Err(Error::value("zeros, ones", format!("at most {MAX_SAMPLES} samples"), came));
        }
        if self.zeros + self.ones == 0 {
            return Err(Error::value("zeros, ones", "at least 1 sample", "0 and 0"));
        }
        check_not_negative("noise", self.noise)?;
        let mut random = Random::new(self.seed, Stream::Data);
        let mut x = Array2::zeros((2, self.zeros + self.ones));
        let mut y = Array2::zeros((1, self.zeros + self.ones));
        let labelled = (0..self.zeros).map(|i| (0.0, i, self.zeros));
        let labelled = labelled.chain((0..self.ones).map(|i| (1.0, i, self.ones)));
        for (sample, (label, index, count)) in labelled.enumerate() {
            y[[0, sample]] = label;
            for (feature, place) in center(label, index as f64 / count as f64, index).into_iter().enumerate() {
                x[[feature, sample]] = place + self.noise * random.normal();
            }
        }
        Dataset::new(x, y)
    }
}
