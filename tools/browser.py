"""Where a browser is, and how it is started."""

import shutil

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]  # as in tools/versions.sh

# No first-run pages and no calls home; and Chromium as root, which containers are, has no sandbox.
FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync""".split()


def find() -> str | None:
    """The path of a browser, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
