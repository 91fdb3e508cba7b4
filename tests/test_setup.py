"""Checks of the set-up that need no network: prerequisites, interruptions, and the user's own Jupyter left alone."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import REPOSITORY, free_port

# What setup.sh uses of the system.
SYSTEM_TOOLS = "bash cat cksum dirname env grep mkdir mktemp mv rm sed touch true".split()

# What tools/versions.sh says, as setup.sh and doctor.sh read it.
PRINT_VERSIONS = '. tools/versions.sh && echo "$kernel_version $python_version $rust_version"'
VERSIONS = subprocess.run(
    ["bash", "-c", PRINT_VERSIONS], cwd=REPOSITORY, capture_output=True, text=True, check=True
).stdout
KERNEL, PYTHON, RUST = VERSIONS.split()


def one_less(version: str) -> str:
    """The minor version before one."""
    major, minor = version.split(".")
    return f"{major}.{int(minor) - 1}"


GOOD = {
    "cargo": f'case "$1" in --version) echo "cargo {RUST}.0 (abc 2026-01-01)";; *) echo "cargo $*" >> "$LOG";; esac',
    "cc": "exit 0",
    "python3": f"""
case "$1 $2" in
    *version_info*) echo "${{PYTHON_VERSION:-{PYTHON}}}";;
    *"import venv"*) exit "${{NO_VENV:-0}}";;
    "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "venv" >> "$LOG";;
    "-m pip") echo "pip" >> "$LOG"; exit "${{PIP_FAILS:-0}}";;
    "tools/kernel.py --prepare") echo "prepare" >> "$LOG"; exit "${{PREPARE_FAILS:-0}}";;
esac""",
}


class Machine:
    """A copy of the checkout's tools on a machine that has only what the test gives it."""

    def __init__(self, root: Path) -> None:
        self.root, self.clone, self.bin, self.home = root, root / "clone", root / "bin", root / "home"
        self.log = root / "log"
        for folder in (self.bin, self.home):
            folder.mkdir()
        shutil.copytree(REPOSITORY / "tools", self.clone / "tools")
        shutil.copy(REPOSITORY / "Cargo.toml", self.clone)
        for tool in [*SYSTEM_TOOLS, "cp"]:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        for name, script in GOOD.items():
            self.put(name, script)
        kernel = self.home / ".local" / "share" / "zero-init"
        (kernel / "bin").mkdir(parents=True)
        (kernel / "bin" / "evcxr_jupyter").write_text("#!/bin/sh\n")
        (kernel / "bin" / "evcxr_jupyter").chmod(0o755)
        (kernel / ".crates.toml").write_text(f'[v1]\n"evcxr_jupyter {KERNEL} (registry+x)" = ["evcxr_jupyter"]\n')

    def put(self, name, script):
        (self.bin / name).write_text(f"#!/bin/bash\n{script}\n")
        (self.bin / name).chmod(0o755)

    def setup(self, *arguments, clone=None, **variables):
        self.log.write_text("")
        environment = {"PATH": str(self.bin), "HOME": str(self.home), "LOG": str(self.log), **variables}
        command = ["bash", str((clone or self.clone) / "tools" / "setup.sh"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def done(self):
        return self.log.read_text().split("\n")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("name", "script", "variables", "said"),
    [
        ("cargo", None, {}, f"cargo is missing: install Rust {RUST}"),
        (
            "cargo",
            f"echo 'cargo {one_less(RUST)}.1 (abc)'",
            {},
            f"cargo is {one_less(RUST)}.1, and {RUST} or later is needed",
        ),
        ("cc", None, {}, "no C linker 'cc'"),
        ("python3", None, {}, f"python3 is missing: install Python {PYTHON}"),
        (
            None,
            None,
            {"PYTHON_VERSION": one_less(PYTHON)},
            f"python3 is Python {one_less(PYTHON)}, and {PYTHON} or later is needed",
        ),
        (None, None, {"NO_VENV": "1"}, "python3 has no venv module: install it"),
        ("cargo", f"[ $1 != fmt ] && echo 'cargo {RUST}.0'", {}, "rustfmt is missing"),
        ("cargo", f"[ $1 != clippy ] && echo 'cargo {RUST}.0'", {}, "clippy is missing"),
    ],
)
def test_a_missing_prerequisite_is_one_line(machine, name, script, variables, said):
    if name:
        (machine.bin / name).unlink()
        if script:
            machine.put(name, script)
    run = machine.setup("test", **variables)
    assert run.returncode != 0
    assert run.stdout == "" and run.stderr.count("\n") == 1 and said in run.stderr, run.stderr
    assert not (machine.clone / ".venv").exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("README.md", f"[Rust](https://rustup.rs) {RUST} or later"),
        ("README.md", f"Python {PYTHON} or later"),
        ("README.md", f"evcxr_jupyter {KERNEL})"),
        ("tools/requirements.txt", f"--python-version {PYTHON} "),
        ("pyproject.toml", f'target-version = "py{PYTHON.replace(".", "")}"'),
        ("pyproject.toml", f'python_version = "{PYTHON}"'),
    ],
)
def test_a_version_is_the_same_wherever_it_stands(file, text):
    assert text in (REPOSITORY / file).read_text(encoding="utf-8")


def test_done_once_it_does_nothing(machine):
    assert machine.setup().returncode == 0
    assert "venv" in machine.done() and "pip" in machine.done()
    again = machine.setup()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert machine.done() == ["cargo fetch --locked --offline --quiet", "prepare", ""]


def test_the_set_up_does_not_need_what_kernels_start_with(machine):
    assert machine.setup(PREPARE_FAILS="1").returncode == 0


def test_an_interrupted_venv_is_made_anew(machine):
    assert machine.setup(PIP_FAILS="1").returncode != 0
    assert (machine.clone / ".venv" / "bin" / "python").exists()
    assert machine.setup().returncode == 0
    assert "venv" in machine.done() and "pip" in machine.done()


@pytest.mark.parametrize("change", ["requirements", "moved", "python"])
def test_a_venv_that_does_not_fit_is_made_anew(machine, change):
    assert machine.setup().returncode == 0
    clone, variables = machine.clone, {}
    if change == "requirements":
        with open(clone / "tools" / "requirements.txt", "a") as file:
            file.write("# more\n")
    elif change == "moved":
        clone = clone.rename(machine.root / "a new place")
    else:
        variables["PYTHON_VERSION"] = "3.99"
    assert machine.setup(clone=clone, **variables).returncode == 0
    assert "venv" in machine.done() and "pip" in machine.done()
    spec = json.loads((clone / ".venv" / "share" / "jupyter" / "kernels" / "rust" / "kernel.json").read_text())
    assert spec["argv"][1] == str(clone / "tools" / "kernel.py")


def test_the_kernel_is_built_once_and_beside_other_versions(machine):
    data = machine.home / ".local" / "share" / "zero-init"
    record = (data / ".crates.toml").read_text()
    (data / ".crates.toml").write_text(record.replace(KERNEL, "0.0.1"))
    run = machine.setup()
    install = f"cargo install --locked evcxr_jupyter@{KERNEL} --root {data} --target-dir {data}/build"
    assert install in machine.done() and "7 minutes" in run.stderr
    cargo = machine.home / ".cargo"
    shutil.copytree(data, cargo)
    (cargo / ".crates.toml").write_text(record)  # the user has the right one in the usual place
    assert machine.setup().returncode == 0
    assert install not in machine.done()
    spec = machine.clone / ".venv" / "share" / "jupyter" / "kernels" / "rust" / "kernel.json"
    assert json.loads(spec.read_text())["argv"][2] == str(cargo / "bin" / "evcxr_jupyter")


APT = """
echo "apt-get $1" >> "$LOG"
case "$1" in
    update) touch "$LOG.updated";;
    install) [ -e "$LOG.updated" ] && cp "$0" "${0%/*}/chromium" && cp "$0" "${0%/*}/bwrap";;
esac"""


@pytest.mark.parametrize("user", ["root", "with sudo"])
def test_a_missing_browser_and_sandbox_are_installed_once(machine, user):
    machine.put("apt-get", APT)
    machine.put("id", f"echo {0 if user == 'root' else 1000}")
    if user != "root":
        machine.put("sudo", '[ "$1" = -n ] && echo "sudo" >> "$LOG" && shift && exec "$@"')
    assert machine.setup().returncode == 0
    assert not [line for line in machine.done() if "apt-get" in line], "only the tests need one"
    run = machine.setup("test")
    asked = [line for line in machine.done() if line in ("apt-get install", "apt-get update")]
    packages = "chromium fonts-dejavu-core fonts-dejavu-extra bubblewrap"
    assert (run.returncode, run.stderr) == (0, f"zero-init: installing {packages}: about a minute, once.\n")
    assert asked == ["apt-get install", "apt-get update", "apt-get install"]  # it had no lists of packages
    assert ("sudo" in machine.done()) == (user != "root")
    again = machine.setup("test")
    assert (again.returncode, again.stderr) == (0, "")
    assert not [line for line in machine.done() if "apt-get" in line]


@pytest.mark.parametrize("lacks", ["apt-get", "rights", "network"])
def test_without_a_browser_or_a_sandbox_the_set_up_goes_on(machine, lacks):
    machine.put("id", f"echo {1000 if lacks == 'rights' else 0}")
    if lacks != "apt-get":
        machine.put("apt-get", '[ "$1" = --version ] || { echo "no network"; exit 100; }')
    run = machine.setup("test")
    assert run.returncode == 0 and "there is no Chromium" in run.stderr and "no bubblewrap" in run.stderr, run.stderr
    assert ("no network" in run.stderr) == (lacks == "network")


def test_jupyterlab_leaves_the_users_jupyter_alone(tmp_path):
    """Starts `make lab` for a user who has a kernel of the same name, and settings of their own."""
    home = tmp_path / "home"
    own = home / ".local" / "share" / "jupyter" / "kernels" / "rust" / "kernel.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"argv": ["false"], "display_name": "Not ours", "language": "rust"}))
    (home / ".jupyter").mkdir()
    (home / ".jupyter" / "jupyter_server_config.json").write_text('{"ServerApp": {"port": 1, "token": ""}}')
    before = {file: file.stat().st_mtime_ns for file in home.rglob("*")}

    user = Path.home()
    environment = dict(
        os.environ,
        HOME=str(home),
        CARGO_HOME=os.environ.get("CARGO_HOME", str(user / ".cargo")),
        RUSTUP_HOME=os.environ.get("RUSTUP_HOME", str(user / ".rustup")),
        XDG_DATA_HOME=os.environ.get("XDG_DATA_HOME", str(user / ".local" / "share")),  # where the kernel is
        JUPYTER_PATH=str(home / ".local" / "share" / "jupyter"),
    )
    port = free_port()
    arguments = f"ARGS=--no-browser --allow-root --port={port}"
    log = tmp_path / "log"
    with open(log, "w") as file:
        lab = subprocess.Popen(
            ["make", "--no-print-directory", "-C", str(REPOSITORY), "lab", arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        address = None
        for _ in range(600):
            address = re.search(rf"(http://127\.0\.0\.1:{port})/lab\S*\?token=(\w+)", log.read_text())
            if address or lab.poll() is not None:
                break
            time.sleep(0.1)
        assert address, log.read_text()

        def get(path):
            request = urllib.request.Request(address[1] + path, headers={"Authorization": f"token {address[2]}"})
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)

        specs = get("/api/kernelspecs")["kernelspecs"]
        assert {name: spec["spec"]["display_name"] for name, spec in specs.items()} == {"rust": "Rust"}
        notification = get("/lab/api/settings/@jupyterlab/apputils-extension:notification")
        assert notification["schema"]["properties"]["fetchNews"]["default"] == "false"  # so it does not ask
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address[1] + "/api/kernelspecs", timeout=30)  # no token, no answer
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.wait()
    assert {file: file.stat().st_mtime_ns for file in home.rglob("*")} == before


# --- make doctor -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        (None, None, f"ok       cargo       {RUST}.0"),
        (None, None, f"ok       kernel      evcxr_jupyter {KERNEL}"),
        (None, None, "not yet  JupyterLab  'make lab' installs it"),
        (None, None, "not yet  browser     only 'make test' wants one"),
        ("cargo", "exit 1", "MISSING  cargo       install Rust from https://rustup.rs"),
        (
            "cargo",
            f"echo 'cargo {one_less(RUST)}.1 (abc)'",
            f"MISSING  cargo       it is {one_less(RUST)}.1, and {RUST} is",
        ),
        ("cc", "exit 1", "MISSING  C linker    install gcc or clang"),
        (
            "python3",
            f"echo {one_less(PYTHON)}",
            f"MISSING  python      it is {one_less(PYTHON)}, and {PYTHON} is needed",
        ),
    ],
)
def test_the_doctor_says_what_is_there_and_what_to_do(machine, name, script, said):
    for tool in ("awk", "cut", "df", "head", "ls"):
        if not (machine.bin / tool).exists():
            (machine.bin / tool).symlink_to(str(shutil.which(tool)))
    if name:
        machine.put(name, script)
    environment = {"PATH": str(machine.bin), "HOME": str(machine.home)}
    run = subprocess.run(["bash", machine.clone / "tools/doctor.sh"], env=environment, capture_output=True, text=True)
    assert said in run.stdout, run.stdout + run.stderr
    assert run.returncode == (1 if "MISSING" in said else 0)
    assert len(run.stdout.splitlines()) <= 24, "one screen"
