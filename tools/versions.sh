# What the project needs, for setup.sh, doctor.sh and the tests. Read in the repository's top folder.
# shellcheck shell=bash disable=SC2034
kernel_version=0.22.0
python_version=3.11
oldest_python_version=3.10  # without nbgrader, so for readers: assignments and tests need the one above
rust_version=1.95  # what the kernel is built with; the crate alone asks for less, see Cargo.toml

# Is the version $1 at least $2? Both are MAJOR.MINOR with anything after.
at_least() {
    local major minor wanted_major wanted_minor rest
    IFS=. read -r major minor rest <<< "$1."
    IFS=. read -r wanted_major wanted_minor rest <<< "$2."
    [ "$major" -gt "$wanted_major" ] || { [ "$major" -eq "$wanted_major" ] && [ "$minor" -ge "$wanted_minor" ]; }
}

# Where what is for all clones of this user lies, the kernel among it.
data="${XDG_DATA_HOME:-$HOME/.local/share}/zero-init"

# The path of a browser, if there is one: the names are those of tools/browser.py.
find_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

# The version of cargo, or nothing.
cargo_version() { { cargo --version 2> /dev/null || true; } | sed -n 's/^cargo \([^ ]*\).*/\1/p'; }

# Does this Rust have what cells are linked with? Debian's and Fedora's packages have not.
has_shared_std() {
    local folder file
    folder="$(rustc --print target-libdir 2> /dev/null)" &&
        for file in "$folder"/libstd-*.so "$folder"/libstd-*.dylib; do [ -e "$file" ] && return; done
}

# The version of the Python $1, or nothing.
version_of_python() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null; }

has_venv() { "$1" -c 'import venv, ensurepip' 2> /dev/null; }

# Prints the Python to use: one that does for everything, else one of version $1. The user's own choice comes to make as
# PYTHON, and from there as SETUP_PYTHON.
find_python() {
    local wanted python version managed
    if [ -n "${SETUP_PYTHON:-}" ]; then echo "$SETUP_PYTHON"; return; fi
    managed="$(uv python find --no-cache --managed-python ">=$python_version" 2> /dev/null || true)"
    for wanted in "$python_version" "$1"; do
        for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10 "$managed"; do
            version="$(version_of_python "${python:-none}")"
            if [ -n "$version" ] && at_least "$version" "$wanted" && has_venv "$python"; then echo "$python"; return; fi
        done
    done
    return 1
}
