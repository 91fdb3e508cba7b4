"""Inside the sandbox: runs cells in a Rust kernel, as JupyterLab does, on orders that come line by line.

Usage: runner.py SETTINGS KERNEL_COMMAND...      ({connection_file} in it is filled in)

SETTINGS is JSON: the number of the user to become, if this is root, and the limits of each process.

An order is a line of JSON on the standard input, {"run": SOURCE}; so is the answer on the standard output,
{"status": "ok", "error", "loud" or "dead", "outputs": [...]}. Nothing that this program says is believed for a grade.
"""

import json
import math
import os
import resource
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

from kernel_client import CellTooLoudError, Kernel, KernelError, process_ended, start_kernel

MOST_KEPT = 15_000  # characters of output that are kept of a cell: a page shows them all, and how it ended
MOST_TEXT = 2_000_000  # characters of output after which a cell is given up


def text_of(output: NotebookNode) -> tuple[str, str]:
    """What an output says, as the name of a stream and its text."""
    if output.output_type == "stream":
        return output.name, output.text
    if output.output_type == "error":
        return "stderr", "\n".join(output.traceback or [output.evalue]) + "\n"
    return "stdout", output.data.get("text/plain", "") + "\n"


def texts_of(outputs: list[NotebookNode]) -> list[tuple[str, str]]:
    """What the outputs say, up to the number of characters that are kept."""
    texts, kept = [], 0
    for stream, text in map(text_of, outputs):
        if text := text[: MOST_KEPT - kept]:
            texts.append((stream, text))
            kept += len(text)
    return texts


def run(kernel: Kernel, source: str) -> dict[str, Any]:
    """Runs one cell until all that it printed has come, the kernel has died, or it prints without end."""
    try:
        outputs = kernel.run(source, math.inf)  # the sandbox measures the time
    except CellTooLoudError as error:
        return {"status": "loud", "outputs": texts_of(error.outputs)}
    except KernelError as error:
        return {"status": "dead", "outputs": texts_of(error.outputs)}
    failed = any(output.output_type == "error" for output in outputs)
    status = "dead" if process_ended(outputs) else "error" if failed else "ok"
    return {"status": status, "outputs": texts_of(outputs)}


def confine(user: int | None, limits: dict[str, int]) -> None:
    """Gives up, for this process and those that it starts, what they must not have."""
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if limits and (os.getuid() == 0 or can_write("/proc/sys/kernel/core_pattern")):
        sys.exit("student code could change the kernel's settings")


def can_write(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        return False
    return True


def main(settings: dict[str, Any], command: list[str]) -> None:
    confine(settings.get("user"), settings.get("limits", {}))
    with start_kernel(Path.cwd(), command, most_text=MOST_TEXT) as kernel:
        print(json.dumps({"status": "ready"}), flush=True)
        for line in sys.stdin:
            print(json.dumps(run(kernel, json.loads(line)["run"])), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
