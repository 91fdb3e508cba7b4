//! Matrices: the products and sums of the forward and the backward pass, and checks that functions share.
//!
//! A library's matrix product first copies its matrices into another order. For layers as small as the ones here this
//! takes longer than the product itself. So the products of small layers are loops over samples that lie side by side
//! in memory, written so that the compiler turns them into vector code. The order of every sum is fixed, so these loops
//! give the same bits on every machine, whatever the width of its vectors. Layers of [`LARGE`] weights and more use the
//! library `matrixmultiply`, which is faster for them and has its own order of the sums.

use std::ops::{Index, IndexMut};

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};

use crate::support::error::{Error, Result};

/// The number of samples in a block: sums over samples are computed block by block. The arrays of a block of a small
/// network fit into a processor's second-level cache. The number is a multiple of [`LANES`] and not of 512, because
/// rows at distances of 4096 bytes would push each other out of the cache.
pub(crate) const BLOCK: usize = 480;

/// The number of samples that a loop handles at once, in registers.
const LANES: usize = 32;

/// Samples that the loop over weighted sums handles at once: as many as was fastest. Each
/// sample has a sum of its own, so the number changes no bit.
const WIDE: usize = if cfg!(target_feature = "avx512f") { 64 } else { 32 };

/// With this number of weights or more the library's product is faster. This was measured with the course's 300
/// samples.
const LARGE: usize = 16 * 16;

/// The most parameters that a network may have (800 MB).
pub(crate) const MAX_PARAMETERS: usize = 100_000_000;

/// One value for each of the layers 1 … L, with the layer's number as the index, as in the formulas.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layers<T>(pub(crate) Vec<T>);

impl<T> Layers<T> {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The values of layer l, which can be changed, and of layer l + 1.
    pub(crate) fn with_next(&mut self, l: usize) -> (&mut T, &T) {
        let (below, above) = self.0.split_at_mut(l);
        (&mut below[l - 1], &above[0])
    }

    /// The value of the layer with this number. Errors if `layer` is not one of 1 … L.
    pub(crate) fn get(&self, layer: usize) -> Result<&T> {
        check_layer(layer, 1, self.0.len())?;
        Ok(&self[layer])
    }
}

impl<T> Index<usize> for Layers<T> {
    type Output = T;

    fn index(&self, l: usize) -> &T {
        &self.0[l - 1]
    }
}

impl<T> IndexMut<usize> for Layers<T> {
    fn index_mut(&mut self, l: usize) -> &mut T {
        &mut self.0[l - 1]
    }
}

/// One matrix of zeros for each of the shapes.
pub(crate) fn zeros(shapes: impl Iterator<Item = (usize, usize)>) -> Layers<Array2<f64>> {
    Layers(shapes.map(Array2::zeros).collect())
}

// --- Products ---------------------------------------------------------------------------------------------------------

/// z = W a + b: `w` is (n, k), `a` (k, m), `b` (n, 1), `z` (n, m).
pub(crate) fn affine(w: &Array2<f64>, a: &Array2<f64>, b: &Array2<f64>, z: &mut Array2<f64>) {
    add_weighted(w.view(), a, |row| b[[row, 0]], z);
}

/// out = Wᵀ δ: `w` is (k, n), `delta` (k, m), `out` (n, m). Returns `out`.
pub(crate) fn transpose_times<'a>(
    w: &Array2<f64>,
    delta: &Array2<f64>,
    out: &'a mut Array2<f64>,
) -> &'a mut Array2<f64> {
    add_weighted(w.t(), delta, |_| 0.0, out);
    out
}

/// out = start + W a, where `start` gives one number for each row.
fn add_weighted(w: ArrayView2<f64>, a: &Array2<f64>, start: impl Fn(usize) -> f64, out: &mut Array2<f64>) {
    if w.len() >= LARGE {
        out.rows_mut().into_iter().enumerate().for_each(|(row, mut out)| out.fill(start(row)));
        return general_mat_mul(1.0, &w, a, 1.0, out);
    }
    let samples = a.ncols();
    for (row, out) in values_mut(out).chunks_exact_mut(samples).enumerate() {
        let weights = w.row(row).into_iter().copied();
        match samples {
            WIDE.. => weighted_sums::<WIDE>(weights, values(a), start(row), out),
            4.. => weighted_sums::<4>(weights, values(a), start(row), out),
            _ => weighted_sums::<1>(weights, values(a), start(row), out),
        }
    }
}

/// The weighted sums of one unit for all samples, N at a time. The last N samples may overlap with those before: their
/// sums are computed once more, and are the same.
fn weighted_sums<const N: usize>(weights: impl Iterator<Item = f64> + Clone, a: &[f64], start: f64, out: &mut [f64]) {
    let samples = out.len();
    for first in (0..samples).step_by(N).map(|first| first.min(samples - N)) {
        let mut sums = [start; N];
        for (w, a) in weights.clone().zip(a.chunks_exact(samples)) {
            let a = &a[first..][..N];
            for lane in 0..N {
                sums[lane] += w * a[lane];
            }
        }
        out[first..][..N].copy_from_slice(&sums);
    }
}

/// out = out + δ aᵀ, summed over the samples: `delta` is (n, m), `a` (k, m), `out` (n, k).
pub(crate) fn add_times_transpose(delta: &Array2<f64>, a: &Array2<f64>, out: &mut Array2<f64>) {
    let (samples, inputs) = (a.ncols(), a.nrows());
    for block in blocks(samples) {
        if out.len() >= LARGE {
            let columns = |matrix: &Array2<f64>| matrix.slice_axis(Axis(1), block.clone().into()).to_owned();
            *out += &columns(delta).dot(&columns(a).t());
            continue;
        }
        let rows = |array| values(array).chunks_exact(samples).map(|row| &row[block.clone()]);
        for (delta, out) in rows(delta).zip(values_mut(out).chunks_exact_mut(inputs)) {
            for (a, out) in rows(a).zip(out) {
                *out += dot(delta, a);
            }
        }
    }
}

/// out = out + Σ δ, summed over the samples: `delta` is (n, m), `out` (n, 1).
pub(crate) fn add_row_sums(delta: &Array2<f64>, out: &mut Array2<f64>) {
    let samples = delta.ncols();
    for block in blocks(samples) {
        for (delta, out) in values(delta).chunks_exact(samples).zip(values_mut(out)) {
            *out += sum(&delta[block.clone()]);
        }
    }
}

/// The samples 0 … m - 1 in blocks of [`BLOCK`]; the last one may be shorter.
pub(crate) fn blocks(samples: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..samples).step_by(BLOCK).map(move |first| first..samples.min(first + BLOCK))
}

/// The sum of the products x_i y_i.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let whole = x.len() - x.len() % LANES;
    let (x_rest, y_rest) = (x[whole..].chunks_exact(4), y[whole..].chunks_exact(4));
    let last: f64 = x_rest.remainder().iter().zip(y_rest.remainder()).map(|(x, y)| x * y).sum();
    let mut rest = [0.0; 4];
    for (x, y) in x_rest.zip(y_rest) {
        for lane in 0..4 {
            rest[lane] += x[lane] * y[lane];
        }
    }
    fold(sums_of_products(x, y)) + fold(rest) + last
}

/// The sum of the products x_i y_i in whole groups of [`LANES`], as 8 partial sums that still have to be added up.
///
/// This function must not be inlined: together with the rest of `dot`, the compiler would use vectors of only two
/// numbers here, which takes twice the time.
#[inline(never)]
fn sums_of_products(x: &[f64], y: &[f64]) -> [f64; 8] {
    let mut sums = [0.0; LANES];
    for (x, y) in x.chunks_exact(LANES).zip(y.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    std::array::from_fn(|i| (sums[i] + sums[i + 16]) + (sums[i + 8] + sums[i + 24]))
}

/// The sum of the numbers in `x`.
fn sum(x: &[f64]) -> f64 {
    let x = x.chunks_exact(LANES);
    let rest = x.remainder();
    let mut sums = [0.0; LANES];
    for x in x {
        for lane in 0..LANES {
            sums[lane] += x[lane];
        }
    }
    fold(sums) + rest.iter().sum::<f64>()
}

/// The sum of all lanes: the upper half is added to the lower half until one number is left. N is a power of two.
fn fold<const N: usize>(mut sums: [f64; N]) -> f64 {
    let mut width = N;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

/// The size of a matrix: its Frobenius norm √Σ v². The entries are scaled first, so that tiny ones do not underflow
/// when they are squared.
pub(crate) fn norm(matrix: &Array2<f64>) -> f64 {
    let largest = largest(matrix);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * sum(values(&matrix.mapv(|v| (v / largest) * (v / largest)))).sqrt()
}

/// The largest absolute value. It is 0 only if every value is 0, and NaN if one of them is NaN.
pub(crate) fn largest<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().fold(0.0, |largest, v| if v.abs() > largest || v.is_nan() { v.abs() } else { largest })
}

// --- Layout -----------------------------------------------------------------------------------------------------------

/// The same matrix, stored row after row in memory. Every matrix that the crate keeps is stored in this way.
pub(crate) fn in_standard_layout(matrix: Array2<f64>) -> Array2<f64> {
    if matrix.is_standard_layout() { matrix } else { matrix.as_standard_layout().into_owned() }
}

/// The entries of a matrix, row after row.
pub(crate) fn values(matrix: &Array2<f64>) -> &[f64] {
    matrix.as_slice().expect("a matrix in standard layout")
}

pub(crate) fn values_mut(matrix: &mut Array2<f64>) -> &mut [f64] {
    matrix.as_slice_mut().expect("a matrix in standard layout")
}

// --- Checks -----------------------------------------------------------------------------------------------------------

/// Checks that the sizes of the layers, inputs first, describe a network with one output unit that is not too large.
pub(crate) fn check_sizes(sizes: &[usize]) -> Result<()> {
    if sizes.len() < 2 {
        let expected = "at least 2 (inputs and the output unit)";
        return Err(Error::shape("sizes", expected, sizes.len().to_string()));
    }
    if let Some(layer) = sizes.iter().position(|&n| n == 0) {
        return Err(Error::value("sizes", "at least 1 unit in every layer", format!("0 in layer {layer}")));
    }
    if sizes[sizes.len() - 1] != 1 {
        let came = format!("{} units", sizes[sizes.len() - 1]);
        return Err(Error::value("sizes", "1 unit in the last layer", came));
    }
    let parameters_of_layer = |n: &[usize]| n[1].saturating_mul(n[0].saturating_add(1));
    if sizes.windows(2).map(parameters_of_layer).fold(0, usize::saturating_add) > MAX_PARAMETERS {
        return Err(Error::value("sizes", format!("at most {MAX_PARAMETERS} parameters"), format!("{sizes:?}")));
    }
    Ok(())
}

pub(crate) fn check_layer(layer: usize, first: usize, last: usize) -> Result<()> {
    if (first..=last).contains(&layer) {
        Ok(())
    } else {
        Err(Error::value("layer", format!("a number from {first} to {last}"), layer.to_string()))
    }
}

/// Checks that the matrix of a layer has the expected shape.
pub(crate) fn check_shape(
    argument: &'static str,
    layer: usize,
    expected: (usize, usize),
    came: (usize, usize),
) -> Result<()> {
    if expected == came {
        Ok(())
    } else {
        Err(Error::shape(argument, format!("shape {expected:?} in layer {layer}"), format!("{came:?}")))
    }
}

/// Checks that every number is finite. The error says where the first one that is not finite stands.
pub(crate) fn check_finite(argument: &'static str, matrix: &Array2<f64>) -> Result<()> {
    match matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => {
            let came = format!("{value} at row {row}, column {column}");
            Err(Error::value(argument, "finite numbers", came))
        }
    }
}

/// Checks that everything that was computed for the layers is finite. The error says in which layer it is not.
pub(crate) fn check_no_overflow(what: &str, matrices: &Layers<Array2<f64>>) -> Result<()> {
    match matrices.iter().position(|matrix| !largest(matrix).is_finite()) {
        None => Ok(()),
        Some(index) => {
            let came = format!("infinite or NaN in layer {}", index + 1);
            Err(Error::value("network", format!("finite {what} on this data"), came))
        }
    }
}

/// Checks that the samples, (features, m), have at least one feature, at least one sample, and only finite numbers.
pub(crate) fn check_samples(x: &Array2<f64>) -> Result<()> {
    if x.nrows() == 0 {
        return Err(Error::shape("x", "at least 1 row (feature)", "none"));
    }
    if x.ncols() == 0 {
        return Err(Error::shape("x", "at least 1 column (sample)", "none"));
    }
    check_finite("x", x)
}

/// Checks that the labels are (1, m), and that each is 0 or 1.
pub(crate) fn check_labels(y: &Array2<f64>, samples: usize) -> Result<()> {
    if y.dim() != (1, samples) {
        return Err(Error::shape("y", format!("shape (1, {samples})"), format!("{:?}", y.dim())));
    }
    y.iter().try_for_each(|&label| check_label(label))
}

pub(crate) fn check_label(y: f64) -> Result<()> {
    if y == 0.0 || y == 1.0 { Ok(()) } else { Err(Error::value("y", "the labels 0 and 1", y.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::random::{Random, Stream};

    /// The numbers of samples are around the sizes of a block and of the lanes; the layers are below and above the
    /// limit from which on the library's product is used.
    #[test]
    fn products_agree_with_ndarray_for_every_shape() {
        let mut random = Random::new(1, Stream::Data);
        let mut matrix = |shape| Array2::from_shape_simple_fn(shape, || random.normal());
        for samples in (1..=70).chain([300, 479, 480, 481, 1000]) {
            for (n, k) in [(1, 1), (1, 5), (5, 10), (10, 2), (16, 15), (16, 16), (17, 31)] {
                let (w, a, b, delta) = (matrix((n, k)), matrix((k, samples)), matrix((n, 1)), matrix((n, samples)));
                let close = |ours: &Array2<f64>, theirs: Array2<f64>| {
                    assert_eq!(ours.dim(), theirs.dim());
                    let worst = largest(&(ours - &theirs));
                    assert!(worst < 1e-11, "{n} × {k}, {samples} samples: {worst}");
                };
                let mut z = Array2::from_elem((n, samples), f64::NAN);
                affine(&w, &a, &b, &mut z);
                close(&z, w.dot(&a) + &b);
                let mut back = Array2::from_elem((k, samples), f64::NAN);
                transpose_times(&w, &delta, &mut back);
                close(&back, w.t().dot(&delta));
                let mut dw = Array2::from_elem((n, k), 0.5);
                add_times_transpose(&delta, &a, &mut dw);
                close(&dw, delta.dot(&a.t()) + 0.5);
                let mut db = Array2::from_elem((n, 1), 0.5);
                add_row_sums(&delta, &mut db);
                close(&db, delta.sum_axis(Axis(1)).insert_axis(Axis(1)) + 0.5);
            }
        }
    }

    #[test]
    fn blocks_cover_every_sample_once() {
        for samples in [1, 479, 480, 481, 960, 1000] {
            let all: Vec<usize> = blocks(samples).flatten().collect();
            assert_eq!(all, (0..samples).collect::<Vec<_>>());
            assert!(blocks(samples).all(|block| block.len() <= BLOCK));
        }
    }
}
