//! Inspection: why is this gradient zero? The chain that makes each layer's dW, and what it says.
//!
//! dW^l is the mean over the samples of δ^l times a^{l-1}, and δ^l is what flows back, W^{l+1}ᵀ δ^{l+1}, times the
//! slope g'(z^l). A product is zero if a factor is; a mean is zero also if its terms cancel. "Zero" means `== 0.0`.

use std::fmt;

use ndarray::Array2;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::product;
use crate::show::{Show, html_cells, number};

/// Below this size a gradient that is not zero is called small, unless one chooses another threshold.
const SMALL: f64 = 1e-7;

/// Why a gradient is what it is.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let inspection = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?.inspect(&circles_train())?;
/// let why: Vec<Verdict> = inspection.layers().iter().map(|layer| layer.dw_verdict).collect();
/// assert_eq!(why[0], Verdict::DeltaZero(NoDelta::BothZero));
/// assert_eq!(why[1], Verdict::InputAndDeltaZero(NoDelta::BothZero));
/// assert_eq!(why[2], Verdict::InputZero);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// At least one entry is not zero, and not small either.
    Alive,
    /// At least one entry is not zero, but all are below the threshold.
    Small {
        /// The threshold on the largest absolute entry.
        threshold: f64,
        /// The smallest of the factors that make it.
        cause: Factor,
    },
    /// All entries are zero, since the activations that come in, a^{l-1}, are.
    InputZero,
    /// All entries are zero, since δ^l is.
    DeltaZero(
        /// Which of the factors of δ^l is zero.
        NoDelta,
    ),
    /// All entries are zero, twice over: a^{l-1} and δ^l both are.
    InputAndDeltaZero(
        /// Which of the factors of δ^l is zero.
        NoDelta,
    ),
    /// All entries are zero though neither a^{l-1} nor δ^l is: no sample has a non-zero product of the two.
    NeverTogether,
    /// All entries are zero though samples push: what they push adds up to zero over the batch.
    Cancelled,
}

/// Why δ^l is zero for every unit and sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDelta {
    /// Nothing flows back: W^{l+1}ᵀ δ^{l+1} = 0.
    NothingFlowsBack,
    /// The slope g'(z^l) is zero everywhere.
    SlopeZero,
    /// Both are zero.
    BothZero,
    /// Neither is zero, but wherever one is not, the other is.
    NeverTogether,
    /// The output layer's δ^L = ŷ - y is zero: every prediction equals its label.
    NoError,
}

/// A factor of dW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// The activations that come in, a^{l-1}.
    Input,
    /// What flows back, W^{l+1}ᵀ δ^{l+1}; at the output layer ŷ - y. Small at a hidden layer: a vanishing gradient.
    FlowBack,
    /// The slope g'(z^l). Small: saturated units.
    Slope,
    /// The mean over the samples: it is much smaller than the largest term.
    Mean,
}

/// One layer's chain: the largest absolute value of each factor of dW^l and db^l, and the verdicts.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerInspection {
    /// The layer l.
    pub layer: usize,
    /// The number of units n_l.
    pub units: usize,
    /// Units whose activation is zero for every sample; `None` at the output layer.
    pub dead_units: Option<usize>,
    /// a^{l-1}, what comes in.
    pub input: f64,
    /// W^{l+1}ᵀ δ^{l+1}, what flows back; at the output layer ŷ - y.
    pub flow_back: f64,
    /// g'(z^l); `None` at the output layer, where δ is ŷ - y as a whole.
    pub slope: Option<f64>,
    /// δ^l.
    pub delta: f64,
    /// δ^l times a^{l-1} for single samples, before their mean is taken.
    pub per_sample: f64,
    /// dW^l.
    pub dw: f64,
    /// db^l.
    pub db: f64,
    /// How many entries of dW^l are zero.
    pub zeros_in_dw: usize,
    /// How many entries dW^l has.
    pub entries_of_dw: usize,
    /// Why dW^l is what it is.
    pub dw_verdict: Verdict,
    /// Why db^l is what it is.
    pub db_verdict: Verdict,
}

/// The inspection of a network on a data set: a row a layer. Shown in a notebook as a table.
///
/// ```
/// use zero_init::prelude::*;
///
/// # fn main() -> zero_init::Result<()> {
/// let inspection = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?.inspect(&circles_train())?;
/// let first = inspection.layer(1)?;
/// assert!(first.input > 0.0); // x is not zero
/// assert_eq!((first.delta, first.dw), (0.0, 0.0));
/// println!("{inspection}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    layers: Vec<LayerInspection>,
}

impl Network {
    /// Says for each layer, on the given data, why dW and db are zero or are not.
    ///
    /// Errors if the data has another number of features, or if the numbers are so large that a gradient overflows.
    pub fn inspect(&self, data: &Dataset) -> Result<Inspection> {
        self.inspect_with_threshold(data, SMALL)
    }

    /// The same with a threshold of one's own, below which a gradient is called small (1e-7 in `inspect`).
    ///
    /// Errors as `inspect` does, and if the threshold is negative or not finite.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let tiny = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Normal { scale: 1e-6, seed: 1 })?;
    /// let inspection = tiny.inspect_with_threshold(&circles_train(), 1e-3)?;
    /// assert!(matches!(inspection.layer(1)?.dw_verdict, Verdict::Small { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn inspect_with_threshold(&self, data: &Dataset, threshold: f64) -> Result<Inspection> {
        if !(threshold.is_finite() && threshold >= 0.0) {
            let expected = "a finite number of at least 0";
            return Err(Error::value("threshold", expected, threshold.to_string()));
        }
        let trace = self.forward(data.x())?;
        let gradients = self.backward(&trace, data.y())?;
        let last = self.layers() - 1;
        for l in 0..=last {
            if !(finite(&gradients.dw[l]) && finite(&gradients.db[l])) {
                let came = format!("infinite or NaN in layer {}", l + 1);
                return Err(Error::value("network", "finite gradients on this data", came));
            }
        }
        let inspect = |l: usize| {
            let (input, delta, dw) = (&trace.a[l], &gradients.delta[l], &gradients.dw[l]);
            let mut layer = LayerInspection {
                layer: l + 1,
                units: delta.nrows(),
                dead_units: None,
                input: largest(input),
                flow_back: largest(delta),
                slope: None,
                delta: largest(delta),
                per_sample: largest_product(delta, input),
                dw: largest(dw),
                db: largest(&gradients.db[l]),
                zeros_in_dw: dw.iter().filter(|&&v| v == 0.0).count(),
                entries_of_dw: dw.len(),
                dw_verdict: Verdict::Alive,
                db_verdict: Verdict::Alive,
            };
            if l < last {
                let a = &trace.a[l + 1];
                layer.dead_units = Some(a.rows().into_iter().filter(|a| a.iter().all(|&a| a == 0.0)).count());
                let mut back = Array2::zeros(delta.dim());
                product::times(self.weights[l + 1].t(), &gradients.delta[l + 1], None, &mut back);
                layer.flow_back = largest(&back);
                layer.slope = Some(trace.z[l].iter().map(|&z| self.hidden.derivative(z).abs()).fold(0.0, f64::max));
            }
            layer.dw_verdict = layer.verdict(layer.input, layer.per_sample, layer.dw, threshold);
            layer.db_verdict = layer.verdict(1.0, layer.delta, layer.db, threshold);
            layer
        };
        Ok(Inspection { layers: (0..=last).map(inspect).collect() })
    }
}

impl LayerInspection {
    /// Why a gradient of this layer is what it is: the mean of `terms`, which are δ times `input`.
    fn verdict(&self, input: f64, terms: f64, gradient: f64, threshold: f64) -> Verdict {
        if gradient != 0.0 {
            return if gradient < threshold {
                Verdict::Small { threshold, cause: self.smallest_factor(input, terms, gradient) }
            } else {
                Verdict::Alive
            };
        }
        match (input == 0.0, self.delta == 0.0) {
            (true, true) => Verdict::InputAndDeltaZero(self.no_delta()),
            (true, false) => Verdict::InputZero,
            (false, true) => Verdict::DeltaZero(self.no_delta()),
            (false, false) if terms == 0.0 => Verdict::NeverTogether,
            (false, false) => Verdict::Cancelled,
        }
    }

    fn no_delta(&self) -> NoDelta {
        match (self.slope, self.flow_back == 0.0) {
            (None, _) => NoDelta::NoError,
            (Some(0.0), true) => NoDelta::BothZero,
            (Some(0.0), false) => NoDelta::SlopeZero,
            (Some(_), true) => NoDelta::NothingFlowsBack,
            (Some(_), false) => NoDelta::NeverTogether,
        }
    }

    fn smallest_factor(&self, input: f64, terms: f64, gradient: f64) -> Factor {
        let factors = [
            (Factor::Input, input),
            (Factor::FlowBack, self.flow_back),
            (Factor::Slope, self.slope.unwrap_or(1.0)),
            (Factor::Mean, gradient / terms),
        ];
        let smallest = factors.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        smallest.map_or(Factor::Mean, |(factor, _)| factor)
    }

    /// Names that fit this layer: a⁰ is x, and the output layer's δ is ŷ - y.
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
            NoDelta::NoError => format!("δ{l} = 0: every ŷ equals its y"),
        };
        match verdict {
            Verdict::Alive => "alive".to_string(),
            Verdict::Small { threshold, cause } => {
                let cause = match cause {
                    Factor::Input => format!("{input} is small"),
                    Factor::FlowBack => format!("little flows back, {flow_back} is small"),
                    Factor::Slope => format!("saturated, g′(z{l}) is small"),
                    Factor::Mean => "the samples nearly cancel".to_string(),
                };
                format!("small, below {}: {cause}", number(threshold))
            }
            Verdict::InputZero => format!("zero since {input} = 0"),
            Verdict::DeltaZero(why) => format!("zero since {}", no_delta(why)),
            Verdict::InputAndDeltaZero(why) => format!("zero twice over: {input} = 0, and {}", no_delta(why)),
            Verdict::NeverTogether => format!("zero since no sample has both {input} ≠ 0 and δ{l} ≠ 0"),
            Verdict::Cancelled => "zero, cancelled: the samples push but their mean is 0".to_string(),
        }
    }

    /// Why dW^l is what it is, in words.
    ///
    /// ```
    /// use zero_init::prelude::*;
    ///
    /// # fn main() -> zero_init::Result<()> {
    /// let inspection = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?.inspect(&circles_train())?;
    /// assert_eq!(inspection.layer(3)?.why_dw(), "zero since a² = 0");
    /// # Ok(())
    /// # }
    /// ```
    pub fn why_dw(&self) -> String {
        let input = match self.layer {
            1 => "x".to_string(),
            l => format!("a{}", superscript(l - 1)),
        };
        self.words(self.dw_verdict, &input)
    }

    /// Why db^l is what it is, in words.
    pub fn why_db(&self) -> String {
        self.words(self.db_verdict, "1")
    }
}

impl Inspection {
    /// The rows, layer 1 first.
    pub fn layers(&self) -> &[LayerInspection] {
        &self.layers
    }

    /// The row of layer l. Errors if `layer` is not one of 1 … L.
    pub fn layer(&self, layer: usize) -> Result<&LayerInspection> {
        crate::network::check_layer(layer, 1, self.layers.len())?;
        Ok(&self.layers[layer - 1])
    }

    const HEADINGS: [&str; 9] =
        ["layer l", "aˡ⁻¹", "Wˡ⁺¹ᵀδˡ⁺¹", "g′(zˡ)", "δˡ", "δˡ·aˡ⁻¹", "dWˡ", "why dWˡ", "why dbˡ"];

    fn rows(&self) -> Vec<[String; 9]> {
        self.layers
            .iter()
            .map(|layer| {
                [
                    layer.layer.to_string(),
                    number(layer.input),
                    if layer.slope.is_some() { number(layer.flow_back) } else { "—".to_string() },
                    layer.slope.map_or("—".to_string(), number),
                    number(layer.delta),
                    number(layer.per_sample),
                    number(layer.dw),
                    layer.why_dw(),
                    layer.why_db(),
                ]
            })
            .collect()
    }
}

/// What the numbers are.
const LEGEND: &str = "Largest absolute values over all units and samples; 0 is exactly zero.";

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for layer in &self.layers {
            writeln!(f, "layer {}: dW{} is {}", layer.layer, superscript(layer.layer), layer.why_dw())?;
            let (below, l, above) =
                (superscript(layer.layer - 1), superscript(layer.layer), superscript(layer.layer + 1));
            write!(f, "  a{below} {}", number(layer.input))?;
            if let Some(slope) = layer.slope {
                write!(f, "   W{above}ᵀδ{above} {}   g′(z{l}) {}", number(layer.flow_back), number(slope))?;
            }
            let (delta, terms, dw) = (number(layer.delta), number(layer.per_sample), number(layer.dw));
            writeln!(f, "   δ{l} {delta}   δ{l}·a{below} {terms}   dW{l} {dw}")?;
            writeln!(f, "  db{} is {}", superscript(layer.layer), layer.why_db())?;
            if let Some(dead) = layer.dead_units.filter(|&dead| dead > 0) {
                writeln!(f, "  {dead} of {} units are dead: a = 0 for every sample", layer.units)?;
            }
        }
        write!(f, "{LEGEND}")
    }
}

impl Show for Inspection {
    fn plain(&self) -> String {
        self.to_string()
    }

    fn rich(&self) -> Option<(&'static str, String)> {
        let row = |cell, texts: &[&str; 9]| {
            let (numbers, reasons) = texts.split_at(7);
            format!("<tr>{}{}</tr>", html_cells(cell, "right", numbers), html_cells(cell, "left", reasons))
        };
        let head = row("th", &Self::HEADINGS);
        let body: String = self.rows().iter().map(|texts| row("td", &texts.each_ref().map(String::as_str))).collect();
        let dead: Vec<String> = self
            .layers
            .iter()
            .filter_map(|layer| Some((layer.layer, layer.dead_units?, layer.units)))
            .map(|(layer, dead, units)| format!("{dead} of {units} in layer {layer}"))
            .collect();
        let dead = if dead.is_empty() {
            String::new()
        } else {
            format!(" Dead units (a = 0 for every sample): {}.", dead.join(", "))
        };
        let table = format!("<table><thead>{head}</thead><tbody>{body}</tbody></table><p>{LEGEND}{dead}</p>");
        Some(("text/html", table))
    }
}

/// Whether every entry of a matrix is exactly zero, `== 0.0`.
///
/// ```
/// use zero_init::prelude::*;
///
/// assert!(all_zero(&array![[0.0, -0.0]]));
/// assert!(!all_zero(&array![[0.0, 1e-300]]));
/// ```
pub fn all_zero(matrix: &Array2<f64>) -> bool {
    matrix.iter().all(|&v| v == 0.0)
}

/// The largest absolute value; 0 only if every value is.
fn largest(array: &Array2<f64>) -> f64 {
    array.iter().fold(0.0, |largest, v| v.abs().max(largest))
}

fn finite(array: &Array2<f64>) -> bool {
    array.iter().all(|v| v.is_finite())
}

/// The largest |δ_i a_j| of any one sample.
fn largest_product(delta: &Array2<f64>, a: &Array2<f64>) -> f64 {
    let column = |array: &Array2<f64>, sample| array.column(sample).iter().fold(0.0, |l: f64, v| v.abs().max(l));
    (0..a.ncols()).map(|sample| column(delta, sample) * column(a, sample)).fold(0.0, f64::max)
}

fn superscript(number: usize) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| DIGITS[usize::from(digit - b'0')]).collect()
}
