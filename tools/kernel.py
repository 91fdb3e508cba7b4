"""Runs the Rust kernel for JupyterLab, so that notebooks get the crates of the repository's Cargo.lock, online or not.

evcxr builds every cell in a scratch crate without a lock file: `:dep` would ask the registry for the newest versions.
Here the scratch crate is a member of a throw-away workspace whose lock file is a copy of the repository's; a second,
empty member depends on the repository's crates, which keeps cargo from dropping the entries while no cell uses them.
A `:dep` on anything else is resolved as usual.

The workspace says where the repository's crates are. So a notebook in any folder gets them by
`:dep zero-init = { workspace = true }`. In any other kernel this fails: no registry is asked for the name.

What cargo makes of the repository's crate is the same in each scratch crate, so it is built once and kept in
target/kernel: a kernel starts with a copy. Cargo itself finds out what in it is out of date, so an old copy, or none,
costs seconds and changes nothing.

Usage: kernel.py EVCXR_JUPYTER CONNECTION_FILE    runs the kernel (what the kernelspec says; see setup.sh)
       kernel.py --prepare                        makes the copy, unless it is there and fits
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CRATES = [REPOSITORY, REPOSITORY / "notebooks" / "assignments" / "exercise"]  # the folders of the crates that are built
PREPARED = REPOSITORY / "target" / "kernel"
PREFIX = "zero-init-kernel-"

# evcxr asks rust-analyzer for the types of variables, and these parts of the standard library's sources are all that
# such a type can come from. The rest is most of it: vector instructions, tests, other crates. Without it, and without
# the manifest beside it, about which rust-analyzer would ask cargo, a kernel starts sooner and takes less memory.
SOURCES = ("alloc", "core", "std")

# evcxr's allocator is mimalloc. By default it asks for pages of 2 MB and holds on to what was freed.
ALLOCATOR = {"MIMALLOC_ALLOW_THP": "0", "MIMALLOC_PURGE_DELAY": "0"}

# Where programs look for shared libraries first, and on macOS last.
LIBRARY_PATH = "DYLD_FALLBACK_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"

# A cell is compiled each time it runs and mostly calls what is compiled already, in the crates. So it is not optimized
# itself: that halves what a cell costs. `:build_env CARGO_PROFILE_DEV_OPT_LEVEL=2` has it optimized, as evcxr does.
CELL_OPT_LEVEL = 0

# Cargo takes profiles from the workspace alone: but for that level, this is the one that evcxr writes into its scratch
# crate.
WORKSPACE = """\
[workspace]
resolver = "3"
members = ["ctx", "anchor"]

[workspace.dependencies]
zero-init = {{ path = {crate} }}
exercise = {{ path = {exercise}, features = ["zero-init"] }}

[profile.dev.package."*"]
opt-level = 2

[profile.dev]
opt-level = {level}
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

# `cfg(any())` is never true: the dependencies are in the lock file, and are never compiled for this crate.
ANCHOR = """\
[package]
name = "anchor"
version = "0.0.0"
edition = "2024"

[target.'cfg(any())'.dependencies]
zero-init = { workspace = true }
exercise = { workspace = true }
"""

EMPTY = """\
[package]
name = "ctx"
version = "1.0.0"
edition = "2024"
"""


def toml(path: Path) -> str:
    """A path as it stands in a Cargo.toml, whatever its letters."""
    return json.dumps(str(path), ensure_ascii=False)


def make_workspace(root: Path) -> Path:
    """Writes the workspace into `root` and returns the folder for evcxr's scratch crate."""
    files = {
        "Cargo.toml": WORKSPACE.format(crate=toml(CRATES[0]), exercise=toml(CRATES[1]), level=CELL_OPT_LEVEL),
        "Cargo.lock": (REPOSITORY / "Cargo.lock").read_text(encoding="utf-8"),
        "anchor/Cargo.toml": ANCHOR,
        "anchor/src/lib.rs": "",
        "ctx/Cargo.toml": EMPTY,
        "ctx/src/lib.rs": "",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "ctx"


def link_standard_library(folder: Path, toolchain: Path) -> Path | None:
    """Makes a folder with the sources that rust-analyzer needs, if they are installed."""
    sources = toolchain / "lib" / "rustlib" / "src" / "rust" / "library"
    if not all((sources / name).is_dir() for name in SOURCES):
        return None  # and rust-analyzer looks for them itself
    folder.mkdir()
    for name in SOURCES:
        (folder / name).symlink_to(sources / name)
    return folder


def is_alive(process: str) -> bool:
    """Says whether a process may still run, by its number as written in a folder's name."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        pass  # another user's
    return True


def remove_abandoned() -> None:
    """Removes the folders of launchers that were killed before they could do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        if not is_alive(folder.name[len(PREFIX) :].split("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)


def sysroot() -> Path | None:
    """Returns the folder of the Rust toolchain, if there is one."""
    try:
        run = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # the kernel says it better
    return Path(run.stdout.strip())


def with_library(environment: dict[str, str], toolchain: Path | None) -> dict[str, str]:
    """Returns these variables, with one by which what a cell is compiled to finds Rust's shared library.

    It names that library by a path that leads nowhere if the temporary folder and Rust are below the same top-level
    folder (see upstream/README.md).
    """
    libraries = sorted(toolchain.glob("lib/rustlib/*/lib/libstd-*")) if toolchain else []
    folders = [str(library.parent) for library in libraries if library.suffix in (".so", ".dylib")]
    before = [environment[LIBRARY_PATH]] if environment.get(LIBRARY_PATH) else []
    return environment | {LIBRARY_PATH: os.pathsep.join([*folders, *before])}


# --- What is built once ----------------------------------------------------------------------------------------------


def settings() -> list[Path]:
    """The files of the repository that say how the crates are compiled."""
    manifests = [crate / "Cargo.toml" for crate in CRATES]
    return [REPOSITORY / "Cargo.lock", REPOSITORY / "notebooks" / "evcxr.toml", Path(__file__), *manifests]


def sources() -> list[Path]:
    """The crates' sources, embedded data and scripts included."""
    return [path for crate in CRATES for path in sorted((crate / "src").rglob("*")) if path.is_file()]


def inputs() -> list[Path]:
    """All files of the repository that go into the build."""
    return settings() + sources()


def key(toolchain: Path | None) -> str:
    """Names what the copy depends on: cargo compares times of files, and so does this.

    The part before the hyphen is for how the crates are compiled, the other one for their sources.
    """
    return f"{state(settings() + ([toolchain / 'bin' / 'rustc'] if toolchain else []))}-{state(sources())}"


def state(files: list[Path]) -> str:
    """Names the files and the times of their last changes."""
    text = "\n".join(f"{file} {file.stat().st_mtime_ns}" for file in files if file.exists())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def put_prepared(root: Path, toolchain: Path | None) -> None:
    """Copies what is built already into the workspace: what fits, else the newest that is compiled in the same way.

    Else cargo would keep what is compiled in another way beside it, and the copies would grow.
    """
    try:
        wanted = key(toolchain)
        candidates = [folder for folder in PREPARED.glob(wanted.split("-")[0] + "-*") if not folder.suffix]
        found = max(candidates, key=lambda folder: (folder.name == wanted, folder.stat().st_mtime_ns), default=None)
        if found:
            # Cargo compares the times of files, and copytree keeps them.
            shutil.copytree(found, root, dirs_exist_ok=True)
    except OSError:
        # There is none, or it was replaced while it was copied.
        shutil.rmtree(root / "ctx" / "target", ignore_errors=True)


def prepare() -> int:
    """Runs the usual first cell in a kernel, and keeps what it has built."""
    wanted = PREPARED / key(sysroot())
    if wanted.is_dir():
        return 0
    import kernel_client  # noqa: PLC0415  only this needs Jupyter

    part = wanted.with_suffix(f".{os.getpid()}")  # has a suffix: no kernel takes it
    try:
        print("zero-init: building the crate for the notebooks' kernels: a quarter of a minute.", file=sys.stderr)
        command = [sys.executable, __file__, *kernel_client.kernel_command()[2:]]
        with kernel_client.start_kernel(REPOSITORY / "notebooks", command) as kernel:
            crates = ':dep zero-init = { path = ".." }\n:dep exercise = { workspace = true }\n'
            outputs = kernel.run(crates + "use zero_init::prelude::*;")
            if outputs:
                raise kernel_client.KernelError(str(outputs[0].get("evalue") or outputs[0].get("text")))
            crate = Path(kernel.run(":last_compile_dir")[0].data["text/plain"].strip())
            leave_out = shutil.ignore_patterns("incremental", "*ctx*", "libcode_*")  # the cell itself: no other has it
            shutil.copytree(crate / "target", part / "ctx" / "target", ignore=leave_out)
        os.rename(part, wanted)
    except (OSError, kernel_client.KernelError) as error:
        if not wanted.is_dir():  # else another one was faster
            print(f"zero-init: that failed, so kernels start slower: {error}", file=sys.stderr)
    shutil.rmtree(part, ignore_errors=True)
    for other in PREPARED.iterdir() if wanted.is_dir() else []:
        if other != wanted and not is_alive(other.suffix[1:]):
            shutil.rmtree(other, ignore_errors=True)
    return 0


# --- The kernel ------------------------------------------------------------------------------------------------------


def end_with_client(client: int) -> None:
    """Sends this process SIGTERM when the process with the number `client` is gone, even if that was killed."""
    if os.getppid() == client:
        while os.getppid() == client:  # a process that ends loses its children at once
            time.sleep(1)
    else:
        while is_alive(str(client)):
            time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def end_group() -> None:
    """Ends all other processes of this group: evcxr, the process that runs cells, and what cells have started."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)


def main(evcxr: str, connection_file: str) -> int:
    remove_abandoned()
    root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    kernel = None
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # Jupyter's clients have done so already
    # A plain return runs the `finally` below; without this, SIGTERM would not.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # "interrupt" comes to the kernel as a message
    if client := int(os.environ.get("JPY_PARENT_PID") or 0):
        threading.Thread(target=end_with_client, args=(client,), daemon=True).start()
    try:
        toolchain = sysroot()
        # Assignments look for ZERO_INIT_KERNEL: other kernels do not have the crates that they need.
        ours = {"EVCXR_TMPDIR": str(make_workspace(root)), "ZERO_INIT_KERNEL": str(REPOSITORY)}
        environment = ALLOCATOR | os.environ | ours
        put_prepared(root, toolchain)
        # When it starts, evcxr rewrites any kernelspec of its own in the user's Jupyter folder that another
        # version made. It looks for it here instead, where there is none.
        environment["JUPYTER_PATH"] = str(root)
        # For notebooks in other folders, as assignments are. evcxr prefers an evcxr.toml beside the notebook.
        environment.setdefault("EVCXR_CONFIG_DIR", str(REPOSITORY / "notebooks"))
        if toolchain and (sources := link_standard_library(root / "std", toolchain)):
            environment.setdefault("RUST_SRC_PATH", str(sources))
        kernel = subprocess.Popen([evcxr, "--control_file", connection_file], env=with_library(environment, toolchain))
        return kernel.wait()
    finally:
        end_group()
        if kernel is not None and kernel.poll() is None:
            kernel.kill()
            kernel.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(prepare() if sys.argv[1:] == ["--prepare"] else main(*sys.argv[1:]))
