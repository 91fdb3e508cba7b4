"""Checks of what is done for a class around the grading of each submission. No kernel is started: the grader of these
tests only looks whether a cell says RIGHT."""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout

import pytest
from nbgrader.apps import NbGraderAPI

import grade
import grader
import new_course
import one
import platforms
import sandbox
import statistics_page
from conftest import REPOSITORY
from submissions import COURSE, submission

NAMES = ["blank", "zero_initialization"]


class Grader:
    """Takes the place of the one that runs submissions."""

    def __init__(self, source, name, limits, isolated, hide):
        self.checks = [cell.metadata.nbgrader.grade_id for cell in source.cells if mark(cell).get("grade")]

    def grade(self, cells):
        graded, right = grader.Graded(), False
        for cell in cells:
            if cell.cell_type == "code" and mark(cell).get("solution"):
                right = "RIGHT" in cell.source
            elif cell.cell_type == "code" and mark(cell).get("grade"):
                graded.verdicts[mark(cell).grade_id] = grader.Verdict(right, why_not="" if right else "not right")
        graded.waited = any("SLOW" in cell.source for cell in cells)
        return graded


def mark(cell):
    return cell.metadata.get("nbgrader", {})


class CourseOfTests(grade.Course):
    """Knows which functions were computed."""

    asked: list[str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A course whose assignments are in the gradebook."""
    folder = tmp_path_factory.mktemp("prepared")
    for name in ("source", "release"):
        shutil.copytree(COURSE / name, folder / name)
    (folder / "grading").symlink_to(COURSE / "grading")
    shutil.copy(COURSE / "nbgrader_config.py", folder)
    grade.prepare(grade.Course(folder), NAMES)
    return folder


@pytest.fixture
def course(prepared, tmp_path, monkeypatch):
    """A course of one's own; `course.asked` has what was computed, by student."""
    shutil.copytree(prepared, tmp_path, symlinks=True, dirs_exist_ok=True)
    course = CourseOfTests(tmp_path)
    course.asked = []

    def ask(function, question, seconds):
        course.asked.append(function)
        return getattr(one, function)(question)

    monkeypatch.setattr(one, "ask", ask)
    monkeypatch.setattr(one, "limit", lambda *limits: None)
    monkeypatch.setattr(grader, "Grader", Grader)
    monkeypatch.setattr(grade, "prepare", lambda course, names: None)
    return course


def notebook_with(right, name="blank", words=None):
    """The release of an assignment in which these tasks say RIGHT."""
    notebook = submission(name, dict.fromkeys(right, "// RIGHT"))
    for cell in notebook["cells"]:
        if words and cell["metadata"].get("nbgrader", {}).get("grade_id") == "words":
            cell["source"] = words
    return notebook


def hand_in(course, student, right=(), name="blank", words=None):
    notebook = notebook_with(right, name, words)
    path = course.folder / "submitted" / student / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def run(course, *arguments):
    return grade.main(course.folder, grade.parsed(["--jobs", "2", *arguments]))


def table(course):
    with (course.folder / "grades.csv").open(encoding="utf-8") as file:
        return {(row["student"], row["assignment"]): row for row in csv.DictReader(file)}


def page(course, student, name="blank"):
    return (course.folder / "feedback" / student / name / f"{name}.html").read_text(encoding="utf-8")


def test_names_that_mean_something_to_a_shell_or_a_spreadsheet_are_names(course):
    students = ["a[1]", "*", "?", "=1+1", "@x", "'t Hart", "Zoë", "{student_id}", "..."]
    for student in students:
        hand_in(course, student, ["choice"])
    assert run(course) == 0
    rows = table(course)
    for student in students:
        written = f"'{student}" if student[0] in "=@'" else student
        assert rows[written, "blank"]["score"] == "1", student
        assert "not right" in page(course, student)


def test_what_else_is_in_a_folder_goes_nowhere(course):
    path = hand_in(course, "ada", ["choice"])
    (path.parent / "blank.html").mkdir()
    (path.parent / "index.html").write_text("<script>", encoding="utf-8")
    (path.parent / "timestamp.txt").write_text("no date", encoding="utf-8")
    (path.parent / "data").symlink_to("/dev/zero")
    (path.parent / "book").symlink_to(course.folder / "gradebook.db")
    # What an earlier version of the course may have left in the way.
    (course.folder / "feedback/ada/blank/blank.html").mkdir(parents=True)
    assert run(course) == 0 and table(course)["ada", "blank"]["score"] == "1"
    for folder in ("autograded", "feedback"):
        assert len(list((course.folder / folder / "ada/blank").iterdir())) == 1


def test_one_odd_submission_does_not_stop_the_class(course):
    for student, make in (
        ("folder", lambda path: path.mkdir()),
        ("link", lambda path: path.symlink_to(course.source("blank"))),
        ("dangling", lambda path: path.symlink_to("nowhere")),
        ("pipe", os.mkfifo),
    ):
        path = course.folder / "submitted" / student / "blank/blank.ipynb"
        path.parent.mkdir(parents=True)
        make(path)
    (course.folder / "submitted/all").symlink_to(course.folder)
    hand_in(course, "ada", ["choice"])
    hand_in(course, "new", ["choice"])
    hand_in(course, "new", ["zeros"], name="zero_initialization")
    assert run(course) == 0
    scores = {student: row["score"] for (student, name), row in table(course).items() if name == "blank"}
    assert scores == {"folder": "0", "link": "0", "dangling": "0", "pipe": "0", "ada": "1", "new": "1"}
    assert table(course)["new", "zero_initialization"]["score"] == "2"
    assert "it is a link" in table(course)["link", "blank"]["remark"]
    # The student sees the reason as well, if there is one; when there is another, the page is made again.
    assert "blank.ipynb was not taken: it is a link" in page(course, "link")
    (course.folder / "submitted/link/blank/blank.ipynb").unlink()
    os.link(course.source("blank"), course.folder / "submitted/link/blank/blank.ipynb")
    assert run(course) == 0
    assert "it is a hard link" in table(course)["link", "blank"]["remark"]
    assert "blank.ipynb was not taken: it is a hard link" in page(course, "link")


def test_a_grading_that_ends_without_an_answer_is_tried_again_alone(course, monkeypatch):
    hand_in(course, "ada", ["choice"])
    hand_in(course, "bad", ["choice"])
    tries = []

    def ask(function, question, seconds):
        if function == "grade" and b"killer" in one.base64.b64decode(question["submission"]):
            tries.append(function)
            raise one.NoAnswerError("its process ended with -9")
        return getattr(one, function)(question)

    path = course.folder / "submitted/bad/blank/blank.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("RIGHT", "killer"), encoding="utf-8")
    monkeypatch.setattr(one, "ask", ask)
    assert run(course) == 1 and len(tries) == 2
    assert table(course)["ada", "blank"]["score"] == "1"
    assert table(course)["bad", "blank"]["remark"] == "could not be graded: its process ended with -9"
    # It is not taken for graded.
    assert run(course) == 1 and len(tries) == 4


def test_in_the_table_nobody_has_the_points_of_an_earlier_submission(course, capsys, monkeypatch):
    for student in ("ada", "bob", "cleo"):
        hand_in(course, student, ["choice"])
    assert run(course) == 0
    path = hand_in(course, "ada", ["choice", "sum-of-squares"])
    with monkeypatch.context() as patch:
        patch.delattr(one, "grade")
        assert run(course) == 1
    assert table(course)["ada", "blank"]["remark"].startswith("could not be graded")
    path.rename(path.with_name("mine.ipynb"))
    # Another one is graded, with other settings: the points of the third are those of what was handed in.
    settings = course.folder / "nbgrader_config.py"
    settings.write_text(settings.read_text(encoding="utf-8") + "\nc.Grade.cell_seconds = 9\n", encoding="utf-8")
    assert run(course, "--student", "bob") == 0
    rows = {student: (row["score"], row["remark"]) for (student, _), row in table(course).items()}
    earlier = "graded before its checks, the settings, its time or zero-init changed"
    assert rows == {
        "ada": ("", "not graded yet mine.ipynb was taken for blank.ipynb"),
        "bob": ("1", ""),
        "cleo": ("1", earlier),
    }
    assert "2 other submissions are not graded as they are now" in capsys.readouterr().out
    assert run(course) == 0 and table(course)["ada", "blank"]["score"] == "3"


@pytest.mark.slow
def test_what_was_too_slow_beside_others_is_tried_again_before_it_counts(course):
    hand_in(course, "ada", ["choice"])
    path = hand_in(course, "slow", ["choice"])
    path.write_text(path.read_text(encoding="utf-8").replace("// RIGHT", "// RIGHT SLOW"), encoding="utf-8")
    assert run(course) == 0
    assert course.asked.count("grade") == 3
    assert run(course) == 0 and course.asked.count("grade") == 3
    assert run(course, "--too-slow") == 0 and course.asked.count("grade") == 5
    assert run(course, "--force", "--student", "ada") == 0 and course.asked.count("grade") == 6


def test_a_page_that_cannot_be_made_is_made_without_the_answers(course, monkeypatch):
    hand_in(course, "ada", ["choice"], words="a bomb")
    whole = one.page

    def bomb(question):
        if "a bomb" in question["notebook"]:
            raise one.NoAnswerError("it had not ended")
        return whole(question)

    monkeypatch.setattr(one, "page", bomb)
    assert run(course) == 0
    assert "cannot be shown" in page(course, "ada") and "a bomb" not in page(course, "ada")


def mark_by_hand(course, student, cell, points, comment):
    with course.gradebook() as gradebook:
        gradebook.find_grade(cell, "blank", "blank", student).manual_score = points
        if comment:
            gradebook.find_comment(cell, "blank", "blank", student).manual_comment = comment
        gradebook.db.commit()


def test_an_answer_that_nobody_has_read_has_no_points_yet(course):
    hand_in(course, "ada", ["choice"], words="an answer")
    assert run(course) == 0
    text = page(course, "ada")
    assert '<p class="sum">1 of 5 points, and 2 not read yet</p>' in text
    assert "words</a></td><td>not read yet</td>" in text and "choice</a></td><td>1 of 1 points</td>" in text
    mark_by_hand(course, "ada", "words", 0, None)
    assert run(course) == 0
    text = page(course, "ada")
    assert '<p class="sum">1 of 7 points</p>' in text and "words</a></td><td>0 of 2 points</td>" in text


def test_what_a_person_said_of_an_answer_holds_until_the_answer_changes(course):
    hand_in(course, "ada", ["choice"], words="an answer")
    assert run(course) == 0 and table(course)["ada", "blank"]["to_read"] == "2"
    mark_by_hand(course, "ada", "words", 2, "well said")
    mark_by_hand(course, "ada", "check-network", 1, None)
    assert run(course) == 0
    assert table(course)["ada", "blank"]["score"] == "4" and "well said" in page(course, "ada")
    assert course.asked.count("grade") == 1, "only the page is made again"
    # Another task's code: the points given for code go, those for words stay.
    hand_in(course, "ada", ["choice", "sum-of-squares"], words="an answer")
    assert run(course) == 0
    assert table(course)["ada", "blank"]["score"] == "5" and "well said" in page(course, "ada")
    hand_in(course, "ada", ["choice", "sum-of-squares"], words="another answer")
    assert run(course) == 0
    row = table(course)["ada", "blank"]
    assert (row["score"], row["to_read"]) == ("3", "2") and "well said" not in page(course, "ada")


@pytest.mark.slow
def test_points_given_for_code_hold_until_a_cell_of_ones_own_changes(course):
    def hand_in_with(helper):
        path = hand_in(course, "ada", ["choice"])
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"].insert(0, {"cell_type": "code", "id": "mine", "metadata": {}, "source": helper})
        path.write_text(json.dumps(notebook), encoding="utf-8")
        assert run(course) == 0
        return table(course)["ada", "blank"]["score"]

    assert hand_in_with("fn helper() {}") == "1"
    mark_by_hand(course, "ada", "check-network", 1, None)
    assert run(course) == 0 and table(course)["ada", "blank"]["score"] == "2"
    assert hand_in_with("fn helper() {}") == "2"
    assert hand_in_with("fn helper() { another() }") == "1"


def test_the_time_of_a_submission_is_the_courses(course):
    path = hand_in(course, "ada", ["choice"])
    (path.parent / "timestamp.txt").write_text("2001-01-01 10:00:00 UTC", encoding="utf-8")
    (course.folder / "submitted.csv").write_text(
        "student,assignment,time\nada,blank,2026-05-04 10:00:00 UTC\n", encoding="utf-8"
    )
    assert run(course) == 0
    with course.gradebook() as gradebook:
        assert gradebook.find_submission("blank", "ada").timestamp.year == 2026


def test_the_formgrader_has_the_points_of_what_is_graded_whatever_time_a_student_writes(course):
    path = hand_in(course, "ada", ["choice"])
    times = course.folder / "submitted.csv"

    def shown():
        submissions = NbGraderAPI(config=course.settings).get_submissions("blank")
        return [(submission["autograded"], submission["score"]) for submission in submissions]

    for said in ("2001-01-01 10:00:00 UTC", "no time"):
        (path.parent / "timestamp.txt").write_text(said, encoding="utf-8")
        for hour in (10, 11):
            times.write_text(f"student,assignment,time\nada,blank,2026-05-04 {hour}:00 UTC\n", encoding="utf-8")
            assert shown() in ([], [(False, 0)])
            assert run(course) == 0 and shown() == [(True, 1)]


@pytest.mark.slow
def test_a_due_date_that_is_set_later_counts(course):
    hand_in(course, "ada", ["choice"])
    assert run(course) == 0 and course.asked.count("grade") == 1
    (course.folder / "submitted.csv").write_text(
        "student,assignment,time\nada,blank,2026-05-04 10:00 UTC\n", encoding="utf-8"
    )
    assert run(course) == 0 and course.asked.count("grade") == 2
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment("blank", duedate="2026-05-03 10:00 UTC")
    settings = course.folder / "nbgrader_config.py"
    settings.write_text(
        settings.read_text(encoding="utf-8") + '\nc.LateSubmissionPlugin.penalty_method = "zero"\n', encoding="utf-8"
    )
    assert run(course) == 0 and table(course)["ada", "blank"]["score"] == "0"
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment("blank", duedate="2026-05-05 10:00 UTC")
    assert run(course) == 0 and table(course)["ada", "blank"]["score"] == "1"


@pytest.mark.slow
def test_what_is_no_notebook_is_said_in_the_table(course):
    for student, text in (("list", "[1]"), ("large", " " * 50_000_001)):
        path = hand_in(course, student)
        path.write_text(text, encoding="utf-8")
    assert run(course) == 0
    assert "it has no cells" in table(course)["list", "blank"]["remark"]
    assert "more than 50000000 bytes" in table(course)["large", "blank"]["remark"]


def test_only_one_grades_a_course(course, capsys):
    hand_in(course, "ada")
    with grade.alone(course):
        assert run(course) == 2
    assert "is being graded already" in capsys.readouterr().err
    assert run(course) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["blnk"], "there is no assignment blnk; there are blank, zero_initialization"),
        (["blank", "--student", "adda"], "there is no student in submitted/ called adda; there are ada, bob"),
        (["--", "zero_initialization", "blank "], "there is no assignment blank ; there are blank, zero_"),
    ],
)
def test_a_name_that_is_mistyped_is_said_and_nothing_is_graded(course, capsys, arguments, says):
    hand_in(course, "bob", name="zero_initialization")
    hand_in(course, "ada")
    assert run(course, *arguments) == 2 and course.asked == []
    assert says in capsys.readouterr().err
    # A name that is right, and has nothing to grade, is no mistake.
    assert run(course, "blank", "--student", "bob") == 0 and course.asked == []


def test_a_submission_under_a_name_that_no_assignment_has_is_not_lost(course, capsys):
    hand_in(course, "ada", ["choice"])
    folder = hand_in(course, "bob", ["choice"]).parent
    folder.rename(folder.with_name("blnk"))
    (folder.parent / ".DS_Store").touch()
    said = (
        "submitted/bob/blnk is left alone: there is no assignment of that name (there are blank, zero_initialization)"
    )
    assert run(course) == 0 and f"{said}\n" in capsys.readouterr().out
    assert list(table(course)) == [("ada", "blank"), ("bob", "blnk")]
    row = table(course)["bob", "blnk"]
    assert (row["score"], row["remark"]) == ("", said)


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_that_is_no_course_is_one_line(tmp_path, capsys, folder):
    assert grade.main(tmp_path / folder, grade.parsed([])) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "there is no nbgrader_config.py in it; make course makes one" in said


def test_a_course_whose_zero_init_is_elsewhere_is_one_line(tmp_path, capsys):
    assert new_course.main(tmp_path / "mine") == 0
    settings = tmp_path / "mine/nbgrader_config.py"
    settings.write_text(settings.read_text(encoding="utf-8").replace(str(COURSE), "/elsewhere"), encoding="utf-8")
    assert grade.main(tmp_path / "mine", grade.parsed([])) == 2
    assert "no zero-init is where it says; write where this one is\n" in capsys.readouterr().err


def test_where_bubblewrap_makes_no_sandbox_one_line_says_what_to_do(course, capsys, monkeypatch):
    hand_in(course, "ada", ["choice"])
    hand_in(course, "bob", ["choice"])
    program, setting = course.folder / "bin/bwrap", course.folder / "apparmor_restrict_unprivileged_userns"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: not permitted' >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    setting.write_text("1\n", encoding="utf-8")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(sandbox, "APPARMOR", setting, raising=False)
    assert run(course) == 2 and course.asked == []
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "It says: bwrap: setting up uid map: not permitted; " in said
    assert "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in said
    setting.write_text("0\n", encoding="utf-8")
    assert run(course) == 2 and "sysctl" not in capsys.readouterr().err


def test_without_dask_one_line_says_how_to_install_it(course, capsys, monkeypatch):
    hand_in(course, "ada", ["choice"])
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert run(course, "--scheduler", "tcp://elsewhere:8786") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"run .venv/bin/python -m pip install {grade.DISTRIBUTED}" in said
    assert f"-m pip install {grade.DISTRIBUTED}\n" in (COURSE / "README.md").read_text(encoding="utf-8")


def test_a_secret_that_checks_draw_from_and_that_is_not_there_is_said(course, capsys):
    hand_in(course, "ada", ["choice"])
    missing = f"{course.folder.name}/secret is missing: copy it from where the course was made"
    assert run(course) == 0 and missing not in capsys.readouterr().out
    source = json.loads(course.source("blank").read_text(encoding="utf-8"))
    check = next(cell for cell in source["cells"] if cell["metadata"].get("nbgrader", {}).get("grade"))
    check["source"] = "let seed = exercise::secret();"
    course.source("blank").write_text(json.dumps(source), encoding="utf-8")
    assert run(course) == 0 and missing in capsys.readouterr().out
    (course.folder / "secret").write_text("s", encoding="utf-8")
    assert run(course) == 0 and missing not in capsys.readouterr().out


def test_a_mistake_in_the_settings_is_one_line(course):
    with (course.folder / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write("\nc.Grade.cell_second = 9\n")
    program = [sys.executable, COURSE / "grading/release.py", "--course", course.folder]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "release: nbgrader_config.py: c.Grade has no cell_second; it has sandbox, " in done.stderr


@pytest.mark.slow
def test_a_page_about_the_class_says_who_passed_what_and_why_not(course):
    for student, right in (("ada", ["choice"]), ("<b>", []), ("cleo", [])):
        hand_in(course, student, right)
    hand_in(course, "dan", ["zeros"], name="zero_initialization")
    (course.folder / "submitted/eve/zero_initialisation").mkdir(parents=True)
    assert run(course) == 0
    text = (course.folder / "statistics.html").read_text(encoding="utf-8")
    assert 'check-choice</th><td class="number">1 of 3<' in text and "2 × not right" in text
    blank, exercise = text.split("<h2>")[1:]
    assert "Not handed in by: dan, eve." in blank and "Not handed in by: &lt;b&gt;, ada, cleo, eve." in exercise


def test_a_check_that_is_new_is_on_the_page_about_the_class_though_not_all_are_graded_again():
    old, new = {"passed": True, "why_not": ""}, {"passed": False, "why_not": "not right"}
    records = {
        ("ada", "a"): grade.Record(tasks={"old": old}),
        ("bob", "a"): grade.Record(tasks={"old": old, "new": new}),
    }
    text = statistics_page.page(records, records)
    assert '>old</th><td class="number">2 of 2<' in text and '>new</th><td class="number">0 of 1<' in text


def test_what_could_not_be_graded_was_handed_in_all_the_same():
    records = {("ada", "a"): grade.Record(tasks={"task": {"passed": True, "why_not": ""}})}
    text = statistics_page.page(records, [*records, ("bob", "a"), ("bob", "b"), ("cleo", "b")])
    assert "Not handed in by: cleo." in text and text.count("<h2>") == 1


@pytest.mark.parametrize(
    ("here", "there", "missing"),
    [
        ("ada bob", "ada cleo", ["cleo"]),
        ("Ada_12 Bob_13", "Ada_44 Bob_45", []),
        ("Ada_12 Bob_13", "Ada_44 Bob_45 Cleo_46", ["Cleo_46"]),
        ("Ada_12", "Ada_44 Ada_45", ["Ada_44", "Ada_45"]),
        ("s_1", "s_1 s_2", ["s_2"]),
    ],
)
def test_who_has_not_handed_in_is_known_though_moodle_numbers_them_anew(here, there, missing):
    students = {"here": set(here.split()), "there": set(there.split())}
    assert statistics_page.absent("here", students) == missing


@pytest.mark.slow
def test_a_course_of_ones_own_has_its_own_gradebook_and_its_own_secret(tmp_path):
    for name in ("one", "other"):
        made = subprocess.run([sys.executable, COURSE / "grading/new_course.py", tmp_path / name], capture_output=True)
        assert made.returncode == 0
    again = subprocess.run([sys.executable, COURSE / "grading/new_course.py", tmp_path / "one"], capture_output=True)
    assert again.returncode == 1 and b"is not empty" in again.stderr
    one, other = (grade.Course(tmp_path / name) for name in ("one", "other"))
    assert one.names() == ["blank"] and str(tmp_path / "one/gradebook.db") in one.db_url
    assert len(one.secret) == 32 and one.secret != other.secret
    assert grade.fingerprint(one, "blank", b"") != grade.fingerprint(other, "blank", b"")
    grade.prepare(one, ["blank"])
    assert one.release("blank").exists() and "secret" in (tmp_path / "one/.gitignore").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "given"),
    [
        ("course", {"DIR": "/My o'course"}),
        ("release", {"COURSE": "/My o'course"}),
        ("grade-check", {"COURSE": "/My o'course"}),
        ("grade", {"COURSE": "/My o'course"}),
        (
            "collect",
            {"COURSE": "/My o'course", "ASSIGNMENT": "o'clock", "ARCHIVE": "/no  one's.zip", "TABLE": "/a b'.csv"},
        ),
        ("give-back", {"COURSE": "/My o'course", "ASSIGNMENT": "o'clock", "TABLE": "/a b'.csv"}),
    ],
)
def test_names_that_shells_read_otherwise_reach_the_programs_whole(tmp_path, target, given):
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / "tools").symlink_to(REPOSITORY / "tools")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    python.chmod(0o755)
    command = ["make", "--old-file=setup", target, *(f"{name}={value}" for name, value in given.items())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and set(given.values()) <= set(done.stdout.splitlines()), done.stdout + done.stderr


def test_a_new_course_says_its_name_as_a_shell_reads_it(tmp_path, capsys):
    assert new_course.main(tmp_path / "My o'course") == 0
    said = capsys.readouterr().out
    assert shlex.split(said.split(" Say ")[1])[0] == f"COURSE={tmp_path}/My o'course"


@pytest.mark.parametrize("folder", [REPOSITORY, REPOSITORY / "notebooks/mine"])
def test_a_course_inside_of_this_repository_is_refused(folder, capsys):
    assert new_course.main(folder) == 1
    assert "is inside of this repository; a course of your own goes outside" in capsys.readouterr().err
    assert not (REPOSITORY / "notebooks/mine").exists()


@pytest.mark.slow
def test_stopped_after_any_answer_nothing_is_lost_and_nothing_is_graded_twice(course, monkeypatch):
    for student in "abcdef":
        hand_in(course, student, ["choice"])
    keep, kept = grade.Course.keep, []

    def stop(self, student, name, record):
        keep(self, student, name, record)
        kept.append(student)
        if len(kept) % 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(grade.Course, "keep", stop)
    codes: list[int] = []
    while not codes or codes[-1]:
        codes.append(run(course))
    assert codes == [130] * (len(codes) - 1) + [0] and len(codes) >= 3
    assert sorted(kept) == list("abcdef")
    assert {row["score"] for row in table(course).values()} == {"1"}


@pytest.mark.slow
def test_other_machines_can_compute(course, monkeypatch):
    """The functions and what they are asked can be sent elsewhere: nothing but text goes either way."""
    for student in "ab":
        hand_in(course, student, ["choice"])

    class Elsewhere(ThreadPoolExecutor):
        def submit(self, function, /, *arguments, **named) -> Future:
            assert function is one.ask
            return super().submit(lambda: json.loads(json.dumps(function(*json.loads(json.dumps(arguments))))))

    @grade.contextmanager
    def workers(scheduler, jobs):
        with Elsewhere(2) as pool:
            yield pool, 3

    monkeypatch.setattr(grade, "workers", workers)
    assert run(course, "--scheduler", "tcp://elsewhere") == 0
    assert {row["score"] for row in table(course).values()} == {"1"}


# --- Learning platforms ----------------------------------------------------------------------------------------------

CLASS = [f"Student Number{number}" for number in range(40)]


def archive(path, entries):
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in entries:
            packed.writestr(name, data)
    return path


def command(course, *arguments):
    """What `make collect` and `make give-back` call does, in this process: to load the libraries takes seconds."""
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(io.StringIO()) as said,
        redirect_stderr(io.StringIO()) as complained,
    ):
        patch.setattr(sys, "argv", ["platforms.py", "--course", str(course.folder), *map(str, arguments)])
        return subprocess.CompletedProcess(arguments, platforms.main(), said.getvalue(), complained.getvalue())


def program(course, *arguments):
    """The same as a program."""
    return subprocess.run(
        [sys.executable, COURSE / "grading/platforms.py", "--course", course.folder, *arguments],
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_class_on_moodle_from_its_archive_to_its_points(course, tmp_path):
    """40 submissions as Moodle packs them, in folders or not; every fourth has solved one task."""
    entries, rows = [], []
    for number, student in enumerate(CLASS):
        text = json.dumps(notebook_with(["choice"] if number % 4 == 0 else []))
        folder = f"{student}_{1000 + number}_assignsubmission_file_"
        entries.append((f"{folder}/blank.ipynb" if number % 2 else f"{folder}blank.ipynb", text))
        time = f"Monday, 4 May 2026, {number % 12 + 1}:10 PM"
        rows.append([f"Participant {1000 + number}", student, "Submitted", "", "5.00", time, ""])
    rows.append(["Participant 7", "Nobody Yet", "No submission", "", "5.00", "-", ""])
    worksheet = tmp_path / "worksheet.csv"
    columns = [
        "Identifier",
        "Full name",
        "Status",
        "Grade",
        "Maximum Grade",
        "Last modified (submission)",
        "Feedback comments",
    ]
    with worksheet.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([columns, *rows])

    done = program(course, "collect", "blank", archive(tmp_path / "all.zip", entries), worksheet)
    assert done.returncode == 0 and "40 submissions are in submitted/" in done.stdout, done.stderr
    assert run(course) == 0 and len(table(course)) == 40
    with course.gradebook() as gradebook:
        assert gradebook.find_submission("blank", "Student Number3_1003").timestamp.date().isoformat() == "2026-05-04"

    done = program(course, "give-back", "blank", worksheet)
    assert done.returncode == 0 and "the points of 40 students" in done.stdout, done.stderr
    with (course.folder / "given_back/blank/worksheet.csv").open(encoding="utf-8") as file:
        back = list(csv.DictReader(file))
    assert [row["Grade"] for row in back] == [*(["1", "0", "0", "0"] * 10), ""]
    assert list(back[0]) == columns and back[-1]["Full name"] == "Nobody Yet"
    with zipfile.ZipFile(course.folder / "given_back/blank/pages.zip") as pages:
        assert len(pages.namelist()) == 40
        assert "Student Number8_1008_assignsubmission_file_/blank.html" in pages.namelist()


@pytest.mark.slow
def test_a_class_on_canvas_from_its_archive_to_its_points(course, tmp_path):
    entries, rows = [], [["    Points Possible", "", "", "", "", "5"]]
    for number, student in enumerate(CLASS):
        key, late = student.lower().replace(" ", ""), "LATE_" if number == 3 else ""
        file = "blank-2.ipynb" if number == 4 else "blank.ipynb"
        text = json.dumps(notebook_with(["choice"] if number % 4 == 0 else []))
        entries.append((f"{key}_{late}{100 + number}_{90000 + number}_{file}", text))
        rows.append([f"{student}", str(100 + number), "", f"login{number}", "A", ""])
    exported = tmp_path / "grades_export.csv"
    with exported.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "blank (555)"], *rows])

    done = command(course, "collect", "blank", archive(tmp_path / "submissions.zip", entries))
    assert done.returncode == 0 and "40 submissions are in submitted/" in done.stdout, done.stderr
    assert "late, as Canvas says: studentnumber3_103" in done.stdout
    assert run(course) == 0
    assert table(course)["studentnumber4_104", "blank"]["remark"] == ""
    done = command(course, "give-back", "blank", exported)
    assert done.returncode == 0 and "the points of 40 students" in done.stdout, done.stderr
    with (course.folder / "given_back/blank/grades_export.csv").open(encoding="utf-8") as file:
        back = list(csv.DictReader(file))
    assert [row["blank (555)"] for row in back] == ["5", *(["1", "0", "0", "0"] * 10)]


def test_of_an_archive_only_notebooks_of_students_are_taken(course, tmp_path):
    link = zipfile.ZipInfo("Eve X_9_assignsubmission_file_/blank.ipynb")
    link.external_attr = 0o120777 << 16
    text = json.dumps(notebook_with(["choice"]))
    entries = [
        (link, "../../../source/blank/blank.ipynb"),
        ("../Eve X_1_assignsubmission_file_/blank.ipynb", text),
        ("/Eve X_2_assignsubmission_file_/blank.ipynb", text),
        ("Eve X_3_assignsubmission_file_/../blank.ipynb", text),
        ("..\\Eve X_4_assignsubmission_file_/blank.ipynb", text),
        (".hidden_5_assignsubmission_file_/blank.ipynb", text),
        ("Eve X_6_assignsubmission_file_/timestamp.txt", "now"),
        ("Eve X_6_assignsubmission_file_/onlinetext.html", ""),
        ("Eve X_7_assignsubmission_file_/Blank.IPYNB", text),
        ("blank.ipynb", text),
    ]
    earlier = hand_in(course, "Eve X_7", [])
    (earlier.parent / "old.ipynb").write_text("", encoding="utf-8")
    done = command(course, "collect", "blank", archive(tmp_path / "all.zip", entries))
    assert done.returncode == 0 and done.stdout.count("left out") == 9, done.stdout
    taken = [
        path.relative_to(course.folder / "submitted") for path in course.folder.glob("submitted/**/*") if path.is_file()
    ]
    assert list(map(str, taken)) == ["Eve X_7/blank/Blank.IPYNB"]
    assert sorted(path.name for path in tmp_path.parent.iterdir() if "Eve" in path.name) == []


def test_a_file_name_gives_nobody_elses_number(course, tmp_path):
    text, right = json.dumps(notebook_with([])), json.dumps(notebook_with(["choice"]))
    ada = ("Ada X_124_assignsubmission_file_/blank.ipynb", right)
    for forged, whose in (
        ("Mal_123_assignsubmission_file_Ada X_124_assignsubmission_file_blank.ipynb", "Mal_123"),
        ("mal_1001_457_z_124_assignsubmission_file_blank.ipynb", "mal_1001"),
        ("mal_LATE_1002_457_blank.ipynb", "mal_1002"),
    ):
        done = command(course, "collect", "blank", archive(tmp_path / "all.zip", [ada, (forged, text)]))
        assert done.returncode == 0 and "2 submissions" in done.stdout, done.stdout
        assert (course.folder / "submitted" / whose / "blank").is_dir()
    twice = [
        ada,
        ("Eve_124_assignsubmission_file_/blank.ipynb", text),
        ("Eve_8_assignsubmission_file_/" + "漢" * 80 + ".ipynb", text),
    ]
    done = command(course, "collect", "blank", archive(tmp_path / "all.zip", twice))
    assert done.returncode == 0 and "'Ada X_124' has the same number" in done.stdout
    assert (course.folder / "submitted/Eve_8/blank/blank.ipynb").exists()
    # Nor does a folder that was there before.
    hand_in(course, "Old Name_124")
    assert run(course) == 0
    worksheet = tmp_path / "w.csv"
    worksheet.write_text("Identifier,Grade\nParticipant 124,\n", encoding="utf-8")
    assert "have the same number" in command(course, "give-back", "blank", worksheet).stderr


def given_back(course, table):
    """The points that a table has after `make give-back`, and what was said."""
    done = command(course, "give-back", "blank", table)
    with (course.folder / "given_back/blank" / table.name).open(encoding="utf-8") as file:
        return [row["Grade"] for row in csv.DictReader(file)], done.stdout


def test_nobody_is_given_back_the_points_of_an_earlier_submission(course, tmp_path, monkeypatch):
    hand_in(course, "ada_1", ["choice"])
    hand_in(course, "bob_2", ["choice"])
    worksheet = tmp_path / "w.csv"
    worksheet.write_text("Identifier,Grade\nParticipant 1,old\nParticipant 2,old\n", encoding="utf-8")
    assert run(course) == 0 and given_back(course, worksheet)[0] == ["1", "1"]
    hand_in(course, "ada_1", ["choice", "sum-of-squares"])
    points, said = given_back(course, worksheet)
    assert points == ["old", "1"] and "not graded as they are now, so without points: ada_1\n" in said
    # Where the grading was stopped, the table is older than what was graded.
    with monkeypatch.context() as patch:
        patch.setattr(grade, "write_grades", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            run(course)
    assert given_back(course, worksheet)[0] == ["old", "1"]
    assert run(course) == 0 and given_back(course, worksheet)[0] == ["3", "1"]


def test_every_page_is_given_back_whatever_the_name_and_a_missing_one_is_said(course, tmp_path):
    students = ["A  B_1", "C\u00a0D_2", "\u0645\u06cc\u200c\u0646_3", "=1+1_4", "'t Hart_5"]
    for student in students:
        hand_in(course, student, ["choice"])
    assert run(course) == 0
    worksheet = tmp_path / "w.csv"
    worksheet.write_text("Identifier,Grade\n" + "".join(f"Participant {n},\n" for n in range(1, 6)), encoding="utf-8")
    for missing in ([], ["A  B_1"]):
        for student in missing:
            shutil.rmtree(course.folder / "feedback" / student)
        points, said = given_back(course, worksheet)
        with zipfile.ZipFile(course.folder / "given_back/blank/pages.zip") as pages:
            assert {name.split("_assign")[0] for name in pages.namelist()} == set(students) - set(missing)
        assert points == ["1"] * 5 and said.count("\n") == 1 + len(missing)
    assert "without a page, since there is none in feedback/: A  B_1" in said


@pytest.mark.slow
def test_what_is_no_archive_or_no_table_is_said(course, tmp_path):
    text = json.dumps(notebook_with([]))
    good = archive(tmp_path / "good.zip", [("a_1_assignsubmission_file_/blank.ipynb", text)])
    empty = archive(tmp_path / "empty.zip", [("readme.txt", "")])
    (tmp_path / "no.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "binary.csv").write_bytes(b"PK\x03\x04\xff\xff\x00")
    (tmp_path / "bad.csv").write_text(
        "Identifier,Last modified (submission)\nParticipant 1,gestern\n", encoding="utf-8"
    )
    for arguments, says in (
        (["collect", "other", good], "there is no assignment other; there are blank"),
        (["collect", "", good], "say ASSIGNMENT=… (there are blank, zero_initialization)"),
        (["collect", "blank", ""], "say ARCHIVE=…"),
        (["collect", "blank", tmp_path / "no.csv"], "no.csv is no zip archive"),
        (["collect", "blank", tmp_path / "nowhere.zip"], "No such file"),
        (["collect", "blank", empty], "no notebook in it whose name is of Moodle's or Canvas's form"),
        (["collect", "blank", good, tmp_path / "no.csv"], "expected Moodle's columns"),
        (["collect", "blank", good, tmp_path / "bad.csv"], "'gestern' is no time"),
        (["give-back", "blank", ""], "say TABLE=…"),
        (["give-back", "blank", tmp_path / "binary.csv"], "binary.csv is no CSV table in UTF-8"),
        (["give-back", "blank", tmp_path / "no.csv"], "nothing is graded yet: run make grade first"),
    ):
        done = command(course, *arguments)
        assert done.returncode == 1 and says in done.stderr, (arguments, done.stderr)
    (course.folder / "submitted.csv").write_text("student,assignment,time\na_1,blank,late\n", encoding="utf-8")
    done = program(course, "collect", "blank", good)
    assert done.returncode == 1 and "submitted.csv: expected a student, an assignment and a time" in done.stderr
