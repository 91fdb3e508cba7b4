"""Times the kernel of this repository beside a stock one: evcxr_jupyter as installed, with nothing of ours.

The two take turns, so that what else the machine does meets both. Usage: bench_kernel.py [ROUNDS] [NOTEBOOK …]
(default: 3 rounds, each over all notebooks; the words `no notebooks` leave those out)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import kernel as launcher
import notebooks as nb

KINDS = ("stock", "ours")
AGAIN = 5  # a cell is run again so many times in each round

DEP = ':dep zero-init = {{ path = "{repository}" }}\nuse zero_init::{{eprintln, prelude::*}};\nshow_failures();'
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
zero-init = {{ path = '{repository}' }}
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
        self.times: dict[tuple[str, str], list[float]] = defaultdict(list)
        ours = json.loads((nb.KERNELS / "rust" / "kernel.json").read_text())
        (root / "kernels" / "rust").mkdir(parents=True)
        stock = dict(ours, argv=[ours["argv"][2], "--control_file", "{connection_file}"])
        (root / "kernels" / "rust" / "kernel.json").write_text(json.dumps(stock))
        (root / "empty").mkdir()
        # Without the repository's lock file the registry is asked, which takes as long as it takes: not counted here.
        self.environment = {
            "EVCXR_CONFIG_DIR": str(root / "empty"), "JUPYTER_PATH": str(root / "empty"), "CARGO_NET_OFFLINE": "true",
        }

    def start(self, kind: str):
        if kind == "ours":
            return nb.start_kernel(nb.NOTEBOOKS)
        return nb.start_kernel(self.root / "empty", self.root / "kernels", self.environment)

    def note(self, what: str, kind: str, seconds: float) -> None:
        self.times[what, kind].append(seconds)

    def run(self, kernel: nb.Kernel, source: str) -> tuple[float, list]:
        """Runs a cell that must not fail; returns the seconds until its answer and its outputs."""
        begun = time.monotonic()
        outputs = kernel.run(source)
        seconds = time.monotonic() - begun - nb.QUIET_SECONDS  # which it waits for late outputs
        for output in outputs:
            if nb.kind(output) in ("stderr", "error"):
                raise nb.NotebookError(f"{source}\n{nb.shown(output)}")
        return seconds, outputs

    def session(self, kind: str, start: str) -> None:
        """From the start of a kernel to its first figure; then, if it is warm, each cell again."""
        begun = time.monotonic()
        with self.start(kind) as kernel:
            self.note(f"{start}: ready for a cell", kind, time.monotonic() - begun)
            for source in (DEP.format(repository=nb.REPOSITORY), DATA, CELLS["plots"]):
                self.run(kernel, source)
            self.note(f"{start}: first figure", kind, time.monotonic() - begun - 3 * nb.QUIET_SECONDS)
            if start != "warm start":
                return
            for name, source in CELLS.items():
                self.run(kernel, source)
                for _ in range(AGAIN):
                    seconds, outputs = self.run(kernel, source)
                    self.note(f"cell that {name}", kind, seconds)
                    if "15000" in name:
                        self.note("15000 steps by themselves", kind, float(outputs[0].text))
            self.note("memory, MB", kind, memory(kernel.manager.provisioner.pid))

    def run_all(self, kind: str, path: Path) -> None:
        """Restart and run all."""
        begun = time.monotonic()
        cells = nb.code_cells(nb.read(path))
        with self.start(kind) as kernel:
            for cell in cells:
                self.run(kernel, cell.source.replace('path = ".."', f'path = "{nb.REPOSITORY}"'))
            self.note(path.stem, kind, time.monotonic() - begun - len(cells) * nb.QUIET_SECONDS)

    def release(self) -> None:
        """The training in a program, beside which `ours` is put."""
        program = self.root / "program"
        if not program.exists():
            (program / "src").mkdir(parents=True)
            (program / "Cargo.toml").write_text(MANIFEST.format(repository=nb.REPOSITORY))
            shutil.copy(nb.REPOSITORY / "Cargo.lock", program)
            cell = CELLS["trains 15000 steps"]
            (program / "src" / "main.rs").write_text(PROGRAM.format(cell=cell))
        run = ["cargo", "run", "--release", "--quiet", "--offline"]
        environment = dict(os.environ, CARGO_TARGET_DIR=str(program / "target"))
        done = subprocess.run(run, cwd=program, env=environment, capture_output=True, text=True, check=True)
        self.note("15000 steps by themselves", "cargo run --release", float(done.stdout))

    def table(self) -> None:
        print(f"\n{'seconds, median (worst)':36}{'stock':>16}{'ours':>16}{'stock / ours':>14}")
        for what in dict.fromkeys(what for what, _ in self.times):
            columns = [self.times.get((what, kind), []) for kind in KINDS]
            shown = [f"{median(c):.2f} ({max(c):.2f})" if c else "" for c in columns]
            ratio = f"{median(columns[0]) / median(columns[1]):.1f}" if all(columns) else ""
            print(f"{what:36}{shown[0]:>16}{shown[1]:>16}{ratio:>14}")
            if other := self.times.get((what, "cargo run --release")):
                print(f"{'  the same by cargo run --release':36}{'':16}{median(other):>9.2f} ({max(other):.2f})")


def memory(process: int) -> float:
    """Returns the resident megabytes of a process and all that it has started."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listing.splitlines()]
    family, size = {process}, 0
    while len(family) > size:
        size = len(family)
        family |= {pid for pid, parent, _ in rows if parent in family}
    return sum(rss for pid, _, rss in rows if pid in family) / 1024


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
    paths = [] if names == ["no", "notebooks"] else [Path(name) for name in names] or sorted(nb.NOTEBOOKS.glob("*.ipynb"))
    launcher.prepare()
    with tempfile.TemporaryDirectory(prefix="zero-init-bench-") as temporary:
        bench = Bench(Path(temporary))
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for start in ("cold start", "warm start"):
                for kind in KINDS:
                    if start == "warm start" or drop_caches():
                        bench.session(kind, start)
            bench.release()
            for path in paths:
                for kind in KINDS:
                    bench.run_all(kind, path)
        bench.table()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
