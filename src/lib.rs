//! Why does a network whose weights start at zero never learn?
//!
//! A small multilayer perceptron for two classes, its gradients, and an inspection that says of each gradient why it
//! is zero. The modules follow the argument: activation, loss, network (forward), gradients (backward), inspection.
//! Samples are columns; layers are counted from 1, with a^0 = x; "zero" means `== 0.0`.
//!
//! ```
//! use zero_init::prelude::*;
//!
//! # fn main() -> zero_init::Result<()> {
//! let data = circles_train();
//! let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
//! println!("{}", network.inspect(&data)?);
//! # Ok(())
//! # }
//! ```

mod activation;
mod check;
mod data;
mod error;
mod failure;
pub mod figure;
mod gradients;
mod init;
mod inspection;
mod loss;
mod network;
pub mod prelude;
mod product;
mod random;
mod show;
mod symmetry;
mod training;

pub use activation::{Activation, logit, sigmoid};
pub use check::{GradientCheck, Parameter};
pub use data::{Dataset, Sampling, circles, circles_test, circles_train, course_normals, two_blobs, xor};
pub use error::{Error, Result};
pub use failure::{show_error, show_failures};
pub use figure::Figure;
pub use gradients::Gradients;
pub use init::Init;
pub use inspection::{Factor, Inspection, LayerInspection, NoDelta, Verdict, all_zero};
pub use loss::{cross_entropy, cross_entropy_at_z, cross_entropy_slope, delta_at_z};
pub use network::{Network, Trace};
pub use show::{Show, number};
pub use symmetry::{Symmetry, rank};
pub use training::{History, Steps, Training};
