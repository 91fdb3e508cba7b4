"""Grades a table of submissions (submissions.py) with the real course, and checks the points that each gets."""

import csv
import html
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from submissions import COURSE, ROWS

REPOSITORY = COURSE.parent.parent
GRADE = COURSE / "grading/grade.py"

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None and "ZERO_INIT_CI" not in os.environ, reason="bubblewrap (bwrap) is not installed")


def copy_of_the_course(folder):
    """The course as a fresh clone has it, with less patience."""
    for name in ("source", "release"):
        shutil.copytree(COURSE / name, folder / name)
    (folder / "grading").symlink_to(COURSE / "grading")
    settings = (COURSE / "nbgrader_config.py").read_text(encoding="utf-8")
    settings += "\nc.Grade.check_seconds = 4\nc.Grade.cell_seconds = 20\n"
    (folder / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    return folder


def student_of(row):
    return row.name.replace(" ", "-").replace("'", "")


def run_grade(course, *arguments):
    return subprocess.run([sys.executable, GRADE, "--course", course, *arguments], capture_output=True, text=True)


def grades_of(course):
    with (course / "grades.csv").open(encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="session")
def port():
    """A server on this machine, which a submission must not reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: [server.accept() for _ in range(99)], daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture(scope="session")
def graded(tmp_path_factory, request, port):
    """The course after grading the rows that the chosen tests need."""
    course = copy_of_the_course(tmp_path_factory.mktemp("course"))
    chosen = [row for row in ROWS if any(f"[{row}]" in item.nodeid for item in request.session.items)]
    for row in chosen:
        folder = course / "submitted" / student_of(row) / row.assignment
        folder.mkdir(parents=True)
        if row.text is not None:
            text = row.text.replace("@COURSE@", str(course)).replace("@REPOSITORY@", str(REPOSITORY))
            (folder / f"{row.assignment}.ipynb").write_text(text.replace("@PORT@", str(port)), encoding="utf-8")
    done = run_grade(course)
    assert done.returncode == 0, done.stdout + done.stderr
    return course


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_submission_gets_its_points(graded, row):
    grades = grades_of(graded)[student_of(row)]
    page = graded / "feedback" / student_of(row) / row.assignment / f"{row.assignment}.html"
    text = page.read_text(encoding="utf-8")
    assert float(grades["score"]) == row.points, grades
    assert row.says in html.unescape(re.sub(r"<[^>]*>", "", text))
