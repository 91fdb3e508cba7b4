"""Checks of how the set-up comes to a kernel without building it: what is there, `cargo binstall`, the release file.

Releases come from a server on this machine, `cargo binstall` is a stand-in, and so are most kernels: a program that
answers as the kernel does when it is asked what it is.
"""

import contextlib
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import psutil
import pytest

import get_kernel
from conftest import REPOSITORY, free_port
from kernel_client import stock_command

VERSION = "1.2.3"
TARGET = "x86_64-unknown-linux-gnu"
STEM = f"evcxr_jupyter-v{VERSION}-{TARGET}"
FILE = f"v{VERSION}/{STEM}.tar.gz"

KERNEL = f"""\
#!{sys.executable}
import json, sys, zmq
from jupyter_client.session import Session
connection = json.load(open(sys.argv[2]))
shell = zmq.Context().socket(zmq.ROUTER)
shell.bind("tcp://127.0.0.1:%d" % connection["shell_port"])
session = Session(key=connection["key"].encode())
clients, request = session.recv(shell, 0)
content = {{"implementation": "NAME", "implementation_version": "NUMBER"}}
session.send(shell, "kernel_info_reply", content, parent=request, ident=clients)
shell.recv_multipart()
"""
TOO_NEW = "#!/bin/sh\necho \"$0: /lib/libc.so.6: version 'GLIBC_2.99' not found (required by $0)\" >&2\nexit 1\n"


def kernel(version=VERSION, name="evcxr_jupyter"):
    return KERNEL.replace("NAME", name).replace("NUMBER", version)


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def archive(*members):
    """A release file with these members: names and contents, or whole entries."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                entry = tarfile.TarInfo(member[0])
                entry.size, entry.mode = len(member[1]), 0o4755
                tar.addfile(entry, io.BytesIO(member[1].encode()))
    return file.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


class Server(http.server.ThreadingHTTPServer):
    """Serves files from a dictionary. What is a function writes its answer itself."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked, self.let_go = {}, [], threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
        elif callable(content):
            content(self)
        else:
            self.answer(content, len(content))

    def answer(self, content, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def user(tmp_path, monkeypatch, server):
    """A user who has nothing, on a machine whose releases come from the server."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CARGO_HOME", raising=False)
    monkeypatch.setenv("KERNEL_URL", server.address)
    monkeypatch.delenv("KERNEL_SHA256", raising=False)
    monkeypatch.setattr(get_kernel, "SUMS", tmp_path / "kernel.sha256")
    monkeypatch.setattr(get_kernel.platform, "system", lambda: "Linux")
    monkeypatch.setattr(get_kernel.platform, "machine", lambda: "x86_64")
    (tmp_path / "kernel.sha256").write_text("# none\n")
    return tmp_path


def find(user, **options):
    return get_kernel.find(VERSION, user / "data", **options)


def trust(user, content):
    (user / "kernel.sha256").write_text(f"# sums\n{hashlib.sha256(content).hexdigest()}  {STEM}.tar.gz\n")


def nothing_is_left(user):
    return not [path for path in (user / "data").rglob("*") if path.name not in ("bin", "evcxr_jupyter", "kernel.json")]


# --- What is there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["bin", ".cargo/bin", "data/bin"])
def test_a_kernel_that_is_there_is_taken_however_it_came(user, capsys, server, place):
    program = put(user / place / "evcxr_jupyter", kernel())
    assert find(user, only_what_is_there=True) == program
    assert capsys.readouterr().err == "" and not server.asked


def test_a_kernel_is_asked_once_as_long_as_it_is_the_same(user, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(get_kernel, "check", lambda program, wanted: asked.append(program))
    program = put(user / "bin" / "evcxr_jupyter", kernel())
    assert [find(user), find(user)] == [program] * 2 and len(asked) == 1
    put(program, kernel() + "# another file\n")
    assert find(user) == program and len(asked) == 2
    monkeypatch.setattr("test_get_kernel.VERSION", "1.2.4")
    assert find(user) == program and len(asked) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (kernel("1.2.2"), "it is evcxr_jupyter 1.2.2"),
        (kernel(VERSION, "another_kernel"), f"it is another_kernel {VERSION}"),
        ("#!/bin/sh\nexit 0\n", "it ends at once: it says nothing"),
        ("#!/bin/sh\necho 'no such option' >&2; exit 2\n", "it ends at once: no such option"),
        ("#!/bin/sh\nkill -SEGV $$\n", "it ends at once"),
        (TOO_NEW, "GLIBC_2.99' not found"),
        ("#!/bin/sh\nsleep 600 & sleep 600\n", "it does not answer"),
        ("\x7fELF and no more", "it does not start: Exec format error"),
    ],
)
def test_another_program_of_that_name_is_not_taken(user, capsys, monkeypatch, text, said):
    other = put(user / "bin" / "evcxr_jupyter", text)
    good = put(user / ".cargo" / "bin" / "evcxr_jupyter", kernel())
    if "not answer" in said:
        ask = get_kernel.version_of

        def impatient(program):
            monkeypatch.setattr(get_kernel, "LISTEN_SECONDS", 0.5 if program == other else 60.0)
            return ask(program)

        monkeypatch.setattr(get_kernel, "version_of", impatient)
    children = set(psutil.Process().children(recursive=True))
    assert find(user) == good
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"zero-init: {user}/bin/evcxr_jupyter is not taken: "), lines
    assert said in lines[0]
    assert set(psutil.Process().children(recursive=True)) == children


def test_a_kernel_that_listens_and_stays_silent_is_given_up(user, capsys, monkeypatch):
    monkeypatch.setattr(get_kernel, "REPLY_SECONDS", 0.5)
    monkeypatch.setattr(get_kernel, "LISTEN_SECONDS", 60.0)
    silent = kernel().replace("clients, request = ", "import time; time.sleep(600); ")
    put(user / "bin" / "evcxr_jupyter", silent)
    assert find(user, only_what_is_there=True) is None
    assert "does not answer" in capsys.readouterr().err


def test_asking_leaves_the_users_own_settings_alone(user):
    """A kernel of another version would rewrite the user's kernelspec, and every one runs the user's own settings."""
    text = kernel().replace("import json, sys, zmq", "import json, os, sys, zmq")
    told = 'json.dump({**os.environ, "cwd": os.getcwd()}, open(os.environ["HOME"] + "/told", "w"))\n'
    put(user / "bin" / "evcxr_jupyter", text.replace("connection =", f"{told}connection ="))
    assert find(user)
    variables = json.loads((user / "told").read_text())
    folder = Path(variables["cwd"])
    assert {Path(variables[name]) for name in ("JUPYTER_PATH", "EVCXR_CONFIG_DIR", "EVCXR_TMPDIR")} == {folder}
    assert not folder.exists()


# --- The release file ------------------------------------------------------------------------------------------------


def test_a_release_file_is_taken(user, capsys, server):
    content = archive((f"{STEM}/evcxr_jupyter", kernel()))
    server.files[FILE] = content
    trust(user, content)
    program = find(user)
    assert program == user / "data" / "bin" / "evcxr_jupyter" and capsys.readouterr().err == ""
    assert program.stat().st_mode & 0o7777 == 0o755  # the mode in the archive has the bit that changes the user
    assert nothing_is_left(user)
    assert find(user) == program and len(server.asked) == 1


@pytest.mark.parametrize("given", ["the sum", "unchecked", "a wrong sum"])
def test_the_user_can_say_what_the_sum_is(user, capsys, server, monkeypatch, given):
    content = server.files[FILE] = archive((f"{STEM}/evcxr_jupyter", kernel()))
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setenv("KERNEL_SHA256", {"the sum": digest.upper(), "a wrong sum": "0" * 64}.get(given, given))
    assert (find(user) is None) == (given == "a wrong sum")
    assert ("has another SHA-256 than it must have" in capsys.readouterr().err) == (given == "a wrong sum")


def test_without_a_sum_nothing_is_fetched(user, capsys, server):
    server.files[FILE] = archive((f"{STEM}/evcxr_jupyter", kernel()))
    assert find(user) is None and not server.asked
    assert "its SHA-256 is not known here; KERNEL_SHA256=… gives it" in capsys.readouterr().err


WHOLE = archive((f"{STEM}/evcxr_jupyter", kernel()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (WHOLE[:-200], "is damaged"),
        (b"<html>", "is damaged"),
        (lambda handler: handler.answer(WHOLE[:-200], len(WHOLE)), "closed"),
        (lambda handler: handler.send_error(503), "answers 503"),
        (None, "answers 404"),
        (archive((f"{STEM}/evcxr_jupyter", kernel("1.2.2"))), "it is evcxr_jupyter 1.2.2"),
        (archive((f"{STEM}/evcxr_jupyter", TOO_NEW)), "GLIBC_2.99' not found"),
        (archive((f"{STEM}/another", kernel())), f"has no file {STEM}/evcxr_jupyter"),
        (archive((f"../{STEM}/evcxr_jupyter", kernel())), f"has no file {STEM}/evcxr_jupyter"),
        (archive(link(f"{STEM}/evcxr_jupyter", "/bin/sh")), "has a link or a folder where the kernel must be"),
        (archive(link(f"{STEM}/evcxr_jupyter", f"{STEM}/x", tarfile.LNKTYPE)), "has a link or a folder"),
    ],
)
def test_another_release_file_is_not_taken(user, capsys, server, monkeypatch, content, said):
    monkeypatch.setenv("KERNEL_SHA256", "unchecked")  # what is found must not need the sum
    server.files[FILE] = content
    before = put(user / "data" / "bin" / "evcxr_jupyter", kernel("0.0.1")).read_text()
    assert find(user) is None
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and lines[1].startswith("zero-init: the release file is not taken: "), lines
    assert said in lines[1]
    assert nothing_is_left(user) and (user / "data" / "bin" / "evcxr_jupyter").read_text() == before


def test_paths_and_links_of_an_archive_lead_nowhere(user, server, monkeypatch):
    monkeypatch.setenv("KERNEL_SHA256", "unchecked")
    server.files[FILE] = archive(
        ("../../escaped", "x"),
        (f"{user}/absolute", "x"),
        link(f"{STEM}", str(user / "elsewhere")),
        (f"{STEM}/evcxr_jupyter", kernel()),
        (f"{STEM}/another", "x"),
    )
    assert find(user)
    assert nothing_is_left(user)
    assert {path.name for path in user.iterdir()} == {"data", "kernel.sha256"}


def test_without_a_network_the_next_way_is_tried(user, capsys, monkeypatch):
    monkeypatch.setenv("KERNEL_SHA256", "unchecked")
    monkeypatch.setenv("KERNEL_URL", f"http://127.0.0.1:{free_port()}")
    assert find(user) is None
    assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize("sent", [None, WHOLE[:100]], ids=["nothing", "a little"])
def test_a_download_that_brings_no_data_is_given_up(user, capsys, server, monkeypatch, sent):
    """The server stays silent for longer than the client is patient: if that ends first, this fails."""
    monkeypatch.setenv("KERNEL_SHA256", "unchecked")
    monkeypatch.setattr(get_kernel, "STALL_SECONDS", 0.3)

    def stall(handler):
        if sent:
            handler.answer(sent, len(WHOLE))
        server.let_go.wait()

    server.files[FILE] = stall
    too_late = threading.Timer(30, server.let_go.set)
    too_late.start()
    found = find(user)
    too_late.cancel()
    assert found is None and not server.let_go.is_set() and "timed out" in capsys.readouterr().err


def test_a_machine_without_a_release_file_asks_nobody(user, capsys, server, monkeypatch):
    monkeypatch.setattr(get_kernel.platform, "machine", lambda: "riscv64")
    assert find(user) is None and not server.asked
    assert "there is none for Linux on riscv64" in capsys.readouterr().err


# --- cargo binstall --------------------------------------------------------------------------------------------------


def put_binstall(user, script):
    """A `cargo` that knows binstall, by a script with the folder in $root. It notes what it was told."""
    put(user / "bin" / "cargo-binstall", "#!/bin/sh\n")
    note = 'echo "$*" >> "$HOME/told"; while [ "$1" != --root ]; do shift; done; root="$2"\n'
    put(user / "bin" / "cargo", f"#!/bin/sh\n{note}{script}\n")


def test_cargo_binstall_comes_before_the_release_file(user, capsys, server):
    put(user / "kernel", kernel())
    put_binstall(user, 'mkdir -p "$root/bin"; cp "$HOME/kernel" "$root/bin/evcxr_jupyter"; touch "$root/.crates.toml"')
    assert find(user) == user / "data" / "bin" / "evcxr_jupyter"
    assert capsys.readouterr().err == "" and not server.asked and nothing_is_left(user)
    told = (user / "told").read_text().split()
    assert told[:2] == ["binstall", "-y"] and told[-1] == f"evcxr_jupyter@{VERSION}"
    assert told[told.index("--disable-strategies") + 1] == "compile"  # building is the set-up's


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'ERROR no release' >&2; exit 76", "ERROR no release"),
        ("exit 0", "it does not start: No such file"),
        ('mkdir "$root/bin"; echo "#!/bin/sh" > "$root/bin/evcxr_jupyter"', "it does not start: Permission denied"),
        ("sleep 600", "it takes too long"),
    ],
)
def test_if_cargo_binstall_fails_the_release_file_is_taken(user, capsys, server, monkeypatch, script, said):
    if "long" in said:
        monkeypatch.setattr(get_kernel, "BINSTALL_SECONDS", 0.5)
    put_binstall(user, script)
    server.files[FILE] = WHOLE
    trust(user, WHOLE)
    assert find(user) == user / "data" / "bin" / "evcxr_jupyter"
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("zero-init: what cargo binstall brings is not taken: ") and said in lines[0], lines


# --- As the set-up calls it ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_real_kernel_is_fetched_and_recognised(tmp_path, server):
    """The kernel of this machine, as a release file."""
    program = Path(stock_command()[0])
    version = get_kernel.version_of(program).split()[1]
    stem = f"evcxr_jupyter-v{version}-{get_kernel.TARGETS[get_kernel.platform.system(), get_kernel.platform.machine()]}"
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        tar.add(program, f"{stem}/evcxr_jupyter")
    server.files[f"v{version}/{stem}.tar.gz"] = file.getvalue()
    # The cargo that it needs to start must not have it beside it.
    (tmp_path / "bin").mkdir()
    for name in ("cargo", "rustc"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    environment = dict(
        os.environ,
        PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin",
        HOME=str(tmp_path),
        CARGO_HOME=str(tmp_path / "cargo"),
        RUSTUP_HOME=os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
        KERNEL_URL=server.address,
        KERNEL_SHA256=hashlib.sha256(file.getvalue()).hexdigest(),
    )
    command = [sys.executable, str(REPOSITORY / "tools" / "get_kernel.py"), version, str(tmp_path / "data")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, f"{tmp_path}/data/bin/evcxr_jupyter\n"), run.stderr
    assert run.stderr == ""


def test_ended_while_it_asks_it_ends_what_it_asks(tmp_path):
    note = 'import os, time; print(os.getpid(), file=open(os.environ["HOME"] + "/started", "w"), flush=True)'
    silent = kernel().replace("\ncontent =", f"\n{note}; time.sleep(600)\ncontent =")  # it has got the question
    put(tmp_path / "bin" / "evcxr_jupyter", silent)
    environment = dict(
        os.environ, PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", HOME=str(tmp_path), CARGO_HOME=str(tmp_path)
    )
    command = [sys.executable, str(REPOSITORY / "tools" / "get_kernel.py"), VERSION, str(tmp_path / "data"), "--found"]
    asking = subprocess.Popen(command, env=environment)
    started = tmp_path / "started"
    while not (started.exists() and started.read_text().endswith("\n")):
        assert asking.poll() is None
        time.sleep(0.01)
    kernel_process = psutil.Process(int(started.read_text()))
    asking.terminate()
    assert asking.wait(timeout=60) == 143
    with contextlib.suppress(psutil.NoSuchProcess):
        kernel_process.wait(timeout=60)
