//! How a notebook shows values, failures and figures.

pub(crate) mod changes;
mod failure;
pub mod figure;
mod show;
mod words;

pub use failure::{show_error, show_failures};
pub use show::Show;

pub use crate::support::text::number;

#[doc(inline)]
pub use crate::__eprintln as eprintln;
