"""Grades what is in `submitted/`: several submissions at a time, those that are done only once. Called by `make grade`.

Writes the gradebook, a feedback page for each student (feedback/STUDENT/ASSIGNMENT/) and grades.csv. Stopped at any
point, it goes on there when started again; a submission that has changed since, or whose checks have, is graded again.

Usage: grade.py [--jobs N] [--student NAME]... [ASSIGNMENT]...
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

import judge

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))

import kernel  # noqa: E402
import kernel_client  # noqa: E402
import sandbox  # noqa: E402


def nbgrader(course: Path, step: str, *arguments: str) -> str:
    """One of nbgrader's steps with the course's settings. Returns what went wrong, or nothing."""
    warnings.simplefilter("ignore")  # what nbgrader's own use of its libraries calls forth
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls a program, alembic
    result = getattr(NbGraderAPI(config=settings(course)), step)(*arguments)
    # The error may only say that the log has the reason.
    return "" if result["success"] else last_error(f"{result['log'] or ''}\n{result['error'] or ''}")


def last_error(log: str) -> str:
    """The line of a log that says best what went wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith("[")]
    telling = [line for line in lines if "Error" in line.split(":")[0]]
    return (telling or lines or ["no reason was given"])[-1]


def put_in_place(folder: Path, name: str) -> str:
    """Makes sure that the submission has a notebook of the name that is graded. Returns a remark for grades.csv.

    If it has one notebook of another name, that is copied; else an empty file is made: nothing is done in it.
    """
    wanted = folder / f"{name}.ipynb"
    if wanted.exists():
        return "" if wanted.stat().st_size else f"{wanted.name} is empty"
    others = sorted(folder.glob("*.ipynb"))
    if len(others) == 1:
        shutil.copy(others[0], wanted)
        return f"{others[0].name} was taken for {wanted.name}"
    wanted.touch()
    return f"there was no {wanted.name}, so an empty one was graded"


def settings(course: Path) -> Config:
    """The course's settings. With the variable SANDBOX, they depend on how `make grade` was called."""
    return PyFileConfigLoader("nbgrader_config.py", str(course)).load_config()


def fingerprint(course: Path, student: str, name: str) -> str:
    """A hash of all that a grade depends on: submission, assignment, settings, grading, and crates."""
    files = [course / "submitted" / student / name / f"{name}.ipynb", course / "source" / name / f"{name}.ipynb"]
    files += sorted(path for path in HERE.iterdir() if path.is_file())
    files += [*kernel.inputs(), Path(kernel_client.__file__)]
    total = hashlib.sha256()
    for path in files:
        total.update(hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest())
    # Where the course lies makes no difference.
    chosen = {section: values for section, values in settings(course).items() if section != "CourseDirectory"}
    total.update(json.dumps(chosen, sort_keys=True, default=repr).encode())
    return total.hexdigest()


def grade_one(course: Path, student: str, name: str, steps: list[str]) -> str:
    """Runs nbgrader's steps for one submission. Returns what went wrong, or nothing."""
    for step in steps:
        if trouble := nbgrader(course, step, name, student):
            return trouble
    return ""


def read_by_hand(gradebook: Gradebook, student: str, name: str) -> str:
    """What a person has said of a submission, as a number that changes with it."""
    try:
        submission = gradebook.find_submission(name, student)
    except MissingEntry:
        return ""
    said: list[tuple[object, ...]] = [
        (grade.name, grade.manual_score, grade.extra_credit)
        for notebook in submission.notebooks
        for grade in notebook.grades
    ]
    said += [
        (comment.name, comment.manual_comment) for notebook in submission.notebooks for comment in notebook.comments
    ]
    return hashlib.sha256(repr(sorted(said, key=repr)).encode()).hexdigest()


def points(value: float) -> str:
    """A number of points, without a needless fraction."""
    return f"{value:g}"


def tasks_of(course: Path, name: str) -> list[str]:
    """The graded cells of an assignment, in the order of its notebook."""
    notebook = nbformat.read(course / "source" / name / f"{name}.ipynb", as_version=4)
    return [cell.metadata.nbgrader["grade_id"] for cell in notebook.cells if utils.is_grade(cell)]


def write_grades(
    course: Path, gradebook: Gradebook, graded: list[tuple[str, str]], remarks: dict[tuple[str, str], str]
) -> None:
    """Writes grades.csv: a row for each submission, a column for each task."""
    rows = []
    for student, name in sorted(graded):
        row = {"assignment": name, "student": student, "remark": remarks.get((student, name), "")}
        rows.append(row)
        try:
            submission = gradebook.find_submission(name, student)
        except MissingEntry:
            continue
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        waiting = sum(grade.max_score for grade in grades if grade.needs_manual_grade)
        row |= {
            "score": points(submission.score),
            "max_score": points(submission.max_score),
            "to_read": points(waiting),
        }
        for grade in grades:
            row[f"{name}: {grade.name}"] = "" if grade.needs_manual_grade else points(grade.score)
    tasks = [f"{name}: {task}" for name in sorted({name for _, name in graded}) for task in tasks_of(course, name)]
    columns = ["assignment", "student", "score", "max_score", "to_read", *tasks, "remark"]
    part = course / "grades.csv.part"
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(course / "grades.csv")


def prepare(course: Path, names: list[str]) -> None:
    """Compiles the assignments' judges, makes their releases and puts them into the gradebook."""
    for name in names:
        source = course / "source" / name / f"{name}.ipynb"
        if not source.exists():
            raise judge.JudgeError(f"there is no {source.relative_to(course.parent)}")
        judge.build(judge.read(source), name)
        # In a process of its own, so that those that grade start with the gradebook closed.
        with ProcessPoolExecutor(1) as pool:
            if trouble := pool.submit(nbgrader, course, "generate_assignment", name).result():
                raise judge.JudgeError(f"{name}: {trouble}")


def main(course: Path, arguments: argparse.Namespace) -> int:
    found = sorted((path.parent.name, path.name) for path in course.glob("submitted/*/*") if path.is_dir())
    known = {path.name for path in (course / "source").iterdir()}
    found = [(student, name) for student, name in found if name in known]
    wanted = [
        (student, name)
        for student, name in found
        if name in (arguments.assignments or known) and student in (arguments.student or [student])
    ]
    if not wanted:
        print("There is nothing to grade: a submission is submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb.")
        return 0
    try:
        if os.environ.get("SANDBOX", "on") != "off":
            sandbox.bubblewrap(sandbox.Limits(), "/nowhere", sandbox.kernel_command())
        prepare(course, sorted({name for _, name in wanted}))
    except (sandbox.SandboxError, kernel_client.KernelError, judge.JudgeError) as error:
        print(f"grade: {error}", file=sys.stderr)
        return 2
    remarks = {(student, name): put_in_place(course / "submitted" / student / name, name) for student, name in found}
    failed, began = 0, time.monotonic()
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}?timeout=120") as gradebook:
        todo = {}
        for pair in wanted:
            stamp, mark = course / ".grading" / pair[1] / pair[0], fingerprint(course, *pair)
            earlier = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
            if earlier[:1] != [mark]:
                todo[pair] = stamp, mark, ["autograde", "generate_feedback"]
            elif earlier[1:] != read_by_hand(gradebook, *pair).split():
                todo[pair] = stamp, mark, ["generate_feedback"]
        print(f"{len(wanted)} submissions, {len(wanted) - len(todo)} of them graded before", flush=True)
        pool = ProcessPoolExecutor(arguments.jobs)
        try:
            running = {pool.submit(grade_one, course, *pair, steps): pair for pair, (_, _, steps) in todo.items()}
            for count, future in enumerate(as_completed(running), 1):
                student, name = pair = running[future]
                if trouble := future.result():
                    failed += 1
                    remarks[pair] = said = f"could not be graded: {trouble}"
                else:
                    gradebook.db.expire_all()
                    stamp, mark, _ = todo[pair]
                    stamp.parent.mkdir(parents=True, exist_ok=True)
                    stamp.write_text(f"{mark} {read_by_hand(gradebook, *pair)}", encoding="utf-8")
                    submission = gradebook.find_submission(name, student)
                    said = f"{points(submission.score)} of {points(submission.max_score)} points"
                    said += ", and an answer to read" if submission.needs_manual_grade else ""
                left = (time.monotonic() - began) / count * (len(todo) - count)
                print(
                    f"{count}/{len(todo)}  {student}  {name}: {said}"
                    + (f"  (about {left / 60:.0f} min left)" if left > 60 else ""),
                    flush=True,
                )
        except KeyboardInterrupt:
            print("\nStopped; the next run goes on here.", flush=True)
            return 130
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        gradebook.db.expire_all()
        write_grades(course, gradebook, found, remarks)
    print(f"The grades are in {course.name}/grades.csv, the feedback pages in {course.name}/feedback.")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Grades what is in submitted/.")
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT")
    parser.add_argument("--student", action="append", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--course", type=Path, default=HERE.parent, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.exit(main(options.course.resolve(), options))
