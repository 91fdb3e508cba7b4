"""A submission that is nothing but functions, as one program: it compiles in a second, a kernel takes one a cell.

The program is what a kernel compiles when it is the last check's turn. Each check has it run anew, since in a kernel,
too, functions have their `static` variables anew each time. Where the two could differ, there is no program: `made_of`.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass

from nbformat import NotebookNode
from nbgrader import utils

# One pass over any text. A text or a comment that is not closed, or a comment inside of another one, becomes a single
# token that goes on to the end.
TOKEN = re.compile(
    r"""(?P<blank>//[^\n]*|/\*(?:[^*/]|\*(?!/)|/(?!\*))*+\*/|\s+)
    |b?c?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*+"|b?'(?:\\(?:u\{[^}]{,9}\}|x..|.)|[^\\'])'
    |b?c?r\#*".*|".*|/\*.*
    |'?\w+|.""",
    re.DOTALL | re.VERBOSE,
)
LONGEST = 200_000  # characters: a text that is longer is left to a kernel, which has limits
NAME = re.compile(r"\bfn (\w+)\(")
DEPENDENCY = re.compile(r":dep (zero-init|exercise) = \{ workspace = true \}\s*")

PROGRAM = """\
#![allow(unused_imports, unused_mut, dead_code)]
{imports}
{functions}
fn main() -> ::exercise::Outcome {{
{setup}
::exercise::answer!(&::std::env::args().nth(1).unwrap(), {signatures});
::std::result::Result::Ok(())
}}
"""


@dataclass
class Program:
    """The program's text, and the crates that it uses. Its argument is the address where it answers.

    `missing` has the signatures of functions that checks call and no cell defines.
    """

    text: str
    crates: list[str]
    missing: list[str]


def tokens(source: str) -> list[str]:
    """The tokens of a text in Rust, without spaces and comments."""
    return [match[0] for match in TOKEN.finditer(source) if not match["blank"]]


def is_plain(token: str) -> bool:
    """Whether the compiler takes a token as it stands: for a letter with its accent beside it, it takes another."""
    if token.isascii() or token[-1] in "\"'":
        return True
    return token.removeprefix("'").isidentifier() and unicodedata.is_normalized("NFC", token)


def words(source: str) -> set[str]:
    """All names and keywords in a text."""
    return {token for token in tokens(source) if re.match(r"\w", token)}


@functools.cache
def functions(source: str) -> set[str] | None:
    """The names of the functions that a cell defines; None if it is anything more than definitions of functions."""
    # A line with a colon is a command.
    if len(source) > LONGEST or any(line.lstrip().startswith(":") for line in source.splitlines()):
        return None
    code = tokens(source)
    # Even inside of a function, these hold for the cells before as well: an `impl`, and what attributes say (that a
    # macro is exported, or a name for the linker). A lone single quote begins something that is not known here.
    if not {"impl", "asm", "global_asm", "#", "'"}.isdisjoint(code) or not all(map(is_plain, code)):
        return None
    defined, depth, inside = set(), 0, False
    for before, token, after in zip(["", *code], code, [*code[1:], ""], strict=False):
        if not inside:
            if before == "fn":
                if after not in ("(", "<"):
                    return None
                defined.add(token)
                inside = True
            elif token not in ("pub", "fn"):
                return None
        elif token in ("(", "[", "{"):
            depth += 1
        elif token in (")", "]", "}"):
            depth -= 1
            inside = (token, depth) != ("}", 0)
    return None if inside or code[-1:] in (["pub"], ["fn"]) else defined


def is_check(cell: NotebookNode) -> bool:
    """Whether a cell is a check, which is not run as it stands."""
    return bool(utils.is_grade(cell) and not utils.is_solution(cell))


def name_of(signature: str) -> str:
    """The name in a function's signature."""
    found = NAME.search(signature)
    assert found, signature
    return found[1]


def made_of(cells: list[NotebookNode], used: dict[str, list[str]]) -> Program | None:
    """The program of a submission's cells; `used` has the signatures of the functions that each check calls.

    None if it would not come to the same as running the cells: if there is anything else in a cell of the student's, if
    a cell defines a name that already an earlier one has, which there means something else, or nothing yet, or if a
    check comes before a function that it calls.
    """
    if sum(len(cell.source) for cell in cells if cell.cell_type == "code") > LONGEST:
        return None
    earlier: set[str] = set()
    known: set[str] = set()
    called_before: set[str] = set()  # by a check that stands above all functions of this name
    signatures = list(dict.fromkeys(signature for needed in used.values() for signature in needed))
    imports: list[str] = []
    setup: list[str] = []
    parts: list[str] = []
    crates: list[str] = []
    for cell in cells:
        if cell.cell_type != "code":
            continue
        if is_check(cell):
            called_before |= {name_of(signature) for signature in used[cell.metadata.nbgrader["grade_id"]]} - known
            continue
        defined = functions(cell.source)
        if defined is not None:
            if defined & earlier:
                return None
            parts += [cell.source] if defined else []
            known |= defined
        elif not utils.is_locked(cell) or parts:
            return None
        else:
            for line in cell.source.splitlines():
                if line.startswith(":"):
                    if not (crate := DEPENDENCY.fullmatch(line)):
                        return None
                    crates.append(crate[1])
                else:
                    (imports if line.startswith("use ") else setup).append(line)
        earlier |= words(cell.source)
    if not signatures or "exercise" not in crates or called_before & known:
        return None
    missing = [signature for signature in signatures if name_of(signature) in called_before]
    text = PROGRAM.format(
        imports="\n".join(imports),
        functions="\n".join(parts),
        setup="\n".join(setup),
        signatures=", ".join(signature for signature in signatures if signature not in missing),
    )
    return Program(text, sorted(set(crates)), missing)
