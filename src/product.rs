//! The two matrix products of a network.
//!
//! A packing matrix multiply spends more time on packing than on the products of small layers, which are the
//! subject here; so those are loops over contiguous samples, written for the compiler to make vector code of. They
//! allocate nothing, and their order of summation is fixed: small networks give the same bits with any vector width.
//! Large layers go to `matrixmultiply`, which allocates a packing buffer and sums in an order of its own.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2};

/// Samples handled at once, held in registers.
const LANES: usize = 32;

/// From about this many weights on, at the 300 samples of the course, the packing matrix multiply was faster.
const LARGE: usize = 16 * 16;

/// out = W a + b, or W a without b: `w` is (n, k), `a` (k, m), `b` (n, 1), `out` (n, m).
pub(crate) fn times(w: ArrayView2<f64>, a: &Array2<f64>, b: Option<&Array2<f64>>, out: &mut Array2<f64>) {
    let bias = |row: usize| b.map_or(0.0, |b| b[[row, 0]]);
    if w.len() >= LARGE {
        out.rows_mut().into_iter().enumerate().for_each(|(row, mut out)| out.fill(bias(row)));
        return general_mat_mul(1.0, &w, a, 1.0, out);
    }
    let samples = a.ncols();
    for (row, out) in contiguous_mut(out).chunks_exact_mut(samples).enumerate() {
        let rest = weighted_sums::<LANES>(w.row(row), contiguous(a), bias(row), samples, out);
        let rest = weighted_sums::<4>(w.row(row), contiguous(a), bias(row), samples, rest);
        weighted_sums::<1>(w.row(row), contiguous(a), bias(row), samples, rest);
    }
}

/// Fills the last `out.len()` of the samples of one unit, N at a time, and returns the part of `out` that is left.
fn weighted_sums<'a, const N: usize>(
    weights: ArrayView1<f64>,
    a: &[f64],
    bias: f64,
    samples: usize,
    out: &'a mut [f64],
) -> &'a mut [f64] {
    let first = samples - out.len();
    let (blocks, rest) = out.as_chunks_mut::<N>();
    for (block, out) in blocks.iter_mut().enumerate() {
        let mut sums = [bias; N];
        for (w, a) in weights.iter().zip(a.chunks_exact(samples)) {
            let a = &a[first + block * N..][..N];
            for lane in 0..N {
                sums[lane] += w * a[lane];
            }
        }
        *out = sums;
    }
    rest
}

/// out = δ aᵀ: `delta` is (n, m), `a` (k, m), `out` (n, k). Sums over the samples.
pub(crate) fn times_transpose(delta: &Array2<f64>, a: &Array2<f64>, out: &mut Array2<f64>) {
    if out.len() >= LARGE {
        return general_mat_mul(1.0, delta, &a.t(), 0.0, out);
    }
    let (samples, inputs) = (a.ncols(), a.nrows());
    for (delta, out) in contiguous(delta).chunks_exact(samples).zip(contiguous_mut(out).chunks_exact_mut(inputs)) {
        for (a, out) in contiguous(a).chunks_exact(samples).zip(out) {
            *out = dot(delta, a);
        }
    }
}

/// The sum of the products x_i y_i.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (sums, x, y) = products::<LANES>(x, y);
    let (rest, x, y) = products::<4>(x, y);
    let (last, _, _) = products::<1>(x, y);
    fold(sums) + fold(rest) + fold(last)
}

/// The sums of the products, lane by lane, and what is left of x and y.
fn products<'a, const N: usize>(x: &'a [f64], y: &'a [f64]) -> ([f64; N], &'a [f64], &'a [f64]) {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<N>(), y.as_chunks::<N>());
    let mut sums = [0.0; N];
    for (x, y) in x.iter().zip(y) {
        for lane in 0..N {
            sums[lane] += x[lane] * y[lane];
        }
    }
    (sums, x_rest, y_rest)
}

/// The sum of the numbers in `x`.
pub(crate) fn sum(x: &[f64]) -> f64 {
    let (x, rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for x in x {
        for lane in 0..LANES {
            sums[lane] += x[lane];
        }
    }
    fold(sums) + rest.iter().sum::<f64>()
}

/// The largest absolute value: 0 only if every value is, NaN if one is.
pub(crate) fn largest(array: &Array2<f64>) -> f64 {
    array.iter().fold(0.0, |largest, v| if v.abs() > largest || v.is_nan() { v.abs() } else { largest })
}

/// The sum of all lanes, halves upon halves; N is a power of two.
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

/// Every array of the crate is contiguous, row after row.
pub(crate) fn contiguous(array: &Array2<f64>) -> &[f64] {
    array.as_slice().expect("an array in standard layout")
}

pub(crate) fn contiguous_mut(array: &mut Array2<f64>) -> &mut [f64] {
    array.as_slice_mut().expect("an array in standard layout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    /// Every count of samples around a block, and both sides of the switch to the packing multiply.
    #[test]
    fn products_agree_with_ndarray_for_every_shape() {
        let mut random = Random::new(1, Stream::Data);
        let mut matrix = |shape| Array2::from_shape_simple_fn(shape, || random.normal());
        for samples in (1..=70).chain([300]) {
            for (n, k) in [(1, 1), (1, 5), (5, 10), (10, 2), (16, 15), (16, 16), (17, 31)] {
                let (w, a, b, delta) = (matrix((n, k)), matrix((k, samples)), matrix((n, 1)), matrix((n, samples)));
                let close = |ours: &Array2<f64>, theirs: Array2<f64>| {
                    assert_eq!(ours.dim(), theirs.dim());
                    let close = ours.iter().zip(&theirs).all(|(ours, theirs)| (ours - theirs).abs() < 1e-11); // NaN: no
                    assert!(close, "{n} × {k}, {samples} samples: {ours} instead of {theirs}");
                };
                let mut z = Array2::from_elem((n, samples), f64::NAN);
                times(w.view(), &a, Some(&b), &mut z);
                close(&z, w.dot(&a) + &b);
                let mut back = Array2::from_elem((k, samples), f64::NAN);
                times(w.t(), &delta, None, &mut back);
                close(&back, w.t().dot(&delta));
                let mut dw = Array2::from_elem((n, k), 0.5);
                times_transpose(&delta, &a, &mut dw);
                close(&dw, delta.dot(&a.t()));
                assert!((sum(contiguous(&a)) - a.sum()).abs() < 1e-11);
            }
        }
    }
}
