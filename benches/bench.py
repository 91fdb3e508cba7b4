"""Compares the crate's training with NumPy and PyTorch, side by side in one run, each on one core. See `make bench`.

Usage: bench.py PROGRAM      where PROGRAM is the compiled benches/speed.rs
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROUNDS = 5
ONE_CORE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def run(*command: str) -> str:
    """What the program prints, run on one core."""
    pin = ["taskset", "-c", "0"] if sys.platform == "linux" else []
    return subprocess.run([*pin, *command], env={**os.environ, **ONE_CORE}, check=True, text=True, capture_output=True).stdout


def course(program: str) -> None:
    """The course's run, in turns, so that a busy moment meets all of them."""
    contestants = {"zero-init": (program, "course"), "NumPy": (sys.executable, str(HERE / "course_numpy.py"))}
    if importlib.util.find_spec("torch"):
        contestants["PyTorch eager"] = (sys.executable, str(HERE / "course_torch.py"))
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, command in contestants.items():
            seconds[name].append(float(run(*command)))
    ours = statistics.median(seconds["zero-init"])
    print(f"The course's run: 300 samples, [2, 10, 5, 1], 15000 steps; median and range of {ROUNDS} rounds in turns")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"  {name:15}{median:8.3f} s  ({min(times):.3f} to {max(times):.3f})  {median / ours:6.1f} ×")
    if "PyTorch eager" not in contestants:
        print("  PyTorch is not installed and not measured (.venv-bench/bin/python -m pip install torch)")


def peak() -> float:
    """The most floating-point operations a second that NumPy's matrix multiply reaches on one core."""
    a, b = np.ones((1000, 1000)), np.ones((1000, 1000))

    def once() -> float:
        start = time.perf_counter()
        a @ b
        return 2e9 / (time.perf_counter() - start)

    return max(once() for _ in range(10))


def sweep(program: str) -> None:
    """The cost of a step against the samples and against the width."""
    print("\nOne step of [2, 10, 5, 1]")
    print("   samples      ms a step   ns a sample   GFlop/s")
    for samples in (300, 3000, 30_000, 300_000):
        seconds, operations = map(float, run(program, "step", str(samples), "0").split())
        speed = operations / seconds / 1e9
        print(f"  {samples:8}   {1e3 * seconds:12.4f}  {1e9 * seconds / samples:12.1f}   {speed:7.1f}")
    highest = peak()
    print(f"\nOne step of [2, w, w, 1] on 300 samples; NumPy's matrix multiply reaches {highest / 1e9:.0f} GFlop/s here")
    print("     width      ms a step     GFlop/s    share")
    for width in (10, 30, 100, 300, 1000):
        seconds, operations = map(float, run(program, "step", "300", str(width)).split())
        speed = operations / seconds
        print(f"  {width:8}   {1e3 * seconds:12.4f}  {speed / 1e9:10.1f}   {speed / highest:6.0%}")


if __name__ == "__main__":
    if sys.platform == "linux":
        os.sched_setaffinity(0, {0})
    course(sys.argv[1])
    sweep(sys.argv[1])
