"""The two pages that show a submission: the feedback page for its student, and the formgrader's page for who reads it.

All of a submission is somebody else's text. Markdown and formulas become HTML and MathML of which only what is known to
be harmless is kept (`CLEANER`); all else is escaped by the templates. So that no text is too much for the program
that lays it out, which for the formgrader is the Jupyter server, longer ones are shown cut and as they were typed.
Neither page takes anything from another machine, and a Content-Security-Policy lets nothing run but the formgrader's
own scripts, should something harmful get that far.
"""

import base64
import hashlib
import html
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nh3
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup
from math_core import LatexError, LatexToMathML
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, NbGraderPreprocessor
from nbgrader.server_extensions.formgrader import formgrader, handlers
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, RustLexer
from pygments.token import STANDARD_TYPES

MOST_TEXT = 20_000  # characters of one text, or of the outputs of one cell
MOST_FORMULA = 1_000  # characters: what nests deeper than these can would end the process
MOST_ALT = 1_000  # characters that stand for a picture
MOST_ROUNDS = 10  # in which what is cleaned comes to be what a browser reads
MOST_HTML = 1_000_000  # characters that one text may become
MOST_REPEATED = 200_000  # elements that a browser's rules may make of tags that are never closed
MOST_ADDED = 200_000  # characters of all cells that are not the assignment's
MOST_PICTURES = 5_000_000  # characters of all pictures of a page
MOST_SECONDS = 5.0  # of processor time, after which no more text is laid out

TOO_LARGE = f"the pictures of a page may have {MOST_PICTURES * 3 / 4 / 1e6:g} MB together"
NO_PICTURE = "it is no PNG, JPEG, GIF or WebP inside of the notebook"

# --- What is kept of HTML --------------------------------------------------------------------------------------------

TEXT = """a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr
    i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul
    var""".split()
MATH = """math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle
    msub msubsup msup mtable mtd mtext mtr munder munderover""".split()
MATH_ATTRIBUTES = """accent accentunder columnalign columnspacing depth display displaystyle fence form height largeop
    linethickness lspace mathvariant maxsize minsize movablelimits rowspacing rspace scriptlevel separator stretchy
    symmetric width""".split()
LINK = re.compile(r"(https?://|mailto:)\S+", re.IGNORECASE)
# The first bytes of a file say what it is.
PICTURE = re.compile(
    r"data:image/(png;base64,iVBORw0KGgo|jpeg;base64,/9j/|gif;base64,R0lGOD|webp;base64,UklGR)[A-Za-z0-9+/]+={0,2}"
)
# Where these stay open, a browser opens them anew in each paragraph that follows.
REPEATED = re.compile(r"<(a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b", re.IGNORECASE)


def kept(tag: str, attribute: str, value: str) -> str | None:
    """An attribute's value, if it may stay: no link is followed but by a click, and no picture is fetched."""
    allowed = {"href": LINK, "src": PICTURE}.get(attribute)
    return value if allowed is None or allowed.fullmatch(value) else None


CLEANER = nh3.Cleaner(
    tags={*TEXT, *MATH},
    attributes={
        "*": set(),
        "a": {"href", "title"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start"},
        **{tag: {"align"} for tag in ("td", "th")},
        **{tag: set(MATH_ATTRIBUTES) for tag in MATH},
    },
    attribute_filter=kept,
    allowed_classes={"span": {name for name in STANDARD_TYPES.values() if name}},  # of Pygments
    set_tag_attribute_values={"a": {"target": "_blank"}},
    link_rel="noopener noreferrer",
    url_schemes={"http", "https", "mailto", "data"},
    url_relative="deny",
)


def clean(page: str, most: int = MOST_HTML) -> str:
    """Clean HTML that a browser reads as it was meant. Raises an error if it is longer than `most` or stays ambiguous.

    Once is not enough: of `<li><div><section><li>` no section is left, and so the second `<li>` closes what is around.
    """
    for _ in range(MOST_ROUNDS):
        before, page = page, CLEANER.clean(page)
        if len(page) > most:
            raise ValueError("it becomes too long")
        if page == before:
            return page
    raise ValueError("it stays ambiguous")


def legible(text: Any) -> str:
    """A text without what is no character in HTML, and without the colours of a terminal."""
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text if isinstance(text, str) else "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", text)


def preformatted(text: str, remark: str = "") -> Markup:
    """A text as it was typed, with a remark above it."""
    said = Markup('<p class="remark">{}</p>').format(remark) if remark else ""
    return Markup("{}<pre>{}</pre>").format(said, text)


# --- Markdown, formulas, code ----------------------------------------------------------------------------------------

LEXERS = {"rust": RustLexer(), "python": PythonLexer()}  # others may take very long over a hostile text
CODE = HtmlFormatter(nowrap=True)


def highlighted(code: str, language: str) -> str:
    """Code as HTML, in colours if the language is known."""
    return highlight(code, LEXERS[language], CODE) if language in LEXERS else html.escape(code)


def mathml(latex: str, display: bool) -> str:
    """A formula as MathML, or as it was typed if it is not understood."""
    try:
        if len(latex) <= MOST_FORMULA:
            return LatexToMathML(fancy_error=False).convert_with_local_state(latex, displaystyle=display)
    except LatexError:
        pass
    return f"<code>{html.escape(latex)}</code>"


def address(kind: str, data: Any) -> str:
    """The address that holds a picture's data."""
    return f"data:{kind};base64,{''.join(data.split()) if isinstance(data, str) else ''}"


class Markdown:
    """Lays out the Markdown of one page, whose pictures have a limit in all."""

    def __init__(self) -> None:
        self.pictures = 0
        self.attachments: Any = {}
        self.parsers = {raw: self._parser(raw) for raw in (True, False)}

    def _parser(self, raw: bool) -> MarkdownIt:
        """A parser that either takes HTML in Markdown for HTML or shows it as text."""
        parser = MarkdownIt("commonmark", {"html": raw, "highlight": lambda code, name, _: highlighted(code, name)})
        parser.enable(["table", "strikethrough"])
        parser.use(
            dollarmath_plugin,
            allow_labels=False,
            double_inline=True,
            renderer=lambda latex, options: mathml(latex, options["display_mode"]),
        )
        parser.use(amsmath_plugin, renderer=lambda latex: mathml(latex, True))
        parser.add_render_rule("image", lambda _, tokens, index, *rest: self._image(tokens[index]))
        for name in ("th_open", "td_open"):
            parser.add_render_rule(name, lambda _, tokens, index, *rest: self._table_cell(tokens[index]))
        return parser

    @staticmethod
    def _table_cell(token: Any) -> str:
        align = token.attrs.get("style", "").removeprefix("text-align:")
        return f'<{token.tag} align="{align}">' if align else f"<{token.tag}>"

    def _image(self, token: Any) -> str:
        source, name = str(token.attrs["src"]), token.content or "without a name"
        if source.startswith("attachment:"):
            found = self.attachments.get(unquote(source.removeprefix("attachment:")))
            found = found if isinstance(found, dict) else {}
            pictures = list(found.items())
        else:
            pictures = [source.removeprefix("data:").partition(";base64,")[::2]]
        if shown := next((uri for kind, data in pictures if (uri := self.picture(kind, data))), ""):
            return str(Markup('<img src="{}" alt="{}">').format(shown, token.content))
        is_one = any(PICTURE.fullmatch(address(kind, data)) for kind, data in pictures)
        why_not = TOO_LARGE if is_one else NO_PICTURE
        return str(Markup("<em>(a picture that is not shown, since {}: {})</em>").format(why_not, name))

    def picture(self, kind: str, data: Any) -> str:
        """The address that holds a picture, or nothing if it is none that may be shown, or one too many."""
        uri = address(kind, data)
        if self.pictures + len(uri) > MOST_PICTURES or not PICTURE.fullmatch(uri):
            return ""
        self.pictures += len(uri)
        return uri

    def render(self, text: str, attachments: Any = None) -> str:
        """Markdown as clean HTML. Raises an error where that would become too much."""
        self.attachments = attachments if isinstance(attachments, dict) else {}
        before = self.pictures
        page = self.parsers[True].render(text)
        if len(REPEATED.findall(text)) * page.count("<") > MOST_REPEATED:
            self.pictures = before
            page = self.parsers[False].render(text)
        return clean(page, MOST_HTML + self.pictures - before)


# --- Cells -----------------------------------------------------------------------------------------------------------


@dataclass
class Cell:
    """A cell as a page shows it: what nbgrader knows of it, its text, its outputs, and a grader's comment."""

    mark: dict[str, Any]
    kind: str
    body: Markup
    outputs: list[Markup]
    comment: Markup | str


class Cells:
    """The cells of a notebook, as far as a page shows them."""

    def __init__(self, notebook: NotebookNode) -> None:
        self.notebook = notebook
        self.markdown = Markdown()
        self.until = time.process_time() + MOST_SECONDS
        self.left_out = 0

    def __iter__(self) -> Iterator[Cell]:
        added = 0
        for cell in self.notebook.cells:
            mark = cell.metadata.get("nbgrader") or {}
            if not mark:
                added += 100 + min(len(cell.source), MOST_TEXT)
                if added > MOST_ADDED:
                    self.left_out += 1
                    continue
            comment = mark.get("comment")
            yield Cell(
                mark,
                cell.cell_type,
                self.text(cell.source, cell.cell_type, cell.get("attachments")),
                list(self.outputs(cell.get("outputs", []))),
                self.text(comment, "markdown") if comment else "",
            )

    def text(self, text: str, kind: str, attachments: Any = None) -> Markup:
        """A cell's text: Markdown, code, or as it was typed."""
        text = legible(text)
        if len(text) > MOST_TEXT:
            return preformatted(
                text[:MOST_TEXT], f"This text has {len(text)} characters. Here are the first {MOST_TEXT}, as typed."
            )
        try:
            if time.process_time() > self.until:
                raise TimeoutError
            if kind == "markdown":
                return Markup(self.markdown.render(text, attachments))
            if kind == "code":
                return Markup(f'<pre class="code">{highlighted(text, "rust")}</pre>')
        except Exception:  # whatever a text can do to the libraries that lay it out
            return preformatted(text, "This text could not be laid out, so here it is as typed.")
        return preformatted(text)

    def outputs(self, outputs: list[Any]) -> Iterator[Markup]:
        """What the outputs of a cell say, up to the number of characters that are shown."""
        left = MOST_TEXT
        for output in outputs:
            kind, data = output.output_type, output.get("data", {})
            pictures = (self.markdown.picture(name, data.get(name)) for name in ("image/png", "image/jpeg"))
            if picture := next(filter(None, pictures), ""):
                yield Markup('<img src="{}" alt="{}">').format(picture, legible(data.get("text/plain"))[:MOST_ALT])
                continue
            if kind == "error":
                text = "\n".join(map(str, output.get("traceback") or [output.get("evalue")]))
            else:
                text = output.get("text") if kind == "stream" else data.get("text/plain")
            if text is None:
                yield Markup('<p class="remark">An output that is no text is not shown.</p>')
                continue
            text = legible(text)
            if len(text) > left:
                yield preformatted(text[:left], f"This is only the beginning: {len(text) - left} characters are cut.")
                return
            left -= len(text) + 100  # an output without text takes its place as well
            yield Markup('<pre class="{}">{}</pre>').format("failed" if kind == "error" else "output", text)
            if left <= 0:
                yield Markup('<p class="remark">The outputs that come after this one are not shown.</p>')
                return


# --- Pages -----------------------------------------------------------------------------------------------------------

HERE = Path(__file__).resolve().parent
TEMPLATES = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True)
STYLE = (HERE / "pages.css").read_text(encoding="utf-8") + CODE.get_style_defs()


def page(template: str, notebook: NotebookNode, **values: Any) -> str:
    """A page as HTML."""
    cells = Cells(notebook)
    shown = list(cells)
    text = TEMPLATES.get_template(template).render(
        cells=shown, left_out=cells.left_out, style=Markup(STYLE), points=lambda value: f"{round(value, 2):g}", **values
    )
    return text.encode("utf-8", "replace").decode("utf-8")


def feedback(notebook: NotebookNode, resources: dict[str, Any]) -> str:
    """The feedback page of a notebook that has passed through `GetGrades` and `HideFromStudents`. It has no script."""
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return page("feedback.html", notebook, known=resources["nbgrader"], style_hash=style)


class Formgrade(Exporter):
    """Makes the formgrader's page of a submission, on which points and comments are given."""

    file_extension = ".html"

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        resources = resources or {}
        return page("formgrade.html", nb, known=resources, nonce=secrets.token_urlsafe()), resources


class HideFromStudents(NbGraderPreprocessor):
    """Takes hidden tests and rubrics out of the assignment's own cells; a student may write such words."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        for clear in (ClearHiddenTests(parent=self), ClearMarkScheme(parent=self, enforce_metadata=False)):
            for index, cell in enumerate(nb.cells):
                if utils.is_locked(cell):
                    nb.cells[index], resources = clear.preprocess_cell(cell, resources, index)
        return nb, resources


# nbgrader has no setting for what makes this page. Its other pages show names that students choose: escaped now, too.
formgrader.HTMLExporter = Formgrade
formgrader.Environment = partial(Environment, autoescape=True)
# A file that a student has sent is not to run as a page of the Jupyter server.
handlers.SubmissionFilesHandler.content_security_policy = "sandbox; default-src 'none'"
