"""Times the section that answers questions on the pages beside the native program, in one run: `make bench-page`.

Prints how long a change takes until its pictures are there, how long 15000 steps take in the page and natively, how
long the page takes to its first answer, and what the section weighs compressed.
"""

from __future__ import annotations

import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

import browser as chromium
import website

TRAINED = "start=he&steps=15000"

# Clicks one weight after the other, and waits each time until the picture is another one.
CLICKS = """async (count) => {
    const times = [];
    for (let i = 0; i < count; i++) {
        const before = document.querySelector("#play-signal svg"), start = performance.now();
        document.querySelectorAll("#play-signal .hit")[i].dispatchEvent(new MouseEvent("click", { bubbles: true }));
        await new Promise((resolve) => {
            const look = () => (document.querySelector("#play-signal svg") === before ? setTimeout(look) : resolve());
            look();
        });
        times.push(performance.now() - start);
    }
    return times;
}"""


def seconds(command: list[str], question: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, input=question, text=True, capture_output=True, check=True)
    return time.perf_counter() - start


def main() -> int:
    browser_path = chromium.find()
    if browser_path is None or not website.PROGRAM.exists():
        print("A browser and the program of the pages are needed: make site", file=sys.stderr)
        return 1
    build = ["cargo", "build", "--quiet", "--locked", "--profile", "page", "--package", "page"]
    subprocess.run(build, cwd=website.REPOSITORY, check=True)
    native = str(website.REPOSITORY / "target" / "page" / "page")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = next(
            path for path in website.build(website.NOTEBOOKS, Path(folder)) if path.name == website.PLAY_PAGE
        )
        browser = playwright.chromium.launch(executable_path=browser_path, args=chromium.FLAGS)
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(page_file.as_uri())
        page.wait_for_selector("#play-signal svg")
        opened = time.perf_counter() - start
        times = sorted(page.evaluate(CLICKS, 60))
        start = time.perf_counter()
        page.goto(page_file.as_uri() + "#" + TRAINED)
        page.wait_for_function("document.querySelector('#play output').value === 'step 15000'")
        trained = time.perf_counter() - start
        browser.close()
        section = len(gzip.compress(page_file.read_bytes()))
    natively = statistics.median(seconds([native], TRAINED) for _ in range(5))
    print(f"change to finished pictures: median {statistics.median(times):.0f} ms, 95 % within {times[57]:.0f} ms")
    ratio = f"{trained / natively:.1f} ×"
    print(f"15000 steps and their pictures: {trained:.2f} s in the page, {natively:.2f} s natively, {ratio}")
    print(f"page opened to first answer: {opened:.2f} s; the page compressed: {section / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
