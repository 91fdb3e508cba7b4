#!/usr/bin/env bash
# Installs what `make lab` and `make test` need, and nothing when it is there: the kernel (once per user), .venv, the
# crates of Cargo.lock and what kernels start with (target/kernel). Interrupted at any point, it completes when run again.
#
# Usage: tools/setup.sh [test]      with `test`, rustfmt and clippy must be there too, and what tests use is installed
set -euo pipefail
cd "$(dirname "$0")/.."

. tools/versions.sh
data="${XDG_DATA_HOME:-$HOME/.local/share}/zero-init"
python="${PYTHON:-python3}"

die() { echo "zero-init: $*" >&2; exit 1; }
say() { echo "zero-init: $*" >&2; }

# --- What has to be there before -------------------------------------------------------------------------------------

rust="$(cargo --version 2> /dev/null)" || die "cargo is missing: install Rust $rust_version or later from https://rustup.rs"
rust="${rust#cargo }"
at_least "$rust" "$rust_version" || die "cargo is ${rust%% *}, and $rust_version or later is needed: run 'rustup update stable'"
cc --version > /dev/null 2>&1 ||
    die "no C linker 'cc': install gcc or clang (Debian: apt install build-essential; macOS: xcode-select --install)"
found_python="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)" ||
    die "$python is missing: install Python $python_version or later (Debian: apt install python3 python3-venv)"
at_least "$found_python" "$python_version" ||
    die "$python is Python $found_python, and $python_version or later is needed (PYTHON=… make … picks another one)"
"$python" -c 'import venv, ensurepip' 2> /dev/null ||
    die "$python has no venv module: install it (Debian: apt install python3-venv)"
if [ "${1:-}" = test ]; then
    cargo fmt --version > /dev/null 2>&1 || die "rustfmt is missing: run 'rustup component add rustfmt'"
    cargo clippy --version > /dev/null 2>&1 || die "clippy is missing: run 'rustup component add clippy'"
fi

# --- The kernel: one for all clones of this user ---------------------------------------------------------------------

# The kernel cannot tell its version: cargo's own record of what it installed does.
has_kernel() {
    [ -x "$1/bin/evcxr_jupyter" ] && grep -q "^\"evcxr_jupyter $kernel_version " "$1/.crates.toml" 2> /dev/null
}

on_path="$(command -v evcxr_jupyter || true)"
root=
for candidate in "${on_path%/bin/evcxr_jupyter}" "${CARGO_HOME:-$HOME/.cargo}" "$data"; do
    if [ -n "$candidate" ] && has_kernel "$candidate"; then root="$candidate"; break; fi
done
if [ -z "$root" ]; then
    say "building the Rust kernel (evcxr_jupyter $kernel_version): about 7 minutes on two cores, once per user."
    say "If you stop it, the next run goes on where it stopped."
    # An own root leaves alone any other version the user has; an own target folder outlives an interruption.
    cargo install --locked "evcxr_jupyter@$kernel_version" --root "$data" --target-dir "$data/build" >&2 ||
        die "the kernel did not build; see above"
    root="$data"
fi
rm -rf "$data/build"
kernel="$root/bin/evcxr_jupyter"

# --- .venv -----------------------------------------------------------------------------------------------------------

# The stamp is written last, so a half-made .venv has none. A virtual environment cannot be moved: the stamp has its path.
stamp=.venv/complete
wanted="$(cksum < tools/requirements.txt) Python $found_python in $PWD"
if [ "$(cat "$stamp" 2> /dev/null)" != "$wanted" ] || ! .venv/bin/python -c '' 2> /dev/null; then
    say "installing JupyterLab into .venv: about half a minute."
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r tools/requirements.txt ||
        die "JupyterLab did not install; see above"
    echo "$wanted" > "$stamp.part"
    mv "$stamp.part" "$stamp"
fi

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

# Only Rust is on offer: JupyterLab's own dependencies would add a Python kernel.
put .venv/etc/jupyter/jupyter_server_config.json << 'END'
{"KernelSpecManager": {"allowed_kernelspecs": ["rust"], "ensure_native_kernel": false}}
END

# nbgrader, in JupyterLab's menu, works on the course of the assignments.
put .venv/etc/jupyter/nbgrader_config.py << END
load_subconfig($(json "$PWD/notebooks/assignments/nbgrader_config.py"))  # noqa: F821
END

# --- The crates ------------------------------------------------------------------------------------------------------

cargo fetch --locked --offline --quiet 2> /dev/null || cargo fetch --locked --quiet ||
    die "the crates of Cargo.lock could not be fetched; see above"

# --- The crate as the notebooks' kernels build it ----------------------------------------------------------------------

# A kernel that starts without it does the same by itself, only later: no reason to stop.
.venv/bin/python tools/kernel.py --prepare || true

# --- A browser to test the site, the sandbox for assignments, and a C library for tests in WebAssembly --------------------

has_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

# As root, if that takes no password.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "$@" < /dev/null
}

if [ "${1:-}" = test ]; then
    wanted=()
    # Debian's Chromium brings no font of its own, and the DejaVu fonts have letters and mathematics.
    has_browser > /dev/null || wanted+=(chromium fonts-dejavu-core fonts-dejavu-extra)
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
    has_browser > /dev/null || say "there is no Chromium (Debian: apt install chromium), so the site cannot be tested"
    command -v bwrap > /dev/null || say "there is no bubblewrap (Debian: apt install bubblewrap), so grading cannot be tested"
fi
