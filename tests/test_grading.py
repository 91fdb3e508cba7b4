"""Grades a table of submissions (submissions.py) with the real course, and checks the points that each gets."""

import csv
import html
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import types
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

import grade
import grader
import handed_in
import judge
import one
import plugin
import program
import sandbox
from conftest import ALL, IN_CI, REPOSITORY
from kernel_client import CellTooLoudError
from submissions import COURSE, FEW, RIGHT, ROWS, body, solutions, submission

GRADE = COURSE / "grading/grade.py"
MEMORY = 1_300_000_000  # bytes that a submission may have

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None and not IN_CI, reason="bubblewrap (bwrap) is not installed"
)


def copy_of_the_course(folder):
    """The course as a fresh clone has it, with less patience and memory."""
    folder.mkdir(exist_ok=True)
    for name in ("source", "release"):
        shutil.copytree(COURSE / name, folder / name)
    (folder / "grading").symlink_to(COURSE / "grading")
    settings = (COURSE / "nbgrader_config.py").read_text(encoding="utf-8")
    settings += f"\nc.Grade.check_seconds = 5\nc.Grade.cell_seconds = 12\nc.Grade.memory_bytes = {MEMORY}\n"
    (folder / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    return folder


def student_of(row):
    return row.name.replace(" ", "-").replace("'", "")


def hand_in(course, rows, port):
    """Puts submissions where nbgrader expects them."""
    for row in rows:
        folder = course / "submitted" / student_of(row) / row.assignment
        folder.mkdir(parents=True)
        if row.text is not None:
            text = row.text.replace("@COURSE@", str(course)).replace("@REPOSITORY@", str(REPOSITORY))
            (folder / f"{row.assignment}.ipynb").write_text(text.replace("@PORT@", str(port)), encoding="utf-8")


def run_grade(course, *arguments):
    return subprocess.run([sys.executable, GRADE, "--course", course, *arguments], capture_output=True, text=True)


# Settings of Linux that are counters.
COUNTER = re.compile(r"/(dentry-state|file-nr|inode-nr|inode-state|ns_last_pid|aio-nr|random/.*|pty/nr)$")

# Runs a command, inherits the processes that it leaves behind, and says which they are.
HEIR = """
import ctypes, json, psutil, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
code = subprocess.run(sys.argv[1:]).returncode
left = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=20)[1]
commands = [process.as_dict(["pid", "cmdline"]) for process in left]
for process in left:
    process.kill()
print(json.dumps(commands), file=sys.stderr)
sys.exit(code)
"""


def text_of(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def state_of_the_machine(course):
    """What grading has to leave as it was. Of counters and of files in use it cannot be said."""
    settings = [Path(folder, name) for folder, _, names in os.walk("/proc/sys") for name in names]
    mine = [
        Path(folder, name)
        for top in ("src", "tools", "tests", "notebooks")
        for folder, _, names in os.walk(REPOSITORY / top)
        for name in names
        if "__pycache__" not in folder and "ipynb_checkpoints" not in folder
    ]
    return {
        "settings": {path: text_of(path) for path in settings if not COUNTER.search(str(path))},
        "mounts": text_of(Path("/proc/self/mounts")),
        "files": {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in mine},
        "course": {
            path: path.read_bytes()
            for folder in ("source", "release", "submitted")
            for path in (course / folder).rglob("*")
            if path.is_file()
        },
    }


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
    """The course after grading the rows that the chosen tests need, and what has changed on the machine."""
    course = copy_of_the_course(tmp_path_factory.mktemp("course"))
    chosen = [row for row in ROWS if any(f"[{row}]" in item.nodeid for item in request.session.items)]
    hand_in(course, chosen, port)
    before, folder = state_of_the_machine(course), tmp_path_factory.mktemp("temporary")
    command = [sys.executable, "-c", HEIR, sys.executable, GRADE, "--course", course]
    command += ["--jobs", "4"]  # some of them only wait to be stopped
    done = subprocess.run(command, env=dict(os.environ, TMPDIR=str(folder)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    after = state_of_the_machine(course)
    left = json.loads(done.stderr.splitlines()[-1])
    changed = {"processes": left, "temporary files": sorted(folder.rglob("*"))}
    for what, was in before.items():
        now = after[what]
        changed[what] = [] if now == was else [now]
        if isinstance(was, dict):
            changed[what] = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    return course, changed


CHOSEN = [row for row in ROWS if ALL or row.name in FEW]


@pytest.mark.parametrize("row", CHOSEN, ids=str)
def test_a_submission_gets_its_points(graded, row):
    course, _ = graded
    grades = grades_of(course)[student_of(row)]
    page = course / "feedback" / student_of(row) / row.assignment / f"{row.assignment}.html"
    text = page.read_text(encoding="utf-8")
    assert float(grades["score"]) == row.points, grades
    said = html.unescape(re.sub(r"<[^>]*>", "", text))
    assert row.says in said
    for secret in ("HIDDEN TESTS", "MARK SCHEME", "Rubric", "Notes for the author"):
        assert secret not in said
    # What is too much is seen a moment later, in two looks. Until then it grows, to what one process may have.
    record = json.loads((course / ".grading" / row.assignment / f"{student_of(row)}.json").read_text(encoding="utf-8"))
    assert record["memory"] < 2 * MEMORY


def test_the_machine_is_as_it_was_before_they_were_graded(graded):
    _, changed = graded
    assert not any(changed.values()), changed


def test_the_table_has_its_mistakes_accidents_and_attacks():
    assert len(ROWS) >= 25 and {row.name for row in ROWS} > FEW
    assert len({student_of(row) for row in ROWS}) == len(ROWS)


@pytest.mark.slow
def test_graded_again_in_another_order_the_grades_are_the_same(tmp_path):
    course = copy_of_the_course(tmp_path)
    names = ["only what is seen", "ends the process in the function", "panic hook silenced"]
    rows = [row for row in ROWS if row.name in names]
    hand_in(course, rows, port=0)
    first = run_grade(course, "--jobs", "2")
    before = grades_of(course)
    assert first.returncode == 0 and "3 submissions, 0 of them graded before" in first.stdout, first.stderr
    # Nothing is to be done, until a submission changes.
    assert "3 submissions, 3 of them graded before" in run_grade(course).stdout
    changed = course / "submitted" / student_of(rows[-1]) / "blank/blank.ipynb"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert "3 submissions, 2 of them graded before" in run_grade(course).stdout
    assert grades_of(course) == before
    # All anew, one at a time, from the last to the first.
    for folder in ("autograded", "feedback", ".grading"):
        shutil.rmtree(course / folder)
    (course / "gradebook.db").unlink()
    for row in reversed(rows):
        assert run_grade(course, "--jobs", "1", "--student", student_of(row)).returncode == 0
    run_grade(course)
    assert grades_of(course) == before


def test_what_a_grade_depends_on_is_in_its_fingerprint(tmp_path, monkeypatch):
    course = copy_of_the_course(tmp_path / "course")
    hand_in(course, [row for row in ROWS if row.name == "empty"], port=0)
    crate = tmp_path / "lib.rs"
    crate.touch()
    assert {"Cargo.lock", "circles_train.csv", "lib.rs"} <= {path.name for path in grade.one.kernel.inputs()}
    monkeypatch.setattr(grade.one.kernel, "inputs", lambda: [crate])

    def seen_now():
        now = grade.Course(course)
        return grade.fingerprint(now, "blank", handed_in.find(course / "submitted", "empty", "blank")[0])

    seen = [seen_now()]
    for path, text in (
        (course / "submitted/empty/blank/blank.ipynb", " "),
        (course / "source/blank/blank.ipynb", " "),
        (course / "nbgrader_config.py", "\nc.Grade.memory_bytes = 1_300_000_001\n"),
        (crate, "// more"),
    ):
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
        grade.one.machinery.cache_clear()
        seen.append(seen_now())
    monkeypatch.setenv("SANDBOX", "off")
    seen.append(seen_now())
    assert len(set(seen)) == 6
    course = course.rename(tmp_path / "elsewhere")
    assert seen_now() == seen[-1]


def test_what_went_wrong_is_what_the_log_says(monkeypatch):
    log = "[ERROR] There was an error\n[ERROR] Traceback:\n  File x\nsqlite3.OperationalError: database is locked\n"
    error = "Traceback:\n  File y\nnbgrader.converters.base.NbGraderException: Please see the the above traceback"
    for result, says in (
        ({"log": log, "error": error}, "sqlite3.OperationalError: database is locked"),
        ({"log": None, "error": "Traceback:\nValueError: no"}, "ValueError: no"),
        ({"log": "[ERROR] No notebooks were matched", "error": None}, "no reason was given"),
    ):
        api = types.SimpleNamespace(autograde=lambda result=result: dict(result, success=False))
        monkeypatch.setattr(grade, "NbGraderAPI", lambda config, api=api: api)
        assert grade.nbgrader(COURSE, "autograde") == says


@pytest.mark.slow
def test_stopped_in_the_middle_it_goes_on(tmp_path):
    course = copy_of_the_course(tmp_path)
    hand_in(course, [row for row in ROWS if row.name in ("empty", "not JSON", "no file", "a list")], port=0)
    command = [sys.executable, GRADE, "--course", course, "--jobs", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    for line in process.stdout:
        if line.startswith("1/4"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = run_grade(course)
    assert done.returncode == 0 and re.search(r"4 submissions, [123] of them graded before", done.stdout), done.stdout
    assert {grades["score"] for grades in grades_of(course).values()} == {"0"}


@pytest.mark.slow
def test_without_bubblewrap_nothing_is_graded_unless_switched_off_by_name(tmp_path, monkeypatch):
    course = copy_of_the_course(tmp_path)
    hand_in(course, [row for row in ROWS if row.name == "empty"], port=0)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("rustc", "cargo", "cc", "ld", "git"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(programs))
    refused = run_grade(course)
    assert refused.returncode == 2 and "bubblewrap (bwrap) is not installed" in refused.stderr
    assert not (course / "grades.csv").exists()
    monkeypatch.setenv("SANDBOX", "off")
    assert run_grade(course).returncode == 0
    assert grades_of(course)["empty"]["score"] == "0"


def test_releases_are_up_to_date(tmp_path):
    course = copy_of_the_course(tmp_path)
    done = subprocess.run(
        [sys.executable, COURSE / "grading/release.py", "--course", course], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for path in sorted(COURSE.glob("release/*/*.ipynb")):
        made = course / path.relative_to(COURSE)
        assert made.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), "stale: run 'make release'"
        for secret in ("SOLUTION", "HIDDEN", "MARK SCHEME", "Rubric", "Notes for the author"):
            assert secret not in path.read_text(encoding="utf-8")


# --- A submission that is nothing but functions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "defined"),
    [
        ("", set()),
        ("// nothing yet\n/* fn a() {} */", set()),
        ("fn a() {}", {"a"}),
        (
            '/// What it does {\npub fn a(x: &str) -> [f64; 2] { match x { "}" => [0.0; 2], _ => [1.0; { 1 + 1 }] } }',
            {"a"},
        ),
        ("fn a<'a>(x: &'a str) -> char { '{' }\n\nfn b() -> &'static str { r#\"\"}\"# }", {"a", "b"}),
        ("fn a<const N: usize>(x: [f64; N]) -> f64 where f64: Copy { fn c() {} static S: f64 = 1.0; S }", {"a"}),
        ("fn a() { b'\\''; '\\u{7b}'; '\\\\'; }", {"a"}),
        ("fn a() {} a();", None),
        ("fn a() {} 1", None),
        ("let a = 1;", None),
        ("use std::fmt;", None),
        ("struct A;", None),
        ("static A: i32 = 1;", None),
        ("#[inline] fn a() {}", None),
        ("fn a() { struct A; impl Drop for A { fn drop(&mut self) {} } }", None),
        ("fn a() {}\n:dep rand", None),
        # A comment in another one ends where this does: a whole item can seem to be text in quotes.
        ('fn a() { /* /* */ } fn b() { " */ } struct A; impl Drop for A { fn drop(&mut self) {} } // " }', None),
        # What is not closed goes on in the next cell.
        ("fn a() { /* }", None),
        ('fn a() { " }', None),
        ('fn a() { r#" "}', None),
        ('fn a() { r#" "# }', {"a"}),
        ("fn a() { '\\u{_______________41} }", None),
        # What an attribute says, or an assembler, can hold for the whole program.
        ("fn a() { #[macro_export] macro_rules! vec { () => {} } }", None),
        ('fn a() { std::arch::global_asm!(".globl exp") }', None),
        # The same name can be written in several ways.
        ("fn größe() {}", {"größe"}),
        ("fn gro\u0308ße() {}", None),
        ("fn a() { gro\u0308ße() }", None),
        ("fn \u200ea() {}", None),
        ("fn r#a() {}", None),
        ("fn \u212a() {}", None),
        ("fn a() { b('\u0308', \"o\u0308\") } // o\u0308", {"a"}),
        ("fn a() {}\n" + "// long\n" * 100_000, None),
        ("fn a() {", None),
        ("fn a();", None),
        ("fn", None),
        ("}", None),
    ],
)
def test_what_a_cell_defines_is_known_only_if_it_is_functions(source, defined):
    assert program.functions(source) == defined


@pytest.mark.parametrize("text", ['"' + '\\"' * 90_000, 'r#"' * 60_000, "/* " * 60_000])
def test_no_text_takes_long_to_look_through(text):
    """It is done outside of the sandbox and its limits. These took a minute, and ten times as long hours."""
    code = "import resource, sys, program; resource.setrlimit(resource.RLIMIT_CPU, (10, 10)); "
    code += "print(program.functions(sys.stdin.read()))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=COURSE / "grading", input=text, capture_output=True, text=True)
    assert done.stdout == "None\n", done


def code_cells(*sources):
    return [new_code_cell(source) for source in sources]


def setup_cell(source):
    return new_code_cell(source, metadata={"nbgrader": {"grade": False, "solution": False, "locked": True}})


def check_cell():
    mark = {"grade": True, "solution": False, "locked": True, "grade_id": "check"}
    return new_code_cell("a()", metadata={"nbgrader": mark})


def test_only_what_means_the_same_as_one_program_is_made_one():
    setup = setup_cell(":dep exercise = { workspace = true }\nuse std::fmt::Debug;\nset_up();")
    used = {"check": ["fn a() -> f64"]}
    made = program.made_of([setup, *code_cells("fn a() -> f64 { 1.0 }", "fn c() {}"), check_cell()], used)
    assert made and made.crates == ["exercise"] and made.text.index("fn c()") < made.text.index("set_up()")
    for cells in (
        # In a kernel, the first of these does not compile.
        [setup, *code_cells("fn a() -> f64 { b() }", "fn b() -> f64 { 1.0 }")],
        [setup, *code_cells("fn a() -> f64 { 0.0 }", "fn a() -> f64 { 1.0 }")],
        [setup, *code_cells("fn set_up() {}")],
        [setup, *code_cells("fn a() -> f64 { 1.0 }", "a();")],
        [*code_cells("fn a() -> f64 { 1.0 }"), setup],
        [setup, setup_cell(':dep rand = "0.8"'), *code_cells("fn a() -> f64 { 1.0 }")],
        [setup, check_cell(), *code_cells("fn a() -> f64 { 1.0 }")],
        [setup, *code_cells("fn a() -> f64 { 1.0 }"), *code_cells("// long\n" * 20_000) * 2],
        code_cells("fn a() -> f64 { 1.0 }"),
    ):
        assert program.made_of(cells, used) is None, cells


def notebooks_of(name):
    return (nbformat.read(COURSE / folder / name / f"{name}.ipynb", as_version=4) for folder in ("source", "release"))


def graded_directly(monkeypatch, name, code, compiled=True):
    """The verdicts on a submission with this code, and the number of kernels and of programs that it took."""
    started = []

    class Seen(sandbox.Sandbox):
        def __init__(self, limits, isolated, used, compiler=None):
            super().__init__(limits, isolated, used, compiler)
            started.append("program" if compiler else "kernel")

    monkeypatch.setattr(grader, "Sandbox", Seen)
    monkeypatch.setattr(grader, "compiler", sandbox.compiler if compiled else lambda crates: None)
    source, release = notebooks_of(name)
    notebook, _ = handed_in.read(json.dumps(submission(name, code)).encode())
    cells = handed_in.reconciled(notebook.cells, handed_in.marked_cells(source, release))
    limits = sandbox.Limits(cell=12, check=5)
    graded = grader.Grader(source, name, limits).grade(cells)
    return {task: (verdict.passed, verdict.why_not) for task, verdict in graded.verdicts.items()}, started


@pytest.mark.parametrize("compiled", [True, False])
def test_hidden_tests_can_be_kept_from_what_later_cells_print(monkeypatch, compiled):
    """A function may have kept what a hidden test gave it."""

    class Talkative:
        alive, by_wall_clock = True, False

        def __init__(self, *_):
            pass

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *_: None  # noqa: E731

        def run(self, source, quiet=False):
            return sandbox.Ran("ok", [("stdout", "secret")])

        def answer(self, signatures, judge):
            return None, "passed"

    monkeypatch.setattr(grader, "Sandbox", Talkative)
    monkeypatch.setattr(grader, "compiler", lambda crates: [] if compiled else None)
    source, release = notebooks_of("blank")
    handed, _ = handed_in.read(json.dumps(submission("blank", RIGHT)).encode())
    cells = handed_in.reconciled(handed.cells, handed_in.marked_cells(source, release))
    first, last = new_code_cell("fn first() {}"), new_code_cell("fn last() {}")
    place = next(number for number, cell in enumerate(cells) if cell.cell_type == "code" and program.is_check(cell))
    cells = [*cells[:place], first, *cells[place:], last]
    for hide, outputs in ((False, ["secret", "secret"]), (True, ["secret", grader.NOT_SHOWN])):
        grader.Grader(source, "blank", hide=hide).grade(cells).write_into(cells)
        said = ["".join(output.text for output in cell.outputs) for cell in (first, last)]
        # A program's functions print nothing.
        assert said == [text if text != "secret" or not compiled else "" for text in outputs]


def test_what_a_sandbox_says_of_an_error_is_cut():
    forged = sandbox.Ran("error", [("stderr", "[E0308] Error: " + "x" * 200_000 + "\n")] * 2)
    blank = grader.Grader(next(notebooks_of("blank")), "blank")
    claims: Any = types.SimpleNamespace(answer=lambda *_: (forged, ""))
    said = blank._check(claims, "check-choice").why_not
    assert "The Rust compiler says: xxx" in said and len(said) < 20_000


def test_the_limits_are_those_that_instructors_are_told():
    limits, page = sandbox.Limits(), (COURSE / "README.md").read_text(encoding="utf-8")
    told = f"At most {limits.cell:g} s a cell, {limits.check:g} s for the calls of a check, "
    told += f"{limits.submission / 60:g} min in all, {limits.memory / 1024**3:g} GiB, "
    assert f"{told}{limits.processes} processes and threads" in page
    assert set(grade.LIMITS.values()) <= vars(limits).keys() and all(f"`{name}`" in page for name in grade.LIMITS)


def test_functions_are_graded_without_a_kernel(monkeypatch):
    verdicts, started = graded_directly(monkeypatch, "blank", RIGHT)
    assert all(passed for passed, _ in verdicts.values()) and started == ["program"]
    # Where it ends, it is replaced, and the tasks that come after it have their points.
    verdicts, started = graded_directly(monkeypatch, "blank", RIGHT | {"sum-of-squares": body("std::process::abort()")})
    assert [passed for passed, _ in verdicts.values()].count(True) == len(verdicts) - 1
    assert set(started) == {"program"}


def test_without_a_function_of_the_students_nothing_is_started(monkeypatch):
    verdicts, started = graded_directly(monkeypatch, "blank", dict.fromkeys(RIGHT, "// nothing yet"))
    assert started == [] and not any(passed for passed, _ in verdicts.values())
    assert "fn sum_of_squares(numbers: &[f64]) -> f64\nNo cell of the notebook defines it." in verdicts[
        "check-sum-of-squares"
    ][1].replace("    ", "")
    # One that is missing costs only its own points, with and without a kernel.
    code = RIGHT | {"sum-of-squares": ""}
    passed = {name: passed for name, (passed, _) in graded_directly(monkeypatch, "blank", code)[0].items()}
    assert list(passed.values()).count(False) == 1 and not passed["check-sum-of-squares"]
    other = graded_directly(monkeypatch, "blank", code, False)[0]
    assert passed == {name: passed for name, (passed, _) in other.items()}


def test_no_check_is_decided_twice(monkeypatch):
    """A program may compile at some times only, and end itself where it sees that it has guessed wrong."""
    compiled = iter(["ok", "error", "slow", "ok", "ok"])
    asked = []

    class Moody:
        by_wall_clock = False

        def __init__(self, limits, isolated, used, compiler=None):
            assert compiler is not None, "a kernel is started"
            self.alive = True

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *_: None  # noqa: E731

        def run(self, source):
            return sandbox.Ran(next(compiled))

        def answer(self, signatures, judge):
            asked.append(judge[1])
            self.alive = False
            return None, "passed"

    monkeypatch.setattr(grader, "Sandbox", Moody)
    source, release = notebooks_of("blank")
    handed, _ = handed_in.read(json.dumps(submission("blank", RIGHT)).encode())
    cells = handed_in.reconciled(handed.cells, handed_in.marked_cells(source, release))
    verdicts = grader.Grader(source, "blank").grade(cells).verdicts
    assert asked == list(verdicts) and all(verdict.passed for verdict in verdicts.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        body("numbers[99]"),
        body("std::process::exit(0)"),
        body("loop {}"),
        body(
            "static N: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0); "
            "if N.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 2 { return 0.0 } "
            "numbers.iter().map(|x| x * x).sum()"
        ),
        body("(0..=u8::MAX).fold(0_u8, |a, b| a + b).into()"),
        body("numbers.sum_of_all()"),
        body("if cfg!(debug_assertions) { 25.0 } else { 0.0 }"),
        body(
            'let caught = std::panic::catch_unwind(|| 1 / (std::hint::black_box(1) - 1)); panic!("{}", caught.is_err())'
        ),
        "fn sum_of_squares(numbers: &[f64]) -> f64 { helper(numbers) }",
    ],
)
def test_a_program_and_a_kernel_come_to_the_same(monkeypatch, source):
    code = RIGHT | {"sum-of-squares": source}
    assert graded_directly(monkeypatch, "blank", code)[0] == graded_directly(monkeypatch, "blank", code, False)[0]


def test_a_question_that_ends_its_process_costs_no_other_its_answer():
    notebook = {
        "notebook": nbformat.writes(nbformat.v4.new_notebook()),
        "known": {"notebook": "blank", "score": 1, "max_score": 2},
    }
    with pytest.raises(one.NoAnswerError, match="its process ended with 1: this machine has another version"):
        one.ask("grade", {"machinery": "another"}, 600)
    server = one.mine.server.process
    assert "1 of 2 points" in one.ask("page", notebook, 600)["page"] and one.mine.server.process is server
    with pytest.raises(one.NoAnswerError, match="it had not ended after 0 s"):
        one.ask("page", notebook, 0.0)
    assert server.wait() and "1 of 2 points" in one.ask("page", notebook, 600)["page"]
    with pytest.raises(one.NoAnswerError, match="its process ended with 1: KeyError"):
        one.ask("page", {}, 600)
    one.end(one.mine.server.process.pid)


# Has limits that an ordinary user cannot raise, and prints those that the grading sets.
LIMITED = """
import one, os, resource as r
r.setrlimit(r.RLIMIT_AS, (6_000_000_000,) * 2)
r.setrlimit(r.RLIMIT_CPU, (40,) * 2)
os.getuid() or os.setuid(65534)
for memory, *seconds in ([5_000_000_000, 60], [7_000_000_000, 30], [r.RLIM_INFINITY]):
    one.limit(memory, *seconds)
    print(r.getrlimit(r.RLIMIT_AS)[0] // 10**9, r.getrlimit(r.RLIMIT_CPU)[0])
"""


def test_lower_limits_of_the_one_who_grades_stay_as_they_are():
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=COURSE / "grading", capture_output=True, text=True)
    assert done.stdout.splitlines() == ["5 40", "6 30", "6 40"], done.stderr


# --- The judge -------------------------------------------------------------------------------------------------------


def assignment_with(check):
    """An assignment of two functions, with this check."""
    asked = {"twice": "fn twice(x: f64) -> f64", "half": "fn half(x: f64) -> f64"}
    return judge.Assignment(asked, {"check": check}, [])


def test_the_functions_that_a_check_uses_are_those_that_the_compiler_misses():
    for check, used in (
        ("assert_eq!(twice(1.0), 2.0);", "twice"),
        ("assert_eq!([1.0].map(twice), [2.0]);", "twice"),
        ("let half = 0.5; assert_eq!(twice(half), 1.0);", "twice"),
        ('let text = r#"half(" "#; let quote = \'"\'; assert!(twice(1.0) == 2.0); // half(1.0)', "twice"),
        ("struct Of { twice: f64 }\nimpl Of { fn half(&self) -> f64 { self.twice } }\nOf { twice: 1.0 }.half();", ""),
        ("let f: fn(f64) -> f64 = if true { twice } else { half }; f(1.0);", "twice half"),
    ):
        found = judge.build(assignment_with(check), "any").used["check"]
        assert " ".join(signature[3:].split("(")[0] for signature in found) == used, check


def test_assignments_with_other_checks_have_other_judges():
    one, other = (judge.build(assignment_with(f"assert!(twice({x}.0) > 0.0);"), "hw-1") for x in (1, 2))
    assert one.program != other.program and one.program.exists() and other.program.exists()


def test_a_hidden_test_draws_its_numbers_from_the_courses_secret():
    check = 'panic!("{}", exercise::secret());'
    program = judge.build(assignment_with(check), "any").program
    numbers = [
        subprocess.run(
            [program, "check"], stdin=subprocess.DEVNULL, capture_output=True, env={"ZERO_INIT_SECRET": secret}
        )
        for secret in ("", "a", "b", "a")
    ]
    none, a, b, same = (done.stdout for done in numbers)
    assert none == b"0\n" and len({none, a, b}) == 3 and same == a


def test_the_judge_says_whether_a_hidden_part_of_a_check_was_not_passed():
    lines = ["let n = {};", "assert!(n != 1, 'seen');", "// BEGIN HIDDEN TESTS", "assert!(n != 2, 'kept');"]
    check = "\n".join([*lines, "// END HIDDEN TESTS", "assert!(n != 3, 'seen');"])
    for number, says in enumerate(("passed\n", "seen\n", "hidden\nkept\n", "seen\n")):
        program = judge.build(assignment_with(check.format(number).replace("'", '"')), "any").program
        done = subprocess.run([program, "check"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.stdout == says


def test_a_check_that_does_not_compile_is_named_at_release(tmp_path):
    course = copy_of_the_course(tmp_path)
    path = course / "source/blank/blank.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("is_delta_zero(), ", "is_delta_nil(), "), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, COURSE / "grading/release.py", "--course", course], capture_output=True, text=True
    )
    assert (
        done.returncode == 1 and "the checks of blank do not compile" in done.stderr and "is_delta_nil" in done.stderr
    )


def validate(notebook, folder):
    """What nbgrader's Validate says, which runs a notebook in the kernel that students use."""
    (folder / "nbgrader_config.py").write_text(
        f"c = get_config()\nload_subconfig({str(COURSE / 'nbgrader_config.py')!r})\n", encoding="utf-8"
    )
    (folder / "homework.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "validate", "homework.ipynb"], cwd=folder, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_validate_says_what_is_not_done_yet_and_what_does_not_compile(tmp_path):
    code = RIGHT | {"choice": "fn is_delta_zero() -> String { 0.5 }"}
    del code["sum-of-squares"]
    said = validate(submission("blank", code), tmp_path)
    assert "VALIDATION FAILED ON 3 CELL(S)" in said, said  # a written answer, too
    assert "not done yet" in said and "stack backtrace" not in said
    assert "fn is_delta_zero" not in said.split("The following cell failed")[0]


def test_validate_ends_where_a_cell_prints_without_end(tmp_path, monkeypatch):
    class Kernel:
        def run(self, source, seconds):
            if source == "loop":
                raise CellTooLoudError("it printed too much")
            return [new_output("stream", text=f"{source} is run\n")]

    @contextmanager
    def start(folder, most_text):
        assert most_text < 10**7
        yield Kernel()

    monkeypatch.setattr(plugin, "start_kernel", start)
    notebook = nbformat.v4.new_notebook(cells=code_cells("first", "loop", "last"))
    plugin.run_cells(notebook, tmp_path, 60)
    said = [[output.get("text") or output.evalue for output in cell.outputs] for cell in notebook.cells]
    assert said == [["first is run\n"], [sandbox.WORDS["loud"]], [plugin.NOT_RUN]]


@pytest.mark.slow
def test_validate_passes_the_solutions(tmp_path):
    notebook = submission("zero_initialization", solutions("zero_initialization"))
    for cell in notebook["cells"]:
        if "in place of this line.*" in "".join(cell["source"]):
            cell["source"] = "An answer."
    assert "Success! Your notebook passes all the tests." in validate(notebook, tmp_path)


@pytest.mark.slow
def test_the_page_for_instructors_does_what_it_says(tmp_path):
    """From nothing to a graded class, command by command, in a copy of the course."""
    course = copy_of_the_course(tmp_path / "assignments")
    page = (COURSE / "README.md").read_text(encoding="utf-8")
    commands = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert "make teach" in commands and commands.count("make grade") == 2
    for command in commands:
        if command == "make teach":
            continue  # opened by other tests
        here = command.replace("notebooks/assignments", str(course))
        if command.startswith("make "):
            here += f" COURSE={course}"
        done = subprocess.run(here, shell=True, cwd=REPOSITORY, capture_output=True, text=True)
        assert done.returncode == 0, f"{here}\n{done.stdout}{done.stderr}"
    grades = grades_of(course)["student1"]
    assert (grades["assignment"], grades["score"], grades["max_score"]) == ("my_homework", "0", "7")
    assert (course / "feedback/student1/my_homework/my_homework.html").exists()
