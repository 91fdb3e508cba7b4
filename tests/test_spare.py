"""Checks of the kernel that waits: to whom it is handed over, that it is as good as new, and that it never stays."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import types
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import websocket

import notebooks as nb
import spare
from conftest import free_port, serving

TOKEN = "the-token-of-a-test"
SECONDS = 240  # within which what is waited for comes
DEP = ":dep zero-init = { workspace = true }\nuse zero_init::prelude::*;"


def words(process: psutil.Process) -> list[str]:
    """The command of a process; nothing if it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Server:
    """A running Jupyter server, with settings and folders of its own."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        self.process = next(p for p in psutil.Process().children() if f"--port={port}" in words(p))

    def ask(self, what: str, **content):
        address = f"http://127.0.0.1:{self.port}/api/{what}?token={TOKEN}"
        with urllib.request.urlopen(address, json.dumps(content).encode(), timeout=SECONDS) as answer:
            return json.loads(answer.read() or b"null")

    def kernels(self) -> set[psutil.Process]:
        """The launchers of kernels that it has started, the one that waits included."""
        return {p for p in self.process.children() if any("kernel.py" in word for word in words(p))}

    def wait_for(self, number: int) -> set[psutil.Process]:
        """Returns the kernels when there are so many; there must never be more."""

        def found() -> set[psutil.Process]:
            kernels = self.kernels()
            assert len(kernels) <= number
            return kernels if len(kernels) == number else set()

        return wait_until(found)

    def wait_until_warm(self) -> None:
        """Returns when a kernel has been asked for a completion: its scratch crate then names the crates."""
        wait_until(lambda: any("zero-init" in path.read_text() for path in self.root.glob("tmp/*/ctx/Cargo.toml")))

    def start(self, folder=""):
        return Kernel(self, self.ask("kernels", path=folder + "/one.ipynb", name="rust")["id"])


class Kernel:
    """A kernel of the server, connected as JupyterLab does it."""

    def __init__(self, server: Server, id: str) -> None:
        self.server, self.id, self.session = server, id, uuid.uuid4().hex
        self.connect()

    def connect(self):
        address = f"ws://127.0.0.1:{self.server.port}/api/kernels/{self.id}/channels"
        self.socket = websocket.create_connection(f"{address}?token={TOKEN}&session_id={self.session}", timeout=SECONDS)

    def send(self, source: str) -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": self.session}
        header |= {"username": "", "version": "5.3", "date": ""}
        message = {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": []}
        self.socket.send(json.dumps(message | {"content": {"code": source, "silent": False}}))
        return header["msg_id"]

    def read(self):
        """The next message. The server's pings, too, are an occasion to see that none comes."""
        deadline = time.monotonic() + SECONDS
        while True:
            kind, data = self.socket.recv_data(control_frame=True)
            if kind == websocket.ABNF.OPCODE_TEXT:
                return json.loads(data)
            assert time.monotonic() < deadline, "no message has come"

    def run(self, source: str):
        """Runs a cell; returns its number, and what it has shown as text."""
        request, number, shown = self.send(source), None, ""
        while True:
            message = self.read()
            content, kind = message["content"], message["header"]["msg_type"]
            if message["parent_header"].get("msg_id") == request:
                if kind == "status" and content["execution_state"] == "idle":
                    return number, shown
                number = content.get("execution_count", number)
                shown += content.get("evalue") or content.get("data", {}).get("text/plain", "")


def answer(kernel):
    try:
        return kernel.run("1 + 1")
    except websocket.WebSocketTimeoutException:
        return None


def wait_until(true):
    deadline = time.monotonic() + SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def run_server(root: Path, **variables: str):
    port = free_port()
    for name in ("work/other", "config", "tmp"):
        (root / name).mkdir(parents=True)
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", f"--port={port}"]
    command.append(f"--IdentityProvider.token={TOKEN}")
    own = {name: str(root / "config") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    environment = dict(os.environ, JUPYTER_PREFER_ENV_PATH="1", TMPDIR=str(root / "tmp"), SPARE="on", **own) | variables
    address = f"http://127.0.0.1:{port}/api/status?token={TOKEN}"
    return port, serving(command, address, root / "log", cwd=root / "work", env=environment)


@pytest.fixture
def server(tmp_path):
    """A server with a kernel that waits."""
    port, running = run_server(tmp_path)
    with running:
        server = Server(tmp_path, port)
        server.wait_for(1)
        assert "one kernel is kept waiting" in (tmp_path / "log").read_text()
        yield server


@pytest.mark.slow
def test_a_kernel_that_waits_is_handed_over_as_good_as_new_and_restarted_into_the_next(server):
    server.wait_until_warm()
    waiting = server.kernels()
    kernel = server.start()
    assert server.kernels() == waiting
    number, shown = kernel.run("use zero_init::prelude::*;")
    assert number == nb.FIRST_COUNT and "cannot find" in shown  # it has the crates from nobody's cell
    assert kernel.run(DEP) == (nb.FIRST_COUNT + 1, "")
    assert kernel.run("let left_over = circles_train().samples(); left_over")[1] == "300"
    (following,) = server.wait_for(2) - waiting
    console = Kernel(server, kernel.id)
    server.ask(f"kernels/{kernel.id}/restart")
    for one in (kernel, console):  # JupyterLab connects anew when a connection has been closed
        wait_until(lambda one=one: one.socket.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_CLOSE)
        one.connect()
    assert server.kernels() == {following}
    number, shown = kernel.run("left_over")
    assert number == nb.FIRST_COUNT and "cannot find value" in shown
    assert console.run("1 + 1")[1] == "2"
    kernel.send("loop {}")
    server.ask(f"kernels/{kernel.id}/interrupt")
    wait_until(lambda: "Subprocess terminated" in kernel.read()["content"].get("evalue", ""))
    assert kernel.run("1 + 1")[1] == "2"


@pytest.mark.slow
def test_in_the_place_of_a_kernel_that_died_comes_a_new_one_to_which_jupyterlab_is_connected(server):
    (first,) = server.kernels()
    kernel = server.start()
    assert kernel.run("1 + 1")[1] == "2"
    (waiting,) = server.wait_for(2) - {first}
    first.kill()
    wait_until(lambda: len(server.kernels() - {first, waiting}) == 1)
    kernel.socket.settimeout(5)
    wait_until(lambda: answer(kernel))  # evcxr loses what comes before it is ready
    assert waiting in server.kernels()


@pytest.mark.slow
def test_one_who_wants_something_else_gets_a_new_kernel(server):
    (first,) = server.kernels()
    kernel = server.start("other")
    assert first not in psutil.wait_procs([first], timeout=SECONDS)[1]
    assert kernel.run('std::env::current_dir()?.ends_with("other")')[1] == "true"
    # The next one waits for the same folder; but then its settings change.
    (own,) = server.kernels()
    (waiting,) = server.wait_for(2) - {own}
    assert waiting.cwd() == own.cwd()
    (server.root / "work" / "other" / "evcxr.toml").write_text("[evcxr]\nprelude = 'let mine = 7;'\n")
    assert server.start("other").run("mine")[1] == "7"
    assert waiting not in psutil.wait_procs([waiting], timeout=SECONDS)[1]


@pytest.mark.slow
def test_of_two_at_once_one_gets_the_kernel_that_waits(server):
    waiting = server.kernels()
    with ThreadPoolExecutor() as pool:
        kernels = list(pool.map(lambda _: server.start(), range(2)))
    assert len(server.kernels()) == 2 and waiting < server.kernels()
    assert [kernel.run("1 + 1") for kernel in kernels] == [(nb.FIRST_COUNT, "2")] * 2


@pytest.mark.parametrize("how", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL])
def test_a_kernel_that_waits_ends_with_its_server_even_if_that_is_killed(tmp_path, how):
    port, running = run_server(tmp_path)
    with running:
        server = Server(tmp_path, port)
        (waiting,) = server.wait_for(1)
        wait_until(waiting.children)  # it looks after its server by then
        family = [waiting, *waiting.children(recursive=True)]
        server.process.send_signal(how)
        assert psutil.wait_procs(family, timeout=SECONDS)[1] == []
        assert list(tmp_path.glob("tmp/zero-init-kernel-*")) == []


@pytest.mark.parametrize("error", [RuntimeError, None], ids=["an error", "no end"])
def test_a_kernel_that_jupyter_does_not_end_ends_all_the_same(monkeypatch, error):
    async def shutdown_kernel():
        if error:
            raise error
        await asyncio.Event().wait()

    process = subprocess.Popen(["sleep", "999"])
    monkeypatch.setattr(spare, "process_of", lambda _: process)
    monkeypatch.setattr(spare, "END_SECONDS", 0.1)
    manager: Any = types.SimpleNamespace(shutdown_kernel=shutdown_kernel)
    asyncio.run(spare.end(manager))
    assert process.wait(SECONDS) == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.parametrize("spare", ["on", "off"])
def test_jupyterlab_is_told_of_a_kernel_when_it_can_answer(tmp_path, spare):
    """A kernel answers when it has run its prelude, not before. What is asked earlier can end it: see spare.py."""
    port, running = run_server(tmp_path, SPARE=spare)
    prelude = 'std::fs::write("ready", "")?;'
    (tmp_path / "work" / "evcxr.toml").write_text(f"[evcxr]\nprelude = '{prelude}'\n")
    with running:
        server = Server(tmp_path, port)
        if spare == "on":
            server.wait_for(1)
        server.ask("kernels", path="one.ipynb", name="rust")  # and is not connected: that would wait as well
        assert (tmp_path / "work" / "ready").exists()


@pytest.mark.slow
@pytest.mark.parametrize("variables", [{"SPARE": "off"}, {"JUPYTERHUB_USER": "someone"}])
def test_it_can_be_switched_off_and_is_on_a_hub(tmp_path, variables):
    port, running = run_server(tmp_path, **variables)
    with running:
        server = Server(tmp_path, port)
        wait_until(lambda: "is running at" in (tmp_path / "log").read_text())
        assert server.start().run("1 + 1")[1] == "2"
        assert "kept waiting" not in (tmp_path / "log").read_text() and len(server.kernels()) == 1
