"""Checks that every notebook gives what is committed, settles the claims it says it settles, and that the checker
notices when one does not."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

import notebooks as nb
import outputs as out
from claims import FALSEHOODS, Falsehood, claims_of, rows, unnoticed_falsehoods
from conftest import ALL, REPOSITORY, report
from kernel_client import Kernel, KernelError, start_kernel, stock_command

PATHS = sorted(nb.NOTEBOOKS.glob("*.ipynb"))
NAMES = [path.name for path in PATHS]

# A newcomer's `make test` makes only the claims of the first notebook false.
FALSE = [
    pytest.param(falsehood, id=f"{name} {falsehood}", marks=[] if name == NAMES[0] else pytest.mark.slow)
    for falsehood in FALSEHOODS
    for name in NAMES
    if name.startswith(falsehood.notebook)
]


# --- The notebooks ---------------------------------------------------------------------------------------------------


def test_the_first_notebook_is_read_in_ten_minutes():
    """Its prose has at most 1200 words. A formula in a line counts as a word; what is folded away does not count."""
    text = "\n".join(cell.source for cell in nb.read(PATHS[0]).cells if cell.cell_type == "markdown")
    for pattern in (r"<details>.*?</details>", r"\$\$.*?\$\$", r"(?<=\])\([^)]*\)"):
        text = re.sub(pattern, "", text, flags=re.DOTALL)
    words = [word for word in re.sub(r"\$[^$]*\$", "formula", text).split() if re.search(r"\w", word)]
    assert 500 < len(words) <= 1200


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_is_committed_as_it_ran(path):
    report(nb.check_as_committed(path.name, nb.read(path)))


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_each_cell_gives_on_ours_what_is_committed(path, sessions):
    """If all tests run, each cell runs twice, one time after the other."""
    report(sessions["ours", path].result()[0])


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_each_cell_gives_on_a_stock_kernel_what_is_committed(path, sessions):
    report(sessions["stock", path].result()[0])


def test_every_claim_has_cells_that_assert_it_and_every_tag_its_row():
    settled: dict[str, set[str]] = {}
    for path in PATHS:
        for cell in nb.code_cells(nb.read(path)):
            for claim in claims_of(cell):
                assert "assert" in cell.source, f"{path.name}: the cell {cell.id} is tagged {claim} and asserts nothing"
                settled.setdefault(claim, set()).add(path.name)
    assert {claim: {notebook} for claim, notebook in rows().items()} == settled
    assert {falsehood.claim for falsehood in FALSEHOODS} == set(settled), "a claim that nothing makes false"


@pytest.mark.parametrize("falsehood", FALSE)
def test_a_claim_made_false_goes_red(falsehood, sessions):
    path = next(path for path in PATHS if path.name.startswith(falsehood.notebook))
    cell = next((cell for cell in nb.code_cells(nb.read(path)) if cell.id == falsehood.cell), None)
    assert cell and falsehood.claim in claims_of(cell), f"no cell {falsehood.cell} tagged {falsehood.claim}"
    assert falsehood.old in cell.source, f"the cell {falsehood.cell} has no {falsehood.old!r}"
    assert falsehood not in sessions["ours", path].result()[1], "no assertion notices"


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "says"), [(nb.NOTEBOOKS, None), (REPOSITORY, "Cargo.toml")], ids=["its", "another"])
def test_other_editors_run_it_in_its_folder_and_nowhere_else(folder, says, monkeypatch, tmp_path):
    """nbclient stands for them: it finds the kernel as they do, and takes the working directory that it is given."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))  # else it warns that there is none
    notebook = nb.read(PATHS[0])
    client = NotebookClient(notebook, kernel_name="rust", resources={"metadata": {"path": str(folder)}}, timeout=300)
    if says is None:
        client.execute()
        report([problem for cell in nb.code_cells(notebook) for problem in nb.failures(cell, cell.outputs)])
    else:
        with pytest.raises(CellExecutionError):
            client.execute()
        assert says in nb.code_cells(notebook)[0].outputs[0].evalue


class Session:
    """Runs notebooks one after the other in one kernel: `:clear` ends the process that runs cells, and forgets all.

    So what a start costs is paid once: seconds, and on a stock kernel half a minute in which the crates are compiled.
    """

    def __init__(self, stack: ExitStack, start: Callable[[], AbstractContextManager[Kernel]]) -> None:
        self._stack, self._start = stack, start
        self._kernel: Kernel | None = None

    def run(self, path: Path, times: int, false: bool) -> tuple[list[str], list[Falsehood]]:
        """The problems, and, if they are looked for, the falsehoods that go unnoticed."""
        unnoticed: list[Falsehood] = []
        try:
            kernel = self._cleared()

            def between(cell: NotebookNode) -> None:
                if false:
                    unnoticed.extend(unnoticed_falsehoods(path.name, cell, kernel))

            problems = nb.check_run(path.name, nb.read(path), kernel, times=times, between=between)
        except KernelError as error:
            problems = [f"{path.name}: {error}"]
        if problems:  # it may be stuck
            self._kernel = None
        return problems, unnoticed

    def _cleared(self) -> Kernel:
        if self._kernel is None:
            self._kernel = self._stack.enter_context(self._start())
        elif outputs := self._kernel.run(":clear"):
            raise KernelError(f"the kernel was not cleared: {outputs}")
        return self._kernel


@contextmanager
def start_stock_kernel() -> Iterator[Kernel]:
    """A kernel as one has it who has evcxr and nothing of ours: no evcxr.toml, no launcher, no lock file."""
    with tempfile.TemporaryDirectory(prefix="zero-init-stock-") as temporary:
        root = Path(temporary)
        clone = root / "clone"
        clone.mkdir()
        for entry in REPOSITORY.iterdir():
            if entry.name not in ("target", "notebooks", "Cargo.lock") and not entry.name.startswith("."):
                (clone / entry.name).symlink_to(entry)
        shutil.copytree(nb.NOTEBOOKS, clone / "notebooks", ignore=shutil.ignore_patterns("evcxr.toml", ".*"))
        (root / "empty").mkdir()
        variables = {
            "EVCXR_CONFIG_DIR": str(root / "empty"),
            "JUPYTER_PATH": str(root / "empty"),
            "CARGO_NET_OFFLINE": "true",  # a crate released today is no reason to fail
        }
        with start_kernel(clone / "notebooks", stock_command(), variables) as kernel:
            yield kernel


@pytest.fixture(scope="session")
def sessions(request):
    """The results of the notebooks' runs that the chosen tests need, on the two kernels at the same time."""
    chosen = [item.nodeid for item in request.session.items if not item.get_closest_marker("skip")]
    with ExitStack() as stack:
        results = {}
        for kind, start in (("ours", lambda: start_kernel(nb.NOTEBOOKS)), ("stock", start_stock_kernel)):
            kernels = stack.enter_context(ExitStack())
            session, pool = Session(kernels, start), stack.enter_context(ThreadPoolExecutor(1))
            for path in PATHS:
                asked = [name for name in chosen if path.name in name]
                false = kind == "ours" and any("made_false" in name for name in asked)
                if false or any(f"_{kind}_" in name for name in asked):
                    times = 2 if kind == "ours" and ALL else 1
                    results[kind, path] = pool.submit(session.run, path, times, false)
        yield results
        for result in results.values():
            result.cancel()


# --- The checker on a kernel -----------------------------------------------------------------------------------------


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


# --- The checker without a kernel ------------------------------------------------------------------------------------


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
