"""Inside the sandbox: compiles a program (program.py) and runs it, on orders that come line by line; see runner.py.

Usage: run_program.py SETTINGS ADDRESS COMPILER...

The order {"run": SOURCE} compiles the program, {"quiet": ...} runs it, with ADDRESS as its argument, until it ends.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Order = Callable[[str], dict[str, Any]]


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


def obey(run: Order, quiet: Order) -> None:
    """Does what is ordered on the standard input, and answers each order on the standard output."""
    print(json.dumps({"status": "ready"}), flush=True)
    for line in sys.stdin:
        ((order, source),) = json.loads(line).items()
        print(json.dumps({"run": run, "quiet": quiet}[order](source)), flush=True)


def done(command: list[str], failed: str) -> dict[str, Any]:
    """Runs a command that nobody hears, and says how it ended."""
    with open(os.devnull, "r+b") as nowhere:
        ended = subprocess.run(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    return {"status": failed if ended.returncode else "ok"}


def main(settings: dict[str, Any], address: str, compiler: list[str]) -> None:
    confine(settings.get("user"), settings.get("limits", {}))
    os.environ["ZERO_INIT_KERNEL"] = "program"  # without it no assignment's first cell compiles: see tools/kernel.py

    folder = tempfile.mkdtemp()  # its name is random: no file that a student's function writes gets in the way
    text, program = f"{folder}/student.rs", f"{folder}/student"

    def build(source: str) -> dict[str, Any]:
        Path(text).write_text(source, encoding="utf-8")
        return done([*compiler, text, "-o", program], "error")

    obey(build, lambda _: done([program, address], "dead"))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:])
