"""Checks that every notebook gives what is committed, and settles the claims that it says it settles."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

import notebooks as nb
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
