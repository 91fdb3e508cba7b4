"""Makes the notebooks, as they are committed, into pages that are read without Jupyter and without a network.

Usage: website.py     writes site/: a page for each notebook, and index.html from notebooks/README.md

nbconvert does the work; nothing is executed. On top of it come formulas as MathML, which browsers show by themselves,
and links that lead where they should: from notebook to notebook, and nowhere else in the repository (see `follow`).
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup, Tag
from math_core import LatexError, LatexToMathML
from mistune.plugins.table import render_table_cell
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOKS = REPOSITORY / "notebooks"
SITE = REPOSITORY / "site"
TEMPLATES = REPOSITORY / "tools" / "templates"
FIGURES = "figures"

# The program that answers readers' questions, what makes it a section of a page, and the cell that the section follows.
PROGRAM = REPOSITORY / "target" / "wasm32-wasip1" / "page" / "page.wasm"
WEB = REPOSITORY / "page" / "web"
PLAY = "figure-signal"
PLAY_PAGE = "01_the_argument.html"
TRY = "See it done."


class SiteError(Exception):
    """The site cannot be made, and the message says why."""


# --- Markdown --------------------------------------------------------------------------------------------------------


class Renderer(IPythonRenderer):
    """Renders Markdown as nbconvert does, but for formulas: those become MathML."""

    def inline_math(self, body: str) -> str:
        return mathml(body, display=False)

    def block_math(self, body: str) -> str:
        return f'<span class="formula">{mathml(body, display=True)}</span>'

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        """In a table, a backslash before a bar says that the cell goes on, and is not shown: not in code either."""
        return str(render_table_cell(self, text.replace("\\|", "|"), align, head))

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


def mathml(latex: str, display: bool) -> str:
    """Returns a formula as MathML, to stand on a line of its own or in the text."""
    try:
        return LatexToMathML(fancy_error=False).convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        raise SiteError(f"the formula `{latex.strip()}` is not understood: {error}") from None


def render(source: str) -> str:
    """Returns Markdown as HTML."""
    return MarkdownWithMath(renderer=Renderer(escape=False)).render(source)


# --- Pages -----------------------------------------------------------------------------------------------------------


@dataclass
class Page:
    """A page to be made, from the file `source`, under the name `name`."""

    source: Path
    name: str
    notebook: NotebookNode
    title: str


def read(source: Path, name: str) -> Page:
    """Reads a notebook, or a Markdown file as a notebook of one cell."""
    if source.suffix == ".ipynb":
        notebook = nbformat.read(source, as_version=4)
    else:
        notebook = new_notebook(cells=[new_markdown_cell(source.read_text(encoding="utf-8"))])
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heading = re.search(r"^# .+", text, flags=re.MULTILINE)
    if not heading:
        raise SiteError(f"{source.name} has no heading of the first level, from which its page takes the title")
    title = BeautifulSoup(render(heading[0]), "html.parser").get_text().strip().removesuffix("¶")
    return Page(source, name, notebook, title)


def read_all(notebooks: Path) -> list[Page]:
    """Reads what the site is made of, in the order of reading: the index, then the notebooks."""
    index = notebooks / "README.md"
    if not index.exists():
        raise SiteError(f"{index.parent.name}/{index.name} is missing: the site's first page is made from it")
    return [read(index, "index.html")] + [read(path, path.stem + ".html") for path in sorted(notebooks.glob("*.ipynb"))]


def convert(pages: list[Page], number: int) -> BeautifulSoup:
    """Returns a page as nbconvert makes it, with links to the pages before and after it."""
    page = pages[number]
    exporter = HTMLExporter(extra_template_basedirs=[str(TEMPLATES)], template_name="site")
    exporter.register_filter("markdown2html", render)
    resources = {
        "previous": pages[number - 1] if number > 1 else None,
        "contents": pages[0] if number > 0 else None,
        "next": pages[number + 1] if number + 1 < len(pages) else None,
    }
    page.notebook.metadata["title"] = page.title
    try:
        html, _ = exporter.from_notebook_node(page.notebook, resources)
    except SiteError as error:
        raise SiteError(f"{page.source.name}: {error}") from None
    return BeautifulSoup(html, "html.parser")


def make_accessible(soup: BeautifulSoup) -> None:
    """Lets the keyboard scroll what may be wider than the page, and makes no heading of a table's empty corner."""
    for text in soup.select("pre"):
        text["tabindex"] = "0"
    for corner in soup.select("th"):
        if not corner.text.strip():
            corner.name = "td"


def add_anchors(soup: BeautifulSoup) -> None:
    """Lets headings be found by GitHub's anchors too (`#two-words`), besides Jupyter's (`#Two-words`)."""
    for heading in soup.select("h1[id], h2[id], h3[id], h4[id]"):
        anchor = re.sub(r"[^\w-]", "", unquote(str(heading["id"])).lower())
        if not soup.find(id=anchor):
            heading.insert(0, soup.new_tag("a", id=anchor))


# --- The program in the page -----------------------------------------------------------------------------------------


def add_play(soup: BeautifulSoup, page: Page) -> None:
    """Puts the section in which readers change the network below the picture that it is about, if there is one."""
    cell = soup.find(id=f"cell-id={PLAY}")
    if not (PROGRAM.exists() and isinstance(cell, Tag) and page.name == PLAY_PAGE):
        return
    parts = {
        name: (WEB / name).read_text(encoding="utf-8") for name in ("play.html", "play.css", "play.js", "worker.js")
    }
    section = BeautifulSoup(parts["play.html"], "html.parser")
    for kind, attributes, text in [
        ("style", {}, parts["play.css"]),
        # What is not JavaScript is not run: these two are read by the script after them.
        ("script", {"id": "play-program", "type": "text/plain"}, packed(PROGRAM.read_bytes())),
        ("script", {"id": "play-worker", "type": "text/plain"}, parts["worker.js"]),
        ("script", {}, parts["play.js"]),
    ]:
        element = soup.new_tag(kind, attrs=attributes)
        element.string = text
        section.append(element)
    cell.insert_after(section)


def add_tries(soup: BeautifulSoup, page: Page) -> None:
    """Gives the items of "Edit and re-run" that the section can show a link that opens it there, done."""
    if not PROGRAM.exists():
        return
    for item, question in (
        json.loads((WEB / "tries.json").read_text(encoding="utf-8")).get(page.source.stem, {}).items()
    ):
        heading = next((strong for strong in soup.select("p strong") if strong.text == item), None)
        if heading is None or heading.parent is None:
            raise SiteError(f"{page.source.name} has no item “{item}”, which tries.json has")
        link = soup.new_tag("a", href=f"{PLAY_PAGE}#{question}", attrs={"class": "try"})
        link.string = TRY
        heading.parent.extend([" ", link])


def packed(program: bytes) -> str:
    """Returns the bytes as text: compressed, in base 64."""
    return base64.b64encode(gzip.compress(program, mtime=0)).decode()


# --- Links -----------------------------------------------------------------------------------------------------------


def follow(soup: BeautifulSoup, pages: list[Page], page: Page) -> set[Path]:
    """Leads the links of a page to where their target is in the site, and returns the figures it needs.

    A link to any other file of the repository becomes plain text, with the file's path as a tooltip: a browser offers
    a `.rs` or `.toml` file for download instead of showing it.
    """
    folder, names = page.source.parent, {page.source: page.name for page in pages}
    figures = set()
    for element, attribute in [(a, "href") for a in soup.select("a[href]")] + [(i, "src") for i in soup.select("img")]:
        link = urlsplit(str(element[attribute]))
        if link.scheme or link.netloc or not link.path or element.find_parent("nav"):
            continue
        target = (folder / unquote(link.path)).resolve()
        if not target.is_relative_to(folder.parent) or not target.exists():
            raise SiteError(f"{page.source.name}: there is no {element[attribute]}")
        if target in names:
            element[attribute] = link._replace(path=names[target]).geturl()
        elif target.is_file() and target.parent == folder / FIGURES:
            figures.add(target)
        elif attribute == "href":
            element.name, element.attrs = "span", {"title": target.relative_to(folder.parent).as_posix()}
        else:
            raise SiteError(f"{page.source.name}: the image {link.path} is not in {folder.name}/{FIGURES}")
    return figures


# --- Writing ---------------------------------------------------------------------------------------------------------


def build(notebooks: Path, site: Path) -> list[Path]:
    """Makes the site in the folder `site`, in the place of what is there, and returns its pages in order."""
    pages = read_all(notebooks.resolve())
    texts, figures = [], set()
    for number, page in enumerate(pages):
        soup = convert(pages, number)
        add_anchors(soup)
        make_accessible(soup)
        add_play(soup, page)
        figures |= follow(soup, pages, page)
        add_tries(soup, page)
        texts.append(str(soup))
    shutil.rmtree(site, ignore_errors=True)  # a notebook that is gone has no page
    (site / FIGURES).mkdir(parents=True)
    for figure in figures:
        shutil.copy(figure, site / FIGURES)
    for page, text in zip(pages, texts, strict=True):
        (site / page.name).write_text(text, encoding="utf-8")
    return [site / page.name for page in pages]


def main() -> int:
    try:
        pages = build(NOTEBOOKS, SITE)
    except SiteError as error:
        print(f"The site is not made: {error}", file=sys.stderr)
        return 1
    print(f"{len(pages)} pages written; open {pages[0].relative_to(REPOSITORY)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
