"""What several test files share, and the check that the tests leave no process behind."""

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, sync_playwright

import browser as chromium

REPOSITORY = Path(__file__).resolve().parent.parent

# In CI, a test that lacks something fails; elsewhere it is skipped.
IN_CI = "ZERO_INIT_CI" in os.environ

# Whether the tests marked `slow` run. A newcomer's `make test` leaves them to CI.
ALL = IN_CI or "ALL" in os.environ

# Every process that a test starts inherits this variable, and keeps it when its parent ends.
MARK = "ZERO_INIT_TEST_RUN"


def marked_processes(mark: str) -> list[psutil.Process]:
    """The processes, other than this one, that were started with this value of the variable MARK."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
        except psutil.Error:
            pass  # it has ended, or belongs to another user
    return found


def command_of(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid}"


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Fails when the tests are over and a process that they started still runs; ends that process."""
    mark = secrets.token_hex(8)
    os.environ[MARK] = mark
    os.environ["SPARE"] = "off"  # a JupyterLab has a kernel waiting only where a test is about that
    yield
    # What was told to end may still need a moment to do so.
    _, left = psutil.wait_procs(marked_processes(mark), timeout=20)
    commands = [command_of(process) for process in left]
    for process in left:
        process.kill()
    if commands:
        pytest.fail("processes were left running:\n" + "\n".join(commands), pytrace=False)


# What takes longest comes first, so that at the end no worker runs alone for long.
LONGEST = ["test_notebooks", "test_grading", "test_lab", "test_kernel", "test_play", "test_sandbox", "test_site"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
    for item in items:
        if item.get_closest_marker("slow") and not ALL:
            item.add_marker(pytest.mark.skip(reason="left to CI; ALL=1 make test runs it"))


def report(problems: list[str]) -> None:
    """Fails with these problems, if there are any."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def free_port() -> int:
    """The number of a port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(command: list[str], address: str, log: Path, **options: Any) -> Iterator[None]:
    """Has a server running that answers at this address; it ends with all that it started."""
    with log.open("w", encoding="utf-8") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, **options)
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(address, timeout=10).close()
                    break
                except OSError:
                    assert server.poll() is None, log.read_text(encoding="utf-8")
                    time.sleep(0.25)
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        why = f"no browser: none of {', '.join(chromium.BROWSERS)} is there"
        pytest.fail(why) if IN_CI else pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield browser
        browser.close()


def violations(page: Page, part: str = "html", only: list[str] | None = None) -> list[str]:
    """What axe finds in a part of a page: it knows rules for contrast, names, headings and the keyboard.

    With `only`, no other rules than these are asked for.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(Path(AXE_FILE_PATH).read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"]} | ({"runOnly": only} if only else {})
    found = page.evaluate("async ([part, options]) => (await axe.run(part, options)).violations", [part, options])
    return [f"{one['id']}: {node['html'][:100]}" for one in found for node in one["nodes"]]
