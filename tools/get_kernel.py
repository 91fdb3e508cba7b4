"""Finds or fetches a kernel that nobody has to build, and prints where it is.

The first of these is taken that really is the wanted version of evcxr_jupyter:

1. one that is there, in PATH, where cargo installs, or in this project's data folder;
2. what `cargo binstall` brings, where the user has it;
3. the project's release file on GitHub, if its SHA-256 is the one in kernel.sha256 or in the variable KERNEL_SHA256.

What a kernel is, it says itself when it is asked as Jupyter asks it: most ways to install one leave no record. That
takes seconds, so the answer is kept for as long as the file stays the same.

Each way that fails says so in one line. A download that brings no data is given up after STALL_SECONDS.

Usage: get_kernel.py VERSION DATA_FOLDER             prints the kernel's path, or fails if it has to be built
       get_kernel.py VERSION DATA_FOLDER --found     looks only at what is there
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from kernel import sysroot, with_library

NAME = "evcxr_jupyter"
SUMS = Path(__file__).with_name("kernel.sha256")
RELEASES = "https://github.com/evcxr/evcxr/releases/download"
TARGETS = {("Linux", "x86_64"): "x86_64-unknown-linux-gnu", ("Darwin", "arm64"): "aarch64-apple-darwin"}

LISTEN_SECONDS = 10.0  # the kernel listens at once; a program that does not is something else
REPLY_SECONDS = 90.0  # the kernel answers when it could run cells: in 3 s, on a busy machine in 12
STALL_SECONDS = 8.0
FETCH_SECONDS = 300.0  # longer than this, and building it takes no longer
BINSTALL_SECONDS = 120.0  # whether it still gets data is not to be seen
MOST_BYTES = 200_000_000


class UnfitError(Exception):
    """A way has brought no kernel; the message says why."""


# --- Asking a kernel what it is --------------------------------------------------------------------------------------


def last_line(log: IO[str]) -> str:
    """The last that a program has said."""
    log.seek(0)
    return (log.read()[-2000:].strip().splitlines() or ["it says nothing"])[-1][:200]


def end(process: subprocess.Popen[str] | None) -> None:
    """Ends a process and all that it has started."""
    if process:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_listening(port: int) -> bool:
    """Says whether somebody listens on this port."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def version_of(program: Path) -> str:
    """Starts a kernel, asks which version it is, and ends it."""
    # Slow to import, and mostly not needed.
    from jupyter_client.blocking.client import BlockingKernelClient  # noqa: PLC0415
    from jupyter_client.connect import write_connection_file  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="zero-init-") as folder:
        file, connection = write_connection_file(os.path.join(folder, "connection.json"))
        # Else it would run the user's own settings, and rewrite a kernelspec of theirs that another version made.
        own = dict.fromkeys(("JUPYTER_PATH", "EVCXR_CONFIG_DIR", "EVCXR_TMPDIR"), folder)
        with open(os.path.join(folder, "log"), "w+", encoding="utf-8", errors="replace") as log:
            client = BlockingKernelClient(connection_file=file)
            client.load_connection_file()
            client.start_channels(iopub=False, stdin=False, hb=False, control=False)
            process = None
            try:
                process = subprocess.Popen(
                    [str(program), "--control_file", file],
                    cwd=folder,
                    env=with_library(os.environ | own, sysroot()),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    text=True,
                )
                content = kernel_info(client, process, int(connection["shell_port"]), log)
            except OSError as error:
                raise UnfitError(f"it does not start: {error.strerror}") from None
            finally:
                client.stop_channels()
                end(process)
    return f"{content.get('implementation')} {content.get('implementation_version')}"


def kernel_info(client: object, process: subprocess.Popen[str], port: int, log: IO[str]) -> dict[str, object]:
    """Waits for a kernel's answer, for as long as it runs and seems to be one."""
    started, listens = time.monotonic(), False
    client.kernel_info()  # type: ignore[attr-defined]
    while True:
        try:
            return dict(client.get_shell_msg(timeout=0.1)["content"])  # type: ignore[attr-defined]
        except queue.Empty:
            pass
        if process.poll() is not None:
            raise UnfitError(f"it ends at once: {last_line(log)}")
        listens = listens or is_listening(port)
        if time.monotonic() - started > (REPLY_SECONDS if listens else LISTEN_SECONDS):
            raise UnfitError("it does not answer")


class Known:
    """The kernel that was taken last, as it was then."""

    def __init__(self, file: Path, wanted: str) -> None:
        self._file, self._wanted = file, wanted

    def _describe(self, program: Path) -> dict[str, object]:
        status = program.stat()
        return {"path": str(program), "size": status.st_size, "time": status.st_mtime_ns, "is": self._wanted}

    def get(self) -> Path | None:
        """Returns it, if it has not changed."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            program = Path(kept["path"])
            return program if kept == self._describe(program) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, program: Path) -> Path:
        """Keeps it and returns it."""
        part = self._file.with_suffix(f".{os.getpid()}")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(self._describe(program)), encoding="utf-8")
        part.replace(self._file)
        return program


def check(program: Path, wanted: str) -> None:
    """Returns if the program is the wanted kernel."""
    if (found := version_of(program)) != wanted:
        raise UnfitError(f"it is {found}")


# --- The ways to get one ---------------------------------------------------------------------------------------------


def candidates(data: Path) -> Iterator[Path]:
    """The programs of that name which are there."""
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    folders = [*os.environ.get("PATH", "").split(os.pathsep), str(cargo / "bin"), str(data / "bin")]
    seen = set()
    for folder in folders:
        program = Path(folder, NAME)
        if folder and os.access(program, os.X_OK) and program.is_file() and program.resolve() not in seen:
            seen.add(program.resolve())
            yield program.absolute()


def binstall(version: str, folder: Path) -> Path:
    """Lets `cargo binstall` install it into a folder. Building it is left to the set-up, which can be interrupted."""
    command = ["cargo", "binstall", "-y", "--disable-strategies", "compile", "--root", str(folder), f"{NAME}@{version}"]
    with open(folder / "log", "w+", encoding="utf-8", errors="replace") as log:
        process = None
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, text=True
            )
            status = process.wait(timeout=BINSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise UnfitError("it takes too long") from None
        finally:
            end(process)
        if status != 0:
            raise UnfitError(last_line(log))
    return folder / "bin" / NAME


def wanted_sum(file: str) -> str:
    """The SHA-256 that a release file must have, or "unchecked" if the user takes any."""
    if given := os.environ.get("KERNEL_SHA256"):
        return given.lower()
    for line in SUMS.read_text(encoding="utf-8").splitlines():
        if line.split()[1:] == [file]:
            return line.split()[0]
    raise UnfitError("its SHA-256 is not known here; KERNEL_SHA256=… gives it (see README.md)")


def download(address: str, file: IO[bytes]) -> str:
    """Writes what is at an address into a file, and returns its SHA-256."""
    import httpx  # noqa: PLC0415  as above

    digest, size, started = hashlib.sha256(), 0, time.monotonic()
    try:
        with httpx.stream("GET", address, follow_redirects=True, timeout=STALL_SECONDS) as reply:
            reply.raise_for_status()
            for piece in reply.iter_raw():
                size += len(piece)
                if size > MOST_BYTES or time.monotonic() - started > FETCH_SECONDS:
                    raise UnfitError(f"{address} takes too long")
                digest.update(piece)
                file.write(piece)
    except httpx.HTTPStatusError as error:
        raise UnfitError(f"{address} answers {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnfitError(f"{address}: {error or type(error).__name__}") from None
    return digest.hexdigest()


def release(version: str, folder: Path) -> Path:
    """Fetches the project's release file and writes the kernel that is in it into a folder."""
    target = TARGETS.get((platform.system(), platform.machine()))
    if not target:
        raise UnfitError(f"there is none for {platform.system()} on {platform.machine()}")
    stem = f"{NAME}-v{version}-{target}"
    wanted = wanted_sum(f"{stem}.tar.gz")
    address = f"{os.environ.get('KERNEL_URL') or RELEASES}/v{version}/{stem}.tar.gz"
    program = folder / NAME
    with open(folder / "archive", "w+b") as archive:
        found = download(address, archive)
        if wanted not in (found, "unchecked"):
            raise UnfitError(f"{address} has another SHA-256 than it must have: {found}")
        archive.seek(0)
        # Nothing is unpacked but the bytes of this one file, so no path or link in the archive leads anywhere.
        try:
            with tarfile.open(fileobj=archive, mode="r:gz") as members:
                member = members.getmember(f"{stem}/{NAME}")
                if not member.isreg() or member.size > MOST_BYTES:
                    raise UnfitError(f"{address} has a link or a folder where the kernel must be")
                content = members.extractfile(member)
                assert content is not None
                with open(program, "wb") as file:
                    shutil.copyfileobj(content, file)
        except KeyError:
            raise UnfitError(f"{address} has no file {stem}/{NAME}") from None
        except (tarfile.TarError, OSError, EOFError) as error:
            raise UnfitError(f"{address} is damaged: {error}") from None
    program.chmod(0o755)
    return program


def find(version: str, data: Path, only_what_is_there: bool = False) -> Path | None:
    """Returns the first kernel that is the wanted one, and says of each way before it why it is none."""
    wanted = f"{NAME} {version}"
    known = Known(data / "kernel.json", wanted)
    if program := known.get():
        return program
    for program in candidates(data):
        try:
            check(program, wanted)
            return known.keep(program)
        except UnfitError as error:
            say(f"{program} is not taken: {error}")
    if only_what_is_there:
        return None

    ways = [("the release file", release)]
    if shutil.which("cargo-binstall"):
        ways.insert(0, ("what cargo binstall brings", binstall))
    data.mkdir(parents=True, exist_ok=True)
    for words, way in ways:
        with tempfile.TemporaryDirectory(dir=data, prefix="part-") as folder:
            try:
                fetched = way(version, Path(folder))
                check(fetched, wanted)
            except UnfitError as error:
                say(f"{words} is not taken: {error}")
                continue
            program = data / "bin" / NAME
            program.parent.mkdir(exist_ok=True)
            fetched.replace(program)
        return known.keep(program)
    return None


def say(text: str) -> None:
    print(f"zero-init: {text}", file=sys.stderr)


def main(version: str, data: str, *options: str) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends
    if program := find(version, Path(data), "--found" in options):
        print(program)
        return 0
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
