"""Grades what is in `submitted/`: several submissions at a time, those that are done only once. Called by `make grade`.

Writes the gradebook, a feedback page for each student (feedback/STUDENT/ASSIGNMENT/) and grades.csv. Stopped at any
point, it goes on there when started again; a submission that has changed since, or whose checks have, is graded again.

Usage: grade.py [--jobs N] [--scheduler ADDRESS] [--force] [--too-slow] [--student NAME]... [ASSIGNMENT]...
"""

import argparse
import base64
import csv
import difflib
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.preprocessors import AssignLatePenalties, GetGrades, SaveAutoGrades
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

import judge

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))

import handed_in  # noqa: E402
import kernel_client  # noqa: E402
import one  # noqa: E402
import sandbox  # noqa: E402
import statistics_page  # noqa: E402

# The limits that the course sets (c.Grade in nbgrader_config.py), by what the sandbox calls them.
LIMITS = {
    "cell_seconds": "cell",
    "check_seconds": "check",
    "submission_seconds": "submission",
    "memory_bytes": "memory",
}


DISTRIBUTED = "distributed==2026.8.0"

NOT_GRADED = "could not be graded"
NOT_YET = "not graded yet"
EARLIER = "graded before its checks, the settings, its time or zero-init changed"


class GradeError(Exception):
    """The course, or its settings, are not as they must be."""


@dataclass
class Record:
    """What is known of a submission that was graded, kept in .grading/ASSIGNMENT/STUDENT.json."""

    fingerprint: str = ""  # of the submission, and of all else that the grade depends on
    remark: str = ""  # what the file itself gives cause to say
    read_by_hand: str = ""  # of what a person had said when the page was made
    answers: dict[str, str] = field(default_factory=dict)  # hashes of the student's cells, by grade id
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0
    cpu: float = 0.0  # seconds of processor time of the student's code
    memory: int = 0  # bytes of it, at the most
    again: bool = False  # it may have been too slow only because the machine was busy


class Course:
    """The folder of a course and its settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.settings: Config = PyFileConfigLoader("nbgrader_config.py", str(folder)).load_config()
        except ConfigFileNotFound:
            raise GradeError(f"{folder}: there is no nbgrader_config.py in it; make course makes one") from None
        if not self.settings.get("Grade"):  # a file of settings that is not there is passed over
            raise GradeError(f"{folder}/nbgrader_config.py: no zero-init is where it says; write where this one is")
        chosen = dict(self.settings.get("Grade", {}))
        self.isolated = bool(chosen.pop("sandbox", True))
        self.hide = bool(chosen.pop("hide_hidden", False))
        if unknown := sorted(set(chosen) - set(LIMITS)):
            raise GradeError(
                f"nbgrader_config.py: c.Grade has no {unknown[0]}; it has sandbox, hide_hidden, {', '.join(LIMITS)}"
            )
        self.limits = {LIMITS[name]: value for name, value in chosen.items()}

    @property
    def secret(self) -> str:
        """What hidden tests may draw their numbers from (`exercise::secret`): a file that is in no repository."""
        path = self.folder / "secret"
        return path.read_text(encoding="utf-8").strip() if path.exists() else ""

    def draws_from_secret(self, name: str) -> bool:
        """Whether the checks of an assignment ask for the secret."""
        checks = judge.code_of(judge.read(nbformat.read(self.source(name), as_version=4)))
        return re.search(r"\bsecret\(\)", checks) is not None

    @property
    def db_url(self) -> str:
        return str(self.settings.CourseDirectory.db_url)

    def gradebook(self) -> Gradebook:
        return Gradebook(self.db_url, self.settings.CourseDirectory.get("course_id", "default_course"))

    def source(self, name: str) -> Path:
        return self.folder / "source" / name / f"{name}.ipynb"

    def release(self, name: str) -> Path:
        return self.folder / "release" / name / f"{name}.ipynb"

    def names(self) -> list[str]:
        """The assignments that have a source."""
        return sorted(path.name for path in (self.folder / "source").iterdir() if path.is_dir())

    def submissions(self) -> list[tuple[str, str]]:
        """The student and the assignment of all that was handed in."""
        known = set(self.names())
        return [(student, name) for student, name in self.handed_in() if name in known]

    def handed_in(self) -> list[tuple[str, str]]:
        """The student and the name of all that is in the students' folders, under whatever name."""
        found = []
        for person in os.scandir(self.folder / "submitted") if (self.folder / "submitted").is_dir() else ():
            if person.is_symlink():
                print(f"submitted/{legible(person.name)} is a link, and is left out")
            elif person.is_dir(follow_symlinks=False):
                with suppress(PermissionError):
                    found += [(person.name, name) for name in os.listdir(person.path)]
        return sorted(found)

    def record(self, student: str, name: str) -> Record:
        try:
            return Record(**json.loads(self.record_path(student, name).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Record()

    def keep(self, student: str, name: str, record: Record) -> None:
        put(self.record_path(student, name), json.dumps(record.__dict__))

    def record_path(self, student: str, name: str) -> Path:
        return self.folder / ".grading" / name / f"{student}.json"

    def times(self) -> dict[tuple[str, str], str]:
        """When what was handed in, from submitted.csv. No file of a student's has a say in that."""
        path = self.folder / "submitted.csv"
        if not path.exists():
            return {}
        times = {}
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                try:
                    utils.parse_utc(row["time"])
                    times[row["student"], row["assignment"]] = row["time"]
                except (KeyError, TypeError, ValueError, OverflowError) as error:
                    raise GradeError(
                        f"submitted.csv: expected a student, an assignment and a time, got {row}"
                    ) from error
        return times


def put(path: Path, text: str) -> None:
    """Writes a file, whole or not at all, whatever is in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextmanager
def alone(course: Course) -> Iterator[None]:
    """While this holds, no other process grades this course: only one writes the gradebook."""
    path = course.folder / ".grading" / "lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GradeError("this course is being graded already, by another 'make grade' or the formgrader") from None
        yield


# --- One submission ---------------------------------------------------------------------------------------------------


def fingerprint(course: Course, name: str, data: bytes, times: str = "") -> str:
    """Hashes of a submission, and of all else that its grade depends on: assignment, settings, grading, and times."""
    chosen = {section: values for section, values in course.settings.items() if section != "CourseDirectory"}
    settings = json.dumps([chosen, course.secret, times], sort_keys=True, default=repr).encode()
    parts = [course.source(name).read_bytes(), settings, one.machinery().encode()]
    rest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
    return f"{hashlib.sha256(data).hexdigest()} {rest}"


def is_of(mark: str, data: bytes) -> bool:
    """Whether a grade with this fingerprint is one of these bytes."""
    return mark.partition(" ")[0] == hashlib.sha256(data).hexdigest()


def question(course: Course, name: str, data: bytes, remark: str = "") -> dict[str, Any]:
    """What the function `grade` of one.py is asked."""
    return {
        "name": name,
        "source": course.source(name).read_text(encoding="utf-8"),
        "release": course.release(name).read_text(encoding="utf-8"),
        "submission": base64.b64encode(data).decode(),
        "remark": remark,
        "limits": course.limits,
        "isolated": course.isolated,
        "hide": course.hide,
        "secret": course.secret,
        "machinery": one.machinery(),
    }


def seconds_of(course: Course) -> float:
    """The time after which a process that grades is given up: its own limits should have ended it long before."""
    return sandbox.wall_clock(float(course.limits.get("submission", sandbox.Limits().submission))) + 600


def write_grade(course: Course, gradebook: Gradebook, student: str, name: str, answer: dict[str, Any]) -> Record:
    """Writes what came out of a submission into the gradebook and the folder autograded/."""
    notebook = nbformat.reads(answer["notebook"], as_version=4)
    before = course.record(student, name)
    answers = {
        cell.metadata.nbgrader.grade_id: digest(cell)
        for cell in notebook.cells
        if "nbgrader" in cell.metadata and utils.is_solution(cell)
    }
    # Under no name: all code of the student's own cells.
    answers[""] = digest(
        *(cell for cell in notebook.cells if "nbgrader" not in cell.metadata and cell.cell_type == "code")
    )
    gradebook.update_or_create_student(student)
    time_of = course.times().get((student, name))
    gradebook.update_or_create_submission(name, student, **({"timestamp": time_of} if time_of else {}))
    if before.answers:
        changed = {
            task for task in answers.keys() | before.answers.keys() if answers.get(task) != before.answers.get(task)
        }
        forget_marks(gradebook, student, name, changed, code_changed(notebook, changed))
    known = {"nbgrader": {"student": student, "assignment": name, "notebook": name, "db_url": course.db_url}}
    for step in (SaveAutoGrades(parent=None), AssignLatePenalties(config=course.settings)):
        step.preprocess(notebook, known)
    gradebook.db.expire_all()
    put(course.folder / "autograded" / student / name / f"{name}.ipynb", nbformat.writes(notebook))
    measured = {name: answer[name] for name in ("remark", "tasks", "seconds", "cpu", "memory", "again")}
    return Record(answers=answers, **measured)


def digest(*cells: NotebookNode) -> str:
    """A hash of what cells say, the pictures in them included."""
    said = [(cell.source, cell.get("attachments", {})) for cell in cells]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def code_changed(notebook: NotebookNode, changed: set[str]) -> bool:
    written = {
        cell.metadata.nbgrader.grade_id
        for cell in notebook.cells
        if "nbgrader" in cell.metadata and cell.cell_type == "markdown"
    }
    return bool(changed - written)


def forget_marks(gradebook: Gradebook, student: str, name: str, changed: set[str], code: bool) -> None:
    """Takes back what a person said of an answer that is no longer the one that was read."""
    solutions = {cell.name for cell in gradebook.find_notebook(name, name).solution_cells}
    for notebook in gradebook.find_submission(name, student).notebooks:
        for grade in notebook.grades:
            # A check stands in another cell than the code that it is about.
            if grade.name in changed or (code and grade.name not in solutions):
                grade.manual_score, grade.extra_credit = None, None
        for comment in notebook.comments:
            if comment.name in changed:
                comment.manual_comment = None
    gradebook.db.commit()


def page_question(course: Course, student: str, name: str, without_answers: bool = False) -> dict[str, Any]:
    """What the function `page` of one.py is asked: the graded notebook with what the gradebook has to say of it."""
    notebook = nbformat.read(course.folder / "autograded" / student / name / f"{name}.ipynb", as_version=4)
    known: dict[str, Any] = {"student": student, "assignment": name, "notebook": name, "db_url": course.db_url}
    GetGrades(parent=None).preprocess(notebook, {"nbgrader": known})
    del known["db_url"]
    with course.gradebook() as gradebook:
        grades = gradebook.find_submission_notebook(name, name, student).grades
        unread = {
            grade.name: grade.max_score for grade in grades if grade.needs_manual_grade and grade.manual_score is None
        }
    known["not_read"] = sum(unread.values())
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["not_read"] = cell.metadata.nbgrader.get("grade_id") in unread
    if without_answers:
        for cell in notebook.cells:
            if not utils.is_locked(cell):
                cell.source = "(This answer cannot be shown.)"
    return {"notebook": nbformat.writes(notebook), "known": known}


def read_by_hand(gradebook: Gradebook, student: str, name: str) -> str:
    """What a person has said of a submission, as a number that changes with it."""
    try:
        found = gradebook.find_submission(name, student)
    except MissingEntry:
        return ""
    said: list[tuple[object, ...]] = [
        (grade.name, grade.manual_score, grade.extra_credit)
        for notebook in found.notebooks
        for grade in notebook.grades
    ]
    said += [(comment.name, comment.manual_comment) for notebook in found.notebooks for comment in notebook.comments]
    return hashlib.sha256(repr(sorted(said, key=repr)).encode()).hexdigest()


# --- The table --------------------------------------------------------------------------------------------------------


def points(value: float) -> str:
    """A number of points, without a needless fraction."""
    return f"{value:g}"


def tasks_of(course: Course, name: str) -> list[str]:
    """The graded cells of an assignment, in the order of its notebook."""
    notebook = nbformat.read(course.source(name), as_version=4)
    return [cell.metadata.nbgrader["grade_id"] for cell in notebook.cells if utils.is_grade(cell)]


def legible(text: str) -> str:
    """A text without what would change a terminal or a file."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


# What begins a formula in a spreadsheet, as wide letters as well; and what hides that.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20'")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = re.sub(r"[;\s]+", " ", legible(text))  # in some countries a semicolon separates cells
    return f"'{text}" if text.lstrip()[:1] in FORMULA else text


def write_grades(
    course: Course,
    gradebook: Gradebook,
    found: list[tuple[str, str]],
    remarks: dict[tuple[str, str], str],
    open_ones: set[tuple[str, str]],
    strays: dict[tuple[str, str], str],
) -> None:
    """Writes grades.csv: a row for each submission, without points for the open ones, and a column for each task.

    What is of no assignment comes after them.
    """
    rows = []
    for student, name in found:
        is_open = (student, name) in open_ones
        own = "" if is_open else course.record(student, name).remark
        remark = "; ".join(filter(None, [remarks.get((student, name), ""), own]))
        row = {"assignment": name, "student": harmless(student), "remark": harmless(remark)}
        rows.append(row)
        if is_open:
            continue  # what the gradebook has is of an earlier one
        try:
            graded = gradebook.find_submission(name, student)
        except Exception:  # no entry, or a name that no gradebook holds
            continue
        grades = [grade for notebook in graded.notebooks for grade in notebook.grades]
        waiting = sum(grade.max_score for grade in grades if grade.needs_manual_grade)
        row |= {
            "score": points(max(0.0, graded.score - (graded.late_submission_penalty or 0))),
            "max_score": points(graded.max_score),
            "to_read": points(waiting),
        }
        for grade in grades:
            row[f"{name}: {grade.name}"] = "" if grade.needs_manual_grade else points(grade.score)
    for (student, name), said in strays.items():
        rows.append({"assignment": harmless(name), "student": harmless(student), "remark": harmless(said)})
    tasks = [f"{name}: {task}" for name in sorted({name for _, name in found}) for task in tasks_of(course, name)]
    columns = ["assignment", "student", "score", "max_score", "to_read", *tasks, "remark"]
    part = course.folder / "grades.csv.part"
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(course.folder / "grades.csv")


# --- All of them ------------------------------------------------------------------------------------------------------


def nbgrader(folder: Path, step: str, *arguments: str) -> str:
    """One of nbgrader's steps with the course's settings. Returns what went wrong, or nothing."""
    warnings.simplefilter("ignore")
    result = getattr(NbGraderAPI(config=Course(folder).settings), step)(*arguments)
    # The error may only say that the log has the reason.
    return "" if result["success"] else last_error(f"{result['log'] or ''}\n{result['error'] or ''}")


def last_error(log: str) -> str:
    """The line of a log that says best what went wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith("[")]
    telling = [line for line in lines if "Error" in line.split(":")[0]]
    return (telling or lines or ["no reason was given"])[-1]


def prepare(course: Course, names: list[str]) -> None:
    """Compiles the assignments' judges, makes their releases and puts them into the gradebook."""
    for name in names:
        source = course.source(name)
        if not source.exists():
            raise judge.JudgeError(f"there is no {source.relative_to(course.folder.parent)}")
        judge.build(judge.read(nbformat.read(source, as_version=4)), name)
        # In a process of its own: nbgrader changes the working directory, and leaves the gradebook open.
        with ProcessPoolExecutor(1) as pool:
            if trouble := pool.submit(nbgrader, course.folder, "generate_assignment", name).result():
                raise judge.JudgeError(f"{name}: {trouble}")


@contextmanager
def workers(scheduler: str | None, jobs: int) -> Iterator[tuple[Executor, int]]:
    """Who computes the functions, and how many are asked at a time.

    These are threads, each of which waits for a process of this machine, or the machines of a Dask cluster.
    """
    if scheduler is None:
        pool = ThreadPoolExecutor(jobs)
        try:
            yield pool, jobs
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return
    try:
        from distributed import Client  # noqa: PLC0415  not installed unless it is wanted
    except ImportError:
        raise GradeError(f"for SCHEDULER=… run .venv/bin/python -m pip install {DISTRIBUTED}") from None

    with Client(scheduler) as client:  # what was not yet answered when it closes is forgotten by the cluster
        yield client.get_executor(pure=False, retries=2), 2 * max(1, sum(client.ncores().values()))


@dataclass
class Job:
    """A submission on its way: it is graded, and then its page is made."""

    student: str
    name: str
    step: str = "grade"
    fingerprint: str = ""
    record: Record | None = None
    tries: int = 0


class Run:
    """Has submissions graded by others, and writes what comes back: this process alone writes."""

    def __init__(self, course: Course, gradebook: Gradebook, pool: Executor, window: int) -> None:
        self.course, self.gradebook, self.pool, self.window = course, gradebook, pool, window
        self.remarks: dict[tuple[str, str], str] = {}
        self.open, self.left = set[tuple[str, str]](), 0  # what is not graded; how many are not as they are now
        self.handed_in_at, self.due = course.times(), dict[str, str]()
        self.began, self.count, self.failed, self.total = time.monotonic(), 0, 0, 0

    def jobs(self, wanted: list[tuple[str, str]], options: argparse.Namespace) -> list[Job]:
        """What is to be done: submissions that are not graded as they are now, and pages that say something else."""
        jobs = []
        for student, name in wanted:
            earlier, data = self.course.record(student, name), self.bytes_of(student, name)
            mark = fingerprint(self.course, name, data, self.circumstances(student, name))
            if options.force or earlier.fingerprint != mark or (options.too_slow and earlier.again):
                jobs.append(Job(student, name))
            elif earlier.read_by_hand != read_by_hand(self.gradebook, student, name):
                jobs.append(Job(student, name, "page", mark, earlier))
        self.total = len(jobs)
        return jobs

    def circumstances(self, student: str, name: str) -> str:
        """When it was handed in, and when it was due, on which a penalty depends; and what is said of its folder."""
        if name not in self.due:
            self.due[name] = str(self.gradebook.find_assignment(name).duedate)
        return f"{self.handed_in_at.get((student, name))} {self.due[name]} {self.remarks[student, name]}"

    def bytes_of(self, student: str, name: str) -> bytes:
        data, self.remarks[student, name] = handed_in.find(self.course.folder / "submitted", student, name)
        return data

    def leave(self, student: str, name: str) -> None:
        """Says of a submission that is not wanted now whether the points that the gradebook has for it still hold."""
        data, mark = self.bytes_of(student, name), self.course.record(student, name).fingerprint
        with suppress(MissingEntry):  # the gradebook knows nothing of the assignment
            if mark == fingerprint(self.course, name, data, self.circumstances(student, name)):
                return
        if not is_of(mark, data):
            self.open.add((student, name))
        said = NOT_YET if (student, name) in self.open else EARLIER
        self.left += 1
        self.remarks[student, name] = "; ".join(filter(None, [said, self.remarks[student, name]]))

    def all(self, jobs: list[Job]) -> None:
        """Does these jobs; what may have failed because of its neighbours is then done once more, alone."""
        for job in self._some(jobs, self.window):
            self._some([job], 1)

    def _some(self, jobs: list[Job], window: int) -> list[Job]:
        """Does these jobs. Returns those that are to be tried again."""
        waiting, again = deque(jobs), []
        running: dict[Future[dict[str, Any]], Job] = {}
        while waiting or running:
            while waiting and len(running) < window:
                job = waiting.popleft()
                try:
                    running[self._ask(job)] = job
                except Exception as error:
                    self._report(job, error)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    more, once_more = self._take(job, future)
                except Exception as error:  # of this submission: the others must not depend on it
                    self._report(job, error)
                else:
                    waiting.extendleft([job] if more else [])
                    again += [job] if once_more else []
        return again

    def _ask(self, job: Job) -> Future[dict[str, Any]]:
        if job.step == "grade":
            data = self.bytes_of(job.student, job.name)
            job.fingerprint = fingerprint(self.course, job.name, data, self.circumstances(job.student, job.name))
            remark = self.remarks[job.student, job.name]
            asked, seconds = question(self.course, job.name, data, remark), seconds_of(self.course)
        else:
            asked = page_question(self.course, job.student, job.name, without_answers=job.step == "bare page")
            seconds = 2 * one.PAGE_SECONDS
        return self.pool.submit(one.ask, job.step.split()[-1], asked, seconds)

    def _take(self, job: Job, future: Future[dict[str, Any]]) -> tuple[bool, bool]:
        """Writes an answer. Says whether the job goes on with its next step, and whether it is to be tried again."""
        job.tries += 1
        try:
            answer = future.result()
        except Exception:
            if job.step == "page":
                job.step = "bare page"
                return True, False
            if job.step == "grade" and job.tries == 1:
                return False, True
            raise
        if job.step == "grade":
            if answer["again"] and job.tries == 1:
                return False, True
            job.record = write_grade(self.course, self.gradebook, job.student, job.name, answer)
            job.step = "page"
            return True, False
        assert job.record
        put(self.course.folder / "feedback" / job.student / job.name / f"{job.name}.html", answer["page"])
        job.record.fingerprint = job.fingerprint
        job.record.read_by_hand = read_by_hand(self.gradebook, job.student, job.name)
        self.course.keep(job.student, job.name, job.record)
        self._report(job, None)
        return False, False

    def _report(self, job: Job, trouble: Exception | None) -> None:
        self.count += 1
        if trouble is None:
            graded = self.gradebook.find_submission(job.name, job.student)
            said = f"{points(graded.score)} of {points(graded.max_score)} points"
            said += ", and an answer to read" if graded.needs_manual_grade else ""
        else:
            self.gradebook.db.rollback()
            self.failed += 1
            said = f"{NOT_GRADED}: {' '.join(str(trouble).split()) or type(trouble).__name__}"
            self.remarks[job.student, job.name] = said
            self.open.add((job.student, job.name))
        left = (time.monotonic() - self.began) / self.count * (self.total - self.count)
        hint = f"  (about {left / 60:.0f} min left)" if left > 60 else ""
        print(f"{self.count}/{self.total}  {legible(job.student)}  {job.name}: {legible(said)}{hint}", flush=True)


def check_names(kind: str, wanted: list[str], known: list[str]) -> None:
    """Complains of a name that is none, with the ten that are most like it."""
    for name in wanted:
        if name not in known:
            there = ", ".join(difflib.get_close_matches(name, known, 10, 0)) or "none"
            raise GradeError(f"there is no {kind} {legible(name)}; there are {legible(there)}")


def strays_among(everything: list[tuple[str, str]], assignments: list[str]) -> dict[tuple[str, str], str]:
    """What was handed in under a name that no assignment has, and what there is to say of it."""
    why = f"there is no assignment of that name (there are {', '.join(assignments)})"
    strays = [pair for pair in everything if pair[1] not in assignments and not pair[1].startswith(".")]
    return {(who, name): f"submitted/{who}/{name} is left alone: {why}" for who, name in strays}


def grade_all(course: Course, options: argparse.Namespace) -> int:
    """Grades what is wanted; returns how many submissions could not be graded."""
    everything, assignments = course.handed_in(), course.names()
    found = [pair for pair in everything if pair[1] in assignments]
    strays = strays_among(everything, assignments)
    for said in strays.values():
        print(legible(said))
    check_names("assignment", options.assignments, assignments)
    check_names("student in submitted/ called", options.student or [], sorted({student for student, _ in found}))
    wanted = [
        (student, name)
        for student, name in found
        if name in (options.assignments or [name]) and student in (options.student or [student])
    ]
    if not wanted:
        print("There is nothing to grade: a submission is submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb.")
        return 0
    if course.isolated:
        sandbox.try_out()
    names = sorted({name for _, name in wanted})
    prepare(course, names)
    if without := [name for name in names if not course.secret and course.draws_from_secret(name)]:
        why = f"{course.folder.name}/secret is missing: copy it from where the course was made"
        print(f"{', '.join(without)}: what the checks draw from exercise::secret() is known to all. {why}.")
    with course.gradebook() as gradebook, workers(options.scheduler, options.jobs) as (pool, window):
        run = Run(course, gradebook, pool, window)
        jobs = run.jobs(wanted, options)
        print(f"{len(wanted)} submissions, {len(wanted) - len(jobs)} of them graded before", flush=True)
        if course.isolated and jobs and options.scheduler is None:
            print(f"Memory, processes and time are limited by {sandbox.kept_by()}.", flush=True)
        run.all(jobs)
        for student, name in set(found) - set(wanted):
            run.leave(student, name)
        if run.left:
            print(f"{run.left} other submissions are not graded as they are now; grades.csv says which.")
        gradebook.db.expire_all()
        write_grades(course, gradebook, found, run.remarks, run.open, strays)
    records = {pair: record for pair in found if (record := course.record(*pair)).tasks}
    put(course.folder / "statistics.html", statistics_page.page(records, [*found, *strays]))
    print(f"In {course.folder.name}/: the grades in grades.csv, the class in statistics.html, the pages in feedback/.")
    return run.failed


def main(folder: Path, options: argparse.Namespace) -> int:
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # the names of files may be no text
    warnings.simplefilter("ignore")  # what nbgrader's own use of its libraries calls forth
    try:
        course = Course(folder)
        with alone(course):
            return 1 if grade_all(course, options) else 0
    except KeyboardInterrupt:
        print("\nStopped; the next run goes on here.", flush=True)
        return 130
    except (GradeError, sandbox.SandboxError, kernel_client.KernelError, judge.JudgeError) as error:
        print(f"grade: {error}", file=sys.stderr)
        return 2


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Grades what is in submitted/.")
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT")
    parser.add_argument("--student", action="append", metavar="NAME", help="only this one; can be given several times")
    parser.add_argument("--force", action="store_true", help="also what is graded as it is")
    parser.add_argument("--too-slow", action="store_true", help="also what was too slow, perhaps on a busy machine")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster that grades, say tcp://host:8786")
    parser.add_argument("--course", type=Path, default=HERE.parent, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    options = parsed()
    sys.exit(main(options.course.expanduser().resolve(), options))
