//! What is different in the table of reasons after a change of the network or the data.

use std::fmt;

use crate::argument::inspection::Inspection;
use crate::support::error::{Error, Result};

/// An entry of the table of reasons that is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The layer l, from 1 to L.
    pub layer: usize,
    /// The name of the entry, for example "dW³", "why dW³" or "dead units".
    pub entry: String,
    /// What the table said before.
    pub before: String,
    /// What the table says now.
    pub now: String,
}

/// The entries of the table of reasons that are different in two inspections, layer by layer.
///
/// ```
/// use zero_init::prelude::*;
///
/// let mut data = circles_train();
/// let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
/// let before = network.inspect(&data)?;
/// data.set_label(0, 0.0)?; // the labels no longer balance
/// let changes = network.inspect(&data)?.changes_since(&before)?;
/// let changed: Vec<&str> = changes.all().iter().map(|change| change.entry.as_str()).collect();
/// assert_eq!(changed, ["db³", "why db³"]);
/// # Ok::<(), zero_init::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    changes: Vec<Change>,
}

/// The sentence at the end of a list of changes.
pub(crate) const UNCHANGED: &str = "All other entries of the table are as they were.";

impl Changes {
    /// The changes, from layer 1 to layer L; in a layer in the order of the table.
    pub fn all(&self) -> &[Change] {
        &self.changes
    }
}

impl Inspection {
    /// What the table of reasons says now and did not say `before`: numbers are compared as they are shown, with four
    /// digits. Errors if the two do not have the same number of layers.
    pub fn changes_since(&self, before: &Inspection) -> Result<Changes> {
        let (now, then) = (self.layers().len(), before.layers().len());
        if now != then {
            return Err(Error::shape("before", format!("{now} layers"), format!("{then} layers")));
        }
        let mut changes = Vec::new();
        for (old, new) in before.layers().iter().zip(self.layers()) {
            for ((entry, now), (_, before)) in new.entries().into_iter().zip(old.entries()) {
                if now != before {
                    changes.push(Change { layer: new.layer, entry, before, now });
                }
            }
        }
        Ok(Changes { changes })
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Change { layer, entry, before, now } in &self.changes {
            writeln!(f, "layer {layer}: {entry}: {before} → {now}")?;
        }
        f.write_str(if self.changes.is_empty() { "Nothing in the table has changed." } else { UNCHANGED })
    }
}
