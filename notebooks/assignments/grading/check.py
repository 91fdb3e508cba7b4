"""Tries the grading before a class is graded: a broken sandbox, or a wrong check, shows here. By `make grade-check`.

For each assignment it grades the model solution, which must pass all checks; the release, in which nothing is done, and
which must pass none; and the model solution with a first task that ends the program, which must lose that task alone.

Usage: check.py [ASSIGNMENT]...
"""

import argparse
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

import grade
import judge
import one
import sandbox


def passed(course: grade.Course, name: str, notebook: NotebookNode) -> dict[str, str]:
    """Grades a notebook. Returns the words on each check, which are none if it is passed."""
    asked = grade.question(course, name, nbformat.writes(notebook).encode())
    answer = one.ask("grade", asked, grade.seconds_of(course))
    return {task: "" if verdict["passed"] else verdict["why_not"] for task, verdict in answer["tasks"].items()}


def ending(source: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The solution with a first task that ends the program, and the names of its functions."""
    notebook = nbformat.from_dict(source)
    for cell in notebook.cells:
        if cell.cell_type == "code" and utils.is_solution(cell):
            names = [name for _, name, _ in judge.SIGNATURE.findall(cell.source)]
            cell.source += "\nstd::process::exit(0);"
            return notebook, names
    return notebook, []


def problems(course: grade.Course, name: str) -> list[str]:
    """What is not as it must be."""
    source = nbformat.read(course.source(name), as_version=4)
    release = nbformat.read(course.release(name), as_version=4)
    used = judge.build(judge.read(source), name).used
    found = []
    for task, why_not in passed(course, name, source).items():
        if why_not:
            found.append(f"the model solution does not pass {task}: {why_not}")
    for task, why_not in passed(course, name, release).items():
        if not why_not:
            found.append(f"{task} is passed by the release, in which nothing is done")
    broken, functions = ending(source)
    for task, why_not in passed(course, name, broken).items():
        touched = any(signature.startswith(f"fn {function}(") for signature in used[task] for function in functions)
        if touched and not why_not:
            found.append(f"{task} is passed by a solution that ends the program")
        if not touched and why_not:
            found.append(f"{task} is lost when another task ends the program: {why_not}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Tries the grading with submissions whose points are known.")
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT")
    parser.add_argument("--course", type=Path, default=grade.HERE.parent, help=argparse.SUPPRESS)
    options = parser.parse_args()
    wrong = 0
    try:
        course = grade.Course(options.course.expanduser().resolve())
        names = options.assignments or course.names()
        if course.isolated:
            sandbox.try_out()
        grade.prepare(course, names)
        for name in names:
            found = problems(course, name)
            wrong += bool(found)
            said = found or ["the solution, an empty and a harmful submission get the points that they must get"]
            print("\n".join(f"{name}: {line}" for line in said), flush=True)
    except (grade.GradeError, judge.JudgeError, sandbox.SandboxError, one.NoAnswerError) as error:
        print(f"grade-check: {error}", file=sys.stderr)
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
