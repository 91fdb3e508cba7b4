"""Checks of an installation that many users share (notebooks/HUB.md): all is read only, and each user has a copy."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import IN_CI, REPOSITORY

FIRST = "01_the_argument.ipynb"

# Runs the cells of the user's first notebook up to the second figure, in the user's own folder.
RUN = """
import json, sys
from pathlib import Path
import nbformat
from nbformat.sign import NotebookNotary
from kernel_client import start_kernel

folder = Path.home() / "zero-init"
notebook = nbformat.read(folder / sys.argv[1], 4)
cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:3]
with start_kernel(folder) as kernel:
    outputs = {cell.id: kernel.run(cell.source) for cell in cells}
print(json.dumps({"trusted": NotebookNotary().check_signature(notebook), "outputs": outputs}))
"""


def start(home: Path, *command: str, before: tuple[str, ...] = ()) -> str:
    """What a user's start of the hub's server says, with another command in place of the server."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    rust = {
        name: os.environ.get(name) or str(Path.home() / folder)
        for name, folder in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"))
    }
    own = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(REPOSITORY / "tools")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG_"))}
    arguments = [*before, str(REPOSITORY / "tools" / "hub.sh"), *command]
    run = subprocess.run(arguments, env={**kept, **rust, **own}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_each_user_has_a_copy_that_keeps_what_is_changed(tmp_path):
    own = tmp_path / "zero-init"
    start(tmp_path, "true")
    there = {str(path.relative_to(own)) for path in own.rglob("*") if path.is_file()}
    notebooks = REPOSITORY / "notebooks"
    wanted = [*notebooks.glob("*.ipynb"), *notebooks.glob("figures/*"), *notebooks.glob("assignments/release/*/*")]
    assert there == {"README.md", *(str(path.relative_to(notebooks)) for path in wanted)}
    for path in own.rglob("*.ipynb"):
        assert '{ path = \\"..\\" }' not in path.read_text(encoding="utf-8"), path
    (own / FIRST).write_text("changed")
    (own / "README.md").unlink()
    assert start(tmp_path, "pwd").strip() == str(tmp_path)
    assert (own / FIRST).read_text() == "changed"
    assert (own / "README.md").read_text() == (notebooks / "README.md").read_text()


@pytest.mark.slow
def test_a_copy_runs_where_nothing_but_the_users_folder_can_be_written(tmp_path):
    if not shutil.which("bwrap"):
        pytest.fail("no bwrap") if IN_CI else pytest.skip("no bwrap")
    home = tmp_path / "home"
    home.mkdir()
    read_only = ("bwrap", "--die-with-parent", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev")
    writable = ("--bind", str(home), str(home), "--")
    python = str(REPOSITORY / ".venv" / "bin" / "python")
    said = json.loads(start(home, python, "-c", RUN, FIRST, before=read_only + writable))
    assert said["trusted"]
    cells = json.loads((REPOSITORY / "notebooks" / FIRST).read_text(encoding="utf-8"))["cells"]
    committed = {cell["id"]: cell["outputs"] for cell in cells if cell["cell_type"] == "code"}
    for name, outputs in said["outputs"].items():
        assert [whole(output) for output in outputs] == [whole(output) for output in committed[name]], name
    assert any("image/svg+xml" in output.get("data", {}) for outputs in said["outputs"].values() for output in outputs)
    assert list((home / "tmp").iterdir()) == []


def whole(output: dict[str, object]) -> object:
    """An output's texts, each in one piece."""
    data = output.get("data", {"text": output.get("text", output.get("evalue"))})
    assert isinstance(data, dict)
    return {name: "".join(value).rstrip("\n") for name, value in data.items()}
