"""Does in the project's JupyterLab, in a browser, what people do with the notebooks there.

`make lab` runs in a clone of its own: what is edited and saved is a copy. What was seen is in target/lab, as pictures.
"""

import base64
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

import notebooks as nb
from conftest import REPOSITORY, free_port, report, serving
from kernel_client import KERNELSPEC
from outputs import compare, texts_of, tidy

NAMES = [path.name for path in sorted(nb.NOTEBOOKS.glob("*.ipynb"))]
FIRST = NAMES[0]
FILMED = next(name for name in NAMES if "zero-init-film" in (nb.NOTEBOOKS / name).read_text(encoding="utf-8"))
PICTURES = REPOSITORY / "target" / "lab"
TOKEN = "the-token-of-a-test"
MINUTES = 60_000  # Playwright counts in milliseconds

# --- JupyterLab ------------------------------------------------------------------------------------------------------


def make_clone(root: Path) -> Path:
    """A clone with this one's sources and what is installed here, but with notebooks and a kernel of its own."""
    clone = root / "clone"
    clone.mkdir()
    for name in ("Cargo.toml", "Cargo.lock", "Makefile", "README.md"):
        shutil.copy(REPOSITORY / name, clone)
    shutil.copytree(nb.NOTEBOOKS, clone / "notebooks", ignore=shutil.ignore_patterns(".*", "assignments"))
    for name in ("benches", "examples", "src", "tools", "notebooks/assignments/exercise"):
        shutil.copytree(REPOSITORY / name, clone / name)
    for parts in ([], ["share"], ["share", "jupyter"]):
        original, copy = REPOSITORY.joinpath(".venv", *parts), clone.joinpath(".venv", *parts)
        copy.mkdir()
        for entry in original.iterdir():
            if entry.name not in ("share", "jupyter", "kernels"):
                (copy / entry.name).symlink_to(entry)
    spec = json.loads(KERNELSPEC.read_text(encoding="utf-8"))
    spec["argv"][1] = str(clone / "tools" / "kernel.py")
    own = clone / ".venv" / KERNELSPEC.relative_to(sys.prefix)
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps(spec), encoding="utf-8")
    subprocess.run([clone / ".venv" / "bin" / "python", spec["argv"][1], "--prepare"], check=True, capture_output=True)
    return clone


def get(address: str, method: str = "GET"):
    request = urllib.request.Request(address, method=method, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of `make lab`, with settings of its own: neither the user's are read, nor those of this clone."""
    root = tmp_path_factory.mktemp("lab")
    clone = make_clone(root)
    port = free_port()
    # The set-up is that of this clone, and done: a link to it would be taken for one that was moved.
    command = ["make", "-o", "setup", "lab", "SPARE=on", f"JUPYTER={root / 'jupyter'}"]
    command.append(
        f"ARGS=--no-browser --port={port} --IdentityProvider.token={TOKEN} --LabApp.expose_app_in_browser=True"
    )
    address = f"http://127.0.0.1:{port}"
    with serving(command, f"{address}/api/status?token={TOKEN}", root / "log", cwd=clone):
        yield address


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """An empty folder for the pictures."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)


@pytest.fixture
def desk(lab, browser):
    """Opens notebooks, and ends their kernels: each holds 400 MB."""
    context = browser.new_context(viewport={"width": 1400, "height": 1300})
    yield lambda name: Notebook(context.new_page(), lab, name)
    context.close()
    for session in json.loads(get(lab + "/api/sessions")):
        get(f"{lab}/api/sessions/{session['id']}", "DELETE")


def stdout(outputs) -> str:
    """What a cell has printed."""
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


# --- A notebook in a page --------------------------------------------------------------------------------------------

# The cells as the page has them: what JupyterLab would save.
CELLS = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const busy = panel.sessionContext.session?.kernel?.status !== "idle" || panel.sessionContext.hasNoKernel;
    return {busy, cells: panel.content.widgets.map(cell => cell.model.toJSON())};
}"""

# Of the cell with an id: brings it into sight, and gives its box.
SHOW = """async id => {
    const content = window.jupyterapp.shell.currentWidget.content;
    const index = content.widgets.findIndex(cell => cell.model.id === id);
    content.activeCellIndex = index;
    await content.scrollToItem(index, "start");
    return content.widgets[index].node;
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


class Notebook:
    """A notebook that is open in a page of its own."""

    def __init__(self, page, lab: str, name: str) -> None:
        self.page, self.name = page, name
        page.set_default_timeout(MINUTES)
        path = nb.NOTEBOOKS / name
        self.committed = {cell.id: cell for cell in nb.code_cells(nb.read(path))} if path.exists() else {}
        page.goto(f"{lab}/lab/tree/{name}?token={TOKEN}&reset")
        self.wait_until_loaded()

    def wait_until_loaded(self):
        ready = "window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 0"
        self.page.wait_for_function(ready, timeout=2 * MINUTES)
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.wait_until_idle()

    def cells(self):
        return {cell["id"]: cell for cell in self.page.evaluate(CELLS)["cells"]}

    def wait_until(self, true, what: str, seconds=180):
        """Waits until it is true of the cells, and for half a second more: a failure's text may come late."""
        deadline = time.monotonic() + seconds
        while not true(self.cells()):
            assert time.monotonic() < deadline, f"{self.name}: no {what} after {seconds} s"
            time.sleep(0.2)
        time.sleep(0.5)

    def wait_until_idle(self, seconds=120):
        deadline = time.monotonic() + seconds
        while self.page.evaluate(CELLS)["busy"]:
            assert time.monotonic() < deadline, f"{self.name}: the kernel is not idle after {seconds} s"
            time.sleep(0.2)

    def menu(self, name: str, entry: str):
        """Chooses from a menu; the entry may go on with "…"."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{name}$")).click()
        self.page.locator(".lm-Menu-item", has_text=re.compile(rf"^{entry}…?")).first.click()

    def wait_until_run(self, seconds=240):
        """Waits until every cell of the committed notebook has run."""
        last = list(self.committed)[-1]
        self.wait_until(lambda cells: cells[last]["execution_count"], "end", seconds)
        self.wait_until_idle()

    def run_all(self):
        """Runs all cells; again, twice at the most, if on a busy machine some of what they print came late."""
        for _ in range(3):
            self.menu("Run", "Run All Cells")
            self.wait_until_run()
            if not self.has_late_output():
                return

    def has_late_output(self) -> bool:
        """Says whether what cells print is all there, but some of it stands below a later cell.

        The kernel waits until the last line is taken from its queue, but not until it is sent: see upstream/README.md.
        """
        cells = self.committed.items()
        printed = [(stdout(tidy(cell.outputs)), stdout(self.outputs(id))) for id, cell in cells]
        committed, seen = zip(*printed, strict=True)
        return committed != seen and "".join(committed) == "".join(seen)

    def show(self, id: str):
        """Brings a cell into sight and returns its element."""
        return self.page.evaluate_handle(SHOW, id).as_element()

    def edit(self, id: str, source: str):
        """Replaces a cell's text, as one who pastes it."""
        self.show(id).query_selector(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)
        assert self.cells()[id]["source"] == source

    def run(self, id: str, source: str | None = None):
        """Edits a cell if asked to, runs it with Shift-Enter, and returns its outputs."""
        before = self.cells()[id]["execution_count"]
        if source is None:
            self.show(id).query_selector(".cm-content").click()
        else:
            self.edit(id, source)
        self.page.keyboard.press("Shift+Enter")
        self.wait_until(lambda cells: cells[id]["execution_count"] not in (None, before), f"end of {id}")
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
        return tidy([nbformat.from_dict(output) for output in self.cells()[id]["outputs"]])

    def text(self, id: str) -> str:
        """All that is shown below a cell, as text."""
        return "\n".join(text for output in self.outputs(id) for text in texts_of(output).values())

    def check(self) -> list[str]:
        """Lists what differs from the committed outputs."""
        found = []
        for id, cell in self.committed.items():
            outputs = self.outputs(id)
            found += [f"{id}: {p}" for p in nb.failures(cell, outputs) or compare(tidy(cell.outputs), outputs)]
        return found

    def look(self, theme: str) -> list[str]:
        """Lists what a reader sees amiss, cell by cell, and keeps a picture of each cell with a figure or a table."""
        found = []
        for id, cell in self.committed.items():
            element = self.show(id)
            self.page.wait_for_timeout(100)
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
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        self.page.wait_for_timeout(1000)

    def picture(self, what: str, element=None):
        path = PICTURES / f"{re.split('[_.]', self.name)[0]}-{what}.png"
        (element or self.page).screenshot(path=path)


# --- What people do --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FIRST, *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])])
def test_run_all_and_look_at_everything_in_both_themes(name, desk):
    notebook = desk(name)
    notebook.run_all()
    found = notebook.check()
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        found += notebook.look(theme.lower())
    notebook.theme("JupyterLab Light")
    report(found)


@pytest.mark.slow
def test_a_number_is_edited_and_its_cell_run_again(desk):
    notebook = desk(FIRST)
    notebook.run_all()
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
    notebook.run_all()
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
    notebook = desk(FIRST)
    notebook.run_all()
    added = notebook.add("let left_over = 1;")
    notebook.run(added)
    notebook.run(added, 'println!("{left_over}");')
    assert notebook.text(added) == "1\n"
    notebook.menu("Kernel", "Restart Kernel and Run All Cells")
    notebook.page.locator(".jp-Dialog button", has_text="Restart").click()
    # The counts begin anew, and what the old process had is gone.
    notebook.wait_until(lambda cells: cells[added]["execution_count"] is None, "restart")
    notebook.wait_until(lambda cells: cells[added]["execution_count"], "end")
    notebook.wait_until_run()
    assert notebook.cells()[next(iter(notebook.committed))]["execution_count"] == nb.FIRST_COUNT
    assert "cannot find value `left_over`" in notebook.text(added)
    report(notebook.check())


@pytest.mark.slow
def test_a_long_cell_is_interrupted(desk):
    """As the text of the first notebook says: the process ends, every variable is gone, then Run All Above."""
    notebook = desk(FIRST)
    notebook.run_all()
    notebook.show(list(notebook.committed)[-1])
    id = notebook.add("loop {\n    std::thread::sleep(std::time::Duration::from_secs(1));\n}")
    notebook.page.keyboard.press("Shift+Enter")
    notebook.page.wait_for_timeout(3000)
    notebook.picture("long-cell")
    assert notebook.page.evaluate(CELLS)["busy"]
    notebook.page.locator('[data-command="notebook:interrupt-kernel"]').first.click()
    notebook.wait_until(lambda cells: cells[id]["outputs"], "word of the interruption", 30)
    notebook.wait_until_idle()
    notebook.picture("interrupted", notebook.show(id))
    notebook.run(id, 'println!("{} samples", data.samples());')
    assert "cannot find value `data`" in notebook.text(id)
    notebook.show(id)
    notebook.menu("Run", "Run All Above Selected Cell")
    notebook.wait_until(lambda cells: cells[list(notebook.committed)[-1]]["execution_count"] is None, "new start", 30)
    notebook.wait_until_run()
    report(notebook.check())
    notebook.run(id)
    assert notebook.text(id) == "300 samples\n"


@pytest.mark.slow
def test_a_slider_is_moved_with_the_keyboard(desk):
    """In a notebook that was only opened: the outputs are those that are committed."""
    notebook = desk(FILMED)
    films = [id for id, cell in notebook.committed.items() if "zero-init-film" in json.dumps(cell.outputs)]
    assert len(films) >= 2
    for id in films:
        element = notebook.show(id)
        element.wait_for_selector("input[type=range]")
        active = notebook.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex")
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
        assert notebook.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex") == active


@pytest.mark.slow
def test_where_a_notebook_is_not_trusted_a_film_is_a_picture(desk, lab):
    content = json.loads(get(f"{lab}/api/contents/{FILMED}"))["content"]
    # As from somebody else: of another text than was signed, and with no cell said to be trusted.
    content["cells"][0]["source"] += "\n\nChanged."
    for cell in content["cells"]:
        cell["metadata"].pop("trusted", None)
    body = json.dumps({"type": "notebook", "format": "json", "content": content}).encode()
    address = f"{lab}/api/contents/untrusted.ipynb"
    request = urllib.request.Request(address, body, {"Authorization": f"token {TOKEN}"}, method="PUT")
    urllib.request.urlopen(request, timeout=30).close()
    notebook = desk("untrusted.ipynb")
    committed = nb.code_cells(nb.read(nb.NOTEBOOKS / FILMED))
    for id in [cell.id for cell in committed if "zero-init-film" in json.dumps(cell.outputs)]:
        element = notebook.show(id)
        notebook.page.wait_for_timeout(300)
        seen = element.evaluate(OUTPUTS)
        assert seen["found"] == [] and seen["pictures"] == 1 and not element.query_selector("input[type=range]")
        notebook.picture(f"{id}-untrusted", element)


@pytest.mark.slow
def test_reloading_the_page_loses_nothing(desk):
    notebook = desk(FIRST)
    notebook.run_all()
    notebook.show("edit-label")
    id = notebook.add('println!("{} samples", data.samples());')
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_timeout(2000)
    notebook.page.reload()
    notebook.wait_until_loaded()
    report(notebook.check())
    assert notebook.cells()[id]["execution_count"] is None
    notebook.run(id)
    assert notebook.text(id) == "300 samples\n"


@pytest.mark.slow
def test_two_notebooks_at_once(desk):
    one, other = desk(NAMES[1]), desk(NAMES[4])
    for notebook in (one, other):
        notebook.page.bring_to_front()
        notebook.menu("Run", "Run All Cells")
    for notebook in (one, other):
        notebook.page.bring_to_front()
        notebook.wait_until_run()
    report(one.check() + other.check())


@pytest.mark.slow
def test_names_are_completed_and_explained(desk):
    notebook = desk(FIRST)
    notebook.run_all()
    notebook.show("network")
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


@pytest.mark.parametrize("name", [FIRST, FILMED])
def test_figures_are_dark_in_a_dark_theme(name, desk):
    """In a notebook that was only opened: figures, and films with their controls."""
    notebook = desk(name)
    for theme, is_right in (("Light", lambda light: light > 170), ("Dark", lambda light: light < 85)):
        notebook.theme(f"JupyterLab {theme}")
        found = {}
        for id, cell in notebook.committed.items():
            if any("Figure: " in output.get("data", {}).get("text/plain", "") for output in cell.outputs):
                figure = notebook.show(id).wait_for_selector(".jp-OutputArea-output :is(img, svg)")
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


@pytest.mark.parametrize(("width", "first"), [(1400, "Table of Contents"), (1100, "File Browser")])
def test_on_a_wide_screen_the_outline_is_open_until_it_is_closed(width, first, lab, browser):
    context = browser.new_context(viewport={"width": width, "height": 900})
    notebook = Notebook(context.new_page(), lab, FIRST)
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
        notebook.wait_until_loaded()
        assert not side(first).count()
    context.close()


def test_of_nbgrader_a_reader_has_only_validate(lab, desk):
    content = json.loads((nb.NOTEBOOKS / "assignments/release/blank/blank.ipynb").read_text(encoding="utf-8"))
    body = json.dumps({"type": "notebook", "format": "json", "content": content}).encode()
    address = f"{lab}/api/contents/blank.ipynb"
    request = urllib.request.Request(address, body, {"Authorization": f"token {TOKEN}"}, method="PUT")
    urllib.request.urlopen(request, timeout=30).close()
    page = desk("blank.ipynb").page
    assert "Nbgrader" not in page.locator(".lm-MenuBar-item").all_inner_texts()
    assert not page.locator("[title*='Create Assignment']").count()
    assert not page.evaluate("window.jupyterapp.commands.listCommands().filter(name => name.startsWith('nbgrader'))")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{lab}/formgrader")
    page.get_by_role("button", name="Validate").click()
    page.locator(".jp-Dialog", has_text="not done yet").wait_for(timeout=5 * MINUTES)
