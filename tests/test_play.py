"""Checks of the section "Ask the network yourself": the browser computes and draws what the native program does, to the
last byte, and a reader can do what the section says, with a mouse, with the keyboard and on a phone."""

import functools
import http.server
import json
import random
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

import notebooks as nb
import website
from conftest import ALL, IN_CI, REPOSITORY, report, violations
from kernel_client import start_kernel
from outputs import kind

STATES = 100  # the first 60 have every value of every setting
CELLS = 20
MANGLED = 3000 if ALL else 1000

# Asks the program of a page one question after the other, as the page does, and returns what it answers.
ASK = r"""async (questions) => {
    const text = document.getElementById("play-program").textContent.trim();
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const module = await WebAssembly.compile(await new Response(stream).arrayBuffer());
    const worker = new Worker(URL.createObjectURL(new Blob([document.getElementById("play-worker").textContent])));
    worker.postMessage({ module });
    const answers = [];
    for (const question of questions) {
        const lines = [];
        await new Promise((resolve, reject) => {
            worker.onmessage = ({ data }) => {
                if (data.broken) reject(new Error(data.broken));
                else if (data.done) resolve();
                else lines.push(new TextDecoder().decode(data.answer));
            };
            worker.postMessage({ question });
        });
        answers.push(lines);
    }
    worker.terminate();
    return answers;
}"""


@pytest.fixture(scope="module")
def program() -> Path:
    """The native program, which answers what the one in the page answers."""
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--package", "page"], cwd=REPOSITORY, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=REPOSITORY, check=True, capture_output=True
    )
    return Path(json.loads(metadata.stdout)["target_directory"]) / "debug" / "page"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = ["tools/wasm.sh", "build", "--quiet", "--profile", "page", "--package", "page"]
    built = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True)
    if built.returncode:
        pytest.fail(built.stderr) if IN_CI else pytest.skip(built.stderr)
    folder = tmp_path_factory.mktemp("site")
    website.build(website.NOTEBOOKS, folder)
    return folder


def ask(program: Path, question: str) -> list[dict]:
    answered = subprocess.run([program], input=question, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in answered.stdout.splitlines()]


def some_states(count: int) -> list[str]:
    """Questions drawn at random, among them networks that are changed, trained, or both."""
    draw, states = random.Random(1), []
    for _ in range(count):
        hidden = [draw.choice([1, 2, 5, 10]) for _ in range(draw.randint(0, 3))]
        sizes = [2, *hidden, 1]
        parts = {
            "sizes": "-".join(map(str, sizes)),
            "g": draw.choice(["identity", "relu", "relu1", "leaky", "tanh", "silu", "gelu", "sigmoid", "softplus"]),
            "start": draw.choice(["zeros", "constant", "normal", "xavier", "he"]),
            "scale": draw.choice(["0.5", "0.01", "-0.1", "1"]).removeprefix("-" if draw.random() < 0.5 else "~"),
            "seed": str(draw.randint(0, 99)),
            "biases": draw.choice(["0", "0.1", "-1"]),
            "data": draw.choice(["circles", "blobs", "xor"]),
            "noise": draw.choice(["", "", "0.1"]),
            "ones": draw.choice(["150", "100", "290"]),
            "flip": draw.choice(["", "0", "0,7,299"]),
            "rate": draw.choice(["0.01", "0.1"]),
            "by": draw.choice(["descent", "descent", "momentum", "adam"]),
            "batch": draw.choice(["0", "0", "32"]),
            "steps": str(draw.choice([0, 0, 1, 10, 100, 1000])),
        }
        if parts["start"] == "normal":
            parts["scale"] = parts["scale"].removeprefix("-")
        layer = draw.randint(1, len(sizes) - 1)
        row, column = draw.randrange(sizes[layer]), draw.randrange(sizes[layer - 1])
        if draw.random() < 0.5:
            parts["w"] = draw.choice(
                [f"{layer}.{row}.{column}:0.1", f"{layer}:0", f"{layer}:1,{layer}.{row}.{column}:2"]
            )
        if draw.random() < 0.3:
            parts["b"] = draw.choice([f"{layer}.{row}:-0.5", f"{layer}:-1"])
        states.append("&".join(f"{name}={value}" for name, value in parts.items() if value))
    return states


# --- The same answers everywhere --------------------------------------------------------------------------------------


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Callable[..., Page]]:
    """A function that gives the page of the argument, once its section has answered.

    What the page says of errors fails the test at its end: an exception amid an event would end the connection.
    """
    pages, errors = [], []

    def opened(asked: str = "", width: int = 1280, prepare: Callable[[Page], None] = lambda page: None) -> Page:
        phone = width < 500
        page = browser.new_page(viewport={"width": width, "height": 900}, has_touch=phone, is_mobile=phone)
        pages.append(page)
        prepare(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.context.set_offline(True)
        page.goto((site / "01_the_argument.html").as_uri() + asked)
        expect(page.locator("#play-signal svg")).to_be_attached()
        return page

    yield opened
    for page in pages:
        page.close()
    report(errors)


@pytest.mark.slow
def test_the_browser_answers_what_the_native_program_does(open_page, program):
    states = some_states(STATES)
    page = open_page()
    answers = page.evaluate(ASK, states)
    for state, lines in zip(states, answers, strict=True):
        assert [json.loads(line) for line in lines] == ask(program, state), state
    faults = [lines for lines in answers if "fault" in json.loads(lines[0])]
    assert len(faults) < STATES / 10, "most of the states make sense"


def test_a_run_shows_what_the_same_number_of_steps_gives(program):
    for state in ["start=he&rate=0.1", "g=tanh&start=normal&scale=0.5&seed=3"]:
        answers = ask(program, f"{state}\nto=40&every=20")
        assert [answer["step"] for answer in answers] == [0, 20, 40]
        for answer in answers[1:]:
            alone = ask(program, answer["question"])[0]
            assert [alone[name] for name in ("table", "signal", "boundary")] == [
                answer[name] for name in ("table", "signal", "boundary")
            ]


def test_an_address_says_the_same_again(program):
    for state in some_states(60):
        answer = ask(program, state)[0]
        if "fault" not in answer:
            assert ask(program, answer["question"])[0] == answer, state


@pytest.mark.slow
def test_a_copied_cell_shows_the_same_table(program):
    load = next(
        cell.source for cell in nb.code_cells(nb.read(nb.NOTEBOOKS / "01_the_argument.ipynb")) if cell.id == "load"
    )
    states = [state for state in some_states(3 * CELLS) if "fault" not in ask(program, state)[0]][:CELLS]
    with start_kernel(nb.NOTEBOOKS) as kernel:
        kernel.run(load)
        for state in states:
            answer = ask(program, state)[0]
            outputs = kernel.run(answer["cell"])
            assert [output.data["text/plain"] for output in outputs if kind(output) != "stderr"] == [answer["words"]], (
                state
            )


@pytest.mark.slow
def test_what_is_to_try_makes_sense_and_is_linked(program, site):
    tries = json.loads((website.WEB / "tries.json").read_text(encoding="utf-8"))
    for notebook, items in tries.items():
        links = re.findall(
            r'href="01_the_argument.html#([^"]*)"', (site / f"{notebook}.html").read_text(encoding="utf-8")
        )
        assert [link.replace("&amp;", "&") for link in links if "=" in link] == list(items.values()), notebook
        for question in items.values():
            assert "fault" not in ask(program, question)[0], question


# --- What a reader does -----------------------------------------------------------------------------------------------


def said(page: Page) -> str:
    return page.locator("#play-said").inner_text()


def test_a_click_on_a_weight_says_what_changes(open_page):
    page = open_page()
    changed = page.locator("#play-table .changed")
    assert changed.count() == 0
    page.locator("#play-hits > *").first.click(force=True)
    expect(changed.first).to_be_visible()
    page.wait_for_function("location.hash.includes('w=1.0.0:0.1')")
    assert page.locator("#play-table td").nth(3).inner_text().startswith("1"), "the slope of layer 1"
    page.locator("#play-hits > .set").first.click(force=True)
    expect(page.locator("#play-hits > .set")).to_have_count(0)


@pytest.mark.slow
def test_a_path_of_three_weights_frees_the_network(open_page):
    page = open_page()
    for layer in [1, 2, 3]:
        page.locator("#play select[name=place]").select_option(f"w{layer}.0.0")
        page.locator("#play input[name=value]").fill("0.1")
        page.get_by_role("button", name="Set", exact=True).click()
        expect(page.locator("#play-hits > .set")).to_have_count(layer)
    assert page.locator("#play-table").inner_text().count("alive") >= 3
    page.wait_for_function("location.hash.includes('3.0.0')")
    again = open_page("#" + page.url.split("#")[1])
    expect(again.locator("#play-hits > .set")).to_have_count(3)


@pytest.mark.slow
def test_training_runs_pauses_and_goes_back(open_page):
    page = open_page("#start=he&rate=0.1")
    page.get_by_role("button", name="1 step").click()
    expect(page.locator("#play-step")).to_have_text("step 1")
    page.get_by_role("button", name="100 steps").click()
    expect(page.locator("#play-step")).to_have_text("step 101")
    run = page.locator("#play [data-do=run]")
    run.click()
    page.wait_for_function("Number(document.querySelector('#play-step').textContent.split(' ')[1]) > 500")
    run.click()
    expect(run).to_have_text("Run")
    steps = int(page.locator("#play-step").inner_text().split()[1])
    page.get_by_role("button", name="1 step").click()
    expect(page.locator("#play-step")).to_have_text(f"step {steps + 1}")
    page.get_by_role("button", name="Back to the start").click()
    expect(page.locator("#play-step")).to_have_text("step 0")


@pytest.mark.slow
def test_a_reader_predicts_first(open_page):
    page = open_page()
    page.locator("#play-cover").check()
    page.locator("#play select[name=g]").select_option("sigmoid")
    expect(page.locator("#play-guess")).to_be_visible()
    expect(page.locator("#play-table")).to_be_hidden()
    page.locator("#play-guess input").nth(2).check()
    page.get_by_role("button", name="Show the answer").click()
    expect(page.locator("#play-said")).to_contain_text("You were wrong about layer 3, and right about the rest.")
    expect(page.locator("#play-table")).to_be_visible()


def tab_to(page: Page, selector: str) -> None:
    """Goes on with the Tab key until it is the turn of this element."""
    for _ in range(60):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the Tab key does not lead to {selector}", pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 360])
def test_everything_can_be_done_by_keyboard(width, open_page, program):
    page = open_page(width=width, prepare=allow_clipboard)
    page.locator("#play input[name=hidden]").focus()
    page.keyboard.press("Shift+Tab")
    for name, keys, asked in [
        ("hidden", "3", "sizes=2-3-1"),
        ("g", "tanh", "g=tanh"),
        ("start", "He", "start=he"),
        ("seed", "2", "seed=2"),
        ("biases", "0.1", "biases=0.1"),
        ("data", "xor", "data=xor"),
        ("noise", "0.2", "noise=0.2"),
        ("ones", "100", "ones=100"),
        ("flip", "0, 7", "flip=0,7"),
        ("rate", "0.1", "rate=0.1"),
        ("by", "Adam", "by=adam"),
        ("batch", "32", "batch=32"),
    ]:
        tab_to(page, f"[name={name}]")
        page.keyboard.type(keys)
        page.keyboard.press("Tab")
        page.wait_for_function("(asked) => location.hash.includes(asked)", arg=asked)
    step = page.locator("#play-step")
    for action, shown in [("step", "step 1"), ("hundred", "step 101"), ("back", "step 0")]:
        tab_to(page, f"[data-do={action}]")
        page.keyboard.press("Enter")
        expect(step).to_have_text(shown)
    tab_to(page, "[name=place]")
    page.keyboard.press("End")
    tab_to(page, "[name=value]")
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash.includes('b=2:0.5')")
    tab_to(page, "[data-do=link]")
    page.keyboard.press("Enter")
    expect(page.locator("#play-said")).to_have_text("The link is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    tab_to(page, "[data-do=cell]")
    page.keyboard.press("Enter")
    expect(page.locator("#play-said")).to_contain_text("The cell is copied.")
    cell = ask(program, page.url.split("#")[1])[0]["cell"]
    assert page.evaluate("navigator.clipboard.readText()") == cell and "b" in cell
    page.locator("#play input[name=hidden]").focus()
    tab_to(page, "[data-do=run]")
    page.keyboard.press("Space")
    page.wait_for_function("Number(document.querySelector('#play-step').textContent.split(' ')[1]) > 100")
    page.keyboard.press("Space")
    expect(page.locator("#play [data-do=run]")).to_have_text("Run")


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 360])
def test_a_reader_predicts_first_by_keyboard(width, open_page):
    page = open_page(width=width)
    page.locator("#play input[name=hidden]").focus()
    tab_to(page, "#play-cover")
    page.keyboard.press("Space")
    page.locator("#play input[name=hidden]").focus()
    tab_to(page, "[name=g]")
    page.keyboard.type("sigmoid")
    expect(page.locator("#play-guess")).to_be_visible()
    expect(page.locator("#play-said")).not_to_contain_text("cost")
    for _ in range(3):
        tab_to(page, "#play-guess input:not(:checked)")
        page.keyboard.press("Space")
    tab_to(page, "#play-guess button")
    page.keyboard.press("Enter")
    expect(page.locator("#play-said")).to_contain_text("You were wrong about layer 1, 2, 3")
    expect(page.locator("#play-table")).to_be_focused()


@pytest.mark.slow
def test_a_finger_on_a_phone_changes_a_weight_and_trains(open_page):
    page = open_page("#sizes=2-2-1", width=360)
    page.locator("#play-hits > *").first.tap(force=True)
    page.wait_for_function("location.hash.includes('w=1.0.0:0.1')")
    expect(page.locator("#play-why")).to_contain_text("dW of layer 1: zero")
    page.locator("#play-hits > circle").last.tap()
    page.wait_for_function("location.hash.includes('b=2.0:0.1')")
    page.get_by_role("button", name="100 steps").tap()
    expect(page.locator("#play-step")).to_have_text("step 100")


def allow_clipboard(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])


@pytest.mark.slow
def test_what_a_browser_does_not_let_copy_is_there_to_be_copied_by_hand(open_page):
    page = open_page(prepare=lambda page: page.add_init_script("delete Navigator.prototype.clipboard"))
    shown = []

    def note(dialog: Dialog) -> None:
        shown.append(dialog.default_value)
        dialog.dismiss()

    page.on("dialog", note)
    page.get_by_role("button", name="Copy a link to this").click()
    page.get_by_role("button", name="Copy as a cell").click()
    assert [shown[0], shown[1].splitlines()[0]] == [page.url, "let data = circles_train();"]
    # While it trains, the address is that of the start; the link is to the network of now.
    page.locator("#play [data-do=run]").click()
    page.wait_for_function("document.getElementById('play-step').textContent !== 'step 0'")
    page.get_by_role("button", name="Copy a link to this").click()
    assert "steps=" in shown[2] and "steps=" not in shown[0]


@pytest.mark.slow
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_run_moves_only_where_motion_is_welcome(motion, open_page):
    page = open_page("#start=he")
    page.emulate_media(reduced_motion=motion)
    page.evaluate("""() => {
        const step = document.getElementById("play-step");
        window.seen = new Set();
        new MutationObserver(() => window.seen.add(step.textContent)).observe(step, { childList: true });
    }""")
    page.locator("#play [data-do=run]").click()
    expect(page.locator("#play-step")).to_have_text("step 15000", timeout=60_000)
    seen = set(page.evaluate("[...window.seen]"))
    assert seen <= {"step 0", "step 15000"} if motion == "reduce" else len(seen) > 5


# Which pictures are not, element by element, what the program has drawn.
OTHERWISE = """(answer) => ["signal", "boundary", "costs", "norms"].filter((name) => {
    const fresh = document.createElement("div"), shown = document.querySelector(`#play-${name} svg`);
    fresh.innerHTML = answer[name];
    const parts = (svg) => [svg.cloneNode(false), ...svg.children].map((element) => element.outerHTML).join("\\n");
    return parts(fresh.firstElementChild) !== parts(shown);
})"""


@pytest.mark.slow
def test_pictures_that_were_changed_are_as_if_drawn_anew(open_page, program):
    draw, page = random.Random(3), open_page("#sizes=2-4-3-1")
    page.evaluate("""() => {
        const replace = history.replaceState.bind(history);
        window.answers = 0;
        history.replaceState = (...all) => (replace(...all), window.answers++);
    }""")
    for count in range(1, 41):
        match draw.randrange(4):
            case 0:
                page.locator("#play [data-do=step]").click()
            case 1:
                name, value = draw.choice(
                    [("g", "tanh"), ("g", "relu"), ("start", "he"), ("start", "zeros"), ("data", "xor")]
                )
                page.locator(f"#play select[name={name}]").select_option(value)
            case _:
                page.locator("#play-hits > *").nth(draw.randrange(30)).dispatch_event("click", {"bubbles": True})
        page.wait_for_function("(count) => window.answers === count", arg=count)
        answer = ask(program, page.url.split("#")[1])[0]
        assert page.evaluate(OTHERWISE, answer) == [], answer["question"]


@pytest.mark.slow
def test_a_link_that_is_followed_amid_a_run_opens(open_page):
    """An answer waits for its frame when the link is followed, and the program answers after that frame."""
    slow = """
        requestAnimationFrame = (draw) => setTimeout(draw, 100);
        cancelAnimationFrame = clearTimeout;
        const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (said) { setTimeout(() => post.call(this, said), 500); };
    """
    page = open_page("#start=he", prepare=lambda page: page.add_init_script(slow))
    page.locator("#play [data-do=run]").click()
    page.wait_for_function("document.getElementById('play-step').textContent !== 'step 0'")
    page.evaluate("location.hash = 'g=tanh'")
    expect(page.locator("#play-step")).to_have_text("step 0")
    expect(page.locator("#play select[name=g]")).to_have_value("tanh")


@pytest.mark.slow
def test_a_link_that_is_followed_just_before_the_address_is_written_opens(open_page):
    page = open_page("#start=he")
    page.evaluate("location.hash = 'g=tanh'; history.replaceState(null, '', '#start=he&seed=1')")
    expect(page.locator("#play select[name=g]")).to_have_value("tanh")
    expect(page).to_have_url(re.compile("g=tanh"))


@pytest.mark.slow
def test_a_run_leaves_nothing_behind(open_page):
    """A browser frees what nobody needs when it likes, so it is told to, before its elements are counted."""
    page = open_page("#sizes=2-10-10-10-1&start=he")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def nodes() -> float:
        session.send("HeapProfiler.collectGarbage")
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "Nodes")

    before = nodes()
    page.locator("#play [data-do=run]").click()
    expect(page.locator("#play-step")).to_have_text("step 15000", timeout=60_000)
    page.get_by_role("button", name="Back to the start").click()
    expect(page.locator("#play-step")).to_have_text("step 0")
    assert nodes() < 1.05 * before


@pytest.mark.slow
def test_the_last_change_wins(open_page):
    page = open_page()
    page.locator("#play [data-do=run]").click()
    for value in ["he", "zeros", "xavier"]:
        page.locator("#play select[name=start]").select_option(value)
    expect(page.locator("#play-step")).to_have_text("step 0")
    page.wait_for_function("location.hash.startsWith('#start=xavier')")


@pytest.mark.slow
def test_what_makes_no_sense_is_said_and_the_page_still_works(open_page):
    page = open_page("#sizes=2-1000000000-1&g=<img src=x onerror=alert(1)>")
    expect(page.locator("#play-fault")).to_contain_text("sizes: expected a whole number up to 10")
    assert page.locator("#play-fault img").count() == 0
    page.locator("#play input[name=rate]").fill("fast")
    page.locator("#play input[name=rate]").press("Tab")
    expect(page.locator("#play-fault")).to_contain_text("rate: expected a number")
    page.locator("#play input[name=rate]").fill("0.1")
    page.locator("#play input[name=rate]").press("Tab")
    expect(page.locator("#play-fault")).to_be_hidden()


@pytest.mark.slow
def test_what_takes_too_long_is_ended(open_page):
    page = open_page(prepare=lambda page: page.clock.install())
    page.evaluate("location.hash = 'sizes=2-10-10-10-10-10-10-10-1&g=gelu&start=he&rate=0.0001&steps=100000'")
    expect(page.locator("#play-said")).to_have_text("Computing …")
    page.clock.fast_forward(60_000)
    expect(page.locator("#play-fault")).to_contain_text("this takes too long")
    expect(page.locator("#play-said")).to_contain_text("step 0")


def test_mangled_addresses_get_a_sentence_or_an_answer(program):
    """In one process for each, as in the page; nothing of the address is in an answer but escaped text."""
    draw, states = random.Random(2), some_states(50)
    batch = []
    for _ in range(MANGLED):
        state = draw.choice(states)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(state) + 1)
            piece = draw.choice(
                [
                    "",
                    "NaN",
                    "1e999",
                    "-",
                    "1000000000",
                    "<script>",
                    "&",
                    "=",
                    "%",
                    "%FF",
                    "é",
                    "0x10",
                    ",,",
                    "w=9.9.9:1&",
                ]
            )
            state = state[:at] + piece + state[at + draw.randint(0, 3) :]
        batch.append(state)
    with tempfile.TemporaryDirectory() as folder:
        for number, state in enumerate(batch):
            (Path(folder) / str(number)).write_text(state, encoding="utf-8")
        # In one shell, which starts no other program: that would take longer than the answers.
        script = """
            ulimit -t 20
            for f in "$1"/*; do said=$("$2" < "$f") || said="died: $f"; printf '%.300s\\n' "$said"; done
        """
        done = subprocess.run(
            ["bash", "-c", script, "-", folder, str(program)],
            capture_output=True,
            text=True,
            errors="replace",  # a letter may be cut in two
        )
    answers = [line for line in done.stdout.splitlines() if line]
    assert len(answers) == MANGLED
    wrong = [answer for answer in answers if not answer.startswith(('{"fault":"', '{"alive":['))]
    assert wrong == [] and "panicked" not in done.stderr
    assert not any("<script" in answer for answer in answers if answer.startswith('{"alive"'))


def test_what_cannot_be_drawn_is_a_fault(program):
    """Its features are as large as numbers may be, and a few of them larger than a picture's axis."""
    for question in ("noise=1e100", "noise=1e100\nto=10&every=1"):
        (answer,) = ask(program, question)
        assert answer["fault"].startswith("data: expected features within ±1e100, got 15")


@pytest.mark.slow
def test_a_served_site_answers_as_well(browser, site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/01_the_argument.html#w=1.0.0:0.1")
        expect(page.locator("#play-hits > .set")).to_have_count(1)
        page.close()
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(width, scheme, open_page):
    page = open_page(width=width)
    page.emulate_media(color_scheme=scheme)
    report(violations(page, "#play"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_without_scripts_there_is_the_page_alone(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "01_the_argument.html").as_uri())
    expect(page.locator("#play")).to_be_hidden()
    context.close()


@pytest.mark.slow
def test_without_the_program_the_pages_are_as_they_were(monkeypatch, tmp_path):
    monkeypatch.setattr(website, "PROGRAM", tmp_path / "none.wasm")
    website.build(website.NOTEBOOKS, tmp_path / "site")
    text = "".join(page.read_text(encoding="utf-8") for page in (tmp_path / "site").glob("*.html"))
    assert 'id="play"' not in text and website.TRY not in text
