"""Drives a Rust kernel: starts it, runs cells, waits until all that a cell printed has come, and ends it.

The kernel (evcxr) says `idle` when a cell is done, but what the cell printed takes another way: a panic's message can
come tens of milliseconds later, and more on a busy machine. So after a cell this runs one more, which prints a mark on
both streams; each stream keeps its order, so what was printed before the mark has come before it, too.

A mark takes 0.10 s where no crate is loaded and 0.17 s where this repository's is: the kernel compiles it like any
cell, and knows no cheaper way to print. Who runs many cells and looks at each only if it differs from what was
expected calls `execute`, which does without, and `rest` where it matters.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

KERNELSPEC = Path(sys.prefix, "share", "jupyter", "kernels", "rust", "kernel.json")
CELL_SECONDS = 300.0  # a cell that takes longer is stuck
MARK_SECONDS = 30.0  # how long a mark may be under way after its cell has run
MESSAGE_TEXT = 50  # a message counts as so many characters more: each line that a cell prints is one
MOST_LATE = 100_000  # messages that are read when the time is over, if they have come by then
MOST_TEXT = 2_000_000  # characters that a cell of a student's may print
ALIVE_SECONDS = 1.0  # how often to look whether a silent kernel still runs

# Whatever cells have defined, these are the standard library's. A line must not begin with a colon: that is a command.
MARK = '{{ ::std::println!("{mark}"); ::std::eprintln!("{mark}"); }};'


class KernelError(Exception):
    """A cell has not come to its end. `outputs` is what had come until then."""

    def __init__(self, message: str, outputs: list[NotebookNode] | None = None) -> None:
        super().__init__(message)
        self.outputs = outputs or []


class CellTooSlowError(KernelError):
    """A cell has taken longer than it may."""


class CellTooLoudError(KernelError):
    """A cell has printed more than it may."""


def kernel_command() -> list[str]:
    """The command that starts the project's kernel; `{connection_file}` in it is to be filled in."""
    try:
        return list(json.loads(KERNELSPEC.read_text(encoding="utf-8"))["argv"])
    except FileNotFoundError:
        raise KernelError("the Rust kernel is not set up: run 'make setup'") from None


def stock_command() -> list[str]:
    """The command that starts evcxr by itself, as it comes, without this project's launcher."""
    return [kernel_command()[2], "--control_file", "{connection_file}"]


class Kernel:
    """A running kernel. Made by `start_kernel`."""

    def __init__(self, manager: KernelManager, log: IO[str], most_text: float) -> None:
        self._manager, self._log, self._most_text = manager, log, most_text
        self._outputs: list[NotebookNode | tuple[str, str]] = []  # of the current cell; a stream's as name and text
        self._text = 0  # characters in them
        self._late = 0  # messages in a row that were read when the time was over
        self._mark, self._marked = "", set[str]()  # the mark that is under way, and the streams on which it has come
        self._connect()

    def _connect(self) -> None:
        """Listens to the kernel that runs now."""
        self._client = self._manager.blocking_client()
        self._client.start_channels()

    @property
    def process(self) -> int:
        """The number of the kernel's process."""
        assert isinstance(self._manager.provisioner, LocalProvisioner)
        return int(self._manager.provisioner.pid or 0)

    def wait_until_ready(self) -> None:
        """Returns when the kernel takes cells."""
        try:
            self._client.wait_for_ready(timeout=CELL_SECONDS)
        except RuntimeError as error:
            raise self._error(f"the kernel did not start: {error}") from None

    def run(self, source: str, seconds: float = CELL_SECONDS) -> list[NotebookNode]:
        """Runs a cell and returns all its outputs."""
        return in_order([*self.execute(source, seconds), *self.rest()])

    def execute(self, source: str, seconds: float = CELL_SECONDS) -> list[NotebookNode]:
        """Runs a cell and returns the outputs that have come when the kernel is idle. Others may follow: see `rest`."""
        self._outputs, self._text = [], 0
        self._wait_until_idle(source, seconds)
        return in_order(self._outputs)

    def rest(self) -> list[NotebookNode]:
        """Returns the outputs of earlier cells that were still under way."""
        self._outputs = []
        self._mark, self._marked = secrets.token_hex(16), set()
        self._wait_until_idle(MARK.format(mark=self._mark), CELL_SECONDS)
        if any(isinstance(output, NotebookNode) for output in self._outputs):
            raise self._error("the kernel cannot run a cell that prints a line any more")
        deadline = time.monotonic() + MARK_SECONDS
        while len(self._marked) < 2:
            self._read_message("", deadline)
        self._mark = ""
        return in_order(self._outputs)

    def interrupt(self) -> None:
        """Stops the cell that runs. Variables are lost."""
        self._manager.interrupt_kernel()

    def restart(self) -> None:
        """Ends the kernel, starts it again, and returns when it takes cells."""
        self.close()
        self._manager.restart_kernel()
        self._connect()
        self.wait_until_ready()

    def close(self) -> None:
        """Stops listening to the kernel."""
        self._client.stop_channels()

    def _wait_until_idle(self, source: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        request = self._client.execute(source, store_history=False, allow_stdin=False)
        while not self._read_message(request, deadline):
            pass
        reply = None
        while reply is None or reply["parent_header"].get("msg_id") != request:
            try:
                reply = self._client.get_shell_msg(timeout=CELL_SECONDS)
            except queue.Empty:
                raise self._error("the kernel gave no reply") from None
        if reply["content"]["status"] == "error" and not any(isinstance(o, NotebookNode) for o in self._outputs):
            self._outputs.append(new_output("error", ename="Error", evalue="the cell does not run", traceback=[]))

    def _read_message(self, request: str, deadline: float) -> bool:
        """Reads one message, keeps it if it is an output, and says whether it is the end of `request`."""
        while True:
            seconds = deadline - time.monotonic()
            # Where the machine stood still, the end of the cell may be among what has come; but some print without end.
            self._late = self._late + 1 if seconds <= 0 else 0
            if self._late > MOST_LATE:
                raise CellTooSlowError("it took too long", in_order(self._outputs))
            try:
                message = self._client.get_iopub_msg(timeout=max(0.0, min(seconds, ALIVE_SECONDS)))
                break
            except queue.Empty:
                if not self._manager.is_alive():
                    raise self._error("the kernel ended") from None
                if seconds <= 0:
                    raise CellTooSlowError("it took too long", in_order(self._outputs)) from None
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":  # belongs to the cell that printed it, whichever the kernel names
            self._keep_text(content["name"], content["text"])
        elif message["parent_header"].get("msg_id") != request:
            return False  # belongs to a cell that was interrupted
        elif kind in ("error", "execute_result", "display_data"):
            self._count(len(json.dumps(content, default=str)))
            self._outputs.append(output_from_msg(message))
        return bool(kind == "status" and content["execution_state"] == "idle")

    def _keep_text(self, stream: str, text: str) -> None:
        if self._mark and self._mark in text:
            self._marked.add(stream)
            text = text.replace(self._mark + "\n", "")
        if text:
            self._count(len(text) + MESSAGE_TEXT)
            self._outputs.append((stream, text))

    def _count(self, characters: int) -> None:
        self._text += characters
        if self._text > self._most_text:
            raise CellTooLoudError("it printed too much", in_order(self._outputs))

    def _error(self, message: str) -> KernelError:
        """An error with the last that the kernel itself has said."""
        self._log.seek(0)
        said = self._log.read()[-2000:].strip()
        return KernelError(f"{message}; it said:\n{said}" if said else message, in_order(self._outputs))


def in_order(outputs: list[NotebookNode | tuple[str, str]] | list[NotebookNode]) -> list[NotebookNode]:
    """Orders outputs as stdout, stderr, the rest, each stream in one piece: their order of arrival is chance."""
    pieces: dict[str, list[str]] = {"stdout": [], "stderr": []}
    others = []
    for output in outputs:
        if isinstance(output, tuple):
            pieces[output[0]].append(output[1])
        elif output.output_type == "stream":
            pieces[output.name].append(output.text)
        else:
            others.append(output)
    streams = [new_output("stream", name=name, text="".join(texts)) for name, texts in pieces.items() if texts]
    return streams + others


def process_ended(outputs: list[NotebookNode]) -> bool:
    """Says whether a cell ended the process that runs cells. evcxr goes on with another, without the variables."""
    return any(o.output_type == "error" and "Subprocess terminated" in o.evalue for o in outputs)


@contextmanager
def start_kernel(
    folder: Path,
    command: list[str] | None = None,
    environment: dict[str, str] | None = None,
    most_text: float = float("inf"),
) -> Iterator[Kernel]:
    """Runs a kernel, by default the project's, with `folder` as its working directory.

    A cell may print `most_text` characters. `environment` is added to the variables of this process.
    """
    with tempfile.TemporaryDirectory(prefix="zero-init-") as temporary:
        root = Path(temporary)
        spec: dict[str, Any] = {"argv": command or kernel_command(), "display_name": "Rust", "language": "rust"}
        (root / "kernels" / "rust").mkdir(parents=True)
        (root / "kernels" / "rust" / "kernel.json").write_text(json.dumps(spec | {"interrupt_mode": "message"}))
        manager = KernelManager(
            kernel_name="rust",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(root / "kernels")], ensure_native_kernel=False),
            connection_file=str(root / "connection.json"),  # and not in the user's own folder
        )
        with open(root / "log", "w+", encoding="utf-8", errors="replace") as log:
            variables = dict(os.environ, **(environment or {}))
            manager.start_kernel(cwd=str(folder), env=variables, stdout=subprocess.DEVNULL, stderr=log)
            kernel = Kernel(manager, log, most_text)
            try:
                kernel.wait_until_ready()
                yield kernel
            finally:
                kernel.close()
                manager.shutdown_kernel()
