#!/usr/bin/env bash
# Starts a user's server of a JupyterHub, as that user, on an installation that nobody else can write to: notebooks/HUB.md.
# The user's own notebooks are in ~/zero-init. Those that are not there are copied; those that are there stay as they are.
#
# Usage: tools/hub.sh [command] [options]      the command, if it is not to be .venv's jupyterhub-singleuser
set -euo pipefail
shared="$(cd "$(dirname "$0")/.." && pwd)"
own="$HOME/zero-init"

cd "$shared/notebooks"
new=()
for file in README.md *.ipynb figures/* assignments/release/*/*; do
    if [ -e "$own/$file" ]; then continue; fi
    mkdir -p "$own/$(dirname "$file")"
    # One folder up from a copy there is no crate: it comes from where the kernel's launcher is.
    sed 's/:dep zero-init = { path = \\"\.\.\\" }/:dep zero-init = { workspace = true }/' "$file" > "$own/$file.part"
    case "$file" in *.ipynb) new+=("$own/$file") ;; *) mv "$own/$file.part" "$own/$file" ;; esac
done
# JupyterLab shows figures only in notebooks that their user trusts. Signed before they are there: a start that is ended goes on.
if [ "${#new[@]}" != 0 ]; then
    "$shared/.venv/bin/python" -m nbformat.sign "${new[@]/%/.part}" > /dev/null
    for file in "${new[@]}"; do mv "$file.part" "$file"; done
fi

cd "$HOME"
case "${1:-}" in '' | -*) set -- "$shared/.venv/bin/jupyterhub-singleuser" "$@" ;; esac
exec "$@"
