#!/usr/bin/env bash
# Installs what `make lab` and `make test` need, and nothing when it is there: .venv, the kernel (once per user), the
# crates of Cargo.lock and what kernels start with (target/kernel). Interrupted at any point, it completes when run again.
#
# Usage: tools/setup.sh [test]      with `test`, rustfmt and clippy must be there too, and what tests use is installed
set -euo pipefail
cd "$(dirname "$0")/.."

. tools/versions.sh

die() { echo "zero-init: $*" >&2; exit 1; }
say() { echo "zero-init: $*" >&2; }

# --- What has to be there before -------------------------------------------------------------------------------------

# Asks a question that can be answered with the enter key. Where nobody can answer, the answer is no.
ask() {
    local answer
    [ -t 0 ] && [ -t 2 ] || return 1
    printf 'zero-init: %s [Y/n] ' "$*" >&2
    read -r answer && case "$answer" in [nN]*) return 1;; esac
}

rust="$(cargo_version)"
if [ -z "$rust" ] || ! at_least "$rust" "$rust_version"; then
    what="cargo is ${rust:-missing}, and Rust $rust_version or later is needed"
    rustup --version > /dev/null 2>&1 || die "$what: install it from https://rustup.rs"
    how="rustup update stable"
    [ -n "$rust" ] || how="rustup default stable"
    # Rust is the user's: it is changed only if they agree.
    { ask "$what. Run '$how'?" && $how >&2; } || die "$what: run '$how'"
    rust="$(cargo_version)"
    { [ -n "$rust" ] && at_least "$rust" "$rust_version"; } || die "cargo is still ${rust:-missing}: run 'rustup default stable'"
fi
has_shared_std || die "this Rust has no shared standard library (libstd-….so), and no kernel runs without:" \
    "install Rust from https://rustup.rs, and not from your system's packages"
cc --version > /dev/null 2>&1 ||
    die "no C linker 'cc': install gcc or clang (Debian: apt install build-essential; macOS: xcode-select --install)"
need_python="$oldest_python_version"
[ "${1:-}" != test ] || need_python="$python_version"
if ! python="$(find_python "$need_python")"; then
    python=python3
    if uv --version > /dev/null 2>&1; then
        say "there is no Python $need_python or later with venv: uv installs one of its own."
        if uv python install "$python_version" >&2; then python="$(find_python "$need_python")" || python=python3; fi
    fi
fi
found_python="$(version_of_python "$python")" || die "$python is missing: install Python $need_python or later" \
    "(Debian: apt install python3 python3-venv; or get uv from https://docs.astral.sh/uv, which brings one)"
at_least "$found_python" "$need_python" || die "$python is Python $found_python, and $need_python or later is needed" \
    "(make PYTHON=… picks another one; or get uv from https://docs.astral.sh/uv, which brings one)"
has_venv "$python" || die "$python has no venv module: install it (Debian: apt install python3-venv)"
if [ "${1:-}" = test ]; then
    cargo fmt --version > /dev/null 2>&1 || die "rustfmt is missing: run 'rustup component add rustfmt'"
    cargo clippy --version > /dev/null 2>&1 || die "clippy is missing: run 'rustup component add clippy'"
fi

# --- The crates, while the rest is installed -------------------------------------------------------------------------

trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
{ cargo fetch --locked --offline --quiet 2> /dev/null || cargo fetch --locked --quiet; } &
crates=$!

# --- .venv -----------------------------------------------------------------------------------------------------------

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

# Installs what these files list, and nothing else: see tools/requirements-without.txt. uv takes seconds where pip takes half a minute. Who has none gets it into .venv, unless pip
# is told to ask another server, of which uv would not know.
install_packages() {
    local uv=uv file
    local -a packages=(--quiet --require-hashes --no-deps)
    for file; do packages+=(-r "$file"); done
    if ! uv --version > /dev/null 2>&1; then
        uv=.venv/bin/uv
        if ! "$uv" --version > /dev/null 2>&1 && ! pip config list 2> /dev/null | grep -q index-url; then
            pip install --quiet --require-hashes -r tools/requirements-uv.txt > /dev/null 2>&1 || true
        fi
    fi
    if "$uv" --version > /dev/null 2>&1; then
        "$uv" pip install --python .venv/bin/python "${packages[@]}" && return
        say "uv could not install it: pip tries."
    fi
    pip install --no-compile "${packages[@]}"
}

# Is the file $1 a stamp that says $2? Stamps are written last, so what is half made has none.
stamped() { [ "$(cat "$1" 2> /dev/null)" = "$2" ]; }

stamp() {
    echo "$2" > "$1.part"
    mv "$1.part" "$1"
}

# A virtual environment cannot be moved: the stamp has its path.
wanted="$(cksum < tools/requirements.txt) Python $found_python in $PWD"
wanted_tests="$(cksum < tools/requirements-test.txt)"
files=()
if ! stamped .venv/complete "$wanted" || ! .venv/bin/python -c '' 2> /dev/null; then
    say "installing JupyterLab into .venv: some ten seconds, with pip alone half a minute."
    rm -rf .venv
    "$python" -m venv .venv
    files+=(tools/requirements.txt)
fi
if [ "${1:-}" = test ] && ! stamped .venv/tests "$wanted_tests"; then files+=(tools/requirements-test.txt); fi
if [ "${#files[@]}" != 0 ]; then
    install_packages "${files[@]}" || die "the Python packages did not install; see above"
    stamp .venv/complete "$wanted"
    [ "${1:-}" != test ] || stamp .venv/tests "$wanted_tests"
    # While the kernel is seen to, so that what starts first need not do it.
    .venv/bin/python -m compileall -q .venv/lib > /dev/null 2>&1 &
fi

# --- The kernel: one for all clones of this user ---------------------------------------------------------------------

# Prints its path, or fails with 1 if it has to be built.
get_kernel() { .venv/bin/python tools/get_kernel.py "$kernel_version" "$data" "$@"; }

status=0
kernel="$(get_kernel)" || status=$?
[ "$status" -le 1 ] || exit "$status"  # interrupted
wait "$crates" || die "the crates of Cargo.lock could not be fetched; see above"
if [ "$status" = 1 ]; then
    say "so the Rust kernel (evcxr_jupyter $kernel_version) is built: about 7 minutes on two cores, once per user."
    say "If you stop it, the next run goes on where it stopped."
    # An own root leaves alone any other version the user has; an own target folder outlives an interruption.
    cargo install --locked --force "evcxr_jupyter@$kernel_version" --root "$data" --target-dir "$data/build" >&2 ||
        die "the kernel did not build; see above"
    kernel="$(get_kernel --found)" || die "the kernel was built and does not work; see above"
fi
rm -rf "$data/build"

# --- What JupyterLab has to know -------------------------------------------------------------------------------------

# Writes its input to the file $1, whole or not at all.
put() {
    mkdir -p "$(dirname "$1")"
    cat > "$1.part"
    mv "$1.part" "$1"
}

json() { printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/^/"/; s/$/"/'; }

# The kernelspec inside .venv is found only by the JupyterLab of .venv.
put .venv/share/jupyter/kernels/rust/kernel.json << END
{
  "argv": [$(json "$PWD/.venv/bin/python"), $(json "$PWD/tools/kernel.py"), $(json "$kernel"), "{connection_file}"],
  "display_name": "Rust",
  "language": "rust",
  "interrupt_mode": "message"
}
END

# Without this, JupyterLab asks on its first start whether to fetch news.
put .venv/share/jupyter/lab/settings/overrides.json << 'END'
{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}
END

# Figures in a dark theme, and the outline of a notebook.
put .venv/share/jupyter/labextensions/zero-init/package.json << 'END'
{
  "name": "zero-init",
  "version": "1.0.0",
  "jupyterlab": {"extension": true, "_build": {"load": "static/remoteEntry.js", "extension": "./extension"}}
}
END
put .venv/share/jupyter/labextensions/zero-init/static/remoteEntry.js < tools/jupyterlab/remoteEntry.js

# Only Rust is on offer: JupyterLab's own dependencies would add a Python kernel. Nor are other languages' servers looked for.
put .venv/etc/jupyter/jupyter_server_config.json << 'END'
{
  "KernelSpecManager": {"allowed_kernelspecs": ["rust"], "ensure_native_kernel": false},
  "LanguageServerManager": {"autodetect": false}
}
END

# How JupyterLab starts kernels.
put .venv/etc/jupyter/jupyter_server_config.py << 'END'
import os
import sys

sys.path.append(os.path.join(os.path.dirname(sys.prefix), "tools"))
c.ServerApp.jpserver_extensions = {"spare": True}  # noqa: F821
END

# Switches nbgrader's parts for instructors on or off, in Jupyter's settings in the folder $1. What students need, Validate,
# is always there.
instructors() {
    local on=true off=false
    [ "$2" = on ] || { on=false; off=true; }
    put "$1/jupyter_server_config.d/zero-init.json" << END
{"ServerApp": {"jpserver_extensions": {
  "nbgrader.server_extensions.formgrader": $on,
  "nbgrader.server_extensions.assignment_list": $on,
  "nbgrader.server_extensions.course_list": $on
}}}
END
    put "$1/labconfig/page_config.json" << END
{"disabledExtensions": {
  "@jupyter/nbgrader:menu": $off,
  "@jupyter/nbgrader:formgrader": $off,
  "@jupyter/nbgrader:create-assignment": $off,
  "@jupyter/nbgrader:assignment-list": $off,
  "@jupyter/nbgrader:course-list": $off
}}
END
}

instructors .venv/etc/jupyter off
instructors .venv/etc/teach on  # `make teach` has Jupyter read this folder first

# nbgrader works on the course of the assignments, or on the one that `make teach COURSE=…` says.
put .venv/etc/jupyter/nbgrader_config.py << END
import os

course = os.environ.get("ZERO_INIT_COURSE") or $(json "$PWD/notebooks/assignments")
load_subconfig(os.path.join(course, "nbgrader_config.py"))  # noqa: F821
END

# --- The crate as the notebooks' kernels build it ----------------------------------------------------------------------

# A kernel that starts without it does the same by itself, only later: no reason to stop.
.venv/bin/python tools/kernel.py --prepare || true
wait

# --- A browser to test the site, the sandbox for assignments, and a C library for tests in WebAssembly --------------------

# As root, if that takes no password.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "$@" < /dev/null
}

if [ "${1:-}" = test ]; then
    wanted=()
    # Debian's Chromium brings no font of its own, and the DejaVu fonts have letters and mathematics.
    find_browser > /dev/null || wanted+=(chromium fonts-dejavu-core fonts-dejavu-extra)
    command -v bwrap > /dev/null || wanted+=(bubblewrap)
    # The tests in WebAssembly are left to CI, unless ALL is set.
    [ -z "${ZERO_INIT_CI:-}${ALL:-}" ] || [ -e /usr/lib/wasm32-wasi/libc.a ] || wanted+=(wasi-libc)
    if [ "${#wanted[@]}" != 0 ] && apt-get --version > /dev/null 2>&1 && as_root true 2> /dev/null; then
        say "installing ${wanted[*]}: about a minute, once."
        log="$(mktemp)"
        install "${wanted[@]}" > "$log" 2>&1 || { as_root apt-get update -qq && install "${wanted[@]}"; } > "$log" 2>&1 ||
            cat "$log" >&2
        rm "$log"
    fi
    find_browser > /dev/null || say "there is no Chromium (Debian: apt install chromium), so the site cannot be tested"
    command -v bwrap > /dev/null || say "there is no bubblewrap (Debian: apt install bubblewrap), so grading cannot be tested"
fi
