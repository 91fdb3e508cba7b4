"""One submission is a function: the notebook's bytes and the assignment go in; points, words and pages come out.

Each is computed by this program in a process of its own, which writes nothing but its answer: so a submission can end
its own grading at worst, and any number of machines can share the work.

Usage: one.py {grade,page} < QUESTION > ANSWER      (both are JSON)
"""

import base64
import dataclasses
import functools
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "tools")]

import kernel  # noqa: E402
import kernel_client  # noqa: E402

MEMORY = 4 * 1024**3  # bytes of address space while what a student wrote is read, or made into a page
READ_SECONDS = 60  # seconds of computing for reading a file
PAGE_SECONDS = 120  # seconds of computing for a page


class NoAnswerError(Exception):
    """The process ended without an answer: its limits stopped it, or something else did."""


def ask(function: str, question: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Computes one of the functions in a process of its own, and gives it up after this time."""
    command = [sys.executable, __file__, function]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            said, errors = process.communicate(json.dumps(question).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            raise NoAnswerError(f"it had not ended after {seconds:.0f} s") from None
        finally:
            process.kill()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        ended = f"its process ended with {process.returncode}"
        raise NoAnswerError(f"{ended}: {lines[-1][:300]}" if lines else ended)
    answer = json.loads(said)
    assert isinstance(answer, dict)
    return answer


def limit(memory: int, seconds: int = resource.RLIM_INFINITY) -> None:
    """What this process may use from now on."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


@functools.cache
def machinery() -> str:
    """A hash of the files that grade, and of the crates. Where they lie makes no difference."""
    files = sorted(path for path in HERE.iterdir() if path.is_file())
    files += [*kernel.inputs(), Path(kernel_client.__file__)]
    parts = (hashlib.sha256(path.read_bytes()).digest() for path in files if path.is_file())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def grade(question: dict[str, Any]) -> dict[str, Any]:
    """Grades a submission: the texts of the source and the release, and the bytes that were handed in, go in.

    The graded notebook comes out, with the verdict on each check, the seconds it took, and whether it may have been too
    slow only because the machine was busy.
    """
    import nbformat  # noqa: PLC0415  only where it is used: a page needs less

    import handed_in  # noqa: PLC0415
    from grader import Grader  # noqa: PLC0415
    from sandbox import Limits  # noqa: PLC0415

    began = time.monotonic()
    if question["machinery"] != machinery():
        sys.exit("this machine has another version of what grades")
    limit(MEMORY, READ_SECONDS)
    source = nbformat.reads(question["source"], as_version=4)
    release = nbformat.reads(question["release"], as_version=4)
    notebook, remark = handed_in.read(base64.b64decode(question["submission"]))
    notebook.cells = handed_in.reconciled(notebook.cells, handed_in.marked_cells(source, release))
    limit(resource.RLIM_INFINITY)  # it would hold for the student's processes, which have limits of their own
    os.environ["ZERO_INIT_SECRET"] = question["secret"]  # for the judge
    limits = Limits(**question["limits"])
    graded = Grader(source, question["name"], limits, question["isolated"], question["hide"]).grade(notebook.cells)
    graded.write_into(notebook.cells)
    return {
        "notebook": nbformat.writes(notebook),
        "remark": remark,
        "tasks": {name: dataclasses.asdict(verdict) for name, verdict in graded.verdicts.items()},
        "seconds": time.monotonic() - began,
        "cpu": graded.used.cpu,
        "memory": graded.used.memory,
        "again": graded.waited,
    }


def page(question: dict[str, Any]) -> dict[str, Any]:
    """Makes the page that a student gets back, of a graded notebook with its points and comments."""
    import nbformat  # noqa: PLC0415

    import pages  # noqa: PLC0415

    limit(MEMORY, PAGE_SECONDS)
    known = {"nbgrader": question["known"]}
    notebook, _ = pages.HideFromStudents().preprocess(nbformat.reads(question["notebook"], as_version=4), known)
    return {"page": pages.feedback(notebook, known)}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)  # what a library prints is not taken for the answer
    os.dup2(2, 1)
    answer = {"grade": grade, "page": page}[sys.argv[1]](json.load(sys.stdin))
    with os.fdopen(answers, "w", encoding="utf-8") as output:
        json.dump(answer, output)
