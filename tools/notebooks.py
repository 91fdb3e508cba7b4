"""Executes the notebooks on the real kernel, and checks that what is committed is what runs.

Usage: notebooks.py [NOTEBOOK …]     executes each (default: notebooks/*.ipynb) and writes its outputs in place

The kernel answers `ok` to a cell that panicked or returned early through `?`; only its stderr shows it. nbclient stops
listening before that has come, so this uses a client of its own: see kernel_client.py.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from kernel_client import Kernel, KernelError, start_kernel
from outputs import compare, excerpt, kind, texts_of, tidy

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOKS = REPOSITORY / "notebooks"

LONGEST_CELL = 15  # lines of code, blank ones not counted
FIRST_COUNT = 2  # evcxr numbers cells from here
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


# --- What makes a cell good ------------------------------------------------------------------------------------------


def failures(cell: NotebookNode, outputs: list[NotebookNode]) -> list[str]:
    """Lists errors in a cell that should have none, or their lack in a cell that should have one."""
    failed = [output for output in outputs if kind(output) in ("stderr", "error")]
    if RAISES in cell.metadata.get("tags", []):
        return [] if failed else [f"tagged {RAISES}, and it fails in no way"]
    return [f"{kind(output)}: {excerpt(texts_of(output)[kind(output)].strip(), length=400)}" for output in failed]


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
        for mime, text in texts_of(output).items():
            if match := MACHINE_PATHS.search(text):
                found.append(f"{mime} has a path of this machine: {excerpt(text, match.start(), 80)}")
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
    between: Callable[[NotebookNode], None] = lambda cell: None,
) -> list[str]:
    """Runs each cell so many times in a row, and lists where an output is not the committed one.

    `between` is called before the last time: whatever it runs, the cell must then give what is committed.

    A cell that has shown its result has not failed, so what it may print late is not waited for: it is found later.
    """
    found: list[str] = []
    cells = code_cells(notebook)
    for number, cell in enumerate(cells):
        expected = tidy(cell.outputs)
        for time_run in range(times):
            if time_run == times - 1:
                between(cell)
            where = place(name, cell, number) + (" (run again)" if time_run else "")
            try:
                printed = kernel.execute(cell.source)
                outputs = tidy(printed)
                is_last = number == len(cells) - 1 and time_run == times - 1
                has_result = any(output.output_type == "execute_result" for output in outputs)
                if is_last or not has_result or compare(expected, outputs) or failures(cell, outputs):
                    # Tidied as a whole, since a failure's text may have come in pieces.
                    outputs = tidy([*printed, *kernel.rest()])
            except KernelError as error:
                return [*found, f"{where}: {error}"]
            problems = failures(cell, outputs) or compare(expected, outputs)
            found += [f"{where}: {problem}" for problem in problems + paths(outputs)]
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
            outputs = tidy(kernel.run(cell.source))
        except KernelError as error:
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
        if not path.is_file():
            print(f"there is no notebook {path}", file=sys.stderr)
            bad += 1
            continue
        try:
            with start_kernel(path.resolve().parent) as kernel:
                executed = execute(path.name, read(path), kernel)
        except (NotebookError, KernelError, OSError, nbformat.reader.NotJSONError) as error:
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
