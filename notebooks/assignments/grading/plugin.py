"""What nbgrader calls instead of its own steps, which trust a submission; nbgrader_config.py loads it.

`nbgrader autograde` and `generate_feedback`, and the formgrader's buttons for them, do what `make grade` does; Validate
runs a notebook as JupyterLab does. All else of nbgrader works on the outcome as ever.
"""

import fnmatch
import functools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from nbgrader.utils import parse_utc

from grader import Verdict, output_of
from kernel_client import CELL_SECONDS, MOST_TEXT, CellTooLoudError, CellTooSlowError, start_kernel
from sandbox import WORDS

NOT_RUN = "this was not run, since a cell above it printed more than allowed"


def grade_instead(step: Autograde | GenerateFeedback) -> None:
    """Grades what the step was asked to; a page is made whenever there is something new to say on it."""
    import grade  # noqa: PLC0415  it loads the settings that load this file

    assert step.coursedir
    course = grade.Course(Path(step.coursedir.root).resolve())
    people = sorted({student for student, _ in course.submissions()})
    wanted = step.coursedir.student_id
    chosen = people if wanted == "*" else [wanted] if wanted in people else fnmatch.filter(people, wanted)
    arguments = ["--force"] if step.force and isinstance(step, Autograde) else []
    arguments += [f"--student={student}" for student in chosen]
    if not chosen or grade.main(course.folder, grade.parsed([*arguments, "--", step.coursedir.assignment_id])):
        raise NbGraderException(f"not all of {wanted} could be graded; grades.csv says why")


def time_of_submission(course: CourseDirectory, path: str) -> datetime | None:
    """When something was handed in. A file of the student's, timestamp.txt, has no say in that."""
    student, name = Path(path).parts[-2:]
    folder = Path(course.root).resolve()
    table = folder / "submitted.csv"
    time = times_of(folder, table.stat().st_mtime_ns if table.exists() else 0).get((student, name))
    return parse_utc(time) if time else None


@functools.lru_cache(maxsize=1)
def times_of(folder: Path, changed: int) -> dict[tuple[str, str], str]:
    """The times of a course, read once while the table stays the same: the formgrader asks for each student."""
    import grade  # noqa: PLC0415

    return grade.Course(folder).times()


def submitted_at(api: NbGraderAPI, name: str, student: str) -> datetime | None:
    """The same, as the formgrader asks for it. Where it is not the gradebook's, a submission needs to be graded."""
    return time_of_submission(api.coursedir, f"{student}/{name}")


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
    with start_kernel(folder, most_text=MOST_TEXT) as kernel:
        too_loud = False
        for cell in nb.cells:
            if cell.cell_type != "code":
                continue
            if too_loud:  # for minutes, what is still under way would be the output of this cell
                cell.outputs = [output_of(Verdict(why_not=NOT_RUN))]
                continue
            try:
                cell.outputs = kernel.run(cell.source, seconds)
            except CellTooSlowError as error:
                kernel.interrupt()
                why_not = f"this took longer than {seconds:g} s, so it was stopped"
                cell.outputs = [*error.outputs, output_of(Verdict(why_not=why_not))]
            except CellTooLoudError:
                too_loud = True
                cell.outputs = [output_of(Verdict(why_not=WORDS["loud"]))]


# For a new gradebook nbgrader calls a program, alembic, by its name.
os.environ["PATH"] = f"{os.environ.get('PATH', '')}{os.pathsep}{Path(sys.executable).parent}"

Execute.preprocess = validate
Autograde.start = grade_instead
GenerateFeedback.start = grade_instead
CourseDirectory.get_existing_timestamp = time_of_submission
NbGraderAPI.get_submitted_timestamp = submitted_at
