"""Times the section that answers questions on the pages beside the native program, in one run: `make bench-page`.

Prints how long a change takes until its pictures are in the page and until they are on the screen, how long 15000 steps
take in the page and natively, how long the page takes to its first answer, and what the section weighs compressed.
"""

from __future__ import annotations

import gzip
import os
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

# Clicks one weight after the other, at no fixed moment of a frame. The pictures are there when the step is said, and on
# the screen when the frame after that has ended.
CLICKS = """async (count) => {
    const frame = new MessageChannel(), times = [];
    let there;
    new MutationObserver(() => there?.()).observe(document.getElementById("play-step"), { childList: true });
    for (let i = 0; i < count; i++) {
        await new Promise((resolve) => setTimeout(resolve, 50 + ((7 * i) % 17)));
        const start = performance.now(), drawn = new Promise((resolve) => (there = resolve));
        document.querySelectorAll("#play-hits > *")[i].dispatchEvent(new MouseEvent("click", { bubbles: true }));
        await drawn;
        const inserted = performance.now() - start;
        await new Promise(requestAnimationFrame);
        await new Promise((resolve) => {
            frame.port1.onmessage = resolve;
            frame.port2.postMessage(0);
        });
        times.push([inserted, performance.now() - start]);
    }
    return times;
}"""


def native_program(flags: str) -> str:
    """Builds the program of the pages for this machine, with these flags for the compiler."""
    folder = website.REPOSITORY / "target" / "bench-page" / flags.replace(" ", "")
    build = ["cargo", "build", "--quiet", "--locked", "--profile", "page", "--package", "page"]
    environment = os.environ | {"RUSTFLAGS": flags, "CARGO_TARGET_DIR": str(folder)}
    subprocess.run(build, cwd=website.REPOSITORY, check=True, env=environment)
    return str(folder / "page" / "page")


def seconds(command: list[str], question: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, input=question, text=True, capture_output=True, check=True)
    return time.perf_counter() - start


def main() -> int:
    browser_path = chromium.find()
    if browser_path is None or not website.PROGRAM.exists():
        print("A browser and the program of the pages are needed: make site", file=sys.stderr)
        return 1
    # WebAssembly's vectors have 128 bits, which is what a compiler takes if it is not told of the machine.
    programs = {"with vectors as wide": "-Ctarget-cpu=generic", "with the machine's own": "-Ctarget-cpu=native"}
    natives = {name: native_program(flags) for name, flags in programs.items()}
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
        page.evaluate("document.getElementById('play-signal').scrollIntoView()")
        inserted, painted = (sorted(times) for times in zip(*page.evaluate(CLICKS, 60), strict=True))
        start = time.perf_counter()
        page.goto(page_file.as_uri() + "#" + TRAINED)
        page.wait_for_function("document.querySelector('#play-step').textContent === 'step 15000'")
        trained = time.perf_counter() - start
        browser.close()
        section = len(gzip.compress(page_file.read_bytes()))
    for what, times in [("in the page", inserted), ("on the screen", painted)]:
        print(f"change to pictures {what}: median {statistics.median(times):.0f} ms, 95 % within {times[57]:.0f} ms")
    print(f"15000 steps and their pictures: {trained:.2f} s in the page")
    for name, program in natives.items():
        natively = statistics.median(seconds([program], TRAINED) for _ in range(5))
        print(f"    natively, {name}: {natively:.2f} s, so the page takes {trained / natively:.1f} × as long")
    print(f"page opened to first answer: {opened:.2f} s; the page compressed: {section / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
