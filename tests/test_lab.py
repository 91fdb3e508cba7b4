"""Does in the project's JupyterLab, in a browser, what people do with the notebooks there.

`make lab` runs on a copy of the notebooks, which is edited and saved. What was seen is in target/lab, as pictures.
"""

import base64
import json
import re
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page

import notebooks as nb
from conftest import ALL, REPOSITORY, free_port, report, serving
from outputs import compare, texts_of, tidy

NOTEBOOKS = {path.name: nb.code_cells(nb.read(path)) for path in sorted(nb.NOTEBOOKS.glob("*.ipynb"))}
NAMES = list(NOTEBOOKS)
FIRST, SHORT, OTHER_SHORT = NAMES[0], NAMES[1], NAMES[3]
FILMED = next(name for name in NAMES if "zero-init-film" in json.dumps(NOTEBOOKS[name]))
LONGEST = max(NAMES, key=lambda name: len(NOTEBOOKS[name]))
DEEP = NAMES[12]
PICTURES = REPOSITORY / "target" / "lab"
TOKEN = "the-token-of-a-test"
MINUTES = 60_000  # Playwright counts in milliseconds

# --- JupyterLab ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder():
    """A copy of the notebooks, beside them: `..` is the crate, and kernels start with what is built of it already."""
    with tempfile.TemporaryDirectory(prefix=".lab-", dir=REPOSITORY) as folder:
        copy = Path(folder)
        (copy / ".gitignore").write_text("*", encoding="utf-8")
        ignore = shutil.ignore_patterns(".*", "assignments")
        shutil.copytree(nb.NOTEBOOKS, copy, ignore=ignore, dirs_exist_ok=True)
        yield copy


def get(address: str, method: str = "GET"):
    request = urllib.request.Request(address, method=method, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def lab(folder, tmp_path_factory):
    """The address of `make lab`, with settings of its own: neither the user's are read, nor those of this clone."""
    root = tmp_path_factory.mktemp("lab")
    (root / "notebooks").symlink_to(folder)
    for name in ("Makefile", "tools", ".venv"):
        (root / name).symlink_to(REPOSITORY / name)
    port = free_port()
    # The set-up is that of this clone, and done: a link to it would be taken for one that was moved.
    spare = "on" if ALL else "off"  # one test needs no other kernel to wait
    command = ["make", "-o", "setup", "lab", f"SPARE={spare}", f"JUPYTER={root / 'jupyter'}"]
    command.append(
        f"ARGS=--no-browser --port={port} --IdentityProvider.token={TOKEN} --LabApp.expose_app_in_browser=True"
    )
    address = f"http://127.0.0.1:{port}"
    with serving(command, f"{address}/api/status?token={TOKEN}", root / "log", cwd=root):
        yield address


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """An empty folder for the pictures."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)


@pytest.fixture(scope="module")
def pages(browser):
    """The page with JupyterLab that tests share, when there is one that none of them uses."""
    pages: list[Page] = []
    yield pages
    for page in pages:
        page.context.close()


@pytest.fixture
def desk(folder, lab, browser, pages, request):
    """Opens notebooks as they are committed, with kernels of their own or, to look at them, without any.

    To load JupyterLab takes seconds: tests share one, in which each finds nothing open. One that failed spoils it.
    """
    for session in json.loads(get(lab + "/api/sessions")):  # a kernel holds 400 MB
        get(f"{lab}/api/sessions/{session['id']}", "DELETE")
    if pages:
        page = pages.pop()
    else:
        page = browser.new_context(viewport={"width": 1400, "height": 1300}).new_page()
        page.set_default_timeout(MINUTES)
        page.goto(f"{lab}/lab?token={TOKEN}&reset")
        page.wait_for_function("window.jupyterapp?.restored.then(() => true)", timeout=2 * MINUTES)

    def open_notebook(name: str, kernel: bool = True) -> Notebook:
        if name in NAMES:
            shutil.copy(nb.NOTEBOOKS / name, folder)
        page.evaluate(OPEN, [name, kernel])
        notebook = Notebook(page, name, page.wait_for_function(OPENED))
        if kernel:
            notebook.wait_until_idle()
        return notebook

    failed = request.session.testsfailed
    set_theme(page, "JupyterLab Light")
    yield open_notebook
    if request.session.testsfailed > failed:
        page.context.close()
    else:
        page.evaluate(CLOSE)
        pages.append(page)


def outputs_of(cell):
    return tidy([nbformat.from_dict(output) for output in cell["outputs"]])


def stdout(outputs) -> str:
    """What a cell has printed."""
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


# --- A notebook in a page --------------------------------------------------------------------------------------------

# Opens a notebook; OPENED is JupyterLab's panel for it. Without a kernel: as "Open With, Notebook (no kernel)".
# When Chromium collects garbage, it may lose a promise that is awaited from outside. So the page keeps the panel.
OPEN = """([path, kernel]) => {
    const kernelPreference = kernel ? undefined : {shouldStart: false, shouldReuse: false};
    const {commands} = window.jupyterapp;
    const open = async () => {
        const panel = await commands.execute("docmanager:open", {path, factory: "Notebook", kernelPreference});
        await Promise.all([panel.context.ready, panel.revealed]);
        return panel;
    };
    window.opened = null;
    open().then(panel => { window.opened = {panel}; }, error => { window.opened = {error}; });
}"""
OPENED = "() => { if (window.opened?.error) throw window.opened.error; return window.opened?.panel; }"

# Closes all documents, and saves nothing.
CLOSE = """() => {
    for (const widget of [...window.jupyterapp.shell.widgets("main")]) if (widget.context) widget.dispose();
}"""

BUSY = """panel => panel.sessionContext.session?.kernel?.status !== "idle" || panel.sessionContext.hasNoKernel"""

# The cells as the page has them: what JupyterLab would save.
CELLS = "panel => panel.content.widgets.map(cell => cell.model.toJSON())"
CELL = "(panel, id) => panel.content.widgets.find(cell => cell.model.id === id).model.toJSON()"
FORGET = "(panel, id) => { panel.content.widgets.find(cell => cell.model.id === id).model.executionCount = null; }"

# Of the cell with an id: selects it if asked to, brings it into sight, and gives its box when all is drawn.
SHOW = """async (panel, [id, select]) => {
    const content = panel.content;
    const index = content.widgets.findIndex(cell => cell.model.id === id);
    const {node, ready} = content.widgets[index];
    if (select) content.activeCellIndex = index;
    await content.scrollToItem(index, "start");
    await Promise.all([ready, document.fonts.ready]);
    for (const image of node.querySelectorAll("img")) await image.decode().catch(() => {});
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    return node;
}"""

# What is wrong with the outputs of a cell, as a reader sees them.
OUTPUTS = """cell => {
    const found = [];
    const outputs = [...cell.querySelectorAll(".jp-OutputArea-output")];
    const pictures = cell.querySelectorAll(".jp-OutputArea-output :is(img, svg)").length;
    for (const output of outputs) {
        const box = output.getBoundingClientRect();
        if (!(box.width > 0 && box.height > 0)) found.push("an output is not to be seen");
        if (output.scrollWidth > output.clientWidth + 1) found.push("an output is cut off at the right");
        for (const picture of output.querySelectorAll("img, svg")) {
            const inner = picture.getBoundingClientRect();
            const empty = picture.tagName === "IMG" && !(picture.complete && picture.naturalWidth > 0);
            if (empty || inner.width < 300 || inner.height < 150) found.push("a figure is empty or tiny");
            if (inner.left < box.left - 1 || inner.right > box.right + 1) found.push("a figure is wider than its cell");
            if (inner.bottom > box.bottom + 1) found.push("a figure is taller than its output");
        }
    }
    return {found, outputs: outputs.length, pictures};
}"""


def set_theme(page, name: str):
    """Has JupyterLab change its theme, and waits until that is done: it covers the page for a moment."""
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
    is_done = "name => document.body.dataset.jpThemeName === name && !document.querySelector('#jupyterlab-splash')"
    page.wait_for_function(is_done, arg=name)


class Notebook:
    """A notebook that is open in JupyterLab; `panel` is JupyterLab's own object for it."""

    def __init__(self, page, name: str, panel=None) -> None:
        self.page, self.name, self.panel = page, name, panel
        self.committed = {cell.id: cell for cell in NOTEBOOKS.get(name, [])}
        if not panel:
            self.find()

    def find(self):
        """Waits until JupyterLab is loaded with the notebook."""
        ready = "window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 0"
        self.page.wait_for_function(ready, timeout=2 * MINUTES)
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.panel = self.page.evaluate_handle("window.jupyterapp.shell.currentWidget")

    def cells(self):
        return {cell["id"]: cell for cell in self.panel.evaluate(CELLS)}

    def cell(self, id: str):
        return self.panel.evaluate(CELL, id)

    def activate(self):
        self.panel.evaluate("panel => window.jupyterapp.shell.activateById(panel.id)")

    def wait_until(self, is_true: str, id: str, seconds=180):
        """Waits until it is true of the `cell`, in JavaScript, and for half a second more: what failed may say so late.

        Only what is asked for is fetched: all cells with their outputs are megabytes.
        """
        cell = "panel.content.widgets.find(cell => cell.model.id === id).model"
        function = f"([panel, id]) => {{ const cell = {cell}; return {is_true}; }}"
        self.page.wait_for_function(function, arg=[self.panel, id], timeout=1000 * seconds, polling=200)
        time.sleep(0.5)

    def wait_until_idle(self):
        self.page.wait_for_function(f"panel => !({BUSY})(panel)", arg=self.panel, timeout=2 * MINUTES, polling=200)

    def menu(self, name: str, entry: str):
        """Chooses from a menu; the entry may go on with "…"."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{name}$")).click()
        self.page.locator(".lm-Menu-item", has_text=re.compile(rf"^{entry}…?")).first.click()

    def forget_count(self, id: str):
        """Has a cell look as if it had never run, so that it is seen when it has, even if its count is the same."""
        self.panel.evaluate(FORGET, id)

    def wait_until_run(self, id: str | None = None):
        """Waits until the committed notebook has run, to its last cell or to this one."""
        self.wait_until("cell.executionCount", id or list(self.committed)[-1], 240)
        self.wait_until_idle()

    def start_all(self):
        self.forget_count(list(self.committed)[-1])
        self.menu("Run", "Run All Cells")

    def run_all(self):
        """Runs all cells; again, twice at the most, if on a busy machine some of what they print came late."""
        for _ in range(3):
            self.start_all()
            self.wait_until_run()
            if not self.has_late_output():
                return

    def run_above(self, id: str):
        """Runs all cells above this one."""
        ids = list(self.committed)
        last = ids[ids.index(id) - 1]
        self.forget_count(last)
        self.show(id)
        self.menu("Run", "Run All Above Selected Cell")
        self.wait_until_run(last)

    def has_late_output(self) -> bool:
        """Says whether what cells print is all there, but some of it stands below a later cell.

        The kernel waits until the last line is taken from its queue, but not until it is sent: see upstream/README.md.
        """
        cells = self.cells()
        printed = [(stdout(tidy(cell.outputs)), stdout(outputs_of(cells[id]))) for id, cell in self.committed.items()]
        committed, seen = zip(*printed, strict=True)
        return committed != seen and "".join(committed) == "".join(seen)

    def show(self, id: str, select=True):
        """Brings a cell into sight, selected unless it is only looked at: that draws much anew. Returns its element."""
        return self.panel.evaluate_handle(SHOW, [id, select]).as_element()

    def edit(self, id: str, source: str):
        """Replaces a cell's text, as one who pastes it."""
        self.show(id).query_selector(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)
        assert self.cell(id)["source"] == source

    def run(self, id: str, source: str | None = None):
        """Edits a cell if asked to, runs it with Shift-Enter, and returns its outputs."""
        if source is None:
            self.show(id).query_selector(".cm-content").click()
        else:
            self.edit(id, source)
        self.forget_count(id)
        self.page.keyboard.press("Shift+Enter")
        self.wait_until("cell.executionCount", id)
        self.wait_until_idle()
        return self.outputs(id)

    def add(self, source: str) -> str:
        """Puts a cell below the selected one, with the keys of the command mode, and returns its id."""
        before = set(self.cells())
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        (id,) = set(self.cells()) - before
        self.edit(id, source)
        return id

    def outputs(self, id: str):
        return outputs_of(self.cell(id))

    def text(self, id: str) -> str:
        """All that is shown below a cell, as text."""
        return "\n".join(text for output in self.outputs(id) for text in texts_of(output).values())

    def check(self) -> list[str]:
        """Lists what differs from the committed outputs."""
        found, cells = [], self.cells()
        for id, cell in self.committed.items():
            outputs = outputs_of(cells[id])
            found += [f"{id}: {p}" for p in nb.failures(cell, outputs) or compare(tidy(cell.outputs), outputs)]
        return found

    def look(self, theme: str) -> list[str]:
        """Lists what a reader sees amiss, cell by cell, and keeps a picture of each cell with a figure or a table."""
        found = []
        for id, cell in self.committed.items():
            element = self.show(id, select=False)
            seen = element.evaluate(OUTPUTS)
            found += [f"{id}, {theme}: {problem}" for problem in seen["found"]]
            if seen["outputs"] != len(cell.outputs):
                found.append(f"{id}, {theme}: {seen['outputs']} outputs are to be seen, of {len(cell.outputs)}")
            figures = sum(
                "Figure: " in data.get("text/plain", "") for data in (o.get("data", {}) for o in cell.outputs)
            )
            if seen["pictures"] != figures:
                found.append(f"{id}, {theme}: {seen['pictures']} figures are to be seen, of {figures}")
            if any("data" in output for output in cell.outputs):
                self.picture(f"{id}-{theme}", element)
        return found

    def theme(self, name: str):
        set_theme(self.page, name)

    def picture(self, what: str, element=None):
        path = PICTURES / f"{re.split('[_.]', self.name)[0]}-{what}.png"
        (element or self.page).screenshot(path=path)


# --- What people do --------------------------------------------------------------------------------------------------


def look_in_both_themes(notebook) -> list[str]:
    found = []
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        found += notebook.look(theme.lower())
    return found


RUN = list(dict.fromkeys([FIRST, FILMED, LONGEST, DEEP]))


@pytest.mark.parametrize("name", [FIRST, *(pytest.param(name, marks=pytest.mark.slow) for name in RUN[1:])])
def test_run_all_and_look_at_everything_in_both_themes(name, desk):
    """Only some: that each cell of each notebook gives what is committed is what test_notebooks.py is about.

    The first, one with films, the one with the most cells, and one with none of this.
    """
    notebook = desk(name)
    notebook.run_all()
    report(notebook.check() + look_in_both_themes(notebook))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in RUN])
def test_look_at_everything_as_it_is_committed_in_both_themes(name, desk):
    notebook = desk(name, kernel=False)
    report(notebook.check() + look_in_both_themes(notebook))


@pytest.mark.slow
def test_a_number_is_edited_and_its_cell_run_again(desk):
    notebook = desk(FIRST)
    notebook.run_above("edit-label")
    notebook.run("edit-label")
    source = notebook.committed["edit-label"].source
    assert "set_label(0, 0.0)" in source
    assert "149 of 300" in notebook.text("edit-label")
    # Sample 1 has label 0 already.
    notebook.run("edit-label", source.replace("set_label(0, 0.0)", "set_label(1, 1.0)"))
    assert "151 of 300" in notebook.text("edit-label")
    assert notebook.show("edit-label").evaluate(OUTPUTS)["found"] == []


@pytest.mark.slow
def test_a_failed_cell_says_why_is_corrected_and_one_goes_on(desk):
    notebook = desk(FIRST)
    notebook.run_above("activations")
    source = notebook.committed["activations"].source
    notebook.run("activations", source.replace("assert!(!all_zero(trace.a(0)?));", "assert!(all_zero(trace.a(0)?));"))
    element = notebook.show("activations")
    table = element.query_selector("[role=alert]")
    words = " ".join(table.inner_text().split())
    assert "A claim does not hold." in words and "look at assert!(all_zero(trace.a(0)?));" in words
    assert "panicked" in notebook.text("activations")  # on stderr, for tools
    assert table.evaluate("e => getComputedStyle(e.querySelector('p')).fontFamily") == notebook.page.evaluate(
        "getComputedStyle(document.querySelector('.jp-RenderedMarkdown p')).fontFamily"
    )
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.picture(f"failed-claim-{theme.lower()}", notebook.show("activations"))
    notebook.theme("JupyterLab Light")
    notebook.run("activations", source)
    assert compare(tidy(notebook.committed["activations"].outputs), notebook.outputs("activations")) == []
    # An error that `?` met, and a mistake in the Rust: the variables from before are still there.
    id = notebook.add("network.forward(&Array2::zeros((3, 4)))?;")
    notebook.run(id)
    words = " ".join(notebook.show(id).query_selector("[role=alert]").inner_text().split())
    assert words.startswith("The cell stopped at an error. expected") and "look at" in words
    notebook.picture("failed-shape", notebook.show(id))
    notebook.run(id, 'let number: f64 = "three";')
    assert "mismatched types" in notebook.text(id)
    notebook.picture("failed-rust", notebook.show(id))
    notebook.run(id, 'println!("{} samples", data.samples());')
    assert notebook.text(id) == "300 samples\n"
    notebook.run("dw-by-hand")
    assert compare(tidy(notebook.committed["dw-by-hand"].outputs), notebook.outputs("dw-by-hand")) == []


@pytest.mark.slow
def test_restart_and_run_all(desk):
    notebook = desk(SHORT)
    notebook.run_all()
    notebook.show(list(notebook.committed)[-1])
    added = notebook.add("let left_over = 1;")
    notebook.run(added)
    notebook.run(added, 'println!("{left_over}");')
    assert notebook.text(added) == "1\n"
    notebook.menu("Kernel", "Restart Kernel and Run All Cells")
    notebook.page.locator(".jp-Dialog button", has_text="Restart").click()
    # The counts begin anew, and what the old process had is gone.
    notebook.wait_until("cell.executionCount === null", added)
    notebook.wait_until("cell.executionCount", added)
    notebook.wait_until_run()
    assert notebook.cell(next(iter(notebook.committed)))["execution_count"] == nb.FIRST_COUNT
    assert "cannot find value `left_over`" in notebook.text(added)
    report(notebook.check())


@pytest.mark.slow
def test_a_long_cell_is_interrupted(desk):
    """As the text of the first notebook says: the process ends, every variable is gone, then Run All Above."""
    notebook = desk(SHORT)
    notebook.run_all()
    last = list(notebook.committed)[-1]
    notebook.show(last)
    loop = "loop {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}"
    id = notebook.add(f'println!("It runs.");\n{loop}')
    notebook.page.keyboard.press("Shift+Enter")
    notebook.wait_until("cell.outputs.length", id)
    notebook.picture("long-cell")
    assert notebook.panel.evaluate(BUSY) and notebook.text(id) == "It runs.\n"
    notebook.page.locator('[data-command="notebook:interrupt-kernel"]').first.click()
    notebook.wait_until("cell.outputs.length > 1", id, 30)
    notebook.wait_until_idle()
    notebook.picture("interrupted", notebook.show(id))
    notebook.run(id, 'println!("{} samples", data.samples());')
    assert "cannot find value `data`" in notebook.text(id)
    notebook.show(id)
    notebook.menu("Run", "Run All Above Selected Cell")
    notebook.wait_until("cell.executionCount === null", last, 30)
    notebook.wait_until_run()
    report(notebook.check())
    notebook.run(id)
    assert notebook.text(id) == "300 samples\n"


@pytest.mark.slow
def test_a_slider_is_moved_with_the_keyboard(desk):
    """In a notebook that was only opened: the outputs are those that are committed."""
    notebook = desk(FILMED, kernel=False)
    films = [id for id, cell in notebook.committed.items() if "zero-init-film" in json.dumps(cell.outputs)]
    assert len(films) >= 2
    for id in films:
        element = notebook.show(id)
        element.wait_for_selector("input[type=range]")
        active = notebook.panel.evaluate("panel => panel.content.activeCellIndex")
        said, slider = element.query_selector("output"), element.query_selector("input[type=range]")
        seen = lambda: element.evaluate(  # noqa: E731
            "cell => [...cell.querySelectorAll('g[data-step]')].filter(g => g.getBoundingClientRect().width > 0)"
            ".map(g => g.dataset.text)"
        )
        before = said.inner_text()
        assert seen() == [before]
        slider.focus()
        for key in ("ArrowLeft", "ArrowDown", "Home"):
            notebook.page.keyboard.press(key)
            after = said.inner_text()
            assert after != before and seen() == [after], key
            before = after
        notebook.picture(f"{id}-moved", element)
        if element.query_selector("input[type=radio]"):
            element.query_selector("input[type=radio]:checked").focus()
            notebook.page.keyboard.press("ArrowRight")
            assert said.inner_text() != before and seen() == [said.inner_text()]
        # JupyterLab has not taken the keys for its own.
        assert notebook.panel.evaluate("panel => panel.content.activeCellIndex") == active


@pytest.mark.slow
def test_where_a_notebook_is_not_trusted_a_film_is_a_picture(desk, folder):
    content = json.loads((nb.NOTEBOOKS / FILMED).read_text(encoding="utf-8"))
    # As from somebody else: of another text than was signed.
    content["cells"][0]["source"] += ["\n\nChanged."]
    (folder / "untrusted.ipynb").write_text(json.dumps(content), encoding="utf-8")
    notebook = desk("untrusted.ipynb", kernel=False)
    for id in [cell.id for cell in NOTEBOOKS[FILMED] if "zero-init-film" in json.dumps(cell.outputs)]:
        element = notebook.show(id)
        seen = element.evaluate(OUTPUTS)
        assert seen["found"] == [] and seen["pictures"] == 1 and not element.query_selector("input[type=range]")
        notebook.picture(f"{id}-untrusted", element)


@pytest.mark.slow
def test_reloading_the_page_loses_nothing(desk):
    notebook = desk(SHORT)
    notebook.run_all()
    notebook.show("both")
    id = notebook.add('println!("{} samples", data.samples());')
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_function("panel => !panel.context.model.dirty", arg=notebook.panel)
    notebook.page.reload()
    notebook.find()
    notebook.wait_until_idle()
    report(notebook.check())
    assert notebook.cell(id)["execution_count"] is None
    notebook.run(id)
    assert notebook.text(id) == "300 samples\n"


@pytest.mark.slow
def test_two_notebooks_at_once(desk):
    one, other = desk(SHORT), desk(OTHER_SHORT)
    for notebook in (one, other):
        notebook.activate()
        notebook.start_all()
    for notebook in (one, other):
        notebook.activate()
        notebook.wait_until_run()
    report(one.check() + other.check())


@pytest.mark.slow
def test_names_are_completed_and_explained(desk):
    notebook = desk(SHORT)
    notebook.run_all()
    notebook.show("both")
    id = notebook.add("Network::n")
    notebook.page.keyboard.press("End")
    notebook.page.keyboard.press("Tab")
    offers = notebook.page.locator(".jp-Completer-item")
    offers.first.wait_for(timeout=20_000)
    notebook.picture("completion")
    assert any("new(sizes, hidden, init)" in text for text in offers.all_inner_texts()), offers.all_inner_texts()
    notebook.page.keyboard.press("Escape")
    notebook.edit(id, "circles_train()")
    for _ in "()":  # the kernel looks at the name that ends at the cursor
        notebook.page.keyboard.press("ArrowLeft")
    notebook.page.keyboard.press("Shift+Tab")
    tooltip = notebook.page.locator(".jp-Tooltip")
    tooltip.wait_for(timeout=20_000)
    notebook.picture("documentation")
    words = " ".join(tooltip.inner_text().split())
    assert "circles_train" in words and "300" in words, words


# How light a picture is, from 0 to 255 on average.
LIGHT = """async png => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const {data} = canvas.getContext("2d").getImageData(0, 0, image.width, image.height);
    return data.filter((_, index) => index % 4 !== 3).reduce((sum, one) => sum + one / data.length / 0.75, 0);
}"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [FIRST, FILMED])
def test_figures_are_dark_in_a_dark_theme(name, desk):
    """In a notebook that was only opened: figures, and films with their controls."""
    notebook = desk(name, kernel=False)
    for theme, is_right in (("Light", lambda light: light > 170), ("Dark", lambda light: light < 85)):
        notebook.theme(f"JupyterLab {theme}")
        found = {}
        for id, cell in notebook.committed.items():
            if any("Figure: " in output.get("data", {}).get("text/plain", "") for output in cell.outputs):
                figure = notebook.show(id, select=False).wait_for_selector(".jp-OutputArea-output :is(img, svg)")
                png = base64.b64encode(figure.screenshot()).decode()
                found[id] = notebook.page.evaluate(LIGHT, png)
        assert len(found) >= 3
        report([f"{id}, {theme}: {light:.0f}" for id, light in found.items() if not is_right(light)])


def keeps_it_closed(response) -> bool:
    """Says whether this is JupyterLab's own note of how the page looks, with the left side closed."""
    if response.request.method != "PUT" or "/lab/api/workspaces" not in response.url:
        return False
    layout = response.request.post_data_json["data"].get("layout-restorer:data", {})
    return layout.get("left", {}).get("collapsed", False)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "first"), [(1400, "Table of Contents"), (1100, "File Browser")])
def test_on_a_wide_screen_the_outline_is_open_until_it_is_closed(width, first, lab, browser):
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.set_default_timeout(MINUTES)
    page.goto(f"{lab}/lab/tree/{FIRST}?token={TOKEN}&reset")
    notebook = Notebook(page, FIRST)
    side = lambda name: notebook.page.locator(f".jp-SideBar.jp-mod-left [title^='{name}'][aria-selected=true]")  # noqa: E731
    side(first).wait_for()
    if width > 1200:
        title = notebook.page.locator(".jp-tocItem-heading", has_text="Step 1").first
        title.wait_for()
        notebook.picture("outline")
        with notebook.page.expect_response(keeps_it_closed, timeout=MINUTES):
            side(first).click()
        title.wait_for(state="hidden")
        notebook.page.reload()
        notebook.find()
        assert not side(first).count()
    context.close()


@pytest.mark.slow
def test_of_nbgrader_a_reader_has_only_validate(lab, folder, desk):
    shutil.copy(nb.NOTEBOOKS / "assignments/release/blank/blank.ipynb", folder)
    page = desk("blank.ipynb", kernel=False).page
    assert "Nbgrader" not in page.locator(".lm-MenuBar-item").all_inner_texts()
    assert not page.locator("[title*='Create Assignment']").count()
    assert not page.evaluate("window.jupyterapp.commands.listCommands().filter(name => name.startsWith('nbgrader'))")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{lab}/formgrader")
    page.get_by_role("button", name="Validate").click()
    page.locator(".jp-Dialog", has_text="not done yet").wait_for(timeout=5 * MINUTES)
