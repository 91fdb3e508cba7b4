//! Everything that a notebook needs, imported with `use zero_init::prelude::*;`.

pub use crate::figure::{self, Figure};
pub use crate::notebook::{Show, show_failures};
pub use crate::{
    Activation, Change, Changes, Dataset, Factor, GradientCheck, Gradients, History, Init, Inspection, LayerInspection,
    Network, NoDelta, Optimizer, Parameter, Sampling, Steps, Symmetry, Trace, Training, Verdict, all_zero, circles,
    circles_test, circles_train, course_normals, cross_entropy, cross_entropy_at_z, cross_entropy_slope, delta_at_z,
    logit, sigmoid, two_blobs, xor,
};
pub use ndarray::{Array2, array};
