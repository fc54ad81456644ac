"""Makes the pictures of docs/board.md anew: a demo with a churn spike in it, looked at by a real Chromium.

`python -m benchmarks.screenshots`; with `--of URL`, of a board that runs already.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from streams.demo.answers import json_from

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "board"
TARGETS = {
    "churn_rate": {"month": 0.04},
    "revenue": {"month": 600_000},
    "new_customers": {"month": 160},
    "nps": {"month": 45},
}
SIZES = {"wide": (1440, 1500), "phone": (390, 1500)}
LARGEST = 150_000
QUALITY = 80
"""Of WebP, which playwright's own pictures can't be: as PNG they are twice as large."""
_LOOKS = ("wide-light-en", "wide-dark-en", "wide-light-fa", "wide-dark-fa", "phone-light-en", "phone-dark-fa")
_PATIENCE_S = 240.0
_LIFE_S = 45.0
"""So long the shop is watched first: the spike has come, and an alert with it."""
_DRAWN = """() => [...document.querySelectorAll(".chart")]
    .filter((chart) => chart.checkVisibility({ visibilityProperty: true }))
    .filter((chart) => chart.getBoundingClientRect().top < innerHeight)
    .every((chart) => chart.querySelector(".main-svg"))"""


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--of", metavar="URL", help="a board that runs; else a demo is started")
    url = parser.parse_args().of
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no chromium on PATH; bring it: sudo apt-get install chromium")
    if url:
        take(url, chromium)
        return
    with demo() as started:
        time.sleep(_LIFE_S)
        take(started, chromium)


@contextmanager
def demo() -> Iterator[str]:
    """Run a demo, and yield its board's address once it lives."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "tapesh.toml")
        goals = ", ".join(f"{kpi} = {{ month = {of['month']} }}" for kpi, of in TARGETS.items())
        config.write_text(f"targets = {{ {goals} }}\n")
        options = ["--config", str(config), "demo", "--no-open", "--scenario", "churn-spike"]
        command = [sys.executable, "-m", "streams.cli", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            yield _ready(process)
        finally:
            process.terminate()
            process.communicate(timeout=60)


def _ready(process: subprocess.Popen[str]) -> str:
    address = ""
    deadline = time.monotonic() + _PATIENCE_S
    for line in process.stdout or ():
        if found := re.search(r"http://\S+/board", line):
            address = found[0]
        if "ready in" in line:
            return address
        if time.monotonic() > deadline:
            break
    sys.exit(f"the demo isn't ready within {_PATIENCE_S:g} s")


def take(board: str, chromium: str) -> None:
    """Take a picture of each look."""
    PICTURES.mkdir(exist_ok=True)
    if json_from(board.replace("/board", "/kpis")) is None:
        sys.exit(f"{board}: nobody answers there")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for look in _LOOKS:
            size, theme, lang = look.split("-")
            width, height = SIZES[size]
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = context.new_page()
            page.goto(f"{board}?lang={lang}")
            page.locator(".spark .main-svg").first.wait_for()
            page.wait_for_function(_DRAWN)
            made = PICTURES / f"{look}.webp"
            taken = context.new_cdp_session(page).send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
            made.write_bytes(base64.b64decode(taken["data"]))
            print(json.dumps({"picture": made.name, "bytes": made.stat().st_size}))
            if made.stat().st_size > LARGEST:
                sys.exit(f"{made.name}: {made.stat().st_size:,} bytes, expected at most {LARGEST:,}")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
