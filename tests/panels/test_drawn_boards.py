"""Every board drawn by Grafana's own published components, with Prometheus's own answers, in a real browser.

Grafana itself can't be had here; its components can, from npm. They draw what the boards' JSON says: units, colours,
transformations, overrides, and what stands where there is nothing. With `PICTURES_OF_BOARDS=FOLDER` each board is kept
there as a picture, for people to look at.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from test_live_boards import BOARDS, NOT_CONFIGURED, Shop, chosen, shop

__all__ = ["shop"]

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "grafana/dashboards"
DRAWN = [(language, board) for language in ("en", "fa") for board in BOARDS if board != "runbook"]
SPAN_S = 120
EMPTY = '<!doctype html><meta charset="utf-8"><div id="board"></div>'
BUNDLING = (
    *("--bundle", "--minify", "--format=iife", "--jsx=automatic", "--log-level=error"),
    *("--loader:.svg=dataurl", "--loader:.css=text", "--define:global=window"),
    '--define:process.env.NODE_ENV="production"',
    # As modules they would bring a second copy of what the components themselves require.
    *(f"--alias:@grafana/{name}=./node_modules/@grafana/{name}/dist/cjs/index.cjs" for name in ("data", "ui")),
)
CELLS = """(panel) => [...document.querySelectorAll(`#panel-${panel} [role=row]`)].map((row) =>
    [...row.querySelectorAll("[role=cell], [role=columnheader]")].map((cell) => cell.textContent.trim()))"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory, lack: Callable[[str], NoReturn]) -> str:
    """The page's script, bundled with Grafana's components."""
    bundler = HERE / "node_modules/.bin/esbuild"
    if not bundler.exists() or shutil.which("node") is None:
        how = "npm install --prefix tests/panels --ignore-scripts --no-package-lock --legacy-peer-deps"
        lack(f"Grafana's components aren't there; bring them (630 MB): {how}")
    made = tmp_path_factory.mktemp("panels") / "page.js"
    subprocess.run([bundler, "page.jsx", f"--outfile={made}", *BUNDLING], check=True, cwd=HERE)
    return made.read_text()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """The machine's own Chromium, headless."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, script: str) -> Iterator[Page]:
    """An empty page that knows how to draw a board; it has an origin, for the storage that components look into."""
    page = browser.new_page(viewport={"width": 1460, "height": 1000})
    page.route("**/*", lambda asked: asked.fulfill(body=EMPTY, content_type="text/html"))
    page.goto("http://boards.invalid/")
    page.add_script_tag(content=script)
    yield page
    page.close()


def answers_of(of: Shop, board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Panel -> query -> what Prometheus answers to it."""
    return {
        str(panel["id"]): {target["refId"]: answer(of, target) for target in panel["targets"]}
        for panel in board["panels"]
        if panel.get("targets")
    }


def answer(of: Shop, target: dict[str, Any]) -> Any:
    expr = chosen(target["expr"])
    if target.get("instant"):
        return of.query(expr)
    now = time.time()
    asked = urllib.parse.urlencode({"query": expr, "start": now - SPAN_S, "end": now, "step": 1})
    with urllib.request.urlopen(f"{of.prometheus.endpoint}/api/v1/query_range?{asked}", timeout=10) as got:
        return json.load(got)["data"]["result"]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "name"), DRAWN)
def test_every_panel_of_a_board_is_drawn(shop: Shop, page: Page, language: str, name: str) -> None:
    """Each has its title and something in it, but for what isn't configured; and no component complains."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    board, answers = draw(shop, page, language, name)
    of_panels = [panel for panel in board["panels"] if panel["type"] != "text"]
    titles = page.evaluate("[...document.querySelectorAll('[id^=panel-]')].map((panel) => panel.innerText)")
    assert [text.partition("\n")[0] for text in titles] == [panel["title"] for panel in of_panels]
    empty = page.evaluate("[...document.querySelectorAll('.none')].map((at) => at.closest('[id^=panel-]').id)")
    english = {f"panel-{panel['id']}": panel["title"] for panel in BOARDS[name]["panels"]}
    assert {english[panel] for panel in empty} <= NOT_CONFIGURED
    with_lines = [
        panel
        for panel in of_panels
        if panel["type"] in ("timeseries", "trend") and any(answers[str(panel["id"])].values())
    ]
    assert page.locator(".uplot canvas").count() == len(with_lines)
    assert complaints == []


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_map_of_cohorts_is_in_order(shop: Shop, page: Page, language: str) -> None:
    """Rows by month, columns by months since and now last, by Grafana's own transformations; the rest is blank."""
    board, _ = draw(shop, page, language, "churn")
    (table,) = (panel for panel in board["panels"] if panel["type"] == "table")
    head, *rows = page.evaluate(CELLS, table["id"])
    months = [row for row in shop.document["cohorts"]["months"] if row["acquired"]]
    longest = max(len(row["retained"]) for row in months)
    assert head[2:-1] == [f"{number:02}" for number in range(longest)]
    for shown, row in zip(rows, months, strict=False):  # those below are there once scrolled to
        shares = [*row["retention"], *[None] * (longest - len(row["retention"])), row["so_far"]["retention"]]
        assert shown == [row["cohort"], str(row["acquired"]), *map(percent, shares)]
    assert len(rows) > 3


def draw(of: Shop, page: Page, language: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a board; return it, and the answers that it shows."""
    board = json.loads((FOLDER / language / f"{name}.json").read_text())
    answers = answers_of(of, board)
    mode = "dark" if language == "fa" else "light"
    page.evaluate("([board, answers, mode]) => draw(board, answers, mode)", [board, answers, mode])
    count = sum(panel["type"] != "text" for panel in board["panels"])
    page.wait_for_function(f"document.querySelectorAll('[id^=panel-]').length === {count}")
    page.wait_for_function("[...document.querySelectorAll('.uplot')].every((line) => line.querySelector('canvas'))")
    if folder := os.environ.get("PICTURES_OF_BOARDS"):
        page.screenshot(path=Path(folder) / f"{name}-{language}.png", full_page=True)
    return board, answers


def percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.0f}%"
