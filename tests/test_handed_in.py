"""What is taken of a folder that a student handed in, and what is read of a file, odd ones included."""

import json
import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import handed_in

NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": "1", "metadata": {}}], "metadata": {}})
SECRET = NOTEBOOK.replace('"1"', '"solved"')


@pytest.fixture
def folder(tmp_path):
    """The folder of a student's submission, beside one with solutions."""
    (tmp_path / "solved.ipynb").write_text(SECRET, encoding="utf-8")
    folder = tmp_path / "submitted/ada/blank"
    folder.mkdir(parents=True)
    return folder


def taken(folder):
    """The sources of the cells that are taken, and the remark."""
    data, remark = handed_in.find(folder.parent.parent, folder.parent.name, folder.name)
    assert b"solved" not in data
    return [cell.source for cell in handed_in.read(data)[0].cells], remark


NOTHING = "It counts as one in which nothing is done"


def nothing(folder, remark):
    cells, said = taken(folder)
    assert NOTHING in cells[0] and len(cells) == 1
    assert remark in said


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("blank.ipynb", ""),
        ("Blank.IPYNB", "Blank.IPYNB was taken"),
        ("mine.ipynb", "mine.ipynb was taken for blank.ipynb"),
    ],
)
def test_a_notebook_is_taken(folder, name, remark):
    (folder / name).write_text(NOTEBOOK, encoding="utf-8")
    (folder / "data.csv").symlink_to("/dev/zero")
    (folder / "blank.html").mkdir()
    (folder / "timestamp.txt").write_text("not a date", encoding="utf-8")
    cells, said = taken(folder)
    assert cells == ["1"] and remark in said


def test_of_several_the_right_name_is_taken_and_none_is_guessed(folder):
    for name in ("a.ipynb", "b.ipynb"):
        (folder / name).write_text(NOTEBOOK, encoding="utf-8")
    nothing(folder, "there are several notebooks")
    (folder / "blank.ipynb").write_text(NOTEBOOK, encoding="utf-8")
    assert taken(folder) == (["1"], "")


@pytest.mark.parametrize("name", ["blank.ipynb", "mine.ipynb"])
@pytest.mark.parametrize(
    ("make", "remark"),
    [
        (lambda path: path.symlink_to("../../../solved.ipynb"), "it is a link"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a link"),
        (lambda path: path.symlink_to("nowhere"), "it is a link"),
        (lambda path: path.symlink_to(path.name), "it is a link"),
        (lambda path: os.link(path.parents[3] / "solved.ipynb", path), "it is a hard link"),
        (lambda path: path.mkdir(), "it is a folder"),
        (os.mkfifo, "it is not an ordinary file"),
    ],
    ids=["link", "endless", "dangling", "loop", "hard link", "folder", "pipe"],
)
def test_what_is_no_ordinary_file_is_not_taken(folder, name, make, remark):
    make(folder / name)
    nothing(folder, f"{name} was not taken: {remark}")
    # It does not take the place of an honest one.
    (folder / "z.ipynb").write_text(NOTEBOOK, encoding="utf-8")
    assert taken(folder)[0] == ["1"]


def test_folders_that_are_links_are_not_followed(folder, tmp_path):
    solved = tmp_path / "solved"
    solved.mkdir()
    (tmp_path / "solved.ipynb").rename(solved / "blank.ipynb")
    folder.rmdir()
    folder.symlink_to(solved)
    nothing(folder, "the folder blank was not taken: it is a link")
    person = folder.parent
    folder.unlink()
    person.rmdir()
    (tmp_path / "blank").mkdir()
    (tmp_path / "blank/blank.ipynb").write_text(SECRET, encoding="utf-8")
    person.symlink_to(tmp_path)
    nothing(folder, "it is a link")


def test_a_file_in_place_of_the_folder_is_not_taken(folder):
    folder.rmdir()
    folder.write_text(NOTEBOOK, encoding="utf-8")
    nothing(folder, "it is no folder")


@pytest.mark.parametrize("student", ["a[1]", "*", "..x", "Zoë 1", "-", "a\nb", "<b>"])
def test_any_name_of_a_student_is_a_name(folder, student):
    folder = folder.parent.rename(folder.parents[1] / student) / "blank"
    (folder / "blank.ipynb").write_text(NOTEBOOK, encoding="utf-8")
    assert taken(folder) == (["1"], "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_the_encodings_of_unicode_are_read(encoding):
    cell = dict(json.loads(NOTEBOOK)["cells"][0], source="δ")
    data = json.dumps({"cells": [cell]}, ensure_ascii=False).encode(encoding)
    assert [cell.source for cell in handed_in.read(data)[0].cells] == ["δ"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"fn main() {}",
        b"[1]",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"cells": 3}',
        b'{"cells": {"a": 1}}',
        b'{"worksheets": 7}',
        b'{"worksheets": [{"cells": 7}]}',
        b'{"cells": [' + b"[" * 900 + b"]" * 900,
        b"1" * 10_000,
        b" " * 50_000_001,
    ],
)
def test_any_bytes_are_a_notebook(data):
    cells = handed_in.read(data)[0].cells
    assert len(cells) == 1 and NOTHING in cells[0].source and len(cells[0].source) < 500


def test_of_a_cell_only_text_pictures_and_its_mark_are_read():
    half = "a\\ud800b\\u0000c"
    odd = [
        '{"cell_type": ["code"], "source": ""}',
        '{"cell_type": "code", "source": {}}',
        '{"cell_type": "video", "source": ""}',
        "null",
    ]
    text = (
        '{"cells": ['
        + ", ".join(
            [
                *odd,
                f'{{"cell_type": "code", "source": ["{half}", 3], "metadata": 7, "outputs": [{{"a": 1}}], "id": "x"}}',
                '{"cell_type": "markdown", "source": "![](attachment:p.png)", "metadata": {"nbgrader": '
                '{"grade_id": "why", "points": 99}, "trusted": true}, "attachments": {"p.png": '
                '{"image/png": "aGk=", "text/html": "aGk="}, '
                '"s": {"image/svg+xml": "aGk="}, "t": {"image/png": "<script>"}, "u": 3}}',
            ]
        )
        + "]}"
    )
    complaint, code, written = handed_in.read(text.encode())[0].cells
    assert complaint.source == "**4 of its cells were damaged and are left out.**"
    assert code.source == "a\ufffdb\ufffdc" and code.outputs == [] and code.metadata == {}
    assert written.metadata == {"nbgrader": {"grade_id": "why"}}
    assert written.attachments == {"p.png": {"image/png": "aGk="}}
    nbformat.writes(handed_in.read(text.encode())[0]).encode()


def test_a_notebook_of_an_old_format_is_read_whatever_its_metadata_are():
    tags = {"tags": [0, *map(str, range(100_000))]}  # of mixed types: nothing may compare each with each
    old = {
        "nbformat": 3,
        "metadata": tags,
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "Title", "metadata": tags},
                    {"cell_type": "code", "input": ["a\n", "b"], "metadata": tags | {"nbgrader": {"grade_id": "x"}}},
                    {"cell_type": "markdown", "source": "text"},
                ]
            },
            {"cells": [{"cell_type": "code"}]},
        ],
    }
    notebook, complaint = handed_in.read(json.dumps(old).encode())
    assert [cell.source for cell in notebook.cells[1:]] == ["## Title", "a\nb", "text"]
    assert notebook.cells[2].metadata == {"nbgrader": {"grade_id": "x"}}
    assert complaint == "1 of its cells were damaged and are left out."


def test_a_remark_is_of_a_bearable_length(folder):
    for number in range(99):
        (folder / f"{number}.ipynb").mkdir()
    assert 500 < len(taken(folder)[1]) < 510


def test_more_cells_than_are_read_are_left_out():
    cell = json.loads(NOTEBOOK)["cells"][0]
    cells = handed_in.read(json.dumps({"cells": [cell] * 5000}).encode())[0].cells
    assert len(cells) == handed_in.MOST_CELLS + 1 and "the first 2000 are read" in cells[0].source


# --- The release's cells --------------------------------------------------------------------------------------------


def marked(maker, name, source, **flags):
    mark = {"grade_id": name, "locked": False, "solution": False, "grade": False, "task": False, "schema_version": 3}
    return maker(source, metadata={"nbgrader": mark | flags})


def test_the_cells_of_an_assignment_are_those_of_the_source_or_the_release():
    def notebook(check, solution):
        return new_notebook(
            cells=[
                new_markdown_cell("a text"),
                marked(new_code_cell, "task", solution, solution=True),
                marked(new_code_cell, "check", check, grade=True, locked=True, points=2, checksum="c" + check),
            ]
        )

    source, release = notebook("hidden", "solved"), notebook("seen", "todo")
    (_, task), (_, check) = handed_in.marked_cells(source, release)
    assert task.source == "todo" and check.source == "hidden"
    assert check.metadata.nbgrader.points == 2 and check.metadata.nbgrader.checksum == "cseen"

    cells = [
        marked(new_code_cell, "check", "emptied", points=99),
        marked(new_code_cell, "task", "mine"),
        new_code_cell("x"),
    ]
    result = handed_in.reconciled(cells, handed_in.marked_cells(source, release))
    assert [cell.source for cell in result] == ["hidden", "mine", "x"]
    assert result[0].metadata.nbgrader.points == 2
    assert [cell.id for cell in result] == ["cell-0", "cell-1", "cell-2"]
    # A lost check comes after the solution, and a lost solution does not come back.
    result = handed_in.reconciled(
        [marked(new_code_cell, "task", "mine"), new_code_cell("x")], handed_in.marked_cells(source, release)
    )
    assert [cell.source for cell in result] == ["mine", "hidden", "x"]
    result = handed_in.reconciled([new_code_cell("x")], handed_in.marked_cells(source, release))
    assert [cell.source for cell in result] == ["x", "hidden"]
