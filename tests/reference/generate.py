"""Makes the reference figures again, and the course's data with them. See README.md in this folder.

Usage: generate.py             writes the five files
       generate.py --check     writes nothing, compares with the files that are there, and fails where they differ

Nothing here uses the crate: the figures come from NumPy, scikit-learn and JAX.
"""

import os

# OpenBLAS, which NumPy multiplies matrices with, adds in another order on each kind of processor. The files were made
# with its code for Haswell, so this code is asked for on every processor that has AVX2.
os.environ["OPENBLAS_CORETYPE"] = "Haswell"

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import make_circles

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src/study/data"
REFERENCE = ROOT / "tests/reference"

LAYERS = [2, 10, 5, 1]
LEARNING_RATE = 0.01
STEPS = 15_000

# What --check allows, as a share of the largest number in the same row: README.md says why. All entries that are not
# named here must be equal to the last digit, and where one file has a zero the other must have a zero too.
ROUNDING = 1e-12
CHAOS = 0.05  # for the costs of the large random start
COMPUTED = {"cost_every_1000_iterations", "loss", "z", "a", "delta_per_sample", "dW", "db"}

Parameters = list[tuple[jax.Array, jax.Array]]


# --- The course's data -----------------------------------------------------------------------------------------------


def circles(seed: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy circles as the course makes them: a row a sample, and the labels."""
    np.random.seed(seed)
    return make_circles(n_samples=samples, noise=0.05)


def circles_csv(seed: int, samples: int) -> str:
    rows = [f"{x1:.17g},{x2:.17g},{y}\n" for (x1, x2), y in zip(*circles(seed, samples), strict=True)]
    return "x1,x2,y\n" + "".join(rows)


def course_normals() -> list[np.ndarray]:
    """The standard normal numbers of the course's random starts: a matrix a layer, in the shape of its weights."""
    random = np.random.RandomState(3)
    return [random.randn(units, inputs) for inputs, units in itertools.pairwise(LAYERS)]


def normals_csv() -> str:
    return "".join(",".join(map(repr, row.tolist())) + "\n" for layer in course_normals() for row in layer)


# --- The course's three runs, in NumPy -------------------------------------------------------------------------------


def course() -> dict[str, Any]:
    """Each run of the course: where it starts, its cost before every 1000th step, and the accuracies at the end."""
    starts: dict[str, Callable[[int], float]] = {
        "zeros": lambda inputs: 0.0,
        "large_random": lambda inputs: 10.0,
        "he": lambda inputs: float(np.sqrt(2.0 / inputs)),
    }
    runs = {}
    for name, scale in starts.items():
        weights = [normals * scale(normals.shape[1]) + 0.0 for normals in course_normals()]  # + 0.0: no negative zeros
        runs[name] = course_run(weights)
    return {"layers": LAYERS, "learning_rate": LEARNING_RATE, "iterations": STEPS, "runs": runs}


def course_run(initial_weights: list[np.ndarray]) -> dict[str, Any]:
    """Full-batch gradient descent on the training circles, with ReLU, ReLU and sigmoid."""
    x, y = samples_in_columns(1, 300)
    w1, w2, w3 = initial_weights
    b1, b2, b3 = (np.zeros((len(w), 1)) for w in initial_weights)

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a1 = np.maximum(w1 @ x + b1, 0)
        a2 = np.maximum(w2 @ a1 + b2, 0)
        return a1, a2, 1 / (1 + np.exp(-(w3 @ a2 + b3)))

    def accuracy(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.mean((forward(x)[2] > 0.5) == y))

    costs = []
    for step in range(STEPS):
        a1, a2, y_hat = forward(x)
        if step % 1000 == 0:
            # The formula as the course has it: infinite where a prediction is 0 or 1 and wrong.
            cost = float(-np.mean(np.log(np.where(y == 1, y_hat, 1 - y_hat))))
            costs.append(cost if np.isfinite(cost) else str(cost))
        d3 = (y_hat - y) / y.size
        d2 = (w3.T @ d3) * (a2 > 0)
        d1 = (w2.T @ d2) * (a1 > 0)
        w3, b3 = w3 - LEARNING_RATE * (d3 @ a2.T), b3 - LEARNING_RATE * d3.sum(axis=1, keepdims=True)
        w2, b2 = w2 - LEARNING_RATE * (d2 @ a1.T), b2 - LEARNING_RATE * d2.sum(axis=1, keepdims=True)
        w1, b1 = w1 - LEARNING_RATE * (d1 @ x.T), b1 - LEARNING_RATE * d1.sum(axis=1, keepdims=True)
    return {
        "cost_every_1000_iterations": costs,
        "train_accuracy": accuracy(x, y),
        "test_accuracy": accuracy(*samples_in_columns(2, 100)),
        "initial_weights": [w.tolist() for w in initial_weights],
    }


def samples_in_columns(seed: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The circles as the course's network takes them: x of shape (2, samples), y of shape (1, samples)."""
    x, y = circles(seed, samples)
    return x.T.copy(), y[np.newaxis].astype(float)


# --- Fifteen networks and their gradients, in JAX --------------------------------------------------------------------

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": lambda z: z,
    "relu": jax.nn.relu,
    "leaky_relu_0.01": lambda z: jax.nn.leaky_relu(z, 0.01),
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "silu": jax.nn.silu,
    "gelu_erf": lambda z: jax.nn.gelu(z, approximate=False),
}


def gradients() -> list[dict[str, Any]]:
    """What each of the fifteen networks gives: eight activations, three shapes, four starts that are constant."""
    cases = [random_case(10 + n, LAYERS, hidden, 8, scale=0.7) for n, hidden in enumerate(ACTIVATIONS)]
    cases.append(random_case(30, [3, 1], "relu", 6, scale=0.5))
    cases.append(random_case(31, [2, 4, 1], "tanh", 5, scale=0.9))
    cases.append(random_case(32, [4, 6, 6, 6, 1], "relu", 7, scale=0.6))
    cases.append(constant_case(33, "relu", 0.0, [1, 1, 1, 0, 0, 0]))
    cases.append(constant_case(34, "sigmoid", 0.0, [1, 1, 1, 0, 0, 0]))
    cases.append(constant_case(35, "sigmoid", 0.2, [1, 1, 0, 0, 0, 0]))
    cases.append(constant_case(36, "relu", 0.0, [1, 1, 1, 1, 1, 0]))
    return cases


def random_case(seed: int, layers: list[int], hidden: str, samples: int, scale: float) -> dict[str, Any]:
    """Weights, biases, x and y are all drawn from the seed, in this order."""
    random = np.random.default_rng(seed)
    weights = [scale * random.standard_normal((units, inputs)) for inputs, units in itertools.pairwise(layers)]
    biases = [0.3 * random.standard_normal(units) for units in layers[1:]]
    x = random.standard_normal((layers[0], samples))
    y = (random.random((1, samples)) < 0.5).astype(float)
    return case(layers, hidden, x, y, weights, biases)


def constant_case(seed: int, hidden: str, value: float, labels: list[int]) -> dict[str, Any]:
    """Every weight has this value, every bias is zero, and the labels are given: only x is drawn from the seed."""
    layers = [2, 3, 3, 1]
    x = np.random.default_rng(seed).standard_normal((layers[0], len(labels)))
    weights = [np.full((units, inputs), value) for inputs, units in itertools.pairwise(layers)]
    biases = [np.zeros(units) for units in layers[1:]]
    return case(layers, hidden, x, np.array([labels], dtype=float), weights, biases)


def case(
    layers: list[int], hidden: str, x: np.ndarray, y: np.ndarray, weights: list[np.ndarray], biases: list[np.ndarray]
) -> dict[str, Any]:
    """The network's forward pass, and its gradients as JAX derives them by itself."""
    samples = x.shape[1]

    def forward(parameters: Parameters, moves: list[jax.Array]) -> tuple[jax.Array, tuple[list, list]]:
        """The mean loss, with z and a of each layer. `moves` are added to z, so that JAX can derive by z."""
        a = jnp.array(x)
        all_z, all_a = [], []
        for layer, ((w, b), move) in enumerate(zip(parameters, moves, strict=True), start=1):
            z = w @ a + b[:, None] + move
            a = ACTIVATIONS[hidden](z) if layer < len(parameters) else jax.nn.sigmoid(z)
            all_z.append(z)
            all_a.append(a)
        return jnp.sum(jax.nn.softplus(z) - y * z) / samples, (all_z, all_a)

    parameters = [(jnp.array(w), jnp.array(b)) for w, b in zip(weights, biases, strict=True)]
    moves = [jnp.zeros((units, samples)) for units in layers[1:]]
    derive = jax.value_and_grad(forward, argnums=(0, 1), has_aux=True)
    (loss, (all_z, all_a)), (by_parameters, by_z) = derive(parameters, moves)
    return {
        "layers": layers,
        "hidden_activation": hidden,
        "x": x.tolist(),
        "y": y.tolist(),
        "weights": [w.tolist() for w in weights],
        "biases": [b.tolist() for b in biases],
        "loss": float(loss),
        "z": [z.tolist() for z in all_z],
        "a": [a.tolist() for a in all_a],
        "delta_per_sample": [(samples * delta).tolist() for delta in by_z],
        "dW": [dw.tolist() for dw, _ in by_parameters],
        "db": [db.tolist() for _, db in by_parameters],
    }


# --- Writing and comparing -------------------------------------------------------------------------------------------


def rows(value: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list]]:
    """Each row of numbers (or words) in a JSON value, with the keys and indices that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from rows(inner, (*name, key))
    elif isinstance(value, list) and any(isinstance(inner, (dict, list)) for inner in value):
        for index, inner in enumerate(value):
            yield from rows(inner, (*name, str(index)))
    else:
        yield name, value if isinstance(value, list) else [value]


def allowed(name: tuple[str, ...]) -> float:
    """The difference that --check allows in the row of this name."""
    if not COMPUTED.intersection(name):
        return 0.0
    return CHAOS if "large_random" in name else ROUNDING


def difference(made: list, kept: list) -> float:
    """The largest difference as a share of the row's largest number; infinite where only one of two numbers is 0."""
    if made == kept:
        return 0.0
    try:
        a, b = np.array(made, dtype=float), np.array(kept, dtype=float)
    except ValueError:  # words
        return np.inf
    if a.shape != b.shape or ((a == 0) != (b == 0)).any():
        return np.inf
    differ = a != b  # two infinite costs are equal
    return float(np.abs(a[differ] - b[differ]).max() / np.abs(b[np.isfinite(b)]).max())


def compare(made: str, path: Path) -> bool:
    """Says how the file differs from what is made now. True: not at all, or by no more than is allowed."""
    name = path.relative_to(ROOT)
    kept = path.read_text()
    if made == kept:
        print(f"{name}: the same, to the last digit")
        return True
    if path.suffix != ".json":
        print(f"{name}: DIFFERENT (this file must be the same to the last digit)")
        return False
    made_rows, kept_rows = dict(rows(json.loads(made))), dict(rows(json.loads(kept)))
    if made_rows.keys() != kept_rows.keys():
        print(f"{name}: DIFFERENT: its entries have other names or another number")
        return False
    differences = {row: difference(made_rows[row], kept_rows[row]) for row in made_rows}
    beyond = [row for row, found in differences.items() if not found <= allowed(row)]
    for row in beyond:
        print(f"{name}: DIFFERENT: {'.'.join(row)} by {differences[row]:.1e}, and {allowed(row):.0e} is allowed")
    if not beyond:
        print(f"{name}: the same within what is allowed")
        for limit in (ROUNDING, CHAOS):
            largest = max((found for row, found in differences.items() if allowed(row) == limit), default=0.0)
            print(f"  the largest difference where {limit:.0e} is allowed: {largest:.1e}")
    return not beyond


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the reference figures, or compares with them.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    check = parser.parse_args().check
    jax.config.update("jax_enable_x64", True)
    np.seterr(divide="ignore")  # The logarithm of 0, in the first cost of the large random start.
    files = {
        DATA / "circles_train.csv": circles_csv(1, 300),
        DATA / "circles_test.csv": circles_csv(2, 100),
        DATA / "course_normals.csv": normals_csv(),
        REFERENCE / "course.json": json.dumps(course(), indent=1),
        REFERENCE / "gradients.json": json.dumps(gradients()),
    }
    if check:
        same = [compare(text, path) for path, text in files.items()]  # all are compared, also after a difference
        return 0 if all(same) else 1
    for path, text in files.items():
        path.write_text(text)
        print(f"{path.relative_to(ROOT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
