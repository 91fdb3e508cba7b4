"""One submission is a function: the notebook's bytes and the assignment go in; points, words and pages come out.

Each is computed in a process of its own, which writes nothing but its answer: so a submission can end its own grading
at worst, and any number of machines can share the work. This program only loads the libraries, which takes longer than
most answers, and makes these processes, one after the other, as copies of itself.

Usage: one.py < QUESTIONS > ANSWERS

A question is a line of JSON, the name of the function and what it is asked. Two lines come back: the answer, and how
its process ended (its exit code, and the last that it said).
"""

import base64
import dataclasses
import functools
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "tools")]

import kernel  # noqa: E402
import kernel_client  # noqa: E402

MEMORY = 4 * 1024**3  # bytes of address space while what a student wrote is read, or made into a page
READ_SECONDS = 60  # seconds of computing for reading a file
PAGE_SECONDS = 120  # seconds of computing for a page


class NoAnswerError(Exception):
    """The process ended without an answer: its limits stopped it, or something else did."""


class Server:
    """This program, answering the questions of one thread; started when it is needed."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, question: bytes, seconds: float) -> tuple[bytes, dict[str, Any]]:
        """The answer, and how its process ended. If none comes, the next question starts the program anew."""
        if self.process is None:
            self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process, late = self.process, threading.Event()
        assert process.stdin and process.stdout

        def give_up() -> None:
            late.set()
            end(process.pid)

        timer = threading.Timer(seconds, give_up)
        timer.start()
        try:
            process.stdin.write(question + b"\n")
            process.stdin.flush()
            return process.stdout.readline(), json.loads(process.stdout.readline())
        except (OSError, ValueError):
            self.process = None
            end(process.pid)
            code = process.wait()
            why = f"it had not ended after {seconds:.0f} s" if late.is_set() else f"its process ended with {code}"
            raise NoAnswerError(why) from None
        finally:
            timer.cancel()


def end(process: int) -> None:
    """Ends a process and those that it has started."""
    with suppress(psutil.NoSuchProcess):
        found = psutil.Process(process)
        for one in [found, *found.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                one.kill()


mine = threading.local()


def ask(function: str, question: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Computes one of the functions in a process of its own, and gives it up after this time."""
    if not hasattr(mine, "server"):
        mine.server = Server()
    said, ended = mine.server.ask(json.dumps([function, question]).encode(), seconds)
    if ended["code"]:
        words = f": {ended['said']}" if ended["said"] else ""
        raise NoAnswerError(f"its process ended with {ended['code']}{words}")
    answer = json.loads(said)
    assert isinstance(answer, dict)
    return answer


def limit(memory: int, seconds: int = resource.RLIM_INFINITY) -> None:
    """What this process may use from now on; less if it was given less (`ulimit -v`), which it cannot raise."""
    for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        given = resource.getrlimit(what)[1]
        known = [number for number in (most, given) if number != resource.RLIM_INFINITY]
        resource.setrlimit(what, (min(known, default=resource.RLIM_INFINITY), given))


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
    notebook, remark = handed_in.read(base64.b64decode(question["submission"]), question["remark"])
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


def compute(line: bytes, answers: int, said: int) -> NoReturn:
    """Answers one question, and ends this process. What a library prints is not taken for the answer."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), said, said)):
            os.dup2(file, number)
        function, question = json.loads(line)
        answer = {"grade": grade, "page": page}[function](question)
        with os.fdopen(answers, "w", encoding="utf-8") as output:
            json.dump(answer, output)
        code = 0
    except SystemExit as error:
        print(error, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import grader  # noqa: F401, PLC0415
    import pages  # noqa: F401, PLC0415

    machinery()
    answers = os.dup(1)
    for line in sys.stdin.buffer:
        with tempfile.TemporaryFile() as said:
            process = os.fork() or compute(line, answers, said.fileno())
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            size = said.seek(0, os.SEEK_END)
            said.seek(max(0, size - 10_000))
            lines = said.read().decode(errors="replace").split("\n")
        last = next((text.strip()[:300] for text in reversed(lines) if text.strip()), "")
        with os.fdopen(os.dup(answers), "w", encoding="utf-8") as output:
            output.write("\n" + json.dumps({"code": code, "said": last if code else ""}) + "\n")


if __name__ == "__main__":
    main()
