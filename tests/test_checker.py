"""Checks that the checker of the notebooks notices what is wrong with one."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import notebooks as nb
import outputs as out
from conftest import REPOSITORY
from kernel_client import start_kernel

# --- On a kernel -----------------------------------------------------------------------------------------------------


def result(**data):
    return new_output("execute_result", data={key.replace("_", "/"): value for key, value in data.items()})


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


# (source, committed outputs, tags, what the checker must say, or nothing)
CELLS = [
    ("let third = 1.0_f64 / 3.0;\nthird", [result(text_plain="0.3333333333333333")], [], None),
    ("third", [result(text_plain="0.3333333333333333")], [], None),
    (
        "third",
        [result(text_plain="0.33333333333333337")],  # one bit
        [],
        "expected '0.33333333333333337', got '0.3333333333333333'",
    ),
    ("assert_eq!(1, 2);", [], [], "stderr: .*panicked.*left: 1"),
    ('"no number".parse::<f64>()?;', [], [], "stderr: 'invalid float literal'"),
    ("let text: String = 5;", [], [], "error: 'mismatched types"),
    (
        'println!("printed");',
        [stream("printed\n"), result(text_plain="5")],
        [],
        "expected stdout, text/plain; got stdout",
    ),
    ("5", [], [], "expected no output; got text/plain \\(text/plain: '5'\\)"),
    ('println!("{:?}", std::path::Path::new("/tmp/x"));', [stream('"/tmp/x"\n')], [], "path of this machine"),
    (
        'panic!("on purpose");',
        [stream("\nthread '<unnamed>' panicked at cell:\non purpose\n", "stderr")],
        [nb.RAISES],
        None,
    ),
    ("6", [result(text_plain="6")], [nb.RAISES], "fails in no way"),
    (
        'let _ = std::thread::spawn(|| { for i in 0..200 { eprintln!("late {i}"); } }).join(); println!("out");',
        [stream("out\n")],
        [],
        "stderr: 'late 0",
    ),
    ('println!("first"); eprintln!("e");', [stream("first\n"), stream("e\n", "stderr")], [nb.RAISES], None),
    ("std::process::exit(3)", [], [], "error: .*status: exit status: 3"),
    ("7", [result(text_plain="7")], [], None),
]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One kernel for the tests below, of a user who has an older kernel `rust` in the usual place."""
    data = tmp_path_factory.mktemp("data")
    spec = data / "jupyter" / "kernels" / "rust"
    spec.mkdir(parents=True)
    (spec / "version.txt").write_text("an older one")
    with start_kernel(tmp_path_factory.mktemp("work"), environment={"XDG_DATA_HOME": str(data)}) as kernel:
        yield kernel
    assert [file.read_text() for file in spec.iterdir()] == ["an older one"], "the user's own kernelspec was rewritten"


def test_what_a_run_says_of_bad_cells(kernel):
    cells = [new_code_cell(source, outputs=outputs, metadata={"tags": tags}) for source, outputs, tags, _ in CELLS]
    problems = nb.check_run("bad.ipynb", new_notebook(cells=cells), kernel)
    for number, (source, _, _, expected) in enumerate(CELLS):
        where = f"bad.ipynb, cell [{number + 2}] `{source.splitlines()[0]}`: "
        own = [problem.removeprefix(where) for problem in problems if problem.startswith(where)]
        if expected is None:
            assert own == [], f"{source}: {own}"
        else:
            assert len(own) == 1, f"{source}: {problems}"
            assert re.search(expected, own[0], flags=re.DOTALL), f"{source}: {own[0]}"


def test_a_second_run_that_differs_is_noticed(kernel):
    cells = [
        new_code_cell("let mut runs = 0;"),
        new_code_cell("runs += 1;\nruns", outputs=[result(text_plain="1")]),
    ]
    assert nb.check_run("twice.ipynb", new_notebook(cells=cells), kernel, times=2) == [
        "twice.ipynb, cell [3] `runs += 1;` (run again): text/plain: line 1: expected '1', got '2'"
    ]


def test_a_cleared_kernel_has_forgotten_all(kernel):
    """So a notebook that lacks something is noticed, though another one has run in the same kernel before."""
    parts = [':dep cfg-if = "*"\nuse cfg_if::cfg_if;', "let number = 1;", "fn function() {}", "struct Type;"]
    assert [output for part in parts for output in kernel.run(part)] == []
    assert kernel.run("use cfg_if::cfg_if as another; function(); let _ = (number, Type);") == []
    assert kernel.run(":clear") == []
    for source in ("use cfg_if::cfg_if;", "number", "function()", "Type;"):
        assert [output.output_type for output in kernel.run(source)] == ["error"], source


def test_writing_gives_what_the_check_accepts_and_the_same_file_again(kernel):
    cells = [new_code_cell('for i in 0..3 { println!("{i}"); }\n0.5', metadata={"collapsed": True}, execution_count=40)]
    once = nb.execute("good.ipynb", new_notebook(cells=cells), kernel)
    assert nb.check_as_committed("good.ipynb", once) == []
    assert nb.check_run("good.ipynb", once, kernel) == []
    assert nb.execute("good.ipynb", once, kernel) == once
    assert [out.kind(output) for output in once.cells[0].outputs] == ["stdout", "text/plain"]


def test_a_bad_notebook_is_not_written(kernel):
    cells = [new_code_cell("1"), new_code_cell("assert!(1 > 2);\n2")]
    with pytest.raises(nb.NotebookError, match=r"cell \[3\] `assert!\(1 > 2\);`: stderr"):
        nb.execute("bad.ipynb", new_notebook(cells=cells), kernel)


# --- Without a kernel ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ("a 0.5\nb", "a 0.5\nb", None),
        ("a\nloss 0.6931471805599453", "a\nloss 0.6931471805599452", "line 2: expected 'loss 0.6931471805599453', got"),
        ("0.0", "-0.0", "line 1: expected '0.0', got '-0.0'"),
        ("a\nb", "a", "expected 2 lines, got 1"),
        ("x" * 500 + "1" + "y" * 500, "x" * 500 + "2" + "y" * 500, "1" + "y" * 99 + "…', got '…" + "x" * 60 + "2y"),
    ],
)
def test_texts_are_the_same_exactly(expected, actual, said):
    problem = out.difference(expected, actual)
    assert problem is None if said is None else said in str(problem)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="50" viewBox="0 0 9 9"><text>{}</text></svg>'


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        (SVG.format(100, "0.5"), None),
        (SVG.format(101, "0.5"), "image/svg+xml: line 1: expected"),
        (SVG.format(100, "0.6"), "image/svg+xml: line 1: expected"),
        (SVG.format(100, "0.5").replace("</text>", ""), "not well-formed XML"),
        ("<p/>", "not SVG"),
    ],
)
def test_pictures(actual, said):
    def picture(svg):
        return [result(**{"image_svg+xml": svg, "text_plain": "a plot"})]

    problems = out.compare(picture(SVG.format(100, "0.5")), picture(actual))
    assert (said in problems[0]) if said else problems == []


def test_other_mime_types():
    both, one = [result(text_plain="a", text_html="<b>a</b>")], [result(text_html="<b>a</b>")]
    assert out.compare(both, one) == ["expected text/html + text/plain; got text/html (text/html: '<b>a</b>')"]


@pytest.mark.parametrize("path", [str(REPOSITORY), "/home/someone/x", "/Users/someone", "/tmp/tmp123", "C:\\Users\\x"])
def test_paths_of_a_machine(path):
    assert nb.paths([stream(f"see {path}/x")])
    assert not nb.paths([stream("see ../src, https://doc.rust-lang.org/std/ and y / x")])


def good(**changes):
    cell = new_code_cell("1", id="one", execution_count=2, outputs=[result(text_plain="1")])
    cell.update(changes)
    return nb.clean(new_notebook(cells=[cell]))


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (good(execution_count=None), "its count is None"),
        (good(execution_count=3), "its count is 3"),
        (good(outputs=[result(text_plain="Figure: a line")]), "shows the words of a figure in place of the figure"),
        (good(source="1;\n" * 16), "has 16 lines of code"),
        (good(source=""), "has 0 lines of code"),
        (good(outputs=[stream("no", "stderr")]), "stderr: 'no'"),
        (good(metadata={"tags": [nb.RAISES]}), "fails in no way"),
        (good() | {"metadata": {"kernelspec": {"name": "python3", "display_name": "P"}}}, "metadata differs"),
        (nb.clean(new_notebook()), "no code cell"),
    ],
)
def test_what_is_wrong_as_committed(notebook, said):
    problems = nb.check_as_committed("n.ipynb", nbformat.from_dict(notebook))
    assert [problem for problem in problems if said in problem], problems
    assert nb.check_as_committed("n.ipynb", good()) == []
