"""What several test files share, and the check that the tests leave no process behind."""

import os
import secrets

import psutil
import pytest

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
def no_process_is_left():
    """Fails when the tests are over and a process that they started still runs; ends that process."""
    mark = secrets.token_hex(8)
    os.environ[MARK] = mark
    yield
    # What was told to end may still need a moment to do so.
    _, left = psutil.wait_procs(marked_processes(mark), timeout=20)
    commands = [command_of(process) for process in left]
    for process in left:
        process.kill()
    if commands:
        pytest.fail("processes were left running:\n" + "\n".join(commands), pytrace=False)
