"""A student's process: a Rust kernel that has no network, sees nothing of the course, and writes only into memory.

It runs the cells of a notebook and answers calls of the functions that they define. What it says is shown to the
student; what it is worth is decided elsewhere (judge.py).

What takes too long is decided by a clock of its own: it runs while the sandbox uses a processor (twice as fast on two)
and while all of it sleeps, but not while it waits for its turn on a busy machine. So neighbours cost nobody points. The
clock on the wall is the last end only, ten times later, and then `Ran.by_wall_clock` says so.
"""

import functools
import itertools
import json
import os
import platform
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import psutil

import kernel
from kernel_client import kernel_command

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
SOCKET = "/tmp/answers.socket"
LONGEST_ANSWER = 500_000  # bytes: the runner keeps 15 000 characters of what a cell prints
MOST_OUTPUTS = 100
LONGEST_VERDICT = 20_000  # bytes
PAGE = os.sysconf("SC_PAGE_SIZE")
AT_DISK = 5.0  # seconds: by so much may waiting for a disk exceed all other time before it counts as sleep
LOOK = 0.1  # seconds between two looks at what a sandbox uses
MAPPINGS_EVERY = 10  # looks: a compiler has many mappings, and to read them takes time
START_SECONDS = 150
NEVER = float("inf")

# What the kernel keeps at the most for a file beside its content, and for a socket.
FILE_BYTES, SOCKET_BYTES = 5_000, 250_000
# What it keeps for the mappings of a process's memory: some 200 bytes for each, which has a line of at least 50 letters
# in /proc/PID/maps; and for 65 530 of them, the most that a process can have.
BYTES_A_LETTER_OF_MAPS, MOST_BYTES_OF_MAPPINGS = 4, 15_000_000
user_numbers = itertools.count()


class SandboxError(Exception):
    """The sandbox itself does not work: nobody's grade may depend on it."""


@dataclass
class Limits:
    """What a submission may use. Seconds are those of the sandbox's clock."""

    cell: float = 30  # seconds for a cell, compilation included
    check: float = 20  # seconds for all calls of one check
    submission: float = 600  # seconds for all cells and checks together
    memory: int = 2 * 1024**3  # bytes of memory, all processes together, files included
    disk: int = 1024**3  # bytes of files
    processes: int = 400  # processes and threads
    judge_memory: int = 1024**3  # bytes of memory for the judge, which reads what a submission returns


def clean(text: object) -> str:
    """As a text that can be written to a file: JSON may hold halves of characters."""
    return str(text).encode(errors="replace").decode()


def wall_clock(seconds: float) -> float:
    """The last end of what may take so long by the sandbox's clock."""
    return max(120.0, 10 * seconds)


@dataclass
class Used:
    """What one submission has used, all its sandboxes together."""

    cpu: float = 0  # seconds of processor time
    asleep: float = 0  # seconds in which nothing of it ran or waited for a processor
    wall: float = 0  # seconds on the wall
    memory: int = 0  # bytes, at the most

    @property
    def seconds(self) -> float:
        return self.cpu + self.asleep


@dataclass
class Ran:
    """What a cell did. `status`: ok, error, dead (the process ended), slow, big, or loud (it printed without end)."""

    status: str
    outputs: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0  # by the sandbox's clock
    by_wall_clock: bool = False  # slow, perhaps for no other reason than that the machine is busy


WORDS = {
    "dead": "the program ended while this ran (std::process::exit, a crash or too deep a recursion)",
    "slow": "this took longer than allowed, so it was stopped",
    "big": "this used more memory or processes than allowed, so it was stopped",
    "loud": "this printed more than allowed, so it was stopped",
}


@functools.cache
def rust_home() -> tuple[Path, Path]:
    """The folder of the Rust toolchain and cargo's folder of downloaded crates."""
    sysroot = subprocess.run(
        ["rustc", "--print", "sysroot"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    cargo_home = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    return Path(sysroot.stdout.strip()), Path(cargo_home) / "registry"


def compiler(crates: list[str]) -> list[str] | None:
    """The command that compiles a program with these crates, as kernels do.

    None if `make setup` has not compiled the crates as they are now.
    """
    sysroot, _ = rust_home()
    command = [f"{sysroot}/bin/rustc", "--edition=2024", f"-Copt-level={kernel.CELL_OPT_LEVEL}"]
    command += ["-Ccodegen-units=16", "-Cstrip=debuginfo"]
    command += ["-Cdebug-assertions=off", "-Coverflow-checks=off"]  # by evcxr.toml
    for crate in crates:
        name = crate.replace("-", "_")
        found = list((kernel.PREPARED / kernel.key(sysroot)).rglob(f"deps/lib{name}-*.rlib"))
        if len(found) != 1:
            return None
        command += ["--extern", f"{name}={found[0]}", f"-Ldependency={found[0].parent}"]
    return command


# --- System calls ----------------------------------------------------------------------------------------------------

# By machine: its number in seccomp, and which of a pair of numbers below is its.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# System calls that are refused, with their numbers on x86_64 and aarch64.
REFUSED = {
    # New namespaces and mounts (clone has a rule of its own), and files by their number instead of their name.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # Memory that no process is seen to have. A message can carry open files, which nobody holds then.
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    "io_setup": (206, 0),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    # Parts of the kernel, and other processes, that no program of a student needs.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "syslog": (103, 116),
    # A file that two sandboxes see would tell the one what the other does with it.
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "mincore": (27, 232),
    "preadv2": (327, 286),
    "fadvise64": (221, 223),
}
# It is only said that these were done. Locks of files would be a signal from one sandbox to another, and rustc and
# cargo, which take them, are alone here. Without sessions of its own a sandbox is one group to the scheduler.
PRETENDED = {"flock": (73, 32), "setsid": (112, 157)}
CLONE, SOCKET_CALL, SOCKETPAIR, SETSOCKOPT, FCNTL, MMAP = (56, 220), (41, 198), (53, 199), (54, 208), (72, 25), (9, 222)
# Memory that is shared with nobody, MAP_SHARED | MAP_ANONYMOUS, can be held without being seen in any process.
SHARED_ANONYMOUS = 0x21
NEW_NAMESPACES = 0x7E020000
# All of F_DUPFD to F_SETFL, F_DUPFD_CLOEXEC, and the owners of a file's signals. F_SETLK, F_SETLKW and the same two of
# open files are pretended, too. No other is needed; some (leases, hints) would be signals.
FCNTL_ALLOWED, FCNTL_PRETENDED = (0, 1, 2, 3, 4, 8, 9, 1030, 1032), (6, 7, 37, 38)
# Larger buffers, and filters, are memory, too: SO_SNDBUF, SO_RCVBUF, the same by force, and SO_ATTACH_*.
SOCKET_OPTIONS = (7, 8, 32, 33, 26, 50, 51, 52)
UNIX, INET, STREAM, PACKETS = 1, 2, 1, 5
# From here on numbers are the same on all machines: io_uring, open_tree, fsopen, fsconfig, move_mount, clone3,
# memfd_secret, and what later kernels bring. "There is no such call" makes programs do as on an earlier kernel.
NEW_CALLS = 424

ALLOW, ERROR, NOT_PERMITTED, NO_SUCH_CALL = 0x7FFF0000, 0x00050000, 1, 38
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, GIVE = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06

Instruction = tuple[int, int, int, int]


def when(condition: list[Instruction], then: list[Instruction]) -> list[Instruction]:
    """These instructions after a last one that jumps over them if it does not hold."""
    code, _, _, value = condition[-1]
    return [*condition[:-1], (code, 0, len(then), value), *then]


def argument(number: int) -> Instruction:
    """Loads the low half of a system call's argument."""
    return LOAD, 0, 0, 16 + 8 * number


def equal(value: int) -> Instruction:
    return EQUAL, 0, 0, value


def give(answer: int) -> list[Instruction]:
    return [(GIVE, 0, 0, answer)]


REFUSE, PRETEND = give(ERROR | NOT_PERMITTED), give(ERROR)


def system_call_filter() -> bytes:
    """A program for seccomp, in instructions of the Berkeley Packet Filter, that refuses system calls: see seccomp(2).

    Refuses to be made on a machine whose numbers are not known.
    """
    if platform.machine() not in MACHINES:
        raise SandboxError(f"student code is not run on a processor of this kind ({platform.machine()})")
    machine, own = MACHINES[platform.machine()]

    def call(pair: tuple[int | None, int | None], then: list[Instruction]) -> list[Instruction]:
        number = pair[own]
        return [] if number is None else when([equal(number)], then)

    def one_of(values: tuple[int, ...], then: list[Instruction]) -> list[Instruction]:
        return [one for value in values for one in when([equal(value)], then)]

    stream = when([argument(1), (AND, 0, 0, 0xF), equal(STREAM)], give(ALLOW))
    packets = when([equal(PACKETS)], give(ALLOW))
    program = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, machine),
        *REFUSE,
        (LOAD, 0, 0, 0),
        *when([(AT_LEAST, 0, 0, 0x40000000)], REFUSE),  # another set of calls of x86_64
        *when([(AT_LEAST, 0, 0, NEW_CALLS)], give(ERROR | NO_SUCH_CALL)),
        *call(CLONE, [argument(0), *when([(ANY_BIT, 0, 0, NEW_NAMESPACES)], REFUSE), *give(ALLOW)]),
        *call(
            MMAP,
            [
                argument(3),
                *when([(AND, 0, 0, SHARED_ANONYMOUS), equal(SHARED_ANONYMOUS)], REFUSE),
                *give(ALLOW),
            ],
        ),
        *call(SOCKET_CALL, [argument(0), *one_of((UNIX, INET), stream), *REFUSE]),
        *call(SOCKETPAIR, [argument(0), *when([equal(UNIX)], [*stream, *packets]), *REFUSE]),
        *call(
            SETSOCKOPT,
            [argument(1), *when([equal(1)], [argument(2), *one_of(SOCKET_OPTIONS, REFUSE)]), *give(ALLOW)],
        ),
        *call(
            FCNTL,
            [argument(1), *one_of(FCNTL_ALLOWED, give(ALLOW)), *one_of(FCNTL_PRETENDED, PRETEND), *REFUSE],
        ),
    ]
    for answer, calls in ((REFUSE, REFUSED), (PRETEND, PRETENDED)):
        for pair in calls.values():
            program += call(pair, answer)
    program += give(ALLOW)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


# --- Files and users -------------------------------------------------------------------------------------------------


def visible(kernel_program: str) -> list[str]:
    """All of this machine's files that a submission sees, read-only: programs and crates, nothing of the course."""
    sysroot, registry = rust_home()
    paths: list[str | Path] = ["/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"]
    # No more of Python's folders than it needs: JupyterLab keeps its server's secrets in .venv.
    for python in dict.fromkeys([sys.prefix, sys.base_prefix]):
        paths += [Path(python, name) for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    paths += [sysroot, registry, kernel_program, HERE / "runner.py", HERE / "run_program.py", HERE / "evcxr.toml"]
    paths += [
        REPOSITORY / name
        for name in (
            "Cargo.toml",
            "Cargo.lock",
            "src",
            "benches",
            "tools/kernel.py",
            "tools/kernel_client.py",
            "notebooks/evcxr.toml",
            "target/kernel",
            "notebooks/assignments/exercise",
        )
    ]
    return [str(path) for path in paths if os.path.exists(path)]


def own_user() -> int | None:
    """The number of an unprivileged user for the sandbox, if this process is root; else None.

    The kernel's settings belong to root, whatever it is called in a namespace of users. A number that no other sandbox
    has at the time makes the limits that the kernel keeps for each user limits of the sandbox.
    """
    if os.geteuid() != 0:
        return None
    mine = 0x70000000 + os.getpid() * 64 + next(user_numbers) % 64
    # Where this machine is a container, it may not have these numbers.
    known = [line.split() for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()]
    for user in (mine, 65534):
        if any(int(first) <= user < int(first) + int(count) for first, _, count in known):
            return user
    raise SandboxError("student code is not run as root, and this machine has no other user to run it as")


def bubblewrap(limits: Limits, socket_path: str | Path, kernel_program: str) -> list[str]:
    """The command that puts a program into the sandbox."""
    if shutil.which("bwrap") is None:
        raise SandboxError(
            "bubblewrap (bwrap) is not installed, and student code is not run without it "
            "(Debian: apt install bubblewrap; to run it all the same: make grade SANDBOX=off)"
        )
    sysroot, registry = rust_home()
    command = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # Root reaches the files, which another user need not, and the runner then becomes that user.
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    command += ["--hostname", "sandbox", "--die-with-parent", "--new-session", "--clearenv", "--proc", "/proc"]
    paths = visible(kernel_program)
    command += ["--perms", "1777", "--size", str(limits.disk), "--tmpfs", "/tmp"]
    # By default, the folders above them would be their owner's only.
    for folder in sorted({Path("/dev"), *(folder for path in paths for folder in Path(path).parents)} - {Path("/tmp")}):
        command += ["--dir", str(folder)]
    # Not /dev/zero: mapped, it is memory of the same kind.
    for name in ("null", "full", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    command += ["--symlink", "/proc/self/fd", "/dev/fd", "--ro-bind", "/dev/null", "/proc/cmdline"]
    for path in paths:
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        else:
            command += ["--ro-bind", path, path]
    environment = {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "PATH": f"{sysroot}/bin:/usr/bin:/bin",
        "CARGO_HOME": str(registry.parent),
        "CARGO_NET_OFFLINE": "true",
        "EVCXR_CONFIG_DIR": str(HERE),
    }
    for name, value in environment.items():
        command += ["--setenv", name, value]
    command += ["--bind", str(socket_path), SOCKET, "--chdir", "/tmp"]
    return [*command, "--remount-ro", "/proc", "--remount-ro", "/"]


APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


def try_out() -> None:
    """Starts a sandbox in which nothing is done: some systems have bubblewrap and let it make none."""
    command = [*bubblewrap(Limits(), "/dev/null", kernel_command()[2]), "true"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return
    said = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
    forbidden = APPARMOR.exists() and APPARMOR.read_text(encoding="ascii").strip() == "1"
    hint = f"; this allows it: sudo sysctl -w kernel.{APPARMOR.name}=0" if forbidden else ""
    raise SandboxError(f"bubblewrap makes no sandbox on this machine. It says: {said}{hint}")


# --- Control groups --------------------------------------------------------------------------------------------------


@functools.cache
def systemd_run() -> tuple[str, ...]:
    """The command with which systemd runs another one in a control group with limits, if it can."""
    if not os.path.isdir("/run/systemd/system"):
        return ()
    command = ("systemd-run", *([] if os.geteuid() == 0 else ["--user"]), "--scope", "--quiet", "--collect")
    try:
        subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return command


def group_of(process: int | str) -> Path | None:
    """The folder of a process's control group (cgroup v2), if there is one."""
    try:
        mounts = [line.split(" - ") for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
        root = next(left.split()[4] for left, right in mounts if right.split()[0] == "cgroup2")
        groups = Path(f"/proc/{process}/cgroup").read_text(encoding="utf-8").splitlines()
        path = next(line[3:] for line in groups if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    return Path(root + path)


def new_group(limits: Limits) -> Path | None:
    """A control group below this process's, with as many of the limits as can be had. None if there can be none."""
    own = group_of("self")
    if own is None:
        return None
    for abandoned in own.glob("zero-init-*"):
        if not psutil.pid_exists(int(abandoned.name.split("-")[2])):
            with suppress(OSError):
                abandoned.rmdir()
    for controller in ("memory", "pids", "cpu"):
        with suppress(OSError):
            (own / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
    try:
        group = Path(tempfile.mkdtemp(prefix=f"zero-init-{os.getpid()}-", dir=own))
    except OSError:
        return None
    for name, value in {
        "memory.max": limits.memory,
        "memory.swap.max": 0,
        "memory.oom.group": 1,
        "pids.max": limits.processes,
    }.items():
        with suppress(OSError):
            (group / name).write_text(str(value), encoding="ascii")
    return group


def number(path: Path, name: str = "") -> int | None:
    """The number in a file of the kernel's, or the first that stands after a name; None if there is none."""
    with suppress(OSError):
        if found := re.search(rf"^{name}\s*(\d+)", path.read_text(encoding="ascii"), re.MULTILINE):
            return int(found[1])
    return None


def most_of_threads(process: int, file: str, name: str) -> int:
    """The largest number after a name that the threads of a process have in a file of the kernel's.

    What the process itself has there is nothing, once its first thread has ended.
    """
    with suppress(OSError):
        return max((number(task / file, name) or 0 for task in Path(f"/proc/{process}/task").iterdir()), default=0)
    return 0


def bytes_of_mappings(process: int) -> int:
    """What the kernel keeps for a process's mappings of memory. Of a process that hides them, the most is taken."""
    try:
        with open(f"/proc/{process}/maps", "rb") as maps:
            length = len(maps.read(1 << 20))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except OSError:
        return MOST_BYTES_OF_MAPPINGS
    return BYTES_A_LETTER_OF_MAPS * length if length < 1 << 20 else MOST_BYTES_OF_MAPPINGS


@functools.cache
def kept_by() -> str:
    """What keeps the limits of sandboxes on this machine, in words."""
    if systemd_run():
        return "systemd's control groups"
    group = new_group(Limits())
    if group is None:
        return "rlimits and a watchdog"
    names = {"memory": "memory.max", "processes": "pids.max"}
    kept = ["processor time", *(what for what, file in names.items() if (group / file).exists())]
    group.rmdir()
    rest = ", rlimits and a watchdog" if len(kept) < 3 else ""
    return f"control groups ({', '.join(kept)}){rest}"


# --- The sandbox -----------------------------------------------------------------------------------------------------


class Watch:
    """What the processes of a sandbox use; `look` brings it up to date."""

    def __init__(self, process: int, group: Path | None) -> None:
        self.process, self.group = process, group
        self.cpu = 0.0  # seconds, of processes that have ended as well
        self.memory = self.tasks = 0
        self.family: list[psutil.Process] = []
        self.seen: dict[psutil.Process, float] = {}  # the processor time of each process
        self.looks = 0
        self.mappings = 0  # bytes that the kernel keeps for mappings of memory, when they were last looked at
        self.at_disk = 0.0  # seconds of waiting for a disk while nothing ran, less all other seconds; never below 0
        self.files: int | None = None  # the sandbox's folder for files

    def look(self) -> None:
        self.family = []
        with suppress(psutil.Error):
            self.family = psutil.Process(self.process).children(recursive=True)
        memory = tasks = 0
        waited = 0.0  # the time of processes that live, and of those that they have waited for
        for process in self.family:
            with suppress(psutil.Error), process.oneshot():
                memory += process.memory_info().rss or most_of_threads(process.pid, "statm", r"\d+") * PAGE
                tasks += process.num_threads()
                times = process.cpu_times()
                self.seen[process] = times.user + times.system
                waited += self.seen[process] + times.children_user + times.children_system
        # Who does not wait for its children hides their time from the first sum; short ones are not in the second.
        exact = number(self.group / "cpu.stat", "usage_usec") if self.group else None
        self.cpu = max(self.cpu, waited, sum(self.seen.values())) if exact is None else exact / 1e6
        held = number(self.group / "memory.current") if self.group else None
        self.memory = memory + self._beside() if held is None else held
        self.tasks = tasks

    def _beside(self) -> int:
        """Memory that no process is seen to have: mappings, files, page tables, and what sockets hold."""
        if self.looks % MAPPINGS_EVERY == 0:
            self.mappings = sum(bytes_of_mappings(process.pid) for process in self.family)
        self.looks += 1
        beside = 0
        if self.files is not None:
            disk = os.fstatvfs(self.files)
            beside += (disk.f_blocks - disk.f_bfree) * disk.f_frsize + (disk.f_files - disk.f_ffree) * FILE_BYTES
        for process in self.family:
            beside += 1024 * most_of_threads(process.pid, "status", "VmPTE:")
        return beside + self.mappings + self._sockets()

    def _sockets(self) -> int:
        if not self.family:
            return 0
        folder, held = Path(f"/proc/{self.family[-1].pid}/net"), 0
        with suppress(OSError, ValueError, IndexError):
            held += SOCKET_BYTES * len((folder / "unix").read_bytes().splitlines())
            for line in (folder / "tcp").read_text(encoding="ascii").splitlines()[1:]:
                held += sum(int(size, 16) for size in line.split()[4].split(":"))
        return held

    def is_busy(self, also: list[psutil.Process], passed: float) -> bool:
        """Whether a thread runs, or waits for a processor, or for a short while for a disk."""
        states = set()
        for process in [*also, *self.family]:
            with suppress(psutil.Error, OSError):
                for task in Path(f"/proc/{process.pid}/task").iterdir():
                    states.add((task / "stat").read_bytes().rpartition(b")")[2].split()[0])
        # Who waits for a child that it has made by vfork seems to wait for a disk: for ever, or with pauses.
        at_disk = b"D" in states and b"R" not in states
        self.at_disk = self.at_disk + passed if at_disk else max(0.0, self.at_disk - passed)
        return b"R" in states or (at_disk and self.at_disk < AT_DISK)


class Sandbox:
    """One process for one submission. Use it in a `with`; a sandbox that is no longer `alive` cannot be used again.

    All sandboxes of a submission get the same `used`, which ends them when the submission has used all it may.
    """

    def __init__(
        self,
        limits: Limits,
        isolated: bool = True,
        used: Used | None = None,
        compiler: list[str] | None = None,  # the command that compiles what is to be run, in place of a kernel
    ) -> None:
        self.limits, self.isolated, self.used, self.compiler = limits, isolated, used or Used(), compiler
        self.alive, self.ended, self.by_wall_clock = False, "dead", False
        self.ending = threading.Lock()
        self.filter: IO[bytes] | None = None
        self.group: Path | None = None
        self.said = b""
        self.judge: list[psutil.Process] = []
        self.began, self.end, self.last_end = 0.0, NEVER, NEVER

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
        path.chmod(0o666)  # its folder is ours alone
        self.listener.listen(8)
        self.socket_path = SOCKET if self.isolated else str(path)
        command = kernel_command()
        kernel_program, start = command[2], [str(HERE / "runner.py")]
        if self.compiler is not None:
            command, start = [self.socket_path, *self.compiler], ["-I", str(HERE / "run_program.py")]
        settings: dict[str, object] = {}
        if self.isolated:
            settings = {"user": own_user(), "limits": self._limits()}
        runner = [sys.executable, *start, json.dumps(settings), *command]
        environment = dict(os.environ, TMPDIR=self.folder)
        environment.pop("ZERO_INIT_SECRET", None)  # the judge's alone
        command, passed = runner, []
        if self.isolated:
            self.filter = tempfile.TemporaryFile()  # noqa: SIM115  closed with the sandbox
            self.filter.write(system_call_filter())
            self.filter.seek(0)
            passed = [self.filter.fileno()]
            program, *arguments = bubblewrap(self.limits, path, kernel_program)
            command = [program, "--seccomp", str(passed[0]), *arguments, *runner]
            # The first process of a sandbox can be seen in it: it does not know our variables.
            environment = {"PATH": os.environ["PATH"]}
            if systemd_run():
                command = [*systemd_run(), *self._properties(), "env", "-i", f"PATH={environment['PATH']}", *command]
                environment = dict(os.environ)
            else:
                self.group = new_group(self.limits)
        self.process = subprocess.Popen(
            command,
            pass_fds=passed,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=environment,
            start_new_session=True,
            preexec_fn=self._limit_process,  # noqa: PLW1509  it only makes a few system calls
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.orders, self.replies, self.errors = self.process.stdin, self.process.stdout, self.process.stderr
        self.alive = True
        self.watch = Watch(self.process.pid, self.group)
        self.watcher = threading.Thread(target=self._watch_or_kill, daemon=True)
        self.watcher.start()
        with self._at_most(START_SECONDS):
            ready = self._answer().status == "ready"
        if not ready:
            os.set_blocking(self.errors.fileno(), False)
            why = (self.errors.read() or b"").decode(errors="replace").strip().splitlines()
            raise SandboxError(f"the sandbox does not start: {why[-1] if why else 'no reason was given'}")
        if self.isolated:
            if systemd_run():
                self.watch.group = group_of(self.process.pid)
            self.watch.look()
            with suppress(OSError, IndexError):
                self.watch.files = os.open(f"/proc/{self.watch.family[-1].pid}/root/tmp", os.O_PATH)

    def _limits(self) -> dict[str, int]:
        """What each process of the sandbox may have; what all of them have together is looked at by `_watch`."""
        return {
            "RLIMIT_NPROC": self.limits.processes,  # of one user: all of the sandbox
            "RLIMIT_DATA": 2 * self.limits.memory,
            "RLIMIT_NOFILE": 256,  # each thread may have so many of its own, and a full pipe is memory
            "RLIMIT_SIGPENDING": 1000,
            "RLIMIT_MSGQUEUE": 0,
            "RLIMIT_MEMLOCK": 0,
            "RLIMIT_RTPRIO": 0,
            "RLIMIT_NICE": 0,
        }

    def _properties(self) -> list[str]:
        limits = {
            "MemoryMax": self.limits.memory,
            "MemorySwapMax": 0,
            "TasksMax": self.limits.processes,
            "CPUWeight": 50,
        }
        return [part for name, value in limits.items() for part in ("--property", f"{name}={value}")]

    def _limit_process(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.limits.disk, self.limits.disk))
        os.nice(5)
        if self.group:
            (self.group / "cgroup.procs").write_text("0", encoding="ascii")

    @contextmanager
    def _at_most(self, seconds: float, all_together: float = NEVER) -> Iterator[None]:
        """The sandbox ends if what is done in this `with` takes longer, or the submission has then used too much."""
        self.began = self.used.seconds
        self.end, self.last_end = min(self.began + seconds, all_together), time.monotonic() + wall_clock(seconds)
        try:
            yield
        finally:
            self.end = self.last_end = NEVER

    def _watch_or_kill(self) -> None:
        try:
            self._watch()
        finally:
            self._kill("dead")  # nothing runs unwatched

    def _watch(self) -> None:
        """Ends the sandbox when it uses too much.

        A process that starts another one is counted twice for a moment, since the new one begins as its copy. So only
        what is too much in two looks one after the other ends the sandbox.
        """
        watch, used, was_too_much, before = self.watch, self.used, False, time.monotonic()
        while self.alive:
            waited_for = self.end != NEVER
            cpu = watch.cpu
            watch.look()
            now = time.monotonic()
            passed, cpu, before = now - before, watch.cpu - cpu, now
            used.cpu += cpu
            if waited_for:
                used.wall += passed
            # What stood still itself for longer does not know what the sandbox did.
            if waited_for and passed < 5 * LOOK and cpu < passed / 5 and not watch.is_busy(self.judge, passed):
                used.asleep += passed
            used.memory = max(used.memory, watch.memory)
            too_much = watch.memory > self.limits.memory or watch.tasks > self.limits.processes
            if too_much and was_too_much:
                self._kill("big")
            elif used.seconds > self.end:
                self._kill("slow")
            elif now > self.last_end or used.wall > wall_clock(self.limits.submission):
                self.by_wall_clock = self.alive
                self._kill("slow")
            was_too_much = too_much
            time.sleep(LOOK)

    def _kill(self, why: str) -> None:
        """Ends all processes of the sandbox. With bubblewrap they end with it; without, each has to be killed."""
        with self.ending:
            if not self.alive:
                return
            self.alive, self.ended = False, why
            if number(self.watch.group / "memory.events", "oom_kill") if self.watch.group else 0:
                self.ended = "big"
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
            self.watcher.join()
            if self.watch.files is not None:
                os.close(self.watch.files)
        self.listener.close()
        if self.filter:
            self.filter.close()
        if self.group:
            with suppress(OSError):
                self.group.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ran(self, status: str, outputs: list[tuple[str, str]] | None = None) -> Ran:
        return Ran(status, outputs or [], self.used.seconds - self.began, self.by_wall_clock)

    def _answer(self) -> Ran:
        """The next answer of the runner. None, or something else, ends the sandbox. No more is read than one answer."""
        poll = select.poll()
        poll.register(self.replies, select.POLLIN)
        while b"\n" not in self.said:
            if not self.alive:
                return self._ran(self.ended)
            if poll.poll(1000 * LOOK):
                more = os.read(self.replies.fileno(), 1 << 16)
                self.said += more
                if not more or len(self.said) > LONGEST_ANSWER:
                    self._kill("dead")
        line, self.said = self.said.split(b"\n", 1)
        try:
            answer = json.loads(line)
            outputs = [(clean(stream), clean(text)) for stream, text in answer.get("outputs", [])[:MOST_OUTPUTS]]
            ran = self._ran(str(answer["status"]), outputs)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._kill("dead")  # the runner writes nothing like this: someone else does
            return self._ran(self.ended)
        if ran.status in ("dead", "loud"):
            self._kill(ran.status)
        return ran

    def _order(self, source: str, quiet: bool) -> None:
        try:
            self.orders.write(json.dumps({"quiet" if quiet else "run": source}).encode() + b"\n")
            self.orders.flush()
        except OSError:
            pass  # it has died: the missing answer tells

    def run(self, source: str, quiet: bool = False) -> Ran:
        """Runs a cell; a quiet one prints nothing that is to be shown. Without a kernel, compiles a program."""
        with self._at_most(self.limits.cell, self.limits.submission):
            self._order(source, quiet)
            return self._answer()

    def answer(self, signatures: list[str], judge: list[str]) -> tuple[Ran | None, str]:
        """Has the kernel, or the program, answer calls of these functions while the command `judge` asks.

        Returns what went wrong, or None, and what the judge printed.
        """
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        poll.register(self.replies, select.POLLIN)
        with self._at_most(self.limits.cell, self.limits.submission):
            # In braces, since a line that begins with a colon would be a command; the colons, since the cells before
            # may define a module of the crate's name.
            self._order(f'{{ ::exercise::answer!("{self.socket_path}", {", ".join(signatures)}); }}', quiet=True)
            while not (ready := dict(poll.poll(1000 * LOOK))):
                if not self.alive:
                    return self._ran(self.ended), ""
            if self.listener.fileno() not in ready:
                return self._answer(), ""
        connection, _ = self.listener.accept()
        with self._at_most(self.limits.check, self.limits.submission), connection:
            status, said = self._verdict(connection, judge)
            trouble = self._ran(status if self.alive else self.ended)
        if status != "passed" and not self.alive:
            return trouble, ""
        # The judge has spoken; what happens to the process after that concerns the next cells only.
        with self._at_most(self.limits.check, self.limits.submission):
            self._answer()
        if status in WORDS:
            return trouble, ""
        return None, status if status == "passed" else said.strip()

    def _verdict(self, connection: socket.socket, judge: list[str]) -> tuple[str, str]:
        """What the judge says: passed, not passed, or slow or big if it took too much itself; and its words."""
        with subprocess.Popen(
            judge,
            stdin=connection.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=self._limit_judge,  # noqa: PLW1509  it only makes a few system calls
        ) as process:
            assert process.stdout
            said, self.judge = b"", [psutil.Process(process.pid)]
            poll = select.poll()
            poll.register(process.stdout, select.POLLIN)
            while len(said) < LONGEST_VERDICT:
                if poll.poll(1000 * LOOK):
                    more = os.read(process.stdout.fileno(), LONGEST_VERDICT)
                    said += more
                    if not more:
                        break
                elif not self.alive:
                    break  # it would wait for an answer, or has had the last one
            else:
                process.kill()
            if not self.alive:
                process.kill()
            process.wait()
            self.judge = []
        if process.returncode == 0 and said.endswith(b"passed\n"):
            return "passed", ""
        status = {-signal.SIGXCPU: "slow", -signal.SIGABRT: "big"}.get(process.returncode, "not passed")
        return status, said[:LONGEST_VERDICT].decode(errors="replace")

    def _limit_judge(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (self.limits.judge_memory, self.limits.judge_memory))
        seconds = max(1, int(self.limits.check))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
