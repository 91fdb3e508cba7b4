"""Checks of the launcher: what kernels start with is used, is never trusted, and is shared without harm; and failures
are tables. Nothing here measures time: what cargo has not built again has the file times of the copy.
"""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

import get_kernel
import kernel as launcher
import notebooks as nb
from conftest import REPOSITORY
from kernel_client import kernel_command, start_kernel, stock_command

BY_PATH = ':dep zero-init = { path = ".." }\nuse zero_init::prelude::*;'
SHOW_FAILURES = BY_PATH.replace("prelude::*", "{notebook::eprintln, prelude::*}") + "\nshow_failures();"
BY_WORKSPACE = ":dep zero-init = { workspace = true }\n:dep exercise = { workspace = true }\nuse zero_init::prelude::*;"


class Clone:
    """A copy of the repository with kernels of its own, whose sources a test may change."""

    def __init__(self, root: Path) -> None:
        self.root, self.prepared = root, root / "target" / "kernel"
        for name in ("src", "tools", "benches", "notebooks/assignments/exercise"):
            shutil.copytree(REPOSITORY / name, root / name)
        for name in ("Cargo.toml", "Cargo.lock", "README.md", "notebooks/evcxr.toml"):
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(REPOSITORY / name, root / name)
        tool = root / "tools" / "kernel.py"
        tool.write_text(tool.read_text().replace("opt-level = 2", "opt-level = 0"))  # compiled sooner
        self.command = kernel_command()
        self.command[1] = str(tool)
        self.assignments = root / "notebooks" / "assignments" / "one"
        self.assignments.mkdir()

    def prepare(self):
        command = [sys.executable, str(self.root / "tools" / "kernel.py"), "--prepare"]
        return subprocess.run(command, capture_output=True, text=True)

    def kernel(self, folder="notebooks", **variables):
        return start_kernel(self.root / folder, self.command, variables)

    def contents(self):
        """What is kept, by file: a digest and the time."""
        files = [file for file in self.prepared.rglob("*") if file.is_file()]
        return {file: (hashlib.sha256(file.read_bytes()).digest(), file.stat().st_mtime_ns) for file in files}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    clone = Clone(tmp_path_factory.mktemp("it's a clone"))
    run = clone.prepare()
    assert run.returncode == 0 and run.stderr.count("\n") == 1, run.stderr
    return clone


@pytest.fixture(scope="module")
def kernel(clone):
    """A kernel for several tests, with the crates. Tests that change a source for good come after these."""
    with clone.kernel() as kernel:
        assert kernel.run(BY_PATH) == []
        yield kernel


def text(outputs):
    return "".join(output.get("text", "") or output.get("evalue", "") for output in outputs)


def libraries(folder: Path):
    """The times of the built crates below a folder, by name."""
    return {file.name: file.stat().st_mtime_ns for file in folder.glob("**/deps/lib*.rlib")}


def rebuilt(clone, kernel):
    """The crates that cargo has built in this kernel, though the copy had them or not."""
    mine = libraries(Path(kernel.run(":last_compile_dir")[0].data["text/plain"].strip()))
    kept = libraries(clone.prepared)
    assert mine
    return {name.split("-")[0] for name, time in mine.items() if kept.get(name) != time}


def test_the_key_names_every_file_that_goes_into_the_build():
    sources = [path for crate in launcher.CRATES for path in (crate / "src").rglob("*.rs")]
    embedded = {
        (source.parent / name).resolve()
        for source in sources
        for name in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', source.read_text(encoding="utf-8"))
    }
    assert {".csv", ".js"} <= {path.suffix for path in embedded}
    assert {*sources, *embedded, REPOSITORY / "Cargo.toml", REPOSITORY / "Cargo.lock"} <= set(launcher.inputs())


@pytest.mark.parametrize("part", ["settings", "sources"])
def test_the_key_changes_with_the_time_of_a_file(tmp_path, monkeypatch, part):
    file = tmp_path / "film.js"
    file.touch()
    monkeypatch.setattr(launcher, part, lambda: [file])
    before = launcher.key(None)
    assert launcher.key(None) == before
    os.utime(file, ns=(0, 1))
    after = launcher.key(None)
    assert [one == other for one, other in zip(before.split("-"), after.split("-"), strict=True)] == [
        part != "settings",
        part != "sources",
    ]


@pytest.mark.parametrize("same", [True, False])
def test_a_copy_of_older_sources_serves_and_one_that_is_compiled_in_another_way_does_not(tmp_path, monkeypatch, same):
    monkeypatch.setattr(launcher, "PREPARED", tmp_path)
    compiled = launcher.key(None).split("-")[0] if same else "other"
    (tmp_path / f"{compiled}-older" / "ctx").mkdir(parents=True)
    root = tmp_path / "root"
    launcher.put_prepared(root, None)
    assert (root / "ctx").exists() == same


@pytest.mark.slow
def test_a_kernel_starts_with_what_is_built_already(clone, kernel):
    assert text(kernel.run('println!("{}", circles_train().ones());')) == "150\n"
    assert rebuilt(clone, kernel) == set()


@pytest.mark.slow
def test_cells_can_be_optimized_without_building_the_crates_again(clone, kernel):
    kernel.run(":build_env CARGO_PROFILE_DEV_OPT_LEVEL=2")
    assert text(kernel.run('println!("{}", circles_train().ones());')) == "150\n"
    assert rebuilt(clone, kernel) == set()
    kernel.run(":build_env CARGO_PROFILE_DEV_OPT_LEVEL=0")


@pytest.mark.slow
def test_a_kernel_of_another_folder_does_so_too(clone):
    with clone.kernel("notebooks/assignments/one") as kernel:
        assert kernel.run(BY_WORKSPACE) == []
        assert text(kernel.run('println!("{}", circles_train().ones());')) == "150\n"
        assert rebuilt(clone, kernel) == set()


@pytest.mark.slow
@pytest.mark.parametrize("state", ["missing", "unreadable"])
def test_a_kernel_starts_without_it(clone, state):
    """A small crate tells as much as ours would."""
    aside = clone.prepared.rename(clone.root / "aside")
    try:
        if state == "unreadable":
            folder = clone.prepared / next(aside.iterdir()).name
            folder.mkdir(parents=True)
            (folder / "ctx").symlink_to("nowhere")
        with clone.kernel() as kernel:
            assert kernel.run(':dep cfg-if = "*"\nuse cfg_if::cfg_if;') == []
            assert rebuilt(clone, kernel) == {"libcfg_if"}
    finally:
        shutil.rmtree(clone.prepared, ignore_errors=True)
        aside.rename(clone.prepared)


@pytest.mark.slow
def test_two_kernels_at_once_and_a_change_of_the_sources(clone):
    before = clone.contents()
    source = clone.root / "src" / "lib.rs"
    original, times = source.read_text(), source.stat()
    with clone.kernel() as old:
        assert old.run(BY_PATH) == []
        try:
            source.write_text(original + "\n/// Added.\npub fn added() -> i32 {\n    5\n}\n")
            with clone.kernel() as new:
                assert new.run(BY_PATH) == []
                assert text(new.run('println!("{}", zero_init::added());')) == "5\n"
                assert rebuilt(clone, new) == {"libzero_init"}  # and not what it depends on
        finally:
            source.write_text(original)
            os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert text(old.run('println!("{}", circles_train().ones());')) == "150\n"
    assert clone.contents() == before


@pytest.mark.slow
def test_a_failure_is_a_table_and_its_text_on_stderr(kernel):
    assert kernel.run(SHOW_FAILURES) == []
    stderr, table = kernel.run('let (a, b) = (1, 2);\nassert_eq!(a, b, "why {}", 3);')
    assert stderr.name == "stderr" and stderr.text.strip().split("\n") == [
        "thread '<unnamed>' panicked at cell:",
        "assertion `left == right` failed: why 3",
        "  left: 1",
        " right: 2",
    ]
    assert table.data["text/html"].count("<tr>") == 3 and table.data["text/plain"].split("\n") == [
        "A claim does not hold. why 3",
        "expected (right): 2",
        "came (left): 1",
        'look at: assert_eq!(a, b, "why {}", 3);',
    ]
    stderr, table = kernel.run("circles_train().x().dot(circles_train().x());")
    assert "2 × 300" in stderr.text and "look at" not in table.data["text/plain"]  # it panicked in ndarray
    # A process that ended takes the hook with it: the first cell brings it back.
    assert kernel.run("std::process::exit(1);")[0].output_type == "error"
    assert kernel.run(SHOW_FAILURES) == []
    stderr, table = kernel.run("logit(2.0)?;")
    assert stderr.text == "p: expected a probability from 0 to 1, got 2\n"
    assert table.data["text/plain"].startswith("The cell stopped at an error.\nexpected: a probability")
    stderr, table = kernel.run("assert!(1 > 2);")
    assert stderr.text.strip().count("\n") == 1 and "look at: assert!(1 > 2);" in table.data["text/plain"]


def test_nothing_asks_a_registry_for_the_crates_of_the_repository():
    """Anyone could publish a crate of that name."""
    notebooks = sorted((REPOSITORY / "notebooks").rglob("*.ipynb"))
    texts = {path: "\n".join(cell.source for cell in nb.read(path).cells) for path in notebooks}
    others = [path for ending in ("md", "toml") for path in (REPOSITORY / "notebooks").rglob(f"*.{ending}")]
    others.append(REPOSITORY / "README.md")
    texts |= {path: path.read_text(encoding="utf-8") for path in others}
    assert [
        (path.name, line) for path, text in texts.items() for line in text.splitlines() if asks_a_registry(line)
    ] == []
    assert sum(text.count(":dep zero-init = {") for text in texts.values()) >= len(notebooks)


def asks_a_registry(line):
    """Says whether a line of a notebook, page or manifest takes one of our crates from a registry."""
    name = r"\b(zero[-_]init|exercise)\b"
    entry = re.search(rf"(:dep\s+|^){name}\s*(=.*)?", line.strip())
    if entry and (entry[1] or entry[3]):
        return not re.search(r"\bpath\s*=|\bworkspace\s*=\s*true", entry[3] or "")
    return bool(re.search(rf"cargo (add|install)[^`]* {name}", line))


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        (':dep zero-init = "0.1"', True),
        (":dep exercise", True),
        (':dep zero_init = { version = "0.1", features = ["x"] }', True),
        ('exercise = "0.1"', True),
        ("Type `cargo add zero-init`.", True),
        (':dep zero-init = { path = ".." }', False),
        (":dep exercise = { workspace = true }", False),
        ('zero-init = { path = "../../..", optional = true }', False),
        ("exercise", False),
        (':dep rand = "0.10"', False),
    ],
)
def test_what_asks_a_registry(line, asks):
    assert asks_a_registry(line) == asks


@pytest.mark.slow
def test_in_another_kernel_an_assignment_says_what_is_missing_and_asks_no_registry(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as registry:
        environment = {
            "EVCXR_CONFIG_DIR": str(tmp_path),
            "JUPYTER_PATH": str(tmp_path),
            "CARGO_NET_OFFLINE": "false",
            "CARGO_HTTP_PROXY": f"http://127.0.0.1:{registry.getsockname()[1]}",
            "CARGO_HTTP_TIMEOUT": "1",
            "CARGO_NET_RETRY": "0",
        }
        registry.settimeout(0)
        with start_kernel(tmp_path, stock_command(), environment) as kernel:
            for path in sorted((REPOSITORY / "notebooks/assignments/release").rglob("*.ipynb")):
                first, second = (kernel.run(cell.source) for cell in nb.code_cells(nb.read(path))[:2])
                assert "needs the Rust kernel of the repository zero-init: open it with `make lab`" in text(first)
                assert "failed to find a workspace root" in text(second)
            with pytest.raises(BlockingIOError):
                registry.accept()
            assert kernel.run(':dep zero-init = "0.1"')[0].output_type == "error"
            registry.accept()[0].close()  # this one did ask


@pytest.mark.slow
def test_the_users_settings_come_first(clone, tmp_path):
    (tmp_path / "evcxr.toml").write_text("[evcxr]\nprelude = '''\nlet mine = 7;\n'''\n")
    with clone.kernel("notebooks/assignments/one", EVCXR_CONFIG_DIR=str(tmp_path)) as kernel:
        assert text(kernel.run('println!("{mine}");')) == "7\n"


# Variables, one from each corner of the standard library; and one of a dependency.
TYPES = """\
map: std::collections::HashMap::from([("a", 1)])
entry: std::collections::BTreeMap::<u8, Vec<String>>::new().first_key_value().is_some()
pairs: vec![("a", 1)].iter().map(|(k, v)| (k.len(), *v)).rev().collect::<Vec<_>>()
sum: (1..=3).zip([1.5, 2.5]).map(|(a, b)| f64::from(a) * b).sum::<f64>().sin().powi(2)
boxed: Box::new(|x: f64| x + 1.0) as Box<dyn Fn(f64) -> f64>
begun: std::time::Instant::now()
passed: std::time::Instant::now().elapsed().as_secs_f64()
file: std::fs::File::open("/dev/null")?
length: std::fs::metadata("/dev/null")?.len()
thread: std::thread::spawn(|| 5)
channel: std::sync::mpsc::channel::<u8>().0
shared: std::sync::Arc::new(std::sync::Mutex::new(vec![1]))
once: std::sync::OnceLock::<String>::new()
cell: std::rc::Rc::new(std::cell::RefCell::new(Some(1)))
path: std::path::Path::new("/dev").join("null")
variable: std::env::var("HOME")
error: "x".parse::<f64>().unwrap_err()
address: std::net::Ipv4Addr::LOCALHOST
command: std::process::Command::new("true").status()?.code()
text: String::from_utf8(vec![104]).map(|text| text.chars().rev().collect::<String>())
array: Array2::<f64>::eye(2).dot(&Array2::<f64>::eye(2)).sum_axis(ndarray::Axis(0))
"""


@pytest.mark.slow
def test_types_are_known_and_names_are_completed_and_explained_without_most_of_the_sources(kernel):
    assert kernel.run(':dep ndarray = { version = "*", default-features = false }') == []
    variables = dict(line.split(": ", 1) for line in TYPES.splitlines())
    assert kernel.run("\n".join(f"let {name} = {value};" for name, value in variables.items())) == []
    listed = kernel.run(":vars")[0].data["text/html"]
    assert all(f"<td>{name}</td>" in listed for name in variables), listed
    client = kernel._client  # what JupyterLab asks for on Tab and Shift-Tab
    matches = client.complete("map.conta", 9, reply=True, timeout=60)["content"]["matches"]
    assert any(match.startswith("contains_key(") for match in matches), matches
    explained = client.inspect("std::thread::spawn", 18, reply=True, timeout=60)["content"]
    assert "Spawns a new thread" in str(explained), explained


@pytest.mark.slow
def test_preparing_is_done_once_and_cleans_up(clone):
    (kept,) = clone.prepared.iterdir()
    before = clone.contents()
    part = kept.with_suffix(".999999999")  # of a process that was stopped
    part.mkdir()
    run = clone.prepare()
    assert (run.returncode, run.stderr, clone.contents()) == (0, "", before)

    source = clone.root / "src" / "lib.rs"
    original = source.read_text()
    try:
        source.write_text(original + "\nnot Rust\n")
        run = clone.prepare()
        assert run.returncode == 0 and "kernels start slower" in run.stderr, run.stderr
        assert kept.is_dir() and clone.contents() == before  # the old one is better than none
    finally:
        source.write_text(original)
    run = clone.prepare()  # the file has another time, so cargo would build again
    assert run.returncode == 0 and run.stderr.count("\n") == 1, run.stderr
    (fresh,) = clone.prepared.iterdir()
    assert fresh != kept


# Starts a kernel and runs a cell that prints a line and never ends; writes a line itself when that has come.
CLIENT = """
import sys
import tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kernel_client import CellTooLoudError, start_kernel
with start_kernel(Path.cwd(), most_text=1) as kernel:
    try:
        kernel.run('println!("runs"); loop {}')
    except CellTooLoudError:
        print("runs", flush=True)
        sys.stdin.read()
"""


@pytest.mark.slow
def test_the_temporary_folder_may_be_near_rust(monkeypatch):
    """Then evcxr alone does not start."""
    toolchain = launcher.sysroot()
    assert toolchain
    if toolchain.parts[:2] != Path.home().parts[:2]:
        pytest.skip("Rust is not below the same top-level folder as the user's home")
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        assert get_kernel.version_of(Path(kernel_command()[2])).startswith("evcxr")
        with start_kernel(tmp := Path(folder)) as kernel:
            assert kernel.run("std::env::temp_dir()")[0].data["text/plain"] == f'"{tmp}"'


def test_a_kernel_ends_with_its_client_even_if_that_is_killed(tmp_path):
    command = [sys.executable, "-c", CLIENT, str(REPOSITORY / "tools")]
    environment = dict(os.environ, TMPDIR=str(tmp_path))  # who is killed does not remove its files
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout and client.stdout.readline() == "runs\n"
        family = psutil.Process(client.pid).children(recursive=True)
        assert len(family) >= 3, "the launcher, evcxr and the process that runs cells"
        client.kill()
        _, left = psutil.wait_procs(family, timeout=60)
        for process in left:
            process.kill()
        assert left == []
