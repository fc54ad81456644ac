"""The showing: asks the engine every second, draws what it says, and remembers what the closing line tells."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.live import Live

from streams.demo.answers import json_from
from streams.demo.monitoring import Alert, alerts
from streams.demo.plan import Plan
from streams.demo.screen import Screen, View
from streams.demo.shop import Shop
from streams.settings import Settings

_EVERY_S = 1.0
_LINE_EVERY_S = 5.0
_RATE_OVER = 6
"""Views over which the rate is taken."""


class Show:
    """What is seen of a running demo.

    Args:
        plan: what is shown.
        settings: the worker's.
        console: where; not a terminal: a line every few seconds.
        shop: the one that publishes.
        engine_url: where the engine answers.
        prometheus_url: where Prometheus does, if there is one.
    """

    def __init__(
        self, plan: Plan, settings: Settings, console: Console, shop: Shop, engine_url: str, prometheus_url: str | None
    ) -> None:
        self._plan = plan
        self._console = console
        self._shop = shop
        self._engine_url = engine_url
        self._prometheus_url = prometheus_url
        self._screen = Screen(settings.currency, settings.timezone, settings.windows)
        self._published: deque[tuple[float, int]] = deque(maxlen=_RATE_OVER)
        self._first: dict[str, Any] | None = None
        self._last: dict[str, Any] | None = None
        self._fired: dict[str, float] = {}
        self._began = time.monotonic()

    def run(self, seconds: float | None, *, still_well: Callable[[], None]) -> None:
        """Show it.

        Args:
            seconds: for so long; None: until interrupted.
            still_well: called again and again; raises if something was lost.
        """
        self._began = time.monotonic()
        ends = None if seconds is None else self._began + seconds
        live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        next_line = self._began + _EVERY_S
        with live or nullcontext():
            while ends is None or time.monotonic() < ends:
                still_well()
                view = self._look()
                if live is not None:
                    live.update(self._screen.draw(view, self._console.width, self._console.height), refresh=True)
                elif time.monotonic() >= next_line:
                    self._console.print(self._screen.line(view), highlight=False, markup=False, soft_wrap=True)
                    next_line += _LINE_EVERY_S
                self._wait(ends)

    def summary(self) -> str:
        """What was seen, in a line or two."""
        took_s = time.monotonic() - self._began
        text = f"\n  {took_s:.0f} s, {self._shop.live:,} events on top of {self._shop.history:,}"
        if self._first is not None and self._last is not None:
            text += f"; {self._screen.change('churn_rate', self._first, self._last)}"
        for name, after_s in self._fired.items():
            text += f"\n  {name} fired after {after_s:.0f} s"
        return text

    def _look(self) -> View:
        document = json_from(f"{self._engine_url}/kpis")
        if document is not None and not document.get("now"):
            document = None
        now_s = time.monotonic()
        self._published.append((now_s, self._shop.live))
        since_s, before = self._published[0]
        rate = (self._shop.live - before) / (now_s - since_s) if now_s > since_s else 0.0
        self._screen.take(document)
        if document is not None and not document["unknown"]:
            self._first = self._first or document
            self._last = document
        spiking = document is not None and self._plan.is_spiking(datetime.fromisoformat(document["now"]))
        return View(document, self._shop.live, rate, self._plan.pace(), spiking, self._alerts(now_s))

    def _alerts(self, now_s: float) -> list[Alert] | None:
        if self._prometheus_url is None:
            return None
        found = alerts(self._prometheus_url)
        for alert in found:
            if alert.firing:
                self._fired.setdefault(alert.name, now_s - self._began)
        return found

    def _wait(self, ends: float | None) -> None:
        """Wait for the next full second since the beginning, or the end."""
        now = time.monotonic()
        wait_s = _EVERY_S - (now - self._began) % _EVERY_S
        time.sleep(wait_s if ends is None else max(0.0, min(wait_s, ends - now)))
