"""Compares the outputs of notebook cells. All has to be the same exactly, but for the last digits of numbers."""

from __future__ import annotations

import base64
import json
import math
import re
import xml.etree.ElementTree as ElementTree

from nbformat import NotebookNode
from nbformat.v4 import new_output

from kernel_client import in_order

# Two numbers are the same if they differ by no more than this. Integers and zeros have to be the same exactly.
RELATIVE_TOLERANCE = 1e-9
ABSOLUTE_TOLERANCE = 1e-12


def tidy(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Returns a cell's outputs in a stable order, and without what differs from run to run."""
    tidied = []
    for output in in_order(outputs):
        if output.output_type == "stream":
            tidied.append(new_output("stream", name=output.name, text=stable(output.text)))
        elif output.output_type == "error":
            traceback = [stable(line) for line in output.traceback]
            tidied.append(new_output("error", ename=output.ename, evalue=output.evalue, traceback=traceback))
        else:
            tidied.append(new_output(output.output_type, data=output.data, metadata=output.metadata))
    return tidied


def stable(text: str) -> str:
    """Takes from the text of a failure what differs from run to run: the backtrace, the thread's number, positions."""
    text = re.sub(r"^stack backtrace:\n(?: .*\n)*(?:note: .*\n)?", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(thread '.*') \(\d+\) (panicked at) (?:ctx/)?src/lib\.rs:\d+:\d+", r"\1 \2 cell", text, flags=re.M)
    return re.sub(r"\bcommand_\d+\b", "command", text)


def kind(output: NotebookNode) -> str:
    """Names what an output is: `stdout`, `stderr`, `error`, or its mime types."""
    if output.output_type == "stream":
        return output.name
    if output.output_type == "error":
        return "error"
    return " + ".join(sorted(output.data))


def texts_of(output: NotebookNode) -> dict[str, str]:
    """Returns the texts of an output by kind or mime type."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": "\n".join([output.evalue, *output.traceback])}
    return {mime: data if isinstance(data, str) else json.dumps(data) for mime, data in output.data.items()}


NUMBER = re.compile(r"[-+\u2212]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def difference(expected: str, actual: str) -> str | None:
    """Says where two texts differ by more than a number's tolerance, or nothing."""
    for line, (left, right) in enumerate(zip(expected.split("\n"), actual.split("\n"), strict=False), start=1):
        if left == right:
            continue
        numbers, others = NUMBER.findall(left), NUMBER.findall(right)
        if NUMBER.split(left) != NUMBER.split(right) or not all(map(same_number, numbers, others)):
            return f"line {line}: expected {excerpt(left)}, got {excerpt(right)}"
    if expected.count("\n") != actual.count("\n"):
        return f"expected {expected.count(chr(10)) + 1} lines, got {actual.count(chr(10)) + 1}"
    return None


def same_number(expected: str, actual: str) -> bool:
    """Compares two numbers as written."""
    if expected == actual:
        return True
    if not all(re.search(r"[.eE]", text) for text in (expected, actual)):
        return False
    left, right = (float(text.replace("\u2212", "-")) for text in (expected, actual))
    if left == 0.0 or right == 0.0:
        return False
    return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)


def svg_difference(expected: str, actual: str) -> str | None:
    """Compares two pictures by size, elements and labels."""
    roots = []
    for name, text in (("the committed picture", expected), ("the picture", actual)):
        try:
            roots.append(ElementTree.fromstring(text))
        except ElementTree.ParseError as error:
            return f"{name} is not well-formed XML: {error}"
        if not roots[-1].tag.endswith("svg"):
            return f"{name} is not SVG but <{roots[-1].tag}>"
    for attribute in ("width", "height", "viewBox"):
        wanted, given = (root.get(attribute) for root in roots)
        if wanted != given:
            return f"expected {attribute} {wanted}, got {given}"
    elements, others = (len(list(root.iter())) for root in roots)
    if elements != others:
        return f"expected {elements} elements, got {others}"
    left, right = ("\n".join(piece.strip() for piece in root.itertext() if piece.strip()) for root in roots)
    return difference(left, right)


EMBEDDED = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]*)")


def html_difference(expected: str, actual: str) -> str | None:
    """Compares two pieces of HTML as texts, and the pictures in them as pictures."""
    if problem := difference(EMBEDDED.sub("", expected), EMBEDDED.sub("", actual)):
        return problem
    left, right = ([base64.b64decode(data).decode() for data in EMBEDDED.findall(text)] for text in (expected, actual))
    if len(left) != len(right):
        return f"expected {len(left)} pictures, got {len(right)}"
    return next(filter(None, map(svg_difference, left, right)), None)


def compare(expected: list[NotebookNode], actual: list[NotebookNode]) -> list[str]:
    """Lists how a cell's outputs differ from the committed ones."""
    left, right = [kind(output) for output in expected], [kind(output) for output in actual]
    if left != right:
        texts = "; ".join(f"{kind(o)}: {excerpt(next(iter(texts_of(o).values()), ''))}" for o in actual)
        return [
            f"expected {', '.join(left) or 'no output'}; got {', '.join(right) or 'no output'}"
            + (f" ({texts})" if texts else "")
        ]
    found = []
    for one, other in zip(map(texts_of, expected), map(texts_of, actual), strict=True):
        for mime in one:
            how = {"image/svg+xml": svg_difference, "text/html": html_difference}.get(mime, difference)
            if problem := how(one[mime], other[mime]):
                found.append(f"{mime}: {problem}")
    return found


def excerpt(text: str, length: int = 160) -> str:
    """Quotes the beginning of a text on one line."""
    return repr(text if len(text) <= length else text[:length] + "…")
