"""Takes what was handed in on a learning platform out of its archive, and gives the platform points and pages back.

The archive is the one that a teacher downloads for an assignment: Moodle's "Download all submissions" or Canvas's
"Download Submissions". The table is the one that the platform reads again: Moodle's grading worksheet, or the gradebook
that Canvas exports.

Usage: platforms.py collect ASSIGNMENT ARCHIVE.zip [TABLE.csv]
       platforms.py give-back ASSIGNMENT TABLE.csv
"""

import argparse
import csv
import io
import re
import shutil
import sys
import unicodedata
import zipfile
from datetime import UTC
from pathlib import Path

from dateutil import parser as dates
from dateutil.tz import gettz

import grade
import handed_in

# Moodle: "Full Name_123_assignsubmission_file_/file.ipynb", or with the folder's name in front of the file's.
MOODLE = re.compile(r"^(?P<student>[^/_]+_\d+)_assignsubmission_file_?/?(?P<file>[^/]+)$")
# Canvas: "namefirstname_LATE_123_456_file.ipynb": the student's number, and the one of what was handed in.
CANVAS = re.compile(r"^(?P<name>[^/_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<file>[^/]+)$")


LONGEST_NAME = 200  # bytes of a file's name


class PlatformError(Exception):
    """An archive or a table that is not of the form that is known."""


def student_and_file(entry: str) -> tuple[str, str, bool] | None:
    """Who handed an entry of an archive in, the file's name, and whether the platform says that it is late."""
    if found := MOODLE.match(entry):
        return found["student"], found["file"], False
    if found := CANVAS.match(entry):
        # What is handed in once more has a number at its end.
        file = re.sub(r"-\d+(?=\.ipynb$)", "", found["file"])
        return f"{found['name']}_{found['number']}", file, bool(found["late"])
    return None


def is_plain(name: str) -> bool:
    """Whether a name can be that of a folder or a file of ours."""
    return not (
        name.startswith(".")
        or "/" in name
        or "\\" in name
        or any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
    )


def collect(course: grade.Course, name: str, archive: Path, table: Path | None) -> list[str]:
    """Puts the notebooks of an archive into submitted/, in place of earlier ones. Returns what there is to say."""
    if archive.is_file() and not zipfile.is_zipfile(archive):
        raise PlatformError(f"{archive.name} is no zip archive")
    said, late, people = [], set(), set()
    numbers: dict[str, str] = {}
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            who = student_and_file(entry.filename)
            if entry.is_dir() or who is None or not who[1].lower().endswith(".ipynb"):
                if not entry.is_dir():
                    said.append(f"left out: {entry.filename!r}, which is no notebook of a student")
                continue
            student, file, is_late = who
            number = student.rpartition("_")[2]
            if numbers.setdefault(number, student) != student:
                said.append(f"left out: {entry.filename!r}, since {numbers[number]!r} has the same number")
                continue
            # An archive may have links, whose mode is in the upper half.
            if not is_plain(student) or not is_plain(file) or entry.external_attr >> 28 == 0xA:
                said.append(f"left out: {entry.filename!r}, which is not an ordinary file")
                continue
            with opened.open(entry) as packed:
                data = packed.read(handed_in.LARGEST_FILE + 1)
            folder = course.folder / "submitted" / student / name
            if student not in people:
                if folder.is_symlink():
                    folder.unlink()
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
            people.add(student)
            late |= {student} if is_late else set()
            # A name that is too long for a file says nothing that matters.
            (folder / (file if len(file.encode()) <= LONGEST_NAME else f"{name}.ipynb")).write_bytes(data)
    if not people:
        raise PlatformError(f"{archive.name}: there is no notebook in it whose name is of Moodle's or Canvas's form")
    write_times(course, name, people, times_in(table) if table else {})
    said += [f"late, as Canvas says: {', '.join(sorted(late))}"] if late else []
    return [*said, f"{len(people)} submissions are in submitted/"]


def rows_of(table: Path) -> tuple[list[str], list[dict[str, str]]]:
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            rows = list(reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise PlatformError(f"{table.name} is no CSV table in UTF-8") from error
        return list(reader.fieldnames or []), rows


def times_in(table: Path) -> dict[str, str]:
    """When students handed in, by the number that Moodle's worksheet has for them."""
    columns, rows = rows_of(table)
    column = next((column for column in columns if column.startswith("Last modified (submission")), None)
    if column is None or "Identifier" not in columns:
        raise PlatformError(f"{table.name}: expected Moodle's columns Identifier and Last modified (submission)")
    times = {}
    for row in rows:
        if row[column].strip() in ("", "-"):
            continue
        try:
            time = dates.parse(row[column], fuzzy=True)
        except (ValueError, OverflowError) as error:
            raise PlatformError(f"{table.name}: {row[column]!r} is no time in English") from error
        # The platform writes the time of the clock on the wall, so here is where the clock should hang.
        time = time if time.tzinfo else time.replace(tzinfo=gettz())
        times[row["Identifier"].split()[-1]] = f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return times


def write_times(course: grade.Course, name: str, people: set[str], times: dict[str, str]) -> None:
    """Keeps when this was handed in, in submitted.csv, which has the other assignments' times as well."""
    known = {pair: time for pair, time in course.times().items() if pair[1] != name or pair[0] not in people}
    known |= {(student, name): times.get(student.rpartition("_")[2], "") for student in people}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["student", "assignment", "time"])
    writer.writerows((*pair, time) for pair, time in sorted(known.items()) if time)
    grade.put(course.folder / "submitted.csv", text.getvalue())


def holds(course: grade.Course, student: str, name: str) -> bool:
    """Whether what grades.csv has is the grade of what is handed in now."""
    path = course.record_path(student, name)
    if not path.exists() or path.stat().st_mtime_ns > (course.folder / "grades.csv").stat().st_mtime_ns:
        return False  # a grading that was stopped writes no table
    data, _ = handed_in.find(course.folder / "submitted", student, name)
    return grade.is_of(course.record(student, name).fingerprint, data)


def give_back(course: grade.Course, name: str, table: Path) -> list[str]:
    """Fills the points into the platform's table and packs the feedback pages, in given_back/ASSIGNMENT/."""
    columns, rows = rows_of(table)
    if not (course.folder / "grades.csv").exists():
        raise PlatformError("nothing is graded yet: run make grade first")
    with (course.folder / "grades.csv").open(newline="", encoding="utf-8") as file:
        written = {row["student"]: row for row in csv.DictReader(file) if row["assignment"] == name}
    graded, numbers = dict[str, dict[str, str]](), dict[str, str]()
    for person in (person for person, of in course.submissions() if of == name):
        number = person.rpartition("_")[2]
        if numbers.setdefault(number, person) != person:
            raise PlatformError(f"{numbers[number]!r} and {person!r} have the same number: remove one from submitted/")
        graded[person] = written.get(grade.harmless(person), {"score": ""})  # the folder may have another name
    if "Identifier" in columns and "Grade" in columns:
        number_of, column = "Identifier", "Grade"
    elif "ID" in columns:
        fitting = [column for column in columns if re.fullmatch(rf"{re.escape(name)} \(\d+\)", column)]
        if len(fitting) != 1:
            raise PlatformError(f"{table.name}: expected one column '{name} (number)', and there are {len(fitting)}")
        number_of, column = "ID", fitting[0]
    else:
        raise PlatformError(f"{table.name}: expected Moodle's columns Identifier and Grade, or Canvas's ID")
    given, waiting = set(), []
    changed = {student for student in graded if not holds(course, student, name)}
    for row in rows:
        student = numbers.get((row[number_of] or "").split()[-1] if (row[number_of] or "").split() else "")
        if student and student not in changed and graded[student]["score"]:
            row[column] = graded[student]["score"]
            given.add(student)
            waiting += [student] if float(graded[student]["to_read"] or 0) else []
    folder = course.folder / "given_back" / name
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    grade.put(folder / table.name, text.getvalue())
    without_page = []
    with zipfile.ZipFile(folder / "pages.zip", "w", zipfile.ZIP_DEFLATED) as pages:
        for student in sorted(given):
            page = course.folder / "feedback" / student / name / f"{name}.html"
            if page.exists():
                pages.write(page, f"{student}_assignsubmission_file_/{name}.html")
            else:
                without_page.append(student)
    said = [f"given_back/{name}/{table.name} has the points of {len(given)} students, pages.zip their pages"]
    if changed:
        said.append(f"not graded as they are now, so without points: {', '.join(sorted(changed))}")
    if missing := sorted(set(graded) - given - changed):
        said.append(f"not in the table, or not graded: {', '.join(missing)}")
    if without_page:
        said.append(f"without a page, since there is none in feedback/: {', '.join(without_page)}")
    if waiting:
        said.append(f"{len(waiting)} of them have an answer that nobody has read yet")
    return said


def file(name: str) -> Path:
    return Path(name).expanduser()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--course", type=Path, default=grade.HERE.parent, help=argparse.SUPPRESS)
    steps = parser.add_subparsers(dest="step", required=True)
    for step, files in (("collect", ["archive"]), ("give-back", ["table"])):
        one = steps.add_parser(step)
        for argument in ["assignment", *files]:
            one.add_argument(argument, type=str if argument == "assignment" else file)
    steps.choices["collect"].add_argument("table", type=file, nargs="?")
    options = parser.parse_args()
    csv.field_size_limit(10**9)  # what a student wrote online can be in a cell
    try:
        course = grade.Course(options.course.expanduser().resolve())
        there_are = f"there are {', '.join(course.names())}"
        for name in ("assignment", "archive", "table"):
            if getattr(options, name, None) in ("", Path()):  # what make passes on if it was not given
                raise PlatformError(f"say {name.upper()}=…{f' ({there_are})' if name == 'assignment' else ''}")
        if options.assignment not in course.names():
            raise PlatformError(f"there is no assignment {options.assignment}; {there_are}")
        if options.step == "collect":
            said = collect(course, options.assignment, options.archive, options.table)
        else:
            said = give_back(course, options.assignment, options.table)
    except (PlatformError, grade.GradeError, OSError, zipfile.BadZipFile, UnicodeDecodeError, csv.Error) as error:
        print(f"{options.step}: {error}", file=sys.stderr)
        return 1
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
