"""The claims of notebooks/README.md, and for each of them edits of its cells that make it false."""

import re
from dataclasses import dataclass

from nbformat import NotebookNode

from kernel_client import Kernel
from notebooks import NOTEBOOKS
from outputs import kind

TAG = "claim:"


@dataclass(frozen=True)
class Falsehood:
    """In the cell `cell` of the notebook whose name begins with `notebook`, `old` becomes `new`; the cell must fail."""

    claim: str
    notebook: str
    cell: str
    what: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.claim}: {self.what}"


HE = "Init::He { seed: 1 }"
HE_NETWORK = f"Network::new(&[2, 10, 5, 1], Activation::Relu, {HE})?"

FALSEHOODS = [
    Falsehood("C1", "02", "equal-losses", "at ŷ = 0.6", "let y_hat = 0.5", "let y_hat = 0.6"),
    Falsehood("C2", "02", "shifted", "a shift that depends on z", "+ 0.5));", "+ 0.5 * z));"),
    Falsehood("C2", "02", "both", "logistic regression with a hidden layer", "&[2, 1]", "&[2, 3, 1]"),
    Falsehood("C2", "02", "unequal-losses", "sigmoid units", "Activation::Relu", "Activation::Sigmoid"),
    Falsehood("C3", "03", "outer", "a mean over too few samples", "/ 3.0)", "/ 2.0)"),
    Falsehood("C3", "03", "outer", "the next layer's delta", "gradients.delta(1)?.clone()", "trace.a(1)?.clone()"),
    Falsehood("C4", "02", "slopes", "at z = 1", "delta_at_z(0.0, y)", "delta_at_z(1.0, y)"),
    Falsehood(
        "C4", "02", "slopes", "the slope at ŷ = 0.6", "cross_entropy_slope(0.5, y)", "cross_entropy_slope(0.6, y)"
    ),
    Falsehood(
        "C5",
        "03",
        "zeros",
        "one weight set to 0.1",
        "Init::Zeros)?;",
        "Init::Zeros)?;\nlet mut network = network;\nnetwork.set_weight(1, (0, 0), 0.1)?;",
    ),
    Falsehood("C5", "03", "zeros", "sigmoid units", "Activation::Relu", "Activation::Sigmoid"),
    Falsehood(
        "C5",
        "03",
        "zeros",
        "features that are zero",
        "data = circles_train()",
        "data = Dataset::new(Array2::zeros((2, 300)), circles_train().y().clone())?",
    ),
    Falsehood("C6", "03", "chain", "a random start", "network.inspect", f"{HE_NETWORK}.inspect"),
    Falsehood("C6", "03", "no-zero-activation", "biases of zero", "Init::Constant(1.0)", "Init::Constant(0.0)"),
    Falsehood("C6", "03", "eight", "ReLU, whose slope at 0 is 0", "Activation::Tanh", "Activation::Relu"),
    Falsehood(
        "C6",
        "03",
        "chain",
        "features that are zero",
        "inspect(&data)",
        "inspect(&Dataset::new(data.x() * 0.0, data.y().clone())?)",
    ),
    Falsehood(
        "C7",
        "06",
        "optimum",
        "a hidden layer",
        "Network::new(&[2, 1], Activation::Identity, Init::Zeros)",
        "Network::new(&[2, 1, 1], Activation::Identity, Init::Zeros)",
    ),
    Falsehood("C7", "06", "optimum", "labels that a line separates", "noise: 1.0", "noise: 0.3"),
    Falsehood("C8", "07", "for-good", "a random start", "Init::Constant(0.5)", HE),
    Falsehood("C8", "07", "collapse", "a random start", "Init::Constant(0.5)", HE),
    Falsehood("C8", "07", "order-of-sums", "the same order twice", "(0..300).rev()", "0..300"),
    Falsehood("C8", "07", "last-bit", "no nudge", "(1.0 + f64::EPSILON)", "1.0"),
    Falsehood("C8", "07", "last-bit", "sigmoid units for tanh", "(Activation::Tanh", "(Activation::Sigmoid"),
    Falsehood("C8", "07", "last-bit", "tanh for ReLU", "(Activation::Relu", "(Activation::Tanh"),
    Falsehood("C9", "07", "rows", "a random start", "constant.gradients", f"{HE_NETWORK}.gradients"),
    Falsehood(
        "C9",
        "07",
        "rows",
        "two equal features",
        "constant.gradients(&data)",
        "constant.gradients(&Dataset::new(Array2::ones((2, 300)), data.y().clone())?)",
    ),
    Falsehood(
        "C9",
        "07",
        "rows",
        "one other weight in layer 3",
        "let gradients = constant",
        "let mut other = constant.clone();\nother.set_weight(3, (0, 0), 0.9)?;\nlet gradients = other",
    ),
    Falsehood("C10", "07", "two-groups", "dropout", ".run(", ".dropout(0.8, 1).run("),
    Falsehood("C10", "07", "dropout", "a start that is not zero", "Init::Zeros", "Init::Constant(0.5)"),
    Falsehood("C10", "07", "dropout", "every unit kept", "dropout(0.8", "dropout(1.0"),
    Falsehood("C11", "04", "two-batches", "one sample less", "circles_train()", "circles_train().subset(149, 150)?"),
    Falsehood("C11", "04", "base-rate", "another base rate", "2.0 / 3.0", "1.0 / 2.0"),
    Falsehood(
        "C11",
        "04",
        "base-rate",
        "sigmoid units",
        "network.clone()",
        "Network::new(&[2, 10, 5, 1], Activation::Sigmoid, Init::Zeros)?",
    ),
    Falsehood("C12", "04", "sigmoid", "tanh units", "Activation::Sigmoid", "Activation::Tanh"),
    Falsehood(
        "C12", "04", "sigmoid", "a ReLU start that is not zero", "eq!(network.inspect", f"eq!({HE_NETWORK}.inspect"
    ),
    Falsehood("C12", "04", "sigmoid", "labels that balance", "inspect(&unbalanced)", "inspect(&balanced)"),
    Falsehood("C13", "04", "order", "quotients that are not rounded", "/ 300.0).sum", "/ 256.0).sum"),
    Falsehood("C13", "04", "last-bit", "pushes that are not rounded", "(y_hat - y) * (1.0 / 300.0)", "y_hat - y"),
    Falsehood("C13", "04", "ours", "labels that do not balance", "&balanced", "&unbalanced"),
    Falsehood("C14", "03", "waking", "biases of zero", "Init::Constant(0.1)", "Init::Constant(0.0)"),
    Falsehood(
        "C14",
        "03",
        "waking",
        "an output bias of zero",
        "Init::Constant(0.1))?;",
        "Init::Constant(0.1))?;\nwaking.set_bias(3, 0, 0.0)?;",
    ),
    Falsehood("C14", "03", "not-learning", "random weights", "network.clone()", HE_NETWORK),
    Falsehood("C15", "03", "one-at-a-time", "a start that is not zero", "network.clone()", HE_NETWORK),
    Falsehood("C15", "03", "orders", "sigmoid units", "Activation::Relu", "Activation::Sigmoid"),
    Falsehood("C15", "03", "down", "all weights positive", "-0.05)", "0.05)"),
    Falsehood("C15", "03", "no-pull", "data that pull", "xor(", "two_blobs("),
    Falsehood("C16", "05", "table", "weights of 0.1", "Init::Zeros", "Init::Constant(0.1)"),
    Falsehood("C16", "05", "relu-slope", "weights of 0.1", "Init::Zeros", "Init::Constant(0.1)"),
    Falsehood("C16", "05", "table", "labels that balance", "in [&unbalanced", "in [&balanced"),
    Falsehood("C16", "05", "wakes", "softplus units, of another slope", "Activation::Sigmoid", "Activation::Softplus"),
    Falsehood("C17", "06", "zero-last", "all weights zero", HE, "Init::Zeros"),
    Falsehood("C17", "06", "zero-middle", "all weights zero", HE, "Init::Zeros"),
    Falsehood("C17", "06", "zero-middle", "no slope at 0", "SlopeAtZero(1.0)", "SlopeAtZero(0.0)"),
    Falsehood("C17", "06", "zero-middle", "a small W² for zero", "input), 0.0)", "input), 1e-3)"),
    Falsehood("C18", "08", "published-costs", "another run", "of_he.costs()", "of_large.costs()"),
    Falsehood("C18", "08", "published-accuracies", "another network", '("zeros", &after_zeros', '("zeros", &after_he'),
    Falsehood(
        "C18", "08", "published-accuracies", "the He run for large", 'random", &after_large', 'random", &after_he'
    ),
    Falsehood("C18", "08", "published-accuracies", "the large run for He", '("He", &after_he', '("He", &after_large'),
    Falsehood("C18", "08", "published-accuracies", "a start that moves", "(after_zeros, zeros)", "(after_he, he)"),
    Falsehood("C19", "08", "small", "smaller by 2 only", "0.01 *", "0.5 *"),
    Falsehood("C19", "08", "saturated", "the He start", "large.forward(", "he.forward("),
    Falsehood("C19", "08", "saturated", "not half wrong", "large.accuracy(", "after_large.accuracy("),
    Falsehood("C19", "08", "violent", "the He start", "large.clone()", "he.clone()"),
    Falsehood("C19", "08", "stiff", "the He run", "moved(&large, &after_large)? <", "moved(&he, &after_he)? <"),
    Falsehood(
        "C19",
        "08",
        "sweep-figure",
        "all scales ten times larger",
        "in &groups {",
        "in &groups.iter().map(|(s, a)| (10.0 * s, a.clone())).collect::<Vec<_>>() {",
    ),
    Falsehood(
        "C19",
        "08",
        "sweep-figure",
        "a small scale that does well",
        "in &groups {",
        "in &groups.iter().map(|(s, a)| (if *s == 0.5 { 0.1 } else { *s }, a.clone())).collect::<Vec<_>>() {",
    ),
    Falsehood(
        "C19",
        "08",
        "sweep-figure",
        "a large scale that does well",
        "in &groups {",
        "in &groups.iter().map(|(s, a)| (if *s == 2.0 { 5.0 } else { *s }, a.clone())).collect::<Vec<_>>() {",
    ),
    Falsehood(
        "C20", "09", "no-pull", "data that pull", "xor(Sampling { zeros: 2, ones: 2", "xor(Sampling { zeros: 1, ones: 2"
    ),
    Falsehood("C20", "09", "no-pull", "ReLU units", "8, 8, 1], Activation::Identity", "8, 8, 1], Activation::Relu"),
    Falsehood("C20", "09", "two-layers", "a layer more", "plateau(1,", "plateau(2,"),
    Falsehood("C20", "09", "powers", "a layer less", "(2, [0.02", "(1, [0.02"),
    Falsehood("C20", "09", "others", "sigmoid units", "Activation::Gelu", "Activation::Sigmoid"),
    Falsehood("C20", "09", "unlucky", "another seed", "seed: 7", "seed: 1"),
    Falsehood("C21", "01", "all-paths", "the weight is a factor of its own gradient", "path, layer)?", "path, 0)?"),
    Falsehood("C21", "01", "all-paths", "tanh units", "Activation::Relu", "Activation::Tanh"),
    Falsehood("C22", "10", "rows", "the He start in each row", "table[row].1", "table[4].1"),
    Falsehood(
        "C22",
        "10",
        "rows",
        "another start learns with all seeds",
        '"He, last layer 0", "3"',
        '"He, last layer 0", "123"',
    ),
    Falsehood("C22", "10", "moves", "random weights for the constant", "Init::Constant(0.5)", HE),
    Falsehood("C22", "10", "moves", "random weights for zero", "Init::Zeros", HE),
    Falsehood("C22", "10", "sigmoid", "random weights", "Init::Zeros", HE),
    Falsehood("C22", "10", "sigmoid", "tanh units", "Activation::Sigmoid", "Activation::Tanh"),
    Falsehood("C23", "10", "order", "equal biases", "Init::Normal { scale: 1.0, seed }", "Init::Constant(1.0)"),
    Falsehood("C23", "10", "order", "random weights", "Init::Zeros", HE),
    Falsehood("C23", "10", "random-biases", "random weights", "Relu, Init::Zeros", f"Relu, {HE}"),
    Falsehood("C23", "10", "tanh", "ReLU units", "Activation::Tanh, Init::Zeros", "Activation::Relu, Init::Zeros"),
    Falsehood("C23", "10", "tanh", "random weights", "Init::Zeros", "Init::He { seed }"),
    Falsehood("C24", "10", "positive-small", "a deeper network", "&[2, 10, 5, 1]", "&[2, 20, 20, 20, 1]"),
    Falsehood("C24", "10", "positive-deep", "a smaller network", "&[2, 20, 20, 20, 1]", "&[2, 10, 5, 1]"),
    Falsehood("C24", "10", "positive-deep", "weights of both signs", "low, high, seed", "-1.0, high, seed"),
    Falsehood("C24", "10", "growth", "weights of both signs", "&[2, 20, 20, 20, 1], 0.0", "&[2, 20, 20, 20, 1], -1.0"),
    Falsehood("C24", "10", "growth", "narrower layers", "&[2, 20, 20, 20, 1], low", "&[2, 10, 10, 10, 1], low"),
    Falsehood("C25", "10", "one-matrix", "zeros around it", "random, 0.5", "random, 0.0"),
    Falsehood("C25", "10", "one-matrix", "always layer 1", "one_random(random,", "one_random(1,"),
    Falsehood("C25", "10", "one-matrix-zeros", "constants around it", "random, 0.0", "random, 0.5"),
    Falsehood("C26", "11", "batches", "sigmoid units", "Activation::Relu", "Activation::Sigmoid"),
    Falsehood(
        "C26",
        "11",
        "batches",
        "all samples in each step",
        "batches(32, 1).run(&mut one",
        "batches(300, 1).run(&mut one",
    ),
    Falsehood("C26", "11", "moves-not-learns", "a random start", "sigmoid_network.clone()", HE_NETWORK),
    Falsehood("C27", "11", "optimizers", "a start that is not zero", "Init::Zeros", "Init::Constant(1e-3)"),
    Falsehood("C28", "11", "race", "gradient descent for Adam", "adam(1e-8), 0.01", "Optimizer::GradientDescent, 0.1"),
    Falsehood("C28", "11", "race", "no momentum", "halved(momentum", "halved(Optimizer::GradientDescent"),
    Falsehood("C28", "11", "epsilon-figure", "the smallest ε as well", "&curves[..2]", "&curves[1..]"),
    Falsehood("C28", "11", "dies", "a factor of 1e-5", "[1e-4, 1e-6]", "[1e-4, 1e-5]"),
    Falsehood("C29", "12", "squared", "a label of 0.5", "&array![[1.0]]", "&array![[0.5]]"),
    Falsehood("C29", "12", "squared-zero", "weights that are not zero", "Init::Zeros", "Init::Constant(0.1)"),
    Falsehood("C29", "12", "squared-zero", "other labels", "data.y(), squared", "&(data.y() * 2.0), squared"),
    Falsehood("C29", "12", "squared-learns", "a start of zero", HE, "Init::Zeros"),
    Falsehood("C29", "12", "check-squared", "twice the delta", "squared)", "|z, y| (squared(z, y).0, 2.0 * (z - y)))"),
    Falsehood("C29", "12", "any-delta", "weights that are not zero", "Init::Zeros", HE),
    Falsehood("C30", "12", "softmax", "logits that differ", "&Array2::zeros((3, 1))", "&array![[0.0], [0.1], [0.2]]"),
    Falsehood("C30", "12", "softmax-zero", "weights that are not zero", "Init::Zeros", HE),
    Falsehood("C30", "12", "softmax-zero", "a control that is zero", HE, "Init::Zeros"),
    Falsehood("C30", "12", "any-delta", "a small random start", "Init::Zeros", "Init::Normal { scale: 1e-3, seed: 1 }"),
    Falsehood("C30", "12", "zeros-beat-random", "a hidden layer", "&[2, 3]", "&[2, 4, 3]"),
    Falsehood("C30", "12", "zeros-beat-random", "no large random start", "scale: 5.0", "scale: 0.05"),
    Falsehood("C31", "13", "forward", "tanh units", "Activation::Relu", "Activation::Tanh"),
    Falsehood("C31", "13", "factor", "units that are never cut off", "(100.0 / 2.0f64)", "(100.0 / 1.0f64)"),
    Falsehood("C31", "13", "factor", "Xavier's rule for He's", '("He", 0.02f64.sqrt())', '("He", 0.1)'),
    Falsehood("C31", "13", "backward-sizes", "tanh units", "Activation::Relu", "Activation::Tanh"),
    Falsehood("C31", "13", "tanh", "ReLU units", "Activation::Tanh", "Activation::Relu"),
    Falsehood("C31", "13", "train", "two hidden layers", "vec![20; 19]", "vec![20; 2]"),
    Falsehood(
        "C31", "13", "train", "a He start in place of Xavier's", "Init::Xavier { seed: 1 }", "Init::He { seed: 2 }"
    ),
    Falsehood("C31", "13", "late", "no more steps", "(0.02, 3000)", "(0.02, 1500)"),
    Falsehood("C31", "13", "late", "the He start", "Init::Normal { scale: 0.01, seed: 1 }", "Init::He { seed: 1 }"),
    Falsehood(
        "C31", "13", "times-001", "two layers of weights", "(vec![2, 20, 20, 20, 1], false)", "(vec![2, 20, 1], false)"
    ),
    Falsehood(
        "C31", "13", "times-001", "four layers of weights", "(vec![2, 20, 1], true)", "(vec![2, 20, 20, 20, 1], true)"
    ),
    Falsehood("C31", "13", "four-he", "a small start", "Init::He { seed: 1 }", "Init::Normal { scale: 0.01, seed: 1 }"),
    Falsehood("C16", "05", "moves-not-learns", "biases of zero", "Init::Zeros, 0.1", "Init::Zeros, 0.0"),
    Falsehood("C16", "05", "moves-not-learns", "a control that is zero", f"Relu, {HE}", "Relu, Init::Zeros"),
    Falsehood(
        "C16",
        "05",
        "moves-not-learns",
        "two blobs, which one unit can tell apart",
        "&unbalanced",
        "&two_blobs(Sampling { zeros: 100, ones: 200, noise: 0.3, seed: 1 })?",
    ),
    Falsehood("C32", "05", "relu-slope", "the He start", "Init::Zeros", HE),
    Falsehood("C32", "05", "no-kink", "a start that is not zero", "Init::Zeros", "Init::Constant(0.1)"),
    Falsehood(
        "C32", "05", "no-kink", "the bias's slope on balanced labels", "gradients(&unbalanced)", "gradients(&balanced)"
    ),
    Falsehood("C32", "05", "kink", "tanh units", "Activation::ReluWithSlopeAtZero(slope)", "Activation::Tanh"),
    Falsehood("C32", "05", "kink", "all weights zero", HE, "Init::Zeros"),
    Falsehood("C33", "14", "zero-convolution", "all weights zero", HE, "Init::Zeros"),
    Falsehood(
        "C33",
        "14",
        "two-in-a-row",
        "one zero for two",
        "set_weight(3, (0, unit), 0.0)",
        "set_weight(3, (0, unit), 1e-3)",
    ),
    Falsehood("C33", "14", "branches", "no zero at all", '("W² = 0", 1.0, 0.0, 1.0)', '("W² = 0", 1.0, 1.0, 1.0)'),
    Falsehood("C33", "14", "branches", "one zero for two", 'W² = 0", 0.0, 0.0, 1.0)', 'W² = 0", 0.0, 1e-3, 1.0)'),
    Falsehood(
        "C33", "14", "learns", "a small W² for zero", "residual(3, alpha, w2, v)", "residual(3, alpha, w2 + 1e-3, v)"
    ),
    Falsehood(
        "C33", "14", "learns", "two zeros on all paths", "residual(3, alpha, w2, v)", "residual(3, alpha * v, w2, v)"
    ),
    Falsehood("C34", "14", "lora-cases", "A and B zero for A", '("A = 0", 1.0, 0.0', '("A = 0", 0.0, 0.0'),
    Falsehood("C34", "14", "lora-cases", "A and B zero for B", '("B = 0", 0.0, 1.0', '("B = 0", 0.0, 0.0'),
    Falsehood("C34", "14", "lora-cases", "a small B for zero", '("both 0", 0.0, 0.0', '("both 0", 1e-3, 0.0'),
    Falsehood("C35", "14", "no-random", "ones for the Hadamard matrix", "(hadamard, identity)", "(one, identity)"),
    Falsehood("C35", "14", "no-random", "ones for the identity", "(hadamard, identity)", "(hadamard, one)"),
    Falsehood("C35", "14", "no-random", "the Hadamard matrix for ones", "(one, one)", "(hadamard, identity)"),
]


def claims_of(cell: NotebookNode) -> list[str]:
    """The claims that a cell settles."""
    return [tag.removeprefix(TAG) for tag in cell.metadata.get("tags", []) if tag.startswith(TAG)]


def rows() -> dict[str, str]:
    """The claims of the table in notebooks/README.md, and the notebook that settles each."""
    text = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| (C\d+) \|.*\]\((\S+\.ipynb)\) \|$", text, flags=re.MULTILINE))


def unnoticed_falsehoods(name: str, cell: NotebookNode, kernel: Kernel) -> list[Falsehood]:
    """Runs each edit of a cell that has just run, and lists those that no assertion notices.

    The variables are then those of the last edit, until the cell runs again as it is.
    """
    found = []
    for falsehood in FALSEHOODS:
        if not name.startswith(falsehood.notebook) or cell.id != falsehood.cell or falsehood.old not in cell.source:
            continue
        outputs = kernel.run(cell.source.replace(falsehood.old, falsehood.new))
        said = "".join(output.text for output in outputs if kind(output) == "stderr")
        if "panicked at" not in said or "assert" not in said:
            found.append(falsehood)
    return found
