//! The elementary functions of the crate, all from one library, so that every machine computes the same bits.
//!
//! The functions of `f64` come from the platform's C library and differ between platforms in their last bit. Those of
//! `fpmath` are written in Rust, from additions, multiplications and divisions only. Before the final rounding their
//! results differ from the true values by at most a thousandth of a unit in the last place. `clippy.toml` forbids the
//! functions of `f64`, except `sqrt`, which IEEE 754 defines exactly.

pub(crate) use fpmath::{cos, cosh, erfc, exp, ln, ln_1p, log10, pow, sin, tanh};
