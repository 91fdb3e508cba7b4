"""Checks of the set-up that need no network: prerequisites, interruptions, and the user's own Jupyter left alone."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import REPOSITORY, free_port

# What setup.sh uses of the system.
SYSTEM_TOOLS = "bash cat cksum dirname env grep mkdir mktemp mv rm sed touch true".split()

# What tools/versions.sh says, as setup.sh and doctor.sh read it.
PRINT_VERSIONS = '. tools/versions.sh && echo "$kernel_version $python_version $oldest_python_version $rust_version"'
VERSIONS = subprocess.run(
    ["bash", "-c", PRINT_VERSIONS], cwd=REPOSITORY, capture_output=True, text=True, check=True
).stdout
KERNEL, PYTHON, OLDEST_PYTHON, RUST = VERSIONS.split()


def one_less(version: str) -> str:
    """The minor version before one."""
    major, minor = version.split(".")
    return f"{major}.{int(minor) - 1}"


GOOD = {
    "cargo": f'case "$1" in --version) echo "cargo {RUST}.0 (abc 2026-01-01)";; *) echo "cargo $*" >> "$LOG";; esac',
    "cc": "exit 0",
    "rustc": 'echo "$HOME/lib"',
    "python3": f"""
case "$1 $2" in
    *version_info*) echo "${{PYTHON_VERSION:-{PYTHON}}}";;
    *"import venv"*) exit "${{NO_VENV:-0}}";;
    "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "venv by ${{0##*/}}" >> "$LOG";;
    "-m pip") shift 2; echo "pip $*" >> "$LOG"
        [ "$*" != "--disable-pip-version-check config list" ] || echo "${{INDEX:-}}"
        exit "${{PIP_FAILS:-0}}";;
    "tools/get_kernel.py {KERNEL}")
        echo "get_kernel ${{*:3}}" >> "$LOG"
        [ -z "$INTERRUPTED" ] || exit 130
        [ -e "$3/bin/evcxr_jupyter" ] && echo "$3/bin/evcxr_jupyter";;
    "tools/kernel.py --prepare") echo "prepare" >> "$LOG"; exit "${{PREPARE_FAILS:-0}}";;
esac""",
}


class Machine:
    """A copy of the checkout's tools on a machine that has only what the test gives it."""

    def __init__(self, root: Path) -> None:
        self.root, self.clone, self.bin, self.home = root, root / "it's a clone", root / "bin", root / "home"
        self.log = root / "log"
        for folder in (self.bin, self.home):
            folder.mkdir()
        shutil.copytree(REPOSITORY / "tools", self.clone / "tools")
        shutil.copy(REPOSITORY / "Cargo.toml", self.clone)
        for tool in [*SYSTEM_TOOLS, "cp"]:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        for name, script in GOOD.items():
            self.put(name, script)
        self.kernel = self.home / ".local" / "share" / "zero-init" / "bin" / "evcxr_jupyter"
        self.kernel.parent.mkdir(parents=True)
        self.kernel.write_text("")
        (self.home / "lib").mkdir()
        (self.home / "lib" / "libstd-1234.so").write_text("")

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

    def installed(self):
        """The lists of packages that were installed last."""
        (files,) = [re.findall(r"-r tools/(\S+)", line) for line in self.done() if " --no-compile " in line] or [[]]
        return files


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("name", "script", "variables", "said"),
    [
        ("cargo", None, {}, f"cargo is missing, and Rust {RUST} or later is needed: install it from https://rustup.rs"),
        (
            "cargo",
            f"echo 'cargo {one_less(RUST)}.1 (abc)'",
            {},
            f"cargo is {one_less(RUST)}.1, and Rust {RUST} or later is needed: install it from https://rustup.rs",
        ),
        ("rustc", 'echo "$HOME/none"', {}, "this Rust has no shared standard library"),
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
        ("README.md", f"Python {OLDEST_PYTHON} or later"),
        ("README.md", f"need Python {PYTHON}"),
        ("README.md", f"evcxr_jupyter {KERNEL})"),
        ("Dockerfile", f"FROM rust:{RUST}.0-"),
        ("notebooks/HUB.md", f"--default-toolchain {RUST}.0"),
        ("tools/requirements.in", f'python_version >= "{PYTHON}"'),
        ("tools/requirements.txt", f"--python-version {OLDEST_PYTHON} "),
        ("pyproject.toml", f'target-version = "py{OLDEST_PYTHON.replace(".", "")}"'),
        ("pyproject.toml", f'python_version = "{PYTHON}"'),
    ],
)
def test_a_version_is_the_same_wherever_it_stands(file, text):
    assert text in (REPOSITORY / file).read_text(encoding="utf-8")


def test_done_once_it_does_nothing(machine):
    assert machine.setup().returncode == 0
    assert "venv by python3" in machine.done() and machine.installed() == ["requirements.txt"]
    again = machine.setup()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert sorted(machine.done()) == [
        "",
        "cargo fetch --locked --offline --quiet",
        f"get_kernel {machine.kernel.parents[1]}",
        "prepare",
    ]


def test_what_only_tests_need_is_added_for_them(machine):
    assert machine.setup().returncode == 0
    assert machine.setup("test").returncode == 0
    assert "venv by python3" not in machine.done() and machine.installed() == ["requirements-test.txt"]
    for again in (["test"], []):
        assert machine.setup(*again).returncode == 0 and not machine.installed()
    with open(machine.clone / "tools" / "requirements-test.txt", "a") as file:
        file.write("# more\n")
    assert machine.setup().returncode == 0 and not machine.installed()
    assert machine.setup("test").returncode == 0 and machine.installed() == ["requirements-test.txt"]
    shutil.rmtree(machine.clone / ".venv")
    assert machine.setup("test").returncode == 0
    assert machine.installed() == ["requirements.txt", "requirements-test.txt"]


UV = """
case "$1" in
    --version) ;;
    pip) echo "uv $*" >> "$LOG"; exit "${UV_FAILS:-0}";;
    *) exit 2;;
esac"""


@pytest.mark.parametrize("index", ["", "global.index-url='https://packages.example'"])
@pytest.mark.parametrize("uv", ["the user's", "fetched", "none"])
@pytest.mark.parametrize("fails", ["0", "1"])
def test_uv_installs_the_packages_or_else_pip(machine, uv, index, fails):
    if uv == "the user's":
        machine.put("uv", UV)
    elif uv == "fetched":
        machine.put("fetched", UV)
        fetch = f'case "$*" in *requirements-uv.txt) cp {machine.bin}/fetched .venv/bin/uv;; esac'
        machine.put("python3", GOOD["python3"].replace("shift 2;", f"shift 2; {fetch};"))
    run = machine.setup(INDEX=index, UV_FAILS=fails)
    assert run.returncode == 0, run.stderr
    asked = [line.split()[0] for line in machine.done() if line.endswith("-r tools/requirements.txt")]
    by_uv = uv == "the user's" or (uv == "fetched" and not index)
    assert asked == ["uv"] * by_uv + ["pip"] * (not by_uv or fails == "1")
    assert ("pip tries" in run.stderr) == (by_uv and fails == "1")
    assert all("--require-hashes" in line for line in machine.done() if " install " in line)


def test_the_set_up_does_not_need_what_kernels_start_with(machine):
    assert machine.setup(PREPARE_FAILS="1").returncode == 0


def test_without_the_crates_it_ends(machine):
    machine.put("cargo", GOOD["cargo"] + '\n[ "$1" != fetch ]')
    run = machine.setup()
    assert run.returncode != 0 and "the crates of Cargo.lock could not be fetched" in run.stderr
    assert "cargo fetch --locked --quiet" in machine.done() and "prepare" not in machine.done()


def test_an_interrupted_venv_is_made_anew(machine):
    assert machine.setup(PIP_FAILS="1").returncode != 0
    assert (machine.clone / ".venv" / "bin" / "python").exists()
    assert machine.setup().returncode == 0
    assert "venv by python3" in machine.done() and machine.installed() == ["requirements.txt"]


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
    assert "venv by python3" in machine.done() and machine.installed() == ["requirements.txt"]
    spec = json.loads((clone / ".venv" / "share" / "jupyter" / "kernels" / "rust" / "kernel.json").read_text())
    assert spec["argv"][1] == str(clone / "tools" / "kernel.py")


@pytest.mark.parametrize("target", ["lab", "teach"])
def test_a_folder_may_have_a_name_that_shells_read_otherwise(machine, target):
    """It has a space and an apostrophe in all tests of this file; here for what make itself does."""
    shutil.copy(REPOSITORY / "Makefile", machine.clone)
    variables = {"PATH": os.environ["PATH"]}  # and not those of the make that runs the tests
    run = subprocess.run(["make", "-n", target], cwd=machine.clone, env=variables, capture_output=True, text=True)
    lines = run.stdout.replace("\\\n", " ").splitlines()
    commands = [shlex.split(line) for line in lines if str(machine.root) in line]
    assert run.stderr == "" and len(commands) == 2, run
    assert f"{machine.clone}/.venv/jupyter/signed" in commands[0]
    assert f"{machine.clone}/.venv/bin/python" in commands[1]


def spec_of(machine):
    return json.loads((machine.clone / ".venv" / "share" / "jupyter" / "kernels" / "rust" / "kernel.json").read_text())


def test_a_kernel_that_is_nowhere_is_built_and_must_then_work(machine):
    data = machine.kernel.parents[1]
    machine.kernel.unlink()
    install = f"cargo install --locked --force evcxr_jupyter@{KERNEL} --root {data} --target-dir {data}/build"
    run = machine.setup()
    assert run.returncode != 0 and install in machine.done(), run.stderr
    assert "7 minutes" in run.stderr and "the kernel was built and does not work" in run.stderr
    machine.put("cargo", GOOD["cargo"] + f"\n[ $1 != install ] || touch {machine.kernel}")
    (data / "build").mkdir()
    assert machine.setup().returncode == 0 and install in machine.done()
    assert spec_of(machine)["argv"][2] == str(machine.kernel) and not (data / "build").exists()
    assert machine.setup().returncode == 0 and install not in machine.done()


def test_interrupted_while_it_looks_for_a_kernel_it_builds_none(machine):
    run = machine.setup(INTERRUPTED="1")
    assert run.returncode == 130 and not [line for line in machine.done() if line.startswith("cargo install")]


# --- An older Rust or Python -----------------------------------------------------------------------------------------


def at_a_terminal(machine, answer):
    """Runs the set-up with a terminal, at which somebody types this when it asks, and returns what it says."""
    controller, terminal = os.openpty()
    machine.log.write_text("")
    environment = {"PATH": str(machine.bin), "HOME": str(machine.home), "LOG": str(machine.log)}
    command = ["bash", str(machine.clone / "tools" / "setup.sh")]
    run = subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    said = ""
    while True:
        try:
            piece = os.read(controller, 1000).decode()
        except OSError:  # so Linux says that nobody has the terminal any more
            piece = ""
        if not piece:
            break
        said += piece
        if piece.endswith("[Y/n] "):
            os.write(controller, f"{answer}\n".encode())
    os.close(controller)
    return run.wait(), said


OLD_CARGO = f"""
if [ "$1" != --version ] || [ -e "$HOME/updated" ]; then {{ {GOOD["cargo"]}; }}; else {{ {{}}; }}; fi"""


@pytest.mark.parametrize(
    ("had", "command"),
    [(f"echo 'cargo {one_less(RUST)}.1 (abc)'", "rustup update stable"), ("exit 1", "rustup default stable")],
)
@pytest.mark.parametrize("answer", ["", "y", "n", "nobody"])
def test_rustup_is_used_where_the_user_agrees(machine, had, command, answer):
    machine.put("cargo", OLD_CARGO.replace("{}", had))
    machine.put("rustup", 'echo "rustup $*" >> "$LOG"; [ "$1" = --version ] || touch "$HOME/updated"')
    if answer == "nobody":
        run = machine.setup()
        status, said = run.returncode, run.stderr
    else:
        status, said = at_a_terminal(machine, answer)
    agreed = answer in ("", "y")
    assert (status == 0) == agreed, said
    assert (command in machine.done()) == agreed
    assert f"Rust {RUST} or later is needed" in said and f"run '{command}'" in said.lower()
    assert ("[Y/n]" in said) == (answer != "nobody")


def test_if_another_rust_is_the_default_it_is_said(machine):
    machine.put("cargo", f"echo 'cargo {one_less(RUST)}.1 (abc)'")
    machine.put("rustup", "exit 0")
    status, said = at_a_terminal(machine, "")
    assert status != 0 and f"cargo is still {one_less(RUST)}.1: run 'rustup default stable'" in said


def older(version):
    """A Python of this version, which makes environments with one of the same version."""
    return GOOD["python3"].replace("${PYTHON_VERSION:-" + PYTHON + "}", version)


@pytest.mark.parametrize(
    ("pythons", "test", "taken"),
    [
        ({"python3": OLDEST_PYTHON}, False, "python3"),
        ({"python3": "3.6", "python3.10": "3.10"}, False, "python3.10"),
        ({"python3": OLDEST_PYTHON, "python3.12": "3.12"}, False, "python3.12"),  # so that `make test` takes the same
        ({"python3": OLDEST_PYTHON, "python3.12": "3.12"}, True, "python3.12"),
        ({"python3": OLDEST_PYTHON}, True, None),
        ({"python3": one_less(OLDEST_PYTHON)}, False, None),
    ],
)
def test_the_python_that_does_for_most_is_taken(machine, pythons, test, taken):
    for name, version in pythons.items():
        machine.put(name, older(version))
    run = machine.setup(*["test"] * test)
    assert (run.returncode == 0) == (taken is not None), run.stderr
    if taken:
        assert f"venv by {taken}" in machine.done()
    else:
        needed = PYTHON if test else OLDEST_PYTHON
        assert f"{needed} or later is needed" in run.stderr and run.stderr.count("\n") == 1


def test_the_user_chooses_another_python(machine):
    machine.put("mine", older("3.12"))
    assert machine.setup(SETUP_PYTHON="mine").returncode == 0 and "venv by mine" in machine.done()


@pytest.mark.parametrize("lacks", ["python", "venv", "nothing", "network"])
def test_uv_brings_a_python_where_there_is_none(machine, lacks):
    """A stand-in for uv, with the commands as of uv 0.13."""
    installed = machine.root / "uv" / "python3.13"
    installed.parent.mkdir()
    machine.put(
        "uv",
        f"""
case "$*" in
    "python find --no-cache --managed-python >={PYTHON}") [ -x {installed} ] && echo {installed};;
    "python install {PYTHON}") echo "uv" >> "$LOG"; [ {lacks} != network ] || {{ echo "no route" >&2; exit 1; }}
        cp "$HOME/managed" {installed};;
    --version) ;;
    *) exit 2;;
esac""",
    )
    shutil.copy(machine.bin / "python3", machine.home / "managed")
    if lacks in ("python", "network"):
        machine.put("python3", older("3.6"))
    elif lacks == "venv":
        machine.put("python3", GOOD["python3"].replace("${NO_VENV:-0}", "1"))
    run = machine.setup()
    assert ("uv" in machine.done()) == (lacks != "nothing")
    if lacks == "network":
        assert run.returncode != 0 and "no route" in run.stderr and "python3 is Python 3.6" in run.stderr
        return
    assert run.returncode == 0, run.stderr
    assert f"venv by {'python3' if lacks == 'nothing' else 'python3.13'}" in machine.done()
    assert machine.setup().stderr == ""
    assert "uv" not in machine.done() and not [line for line in machine.done() if "venv" in line]


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


@pytest.mark.slow
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
        (None, None, f"not yet  kernel      'make lab' fetches evcxr_jupyter {KERNEL}"),
        ("evcxr_jupyter", "", f"/bin/evcxr_jupyter is evcxr_jupyter {KERNEL}"),
        ("rustc", 'echo "$HOME/none"', "MISSING  cargo       it has no shared standard library"),
        (
            "python3",
            older(OLDEST_PYTHON),
            f"ok       python      {OLDEST_PYTHON}, with venv; assignments and 'make test'",
        ),
        (None, None, "not yet  JupyterLab  'make lab' installs it"),
        (None, None, "not yet  browser     only 'make test' wants one"),
        (None, None, "not yet  sandbox     only 'make grade' and 'make test' want one"),
        (
            "bwrap",
            "[ $1 = --version ]",
            "not yet  sandbox     bubblewrap is here and this system lets it make no sandbox",
        ),
        ("bwrap", "echo bubblewrap 1", "ok       sandbox     bubblewrap 1, for 'make grade'"),
        ("uname", "echo Darwin", "not yet  sandbox     only 'make grade' wants one, and that needs Linux"),
        ("cargo", "exit 1", "MISSING  cargo       install Rust from https://rustup.rs"),
        (
            "cargo",
            f"echo 'cargo {one_less(RUST)}.1 (abc)'",
            f"MISSING  cargo       it is {one_less(RUST)}.1, and {RUST} is needed",
        ),
        ("cc", "exit 1", "MISSING  C linker    install gcc or clang"),
        (
            "python3",
            f"echo {one_less(OLDEST_PYTHON)}",
            f"MISSING  python      it is {one_less(OLDEST_PYTHON)}, and {OLDEST_PYTHON} is needed",
        ),
    ],
)
def test_the_doctor_says_what_is_there_and_what_to_do(machine, name, script, said):
    for tool in ("awk", "cut", "df", "head", "ls", "uname"):
        if not (machine.bin / tool).exists():
            (machine.bin / tool).symlink_to(str(shutil.which(tool)))
    if name:
        (machine.bin / name).unlink(missing_ok=True)
        machine.put(name, script)
    environment = {"PATH": str(machine.bin), "HOME": str(machine.home)}
    run = subprocess.run(["bash", machine.clone / "tools/doctor.sh"], env=environment, capture_output=True, text=True)
    assert said in run.stdout, run.stdout + run.stderr
    assert run.returncode == (1 if "MISSING" in said else 0)
    assert len(run.stdout.splitlines()) <= 24, "one screen"


# --- The scripts themselves ------------------------------------------------------------------------------------------


def test_the_shell_scripts_have_no_known_pitfalls():
    scripts = [".ci/run", *(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("tools/*.sh"))]
    assert len(scripts) >= 5
    command = [str(Path(sys.executable).with_name("shellcheck")), "--external-sources", *scripts]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_package_is_missing_and_the_slow_one_is_not_loaded():
    """Only what is listed is installed: what a package asks for is not looked up again."""
    run = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert run.stdout == "No broken requirements found.\n", run
    loaded = "import nbformat, sys; print({name.split('.')[0] for name in sys.modules} & {'lark', 'rfc3987_syntax'})"
    run = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True)
    assert run.stdout == "set()\n", run
