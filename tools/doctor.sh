#!/usr/bin/env bash
# Says of each thing that the project needs whether this machine has it, or what to do. Changes nothing.
#
# Usage: tools/doctor.sh      fails if something that everybody needs is missing
cd "$(dirname "$0")/.." || exit 1

python="${PYTHON:-python3}"
. tools/versions.sh
data="${XDG_DATA_HOME:-$HOME/.local/share}/zero-init"
missing=0

ok() { printf 'ok       %-11s %s\n' "$1" "$2"; }
no() { printf 'MISSING  %-11s %s\n' "$1" "$2"; missing=1; }
later() { printf 'not yet  %-11s %s\n' "$1" "$2"; }

rust="$(cargo --version 2> /dev/null | cut -d ' ' -f 2)"
if [ -z "$rust" ]; then no cargo "install Rust from https://rustup.rs"
elif at_least "$rust" "$rust_version"; then ok cargo "$rust"
else no cargo "it is $rust, and $rust_version is needed: rustup update stable"; fi

if cc --version > /dev/null 2>&1; then ok 'C linker' "$(cc --version | head -n 1)"
else no 'C linker' "install gcc or clang (Debian: apt install build-essential; macOS: xcode-select --install)"; fi

found_python="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)"
if [ -z "$found_python" ]; then no python "install Python $python_version or later (Debian: apt install python3 python3-venv)"
elif ! at_least "$found_python" "$python_version"; then
    no python "it is $found_python, and $python_version is needed (PYTHON=… make … picks another one)"
elif "$python" -c 'import venv, ensurepip' 2> /dev/null; then ok python "$found_python, with venv"
else no python "it has no venv module (Debian: apt install python3-venv)"; fi

found=
for root in "$(dirname "$(dirname "$(command -v evcxr_jupyter || echo /)")")" "${CARGO_HOME:-$HOME/.cargo}" "$data"; do
    grep -q "^\"evcxr_jupyter $kernel_version " "$root/.crates.toml" 2> /dev/null && found="$root"
done
if [ -n "$found" ]; then ok kernel "evcxr_jupyter $kernel_version"
else later kernel "'make lab' builds evcxr_jupyter $kernel_version: about 7 minutes, once"; fi

if [ -e .venv/complete ] && .venv/bin/python -c 'import jupyterlab' 2> /dev/null; then
    ok JupyterLab "$(.venv/bin/python -c 'import jupyterlab; print(jupyterlab.__version__)'), in .venv"
else later JupyterLab "'make lab' installs it into .venv: half a minute, once"; fi

if [ -e .venv/share/jupyter/kernels/rust/kernel.json ]; then ok kernelspec "Rust, in .venv"
else later kernelspec "'make lab' writes it"; fi

if [ -n "$(ls target/kernel 2> /dev/null)" ]; then ok cache "the crate is built for the notebooks' kernels"
else later cache "'make lab' builds it: a quarter of a minute"; fi

if [ -r /proc/meminfo ]; then
    memory="$(awk '/^MemAvailable/ { printf "%d", $2 / 1024 }' /proc/meminfo)"
    if [ "$memory" -ge 1500 ]; then ok memory "$memory MB free; a notebook's kernel takes about 420"
    else later memory "only $memory MB are free, and a notebook's kernel takes about 420: close something"; fi
fi
disk="$(df -Pk . | awk 'NR == 2 { printf "%d", $4 / 1024 }')"
if [ "$disk" -ge 3000 ]; then ok disk "$disk MB free; kernel, JupyterLab and crates take about 2000"
else later disk "only $disk MB are free, and about 2000 are needed: make room"; fi

if browser="$(command -v chromium || command -v chromium-browser || command -v google-chrome)"; then ok browser "${browser##*/}, for 'make test'"
else later browser "only 'make test' wants one (Debian: apt install chromium)"; fi
if command -v bwrap > /dev/null; then ok sandbox "$(bwrap --version), for 'make grade'"
else later sandbox "only 'make grade' and 'make test' want one (Debian: apt install bubblewrap)"; fi

exit "$missing"
