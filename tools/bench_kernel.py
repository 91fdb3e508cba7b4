"""Times the kernel of this repository beside a stock one: evcxr_jupyter as installed, with nothing of ours.

In JupyterLab a kernel waits for who asks for one: that is the third column. They take turns, so that what else the
machine does meets all of them. Usage: bench_kernel.py [ROUNDS] [NOTEBOOK …]
(default: 3 rounds, each over all notebooks; the words `no notebooks` leave those out)
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning import KernelProvisionerFactory
from nbformat import NotebookNode

import kernel as launcher
import notebooks as nb
import spare
from kernel_client import Kernel, start_kernel, stock_command
from outputs import kind, texts_of

KINDS = ("stock", "ours", "waiting")
AGAIN = 5  # a cell is run again so many times in each round

DEP = ":dep zero-init = {{ path = {crate} }}\nuse zero_init::{{notebook::eprintln, prelude::*}};\nshow_failures();"
DATA = "let data = circles_train();\nlet network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;"
CELLS = {
    "prints": 'println!("{}", data.samples());',
    "defines a variable": "let answer = 6.0 * 7.0;",
    "plots": "figure::decision_boundary(&network, &data)?",
    "trains 15000 steps": """\
let begun = std::time::Instant::now();
let mut random = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 1 })?;
Training::new(0.01, 15000).record_cost(Steps::Every(1000)).run(&mut random, &data)?;
println!("{}", begun.elapsed().as_secs_f64());""",
}

# The same training in a program.
MANIFEST = """\
[package]
name = "training"
version = "0.0.0"
edition = "2024"
[dependencies]
zero-init = {{ path = {crate} }}
"""
PROGRAM = """\
use zero_init::prelude::*;
fn main() -> zero_init::Result<()> {{
    let data = circles_train();
    {cell}
    Ok(())
}}
"""


class Bench:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.figures: dict[tuple[str, str], list[float]] = defaultdict(list)
        (root / "empty").mkdir()
        # Without the repository's lock file the registry is asked, which takes as long as it takes: not counted here.
        self.environment = {
            "EVCXR_CONFIG_DIR": str(root / "empty"),
            "JUPYTER_PATH": str(root / "empty"),
            "CARGO_NET_OFFLINE": "true",
        }

    def start(self, kind: str) -> AbstractContextManager[Kernel]:
        if kind == "stock":
            return start_kernel(self.root / "empty", stock_command(), self.environment)
        return start_kernel(nb.NOTEBOOKS)

    def have_one_waiting(self) -> None:
        """Does what JupyterLab has done long before a kernel is asked for."""
        asyncio.run(wait_for_spare())
        assert spare.SPARE.manager
        self.record("memory, MB: while it waits", "waiting", memory(spare.process_of(spare.SPARE.manager).pid))

    def record(self, what: str, kind: str, measured: float) -> None:
        """Notes seconds, or what `what` says."""
        self.figures[what, kind].append(measured)

    def run(self, kernel: Kernel, source: str) -> tuple[float, list[NotebookNode]]:
        """Runs a cell; returns the seconds until its answer, and its outputs. A late one comes with `kernel.rest`."""
        begun = time.monotonic()
        outputs = kernel.execute(source)
        seconds = time.monotonic() - begun
        check(outputs)
        return seconds, outputs

    def session(self, kind: str, start: str) -> None:
        """From asking for a kernel to its first figure; then, if it is warm, a restart and each cell again."""
        if kind == "waiting":
            self.have_one_waiting()
        begun = time.monotonic()
        with self.start(kind) as kernel:
            self.first_figure(kernel, kind, start, begun)
            if start != "warm start":
                return
            self.record("memory, MB: after the first figure", kind, memory(kernel.process))
            if kind == "waiting":
                self.have_one_waiting()
            begun = time.monotonic()
            kernel.restart()
            self.first_figure(kernel, kind, "restart", begun)
            if kind == "waiting":
                return  # in what follows it is a kernel like any other
            for name, source in CELLS.items():
                self.run(kernel, source)
                for _ in range(AGAIN):
                    seconds, outputs = self.run(kernel, source)
                    self.record(f"cell that {name}", kind, seconds)
                    if "15000" in name:
                        self.record("15000 steps by themselves", kind, float(outputs[0].text))
            self.record("memory, MB: after more cells", kind, memory(kernel.process))
            check(kernel.rest())

    def first_figure(self, kernel: Kernel, kind: str, start: str, begun: float) -> None:
        """Runs the first cells in a kernel that was asked for when it was `begun`."""
        self.record(f"{start}: ready for a cell", kind, time.monotonic() - begun)
        for source in (DEP.format(crate=launcher.toml(nb.REPOSITORY)), DATA, CELLS["plots"]):
            self.run(kernel, source)
        self.record(f"{start}: first figure", kind, time.monotonic() - begun)
        check(kernel.rest())

    def run_all(self, kind: str, path: Path) -> None:
        """Restart and run all."""
        begun = time.monotonic()
        with self.start(kind) as kernel:
            for cell in nb.code_cells(nb.read(path)):
                self.run(kernel, cell.source.replace('path = ".."', f'path = "{nb.REPOSITORY}"'))
            self.record(path.stem, kind, time.monotonic() - begun)
            check(kernel.rest())

    def release(self) -> None:
        """The training in a program, beside which `ours` is put."""
        program = self.root / "program"
        if not program.exists():
            (program / "src").mkdir(parents=True)
            (program / "Cargo.toml").write_text(MANIFEST.format(crate=launcher.toml(nb.REPOSITORY)))
            shutil.copy(nb.REPOSITORY / "Cargo.lock", program)
            cell = CELLS["trains 15000 steps"]
            (program / "src" / "main.rs").write_text(PROGRAM.format(cell=cell))
        run = ["cargo", "run", "--release", "--quiet", "--offline"]
        environment = dict(os.environ, CARGO_TARGET_DIR=str(program / "target"))
        done = subprocess.run(run, cwd=program, env=environment, capture_output=True, text=True, check=True)
        self.record("15000 steps by themselves", "cargo run --release", float(done.stdout))

    def table(self) -> None:
        heads = "".join(f"{head:>16}" for head in KINDS) + "".join(f"{f'stock / {head}':>16}" for head in KINDS[1:])
        print(f"\n{'seconds, median (worst)':36}{heads}")
        for what in dict.fromkeys(what for what, _ in self.figures):
            columns = [self.figures.get((what, kind), []) for kind in KINDS]
            texts = [f"{median(c):.2f} ({max(c):.2f})" if c else "" for c in columns]
            ratios = [f"{median(columns[0]) / median(c):.1f}" if columns[0] and c else "" for c in columns[1:]]
            print(f"{what:36}" + "".join(f"{text:>16}" for text in texts + ratios))
            if other := self.figures.get((what, "cargo run --release")):
                print(f"{'  the same by cargo run --release':36}{'':16}{median(other):>9.2f} ({max(other):.2f})")


async def wait_for_spare() -> None:
    """Starts a kernel to wait, and returns when it is ready."""
    await spare.SPARE.start(KernelSpecManager(), str(nb.NOTEBOOKS))
    assert spare.SPARE.warm
    await spare.SPARE.warm


def check(outputs: list[NotebookNode]) -> None:
    """Raises an error if one of the outputs says that a cell failed."""
    for output in outputs:
        if kind(output) in ("stderr", "error"):
            raise nb.NotebookError(f"a cell failed: {texts_of(output)}")


def memory(process: int) -> float:
    """Returns the resident megabytes of a process and all that it has started."""
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return sum(member.memory_info().rss for member in family) / 2**20


def drop_caches() -> bool:
    """Makes the system forget the files it has read, as after it started; says whether it may."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> int:
    rounds = int(arguments[0]) if arguments[:1] and arguments[0].isdigit() else 3
    names = [argument for argument in arguments if not argument.isdigit()]
    paths = (
        [] if names == ["no", "notebooks"] else [Path(name) for name in names] or sorted(nb.NOTEBOOKS.glob("*.ipynb"))
    )
    launcher.prepare()
    spare.use(KernelProvisionerFactory.instance())
    with tempfile.TemporaryDirectory(prefix="zero-init-bench-") as temporary:
        bench = Bench(Path(temporary))
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for kind in KINDS[:2]:
                if drop_caches():
                    bench.session(kind, "cold start")
            for kind in KINDS:
                bench.session(kind, "warm start")
            bench.release()
            for path in paths:
                for kind in KINDS[:2]:
                    bench.run_all(kind, path)
        bench.table()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
