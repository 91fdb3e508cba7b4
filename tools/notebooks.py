"""Executes the notebooks on the real kernel, and checks that what is committed is what runs.

Usage: notebooks.py [NOTEBOOK …]     executes each (default: notebooks/*.ipynb) and writes its outputs in place

The kernel answers `ok` to a cell that panicked or returned early through `?`; only its stderr shows it. And a line
may arrive after the cell's answer, when nbclient no longer listens. So this talks to the kernel itself.
"""

from __future__ import annotations

import base64
import json
import math
import os
import queue
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbformat import NotebookNode
from nbformat.v4 import new_output

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOKS = REPOSITORY / "notebooks"
KERNELS = REPOSITORY / ".venv" / "share" / "jupyter" / "kernels"

# Two shown numbers are the same if they differ by no more than this. Integers and zeros have to be the same exactly.
RELATIVE_TOLERANCE = 1e-9
ABSOLUTE_TOLERANCE = 1e-12

LONGEST_CELL = 15  # lines of code, blank ones not counted
FIRST_COUNT = 2  # evcxr numbers cells from here
CELL_SECONDS = 300  # a cell that takes longer is stuck
QUIET_SECONDS = 0.05  # after a cell's answer, wait until nothing has come for so long
RAISES = "raises-exception"

KERNELSPEC = {"display_name": "Rust", "language": "rust", "name": "rust"}
LANGUAGE = {  # what the kernel says of itself, so that saving in JupyterLab changes nothing
    "codemirror_mode": "rust",
    "file_extension": ".rs",
    "mimetype": "text/rust",
    "name": "Rust",
    "pygment_lexer": "rust",
    "version": "",
}
CELL_METADATA = {"tags", "nbgrader"}


class NotebookError(Exception):
    """A notebook is not good, and the message says where and why."""


# --- The kernel ------------------------------------------------------------------------------------------------------


class Kernel:
    """A running kernel that says which outputs belong to which cell."""

    def __init__(self, manager: KernelManager, log) -> None:
        self.manager = manager
        self.log = log
        self.client = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=CELL_SECONDS)

    def run(self, source: str) -> list[NotebookNode]:
        """Executes a cell and returns its outputs, in a stable order; a late one may be missing: see `settle`."""
        request = self.client.execute(source, store_history=True, allow_stdin=False)
        outputs: list[NotebookNode] = []
        deadline = time.monotonic() + CELL_SECONDS
        while not self._next_is_idle(request, outputs, deadline - time.monotonic()):
            pass
        self.client.get_shell_msg(timeout=CELL_SECONDS)
        self._drain(outputs)
        return tidy(outputs)

    def settle(self) -> list[NotebookNode]:
        """Returns what was still under way: each stream keeps its order, so what comes before the marks was earlier."""
        mark = f"settled-{time.monotonic_ns()}"
        request = self.client.execute(f'println!("{mark}"); eprintln!("{mark}");', allow_stdin=False)
        outputs: list[NotebookNode] = []
        deadline = time.monotonic() + CELL_SECONDS
        while not self._next_is_idle(request, outputs, deadline - time.monotonic()):
            pass
        self.client.get_shell_msg(timeout=CELL_SECONDS)
        while sum(output.get("text", "").count(mark) for output in outputs) < 2:
            if any(output.output_type == "error" for output in outputs) or time.monotonic() > deadline:
                raise NotebookError("the kernel does not take a line any more")
            self._next_is_idle(request, outputs, deadline - time.monotonic())
        for output in outputs:
            output["text"] = output["text"].replace(mark + "\n", "")
        return tidy([output for output in outputs if output["text"]])

    def _next_is_idle(self, request: str, outputs: list[NotebookNode], seconds: float) -> bool:
        """Reads one message; keeps it if it is an output; says whether it ends `request`."""
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.0, min(seconds, 2.0)))
                break
            except queue.Empty:
                seconds -= 2.0
                if not self.manager.is_alive():
                    self.log.seek(0)
                    raise NotebookError(f"the kernel ended; it said:\n{self.log.read()[-2000:]}") from None
                if seconds <= 0:
                    raise NotebookError(f"no end after {CELL_SECONDS} s") from None
        kind = message["msg_type"]
        if kind in ("stream", "error", "execute_result", "display_data"):
            outputs.append(nbformat.v4.output_from_msg(message))
        return (
            kind == "status"
            and message["content"]["execution_state"] == "idle"
            and message["parent_header"].get("msg_id") == request
        )

    def _drain(self, outputs: list[NotebookNode]) -> None:
        """Reads on until nothing has come for a moment."""
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=QUIET_SECONDS)
            except queue.Empty:
                return
            if message["msg_type"] in ("stream", "error", "execute_result", "display_data"):
                outputs.append(nbformat.v4.output_from_msg(message))


@contextmanager
def start_kernel(folder: Path, kernels: Path = KERNELS, environment: dict[str, str] | None = None) -> Iterator[Kernel]:
    """Runs the kernel `rust` of the folder `kernels` with `folder` as its working directory."""
    with tempfile.TemporaryDirectory(prefix="zero-init-") as temporary:
        specs = KernelSpecManager(kernel_dirs=[str(kernels)], ensure_native_kernel=False)
        manager = KernelManager(
            kernel_name="rust",
            kernel_spec_manager=specs,
            connection_file=str(Path(temporary) / "kernel.json"),  # and not in the user's own folder
        )
        with open(Path(temporary) / "log", "w+", encoding="utf-8", errors="replace") as log:
            variables = dict(os.environ, **(environment or {}))
            manager.start_kernel(cwd=str(folder), env=variables, stdout=subprocess.DEVNULL, stderr=log)
            kernel = None
            try:
                try:
                    kernel = Kernel(manager, log)
                except RuntimeError as error:
                    log.seek(0)
                    raise NotebookError(f"the kernel did not start: {error}\n{log.read()[-2000:]}") from None
                yield kernel
            finally:
                if kernel is not None:
                    kernel.client.stop_channels()
                manager.shutdown_kernel()


# --- Outputs ---------------------------------------------------------------------------------------------------------


def tidy(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Orders outputs as stdout, stderr, the rest, each stream in one piece: their order of arrival is chance."""
    tidied = []
    for name in ("stdout", "stderr"):
        text = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == name)
        if text:
            tidied.append(new_output("stream", name=name, text=stable(text)))
    for output in outputs:
        if output.output_type == "error":
            traceback = [stable(line) for line in output.traceback]
            tidied.append(new_output("error", ename=output.ename, evalue=output.evalue, traceback=traceback))
        elif output.output_type != "stream":
            tidied.append(new_output(output.output_type, data=output.data, metadata=output.metadata))
    return tidied


def stable(text: str) -> str:
    """Takes from the text of a failure what differs from run to run: the backtrace, the thread's number, positions."""
    text = re.sub(r"^stack backtrace:\n(?: .*\n)*(?:note: .*\n)?", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(thread '.*') \(\d+\) (panicked at) (?:ctx/)?src/lib\.rs:\d+:\d+", r"\1 \2 cell", text, flags=re.M)
    return re.sub(r"\bcommand_\d+\b", "command", text)


def kind(output: NotebookNode) -> str:
    """Names what an output is: `stdout`, `stderr`, `error`, or its mime types."""
    if output.output_type == "stream":
        return output.name
    if output.output_type == "error":
        return "error"
    return " + ".join(sorted(output.data))


def shown(output: NotebookNode) -> dict[str, str]:
    """Returns the texts of an output by kind or mime type."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": "\n".join([output.evalue, *output.traceback])}
    return {mime: data if isinstance(data, str) else json.dumps(data) for mime, data in output.data.items()}


NUMBER = re.compile(r"[-+\u2212]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def difference(expected: str, actual: str) -> str | None:
    """Says where two texts differ by more than a number's tolerance, or nothing."""
    for line, (left, right) in enumerate(zip(expected.split("\n"), actual.split("\n")), start=1):
        if left == right:
            continue
        numbers, others = NUMBER.findall(left), NUMBER.findall(right)
        if NUMBER.split(left) != NUMBER.split(right) or not all(map(same_number, numbers, others)):
            return f"line {line}: expected {excerpt(left)}, got {excerpt(right)}"
    if expected.count("\n") != actual.count("\n"):
        return f"expected {expected.count(chr(10)) + 1} lines, got {actual.count(chr(10)) + 1}"
    return None


def same_number(expected: str, actual: str) -> bool:
    """Compares two numbers as written."""
    if expected == actual:
        return True
    if not all(re.search(r"[.eE]", text) for text in (expected, actual)):
        return False
    left, right = (float(text.replace("\u2212", "-")) for text in (expected, actual))
    if left == 0.0 or right == 0.0:
        return False
    return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)


def svg_difference(expected: str, actual: str) -> str | None:
    """Compares two pictures by size, elements and labels."""
    roots = []
    for name, text in (("the committed picture", expected), ("the picture", actual)):
        try:
            roots.append(ElementTree.fromstring(text))
        except ElementTree.ParseError as error:
            return f"{name} is not well-formed XML: {error}"
        if not roots[-1].tag.endswith("svg"):
            return f"{name} is not SVG but <{roots[-1].tag}>"
    for attribute in ("width", "height", "viewBox"):
        left, right = (root.get(attribute) for root in roots)
        if left != right:
            return f"expected {attribute} {left}, got {right}"
    left, right = ([element.tag for element in root.iter()] for root in roots)
    if len(left) != len(right):
        return f"expected {len(left)} elements, got {len(right)}"
    left, right = ("\n".join(piece.strip() for piece in root.itertext() if piece.strip()) for root in roots)
    return difference(left, right)


EMBEDDED = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]*)")


def html_difference(expected: str, actual: str) -> str | None:
    """Compares two pieces of HTML as texts, and the pictures in them as pictures."""
    if problem := difference(EMBEDDED.sub("", expected), EMBEDDED.sub("", actual)):
        return problem
    left, right = ([base64.b64decode(data).decode() for data in EMBEDDED.findall(text)] for text in (expected, actual))
    if len(left) != len(right):
        return f"expected {len(left)} pictures, got {len(right)}"
    return next(filter(None, map(svg_difference, left, right)), None)


def compare(expected: list[NotebookNode], actual: list[NotebookNode]) -> list[str]:
    """Lists how a cell's outputs differ from the committed ones."""
    left, right = [kind(output) for output in expected], [kind(output) for output in actual]
    if left != right:
        texts = "; ".join(f"{kind(o)}: {excerpt(next(iter(shown(o).values()), ''))}" for o in actual)
        return [f"expected {', '.join(left) or 'no output'}; got {', '.join(right) or 'no output'}"
                + (f" ({texts})" if texts else "")]
    found = []
    for one, other in zip(map(shown, expected), map(shown, actual)):
        for mime in one:
            how = {"image/svg+xml": svg_difference, "text/html": html_difference}.get(mime, difference)
            if problem := how(one[mime], other[mime]):
                found.append(f"{mime}: {problem}")
    return found


def excerpt(text: str, length: int = 160) -> str:
    """Quotes the beginning of a text on one line."""
    return repr(text if len(text) <= length else text[:length] + "…")


# --- What makes a cell good ------------------------------------------------------------------------------------------


def failures(cell: NotebookNode, outputs: list[NotebookNode]) -> list[str]:
    """Lists errors in a cell that should have none, or their lack in a cell that should have one."""
    failed = [output for output in outputs if kind(output) in ("stderr", "error")]
    if RAISES in cell.metadata.get("tags", []):
        return [] if failed else [f"tagged {RAISES}, and it fails in no way"]
    return [f"{kind(output)}: {excerpt(shown(output)[kind(output)].strip(), 400)}" for output in failed]


# Besides the folders of this machine, those where others have theirs.
MACHINE_PATHS = re.compile(
    "|".join(
        [re.escape(str(path)) for path in (Path.home(), REPOSITORY, Path(tempfile.gettempdir())) if len(str(path)) > 1]
        + [r"/(?:home|Users|root|tmp|var/folders)/\w", r"\b[A-Z]:\\+Users\\"]
    )
)


def paths(outputs: list[NotebookNode]) -> list[str]:
    """Lists outputs that name a folder of the machine they were made on."""
    found = []
    for output in outputs:
        for mime, text in shown(output).items():
            if match := MACHINE_PATHS.search(text):
                found.append(f"{mime} has a path of this machine: {excerpt(text[match.start():], 80)}")
    return found


def place(name: str, cell: NotebookNode, number: int) -> str:
    """Names a cell as a reader finds it: by its number in JupyterLab and its first line."""
    first = cell.source.strip().split("\n")[0] if cell.source.strip() else "(empty)"
    return f"{name}, cell [{number + FIRST_COUNT}] `{first}`"


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def check_as_committed(name: str, notebook: NotebookNode) -> list[str]:
    """Lists what is wrong with a notebook as it lies there, without running it."""
    found = []
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        found.append(f"{name}: not a valid notebook: {error.message}")
    if clean(notebook) != notebook:
        found.append(f"{name}: metadata differs from what `make notebooks` writes")
    if not code_cells(notebook):
        found.append(f"{name}: no code cell")
    for number, cell in enumerate(code_cells(notebook)):
        problems = failures(cell, tidy(cell.outputs)) + paths(cell.outputs)
        if cell.execution_count != number + FIRST_COUNT:
            problems.append(f"not committed as run from top to bottom: its count is {cell.execution_count}")
        shows = [output.data for output in cell.outputs if "data" in output]
        if any(set(data) == {"text/plain"} and data["text/plain"].startswith("Figure:") for data in shows):
            problems.append("shows the words of a figure in place of the figure: a `let … ?` in an earlier cell helps")
        lines = sum(1 for line in cell.source.splitlines() if line.strip())
        if not 1 <= lines <= LONGEST_CELL:
            problems.append(f"has {lines} lines of code, and 1 to {LONGEST_CELL} are allowed")
        found += [f"{place(name, cell, number)}: {problem}" for problem in problems]
    return found


def check_run(
    name: str,
    notebook: NotebookNode,
    kernel: Kernel,
    times: int = 1,
    after: Callable[[NotebookNode], None] = lambda cell: None,
) -> list[str]:
    """Runs each cell so many times in a row, calls `after`, and lists where an output is not the committed one."""
    found = []
    for number, cell in enumerate(code_cells(notebook)):
        expected = tidy(cell.outputs)
        for time_run in range(times):
            again = " (run again)" if time_run else ""
            where = place(name, cell, number) + again
            try:
                outputs = kernel.run(cell.source)
                last = number == len(code_cells(notebook)) - 1 and time_run == times - 1
                if last or compare(expected, outputs) or failures(cell, outputs):
                    outputs = tidy(outputs + kernel.settle())  # nothing late is missed
            except NotebookError as error:
                return [*found, f"{where}: {error}"]
            problems = failures(cell, outputs) or compare(expected, outputs)
            found += [f"{where}: {problem}" for problem in problems + paths(outputs)]
        after(cell)
    return found


# --- Writing ---------------------------------------------------------------------------------------------------------


def clean(notebook: NotebookNode) -> NotebookNode:
    """Returns a copy with the metadata that is committed, and no other."""
    copy = nbformat.from_dict(json.loads(json.dumps(notebook)))
    copy.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    copy.nbformat, copy.nbformat_minor = 4, 5
    ids: set[str] = set()
    for number, cell in enumerate(copy.cells, start=1):
        if cell.get("id", "") in ids | {""}:
            cell.id = f"cell-{number}"
        ids.add(cell.id)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in CELL_METADATA})
    return copy


def execute(name: str, notebook: NotebookNode, kernel: Kernel) -> NotebookNode:
    """Returns the notebook as "restart and run all" makes it; stops at the first cell that is not good."""
    executed = clean(notebook)
    for number, cell in enumerate(code_cells(executed)):
        try:
            outputs = tidy(kernel.run(cell.source) + kernel.settle())
        except NotebookError as error:
            raise NotebookError(f"{place(name, cell, number)}: {error}") from None
        if problems := failures(cell, outputs) + paths(outputs):
            raise NotebookError(f"{place(name, cell, number)}: {problems[0]}")
        cell.execution_count = number + FIRST_COUNT
        for output in outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
        cell.outputs = outputs
    return executed


def main(arguments: list[str]) -> int:
    names = [Path(argument) for argument in arguments] or sorted(NOTEBOOKS.glob("*.ipynb"))
    if not names:
        print(f"There is no notebook in {NOTEBOOKS}.", file=sys.stderr)
        return 1
    bad = 0
    for path in names:
        try:
            with start_kernel(path.resolve().parent) as kernel:
                executed = execute(path.name, read(path), kernel)
        except (NotebookError, OSError, nbformat.reader.NotJSONError) as error:
            print(f"{error}\n{path.name} is left as it was.", file=sys.stderr)
            bad += 1
            continue
        text = nbformat.writes(executed) + "\n"
        same = path.read_text(encoding="utf-8") == text
        if not same:
            path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(code_cells(executed))} cells run, {'nothing new' if same else 'written'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
