//! Why does a network whose weights start at zero never learn?
//!
//! This crate has a small multilayer perceptron for two classes, its gradients, and an inspection that says for each
//! gradient why it is zero. Samples are columns; layers are counted from 1, with a^0 = x; "zero" means `== 0.0`.
//!
//! - The argument: a [`Network`], its forward pass ([`Trace`]), its backward pass ([`Gradients`]), and the reasons for
//!   gradients of zero ([`Inspection`]).
//! - What one studies it with: a [`Dataset`], [`Training`], the differences of a [`GradientCheck`], and [`Symmetry`].
//! - Tables, figures and failures in a notebook: the modules [`notebook`] and [`figure`].
//!
//! The source is to be read in the order of `src/lib.rs`. The forward pass is at the top of `argument/network.rs`, the
//! backward pass at the top of `argument/gradients.rs`.
//!
//! ```
//! use zero_init::prelude::*;
//!
//! let data = circles_train();
//! let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
//! println!("{}", network.inspect(&data)?);
//! # Ok::<(), zero_init::Error>(())
//! ```
//!
//! ```text
//! layer 1: dW¹ is zero since δ¹ = 0: nothing flows back, W²ᵀδ² = 0, and g′(z¹) = 0
//! …
//! layer 3: dW³ is zero since a² = 0
//! …
//! ```

/// The argument, step by step.
mod argument {
    pub mod activation;
    pub mod loss;

    pub mod init;
    pub mod network;

    pub mod gradients;

    pub mod inspection;
}

/// The tools to study the argument: data sets, training, and ways to test a gradient.
mod study {
    pub mod batch;
    pub mod data;
    pub mod dropout;
    pub mod optimizer;
    pub mod training;

    pub mod check;
    pub mod symmetry;
}

pub mod notebook;

/// What the modules above are built on: matrices, elementary functions, random numbers, errors.
mod support {
    pub mod elementary;
    pub mod error;
    pub mod matrix;
    pub mod random;
    pub mod text;
}

pub mod prelude;

pub use argument::activation::{Activation, logit, sigmoid};
pub use argument::gradients::Gradients;
pub use argument::init::Init;
pub use argument::inspection::{Factor, Inspection, LayerInspection, NoDelta, Verdict, all_zero};
pub use argument::loss::{cross_entropy, cross_entropy_at_z, cross_entropy_slope, delta_at_z};
pub use argument::network::{Network, Trace};
pub use notebook::changes::{Change, Changes};
pub use notebook::figure::{self, Figure};
pub use study::check::{GradientCheck, Parameter};
pub use study::data::{Dataset, Sampling, circles, circles_test, circles_train, course_normals, two_blobs, xor};
pub use study::optimizer::Optimizer;
pub use study::symmetry::Symmetry;
pub use study::training::{History, Steps, Training};
pub use support::error::{Error, Result};

/// The crate that the matrices come from. Its types are part of this crate's interface.
pub use ndarray;
