"""Compares the outputs of notebook cells. All has to be the same exactly, the last digit of each number included.

The crate computes the same bits on every machine, so tables, numbers and pictures are the same everywhere.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import zip_longest

from nbformat import NotebookNode
from nbformat.v4 import new_output

from kernel_client import in_order

LONGEST = 160  # characters that are quoted of a line


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


def difference(expected: str, actual: str) -> str | None:
    """Says where two texts differ, or nothing."""
    for line, (left, right) in enumerate(zip_longest(expected.split("\n"), actual.split("\n")), start=1):
        if left is None or right is None:
            return f"expected {expected.count(chr(10)) + 1} lines, got {actual.count(chr(10)) + 1}"
        if left != right:
            # Of long lines, as those of a picture, the part around the difference.
            same = next((place for place, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left))
            start = max(0, same - 60) if max(len(left), len(right)) > LONGEST else 0
            return f"line {line}: expected {excerpt(left, start)}, got {excerpt(right, start)}"
    return None


def svg_difference(expected: str, actual: str) -> str | None:
    """Says where two pictures differ, or that one is no picture."""
    for name, text in (("the committed picture", expected), ("the picture", actual)):
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            return f"{name} is not well-formed XML: {error}"
        if not root.tag.endswith("svg"):
            return f"{name} is not SVG but <{root.tag}>"
    return difference(expected, actual)


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
            how = svg_difference if mime == "image/svg+xml" else difference
            if problem := how(one[mime], other[mime]):
                found.append(f"{mime}: {problem}")
    return found


def excerpt(text: str, start: int = 0, length: int = LONGEST) -> str:
    """Quotes a part of a text on one line."""
    before, after = "…" if start else "", "…" if len(text) > start + length else ""
    return repr(before + text[start : start + length] + after)
