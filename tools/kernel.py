"""Runs the Rust kernel for JupyterLab, so that notebooks get the crates of the repository's Cargo.lock, online or not.

evcxr builds every cell in a scratch crate without a lock file: `:dep` would ask the registry for the newest versions.
Here the scratch crate is a member of a throw-away workspace whose lock file is a copy of the repository's; a second,
empty member depends on the repository's crate, which keeps cargo from dropping the entries while no cell uses them.
A `:dep` on anything else is resolved as usual.

Usage: kernel.py EVCXR_JUPYTER CONNECTION_FILE (what the kernelspec says; see setup.sh)
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PREFIX = "zero-init-kernel-"

# Cargo takes profiles from the workspace alone: these are the ones that evcxr writes into its scratch crate.
WORKSPACE = """\
[workspace]
resolver = "3"
members = ["ctx", "anchor"]

[profile.dev]
opt-level = 2
debug = false
strip = "debuginfo"
rpath = true
lto = false
debug-assertions = true
codegen-units = 16
panic = "unwind"
incremental = true
overflow-checks = true
"""

# `cfg(any())` is never true: the dependency is in the lock file, and is never compiled for this crate.
ANCHOR = """\
[package]
name = "anchor"
version = "0.0.0"
edition = "2024"

[target.'cfg(any())'.dependencies]
zero-init = {{ path = '{repository}' }}
"""

EMPTY = """\
[package]
name = "ctx"
version = "1.0.0"
edition = "2024"
"""


def make_workspace(root: Path) -> Path:
    """Writes the workspace into `root` and returns the folder for evcxr's scratch crate."""
    files = {
        "Cargo.toml": WORKSPACE,
        "Cargo.lock": (REPOSITORY / "Cargo.lock").read_text(encoding="utf-8"),
        "anchor/Cargo.toml": ANCHOR.format(repository=REPOSITORY),
        "anchor/src/lib.rs": "",
        "ctx/Cargo.toml": EMPTY,
        "ctx/src/lib.rs": "",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "ctx"


def remove_abandoned() -> None:
    """Removes the folders of launchers that were killed before they could do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            os.kill(int(folder.name[len(PREFIX):].split("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OSError):
            pass  # alive, or another user's


def main(evcxr: str, connection_file: str) -> int:
    remove_abandoned()
    root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    kernel = None
    # A plain return runs the `finally` below; without this, SIGTERM would not.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # "interrupt" comes to the kernel as a message
    try:
        environment = dict(os.environ, EVCXR_TMPDIR=str(make_workspace(root)))
        # When it starts, evcxr rewrites any kernelspec of its own in the user's Jupyter folder that another
        # version made. It looks for it here instead, where there is none.
        environment["JUPYTER_PATH"] = str(root)
        kernel = subprocess.Popen([evcxr, "--control_file", connection_file], env=environment)
        return kernel.wait()
    finally:
        if kernel is not None and kernel.poll() is None:
            kernel.kill()
            kernel.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
