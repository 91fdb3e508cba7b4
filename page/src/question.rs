//! A question: a network, its data, and how it is trained. As text it is what follows the `#` in a page's address, for
//! example `sizes=2-10-5-1&g=relu&start=zeros&w=1.0.0:0.1`. What a text leaves out is as in notebook 1.

use std::fmt::{self, Display};
use std::str::FromStr;

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
    edits: Vec<Edit>,
    shape: Shape,
    /// How far the samples are scattered, if not as usual for the shape.
    noise: Option<f64>,
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

/// A value for one weight or bias, or for all of a layer.
#[derive(Debug, Clone, PartialEq)]
struct Edit {
    of_weights: bool,
    /// The layer alone, or the layer and the row (and, of a weight, the column).
    place: Vec<usize>,
    value: f64,
}

/// The data sets to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Circles,
    Blobs,
    Xor,
}

const ACTIVATIONS: [(&str, Activation); 9] = [
    ("identity", Activation::Identity),
    ("relu", Activation::Relu),
    ("relu1", Activation::ReluWithSlopeAtZero(1.0)),
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
            noise: None,
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
                "noise" => question.noise = Some(finite("noise", &value)?),
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
    /// All that the question says, name by name.
    fn parts(&self) -> Vec<(&'static str, String)> {
        let (start, scale, seed) = match self.init {
            Init::Constant(value) => ("constant", Some(value), None),
            Init::Normal { scale, seed } => ("normal", Some(scale), Some(seed)),
            Init::Xavier { seed } => ("xavier", None, Some(seed)),
            Init::He { seed } => ("he", None, Some(seed)),
            _ => ("zeros", None, None),
        };
        let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:?}"));
        vec![
            ("sizes", joined(&self.sizes, "-")),
            ("g", name_of(self.hidden, &ACTIVATIONS).to_string()),
            ("start", start.to_string()),
            ("scale", number(scale)),
            ("seed", seed.map_or(String::new(), |seed| seed.to_string())),
            ("biases", number(Some(self.biases))),
            ("w", self.edits_as_text(true)),
            ("b", self.edits_as_text(false)),
            ("data", name_of(self.shape, &SHAPES).to_string()),
            ("noise", number(self.noise)),
            ("ones", self.ones.to_string()),
            ("flip", joined(&self.flips, ",")),
            ("rate", number(Some(self.rate))),
            ("batch", self.batch.map_or(String::new(), |size| size.to_string())),
            ("by", name_of(self.optimizer, &OPTIMIZERS).to_string()),
            ("steps", self.steps.to_string()),
        ]
    }

    /// The changed weights or biases, such as 1.0.0:0.1.
    fn edits_as_text(&self, of_weights: bool) -> String {
        let edits = self.edits.iter().filter(|edit| edit.of_weights == of_weights);
        edits.map(|edit| format!("{}:{:?}", joined(&edit.place, "."), edit.value)).collect::<Vec<_>>().join(",")
    }

    /// The network before the first step.
    pub fn network(&self) -> Result<Network, Fault> {
        let network = Network::new(&self.sizes, self.hidden, self.init).and_then(|network| {
            let mut network = network.with_biases(Init::Constant(self.biases))?;
            for Edit { of_weights, place, value } in &self.edits {
                let (rows, columns) = network.weights(place[0])?.dim();
                // One parameter, or all of the layer.
                let within = |at: usize, count: usize| place.get(at).map_or(0..count, |&index| index..index + 1);
                for row in within(1, rows) {
                    match of_weights {
                        true => {
                            for column in within(2, columns) {
                                network.set_weight(place[0], (row, column), *value)?;
                            }
                        }
                        false => network.set_bias(place[0], row, *value)?,
                    }
                }
            }
            Ok(network)
        });
        network.map_err(|error| error.to_string())
    }

    /// The data.
    pub fn data(&self) -> Result<Dataset, Fault> {
        let data = match (self.sampling(), self.shape) {
            (None, _) => Ok(circles_train()),
            (Some(sampling), Shape::Circles) => circles(sampling),
            (Some(sampling), Shape::Blobs) => two_blobs(sampling),
            (Some(sampling), Shape::Xor) => xor(sampling),
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

    /// How the samples are drawn; `None` for those of the course.
    fn sampling(&self) -> Option<Sampling> {
        if self.shape == Shape::Circles && self.ones == SAMPLES / 2 && self.noise.is_none() {
            return None;
        }
        let usual = match self.shape {
            Shape::Circles => 0.05,
            Shape::Blobs => 1.0,
            Shape::Xor => 0.3,
        };
        let noise = self.noise.unwrap_or(usual);
        Some(Sampling { zeros: SAMPLES - self.ones, ones: self.ones, noise, seed: 1 })
    }

    /// The training, up to this step.
    pub fn training(&self, steps: usize) -> Training {
        let training = Training::new(self.rate, steps).optimizer(self.optimizer);
        self.batch.map_or(training.clone(), |size| training.batches(size, 1))
    }

    /// A cell of a notebook that makes the same network and data, and shows the table of reasons.
    pub fn cell(&self) -> String {
        let mut lines = Vec::new();
        let mutable = |changed: bool| if changed { "mut " } else { "" };
        let function = match self.shape {
            Shape::Circles => "circles",
            Shape::Blobs => "two_blobs",
            Shape::Xor => "xor",
        };
        let sampled = |sampling| format!("{function}({sampling:?})?");
        let make = self.sampling().map_or("circles_train()".to_string(), sampled);
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
        for Edit { of_weights, place, value } in &self.edits {
            lines.push(match (*of_weights, &place[..]) {
                (true, [layer, row, column]) => format!("network.set_weight({layer}, ({row}, {column}), {value:?})?;"),
                (false, [layer, row]) => format!("network.set_bias({layer}, {row}, {value:?})?;"),
                (of_weights, _) => {
                    let (layer, rows, columns) = (place[0], self.sizes[place[0]], self.sizes[place[0] - 1]);
                    let inside = match of_weights {
                        true => format!(
                            "for column in 0..{columns} {{ network.set_weight({layer}, (row, column), {value:?})?; }}"
                        ),
                        false => format!("network.set_bias({layer}, row, {value:?})?;"),
                    };
                    format!("for row in 0..{rows} {{\n    {inside}\n}}")
                }
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
        let usual = Question::default().parts();
        let parts = self.parts().into_iter().filter(|part| !usual.contains(part));
        f.write_str(&parts.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
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
/// A layer alone, as in 3:0, is all of its weights or of its biases.
fn edits(name: &str, text: &str) -> Result<Vec<Edit>, Fault> {
    let (of_weights, length, example) = if name == "w" { (true, 3, "1.0.0:0.5") } else { (false, 2, "3.0:0.5") };
    list(name, text, |edit| {
        let wrong = || format!("{name}: expected a place and a value such as {example}, got “{}”", shown(edit));
        let (place, value) = edit.split_once(':').ok_or_else(wrong)?;
        let place = place.split('.').map(|number| number.parse().map(|number: u8| number.into()));
        let place = place.collect::<Result<Vec<usize>, _>>().map_err(|_| wrong())?;
        match place.len() == 1 || place.len() == length {
            true => Ok(Edit { of_weights, place, value: finite(name, value)? }),
            false => Err(wrong()),
        }
    })
}
