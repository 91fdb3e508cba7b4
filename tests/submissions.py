"""Submissions and the points that each must get: right ones, mistakes, accidents and attacks.

Each is made from a release, by code that stands in the cell of a solution. In the assignment `blank` the attacks are
put in place of the first task's solution (2 points) and the other two (1 + 2 points) are solved. A submission that
gains nothing and disturbs nothing gets 3 of the 5 points that are graded by machine.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from conftest import REPOSITORY

COURSE = REPOSITORY / "notebooks/assignments"


def cells_of(folder, name):
    """A notebook of the course as JSON, and its cells by grade id."""
    notebook = json.loads((COURSE / folder / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    return notebook, {
        cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in notebook["cells"] if "nbgrader" in cell["metadata"]
    }


def solutions(name):
    """The solutions of an assignment's code tasks by grade id."""
    _, cells = cells_of("source", name)
    return {
        task: "".join(cell["source"])
        for task, cell in cells.items()
        if cell["metadata"]["nbgrader"]["solution"] and cell["cell_type"] == "code"
    }


def submission(name, code):
    """The release of an assignment with this code in its cells."""
    notebook, cells = cells_of("release", name)
    for task, source in code.items():
        assert cells[task]["metadata"]["nbgrader"]["solution"], f"{task} is no task"
        cells[task]["source"] = source
    return notebook


@dataclass
class Row:
    """A submission: its name, the assignment, the points that it must get, the file's text (None: there is no file),
    and what the feedback page must say."""

    name: str
    assignment: str
    points: float
    text: str | None
    says: str = ""  # what the feedback page must say

    def __str__(self):
        return self.name


ROWS: list[Row] = []


def add(name, assignment, points, code, says="", edit: Callable = lambda notebook: notebook):
    ROWS.append(Row(name, assignment, points, json.dumps(edit(submission(assignment, code))), says))


# --- The exercise ----------------------------------------------------------------------------------------------------

EXERCISE = "zero_initialization"
SOLVED = solutions(EXERCISE)
POINTS = {
    "zeros": 2,
    "layer": 3,
    "loss": 2,
    "output-delta": 2,
    "weight-gradient": 3,
    "diagnosis": 3,
    "moving": 3,
    "distinct-units": 2,
    "start": 2,
}
ALL = sum(POINTS.values())

add("solution", EXERCISE, ALL, SOLVED, "passed")
add("untouched", EXERCISE, 0, {}, "not done yet")
for task, worth in POINTS.items():
    add(f"only {task}", EXERCISE, worth, {task: SOLVED[task]}, "not done yet")


def mistake(name, task, old, new, says):
    assert old in SOLVED[task], f"{task} has no {old}"
    add(name, EXERCISE, ALL - POINTS[task], SOLVED | {task: SOLVED[task].replace(old, new)}, says)


mistake(
    "forgotten 1 over m",
    "weight-gradient",
    " / m",
    "",
    "dW, of 1 unit with 3 inputs over 2 samples[0, 0]: expected 0.5, got 1",
)
mistake("missing transpose", "weight-gradient", "&a.t()", "a", "weight_gradient")
mistake("sign of delta turned", "output-delta", "y_hat - y", "y - y_hat", "expected -0.5, got 0.5")
mistake(
    "zeros of the wrong shape", "zeros", "(pair[1], pair[0])", "(pair[0], pair[1])", "expected (10, 2), got (2, 10)"
)
mistake("log10", "loss", ".ln()", ".log10()", "expected 0.6931471805599453, got 0.30102999566398")
mistake("diagnosis of layer 1 by its input", "diagnosis", "delta both input", "both both input", "patient 1")
mistake("a dead start", "start", "Init::He { seed: 1 }", "Init::Zeros", "expected at least 95 %")
add(
    "only what is seen",
    EXERCISE,
    0,
    {
        "loss": "fn loss(y_hat: f64, y: f64) -> f64 "
        "{ if y_hat == 0.5 { 0.6931471805599453 } else { 0.22314355131420976 } }",
        "output-delta": "fn output_delta(y_hat: &Array2<f64>, y: &Array2<f64>) -> Array2<f64> { array![[-0.5, 0.5]] }",
    },
    "the loss at 0.01 for label 0",
)

# --- Accidents -------------------------------------------------------------------------------------------------------

RIGHT = solutions("blank")
HONEST = {task: source for task, source in RIGHT.items() if task != "sum-of-squares"}
SIGNATURE = "fn sum_of_squares(numbers: &[f64]) -> f64"
WORKS = "numbers.iter().map(|x| x * x).sum()"


def attack(name, source, says="", points=3, edit=lambda notebook: notebook):
    add(name, "blank", points, {**HONEST, "sum-of-squares": source}, says, edit)


def body(statements):
    return f"{SIGNATURE} {{\n    {statements}\n}}"


attack("does not compile", body("numbers.sum_of_all()"), "could not be called as the task gives it")
attack(
    "another signature",
    f"fn sum_of_squares(numbers: Vec<f64>) -> f64 {{ {WORKS} }}",
    "could not be called as the task gives it",
)
attack("panics", body("numbers[99]"), "index out of bounds")
attack("NaN", body("f64::NAN"), "expected 25, got NaN")
attack("ends the process in the function", body("std::process::exit(0)"), "the program ended while")
attack("ends the process in the cell", f"{body(WORKS)}\nstd::process::exit(0);", "the program ended while")
attack(
    "ends the process in a destructor",
    "struct Last; impl Drop for Last { fn drop(&mut self) { std::process::exit(0) } }\n"
    + body(f"let _last = Last; {WORKS}"),
    "the program ended while",
)
attack(
    "recurses too deeply",
    body("if numbers.len() > 9 { 0.0 } else { 1.0 + sum_of_squares(std::hint::black_box(numbers)) }"),
    "the program ended while",
)
attack("loops in the function", body("loop {}"), "took longer than allowed")
attack("loops in the cell", f"{body(WORKS)}\nloop {{}}", "took longer than allowed")
# A process gets at most twice what a submission may have. The first of these keeps less than that. The second may
# end by itself before it is seen to have too much, so what is said of it differs.
attack(
    "allocates much memory",
    body(
        "let all: Vec<_> = (0..30).map(|_| std::hint::black_box(vec![1_u8; 1 << 26])).collect();"
        " std::thread::sleep(std::time::Duration::from_secs(99)); all.len() as f64"
    ),
    "more memory",
)
attack(
    "allocates all memory",
    body("let mut all = vec![]; loop { all.push(std::hint::black_box(vec![1_u8; 1 << 26])) }"),
)
attack(
    "fills the disk",
    body('let mut n = 0; loop { n += 1; let _ = std::fs::write(format!("/tmp/{n}"), vec![1_u8; 1 << 26]); }'),
)
attack(
    "prints a gigabyte",
    f'{body(WORKS)}\nfor _ in 0..10_000_000 {{ println!("{{}}", "x".repeat(100)); }}',
    "printed more",
)
attack(
    "many threads",
    body("for _ in 0..2000 { std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(99))); } loop {}"),
)
attack("kills all it can", body('std::process::Command::new("sh").args(["-c", "kill -9 -1"]).status().unwrap(); 0.0'))


def file(name, text, points, says=""):
    ROWS.append(Row(name, "blank", points, text, says))


file("not JSON", "fn main() {}", 0, "is not a notebook")
file("empty", "", 0, "it is empty")
file("a list", "[1, 2]", 0, "it has no cells")
file("no file", None, 0, "it is empty")


def with_cells(change):
    """An edit of the list of cells."""

    def edit(notebook):
        notebook["cells"] = change(notebook["cells"])
        return notebook

    return edit


def mark(cell):
    return cell["metadata"].get("nbgrader", {})


def other_kernel(notebook):
    notebook["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return notebook


def renamed(cells):
    for cell in cells:
        if mark(cell):
            mark(cell)["grade_id"] += "-mine"
    return cells


def emptied_checks(cells):
    for cell in cells:
        if mark(cell).get("grade") and cell["cell_type"] == "code":
            cell["source"] = "0"
    return cells


def scratch(source, metadata=None):
    return {
        "cell_type": "code",
        "id": "mine",
        "metadata": metadata or {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def right(name, edit, points=5, says=""):
    add(name, "blank", points, RIGHT, says, edit)


right("another kernel", other_kernel)
right(
    "types of one's own with names of the standard library's",
    with_cells(lambda cells: [scratch("struct Vec;\nenum Hint { None, Some }\nuse Hint::*;"), *cells]),
)
right("checks deleted", with_cells(lambda cells: [cell for cell in cells if not mark(cell).get("grade")]))
right("all marks removed", with_cells(lambda cells: [{**cell, "metadata": {}} for cell in cells]))
right("cells renamed", with_cells(renamed))
right("setup deleted", with_cells(lambda cells: [cell for cell in cells if mark(cell).get("grade_id") != "setup"]))
right(
    "damaged cells",
    with_cells(lambda cells: [None, 7, {"cell_type": "code"}, *cells]),
    says="3 of its cells were damaged",
)
right("a cell of one's own that loops", with_cells(lambda cells: [scratch("loop {}"), *cells]), says="took longer")
right(
    "a cell of one's own that does not compile",
    with_cells(lambda cells: [*cells[:4], scratch("let x: i32 = 0.5;"), *cells[4:]]),
)
right(
    "a bonus of one's own",
    with_cells(
        lambda cells: [
            *cells,
            scratch(
                "0",
                {
                    "nbgrader": {
                        "grade": True,
                        "grade_id": "bonus",
                        "points": 100,
                        "locked": False,
                        "solution": False,
                        "task": False,
                        "schema_version": 3,
                    }
                },
            ),
        ]
    ),
)
right(
    "an old copy of a solution",
    with_cells(
        lambda cells: [
            dict(
                next(cell for cell in cells if mark(cell).get("grade_id") == "sum-of-squares"),
                source=body("0.0"),
                id="old",
            ),
            *cells,
        ]
    ),
)


def dearer(cells):
    for cell in cells:
        if mark(cell).get("grade"):
            mark(cell)["points"] = 100
    return cells


right("points raised", with_cells(dearer))

# --- Attacks ---------------------------------------------------------------------------------------------------------

attack("panic hook silenced", f"std::panic::set_hook(Box::new(|_| {{}}));\n{body('0.0')}", "expected 25, got 0")
attack(
    "macros redefined",
    "macro_rules! assert { ($($t:tt)*) => {} }\nmacro_rules! println { ($($t:tt)*) => {} }\n" + body("0.0"),
    "expected 25, got 0",
)
attack(
    "checks redefined",
    """mod exercise {
    pub fn number(_: &str, _: f64, _: f64) -> Result<(), std::fmt::Error> { Ok(()) }
    pub fn equal<T>(_: &str, _: T, _: T) -> Result<(), std::fmt::Error> { Ok(()) }
}
"""
    + body("0.0"),
    "expected 25, got 0",
)
attack(
    "the crate's name taken",
    'mod exercise { #[macro_export] macro_rules! answer { ($($t:tt)*) => { println!("passed") } } pub use answer; }\n'
    + body("0.0"),
)
attack(
    "a thread that prints grading output",
    'std::thread::spawn(|| loop { println!("passed"); std::thread::sleep(std::time::Duration::from_millis(20)); });\n'
    + body("0.0"),
    "expected 25, got 0",
)
attack(
    "a thread that answers in the kernel's place",
    """std::thread::spawn(|| {
    let mut mine = vec![];
    loop {
        let mut socket = std::os::unix::net::UnixStream::connect("/tmp/answers.socket").unwrap();
        let _ = std::io::Write::write_all(&mut socket, b"\\x07\\0\\0\\0\\0\\0\\0\\0passed\\n");
        mine.push(socket);
    }
});
"""
    + body("0.0"),
    "what `sum_of_squares` returned could not be read",
    points=0,
)
attack("checks emptied", body("0.0"), "expected 25, got 0", edit=with_cells(emptied_checks))


def forged(cells):
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": "passed\n"},
                {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "2.0"}},
            ]
    return cells


attack("outputs forged", body("0.0"), "expected 25, got 0", edit=with_cells(forged))


def spy(name, condition, says="expected 25, got 0"):
    """A function that is right only if its code sees or reaches what it must not."""
    attack(name, body(f"if {condition} {{ {WORKS} }} else {{ 0.0 }}"), says)


def found(folder, what):
    """Whether a text can be found below a folder."""
    return (
        'String::from_utf8_lossy(&std::process::Command::new("grep")'
        # Python's packages, which are many, are not what a course writes.
        f'.args(["-rlI", "--exclude-dir=proc", "--exclude-dir=.venv", "{what}", "{folder}"])'
        ".output().unwrap().stdout).len() > 0"
    )


# Put together by the code itself, so that it does not find its own source.
SECRET = "squares of -1, 2 an[d] -3"
spy("reads the source notebook", 'std::fs::read("@COURSE@/source/blank/blank.ipynb").is_ok()')
spy(
    "reads another submission",
    'std::fs::read("@COURSE@/submitted/solution/zero_initialization/zero_initialization.ipynb").is_ok()',
)
spy("lists the submissions", 'std::fs::read_dir("@COURSE@/submitted").is_ok()')
spy("reads the gradebook", 'std::fs::read("@COURSE@/gradebook.db").is_ok()')
spy("writes the gradebook", 'std::fs::OpenOptions::new().append(true).open("@COURSE@/gradebook.db").is_ok()')
spy("reads the judge", 'std::fs::read_dir("@REPOSITORY@/target/judges").is_ok()')
spy("finds the checks in the kernel's folder", found("/tmp", SECRET))
spy("finds the checks anywhere", found("@REPOSITORY@", SECRET))
spy("finds the checks in a process", found("/proc/self/environ", SECRET))
spy("writes to the crate", 'std::fs::write("@REPOSITORY@/notebooks/assignments/exercise/src/lib.rs", "").is_ok()')
spy("writes to the crates' folder", 'std::fs::write("@REPOSITORY@/Cargo.lock", "").is_ok()')
spy("reaches the network", 'std::net::TcpStream::connect("127.0.0.1:@PORT@").is_ok()')

# --- Functions that are right, in odd company ------------------------------------------------------------------------


def odd(name, statements, points=5, says=""):
    """A function that does something and then returns the right value, if it comes to that."""
    attack(name, body(f"{statements}\n    {WORKS}"), says, points)


odd("reads its standard input", "let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap();")
odd("prints more than anybody reads", 'for number in 0..500_000 { println!("{number}"); eprintln!("{number}"); }')
odd("computes in another thread", "std::thread::spawn(|| ()).join().unwrap();")
odd("leaves a process behind", 'std::process::Command::new("sleep").arg("999").spawn().unwrap();')
odd("leaves a thread behind", "std::thread::spawn(|| loop { std::thread::park(); });")
odd(
    "changes its folder and its variables",
    'std::env::set_current_dir("/").unwrap(); unsafe { std::env::remove_var("PATH"); std::env::set_var("HOME", "/"); }',
)
odd("catches its own panic", 'let _ = std::panic::catch_unwind(|| panic!("passed"));')
odd("silences its own panics", "std::panic::set_hook(Box::new(|_| {}));")
odd("leaves files", 'for name in ["student.rs", "mine", "passed"] { std::fs::write(name, "passed").unwrap(); }')
odd("has functions of its own inside", "fn loss() -> f64 { 0.0 } struct Loss; let _ = (loss(), Loss);")
odd("an unfinished rest behind the answer", f'if true {{ return {WORKS}; }} todo!("later");')
odd("a text like the end of a function", 'let _ = ("}} fn", r#"}" {"#, b\'}\', \'{\', "a\\"}"); /* } /* { */ } */ // }')
odd("a null pointer", "unsafe { std::ptr::null::<f64>().read_volatile() };", 3, "the program ended while")
odd("aborts", "std::process::abort();", 3, "the program ended while")
odd(
    "kills the process that runs it",
    'std::process::Command::new("sh").args(["-c", "kill -9 $PPID"]).status().unwrap();',
    3,
)
odd("sleeps", "std::thread::sleep(std::time::Duration::from_secs(999));", 3, "took longer than allowed")
odd(
    "waits for itself",
    "let lock = std::sync::Mutex::new(0); let held = lock.lock().unwrap(); let again = lock.lock().unwrap(); "
    "drop((held, again));",
    3,
    "took longer",
)
odd(
    "is right only at first",
    "static ASKED: std::sync::Mutex<i32> = std::sync::Mutex::new(0); *ASKED.lock().unwrap() += 1; "
    "if *ASKED.lock().unwrap() > 1 { return 1.0; }",
    3,
    "the sum of the squares of no numbers",
)
odd(
    "ends the process when it is asked the second time",
    "static ASKED: std::sync::Mutex<i32> = std::sync::Mutex::new(0); *ASKED.lock().unwrap() += 1; "
    "if *ASKED.lock().unwrap() > 1 { std::process::exit(0); }",
    3,
    "the program ended while",
)
spy(
    "finds its judge among the processes",
    found("/proc", "check-sum-of-square[s]").replace('"--exclude-dir=proc", ', ""),
)
spy("is root", 'std::fs::read("/etc/shadow").is_ok() || std::fs::write("/usr/mine", "").is_ok()')
spy("sees a course in its folders", 'std::fs::read_dir("@REPOSITORY@/notebooks/assignments/source").is_ok()')

HELPED = RIGHT | {"sum-of-squares": body("numbers.iter().map(square).sum()")}
HELPER = scratch("fn square(x: &f64) -> f64 { x * x }")


def helped(name, helper, place, points=5, says="", code=None):
    """A submission with a cell of one's own in this place."""
    edit = with_cells(lambda cells: [*cells[:place], helper, *cells[place:]])
    add(name, "blank", points, code or HELPED, says, edit)


helped("a helper in a cell of one's own", HELPER, 4)
helped("a helper that comes too late", HELPER, 99, 3, "could not be called")
helped("a helper that is missing", scratch("// fn square"), 4, 3, "could not be called")
helped(
    "a helper that is replaced later",
    scratch("fn square(x: &f64) -> f64 { x + x }"),
    99,
    code=HELPED | {"sum-of-squares": HELPER["source"] + "\n" + HELPED["sum-of-squares"]},
)
helped("a function that hides one of the course", scratch("fn sigmoid(x: f64) -> f64 { x }"), 99, code=RIGHT)
helped("a main function of one's own", scratch('fn main() { panic!("main"); }'), 99, code=RIGHT)
helped("a test of one's own", scratch("#[test]\nfn works() { assert!(false); }"), 99, code=RIGHT)
helped("an empty cell", scratch("  \n// nothing\n"), 4, code=RIGHT)
helped("an end of a comment too many", scratch("*/ fn main() {} /*"), 99, code=RIGHT)
attack("lines that end as on Windows", body(WORKS).replace("\n", "\r\n"), points=5)
attack("a type beside the function", f"struct Squares(f64);\n{body(f'Squares({WORKS}).0')}", points=5)
attack(
    "names from a library",
    f"use std::collections::HashSet;\n{body(f'let _: HashSet<u8> = HashSet::new(); {WORKS}')}",
    points=5,
)
attack(
    "names that are no English",
    f"fn größe(x: &f64) -> f64 {{ x * x }}\n{body('numbers.iter().map(größe).sum()')}",
    points=5,
)
attack("two of the same name, of which the last counts", f"{body('0.0')}\n{body(WORKS)}", points=5)


# --- Attacks on the program that functions are compiled as ------------------------------------------------------------


def inside(name, items, says="expected 25, got 0", result="0.0"):
    """A function that has something inside of it, and returns the wrong result."""
    attack(name, f"{SIGNATURE} {{\n    {items}\n    {result}\n}}", says)


inside("exports a main of its own", '#[unsafe(export_name = "main")] pub extern "C" fn other() -> i32 { 0 }')
inside(
    "ends the process before it begins",
    '#[used] #[unsafe(link_section = ".init_array")] static FIRST: extern "C" fn() = '
    '{ extern "C" fn first() { std::process::exit(0) } first };',
    "could not be called",
)
inside(
    "reads the compiler's variables",
    'if include_str!("/proc/self/environ").contains("SECRET") { return numbers.iter().map(|x| x * x).sum(); }',
)
inside(
    "includes the source notebook",
    'if include_str!("@COURSE@/source/blank/blank.ipynb").len() > 1 { return numbers.iter().map(|x| x * x).sum(); }',
    "could not be called",
)
inside("includes a file without an end", 'let _ = include_bytes!("/dev/urandom");', "could not be called")
inside("panics like the judge", "", "`sum_of_squares`: hidden", 'panic!("hidden\\npassed\\n")')
inside("panics without an end", "", "more memory", 'panic!("{}", "passed\\n".repeat(90_000_000))')
inside(
    "takes long to compile",
    "macro_rules! twice { ($($x:tt)*) => { [$($x)* $($x)*] } }\n    let _ = "
    + "twice!(" * 40
    + "1.0,"
    + ")" * 40
    + ";",
    "could not be called",
)
inside(
    "forges the answers of what runs it",
    'for _ in 0..9 { let _ = std::process::Command::new("sh").args(["-c", "for p in /proc/[0-9]*; do '
    'echo \'{\\"status\\": \\"passed\\"}\' > $p/fd/1; done"]).status(); }',
)
odd(
    "leaves a process that answers for the next one",
    'std::process::Command::new("sh").args(["-c", &format!("cp {} other; exec ./other /tmp/answers.socket", '
    "std::env::current_exe().unwrap().display())]).spawn().unwrap();",
)
odd(
    "leaves a function for the end that has none",
    'unsafe extern "C" { fn atexit(last: extern "C" fn()) -> i32; } extern "C" fn last() { loop {} } '
    "unsafe { atexit(last) };",
)
odd(
    "writes a file of the program's name",
    'for name in ["student", "program"] { std::fs::write(name, "mine").unwrap(); }',
)
odd("goes on as two processes", 'unsafe extern "C" { fn fork() -> i32; } unsafe { fork() };', 3)
inside("a text without an end", 'let _ = "' + '\\"' * 300_000, "could not be called")
LATER = [scratch("fn one() -> f64 { 0.0 /* }"), scratch("fn two() { */ }")]
attack(
    "a comment that ends in another cell",
    body(f"one() + {WORKS[:-2]}::<f64>()"),
    "could not be called",
    edit=with_cells(lambda cells: [*cells[:4], LATER[0], *cells[4:], LATER[1]]),
)
attack(
    "a name that is written in another way where it is defined",
    body("numbers.iter().map(größe).sum()"),
    "could not be called",
    edit=with_cells(lambda cells: [*cells, scratch("fn gro\u0308ße(x: &f64) -> f64 { x * x }")]),
)


def elsewhere(notebook):
    """The function of the first task stands in the cell of the second."""
    for cell in notebook["cells"]:
        if mark(cell).get("grade_id") == "choice":
            cell["source"] += f"\n{body(WORKS)}"
    return notebook


attack("the solution in another task's cell", "", "could not be called", edit=elsewhere)


def right_file(name, change, points=5, says=""):
    """The file of a right submission, changed."""
    file(name, change(json.dumps(submission("blank", RIGHT))), points, says)


right_file("a byte order mark", lambda text: "\ufeff" + text)
right_file(
    "half a letter", lambda text: text.replace('"cells": [', '"cells": [{"cell_type": "raw", "source": "\\ud800"}, ')
)
right_file("cut off", lambda text: text[: len(text) // 2], 0, "is not a notebook")
right_file("twice in one file", lambda text: text + text, 0, "is not a notebook")
file("nested without end", "[" * 100_000, 0, "is not a notebook")
right_file(
    "a script in an answer",
    lambda text: text.replace(
        '"cells": [', '"cells": [{"cell_type": "markdown", "source": "<script>mark()</script>x"}, '
    ),
)

# What a newcomer's `make test` grades. CI, and `ALL=1 make test`, grade all.
FEW = {
    "solution",
    "untouched",
    "forgotten 1 over m",
    "not JSON",
    "does not compile",
    "ends the process in the function",
    "outputs forged",
    "reaches the network",
    "reads the source notebook",
}
