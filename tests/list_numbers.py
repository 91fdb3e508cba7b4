"""Lists the sentences of notebooks that have a number or a comparison, and where the cells beside them say the same.

Usage: list_numbers.py NOTEBOOK …        (`| grep 'not found'` leaves what no cell has)

A line for each number: where it is, the number, the cell's name, the sentence. It is looked for, as it is or rounded,
in the code cells of the same section, the nearest first: in their assertions, their output, the rest of their code;
then far off, in other sections. Edits are marked: somebody has to try them. A comparison ("more", "none") is the
reader's to find: the line names the cells before and after. This helps to read and is no test: what is found may be
another 3.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FRACTIONS = {"½": "0.5", "¼": "0.25", "⅓": "0.333", "⅔": "0.667", "⅙": "0.167", "⅛": "0.125"}
WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
OTHERS = {"twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "hundred": 100.0, "thousand": 1000.0}
NUMBER_WORDS = {word: float(n) for n, word in enumerate(WORDS) if n > 1} | OTHERS
COMPARISONS = """all always any best each equal every faster fewer half identical larger largest later less longer more
    most never no none not only same shorter slower smaller smallest sooner twice worse""".split()
NUMBER = r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w)"


@dataclass
class Section:
    """The sentences between two headings with the place of each, and the code cells there, by their places."""

    edit: bool = False
    sentences: list[tuple[int, str, str]] = field(default_factory=list)  # place, the cell's name, the sentence
    code: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)  # name, assertions, output, all code


def sections(notebook: Path) -> list[Section]:
    found = [Section()]
    for place, cell in enumerate(json.loads(notebook.read_text())["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assertions = " ".join(re.findall(r"assert\w*!.*?;\s*(?://.*)?$", source, flags=re.M | re.S))
            texts = ["".join(out.get("text", out.get("data", {}).get("text/plain", ""))) for out in cell["outputs"]]
            found[-1].code[place] = (cell["id"], assertions, " ".join(texts), source)
            continue
        for block in re.split(r"\n\s*\n|\n(?=[-|#>]|\d+\. )", re.sub(r"\$\$.*?\$\$", " … ", source, flags=re.S)):
            if block.startswith("## "):
                found.append(Section(edit="Edit and" in block))
            if not block.startswith(("#", "**Read before", "**Next")):
                sentences = re.split(r"(?<=[.?!])\**\s+(?=[A-Z*$(])", block.lstrip("> -"))
                found[-1].sentences += [(place, cell["id"], text) for text in sentences if not text.endswith("?")]
    return found


def plain(sentence: str) -> str:
    """The sentence without what holds numbers that claim nothing: code, links, sources, exponents that count layers."""
    text = re.sub(
        r"`[^`]*`|\]\([^)]*\)|arXiv [\d.]+|et al\.,? \d{4}|& \w+ \d{4}|^\W*\d+\.|\w+ minutes\.", " ", sentence
    )
    text = re.sub(r"\b10\^\{?([-−]?\d+)\}?", lambda power: "1e" + power[1].replace("−", "-"), text)
    text = re.sub(r"(\d(?:\.\d+)?)\s*(?:\\cdot|×|·)\s*1e", r"\1e", text)
    text = re.sub(r"[\^_](?:\d+|\{[^}]*\})", " ", text)
    for sign, number in FRACTIONS.items():
        text = text.replace(sign, f" {number} ")
    return re.sub(r"(?<=\d)[\s ](?=\d{3}\b)|(?<=\d)_(?=\d)", "", text)


def numbers(sentence: str) -> Iterator[tuple[str, float]]:
    text = plain(sentence)
    for number in re.finditer(rf"({NUMBER})(\s*%)?", text):
        yield number[1] + " %" * bool(number[2]), float(number[1])
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in NUMBER_WORDS:
            yield word, NUMBER_WORDS[word]


def has(text: str, number: str, value: float) -> bool:
    """Whether the text has the number, as it is or rounded; per cent also as a share."""
    there = [float(other) for other in re.findall(NUMBER, re.sub(r"(?<=\d)_(?=\d)|f64", "", text).replace("..", " "))]
    if "%" in number:
        there += [100 * other for other in there]
    digits = len(number.partition("e")[0].partition("%")[0].strip().partition(".")[2])
    rounded = f".{digits}e" if "e-" in number else f".{digits}f"
    return any(value == other or f"{value:{rounded}}" == f"{other:{rounded}}" for other in there)


def where(code: dict[int, tuple[str, str, str, str]], place: int, number: str, value: float) -> str | None:
    cells = [code[at] for at in sorted(code, key=lambda at: abs(at - place))]
    for part, what in enumerate(("asserted in", "printed in", "set in"), start=1):
        for cell in cells:
            if has(cell[part], number, value):
                return f"{what} {cell[0]}"
    return None


def beside(section: Section, place: int) -> str:
    """The two nearest code cells before and after, within the section."""
    before, after = [at for at in section.code if at < place], [at for at in section.code if at > place]
    cells = [section.code[at] for at in before[-2:] + after[:2]]
    names = ", ".join(cell[0] for cell in cells) or "no cell"
    return f"read {names}" if any(cell[1] for cell in cells) else f"no assertion in {names}"


def lines(notebook: Path) -> Iterator[str]:
    parts = sections(notebook)
    everywhere = {at: cell for section in parts for at, cell in section.code.items()}
    for section in parts:
        for place, cell, sentence in section.sentences:
            found = []
            for number in numbers(sentence):
                here, there = where(section.code, place, *number), where(everywhere, place, *number)
                found.append((here or (f"far off, {there}" if there else "not found"), number[0]))
            compared = [word for word in re.findall(r"[a-z]+", plain(sentence).lower()) if word in COMPARISONS]
            if compared:
                found.append((beside(section, place), compared[0]))
            for at, what in dict.fromkeys(found):
                yield f"{at + ' (edit)' * section.edit:40} {what:>9}  {cell}: {' '.join(sentence.split())}"


def main() -> None:
    for notebook in map(Path, sys.argv[1:]):
        print(f"\n{notebook.name}\n")
        print("\n".join(lines(notebook)))


if __name__ == "__main__":
    main()
