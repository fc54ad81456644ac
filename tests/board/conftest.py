"""A shop's engine on real Kafka, and a real Chromium that looks at its board."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from deployment import Deployment, WorkerProcess, eventually
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from events.simulator import Simulator, SimulatorConfig
from streams.services import ApacheKafka
from streams.services.ports import free_port

TOKEN = "a-token-of-the-tests"
BEGINS = datetime(2026, 3, 1, tzinfo=UTC)
OPTIONS = {
    "clock": "event",
    "calendar": "jalali",
    "timezone": "Asia/Tehran",
    "web.token": TOKEN,
    "targets": json.dumps({"churn_rate": {"month": 0.05}}),
}
_WIDE = {"width": 1440, "height": 900}
_KEEP_TOKEN = f"sessionStorage.setItem('tapesh-token', '{TOKEN}')"


@dataclass
class Shop:
    """An engine with one worker, which keeps its address through restarts, and what its shop has to tell."""

    deployment: Deployment
    port: int
    past: list[bytes]
    present: list[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def worker(self) -> WorkerProcess:
        return self.deployment.workers[-1]

    def start(self) -> None:
        worker = self.deployment.start(**{"web.port": str(self.port)})
        worker.port = self.port

    def settled(self, events: int) -> dict[str, Any]:
        """The KPI document once so many events are counted, all KPIs are known, and all of it is as of the last one."""
        published = [json.loads(line)["occurred_at"] for line in [*self.past, *self.present][:events]]
        last = max(map(datetime.fromisoformat, published), default=None)

        def known() -> dict[str, Any] | None:
            document = self.worker.kpis()
            counted = sum(sum(of.values()) for of in document.get("covers", {}).values())
            now = document.get("now")
            is_whole = document.get("slices_now") == now == (document.get("cohorts") or {}).get("now")
            if last is not None and (now is None or datetime.fromisoformat(now) < _to_ms(last)):
                return None
            return document if counted >= events and not document["unknown"] and is_whole else None

        return eventually(f"{events} events counted", known)


def _to_ms(at: datetime) -> datetime:
    """An instant as the engine has it: digits below the millisecond are cut off."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@dataclass
class Board:
    """A page on the board, and all that went wrong on it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self._note(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._judge)

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.url}/board{query}")

    def figure(self, kpi: str) -> str:
        """What is written where a KPI's value is."""
        return self.page.locator(f".tile [data-kpi={kpi}], .line [data-kpi={kpi}]").first.inner_text()

    def shows(self, selector: str, text: str, patience_s: float = 30.0) -> None:
        """Wait until some element holds a text."""
        self.page.locator(selector, has_text=text).first.wait_for(timeout=patience_s * 1_000)

    def _note(self, kind: str, text: str) -> None:
        is_of_a_probe = "503" in text  # the browser's own note of /ready, which says so while it isn't
        if kind in ("error", "warning") and not is_of_a_probe:
            self.complaints.append(f"{kind}: {text}")

    def _judge(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc and not request.url.startswith("data:"):
            self.complaints.append(f"asked {request.url}")


@pytest.fixture(scope="module")
def shop(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An engine that has seen no event yet."""
    events = Simulator(SimulatorConfig(customers=120, daily_hazard=0.004)).events(BEGINS, BEGINS + timedelta(days=42))
    lines = [json.dumps(event).encode() for event in events]
    directory: Path = tmp_path_factory.mktemp("board")
    with Deployment(kafka.bootstrap, f"t{uuid4().hex[:10]}-", directory, OPTIONS) as deployment:
        middle = len(lines) - 200
        shop = Shop(deployment, free_port(), lines[:middle], lines[middle:])
        shop.start()
        yield shop


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """The machine's own Chromium, headless."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser, shop: Shop) -> Iterator[Callable[..., Board]]:
    """Opens boards: `look("?lang=fa")`; `token=False`: as who doesn't know it yet."""
    with ExitStack() as stack:

        def opened(query: str = "", *, token: bool = True) -> Board:
            context: BrowserContext = browser.new_context(viewport=_WIDE, color_scheme="light")
            stack.callback(context.close)
            if token:
                context.add_init_script(_KEEP_TOKEN)
            board = Board(context.new_page(), shop.url)
            board.open(query)
            return board

        yield opened
