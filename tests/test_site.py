"""Opens every page of the site in a browser, from its file, and checks that the checker notices a bad page."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

import website
from conftest import report, violations

NAMES = ["index.html"] + [path.stem + ".html" for path in sorted(website.NOTEBOOKS.glob("*.ipynb"))]
WIDTHS = [1280, 400]  # a desk's and a phone's
PAGES = [*NAMES[:2], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[2:])]
ON_A_PHONE = pytest.param(WIDTHS[1], marks=pytest.mark.slow)

# What is wrong with the page, as the browser has made it up.
PROBLEMS = r"""() => {
    const found = [];
    for (const image of document.images) {
        const name = image.getAttribute("src").slice(0, 40);
        if (!(image.complete && image.naturalWidth > 0)) found.push(`the image ${name} is not there`);
        if (!image.alt.trim()) found.push(`the image ${name} has no text`);
    }
    for (const picture of document.querySelectorAll('svg:not([aria-hidden="true"])')) {
        const title = picture.querySelector(":scope > title");
        const name = picture.getAttribute("aria-label") || (title && title.textContent);
        if (picture.getAttribute("role") !== "img" || !(name || "").trim()) found.push("a picture has no name");
    }
    for (const formula of document.querySelectorAll("math")) {
        const box = formula.getBoundingClientRect();
        if (!(box.width > 0 && box.height > 0)) found.push(`the formula ${formula.textContent} is not to be seen`);
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const {parentElement: parent, data} = texts.currentNode;
        const latex = /\$|\\[a-zA-Z]/.test(data) && !parent.closest("pre, code, script, style");
        if (latex) found.push(`LaTeX is left: ${data}`);
    }
    for (const text of document.querySelectorAll("pre")) {
        const words = text.textContent.trim().slice(0, 80);
        if (words.startsWith("Figure: ")) found.push(`a figure is only a text: ${words}`);
    }
    for (const box of document.body.querySelectorAll("*")) {
        const scrolls = box.scrollHeight > box.clientHeight && /auto|scroll/.test(getComputedStyle(box).overflowY);
        if (scrolls) found.push(`a box scrolls up and down: ${box.textContent.slice(0, 80)}`);
    }
    const width = document.documentElement.scrollWidth;
    if (width > window.innerWidth) found.push(`the page scrolls sideways: it is ${width} wide`);
    return found;
}"""


def problems_on(browser, path: Path, width: int) -> list[str]:
    """Lists what is wrong with a page in a window of this width."""
    found = []
    page = browser.new_page(viewport={"width": width, "height": 800})

    def asked(request):
        address = urlsplit(request.url)
        inside = address.scheme == "file" and Path(unquote(address.path)).is_relative_to(path.parent)
        if not inside and address.scheme not in ("data", "blob"):  # a blob is made by the page itself
            found.append(f"it asks for {request.url}, which is not of the site")

    page.on("request", asked)
    page.on("requestfailed", lambda request: found.append(f"it does not get {request.url}"))
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("console", lambda said: found.append(f"console: {said.text}") if said.type == "error" else None)
    page.goto(path.as_uri())
    found += page.evaluate(PROBLEMS)
    page.close()
    return found


def check_links(path: Path) -> list[str]:
    """Lists links of a page that lead nowhere in the site, and ids that are not unique."""
    soups: dict[Path, BeautifulSoup] = {}

    def soup(file: Path) -> BeautifulSoup:
        if file not in soups:
            soups[file] = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
        return soups[file]

    ids = [element["id"] for element in soup(path).select("[id]")]
    found = [f"the id {name} is there {ids.count(name)} times" for name in sorted(set(ids)) if ids.count(name) > 1]
    for link in soup(path).select("a[href]"):
        address = urlsplit(str(link["href"]))
        if address.scheme in ("http", "https"):
            continue
        target = (path.parent / unquote(address.path)).resolve() if address.path else path
        if not target.is_file() or not target.is_relative_to(path.parent):
            found.append(f"the link {link['href']} leads to no file of the site")
        elif "=" in address.fragment and soup(target).find(id="play"):
            continue  # a question to the section that answers
        elif address.fragment and not soup(target).find(id=[address.fragment, unquote(address.fragment)]):
            found.append(f"the link {link['href']} leads to no place of {target.name}")
    return found


# --- The site --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site of the notebooks")
    assert [path.name for path in website.build(website.NOTEBOOKS, folder)] == NAMES
    return folder


@pytest.mark.parametrize("width", [WIDTHS[0], ON_A_PHONE])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole(name, width, site, browser):
    report(problems_on(browser, site / name, width))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(name, site, browser):
    """In the dark scheme only the colours are others."""
    page = browser.new_page(color_scheme="light")
    page.goto((site / name).as_uri())
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in violations(page, only=["color-contrast", "link-in-text-block"])]
    page.close()
    report(found)


# For each figure: how many times light and dark change places in it, by its own style and by those around it.
TURNED = """() => [...document.querySelectorAll("img, svg:not(:empty)")].map((figure) => {
    let times = 0;
    for (let one = figure; one; one = one.parentElement) times += getComputedStyle(one).filter.includes("invert(0.93)");
    return times;
})"""


@pytest.mark.slow
def test_figures_are_dark_in_a_dark_theme(site, browser):
    page, count = browser.new_page(), 0
    for name in NAMES:
        page.goto((site / name).as_uri())
        for scheme, times in [("dark", 1), ("light", 0)]:
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate(TURNED)
            assert set(found) <= {times}, f"{name}, {scheme}: {found}"
        count += len(found)
    assert count > 30
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name, site):
    report(check_links(site / name))


@pytest.mark.slow
def test_the_pages_follow_each_other(site):
    for number, name in enumerate(NAMES):
        soup = BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser")
        before, after = soup.select("nav.pages")
        assert before.select("a") == after.select("a"), f"{name}: at the top and the bottom"
        links = {link["rel"][0]: link["href"] for link in before.select("a")}
        assert links.get("contents") == ("index.html" if number else None), name
        assert links.get("prev") == (NAMES[number - 1] if number > 1 else None), name
        assert links.get("next") == (NAMES[number + 1] if number + 1 < len(NAMES) else None), name
        assert soup.html and soup.html["lang"] == "en", name
        assert soup.title and soup.h1 and soup.title.text + "¶" == soup.h1.text, name


def films_of(site):
    pages = [site / name for name in NAMES if "zero-init-film" in (site / name).read_text(encoding="utf-8")]
    assert pages, "no page has a film"
    return pages


@pytest.mark.slow
def test_a_film_is_moved_with_the_keyboard(site, browser):
    for path in films_of(site):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(path.as_uri())
        assert page.locator("img.zero-init-film").count() == 0, "the picture has no controls"
        for slider in page.locator("input[type=range]").all():
            controls = slider.locator("xpath=../..")
            picture, said = controls.locator("xpath=preceding-sibling::*[1]"), controls.locator("output")

            def state():
                """What is to be seen, and what is said of it."""
                (seen,) = [group for group in picture.locator("g[data-step]").all() if group.is_visible()]
                assert seen.get_attribute("data-text") == said.inner_text()
                assert slider.get_attribute("aria-valuetext") == f"step {seen.get_attribute('data-step')}"
                return seen.get_attribute("data-start"), int(seen.get_attribute("data-step"))

            (start, last), frames = state(), int(slider.get_attribute("max")) + 1
            slider.focus()
            page.keyboard.press("Home")
            assert state() == (start, 0)
            steps = [0]
            for _ in range(frames - 1):
                page.keyboard.press("ArrowRight")
                steps.append(state()[1])
            assert steps == sorted(set(steps)) and steps[-1] == last, path.name
            if radios := controls.locator("input[type=radio]").all():
                controls.locator("input[type=radio]:checked").focus()
                starts = []
                for _ in radios:
                    page.keyboard.press("ArrowRight")
                    starts.append(state()[0])
                assert starts[-1] == start and sorted(starts) == sorted({radio.input_value() for radio in radios})
        page.close()


@pytest.mark.slow
def test_without_scripts_a_film_is_a_picture(site, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    for path in films_of(site):
        page = context.new_page()
        page.goto(path.as_uri())
        for image in page.locator("img.zero-init-film").all():
            box = image.bounding_box()
            assert box["width"] > 600 and box["height"] > 300 and len(image.get_attribute("alt")) > 60
        assert page.locator("input").count() == 0
    context.close()


# --- The checker -----------------------------------------------------------------------------------------------------

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="

# (body, what the checker must say, or nothing)
BODIES = [
    (f'<img src="{DOT}" alt="a dot"> <code>$x$</code> <a href="#here" id="here">here</a>', None),
    ('<img src="none.png" alt="none">', "it does not get file:.*none.png"),
    ('<img src="none.png" alt="none">', "the image none.png is not there"),
    (f'<img src="{DOT}" alt="">', "the image data:.* has no text"),
    ('<svg role="img"><title> </title></svg>', "a picture has no name"),
    ('<svg role="img"><title>A dot</title></svg>', None),
    ("<math></math>", "is not to be seen"),
    ("<p>so $x$ is</p>", r"LaTeX is left: so \$x\$ is"),
    (r"<p>\frac 1 2</p>", "LaTeX is left"),
    ("<pre>Figure: a dot</pre>", "a figure is only a text: Figure: a dot"),
    ('<p style="height: 2em; overflow-x: auto">tall<br>tall<br>tall</p>', "a box scrolls up and down: tall"),
    ('<p style="width: 1300px">wide</p>', "scrolls sideways: it is 13"),
    ('<link rel="stylesheet" href="https://example.invalid/x.css">', "asks for https://example.invalid/x.css"),
    ('<img src="file:///none.png" alt="none">', "asks for file:///none.png, which is not of the site"),
    ("<script>none()</script>", "error: none is not defined"),
    ("<script>console.error('no')</script>", "console: no"),
    ('<a href="none.html">x</a>', "the link none.html leads to no file"),
    ('<a href="../bad.html">x</a>', r"the link ../bad.html leads to no file"),
    ('<a href="bad.html#none">x</a>', "the link bad.html#none leads to no place of bad.html"),
    ('<p id="a"></p><p id="a"></p>', "the id a is there 2 times"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("body", "said"), BODIES)
def test_what_is_said_of_a_page(body, said, tmp_path, browser):
    path = tmp_path / "bad.html"
    path.write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><body>{body}</body></html>')
    problems = problems_on(browser, path, WIDTHS[0]) + check_links(path)
    if said:
        assert re.search(said, "\n".join(problems)), problems
    else:
        assert problems == []


# --- What the pages are made from ------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A repository of an index, a notebook and a figure."""
    (tmp_path / "notebooks" / "figures").mkdir(parents=True)
    (tmp_path / "code.rs").write_text("")
    (tmp_path / "notebooks" / "figures" / "dot.svg").write_text("<svg/>")
    put(tmp_path / "notebooks", "1.ipynb", '# *One* & `a_b`\n\n## Two, "three"')
    put(tmp_path / "notebooks", "README.md", "# Index")
    return tmp_path / "notebooks"


def put(folder, name, text):
    notebook = website.new_notebook(cells=[website.new_markdown_cell(text)])
    (folder / name).write_text(text if name.endswith(".md") else website.nbformat.writes(notebook))


def build(folder):
    """Returns the pages made from the folder's files, by name."""
    paths = website.build(folder, folder.parent / "site")
    return {path.name: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in paths}


@pytest.mark.parametrize(
    ("link", "led"),
    [
        ("[x](1.ipynb)", "1.html"),
        ("[x](1.ipynb#two-three)", "1.html#two-three"),
        ('[x](1.ipynb#Two,-"three")', "1.html#Two,-%22three%22"),
        ("[x](README.md#index)", "index.html#index"),
        ("[x](#index)", "#index"),
        ("[x](figures/dot.svg)", "figures/dot.svg"),
        ("[x](https://example.invalid/1.ipynb)", "https://example.invalid/1.ipynb"),
        ('<a href="1.ipynb">x</a>', "1.html"),
        ("[x](../code.rs)", None),
        ("[x](..)", None),
    ],
)
def test_links(folder, link, led):
    put(folder, "README.md", f"# Index\n\n{link}")
    index = build(folder)["index.html"]
    assert [a["href"] for a in index.select("p a")] == ([led] if led else [])
    assert "x" in index.select_one("p").text
    assert check_links(folder.parent / "site" / "index.html") == []


def test_a_bar_in_a_table_is_a_bar(folder):
    put(folder, "README.md", "# Index\n\n| a |\n| --- |\n| `\\|x\\|` |\n\n`\\|x\\|`")
    assert [code.text for code in build(folder)["index.html"].select("code")] == ["|x|", "\\|x\\|"]


def test_titles_are_plain_text(folder):
    pages = build(folder)
    assert pages["1.html"].title.text == "One & a_b"
    assert pages["index.html"].select_one("nav a[rel=next]").text == "One & a_b →"


def test_no_page_is_left_of_a_notebook_that_is_gone(folder):
    put(folder, "2.ipynb", "# Two")
    assert list(build(folder)) == ["index.html", "1.html", "2.html"]
    (folder / "2.ipynb").unlink()
    build(folder)
    assert sorted(path.name for path in (folder.parent / "site").glob("*.html")) == ["1.html", "index.html"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("README.md", None, "notebooks/README.md is missing"),
        ("1.ipynb", "## Two", "1.ipynb has no heading of the first level"),
        ("1.ipynb", "# One\n\n[x](2.ipynb)", "1.ipynb: there is no 2.ipynb"),
        ("1.ipynb", "# One\n\n[x](../../..)", "1.ipynb: there is no ../../.."),
        ("1.ipynb", "# One\n\n![x](../code.rs)", "1.ipynb: the image ../code.rs is not in notebooks/figures"),
        ("1.ipynb", "# One\n\n$\\nonsense$", r"1.ipynb: the formula `\\nonsense` is not understood"),
    ],
)
def test_what_no_site_is_made_of(folder, name, text, said):
    build(folder)
    (folder / name).unlink() if text is None else put(folder, name, text)
    with pytest.raises(website.SiteError, match=said):
        build(folder)
    assert (folder.parent / "site" / "index.html").exists(), "what was there before stays"
