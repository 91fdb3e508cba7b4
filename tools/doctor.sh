#!/usr/bin/env bash
# Says of each thing that the project needs whether this machine has it, or what to do. Installs nothing.
#
# Usage: tools/doctor.sh      fails if something that everybody needs is missing
cd "$(dirname "$0")/.." || exit 1

. tools/versions.sh
missing=0

ok() { printf 'ok       %-11s %s\n' "$1" "$2"; }
no() { printf 'MISSING  %-11s %s\n' "$1" "$2"; missing=1; }
later() { printf 'not yet  %-11s %s\n' "$1" "$2"; }

rust="$(cargo_version)"
if [ -z "$rust" ]; then no cargo "install Rust from https://rustup.rs"
elif ! at_least "$rust" "$rust_version"; then no cargo "it is $rust, and $rust_version is needed: rustup update stable"
elif has_shared_std; then ok cargo "$rust"
else no cargo "it has no shared standard library: install Rust from https://rustup.rs, and not from your system's packages"; fi

if cc --version > /dev/null 2>&1; then ok 'C linker' "$(cc --version | head -n 1)"
else no 'C linker' "install gcc or clang (Debian: apt install build-essential; macOS: xcode-select --install)"; fi

python="$(find_python "$oldest_python_version")" || python=python3
found_python="$(version_of_python "$python")"
install="install Python $python_version (Debian: apt install python3 python3-venv), or uv, which brings one: https://docs.astral.sh/uv"
if [ -z "$found_python" ] || ! at_least "$found_python" "$oldest_python_version"; then
    found_python="it is ${found_python:-not there}, and $oldest_python_version is needed"
    if uv --version > /dev/null 2>&1; then later python "$found_python: 'make lab' lets uv install one"
    else no python "$found_python: $install"; fi
elif ! has_venv "$python"; then no python "it has no venv module (Debian: apt install python3-venv)"
elif at_least "$found_python" "$python_version"; then ok python "$found_python, with venv"
else ok python "$found_python, with venv; assignments and 'make test' need $python_version"; fi

if kernel="$(.venv/bin/python tools/get_kernel.py "$kernel_version" "$data" --found 2> /dev/null)"; then
    ok kernel "evcxr_jupyter $kernel_version: $kernel"
elif kernel="$(PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin:$data/bin"; command -v evcxr_jupyter)" && [ -x "$kernel" ]; then
    later kernel "'make lab' looks whether $kernel is evcxr_jupyter $kernel_version"
else later kernel "'make lab' fetches evcxr_jupyter $kernel_version if it may (see README.md), or builds it: about 7 minutes, once"; fi

if [ -e .venv/complete ] && .venv/bin/python -c 'import jupyterlab' 2> /dev/null; then
    ok JupyterLab "$(.venv/bin/python -c 'import jupyterlab; print(jupyterlab.__version__)'), in .venv"
else later JupyterLab "'make lab' installs it into .venv: some ten seconds, once"; fi

if [ -e .venv/share/jupyter/kernels/rust/kernel.json ]; then ok kernelspec "Rust, in .venv"
else later kernelspec "'make lab' writes it"; fi

if [ -n "$(ls target/kernel 2> /dev/null)" ]; then ok cache "the crate is built for the notebooks' kernels"
else later cache "'make lab' builds it: a quarter of a minute"; fi

if [ -r /proc/meminfo ]; then
    memory="$(awk '/^MemAvailable/ { printf "%d", $2 / 1024 }' /proc/meminfo)"
    if [ "$memory" -ge 1500 ]; then ok memory "$memory MB free; a notebook's kernel takes about 300, and one more waits"
    else later memory "only $memory MB are free, and a notebook's kernel takes about 300, and one more waits: close something"; fi
fi
disk="$(df -Pk . | awk 'NR == 2 { printf "%d", $4 / 1024 }')"
if [ "$disk" -ge 3000 ]; then ok disk "$disk MB free; kernel, JupyterLab and crates take about 2000"
else later disk "only $disk MB are free, and about 2000 are needed: make room"; fi

if browser="$(find_browser)"; then ok browser "${browser##*/}, for 'make test'"
else later browser "only 'make test' wants one (Debian: apt install chromium)"; fi
if [ "$(uname -s)" != Linux ]; then later sandbox "only 'make grade' wants one, and that needs Linux: see notebooks/assignments/README.md"
elif command -v bwrap > /dev/null && ! bwrap --ro-bind / / --unshare-all true 2> /dev/null; then
    later sandbox "bubblewrap is here and this system lets it make no sandbox: 'make grade' says why"
elif command -v bwrap > /dev/null; then ok sandbox "$(bwrap --version), for 'make grade'"
else later sandbox "only 'make grade' and 'make test' want one (Debian: apt install bubblewrap)"; fi

exit "$missing"
