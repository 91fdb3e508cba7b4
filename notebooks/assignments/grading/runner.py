"""Inside the sandbox: runs cells in a Rust kernel, as JupyterLab does, on orders that come line by line.

Usage: runner.py SETTINGS KERNEL_COMMAND...      ({connection_file} in it is filled in)

SETTINGS is JSON: the number of the user to become, if this is root, and the limits of each process.

An order is a line of JSON on the standard input: {"run": SOURCE}, or {"quiet": SOURCE} for a cell of which no outputs
are shown but errors. So is the answer on the standard output, {"status": "ok", "error", "loud" or "dead", "outputs":
[...]}. Nothing that this program says is believed for a grade.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

# nbformat would have this read the grammar of web addresses, for a second and for nothing that is asked.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

from nbformat import NotebookNode  # noqa: E402

from kernel_client import (  # noqa: E402
    MOST_TEXT,
    CellTooLoudError,
    Kernel,
    KernelError,
    process_ended,
    start_kernel,
)
from run_program import confine, obey  # noqa: E402

MOST_KEPT = 15_000  # characters of output that are kept of a cell: a page shows them all, and how it ended


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


class Cells:
    """Runs cells in a kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.late = False  # whether something that is not to be shown may still be printed

    def run(self, source: str) -> dict[str, Any]:
        """Runs one cell until all that it printed has come, the kernel has died, or it prints without end."""
        return self._done(source, quiet=False)

    def quiet(self, source: str) -> dict[str, Any]:
        """Runs one cell of which only errors are shown. What it may print is not waited for, which takes its time."""
        return self._done(source, quiet=True)

    def _done(self, source: str, quiet: bool) -> dict[str, Any]:
        try:
            # The sandbox measures the time.
            if quiet:
                outputs = [output for output in self.kernel.execute(source, math.inf) if output.output_type == "error"]
            else:
                if self.late:
                    self.kernel.rest()
                outputs = self.kernel.run(source, math.inf)
            self.late = quiet
        except CellTooLoudError as error:
            return {"status": "loud", "outputs": texts_of(error.outputs)}
        except KernelError as error:
            return {"status": "dead", "outputs": texts_of(error.outputs)}
        failed = any(output.output_type == "error" for output in outputs)
        status = "dead" if process_ended(outputs) else "error" if failed else "ok"
        return {"status": status, "outputs": texts_of(outputs)}


def main(settings: dict[str, Any], command: list[str]) -> None:
    confine(settings.get("user"), settings.get("limits", {}))
    with start_kernel(Path.cwd(), command, most_text=MOST_TEXT) as kernel:
        cells = Cells(kernel)
        obey(cells.run, cells.quiet)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
