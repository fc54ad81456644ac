"""The demo's live table: what a board would show first, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from metrics.catalogue import BY_ID
from metrics.kpi import Kpi
from streams.cli.numbers import formatted, heading
from streams.demo.monitoring import Alert
from streams.demo.trend import LENGTH, Trend, style

WINDOWS = ("24h", "7d", "30d")
_SECTIONS = (
    ("active_customers", "new_customers", "lost_customers", "churn_rate"),
    ("orders", "revenue", "average_order_value", "repeat_purchase_rate", "lapse_rate"),
    ("leads", "acquisition_cost", "clv"),
    ("nps", "csat", "loyalty_participation"),
)
_OF_NOW = frozenset({"active_customers", "loyalty_participation"})
"""The same in every window, so said once."""
_ARROWS = {1: "▲", 0: " ", -1: "▼"}
_SLICE = "channel"
_HEAD_LINES = 8
"""What a screen holds beside the KPIs."""
_NAME, _FIGURE, _TREND = 38, 11, LENGTH + 2
"""Widths of columns, without what lies between them."""
_EDGES = 5
_WIDE = 100
"""A narrower screen has no room for all windows."""


@dataclass(frozen=True, slots=True)
class View:
    """What there is to see at one moment.

    Attributes:
        document: the answer of /kpis; None if the engine doesn't answer.
        events: published since the shop went live.
        rate: events a second.
        pace: how fast the shop lives, in words.
        spiking: whether customers leave in numbers.
        alerts: what Prometheus says; None: there is no Prometheus.
    """

    document: Mapping[str, Any] | None
    events: int
    rate: float
    pace: str
    spiking: bool
    alerts: Sequence[Alert] | None


class Screen:
    """Draws views, and remembers enough of them to show where things go.

    Args:
        currency: the reporting currency.
        timezone: of the reporting.
        windows: those that the engine knows.
    """

    def __init__(self, currency: str, timezone: str, windows: Sequence[str]) -> None:
        self._currency = currency
        self._zone = ZoneInfo(timezone)
        self._windows = [name for name in WINDOWS if name in windows] or list(windows[:3])
        self._trends = {kpi: Trend() for section in _SECTIONS for kpi in section}

    def take(self, document: Mapping[str, Any] | None) -> None:
        """Remember the values of a moment; moments are taken at equal intervals."""
        for kpi, trend in self._trends.items():
            trend.add(None if document is None else self.value(document, kpi))

    def value(self, document: Mapping[str, Any], kpi: str, window: str | None = None) -> float | None:
        """A KPI's value in a window; without one in the first that has it."""
        for name in [window] if window else self._windows:
            values = document["windows"].get(name, {})
            if kpi in values:
                found: float | None = values[kpi]
                return found
        return None

    def draw(self, view: View, width: int, height: int) -> RenderableType:
        """The table, with as much as fits into so many columns and lines."""
        table = self._table(view.document or {"windows": {}}, width, height)
        return Group(self._headline(view), table, *self._footer(view))

    def line(self, view: View) -> str:
        """The most important on one line, for a log."""
        words = [self._clock(view.document), f"{view.rate:.0f} events/s"]
        if view.document is not None:
            longest = self._windows[-1]
            for kpi, window in (
                ("active_customers", None),
                ("churn_rate", self._windows[0]),
                ("churn_rate", longest),
                ("revenue", self._windows[0]),
                ("nps", longest),
            ):
                name = heading(BY_ID[kpi], self._currency) + (f" {window}" if window else "")
                words.append(f"{name} {self._formatted(view.document, kpi, window)}")
        if view.spiking:
            words.append("churn spike")
        words += [f"{alert.name} {'FIRING' if alert.firing else 'pending'}" for alert in view.alerts or ()]
        return " · ".join(words)

    def change(self, kpi: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        """How a KPI of the longest window went, in words."""
        window = self._windows[-1]
        was, now = (self._formatted(document, kpi, window) for document in (before, after))
        return f"{BY_ID[kpi].title.en} {window}: {was} -> {now}"

    def _formatted(self, document: Mapping[str, Any], kpi: str, window: str | None) -> str:
        if kpi in document.get("unknown", {}):
            return "unknown"
        return formatted(BY_ID[kpi], self.value(document, kpi, window), self._currency)

    def _clock(self, document: Mapping[str, Any] | None) -> str:
        if document is None or not document.get("now"):
            return "the engine doesn't answer"
        return f"{datetime.fromisoformat(document['now']).astimezone(self._zone):%a %d %b %Y %H:%M}"

    def _headline(self, view: View) -> Text:
        line = _one_line(" ")
        line.append(f" {self._clock(view.document)} ", style="bold reverse")
        if view.spiking:
            line.append("   customers are leaving", style="bold red")
        line.append(f"   {view.pace}   {view.rate:.0f} events/s   {view.events:,} events live", style="dim")
        return line

    def _table(self, document: Mapping[str, Any], width: int, height: int) -> Table:
        first, *others = self._windows if width >= _WIDE else [self._windows[0], self._windows[-1]]
        figures = (len(others) + 1) * (_FIGURE + 2) + _TREND + 2
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="dim")
        table.add_column("", no_wrap=True, width=max(12, min(_NAME, width - figures - _EDGES)))
        table.add_column(first, justify="right", no_wrap=True, min_width=_FIGURE)
        table.add_column("trend", no_wrap=True, min_width=_TREND)
        for window in others:
            table.add_column(window, justify="right", no_wrap=True, min_width=_FIGURE)
        room = height - _HEAD_LINES
        for section in _SECTIONS:
            if room < len(section):
                break
            room -= len(section) + 1
            for number, kpi in enumerate(section):
                cells = self._cells(document, BY_ID[kpi], first, others)
                table.add_row(*cells, end_section=number == len(section) - 1)
        return table

    def _cells(self, document: Mapping[str, Any], kpi: Kpi, first: str, others: Sequence[str]) -> list[Text]:
        name = Text(f" {heading(kpi, self._currency)}", overflow="ellipsis")
        if kpi.id in document.get("unknown", {}):
            return [name, Text("unknown", style="yellow")]
        trend = self._trends[kpi.id]
        look = style(trend.direction, kpi.better)
        slope = Text(f"{trend.line():<{LENGTH}} {_ARROWS[trend.direction]}", style=look)
        cells = [name, self._cell(document, kpi, first, "bold"), slope]
        if kpi.id not in _OF_NOW:
            cells += [self._cell(document, kpi, window, "") for window in others]
        return cells

    def _cell(self, document: Mapping[str, Any], kpi: Kpi, window: str, look: str) -> Text:
        values = document["windows"].get(window, {})
        return Text(formatted(kpi, values[kpi.id], self._currency) if kpi.id in values else "", style=look)

    def _footer(self, view: View) -> list[RenderableType]:
        lines: list[RenderableType] = []
        unknown = (view.document or {}).get("unknown", {})
        lines += [_one_line(f"  unknown: {reason}", style="yellow") for reason in sorted(set(unknown.values()))]
        if view.document is not None and (by_channel := self._by_value(view.document)):
            lines.append(by_channel)
        for alert in view.alerts or ():
            line = _one_line("  ")
            line.append(f"● {alert.name} ", style="bold red" if alert.firing else "yellow")
            line.append("firing  " if alert.firing else "pending  ").append(alert.summary, style="dim")
            lines.append(line)
        if view.alerts is not None and not view.alerts:
            lines.append(Text("  ● no alert", style="green"))
        lines.append(Text("  Ctrl-C ends everything", style="dim"))
        return lines

    def _by_value(self, document: Mapping[str, Any]) -> Text | None:
        """Where churn comes from: the worst channel stands out."""
        values = document.get("slices", {}).get(_SLICE, {})
        window, churn = self._windows[-1], BY_ID["churn_rate"]
        known = {
            value: found for value, of in values.items() if (found := of.get(window, {}).get("churn_rate")) is not None
        }
        if not known:
            return None
        overall = self.value(document, "churn_rate", window) or 0
        line = _one_line(f"  {churn.title.en} {window} by {_SLICE}: ", style="dim")
        for value, found in sorted(known.items(), key=lambda item: -item[1]):
            stands_out = found > 1.5 * overall
            line.append(f" {value} {formatted(churn, found, self._currency)} ", style="red" if stands_out else "")
        return line


def _one_line(text: str, style: str = "") -> Text:
    """Text that is cut rather than wrapped: the lines of a screen are counted."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
