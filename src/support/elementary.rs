//! The elementary functions of the crate, all from one library, so that every machine computes the same bits.
//!
//! The functions of `f64` come from the platform's C library and differ between platforms in their last bit. Those of
//! `fpmath` are written in Rust, from additions, multiplications and divisions only, and their results are rounded
//! correctly but for at most a thousandth of a unit in the last place. `clippy.toml` refuses the others; `sqrt` is
//! exact by IEEE 754, so that of `f64` will do.

pub(crate) use fpmath::{cos, cosh, erfc, exp, ln, ln_1p, log10, pow, sin, tanh};
