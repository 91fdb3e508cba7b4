//! The two matrix products of a network, without allocation.
//!
//! A packing matrix multiply spends more time on packing than on the products of small layers, which are the
//! subject here; so those are loops over contiguous samples, written for the compiler to make vector code of.
//! Their order of summation is fixed, so small networks give the same bits with any vector width.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2};

/// Samples handled at once, held in registers.
const LANES: usize = 16;

/// From this many weights on, the packing matrix multiply wins (`make bench`).
const LARGE: usize = 32 * 32;

/// out = W a + b, or W a without b: `w` is (n, k), `a` (k, m), `b` (n, 1), `out` (n, m).
pub(crate) fn times(w: ArrayView2<f64>, a: &Array2<f64>, b: Option<&Array2<f64>>, out: &mut Array2<f64>) {
    let bias = |row: usize| b.map_or(0.0, |b| b[[row, 0]]);
    if w.len() >= LARGE {
        out.rows_mut().into_iter().enumerate().for_each(|(row, mut out)| out.fill(bias(row)));
        return general_mat_mul(1.0, &w, a, 1.0, out);
    }
    let samples = a.ncols();
    let (whole, a) = (samples - samples % LANES, contiguous(a));
    for (row, out) in contiguous_mut(out).chunks_exact_mut(samples).enumerate() {
        let weights = w.row(row);
        for (block, out) in out[..whole].chunks_exact_mut(LANES).enumerate() {
            let mut sums = [bias(row); LANES];
            for (w, a) in weights.iter().zip(a.chunks_exact(samples)) {
                let a = &a[block * LANES..][..LANES];
                for (sum, a) in sums.iter_mut().zip(a) {
                    *sum += w * a;
                }
            }
            out.copy_from_slice(&sums);
        }
        out[whole..].fill(bias(row));
        for (w, a) in weights.iter().zip(a.chunks_exact(samples)) {
            for (out, a) in out[whole..].iter_mut().zip(&a[whole..]) {
                *out += w * a;
            }
        }
    }
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
    let mut sums = [0.0; LANES];
    let (x, y) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    for (sum, (x, y)) in sums.iter_mut().zip(x.remainder().iter().zip(y.remainder())) {
        *sum = x * y;
    }
    for (x, y) in x.zip(y) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    fold(sums)
}

/// The sum of the numbers in `x`.
pub(crate) fn sum(x: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let x = x.chunks_exact(LANES);
    sums.iter_mut().zip(x.remainder()).for_each(|(sum, x)| *sum = *x);
    for x in x {
        sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
    }
    fold(sums)
}

/// The sum of all lanes, halves upon halves.
fn fold(mut sums: [f64; LANES]) -> f64 {
    let mut width = LANES;
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
