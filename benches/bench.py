"""Compares the crate's training with NumPy, JAX and PyTorch, in turns and on one core. See `make bench`.

Usage: bench.py PROGRAM      where PROGRAM is the compiled benches/speed.rs
"""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

# Each program runs on one core, and with OpenBLAS as it chooses its code by itself.
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np

HERE = Path(__file__).parent
ROUNDS = 5
ROUNDS_OF_STEPS = 3  # fewer, since each of these measurements is the best of five already
SAMPLES = (300, 3000, 30_000, 300_000)
CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []

Command = tuple[str, ...]


def use_cores(count: int) -> None:
    """From here on, this program and those that it starts use so many cores. Only Linux can be told so."""
    if CORES:
        os.sched_setaffinity(0, CORES[:count])


def numbers(command: Command, cores: int = 1) -> list[float]:
    """The numbers that the program prints. It runs on so many cores."""
    use_cores(cores)
    printed = subprocess.run(command, check=True, text=True, capture_output=True).stdout
    use_cores(1)
    return [float(number) for number in printed.split()]


def python(script: str, *arguments: str) -> Command:
    """The command that runs a script of this folder."""
    return (sys.executable, str(HERE / script), *arguments)


def in_turns(rounds: int, contestants: dict[str, tuple[Command, int]]) -> dict[str, list[float]]:
    """The seconds that each contestant prints first, round by round. A contestant is a command and its number of cores.

    They take turns, so that a busy moment of the machine meets all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (command, cores) in contestants.items():
            seconds[name].append(numbers(command, cores)[0])
    return seconds


def compare_the_course(program: str) -> None:
    """Prints how long the course's run takes: median, range and ratio to the crate's median."""
    contestants = {
        "zero-init": ((program, "course"), 1),
        "NumPy": (python("course_numpy.py"), 1),
        "JAX compiled": (python("course_jax.py"), 1),
    }
    if importlib.util.find_spec("torch"):
        contestants["PyTorch eager"] = (python("course_torch.py"), 1)
    seconds = in_turns(ROUNDS, contestants)
    ours = median(seconds["zero-init"])
    print(f"The course's run: 300 samples, [2, 10, 5, 1], 15000 steps; median and range of {ROUNDS} rounds in turns")
    for name, times in seconds.items():
        print(
            f"  {name:15}{median(times):8.3f} s  ({min(times):.3f} to {max(times):.3f})  {median(times) / ours:6.1f} ×"
        )
    if "PyTorch eager" not in contestants:
        print("  PyTorch is not installed and not measured (.venv-bench/bin/python -m pip install torch)")


def step(program: str, samples: int, width: int = 0) -> Command:
    """The command that prints the crate's seconds for one step and its floating-point operations.

    The network is [2, width, width, 1]; width 0 stands for the course's [2, 10, 5, 1].
    """
    return (program, "step", str(samples), str(width))


def compare_batch_sizes(program: str) -> None:
    """Prints the cost of a step against the number of samples, for the crate and for JAX."""
    print(f"\nOne step of [2, 10, 5, 1], in nanoseconds a sample; median of {ROUNDS_OF_STEPS} rounds in turns")
    print("   samples   zero-init        JAX    ratio")
    for samples in SAMPLES:
        contestants = {"zero-init": (step(program, samples), 1), "JAX": (python("course_jax.py", str(samples)), 1)}
        ours, jax = (1e9 * median(times) / samples for times in in_turns(ROUNDS_OF_STEPS, contestants).values())
        print(f"  {samples:8}  {ours:10.1f} {jax:10.1f}  {jax / ours:5.1f} ×")


def compare_cores(program: str) -> None:
    """Prints how much faster the largest batch is on two cores than on one."""
    samples = SAMPLES[-1]
    if len(CORES) < 2:
        print("\nTwo cores are not compared with one: there is only one, or this system cannot be told which to use")
        return
    contestants = {str(cores): (step(program, samples), cores) for cores in (1, 2)}
    one, two = (1e3 * median(times) for times in in_turns(ROUNDS_OF_STEPS, contestants).values())
    print(f"\nOne step on {samples} samples: one core {one:.2f} ms, two cores {two:.2f} ms, {one / two:.2f} ×")


def fastest_multiply() -> float:
    """The most floating-point operations a second that NumPy's matrix multiply reaches on one core."""
    a, b = np.ones((1000, 1000)), np.ones((1000, 1000))

    def speed() -> float:
        start = time.perf_counter()
        a @ b
        return 2e9 / (time.perf_counter() - start)

    return max(speed() for _ in range(10))


def compare_widths(program: str) -> None:
    """Prints the cost of a step against the width of the hidden layers, and its share of the speed that is possible."""
    highest = fastest_multiply()
    print("\nOne step of [2, w, w, 1] on 300 samples")
    print(f"NumPy's matrix multiply reaches {highest / 1e9:.0f} GFlop/s here, of which the last column is a share")
    print("     width      ms a step     GFlop/s    share")
    for width in (10, 30, 100, 300, 1000):
        seconds, operations = numbers(step(program, 300, width))
        speed = operations / seconds
        print(f"  {width:8}   {1e3 * seconds:12.4f}  {speed / 1e9:10.1f}   {speed / highest:6.0%}")


def main(program: str) -> None:
    use_cores(1)
    compare_the_course(program)
    compare_batch_sizes(program)
    compare_cores(program)
    compare_widths(program)


if __name__ == "__main__":
    main(sys.argv[1])
