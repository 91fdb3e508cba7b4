"""Grades a class of invented students, as `make grade` does, and writes down how fast that is and what memory it takes.

Usage: PYTHONPATH=tools python large_class.py FOLDER [STUDENTS] [JOBS]     (1000 students, a job for each processor)

FOLDER must not exist: the course is made in it. Every 50 submissions a line is added to FOLDER/record.txt: the seconds
so far, submissions a minute since the last line, and the memory of the program that writes the gradebook. At the end
every grade is compared with what that student must get. Run again with the same FOLDER, it goes on.
"""

import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from submissions import ALL, COURSE, EXERCISE, POINTS, ROWS, SOLVED, scratch, submission

EVERY = 50
TASKS = list(POINTS)

# Of the table: what costs as little as a class can be asked to wait for, and the worst.
ODD = [
    "not JSON",
    "empty",
    "no file",
    "ends the process in the function",
    "loops in the function",
    "panic hook silenced",
    "another signature",
    "all marks removed",
    "kills all it can",
]


def solved(choice: random.Random, number: int, most: int = 9) -> dict[str, str]:
    """Some tasks in a student's own words: other names, remarks, spaces."""
    code = {}
    for task in choice.sample(TASKS, choice.randint(4, most)):
        source = SOLVED[task].replace("// BEGIN SOLUTION", f"// {choice.randint(0, 10**6)}: as in the lecture")
        source = (
            source.replace("// END SOLUTION", "").replace("seen", f"seen_{number}").replace("    ", "\t", number % 3)
        )
        code[task] = source
    return code


def worth(code: dict[str, str]) -> float:
    """The points of a submission in which these tasks are solved."""
    return sum(POINTS[task] for task in code)


def submission_of(number: int) -> tuple[str, str | None, float]:
    """The assignment, the file and the points of a student."""
    choice = random.Random(number)
    kind = choice.random()
    if kind < 0.04:
        row = next(row for row in ROWS if row.name == ODD[number % len(ODD)])
        return row.assignment, row.text, row.points
    code = {} if kind < 0.12 else solved(choice, number)
    points = worth(code)
    if 0.12 <= kind < 0.22:  # one task does not compile
        task = choice.choice(sorted(code))
        code[task] = code[task].replace("{", "{ let unfinished: i32 = 0.5;", 1)
        points -= POINTS[task]
    elif 0.22 <= kind < 0.28:  # one is wrong
        code |= {"loss": SOLVED["loss"].replace(".ln()", ".log10()")}
        points = worth({task: "" for task in code if task != "loss"})
    notebook = submission(EXERCISE, code)
    if 0.28 <= kind < 0.40:  # a cell of one's own, to try something
        notebook["cells"].append(scratch(f'let tried = {number} + 1;\nprintln!("{{tried}}");'))
    return EXERCISE, json.dumps(notebook), points


def make(folder: Path, students: int) -> None:
    """The course, and what was handed in."""
    for name in ("source", "release"):
        shutil.copytree(COURSE / name, folder / name)
    (folder / "grading").symlink_to(COURSE / "grading")
    shutil.copy(COURSE / "nbgrader_config.py", folder)
    for number in range(students):
        assignment, text, _ = submission_of(number)
        place = folder / "submitted" / f"student{number:05}" / assignment
        place.mkdir(parents=True)
        if text is not None:
            (place / f"{assignment}.ipynb").write_text(text, encoding="utf-8")


def memory(process: psutil.Process) -> str:
    """The memory of the program that writes, and of all that it has started, in millions of bytes."""
    own = process.memory_info().rss
    others = 0
    for child in process.children(recursive=True):
        try:
            others += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return f"{own / 1e6:.0f} MB, with all it has started {(own + others) / 1e6:.0f} MB"


def grade(folder: Path, jobs: int) -> int:
    """Grades the class, and keeps the record."""
    command = [sys.executable, "-u", f"{COURSE}/grading/grade.py", f"--course={folder}", f"--jobs={jobs}"]
    began = last = time.monotonic()
    before = 0
    with (folder / "record.txt").open("a", encoding="utf-8", buffering=1) as record:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            seen = psutil.Process(process.pid)
            for line in process.stdout:
                record.write(line if "could not be graded" in line or not line[0].isdigit() else "")
                counted = re.match(r"(\d+)/(\d+) ", line)
                if counted and (int(counted[1]) % EVERY == 0 or counted[1] in ("1", counted[2])):
                    now = time.monotonic()
                    rate = (int(counted[1]) - before) * 60 / max(now - last, 1e-9)
                    record.write(f"{counted[0]} {now - began:.0f} s, {rate:.1f} a minute; {memory(seen)}\n")
                    last, before = now, int(counted[1])
        record.write(f"{time.monotonic() - began:.0f} s\n")
    return process.returncode


def wrong(folder: Path, students: int) -> list[str]:
    """The students whose grade is not what it must be."""
    with (folder / "grades.csv").open(encoding="utf-8") as file:
        rows = [(row["student"], row["assignment"], row["score"]) for row in csv.DictReader(file)]
    found = {(student, assignment): float(score or "nan") for student, assignment, score in rows}
    problems = [] if len(rows) == students else [f"{len(rows)} rows for {students} students"]
    for number in range(students):
        assignment, _, points = submission_of(number)
        got = found.get((f"student{number:05}", assignment))
        page = folder / "feedback" / f"student{number:05}" / assignment / f"{assignment}.html"
        if got != points or not page.exists():
            problems.append(f"student{number:05}: expected {points:g} points, got {got}")
    return problems


def main(folder: Path, students: int, jobs: int) -> int:
    if not folder.exists():
        make(folder, students)
    code = grade(folder, jobs)
    problems = wrong(folder, students)
    said = problems or [f"all {students} have a page and the points that they must get ({ALL} at the most)"]
    with (folder / "record.txt").open("a", encoding="utf-8") as record:
        record.write("\n".join(said) + "\n")
    print((folder / "record.txt").read_text(encoding="utf-8"), end="")
    return code or bool(problems)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[2:]]
    sys.exit(main(Path(sys.argv[1]).resolve(), *numbers, *[1000, os.cpu_count() or 1][len(numbers) :]))
