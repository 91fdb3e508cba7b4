"""What nbgrader calls instead of its own steps, which trust a submission; nbgrader_config.py names them.

`Submission` reads any file at all as a notebook, `Reconcile` gives it the cells of the release, `Grade` runs and judges
it. The rest of nbgrader (gradebook, late penalties, feedback, the formgrader page) works on the outcome as ever.
"""

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Bool, Float, Int

from grader import Grader, Verdict
from kernel_client import CELL_SECONDS, CellTooSlowError, start_kernel
from sandbox import Limits

LARGEST_FILE = 10_000_000
RUST = {"name": "rust", "file_extension": ".rs", "mimetype": "text/rust", "pygments_lexer": "rust"}
MAKERS = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


def text_of(source: str | list[Any]) -> str:
    """A cell's source, which a notebook file may hold as lines."""
    return source if isinstance(source, str) else "".join(line for line in source if isinstance(line, str))


def clean_cell(cell: Any) -> NotebookNode | None:
    """A new cell with what a submission may say: text, and the mark by which nbgrader knows it. None if it is none."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in MAKERS:
        return None
    if not isinstance(cell.get("source"), (str, list)):
        return None
    clean = MAKERS[cell["cell_type"]](text_of(cell["source"]))
    metadata = cell.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(mark, dict) and isinstance(mark.get("grade_id"), str):
        clean.metadata.nbgrader = {"grade_id": mark["grade_id"]}
    return clean


def read_submission(path: Path) -> NotebookNode:
    """The notebook of any file at all, without what it claims about itself; what could not be used is said on top."""
    complaints, cells = [], []
    try:
        if path.is_symlink() or not path.is_file():
            raise ValueError("it is a link or a folder, not a file")
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it has {path.stat().st_size} bytes, and at most {LARGEST_FILE} are read")
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise ValueError("it is empty")
        found = json.loads(text)
        if isinstance(found, dict) and "worksheets" in found:
            found = nbformat.reads(text, as_version=4)
        if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
            raise ValueError("it has no cells")
        cells = [clean_cell(cell) for cell in found["cells"]]
        if None in cells:
            complaints.append(f"{cells.count(None)} of its cells were damaged and are left out.")
            cells = [cell for cell in cells if cell is not None]
    except Exception as error:  # whatever a file can do to the libraries that read it
        complaints.append(
            f"The submitted file is not a notebook: {error or type(error).__name__}. "
            "It counts as one in which nothing is done."
        )
    if complaints:
        cells.insert(0, new_markdown_cell("**" + " ".join(complaints) + "**"))
    return new_notebook(cells=cells, metadata={"language_info": RUST})


class Submission(NotebookExporter):
    """Reads a submission, whatever the file holds."""

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        assert self.parent is not None
        course = self.parent.coursedir
        submitted = os.path.abspath(os.path.join(course.root, course.submitted_directory))
        # What an earlier step wrote is a notebook; what a student sent need not be one.
        if Path(os.path.abspath(filename)).is_relative_to(submitted):
            notebook = io.StringIO(nbformat.writes(read_submission(Path(filename))))
            return self.from_file(notebook, resources=resources, **kwargs)
        return super().from_filename(filename, resources=resources, **kwargs)


class Reconcile(NbGraderPreprocessor):
    """Gives a submission every cell of the release that it has lost, and each of them its own mark and points."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        known = resources["nbgrader"]
        with Gradebook(known["db_url"]) as gradebook:
            source = gradebook.find_notebook(known["notebook"], known["assignment"])
            points = {cell.name: cell.max_score for cell in [*source.grade_cells, *source.task_cells]}
            solutions = {cell.name for cell in source.solution_cells}
            tasks = {cell.name for cell in source.task_cells}
            release = [(cell.name, self._marked(cell, points, solutions, tasks)) for cell in source.source_cells]
        nb.cells = reconciled(nb.cells, release)
        return nb, resources

    @staticmethod
    def _marked(cell: Any, points: dict[str, float], solutions: set[str], tasks: set[str]) -> NotebookNode:
        marked = MAKERS[cell.cell_type](cell.source)
        task = cell.name in tasks
        marked.metadata.nbgrader = {
            "grade_id": cell.name,
            "schema_version": 3,
            "grade": cell.name in points and not task,
            "task": task,
            "solution": cell.name in solutions,
            "locked": cell.locked,
            "checksum": cell.checksum,
            "cell_type": cell.cell_type,
        }
        if cell.name in points:
            marked.metadata.nbgrader.points = points[cell.name]
        return marked


def reconciled(cells: list[NotebookNode], release: list[tuple[str, NotebookNode]]) -> list[NotebookNode]:
    """The submitted cells with those of the release in place.

    A locked cell is as released; of several copies of an editable one, the last counts. Of the missing ones, a check
    comes after the solution that it checks, or else last; any other cell after the one that it follows in the release;
    a solution does not come back, since its empty function would replace one that the student has elsewhere. All other
    cells of the student stay where they are, without a mark.
    """
    positions: dict[str, int] = {}
    names = {name for name, _ in release}
    for position, cell in enumerate(cells):
        name = cell.metadata.pop("nbgrader", {}).get("grade_id")
        if name in names:
            positions[name] = position
    after: dict[int, list[NotebookNode]] = {}  # the missing cells, by the position that they come after
    last: list[NotebookNode] = []  # the missing cells that come last
    previous = -1
    solution: int | None = None
    for name, cell in release:
        mark, found = cell.metadata.nbgrader, positions.get(name)
        if mark["solution"]:
            solution = found
        if found is not None:
            if not mark["locked"] and cells[found].cell_type == cell.cell_type:
                cell.source = cells[found].source
            cells[found] = cell
            previous = found
        elif mark["grade"]:
            (last if solution is None else after.setdefault(solution, [])).append(cell)
        elif not mark["solution"]:
            after.setdefault(previous, []).append(cell)
    result = after.get(-1, [])
    for position, cell in enumerate(cells):
        result = [*result, cell, *after.get(position, [])]
    return result + last


class Grade(NbGraderPreprocessor):
    """Runs a submission in the sandbox; a check's cell has its points only if the judge says that it is passed."""

    sandbox = Bool(True, help="Whether student code runs in bubblewrap; without it, it can do what you can.").tag(
        config=True
    )
    cell_seconds = Float(30.0, help="Seconds that a cell may take, compilation included.").tag(config=True)
    check_seconds = Float(20.0, help="Seconds that the calls of one check may take.").tag(config=True)
    submission_seconds = Float(600.0, help="Seconds that a whole submission may take.").tag(config=True)
    memory_bytes = Int(2 * 1024**3, help="Memory that a submission may use, its files included.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        known = resources["nbgrader"]
        source = Path("source", known["assignment"], known["notebook"] + ".ipynb")
        limits = Limits(self.cell_seconds, self.check_seconds, self.submission_seconds, self.memory_bytes)
        graded = Grader(source, limits, self.sandbox).grade(nb.cells)
        for position, cell in enumerate(nb.cells):
            if cell.cell_type != "code":
                continue
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in graded.verdicts:
                cell.outputs = [output_of(graded.verdicts[name])]
            else:
                cell.outputs = [
                    new_output("stream", name=stream, text=text) for stream, text in graded.outputs.get(position, [])
                ]
        return nb, resources


def output_of(verdict: Verdict) -> NotebookNode:
    """A verdict, as nbgrader reads it: an error is no point, its absence all."""
    if verdict.passed:
        return new_output("stream", name="stdout", text="passed\n")
    return new_output("error", ename="Not passed", evalue=verdict.why_not, traceback=verdict.why_not.splitlines())


def validate(execute: Execute, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
    """Runs a notebook for nbgrader's Validate, which students use on their own work: without a sandbox.

    It takes the place of nbgrader's own way, which misses what a panic prints after its cell, and which takes no reply
    of the Rust kernel to a cell that does not compile.
    """
    # A thread of its own, since JupyterLab's server calls this from an event loop.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run_cells, nb, Path.cwd(), execute.timeout or CELL_SECONDS).result()
    return nb, resources


def run_cells(nb: NotebookNode, folder: Path, seconds: float) -> None:
    """Gives the code cells of a notebook the outputs that they have in a fresh kernel."""
    with start_kernel(folder) as kernel:
        for cell in nb.cells:
            if cell.cell_type != "code":
                continue
            try:
                cell.outputs = kernel.run(cell.source, seconds)
            except CellTooSlowError as error:
                kernel.interrupt()
                why_not = f"this took longer than {seconds:g} s, so it was stopped"
                cell.outputs = [*error.outputs, output_of(Verdict(False, why_not))]


Execute.preprocess = validate
