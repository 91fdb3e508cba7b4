"""A student's process: a Rust kernel that has no network, sees nothing of the course, and writes only into memory.

It runs the cells of a notebook and answers calls of the functions that they define. What it says is shown to the
student; what it is worth is decided elsewhere (judge.py).
"""

import json
import os
import platform
import queue
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import psutil

from kernel_client import kernel_command

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
SOCKET = "/tmp/answers.socket"
LONGEST_LINE = 4_000_000


class SandboxError(Exception):
    """The sandbox itself does not work: nobody's grade may depend on it."""


@dataclass
class Limits:
    """What a submission may use."""

    cell: float = 30  # seconds for a cell, compilation included
    check: float = 20  # seconds for all calls of one check
    submission: float = 600  # seconds for all cells and checks together
    memory: int = 2 * 1024**3  # bytes of memory, all processes together, files included
    disk: int = 1024**3  # bytes of files
    processes: int = 400  # processes and threads


@dataclass
class Ran:
    """What a cell did. `status`: ok, error, dead (the process ended), slow, big, or loud (it printed without end)."""

    status: str
    outputs: list[tuple[str, str]] = field(default_factory=list)


WORDS = {
    "dead": "the program ended while this ran (std::process::exit, a crash or too deep a recursion)",
    "slow": "this took longer than allowed, so it was stopped",
    "big": "this used more memory or processes than allowed, so it was stopped",
    "loud": "this printed more than allowed, so it was stopped",
}


def rust_home() -> tuple[Path, Path]:
    """The folder of the Rust toolchain and cargo's folder of downloaded crates."""
    sysroot = subprocess.run(
        ["rustc", "--print", "sysroot"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    cargo_home = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    return Path(sysroot.stdout.strip()), Path(cargo_home) / "registry"


# By machine: its number in seccomp, and the numbers of the system calls that are refused there. Some give memory that
# no process is seen to have (memfd_create, memfd_secret, shmget). The others reach parts of the kernel that no program
# of a student needs (bpf, perf_event_open, userfaultfd, io_uring_setup, keyctl, add_key, unshare, setns, mount).
REFUSED = {
    "x86_64": (0xC000003E, (319, 447, 29, 321, 298, 323, 425, 250, 248, 272, 308, 165)),
    "aarch64": (0xC00000B7, (279, 447, 194, 280, 241, 282, 425, 219, 217, 97, 268, 40)),
}


def system_call_filter() -> bytes | None:
    """A program for seccomp that refuses system calls (EPERM), or None on a machine whose numbers are not known.

    Its instructions are those of the Berkeley Packet Filter: see seccomp(2).
    """
    if platform.machine() not in REFUSED:
        return None
    machine, calls = REFUSED[platform.machine()]
    load, equal, above, give = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF0000, 0x00050001
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, machine),
        (give, 0, 0, refuse),
        (load, 0, 0, 0),
        (above, 0, 1, 0x40000000),
        (give, 0, 0, refuse),
    ]  # the first two: another machine's calls, and x32's
    for call in calls:
        program += [(equal, 0, 1, call), (give, 0, 0, refuse)]
    program.append((give, 0, 0, allow))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def visible(kernel: list[str]) -> list[str]:
    """All of this machine's files that a submission sees, read-only: programs and crates, nothing of the course."""
    sysroot, registry = rust_home()
    paths: list[str | Path] = [
        "/usr",
        "/bin",
        "/lib",
        "/lib64",
        "/etc/alternatives",
        "/etc/ld.so.cache",
        sys.prefix,
        sys.base_prefix,
        sysroot,
        registry,
        kernel[2],
        HERE / "runner.py",
        HERE / "evcxr.toml",
    ]
    paths += [
        REPOSITORY / name
        for name in (
            "Cargo.toml",
            "Cargo.lock",
            "src",
            "benches",
            "tools/kernel.py",
            "tools/kernel_client.py",
            "target/kernel",
            "notebooks/assignments/exercise",
        )
    ]
    return [str(path) for path in paths if os.path.exists(path)]


def bubblewrap(limits: Limits, socket_path: str | Path, kernel: list[str]) -> list[str]:
    """The command that puts a program into the sandbox."""
    if shutil.which("bwrap") is None:
        raise SandboxError(
            "bubblewrap (bwrap) is not installed, and student code is not run without it "
            "(Debian: apt install bubblewrap; to run it all the same: make grade SANDBOX=off)"
        )
    sysroot, registry = rust_home()
    command = [
        "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    for path in ("/tmp", "/home", "/dev/shm"):
        command += ["--size", str(limits.disk), "--tmpfs", path]
    for path in visible(kernel):
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        else:
            command += ["--ro-bind", path, path]
    environment = {
        "HOME": "/home",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "PATH": f"{sysroot}/bin:/usr/bin:/bin",
        "CARGO_HOME": str(registry.parent),
        "CARGO_NET_OFFLINE": "true",
        "EVCXR_CONFIG_DIR": str(HERE),
    }
    for name, value in environment.items():
        command += ["--setenv", name, value]
    return [*command, "--bind", str(socket_path), SOCKET, "--chdir", "/tmp"]


class Sandbox:
    """One process for one submission. Use it in a `with`; a sandbox that is no longer `alive` cannot be used again."""

    def __init__(self, limits: Limits, isolated: bool = True) -> None:
        self.limits, self.isolated = limits, isolated
        self.alive, self.ended = False, "dead"
        self.filter: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = tempfile.mkdtemp(prefix="zero-init-grade-")
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        path = Path(self.folder, "socket")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        kernel = kernel_command()
        runner = [sys.executable, str(HERE / "runner.py"), *kernel]
        # Without isolation the socket's path and the scratch folder are those of this machine.
        command = [*bubblewrap(self.limits, path, kernel), *runner] if self.isolated else runner
        self.socket_path = SOCKET if self.isolated else str(path)
        passed: tuple[int, ...] = ()
        if self.isolated and (program := system_call_filter()):
            self.filter = tempfile.TemporaryFile()  # noqa: SIM115  closed with the sandbox
            self.filter.write(program)
            self.filter.seek(0)
            passed = (self.filter.fileno(),)
            command = [command[0], "--seccomp", str(self.filter.fileno()), *command[1:]]
        self.process = subprocess.Popen(
            command,
            pass_fds=passed,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=dict(os.environ, TMPDIR=self.folder),
            start_new_session=True,
            preexec_fn=self._limit_process,  # noqa: PLW1509  it only makes two system calls
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.orders, self.replies, self.errors = self.process.stdin, self.process.stdout, self.process.stderr
        self.alive = True
        self.answers: queue.Queue[Ran | None] = queue.Queue(100)  # who floods it waits
        self.complaint = b""
        for work in (self._read, self._read_errors, self._watch):
            threading.Thread(target=work, daemon=True).start()
        if self._answer(time.monotonic() + 150).status != "ready":
            why = self.complaint.decode(errors="replace").strip().splitlines()
            raise SandboxError(f"the sandbox does not start: {why[-1] if why else 'no reason was given'}")

    def _limit_process(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.limits.disk, self.limits.disk))

    def _read(self) -> None:
        while line := self.replies.readline(LONGEST_LINE):
            try:
                answer = json.loads(line)
                self.answers.put(Ran(str(answer["status"]), [(str(a), str(b)) for a, b in answer.get("outputs", [])]))
            except (ValueError, KeyError, TypeError):
                break  # the runner writes nothing like this: someone else does
        self.answers.put(None)

    def _read_errors(self) -> None:
        while line := self.errors.readline(10_000):
            self.complaint = line

    def _watch(self) -> None:
        """Ends the sandbox when it uses too much. Limits that the system keeps would count each process alone.

        A process that starts another one is counted twice for a moment, since the new one begins as its copy. So only
        what is too much in two looks one after the other ends the sandbox.
        """
        was_too_much = False
        while self.alive:
            try:
                family = psutil.Process(self.process.pid).children(recursive=True)
            except psutil.Error:
                return
            memory = threads = 0
            for process in family:
                try:
                    with process.oneshot():
                        memory += process.memory_info().rss
                        threads += process.num_threads()
                except psutil.Error:
                    pass
            too_much = memory > self.limits.memory or threads > self.limits.processes
            if too_much and was_too_much:
                self._kill("big")
                return
            was_too_much = too_much
            time.sleep(0.1)

    def _kill(self, why: str) -> None:
        """Ends all processes of the sandbox. With bubblewrap they end with it; without, each has to be killed."""
        if self.alive:
            self.alive, self.ended = False, why
            try:
                family = psutil.Process(self.process.pid).children(recursive=True)
                os.killpg(self.process.pid, signal.SIGKILL)
            except (psutil.NoSuchProcess, ProcessLookupError):
                return  # it has ended; a kernel that it leaves behind notices that and ends, too
            for process in [] if self.isolated else family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=5)  # so that nothing is written any more into the folder, which goes next

    def _stop(self) -> None:
        if hasattr(self, "process"):
            self._kill("dead")
            self.process.kill()
            self.process.wait()
            for pipe in (self.orders, self.replies, self.errors):
                with suppress(OSError):
                    pipe.close()
        self.listener.close()
        if self.filter:
            self.filter.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answer(self, deadline: float) -> Ran:
        """The next answer of the runner. None in time, or none at all, ends the sandbox."""
        try:
            answer = self.answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            self._kill("slow")
            return Ran("slow")
        if answer is None:
            self._kill("dead")
            return Ran(self.ended)
        if answer.status in ("dead", "loud"):
            self._kill(answer.status)
        return answer

    def _order(self, source: str) -> None:
        try:
            self.orders.write(json.dumps({"run": source}).encode() + b"\n")
            self.orders.flush()
        except OSError:
            pass  # it has died: the missing answer tells

    def run(self, source: str) -> Ran:
        """Runs a cell."""
        self._order(source)
        return self._answer(time.monotonic() + self.limits.cell)

    def answer(self, signatures: list[str], judge: list[str]) -> tuple[Ran | None, str]:
        """Has the kernel answer calls of these functions while the command `judge` asks.

        Returns what went wrong, or None, and what the judge printed.
        """
        # In braces, since a line that begins with a colon would be a command; the colons, since the cells before may
        # define a module of the crate's name.
        self._order(f'{{ ::exercise::answer!("{self.socket_path}", {", ".join(signatures)}); }}')
        deadline = time.monotonic() + self.limits.cell
        self.listener.settimeout(0.05)
        while True:
            try:
                connection, _ = self.listener.accept()
                break
            except TimeoutError:
                pass
            if not self.answers.empty() or time.monotonic() > deadline:
                return self._answer(deadline), ""
        with connection:
            verdict = subprocess.Popen(
                judge, stdin=connection.fileno(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            try:
                said, _ = verdict.communicate(timeout=self.limits.check)
            except subprocess.TimeoutExpired:
                verdict.kill()
                verdict.communicate()
                self._kill("slow")
                return Ran("slow"), ""
        passed = verdict.returncode == 0 and said.endswith(b"passed\n")
        if not passed and not self.alive:
            return Ran(self.ended), ""
        # The judge has spoken; what happens to the process after that concerns the next cells only.
        self._answer(time.monotonic() + self.limits.check)
        return None, "passed" if passed else said.decode(errors="replace").strip()
