"""Tries claims of the notebooks (C3, C8, C15, C21 to C35) a second time, and fails where one does not hold.

Nothing here uses the crate. The networks are NumPy's, and JAX's where they are not a plain chain of layers; the data
are the stored circles; the random numbers are NumPy's own. Each function prints a claim's figures and asserts it.
README.md in this folder says how to run this.
"""

import os

os.environ["OPENBLAS_CORETYPE"] = "Haswell"  # one order of summation: see generate.py
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the matrices are small

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import hadamard
from sklearn.datasets import load_digits

Array = np.ndarray
Data = tuple[Array, Array]  # x, (features, m), and y, (1, m)
Update = Callable[[list[Array], list[Array]], None]
Start = Callable[[int, int], Array]

DATA = Path(__file__).parents[2] / "src/study/data"
SIZES = [2, 10, 5, 1]
LN_2 = float(np.log(2))


# --- Data: samples are columns ---------------------------------------------------------------------------------------


def circles(name: str) -> Data:
    rows = np.loadtxt(DATA / f"circles_{name}.csv", delimiter=",", skiprows=1)
    return rows[:, :2].T.copy(), rows[:, 2:].T.copy()


def first_of_each(x: Array, y: Array, zeros: int, ones: int) -> Data:
    """So many samples of each label. Their angles are no longer evenly spaced."""
    chosen = np.concatenate([np.flatnonzero(y == 0)[:zeros], np.flatnonzero(y == 1)[:ones]])
    return x[:, chosen], y[:, chosen]


def even_circles(zeros: int, ones: int, seed: int) -> Data:
    """Circles like the stored ones, with any number of samples: evenly spaced before the noise."""
    turns = [2 * np.pi * np.arange(count) / count for count in (zeros, ones)]
    x = np.hstack([r * np.stack([np.cos(turn), np.sin(turn)]) for r, turn in zip((1, 0.8), turns, strict=True)])
    y = np.repeat([[0.0, 1.0]], [zeros, ones], axis=1)
    return x + 0.05 * np.random.default_rng(seed).standard_normal(x.shape), y


def blobs(counts: list[int], seed: int) -> Data:
    """Classes in a ring, with so many samples each; y is one-hot."""
    label = np.repeat(np.arange(len(counts)), counts)
    turn = 2 * np.pi * label / len(counts)
    noise = 0.7 * np.random.default_rng(seed).standard_normal((2, len(label)))
    return 2 * np.stack([np.cos(turn), np.sin(turn)]) + noise, np.eye(len(counts))[:, label]


BALANCED = circles("train")  # 150 : 150
TEST = circles("test")  # 50 : 50
UNBALANCED = first_of_each(np.hstack([BALANCED[0], TEST[0]]), np.hstack([BALANCED[1], TEST[1]]), 100, 200)


# --- A network: forward, backward, training --------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    # g(z), and its slope from z and a
    "identity": (lambda z: z, lambda z, a: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
}


@dataclass
class Net:
    """Weights (n_l, n_{l-1}) and biases (n_l, 1) by layer. With a further axis in front, they are many networks."""

    w: list[Array]
    b: list[Array]
    hidden: str = "relu"
    loss: str = "cross entropy"

    def forward(self, x: Array) -> tuple[list[Array], list[Array]]:
        """z of each layer from 1, and a of each layer from 0; the last a is ŷ."""
        all_z, all_a = [], [x]
        for w, b in zip(self.w, self.b, strict=True):
            all_z.append(w @ all_a[-1] + b)
            all_a.append(ACTIVATIONS[self.hidden][0](all_z[-1]) if len(all_z) < len(self.w) else self.y_hat(all_z[-1]))
        return all_z, all_a

    def y_hat(self, z: Array) -> Array:
        if self.loss == "softmax":
            powers = np.exp(z - z.max(-2, keepdims=True))
            return powers / powers.sum(-2, keepdims=True)
        return z if self.loss == "squared error" else ACTIVATIONS["sigmoid"][0](z)

    def cost(self, x: Array, y: Array) -> Array:
        return self.mean_loss(self.forward(x)[0][-1], y)

    def mean_loss(self, z: Array, y: Array) -> Array:
        if self.loss == "softmax":
            losses = -y * np.log(self.y_hat(z))
        elif self.loss == "squared error":
            losses = (z - y) ** 2 / 2
        else:
            losses = np.logaddexp(0, z) - y * z
        return losses.sum((-2, -1)) / y.shape[-1]

    def gradients(self, x: Array, y: Array) -> tuple[Array, list[Array], list[Array], list[Array]]:
        """The cost, dW, db and δ by layer. Samples are added up before the division by their number."""
        all_z, all_a = self.forward(x)
        deltas = [all_a[-1] - y]
        for w, z, a in zip(self.w[:0:-1], all_z[-2::-1], all_a[-2::-1], strict=False):
            deltas.insert(0, (w.swapaxes(-1, -2) @ deltas[0]) * ACTIVATIONS[self.hidden][1](z, a))
        samples = y.shape[-1]
        dw = [delta @ a.swapaxes(-1, -2) / samples for delta, a in zip(deltas, all_a, strict=False)]
        db = [delta.sum(-1, keepdims=True) / samples for delta in deltas]
        return self.mean_loss(all_z[-1], y), dw, db, deltas

    def accuracy(self, x: Array, y: Array) -> Array:
        y_hat = self.forward(x)[1][-1]
        if self.loss == "softmax":
            return (y_hat.argmax(-2) == y.argmax(-2)).mean(-1)
        return ((y_hat > 0.5) == (y == 1)).mean((-2, -1))


def network(sizes: list[int], start: Start | float = 0.0, bias: float = 0.0, **how: str) -> Net:
    """A network whose weights are `start(units, inputs)` in each layer, or all one number."""
    shapes = [(units, inputs) for inputs, units in itertools.pairwise(sizes)]
    w = [start(*shape) if callable(start) else np.full(shape, start) for shape in shapes]
    return Net(w, [np.full((units, 1), bias) for units, _ in shapes], **how)


def he(seed: int, factor: float = 1.0) -> Start:
    random = np.random.default_rng(seed)
    return lambda units, inputs: factor * np.sqrt(2 / inputs) * random.standard_normal((units, inputs))


def normal(seed: int, scale: float) -> Start:
    random = np.random.default_rng(seed)
    return lambda units, inputs: scale * random.standard_normal((units, inputs))


def stack(nets: list[Net]) -> Net:
    w = [np.stack(layers) for layers in zip(*(net.w for net in nets), strict=True)]
    b = [np.stack(layers) for layers in zip(*(net.b for net in nets), strict=True)]
    return Net(w, b, nets[0].hidden, nets[0].loss)


def descent(rate: float, decay: float = 0.0) -> Update:
    def update(parameters: list[Array], gradients: list[Array]) -> None:
        for p, dp in zip(parameters, gradients, strict=True):
            p[:] -= rate * (dp + decay * p)

    return update


def momentum(rate: float, beta: float = 0.9) -> Update:
    """v = β v + gradient, then a step of rate · v."""
    velocities: list[Array] = []

    def update(parameters: list[Array], gradients: list[Array]) -> None:
        velocities.extend(np.zeros_like(p) for p in parameters[len(velocities) :])
        for p, dp, v in zip(parameters, gradients, velocities, strict=True):
            v[:] *= beta
            v[:] += dp
            p[:] -= rate * v

    return update


def adam(rate: float, epsilon: float = 1e-8, decay: float = 0.0, beta: tuple[float, float] = (0.9, 0.999)) -> Update:
    """Adam (1412.6980); with `decay`, AdamW (1711.05101)."""
    means: list[Array] = []
    squares: list[Array] = []
    steps = 0

    def update(parameters: list[Array], gradients: list[Array]) -> None:
        nonlocal steps
        steps += 1
        means.extend(np.zeros_like(p) for p in parameters[len(means) :])
        squares.extend(np.zeros_like(p) for p in parameters[len(squares) :])
        for p, dp, m, v in zip(parameters, gradients, means, squares, strict=True):
            m[:] += (1 - beta[0]) * (dp - m)
            v[:] += (1 - beta[1]) * (dp * dp - v)
            p[:] -= rate * (m / (1 - beta[0] ** steps) / (np.sqrt(v / (1 - beta[1] ** steps)) + epsilon) + decay * p)

    return update


def train(net: Net, data: Data, steps: int, update: Update, batch: int = 0, until: float = 0.0) -> Array:
    """Trains in place; the cost before each step. Stops early when all costs have been below `until`."""
    random = np.random.default_rng(1)
    x, y = data
    order, costs, lowest = np.array([], int), [], np.array(np.inf)
    for _ in range(steps):
        if batch:
            if len(order) < batch:
                order = random.permutation(data[1].shape[-1])
            chosen, order = order[:batch], order[batch:]
            x, y = data[0][:, chosen], data[1][:, chosen]
        cost, dw, db, _ = net.gradients(x, y)
        costs.append(cost)
        lowest = np.minimum(lowest, cost)
        if (lowest < until).all():
            break
        update(net.w + net.b, dw + db)
    return np.array(costs)


def all_zero(arrays: list[Array]) -> bool:
    return all((array == 0).all() for array in arrays)


def largest(arrays: list[Array]) -> list[float]:
    return [float(np.abs(array).max()) for array in arrays]


def spread(w: Array) -> float:
    """How far apart the rows are: 0 if all units have the same incoming weights."""
    return float(np.ptp(w, axis=-2).max())


def halved(costs: Array) -> list[int | None]:
    """For each network, the first step at which the cost is below half of ln 2."""
    below = costs < LN_2 / 2
    return [int(np.argmax(run)) if run.any() else None for run in below.T]


def percent(accuracy: Array) -> list[int]:
    return sorted(np.round(100 * accuracy).astype(int).tolist())


def show(claim: str, what: str, *figures: object) -> None:
    print(f"{claim:4} {what}:", *figures, flush=True)


# --- The claims: plain chains of layers ------------------------------------------------------------------------------


def c3_gradients() -> None:
    """What the rest stands on: the gradients above agree with central differences, which know no chain rule."""
    worst = 0.0
    losses = [("cross entropy", 1), ("squared error", 1), ("softmax", 3)]
    for hidden, (loss, outputs) in itertools.product(ACTIVATIONS, losses):
        net = network([2, 4, 3, outputs], normal(1, 0.8), bias=0.3, hidden=hidden, loss=loss)
        x, y = blobs([4, 3, 2], 2)
        y = y[:outputs]
        _, dw, db, _ = net.gradients(x, y)
        for p, dp in zip(net.w + net.b, dw + db, strict=True):
            for index in np.ndindex(p.shape):
                kept, costs = p[index], []
                for nudge in (1e-5, -1e-5):
                    p[index] = kept + nudge
                    costs.append(float(net.cost(x, y)))
                p[index] = kept
                worst = max(worst, abs((costs[0] - costs[1]) / 2e-5 - float(dp[index])))
    show("C3", "gradients and central differences, 4 activations, 3 losses: largest difference", f"{worst:.1e}")
    assert worst < 1e-8


def c21_paths() -> None:
    """dW of a weight: the sum of x · other weights · slopes · δ over the paths through it, the mean over samples."""
    worst, weights = 0.0, 0
    for seed, (sizes, zeros) in enumerate(itertools.product([[2, 3, 1], [2, 3, 4, 1], [3, 2, 3, 2, 1]], [0.0, 0.3])):
        random = np.random.default_rng(seed)
        x, y = random.standard_normal((sizes[0], 7)), (random.random((1, 7)) < 0.5).astype(float)
        net = network(sizes, normal(seed, 1.0))
        net.w = [w * (random.random(w.shape) >= zeros) for w in net.w]  # so many of the weights are zero
        all_z, all_a = net.forward(x)
        by_paths = [np.zeros_like(w) for w in net.w]
        for path in itertools.product(*map(range, sizes)):  # a unit a layer, from an input to the output
            slopes = math.prod((z[unit] > 0) for z, unit in zip(all_z[:-1], path[1:-1], strict=True))
            signal = x[path[0]] * slopes * (all_a[-1] - y)[0]
            edges = [(unit, source) for source, unit in itertools.pairwise(path)]
            for layer, edge in enumerate(edges):
                others = math.prod(net.w[k][e] for k, e in enumerate(edges) if k != layer)
                by_paths[layer][edge] += np.mean(others * signal)
        for by_path, dw in zip(by_paths, net.gradients(x, y)[1], strict=True):
            worst, weights = max(worst, float(np.abs(by_path - dw).max())), weights + dw.size
    show(
        "C21",
        f"sum over paths and backpropagation, {weights} weights of 6 networks: largest difference",
        f"{worst:.1e}",
    )
    assert worst < 1e-14


def c22_moves_is_not_learns() -> None:
    entropy = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
    # It stays at the base rate where the points are evenly spaced. Else it leaves, and does what one unit can.
    for what, data in (("evenly spaced", even_circles(100, 200, 0)), ("of the stored", UNBALANCED)):
        net = network(SIZES, hidden="sigmoid")
        train(net, data, 50_000, descent(1.0))
        below, accuracy = float(entropy - net.cost(*data)), float(net.accuracy(*data))
        pull = float(np.linalg.norm(((2 / 3 - data[1]) * data[0]).mean(1)))
        show(
            "C22",
            f"sigmoid from zero, 100 : 200 circles, {what}, 50 000 steps at rate 1: below the entropy",
            f"{below:.1e}, accuracy {accuracy:.4f}, largest |W| {np.round(largest(net.w), 4)},",
            f"rows of W1 apart {spread(net.w[0]):.0e}, linear pull at the base rate {pull:.4f}",
        )
        assert all(largest(net.w)) and spread(net.w[0]) < 1e-6
        stays = below < 1e-6 and math.isclose(accuracy, 2 / 3)
        assert stays if what == "evenly spaced" else 0.01 < accuracy - 2 / 3 < 0.1
    net = network(SIZES, bias=0.1)
    train(net, BALANCED, 20_000, descent(1.0))
    cost, accuracy = float(net.cost(*BALANCED)), float(net.accuracy(*BALANCED))
    show("C22", "ReLU, W = 0, biases 0.1, 20 000 steps at rate 1: cost", f"{cost:.8f}, accuracy {accuracy:.4f}")
    assert LN_2 - 1e-9 < cost < LN_2 and abs(accuracy - 0.5) < 0.02 and all(largest(net.w))
    for hidden in ("sigmoid", "tanh", "relu"):
        net = network(SIZES, 0.5, hidden=hidden)
        train(net, BALANCED, 5_000, descent(0.1))
        cost, accuracy = float(net.cost(*BALANCED)), float(net.accuracy(*BALANCED))
        show("C22", f"constant 0.5, {hidden}, 5000 steps at rate 0.1: cost", f"{cost:.4f}, accuracy {accuracy:.4f}")
        assert cost > 0.64 and accuracy < 0.6


def c23_random_biases() -> None:
    draws: dict[str, Callable[[np.random.Generator, int], Array]] = {
        "N(0, 1)": lambda random, units: random.standard_normal((units, 1)),
        "U(0, 1)": lambda random, units: random.random((units, 1)),
        "0.1 · N(0, 1)": lambda random, units: 0.1 * random.standard_normal((units, 1)),
    }
    line = network([2, 1])
    train(line, BALANCED, 5_000, descent(1.0))
    best = float(line.cost(*BALANCED))
    for name, draw in draws.items():
        nets = []
        for seed in range(6):
            random = np.random.default_rng(seed)
            nets.append(Net(network(SIZES).w, [draw(random, units) for units in SIZES[1:]]))
        net = stack(nets)
        train(net, BALANCED, 20_000, descent(1.0))
        costs, on = net.cost(*BALANCED), [z > 0 for z in net.forward(BALANCED[0])[0][:2]]
        kinks = sum(int((layer.any(-1) & ~layer.all(-1)).sum()) for layer in on)  # units that are on for some samples
        what = f"ReLU, W = 0, biases {name}, 20 000 steps at rate 1, 6 seeds: cost"
        figures = (
            f"{costs.min():.9f} to {costs.max():.9f} (logistic regression {best:.9f}), kinks among the data {kinks}"
        )
        show(
            "C23", what, f"{figures}, accuracy {percent(net.accuracy(*BALANCED))} %, |W| {np.round(largest(net.w), 4)}"
        )
        assert kinks == 0 and costs.min() > best - 1e-9 and all(largest(net.w))
    data = first_of_each(*BALANCED, 50, 50)
    starts = [
        Net(network(SIZES).w, [draws["N(0, 1)"](r, u) for u in SIZES[1:]]) for r in map(np.random.default_rng, range(6))
    ]
    steps = []
    for name, net in (
        ("W = 0, biases N(0, 1)", stack(starts)),
        ("He", stack([network(SIZES, he(s)) for s in range(6)])),
    ):
        net.hidden = "tanh"
        steps.append(halved(train(net, data, 20_000, descent(1.0), until=LN_2 / 2)))
        show("C23", f"tanh, 50 : 50 circles, rate 1, {name}: steps until the cost has halved", steps[-1])
    assert all(late and early and late > 3 * early for late, early in zip(*steps, strict=True))


def c24_all_positive() -> None:
    def positive(seed: int) -> Start:
        random = np.random.default_rng(seed)
        return lambda units, inputs: random.random((units, inputs))

    def with_signs(seed: int) -> Start:
        random = np.random.default_rng(seed)
        return lambda units, inputs: random.random((units, inputs)) * random.choice([-1, 1], (units, inputs))

    def positive_he(seed: int) -> Start:
        start = he(seed)
        return lambda units, inputs: np.abs(start(units, inputs))

    starts = {"U(0, 1)": positive, "U(0, 1) with random signs": with_signs, "|He|": positive_he, "He": he}
    learned: dict[tuple[str, int, str], int] = {}
    deep = [2, 10, 10, 10, 10, 1]
    for hidden, sizes, (name, start) in itertools.product(["relu", "tanh"], [SIZES, deep], starts.items()):
        net = stack([network(sizes, start(seed), hidden=hidden) for seed in range(10)])
        costs = train(net, BALANCED, 2_000, descent(0.1))
        accuracy = net.accuracy(*BALANCED)
        learned[hidden, len(sizes) - 1, name] = int((accuracy > 0.95).sum())
        show(
            "C24",
            f"{hidden}, {len(sizes) - 1} layers, {name}, 2000 steps at rate 0.1, 10 seeds: cost at the start (median)",
            f"{np.median(costs[0]):.2f}, accuracy {percent(accuracy)} %",
        )
    # With three ReLU layers positive weights are no bar. With five, or with tanh in so many steps, they are.
    assert learned["relu", 3, "U(0, 1)"] >= 8 and learned["relu", 5, "U(0, 1)"] == 0
    assert all(learned["tanh", layers, name] == 0 for layers in (3, 5) for name in ("U(0, 1)", "|He|"))
    assert all(count >= 8 for (_, _, name), count in learned.items() if name in ("He", "U(0, 1) with random signs"))


def c25_one_random_matrix() -> None:
    learned: dict[tuple[str, float, int], int] = {}
    for hidden, rest, layer in itertools.product(["relu", "tanh"], [0.0, 0.5], [1, 2, 3]):
        nets = [network(SIZES, rest, hidden=hidden) for _ in range(8)]
        for seed, net in enumerate(nets):
            net.w[layer - 1] = network(SIZES, he(seed)).w[layer - 1]
        net = stack(nets)
        alive = [k for k, dw in enumerate(net.gradients(*BALANCED)[1], start=1) if (dw != 0).any()]
        train(net, BALANCED, 5_000, descent(0.1))
        accuracy, apart = net.accuracy(*BALANCED), min(map(spread, net.w[0]))
        learned[hidden, rest, layer] = int((accuracy > 0.95).sum())
        show(
            "C25",
            f"{hidden}, W{layer} random, the others {rest}, 5000 steps at rate 0.1, 8 seeds: dW alive at the start",
            f"{alive}, accuracy {percent(accuracy)} %, rows of W1 apart {apart:.0e} or more",
        )
        assert alive == ([] if rest == 0 else [1, 2, 3])
        assert rest == 0 or (apart > 1e-3) == (layer != 3)  # with W3 random, the units of layer 1 stay twins
    assert all(count == 0 for (_, rest, layer), count in learned.items() if rest == 0 or layer == 3)
    assert learned["relu", 0.5, 1] == 8 and learned["tanh", 0.5, 2] >= 7


def c26_mini_batches() -> None:
    relu, full = network(SIZES), network(SIZES, hidden="sigmoid")
    train(relu, BALANCED, 2_000, descent(0.1), batch=32)
    train(full, BALANCED, 2_000, descent(0.1))
    assert all_zero(relu.w) and relu.b[2].item() != 0 and all_zero(full.w + full.b)
    show("C26", "2000 steps, ReLU, batches of 32: all W are zero, b3 is", f"{relu.b[2].item():.4f}")
    show("C26", "2000 steps, sigmoid, full batch: all W and b are zero", all_zero(full.w + full.b))
    moves = 0
    for seed in range(1000):
        batch = np.random.default_rng(seed).permutation(300)[:32]
        dw = network(SIZES, hidden="sigmoid").gradients(BALANCED[0][:, batch], BALANCED[1][:, batch])[1]
        assert (dw[2] == 0).all() == (BALANCED[1][:, batch].sum() == 16)
        moves += int((dw[2] != 0).any())
    balances = math.comb(150, 16) ** 2 / math.comb(300, 32)
    show(
        "C26",
        "sigmoid, the first batch of 32 moves W3 for",
        f"{moves} of 1000 seeds; it balances with P = {balances:.3f}",
    )
    by_step = []
    for steps in (1, 2, 3):
        net = network(SIZES, hidden="sigmoid")
        train(net, BALANCED, steps, descent(0.1), batch=32)
        by_step.append([layer for layer, w in enumerate(net.w, start=1) if (w != 0).any()])
    show("C26", "sigmoid, batches of 32: layers whose W has moved after 1, 2, 3 steps", by_step)
    assert by_step == [[3], [2, 3], [1, 2, 3]]


def c27_other_rules() -> None:
    rules: dict[str, Callable[[], Update]] = {
        "momentum": lambda: momentum(0.1),
        "Adam": lambda: adam(0.01),
        "Adam, ε = 1e-300": lambda: adam(0.01, 1e-300),
        "descent with weight decay": lambda: descent(0.1, 0.01),
        "AdamW": lambda: adam(0.01, decay=0.01),
    }
    for name, rule in rules.items():
        for hidden, data, batch in itertools.product(["relu", "tanh"], [BALANCED, UNBALANCED], [0, 32]):
            net = network(SIZES, hidden=hidden)
            train(net, data, 300, rule(), batch=batch)
            assert all_zero(net.w + net.b[:-1])
            assert (net.b[-1].item() != 0) == (data is UNBALANCED or batch > 0)
        show("C27", f"{name}, 300 steps, ReLU and tanh, full batch and 32: all W and hidden b are zero", True)


def c28_leaving() -> None:
    rules: dict[str, Callable[[], Update]] = {
        "descent, rate 0.1": lambda: descent(0.1),
        "momentum 0.9, rate 0.1": lambda: momentum(0.1),
        "Adam, rate 0.01, ε 1e-8": lambda: adam(0.01),
        "Adam, rate 0.01, ε 1e-12": lambda: adam(0.01, 1e-12),
    }
    factors, seeds = [1, 1e-2, 1e-4, 1e-6, 1e-7, 1e-8], 3
    found = []
    for name, rule in rules.items():
        net = stack([network(SIZES, he(seed, factor), hidden="tanh") for factor in factors for seed in range(seeds)])
        steps = halved(train(net, BALANCED, 5_000, rule(), until=LN_2 / 2))
        by_factor = {factor: steps[seeds * k : seeds * (k + 1)] for k, factor in enumerate(factors)}
        show("C28", f"tanh, {name}: steps until the cost has halved, He times", by_factor)
        found.append([[step or math.inf for step in by_factor[factor]] for factor in factors])
    plain, heavy, adam_8, adam_12 = np.array(found)
    assert (plain[0] < 5_000).all() and np.isinf(plain[1:]).all()
    assert (heavy[:1] < plain[:1]).all() and np.isinf(heavy[2:]).all()
    assert (adam_8[:3] < 500).all() and (adam_8[4] > 2_000).all() and np.isinf(adam_8[5]).all()
    assert (adam_12 < 1_000).all()
    # With ReLU something else stops Adam, from 1e-5 on: the biases outrun the weights and switch layer 2 off.
    for factor in (1e-2, 1e-4, 1e-5, 1e-6):
        net = stack([network(SIZES, he(seed, factor)) for seed in range(10)])
        train(net, BALANCED, 500, adam(0.01))
        dead, learned = (net.forward(BALANCED[0])[1][2] == 0).all((-2, -1)), net.accuracy(*BALANCED) > 0.95
        counts = f"{learned.sum()} of 10 have learned, in {dead.sum()} all of layer 2 is dead"
        show("C28", f"ReLU, Adam, rate 0.01, ε 1e-8, He times {factor:g}, 500 steps", counts)
        assert not (dead & learned).any() and (dead.sum() >= 7) == (factor <= 1e-5)


def c29_squared_error() -> None:
    for name, data in (("150 : 150", BALANCED), ("100 : 200", UNBALANCED)):
        net = network(SIZES, loss="squared error")
        losses = [float(net.cost(data[0], np.full_like(data[1], y))) for y in (0, 1)]
        slopes = np.unique(net.gradients(*data)[3][-1]).tolist()
        train(net, data, 500, descent(0.1))
        bias = net.b[2].item()
        show("C29", f"squared error, {name}, 500 steps: losses", f"{losses}, slopes {slopes}, W zero, b3 {bias:.12f}")
        assert losses == [0, 0.5] and slopes == [-1, 0] and all_zero(net.w + net.b[:-1])
        assert math.isclose(bias, data[1].mean())


def c30_softmax() -> None:
    for k in (2, 3, 5, 10):
        for name, counts in (("equal", [50] * k), ("unequal", [30 * (c + 1) for c in range(k)])):
            data, shares = blobs(counts, 1), np.array(counts) / sum(counts)
            net = network([2, 10, 5, k], loss="softmax")
            smallest = np.abs(net.gradients(*data)[3][-1]).min()
            train(net, data, 2_000, descent(0.5))
            cost, entropy = float(net.cost(*data)), -(shares * np.log(shares)).sum()
            figures = f"{smallest:.4f}, all W zero, cost {cost:.6f}, entropy of the classes {entropy:.6f}"
            show("C30", f"softmax, {k} classes, {name}, 2000 steps: smallest |δ| at the start", figures)
            assert all_zero(net.w + net.b[:-1]) and smallest > 0 and abs(cost - entropy) < 1e-6
    pixels, labels = load_digits(return_X_y=True)
    x, y = pixels.T / 16, np.eye(10)[:, labels]
    reached: list[list[float]] = []
    for name, start in (("zero", 0.0), ("N(0, 1)", normal(1, 1.0))):
        net = network([64, 10], start, loss="softmax")
        reached.append([])
        for steps in (10, 90, 900):
            train(net, (x[:, :1200], y[:, :1200]), steps, descent(0.5))
            reached[-1].append(float(net.accuracy(x[:, 1200:], y[:, 1200:])))
        show(
            "C30", f"digits, no hidden layer, {name}: test accuracy after 10, 100, 1000 steps", np.round(reached[-1], 3)
        )
    ahead = np.array(reached[0]) - reached[1]
    assert ahead[0] > 0.5 and ahead[0] > ahead[1] > ahead[2] and abs(ahead[2]) < 0.03  # a head start, no more


def c31_depth() -> None:
    def scaled(scale: Callable[[int, int], float], seed: int) -> Start:
        random = np.random.default_rng(seed)
        return lambda units, inputs: scale(units, inputs) * random.standard_normal((units, inputs))

    def root_mean_squares(layers: list[Array]) -> Array:
        return np.sqrt([np.broadcast_to((layer**2).mean((-2, -1)), 10) for layer in layers])  # (layers, seeds)

    scales: dict[str, tuple[Callable[[int, int], float], float, float]] = {  # and the range that is asserted
        "He": (lambda units, inputs: math.sqrt(2 / inputs), 0.1, 10),
        "Xavier": (lambda units, inputs: math.sqrt(2 / (units + inputs)), 1e-4, 1e-2),
        "0.01": (lambda units, inputs: 0.01, 1e-24, 1e-21),
        "0.5": (lambda units, inputs: 0.5, 1e10, 1e12),
    }
    x, y = np.random.default_rng(0).standard_normal((100, 200)), np.repeat([[0.0, 1.0]], 100, axis=1)
    for name, (scale, low, high) in scales.items():
        net = stack([network([100] * 21 + [1], scaled(scale, seed)) for seed in range(10)])
        a = root_mean_squares(net.forward(x)[1][:21])  # layers 0 to 20
        delta = root_mean_squares(net.gradients(x, y)[3][:20])  # layers 1 to 20
        ratio, back = a[20] / a[0], delta[0] / delta[19]
        what = f"20 layers of 100 ReLU, {name}, 10 seeds"
        show("C31", f"{what}: a20 over x", f"{ratio.min():.1e} to {ratio.max():.1e},",
             f"δ1 over δ20 {back.min():.1e} to {back.max():.1e}")  # fmt: skip
        show("C31", f"{what}: a in layers 0, 5, … 20 (median)", *(f"{np.median(layer):.1e}" for layer in a[::5]))
        show(
            "C31",
            f"{what}: δ in layers 20, 15, 10, 5, 1 (median)",
            *(f"{np.median(delta[k]):.1e}" for k in (19, 14, 9, 4, 0)),
        )
        assert low < ratio.min() and ratio.max() < high and low < back.min() and back.max() < high
    accuracies = {}
    for name in ("He", "Xavier", "0.01"):
        net = stack([network([2] + [20] * 19 + [1], scaled(scales[name][0], seed)) for seed in range(4)])
        train(net, BALANCED, 1_500, descent(0.02))
        accuracies[name] = percent(net.accuracy(*BALANCED))
        show("C31", f"19 layers of 20 ReLU, {name}, circles, 1500 steps at rate 0.02: accuracy", accuracies[name], "%")
    assert accuracies["He"][-2] > 95 and accuracies["Xavier"][-1] < 80 and accuracies["0.01"][-1] < 60


def c32_differentiable() -> None:
    """From zero in random directions: beside the slope of b^L, the change of the cost is of order two or more."""
    shapes, data_sets = [[2, 1], [2, 10, 1], SIZES, [2, 10, 5, 5, 1]], {"150 : 150": BALANCED, "100 : 200": UNBALANCED}
    for sizes, (name, data), biases in itertools.product(shapes, data_sets.items(), [False, True]):
        orders = []
        for seed in range(20):
            random, direction, changes = np.random.default_rng(1000 + seed), network(sizes, normal(seed, 1.0)), []
            direction.b = [biases * random.standard_normal(b.shape) for b in direction.b]
            linear = float((0.5 - data[1]).mean()) * direction.b[-1].item()
            for epsilon in (1e-2, 1e-3):
                moved = Net([epsilon * w for w in direction.w], [epsilon * b for b in direction.b])
                changes.append(abs(float(moved.cost(*data)) - LN_2 - epsilon * linear))
            orders.append(np.log10(changes[0] / changes[1]))
        median = float(np.median(orders))
        figures = f"{median:.2f} ({min(orders):.2f} to {max(orders):.2f})"
        show(
            "C32", f"{len(sizes) - 1} layers, {name}, {'with' if biases else 'no'} biases: order of the change", figures
        )
        layers = len(sizes) - 1
        assert abs(median - (1 if layers == 1 else 2 if biases else layers)) < 0.2
        assert layers == 1 or min(orders) > 1.3


def c8_rounding() -> None:
    for hidden, rate in (("sigmoid", 1.0), ("tanh", 1.0), ("relu", 0.1)):
        net, apart = network(SIZES, 0.5, hidden=hidden), []
        values = [len(np.unique(dw)) for dw in net.gradients(*BALANCED)[1][1:]]
        for steps in (1_000, 4_000, 15_000):
            train(net, BALANCED, steps, descent(rate))
            apart.append([spread(w) for w in net.w[:2]])
        figures = f"{values}, rows of W1, W2 apart after 1000, 5000, 20 000 steps"
        show(
            "C8",
            f"constant 0.5, {hidden}, rate {rate}: distinct values of dW2, dW3",
            figures,
            *(f"{a:.0e} {b:.0e}," for a, b in apart),
        )
        assert apart[2][0] < 1e-13 and (apart[2][1] > 1e-10) == (hidden == "tanh")


def c15_saddle() -> None:
    scales = [0.04, 0.02, 0.01, 0.005]
    for sizes in ([2, 5, 1], [2, 5, 5, 1], [2, 5, 5, 5, 1]):
        changes = [abs(float(network(sizes, scale).cost(*BALANCED)) - LN_2) for scale in scales]
        order = np.polyfit(np.log(scales), np.log(changes), 1)[0]
        show("C15", f"all weights ε, {len(sizes) - 1} layers: order of the change", f"{order:.3f}")
        assert abs(order - (len(sizes) - 1)) < 0.02
    down = network(SIZES, 0.05)
    down.w[2] *= -1
    change = float(down.cost(*BALANCED)) - LN_2
    show("C15", "and with layer 3 turned: change over ε³", f"{change / 0.05**3:.3f}")
    assert change < 0
    x, y = BALANCED
    turn = np.linspace(0, 2 * np.pi, 3601)
    linear = float(np.linalg.norm(((0.5 - y) * x).mean(1)))
    radial = ((0.5 - y) * np.maximum(np.stack([np.cos(turn), np.sin(turn)]).T @ x, 0)).mean(1)
    show("C15", "circles, the linear pull |mean (½ − y) x|", f"{linear:.5f}")
    show("C15", "circles, mean (½ − y) relu(u·x) over unit vectors u", f"{radial.min():.5f} to {radial.max():.5f}")
    assert 0.0027 < linear < 0.0028 and radial.min() > 0.014 and radial.max() < 0.018
    xor = np.array([[1.0, -1, 1, -1], [1, -1, -1, 1]]), np.array([[0.0, 0, 1, 1]])
    trained = stack([network([2, 5, 1], he(seed), hidden="identity") for seed in range(5)])
    train(trained, xor, 5_000, descent(0.5))
    lines = np.random.default_rng(0).standard_normal((100_000, 1, 3)) * np.logspace(-3, 2, 100_000)[:, None, None]
    lowest = float(Net([lines[:, :, :2]], [lines[:, :, 2:]]).cost(*xor).min() - LN_2)
    above = float(np.abs(trained.cost(*xor) - LN_2).max())
    show(
        "C15",
        "balanced XOR, linear: |cost − ln 2| of 5 trained networks",
        f"{above:.0e}; of 100 000 lines the lowest {lowest:.0e}",
    )
    assert above < 1e-12 and lowest > 0 and all_zero([((0.5 - xor[1]) * xor[0]).mean(1)])


# --- The claims: zero on purpose. JAX derives the gradients ----------------------------------------------------------

Parameters = dict[str, jax.Array]
Model = Callable[[Parameters, Array], jax.Array]


def cost(model: Model, p: Parameters, data: Data) -> jax.Array:
    z = model(p, data[0])
    return jnp.mean(jax.nn.softplus(z) - data[1] * z)


@functools.partial(jax.jit, static_argnums=0)
def descend(model: Model, p: Parameters, data: Data, steps: int) -> Parameters:
    def step(_: int, p: Parameters) -> Parameters:
        return jax.tree.map(lambda value, slope: value - 0.05 * slope, p, jax.grad(cost, argnums=1)(model, p, data))

    return jax.lax.fori_loop(0, steps, step, p)


def moved(p: Parameters, q: Parameters) -> str:
    return " ".join(name for name in p if (p[name] != q[name]).any())


def c33_branches() -> None:
    def residual(p: Parameters, x: Array) -> jax.Array:
        h = p["lift"] @ x
        for block in range(3):
            h = h + p["gate"][block] * (p["V"][block] @ jax.nn.relu(p["U"][block] @ h + p["b"][block]))
        return p["out"] @ h

    shapes = {"lift": (10, 2), "U": (3, 10, 10), "b": (3, 10, 1), "V": (3, 10, 10), "gate": (3,), "out": (1, 10)}
    for zero in ("", "V", "gate", "V gate", "U", "out", "out V", "out V gate", "lift out"):
        ends, by_step = [], []
        for seed in range(3):
            random = np.random.default_rng(seed)
            p = {
                name: jnp.array(np.sqrt(2 / shape[-1]) * random.standard_normal(shape))
                for name, shape in shapes.items()
            }
            p |= {"b": jnp.zeros(shapes["b"]), "gate": jnp.ones(shapes["gate"])}
            p |= {name: 0 * p[name] for name in zero.split()}
            by_step = [moved(p, descend(residual, p, BALANCED, steps)) for steps in (1, 2, 3)]
            q = descend(residual, p, BALANCED, 3_000)
            locked = {"U", "b", "V", "gate"}.isdisjoint(moved(p, q).split())
            ends.append(float(cost(residual, q, BALANCED)))
            assert locked == (zero in ("V gate", "U", "out V gate", "lift out"))
            assert (abs(ends[-1] - LN_2) < 1e-3) == locked
        show(
            "C33",
            f"3 residual branches, zero: {zero or 'nothing'}; moved after 1, 2, 3 steps",
            by_step,
            "cost",
            np.round(ends, 3),
        )
        if zero in ("V", "gate"):  # a switch
            assert zero in by_step[0] and "U" not in by_step[0] and "U" in by_step[1]
        if zero == "out V":  # two zeros, but the skip goes around one of them
            assert by_step[0] == "out" and "V" in by_step[1] and "U" not in by_step[1] and "U" in by_step[2]


def c34_low_rank() -> None:
    base = network(SIZES, he(1))
    train(base, BALANCED, 3_000, descent(0.1))
    shifted = BALANCED[0] + np.array([[0.5], [0.0]]), BALANCED[1]

    def adapted(p: Parameters, x: Array) -> jax.Array:
        a = jax.nn.relu(base.w[0] @ x + base.b[0])
        a = jax.nn.relu((base.w[1] + p["B"] @ p["A"]) @ a + base.b[1])
        return base.w[2] @ a + base.b[2]

    random = np.random.default_rng(2)
    both = {"A": jnp.array(random.standard_normal((2, 10)) / 3), "B": jnp.array(random.standard_normal((5, 2)) / 2)}
    for zero in ("B", "A", "A B"):
        p = both | {name: 0 * both[name] for name in zero.split()}
        by_step = [moved(p, descend(adapted, p, shifted, steps)) for steps in (1, 2, 5_000)]
        before, after = (float(cost(adapted, descend(adapted, p, shifted, steps), shifted)) for steps in (0, 5_000))
        show(
            "C34",
            f"W2 + BA, zero: {zero}; moved after 1, 2, 5000 steps",
            by_step,
            f"cost {before:.3f}, then {after:.3f}",
        )
        assert by_step == (["", "", ""] if zero == "A B" else [zero, "A B", "A B"])
        assert (after < before / 5) == (zero != "A B")


def c35_zeros_and_ones() -> None:
    """ZerO (2110.12661, Algorithm 1): a partial identity, or Hadamard's matrix where a layer has more units."""

    def zeros_and_ones(units: int, inputs: int) -> Array:
        power = math.ceil(math.log2(units))
        return (
            np.eye(units, inputs) if units <= inputs else hadamard(2**power)[:units, :inputs] / 2 ** ((power - 1) / 2)
        )

    starts: list[Start | float] = [zeros_and_ones, 0.5]
    for hidden, start in itertools.product(["relu", "tanh"], starts):
        net = network(SIZES, start, hidden=hidden)
        before = len(np.unique(net.w[0], axis=0))
        train(net, BALANCED, 10_000, descent(0.1))
        after, accuracy = len(np.unique(net.w[0].round(6), axis=0)), float(net.accuracy(*BALANCED))
        figures = f"{accuracy:.3f}, cost {net.cost(*BALANCED):.4f}, distinct rows of W1 {before}, then {after}"
        show("C35", f"{hidden}, {'ZerO' if callable(start) else start}, 10 000 steps at rate 0.1: accuracy", figures)
        assert (accuracy > 0.95 and after > 2) if callable(start) else (accuracy < 0.6 and after == 1)


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    np.seterr(over="ignore")  # exp(-z), where a start is too large
    for claim in (
        c3_gradients, c21_paths, c22_moves_is_not_learns, c23_random_biases, c24_all_positive, c25_one_random_matrix,
        c26_mini_batches, c27_other_rules, c28_leaving, c29_squared_error, c30_softmax, c31_depth, c32_differentiable,
        c33_branches, c34_low_rank, c35_zeros_and_ones, c8_rounding, c15_saddle,
    ):  # fmt: skip
        claim()


if __name__ == "__main__":
    main()
