"""The judge of an assignment: a program made of the checks of its source notebook, in which no student's code runs.

Where a check calls a function that the student writes, the judge calls a stand-in, which asks the student's process.
"""

import hashlib
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
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
zero-init = {{ path = {crate} }}
exercise = {{ path = {exercise}, features = ["zero-init"] }}

[profile.dev]
opt-level = 2
debug = false

[workspace]
"""

PROGRAM = """\
#![allow(unused)]
{imports}
{stand_ins}
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


@dataclass
class Judge:
    """The compiled program, and the signatures of the functions that each check uses, by its grade id."""

    program: Path
    used: dict[str, list[str]]


def read(source: NotebookNode) -> Assignment:
    """The assignment of a source notebook."""
    signatures, checks, setup = {}, {}, []
    for cell in source.cells:
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


def announced(check: str) -> str:
    """A check that says where its hidden parts begin and end."""
    check = re.sub(r"^.*BEGIN HIDDEN TESTS.*$", r"\g<0>\n::exercise::hidden(true);", check, flags=re.MULTILINE)
    return re.sub(r"^.*END HIDDEN TESTS.*$", r"::exercise::hidden(false);\n\g<0>", check, flags=re.MULTILINE)


def code_of(assignment: Assignment, stand_ins: bool = True) -> str:
    """The judge's source. Without the stand-ins, a check that uses a student's function does not compile."""
    lines = [line for source in assignment.setup for line in source.splitlines() if not line.startswith(":")]
    imports = [line for line in lines if line.startswith("use ")]
    setup = "\n".join(line for line in lines if not line.startswith("use "))
    # What shows failures in a notebook, in colours, is taken off: the judge only says what they are.
    setup += "\nstd::panic::set_hook(Box::new(|_| ()));"
    checks = "\n".join(
        f"fn check_{number}() -> exercise::Outcome {{\n{setup}\n{announced(source)}\n;Ok(())\n}}"
        for number, source in enumerate(assignment.checks.values())
    )
    table = ", ".join(f'("{name}", check_{number})' for number, name in enumerate(assignment.checks))
    asked = f"exercise::ask!({', '.join(assignment.signatures.values())});" if stand_ins else ""
    return PROGRAM.format(imports="\n".join(imports), stand_ins=asked, checks=checks, table=table)


def compile_program(code: str) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Has cargo compile a program (at once, if it is up to date). It is known by its source, whatever it is called."""
    lock = (REPOSITORY / "Cargo.lock").read_text(encoding="utf-8")
    package = "judge-" + hashlib.sha256(f"{lock}{code}".encode()).hexdigest()[:16]
    folder = REPOSITORY / "target/judges" / package
    if not (folder / "src/main.rs").exists():
        (folder / "src").mkdir(parents=True, exist_ok=True)
        crate, exercise = (json.dumps(str(path), ensure_ascii=False) for path in (REPOSITORY, EXERCISE))
        manifest = MANIFEST.format(package=package, crate=crate, exercise=exercise)
        for path, text in (("Cargo.toml", manifest), ("Cargo.lock", lock), ("src/main.rs", code)):
            part = folder / f"{path}.{os.getpid()}"  # several processes may do this at once
            part.write_text(text, encoding="utf-8")
            part.replace(folder / path)
    target = REPOSITORY / "target/judges/target"
    # The assignment's first cell does not compile where this variable is missing (tools/kernel.py sets it).
    environment = dict(os.environ, ZERO_INIT_KERNEL="judge")
    command = ["cargo", "build", "--quiet", "--offline", "--message-format=json", "--target-dir", str(target)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return target / "debug" / package, done


def errors_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The compiler's errors."""
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        message["message"]
        for message in messages
        if message["reason"] == "compiler-message" and message["message"]["level"] == "error"
    ]


def functions_used(assignment: Assignment) -> dict[str, list[str]]:
    """The functions that each check calls, or passes on as values: those that the compiler misses without stand-ins."""
    code = code_of(assignment, stand_ins=False)
    lines = code.splitlines()
    names = list(assignment.checks)
    used: dict[str, set[str]] = {name: set() for name in names}
    for error in errors_of(compile_program(code)[1]):
        missing = re.match(r"cannot find (?:function|value) `(\w+)` in this scope", error["message"])
        if missing and missing[1] in assignment.signatures:
            before = lines[: error["spans"][0]["line_start"]]
            number = next(found[1] for line in reversed(before) if (found := re.match(r"fn check_(\d+)\(\)", line)))
            used[names[int(number)]].add(missing[1])
    return {
        name: [signature for function, signature in assignment.signatures.items() if function in used[name]]
        for name in names
    }


def build(assignment: Assignment, name: str) -> Judge:
    """Compiles the judge. Assignments share one only if their checks are the same."""
    program, done = compile_program(code_of(assignment))
    if done.returncode != 0:
        said = "\n".join(error["rendered"] for error in errors_of(done)) or done.stderr
        raise JudgeError(f"the checks of {name} do not compile:\n{said}")
    record = REPOSITORY / "target/judges" / program.name / "used.json"
    if not record.exists():
        part = record.with_name(f"used.json.{os.getpid()}")
        part.write_text(json.dumps(functions_used(assignment)), encoding="utf-8")
        part.replace(record)
    return Judge(program, json.loads(record.read_text(encoding="utf-8")))
