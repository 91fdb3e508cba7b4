//! A question: a network, its data, and how it is trained. As text it is what follows the `#` in a page's address, for
//! example `sizes=2-10-5-1&g=relu&start=zeros&w=1.0.0:0.1`. What a text leaves out is as in notebook 1.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde_json::{Value, json};
use zero_init::prelude::*;

/// The most that a question may ask for, so that every answer comes at once.
const MOST_LAYERS: usize = 8;
const MOST_UNITS: usize = 10;
/// The most steps of training.
pub const MOST_STEPS: usize = 100_000;
const MOST_EDITS: usize = 500;
const SAMPLES: usize = 300;

/// A network, its data, and how it is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    sizes: Vec<usize>,
    hidden: Activation,
    init: Init,
    biases: f64,
    /// The parameters that do not have the value that `init` and `biases` give them.
    edits: Vec<(Parameter, f64)>,
    shape: Shape,
    ones: usize,
    /// The samples whose label is the other one.
    flips: Vec<usize>,
    rate: f64,
    /// The number of training steps.
    pub steps: usize,
    /// The samples of a mini-batch, and how a step follows from the gradient.
    batch: Option<usize>,
    optimizer: Optimizer,
}

/// The data sets to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Circles,
    Blobs,
    Xor,
}

const ACTIVATIONS: [(&str, Activation); 8] = [
    ("identity", Activation::Identity),
    ("relu", Activation::Relu),
    ("leaky", Activation::LeakyRelu { slope: 0.01 }),
    ("tanh", Activation::Tanh),
    ("silu", Activation::Silu),
    ("gelu", Activation::Gelu),
    ("sigmoid", Activation::Sigmoid),
    ("softplus", Activation::Softplus),
];

const OPTIMIZERS: [(&str, Optimizer); 3] = [
    ("descent", Optimizer::GradientDescent),
    ("momentum", Optimizer::Momentum { beta: 0.9 }),
    ("adam", Optimizer::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 }),
];

const SHAPES: [(&str, Shape); 3] = [("circles", Shape::Circles), ("blobs", Shape::Blobs), ("xor", Shape::Xor)];

/// What is wrong with a question, as a sentence.
pub type Fault = String;

impl Default for Question {
    fn default() -> Self {
        Question {
            sizes: vec![2, 10, 5, 1],
            hidden: Activation::Relu,
            init: Init::Zeros,
            biases: 0.0,
            edits: Vec::new(),
            shape: Shape::Circles,
            ones: SAMPLES / 2,
            flips: Vec::new(),
            rate: 0.01,
            steps: 0,
            batch: None,
            optimizer: Optimizer::GradientDescent,
        }
    }
}

impl FromStr for Question {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut question = Question::default();
        let (mut start, mut scale, mut seed) = ("zeros".to_string(), None, 1);
        for (name, value) in form_urlencoded::parse(text.trim().as_bytes()) {
            match name.as_ref() {
                "sizes" => question.sizes = sizes(&value)?,
                "g" => question.hidden = choice("g", &value, &ACTIVATIONS)?,
                "start" => start = value.into_owned(),
                "scale" => scale = Some(finite("scale", &value)?),
                "seed" => seed = whole("seed", &value, u64::MAX)?,
                "biases" => question.biases = finite("biases", &value)?,
                "w" => question.edits.extend(edits("w", &value)?),
                "b" => question.edits.extend(edits("b", &value)?),
                "data" => question.shape = choice("data", &value, &SHAPES)?,
                "ones" => question.ones = whole("ones", &value, SAMPLES)?,
                "flip" => question.flips = list("flip", &value, |text| whole("flip", text, SAMPLES - 1))?,
                "rate" => question.rate = finite("rate", &value)?,
                "batch" => question.batch = Some(whole("batch", &value, SAMPLES)?).filter(|&size| size > 0),
                "by" => question.optimizer = choice("by", &value, &OPTIMIZERS)?,
                "steps" => question.steps = whole("steps", &value, MOST_STEPS)?,
                other => return Err(format!("there is nothing called “{}” to set", shown(other))),
            }
        }
        question.init = match start.as_str() {
            "zeros" => Init::Zeros,
            "constant" => Init::Constant(scale.unwrap_or(0.5)),
            "normal" => Init::Normal { scale: scale.unwrap_or(1.0), seed },
            "xavier" => Init::Xavier { seed },
            "he" => Init::He { seed },
            other => return Err(unknown("start", other, &["zeros", "constant", "normal", "xavier", "he"])),
        };
        Ok(question)
    }
}

impl Question {
    /// The question as the controls of a page need it.
    pub fn controls(&self) -> Value {
        let (start, scale, seed) = match self.init {
            Init::Constant(value) => ("constant", value, 1),
            Init::Normal { scale, seed } => ("normal", scale, seed),
            Init::Xavier { seed } => ("xavier", 1.0, seed),
            Init::He { seed } => ("he", 1.0, seed),
            _ => ("zeros", 1.0, 1),
        };
        let hidden = &self.sizes[1..self.sizes.len() - 1];
        json!({
            "hidden": joined(hidden, ", "), "g": name_of(self.hidden, &ACTIVATIONS), "start": start,
            "scale": format!("{scale:?}"), "seed": seed.to_string(), "biases": format!("{:?}", self.biases),
            "w": self.edits_as_text(true), "b": self.edits_as_text(false), "data": name_of(self.shape, &SHAPES),
            "ones": self.ones.to_string(), "flip": joined(&self.flips, ", "), "rate": format!("{:?}", self.rate),
            "steps": self.steps, "batch": self.batch.map_or(String::new(), |size| size.to_string()),
            "by": name_of(self.optimizer, &OPTIMIZERS),
        })
    }

    /// The changed weights or biases, such as 1.0.0:0.1.
    fn edits_as_text(&self, of_weights: bool) -> Vec<String> {
        let text = |(parameter, value): &(Parameter, f64)| match parameter {
            Parameter::Weight { layer, row, column } if of_weights => Some(format!("{layer}.{row}.{column}:{value:?}")),
            Parameter::Bias { layer, row } if !of_weights => Some(format!("{layer}.{row}:{value:?}")),
            _ => None,
        };
        self.edits.iter().filter_map(text).collect()
    }

    /// The network before the first step.
    pub fn network(&self) -> Result<Network, Fault> {
        let network = Network::new(&self.sizes, self.hidden, self.init).and_then(|network| {
            let mut network = network.with_biases(Init::Constant(self.biases))?;
            for (parameter, value) in &self.edits {
                match *parameter {
                    Parameter::Weight { layer, row, column } => network.set_weight(layer, (row, column), *value)?,
                    Parameter::Bias { layer, row } => network.set_bias(layer, row, *value)?,
                }
            }
            Ok(network)
        });
        network.map_err(|error| error.to_string())
    }

    /// The data.
    pub fn data(&self) -> Result<Dataset, Fault> {
        let sampling = |noise| Sampling { zeros: SAMPLES - self.ones, ones: self.ones, noise, seed: 1 };
        let data = match self.shape {
            Shape::Circles if self.ones == SAMPLES / 2 => Ok(circles_train()),
            Shape::Circles => circles(sampling(0.05)),
            Shape::Blobs => two_blobs(sampling(1.0)),
            Shape::Xor => xor(sampling(0.3)),
        };
        data.and_then(|mut data| {
            for &sample in &self.flips {
                let label = 1.0 - data.y()[[0, sample]];
                data.set_label(sample, label)?;
            }
            Ok(data)
        })
        .map_err(|error| error.to_string())
    }

    /// The training, up to this step.
    pub fn training(&self, steps: usize) -> Training {
        let training = Training::new(self.rate, steps).optimizer(self.optimizer);
        self.batch.map_or(training.clone(), |size| training.batches(size, 1))
    }

    /// A cell of a notebook that makes the same network and data, and shows the table of reasons.
    pub fn cell(&self) -> String {
        let mut lines = Vec::new();
        let counts = format!("zeros: {}, ones: {}", SAMPLES - self.ones, self.ones);
        let mutable = |changed: bool| if changed { "mut " } else { "" };
        let make = match self.shape {
            Shape::Circles if self.ones == SAMPLES / 2 => "circles_train()".to_string(),
            Shape::Circles => format!("circles(Sampling {{ {counts}, noise: 0.05, seed: 1 }})?"),
            Shape::Blobs => format!("two_blobs(Sampling {{ {counts}, noise: 1.0, seed: 1 }})?"),
            Shape::Xor => format!("xor(Sampling {{ {counts}, noise: 0.3, seed: 1 }})?"),
        };
        lines.push(format!("let {}data = {make};", mutable(!self.flips.is_empty())));
        if !self.flips.is_empty() {
            lines.push(format!("for sample in {:?} {{", self.flips));
            lines.push("    let label = 1.0 - data.y()[[0, sample]];".to_string());
            lines.push("    data.set_label(sample, label)?;\n}".to_string());
        }
        let biases = if self.biases == 0.0 {
            String::new()
        } else {
            format!(".with_biases(Init::Constant({:?}))?", self.biases)
        };
        let changed = !self.edits.is_empty() || self.steps > 0;
        let new = format!("Network::new(&{:?}, Activation::{:?}, Init::{:?})?", self.sizes, self.hidden, self.init);
        lines.push(format!("let {}network = {new}{biases};", mutable(changed)));
        for (parameter, value) in &self.edits {
            lines.push(match parameter {
                Parameter::Weight { layer, row, column } => {
                    format!("network.set_weight({layer}, ({row}, {column}), {value:?})?;")
                }
                Parameter::Bias { layer, row } => format!("network.set_bias({layer}, {row}, {value:?})?;"),
            });
        }
        if self.steps > 0 {
            let batches = self.batch.map_or(String::new(), |size| format!(".batches({size}, 1)"));
            let optimizer = match self.optimizer {
                Optimizer::GradientDescent => String::new(),
                other => format!(".optimizer(Optimizer::{other:?})"),
            };
            let training = format!("Training::new({:?}, {}){batches}{optimizer}", self.rate, self.steps);
            lines.push(format!("{training}.run(&mut network, &data)?;"));
        }
        // The kernel shows the value of a last line with `?` as Rust's debug text, if it is the first `?` of a session.
        lines.push("let why = network.inspect(&data)?;\nwhy".to_string());
        lines.join("\n")
    }
}

/// The question as text, without what is as in notebook 1.
impl Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Question::default();
        let mut parts = Vec::new();
        let mut part = |name: &str, value: String| parts.push(format!("{name}={value}"));
        if self.sizes != usual.sizes {
            part("sizes", joined(&self.sizes, "-"));
        }
        if self.hidden != usual.hidden {
            part("g", name_of(self.hidden, &ACTIVATIONS).to_string());
        }
        match self.init {
            Init::Constant(value) => {
                part("start", "constant".to_string());
                part("scale", format!("{value:?}"));
            }
            Init::Normal { scale, seed } => {
                part("start", "normal".to_string());
                part("scale", format!("{scale:?}"));
                part("seed", seed.to_string());
            }
            Init::Xavier { seed } => {
                part("start", "xavier".to_string());
                part("seed", seed.to_string());
            }
            Init::He { seed } => {
                part("start", "he".to_string());
                part("seed", seed.to_string());
            }
            _ => {}
        }
        if self.biases != 0.0 {
            part("biases", format!("{:?}", self.biases));
        }
        for (name, edits) in [("w", self.edits_as_text(true)), ("b", self.edits_as_text(false))] {
            if !edits.is_empty() {
                part(name, edits.join(","));
            }
        }
        if self.shape != usual.shape {
            part("data", name_of(self.shape, &SHAPES).to_string());
        }
        if self.ones != usual.ones {
            part("ones", self.ones.to_string());
        }
        if !self.flips.is_empty() {
            part("flip", joined(&self.flips, ","));
        }
        if self.rate != usual.rate {
            part("rate", format!("{:?}", self.rate));
        }
        if let Some(size) = self.batch {
            part("batch", size.to_string());
        }
        if self.optimizer != usual.optimizer {
            part("by", name_of(self.optimizer, &OPTIMIZERS).to_string());
        }
        if self.steps != usual.steps {
            part("steps", self.steps.to_string());
        }
        f.write_str(&parts.join("&"))
    }
}

fn joined(numbers: &[usize], separator: &str) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(separator)
}

fn name_of<T: PartialEq>(value: T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}

/// What came, short enough to be shown.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    if start.len() < text.len() { start + "…" } else { start }
}

fn unknown(name: &str, came: &str, known: &[&str]) -> Fault {
    format!("{name}: expected one of {}, got “{}”", known.join(", "), shown(came))
}

fn choice<T: Copy>(name: &str, text: &str, names: &[(&str, T)]) -> Result<T, Fault> {
    let found = names.iter().find(|(known, _)| *known == text);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| unknown(name, text, &names.iter().map(|(name, _)| *name).collect::<Vec<_>>()))
}

fn finite(name: &str, text: &str) -> Result<f64, Fault> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.abs() <= 1e100);
    number.ok_or_else(|| format!("{name}: expected a number of at most 1e100, got “{}”", shown(text)))
}

/// A whole number from 0 to `most`.
pub fn whole<T: FromStr + PartialOrd + Display>(name: &str, text: &str, most: T) -> Result<T, Fault> {
    let number = text.trim().parse::<T>().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{name}: expected a whole number up to {most}, got “{}”", shown(text)))
}

fn list<T>(name: &str, text: &str, item: impl Fn(&str) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    let items = text.split(',').filter(|text| !text.is_empty()).map(item).collect::<Result<Vec<T>, Fault>>()?;
    if items.len() > MOST_EDITS {
        return Err(format!("{name}: expected at most {MOST_EDITS} of them, got {}", items.len()));
    }
    Ok(items)
}

/// Sizes such as 2-10-5-1.
fn sizes(text: &str) -> Result<Vec<usize>, Fault> {
    let sizes = text.split('-').map(|size| whole("sizes", size, MOST_UNITS)).collect::<Result<Vec<usize>, Fault>>()?;
    let fits = sizes.len() >= 2 && sizes.len() <= MOST_LAYERS + 1 && sizes[0] == 2 && sizes[sizes.len() - 1] == 1;
    if fits && !sizes.contains(&0) {
        return Ok(sizes);
    }
    let expected = format!("2, then up to {} hidden layers of 1 to {MOST_UNITS} units, then 1", MOST_LAYERS - 1);
    Err(format!("sizes: expected {expected}, got “{}”", shown(text)))
}

/// Changed parameters: 1.0.0:0.1 is the weight of layer 1 to unit 0 from input 0, 3.0:1 the bias of unit 0 of layer 3.
fn edits(name: &str, text: &str) -> Result<Vec<(Parameter, f64)>, Fault> {
    list(name, text, |edit| {
        let wrong = || format!("{name}: expected a place and a value such as 1.0.0:0.5, got “{}”", shown(edit));
        let (place, value) = edit.split_once(':').ok_or_else(wrong)?;
        let numbers = place.split('.').map(str::parse::<usize>).collect::<Result<Vec<_>, _>>().map_err(|_| wrong())?;
        let parameter = match (name, numbers.as_slice()) {
            ("w", &[layer, row, column]) => Parameter::Weight { layer, row, column },
            ("b", &[layer, row]) => Parameter::Bias { layer, row },
            _ => return Err(wrong()),
        };
        Ok((parameter, finite(name, value)?))
    })
}
