"""The course's run in JAX: all steps are one loop that JAX compiles. Compiling is not timed.

Usage: course_jax.py              prints the seconds of the course's run: 15000 steps on its 300 samples
       course_jax.py SAMPLES      prints the seconds of one step on as many samples, the shortest of five measurements
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from course_data import circles

jax.config.update("jax_enable_x64", True)


def start() -> list[jax.Array]:
    """He weights and zero biases of [2, 10, 5, 1]: W1, b1, W2, b2, W3, b3."""
    random = np.random.default_rng(1)
    parameters = []
    for inputs, units in ((2, 10), (10, 5), (5, 1)):
        parameters += [random.standard_normal((units, inputs)) * np.sqrt(2 / inputs), np.zeros((units, 1))]
    return [jnp.array(parameter) for parameter in parameters]


def seconds(samples: int, steps: int, times: int) -> float:
    """How long so many steps of gradient descent take: the shortest of so many measurements."""
    X, Y = (jnp.array(np.resize(array, (samples, array.shape[1])).T) for array in circles())

    def step(parameters: list[jax.Array], _: None) -> tuple[list[jax.Array], None]:
        """The formulas of course_numpy.py. With gradients that JAX derives by itself, the run takes longer."""
        W1, b1, W2, b2, W3, b3 = parameters
        Z1 = W1 @ X + b1
        A1 = jnp.maximum(Z1, 0)
        Z2 = W2 @ A1 + b2
        A2 = jnp.maximum(Z2, 0)
        Z3 = W3 @ A2 + b3
        A3 = jax.nn.sigmoid(Z3)
        D3 = (A3 - Y) / samples
        D2 = (W3.T @ D3) * (Z2 > 0)
        D1 = (W2.T @ D2) * (Z1 > 0)
        gradients = []
        for D, A in ((D1, X), (D2, A1), (D3, A2)):
            gradients += [D @ A.T, D.sum(axis=1, keepdims=True)]
        return [parameter - 0.01 * by for parameter, by in zip(parameters, gradients, strict=True)], None

    run = jax.jit(lambda parameters: jax.lax.scan(step, parameters, length=steps)[0]).lower(start()).compile()
    measured = []
    for _ in range(times):
        parameters = start()
        before = time.perf_counter()
        jax.block_until_ready(run(parameters))
        measured.append(time.perf_counter() - before)
    return min(measured)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        samples = int(sys.argv[1])
        steps = max(3_000_000 // samples, 3)
        print(seconds(samples, steps, times=5) / steps)
    else:
        print(seconds(samples=300, steps=15_000, times=1))
