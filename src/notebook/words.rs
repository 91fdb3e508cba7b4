//! What an inspection finds, in words.

use std::fmt;

use crate::argument::inspection::{Factor, Inspection, LayerInspection, NoDelta, Verdict};
use crate::support::text::{number, superscript};

impl LayerInspection {
    /// A verdict in words, with the names of this layer's factors. `input` is the name of the incoming activations.
    fn words(&self, verdict: Verdict, input: &str) -> String {
        let (l, next) = (superscript(self.layer), superscript(self.layer + 1));
        let flow_back = match self.slope {
            Some(_) => format!("W{next}ᵀδ{next}"),
            None => "ŷ − y".to_string(),
        };
        let no_delta = |why| match why {
            NoDelta::NothingFlowsBack => format!("δ{l} = 0: nothing flows back, {flow_back} = 0"),
            NoDelta::SlopeZero => format!("δ{l} = 0: no slope, g′(z{l}) = 0"),
            NoDelta::BothZero => format!("δ{l} = 0: nothing flows back, {flow_back} = 0, and g′(z{l}) = 0"),
            NoDelta::NeverTogether => format!("δ{l} = 0: wherever {flow_back} is not 0, g′(z{l}) is"),
            NoDelta::Underflow => format!("δ{l} = 0: {flow_back} times g′(z{l}) underflows"),
            NoDelta::NoError => format!("δ{l} = 0: every ŷ equals its y"),
        };
        match verdict {
            Verdict::Alive => "alive".to_string(),
            Verdict::Small { threshold, cause } => {
                let cause = match cause {
                    Factor::Input => format!("{input} is small"),
                    Factor::FlowBack => format!("little flows back, {flow_back} is small"),
                    Factor::Slope => format!("saturated, g′(z{l}) is small"),
                    Factor::Coincidence => "where one factor is large, another is small".to_string(),
                    Factor::Mean => "the samples nearly cancel".to_string(),
                };
                format!("small, below {}: {cause}", number(threshold))
            }
            Verdict::InputZero => format!("zero since {input} = 0"),
            Verdict::DeltaZero(why) => format!("zero since {}", no_delta(why)),
            Verdict::InputAndDeltaZero(why) => format!("zero twice over: {input} = 0, and {}", no_delta(why)),
            Verdict::NeverTogether => format!("zero since no sample has both {input} ≠ 0 and δ{l} ≠ 0"),
            Verdict::Underflow => format!("zero since δ{l} times {input} underflows"),
            Verdict::Cancelled => "zero, cancelled: the samples push but their mean is 0".to_string(),
        }
    }

    /// Why dW^l is what it is, in words.
    pub fn why_dw(&self) -> String {
        let input = match self.layer {
            1 => "x".to_string(),
            l => format!("a{}", superscript(l - 1)),
        };
        let words = self.words(self.dw_verdict, &input);
        match (self.dw_verdict, self.zeros_in_dw) {
            (Verdict::Alive, 1..) => format!("{words}, {} of {} entries 0", self.zeros_in_dw, self.entries_of_dw),
            _ => words,
        }
    }

    /// Why db^l is what it is, in words.
    pub fn why_db(&self) -> String {
        self.words(self.db_verdict, "1")
    }
}

impl LayerInspection {
    /// Everything that the table of reasons says of this layer: the name of each entry, and the entry as text.
    pub(crate) fn entries(&self) -> [(String, String); ENTRIES] {
        let (below, l, above) = (superscript(self.layer - 1), superscript(self.layer), superscript(self.layer + 1));
        let none = || "—".to_string();
        let hidden = |text: String| if self.slope.is_some() { text } else { none() };
        let dead = |dead: usize| format!("{dead} of {}", self.units);
        [
            (format!("a{below}"), number(self.input)),
            (format!("W{above}ᵀδ{above}"), hidden(number(self.flow_back))),
            (format!("g′(z{l})"), self.slope.map_or_else(none, number)),
            (format!("δ{l}"), number(self.delta)),
            (format!("δ{l}·a{below}"), number(self.per_sample)),
            (format!("dW{l}"), number(self.dw)),
            (format!("db{l}"), number(self.db)),
            (format!("why dW{l}"), self.why_dw()),
            (format!("why db{l}"), self.why_db()),
            ("dead units".to_string(), self.dead_units.map_or_else(none, dead)),
        ]
    }
}

/// How many entries the table of reasons has for a layer. The first of them are numbers, the others are words.
pub(crate) const ENTRIES: usize = 10;
pub(crate) const NUMBERS: usize = 7;

/// The sentence that says what the numbers of an inspection mean.
pub(crate) const LEGEND: &str = "Largest absolute values over all units and samples; 0 is exactly zero.";

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for layer in self.layers() {
            let l = superscript(layer.layer);
            writeln!(f, "layer {}: dW{l} is {}", layer.layer, layer.why_dw())?;
            let entries = layer.entries().into_iter().take(NUMBERS).filter(|(_, text)| text != "—");
            let numbers: Vec<String> = entries.map(|(name, text)| format!("{name} {text}")).collect();
            writeln!(f, "  {}", numbers.join("   "))?;
            writeln!(f, "  db{l} is {}", layer.why_db())?;
            if let Some(dead) = layer.dead_units.filter(|&dead| dead > 0) {
                writeln!(f, "  {dead} of {} units are dead: a = 0 and g′(z) = 0 for every sample", layer.units)?;
            }
        }
        write!(f, "{LEGEND}")
    }
}
