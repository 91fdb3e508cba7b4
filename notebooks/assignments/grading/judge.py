"""The judge of an assignment: a program made of the checks of its source notebook, in which no student's code runs.

Where a check calls a function that the student writes, the judge calls a stand-in, which asks the student's process.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader import utils

REPOSITORY = Path(__file__).resolve().parents[3]
EXERCISE = REPOSITORY / "notebooks/assignments/exercise"
SOLUTION = re.compile(r"^[^\n]*BEGIN SOLUTION.*?END SOLUTION[^\n]*$", re.MULTILINE | re.DOTALL)
SIGNATURE = re.compile(r"^(?:pub )?(fn (\w+)\(([^{]*)\)\s*->\s*[^{]+?)\s*\{", re.MULTILINE)

MANIFEST = """\
[package]
name = "{package}"
version = "0.0.0"
edition = "2024"

[dependencies]
zero-init = {{ path = '{repository}' }}
exercise = {{ path = '{exercise}', features = ["zero-init"] }}

[profile.dev]
opt-level = 2
debug = false

[workspace]
"""

PROGRAM = """\
#![allow(unused)]
{imports}
exercise::ask!({signatures});
{checks}
fn main() -> std::process::ExitCode {{
    exercise::judge(&[{table}])
}}
"""


class JudgeError(Exception):
    """The source notebook cannot be made into a judge: its author has to correct it."""


@dataclass
class Assignment:
    """What a source notebook asks for: signatures by function name, checks by grade id, and the cells that set up."""

    signatures: dict[str, str]
    checks: dict[str, str]
    setup: list[str]

    def functions_of(self, check: str) -> list[str]:
        """The signatures of the functions that a check calls."""
        code = re.sub(r'"(?:[^"\\]|\\.)*"|//[^\n]*', "", self.checks[check])
        called = set(re.findall(r"(?<![\w:.])(\w+)\s*\(", code))
        return [signature for name, signature in self.signatures.items() if name in called]


def read(notebook: Path) -> Assignment:
    """The assignment of a source notebook."""
    signatures, checks, setup = {}, {}, []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != "code" or "nbgrader" not in cell.metadata:
            continue
        if utils.is_solution(cell):
            given = SOLUTION.sub("", cell.source)
            for signature, name, _ in SIGNATURE.findall(given):
                signatures[name] = re.sub(r"\s+", " ", signature).replace(", )", ")")
        elif utils.is_grade(cell):
            checks[cell.metadata.nbgrader["grade_id"]] = cell.source
        elif utils.is_locked(cell):
            setup.append(cell.source)
    return Assignment(signatures, checks, setup)


def program(assignment: Assignment) -> str:
    """The judge's source."""
    lines = [line for source in assignment.setup for line in source.splitlines() if not line.startswith(":")]
    imports = [line for line in lines if line.startswith("use ")]
    setup = "\n".join(line for line in lines if not line.startswith("use "))
    # What shows failures in a notebook, in colours, is taken off: the judge only says what they are.
    setup += "\nstd::panic::set_hook(Box::new(|_| ()));"
    checks = "\n".join(
        f"fn check_{number}() -> exercise::Outcome {{\n{setup}\n{source}\n;Ok(())\n}}"
        for number, source in enumerate(assignment.checks.values())
    )
    table = ", ".join(f'("{name}", check_{number})' for number, name in enumerate(assignment.checks))
    return PROGRAM.format(
        imports="\n".join(imports), signatures=", ".join(assignment.signatures.values()), checks=checks, table=table
    )


def build(assignment: Assignment, name: str) -> Path:
    """Compiles the judge (at once, if it is up to date) and returns the program's path."""
    package = "judge-" + re.sub(r"[^a-z0-9]+", "-", name.lower())
    folder = REPOSITORY / "target/judges" / package
    (folder / "src").mkdir(parents=True, exist_ok=True)
    files = {
        "Cargo.toml": MANIFEST.format(package=package, repository=REPOSITORY, exercise=EXERCISE),
        "src/main.rs": program(assignment),
    }
    for path, text in files.items():
        if not (folder / path).exists() or (folder / path).read_text(encoding="utf-8") != text:
            (folder / path).write_text(text, encoding="utf-8")
    if not (folder / "Cargo.lock").exists():
        shutil.copy(REPOSITORY / "Cargo.lock", folder / "Cargo.lock")
    target = REPOSITORY / "target/judges/target"
    # The assignment's first cell does not compile where this variable is missing (tools/kernel.py sets it).
    environment = dict(os.environ, ZERO_INIT_KERNEL="judge")
    command = ["cargo", "build", "--quiet", "--offline", "--target-dir", str(target)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise JudgeError(f"the checks of {name} do not compile:\n{done.stderr}")
    return target / "debug" / package
