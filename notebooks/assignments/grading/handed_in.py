"""What a student handed in: finds the one file that is graded, reads it, and gives it the release's cells."""

import base64
import binascii
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

LARGEST_FILE = 50_000_000  # bytes: outputs and pictures are what makes files large
LONGEST_REMARK = 500
MOST_CELLS = 2000
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
RUST = {"name": "rust", "file_extension": ".rs", "mimetype": "text/rust", "pygments_lexer": "rust"}
MAKERS = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}

# --- The file ---------------------------------------------------------------------------------------------------------


class NotTakenError(Exception):
    """This file, or folder, is not one that is graded."""


@contextmanager
def opened(name: str, kind: int, parent: int | None = None) -> Iterator[int]:
    """Opens a file, or a folder, that is what it seems to be: no link to something else, and nothing that waits."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    except OSError as error:
        raise NotTakenError("it is a link, or cannot be read") from error
    try:
        found = os.fstat(handle)
        if stat.S_IFMT(found.st_mode) != kind:
            if kind == stat.S_IFDIR:
                raise NotTakenError("it is no folder")
            raise NotTakenError("it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not an ordinary file")
        # Outside of their folder, such files have another name, say that of the solution.
        if kind == stat.S_IFREG and found.st_nlink > 1:
            raise NotTakenError("it is a hard link: a copy of it would be taken")
        yield handle
    finally:
        os.close(handle)


def contents(name: str, folder: int) -> bytes:
    """The bytes of a file, or the first that are too many."""
    with opened(name, stat.S_IFREG, folder) as handle, os.fdopen(os.dup(handle), "rb") as file:
        return file.read(LARGEST_FILE + 1)


def find(submitted: Path, student: str, name: str) -> tuple[bytes, str]:
    """What `look_for` finds, with a remark of a bearable length."""
    data, remark = look_for(submitted, student, name)
    return data, remark if len(remark) <= LONGEST_REMARK else f"{remark[:LONGEST_REMARK]} …"


def look_for(submitted: Path, student: str, name: str) -> tuple[bytes, str]:
    """The notebook file that a student handed in for an assignment, and a remark for grades.csv.

    That is the one of the right name; without it, the only notebook there is. All else in the folder is left alone. If
    there is nothing to take, the bytes are none, which counts as a notebook in which nothing is done.
    """
    wanted = f"{name}.ipynb"
    try:
        with (
            opened(str(submitted / student), stat.S_IFDIR) as person,
            opened(name, stat.S_IFDIR, person) as folder,
        ):
            notebooks = sorted(file for file in os.listdir(folder) if file.lower().endswith(".ipynb"))
            fitting = [file for file in notebooks if file.lower() == wanted.lower()]
            remarks, taken = [], None
            # The file of exactly this name comes first, then those that differ in capital letters.
            for file in [*sorted(fitting, key=lambda file: file != wanted), *sorted(set(notebooks) - set(fitting))]:
                try:
                    data = contents(file, folder)
                except NotTakenError as error:
                    remarks.append(f"{file} was not taken: {error}")
                    continue
                if taken is not None and file not in fitting:
                    return b"", "; ".join([*remarks, f"there are several notebooks, and none is {wanted}"])
                if taken is None:
                    taken = file, data
                if file in fitting:
                    break
            if taken is None:
                return b"", "; ".join([*remarks, f"there was no {wanted}, so an empty one was graded"])
            file, data = taken
            if file != wanted:
                remarks.append(f"{file} was taken for {wanted}")
            if not data.strip():
                remarks.append(f"{file} is empty")
            return data, "; ".join(remarks)
    except NotTakenError as error:
        return b"", f"the folder {name} was not taken: {error}"


# --- The notebook -----------------------------------------------------------------------------------------------------


def text_of(source: str | list[Any]) -> str:
    """A cell's source, which a notebook file may hold as lines. Halves of letters are replaced."""
    text = source if isinstance(source, str) else "".join(line for line in source if isinstance(line, str))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def pictures_of(attachments: Any) -> dict[str, dict[str, str]]:
    """The pictures that were pasted into a cell."""
    kept: dict[str, dict[str, str]] = {}
    for name, kinds in attachments.items() if isinstance(attachments, dict) else ():
        for kind, data in kinds.items() if isinstance(kinds, dict) else ():
            if kind in PICTURES and isinstance(data, str):
                try:
                    base64.b64decode(data, validate=True)
                except (binascii.Error, ValueError):
                    continue
                kept[text_of(name)] = {kind: data}
    return kept


def clean_cell(cell: Any) -> NotebookNode | None:
    """A new cell with what a submission may say: text, pictures in it, and the mark by which nbgrader knows it.

    None if it is no cell.
    """
    if not isinstance(cell, dict) or not isinstance(kind := cell.get("cell_type"), str) or kind not in MAKERS:
        return None
    if not isinstance(cell.get("source"), (str, list)):
        return None
    clean = MAKERS[kind](text_of(cell["source"]))
    metadata = cell.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(mark, dict) and isinstance(mark.get("grade_id"), str):
        clean.metadata.nbgrader = {"grade_id": mark["grade_id"]}
    if kind == "markdown" and (pictures := pictures_of(cell.get("attachments"))):
        clean.attachments = pictures
    return clean


def cells_of(notebook: dict[str, Any]) -> Any:
    """The cells of a notebook; those of an old one as new ones."""
    if "worksheets" not in notebook:
        return notebook.get("cells")
    cells: list[Any] = []
    for sheet in notebook["worksheets"]:
        for cell in sheet["cells"]:
            if isinstance(cell, dict) and cell.get("cell_type") == "code":
                cells.append(dict(cell, source=cell.get("input")))
            elif isinstance(cell, dict) and cell.get("cell_type") == "heading" and isinstance(cell.get("level"), int):
                hashes = "#" * min(cell["level"], 6)
                cells.append(dict(cell, cell_type="markdown", source=f"{hashes} {text_of(cell.get('source', ''))}"))
            else:
                cells.append(cell)
    return cells


def read(data: bytes, remark: str = "") -> tuple[NotebookNode, str]:
    """The notebook of any file at all, without what it claims about itself; what could not be used is said on top.

    It is also said in the second value, which is empty if there is nothing to say. The remark of `find` is said on top
    only, if there is no file.
    """
    complaints, cells = [], []
    try:
        if len(data) > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE} bytes")
        if not data.strip():
            raise ValueError("it is empty")
        found = json.loads(data)  # in any of Unicode's encodings, with or without a byte order mark
        found = cells_of(found) if isinstance(found, dict) else None
        if not isinstance(found, list):
            raise ValueError("it has no cells")
        if len(found) > MOST_CELLS:
            complaints.append(f"It has {len(found)} cells, and the first {MOST_CELLS} are read.")
        cells = [clean_cell(cell) for cell in found[:MOST_CELLS]]
        if None in cells:
            complaints.append(f"{cells.count(None)} of its cells were damaged and are left out.")
            cells = [cell for cell in cells if cell is not None]
    except Exception as error:  # whatever a file can do to the libraries that read it
        cells = []
        said = text_of(str(error))[:200] or type(error).__name__
        complaints.append(f"The submitted file is not a notebook: {said}. It counts as one in which nothing is done.")
    if complaints:
        cells.insert(0, new_markdown_cell("**" + " ".join(complaints) + "**"))
        if remark and not data:
            cells.insert(1, new_raw_cell(text_of(remark)))
    return new_notebook(cells=cells, metadata={"language_info": RUST}), " ".join(complaints)


# --- The cells of the release -----------------------------------------------------------------------------------------


def marked_cells(source: NotebookNode, release: NotebookNode) -> list[tuple[str, NotebookNode]]:
    """The cells of an assignment by their grade ids: locked ones as the source has them, solutions as released."""
    released = {cell.metadata.nbgrader.grade_id: cell for cell in release.cells if "nbgrader" in cell.metadata}
    cells = []
    for cell in source.cells:
        mark = cell.metadata.get("nbgrader")
        if not mark or mark.grade_id not in released:
            continue
        text = cell.source if mark.locked else released[mark.grade_id].source
        marked = MAKERS[cell.cell_type](text)
        # The release's mark has the checksum of what was handed out.
        marked.metadata.nbgrader = dict(released[mark.grade_id].metadata.nbgrader, cell_type=cell.cell_type)
        cells.append((mark.grade_id, marked))
    return cells


def reconciled(cells: list[NotebookNode], release: list[tuple[str, NotebookNode]]) -> list[NotebookNode]:
    """The submitted cells with those of the release in place.

    A locked cell is as released; of several copies of an editable one, the last counts. Of the missing ones, a check
    comes after the solution that it checks, or else last; any other cell after the one that it follows in the release;
    a solution does not come back, since its empty function would replace one that the student has elsewhere. All other
    cells of the student stay where they are, without a mark.
    """
    positions: dict[str, int] = {}
    names = {name for name, _ in release}
    for position, cell in enumerate(cells):
        name = cell.metadata.pop("nbgrader", {}).get("grade_id")
        if name in names:
            positions[name] = position
    after: dict[int, list[NotebookNode]] = {}  # the missing cells, by the position that they come after
    last: list[NotebookNode] = []  # the missing cells that come last
    previous = -1
    solution: int | None = None
    for name, cell in release:
        mark, found = cell.metadata.nbgrader, positions.get(name)
        if mark["solution"]:
            solution = found
        if found is not None:
            if not mark["locked"] and cells[found].cell_type == cell.cell_type:
                cell.source = cells[found].source
                if "attachments" in cells[found]:
                    cell.attachments = cells[found].attachments
            cells[found] = cell
            previous = found
        elif mark["grade"]:
            (last if solution is None else after.setdefault(solution, [])).append(cell)
        elif not mark["solution"]:
            after.setdefault(previous, []).append(cell)
    result = after.get(-1, [])
    for position, cell in enumerate(cells):
        result += [cell, *after.get(position, [])]
    result += last
    for number, cell in enumerate(result):
        cell.id = f"cell-{number}"
    return result
