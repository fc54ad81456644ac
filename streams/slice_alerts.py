"""Churn in single channels, plans, segments, countries: tickets, from the sums that full ticks bring anyway.

Two hundred values that each had an alert of their own would ring for nothing two hundred times as often. So only the
largest values of each attribute are watched, as many as the settings say, and one budget of false tickets is shared
by all of their places, taken or not: what a place may use up doesn't depend on how many customers came or left.

What is usual of a value is what is usual of everybody times its own relative risk, over the three months before the
week that is judged, leaning on 1 as if a few of its losses had been everybody's. So a history that was imported, a
target, a season and a trend count for a value as they do for everybody.

Windows end now, not at the sources' watermarks: sums know no other end. A source that delivers at night is judged by
what it has delivered of the last day, which is less, never more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metrics import names
from metrics.alerting import BY_SLICE, REACH, Seen, Tier, Verdict, reach
from metrics.budget import alpha_for
from metrics.evaluate import rfc3339
from metrics.frame import LIFETIME, NOTHING, YEAR, Cell, CellSums, Frame
from metrics.promql import escaped
from metrics.steps import Steps, at_once
from streams.incidents import Incidents
from streams.panes import HOUR_MS

REFERENCES = ("90d", YEAR)
"""Windows of which the last week is left out; the first that is kept says what is usual."""
LATELY = "7d"
LEAN = 4.0
NOT_YET = "not judged yet"
"""Why a worker says nothing of an alert between its first figures and its first judgement."""
_NAMES_OF_MINUTES = {60: "1h", 1_440: "24h", 10_080: "7d"}

Sums = Mapping[Cell, Mapping[str, CellSums]]


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of everybody.

    Attributes:
        rate: losses in a customer's hour.
        season: by a window's minutes, how many times the average week's are to be expected in it.
        dispersion: variance beyond chance.
    """

    rate: float
    season: Mapping[int, float]
    dispersion: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is counted of a cell: losses and customer-hours by window, and the customers now."""

    lost: Mapping[str, int]
    hours: Mapping[str, float]
    base: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One tier of one value; `alpha` is below which probability it is a ticket."""

    cell: tuple[str, str]
    tier: Tier
    long: Seen
    short: Seen
    verdict: Verdict
    alpha: float
    base: int


def facts_of(windows: Mapping[str, CellSums], frame: Frame) -> Facts:
    """Read a cell's facts off its sums."""
    ever = windows.get(LIFETIME, NOTHING).values
    base = ever.get("opened", 0) - ever.get("closed", 0)
    lost, hours = {}, {}
    for window in frame.windows:
        if window.days is None or window.start_ms is None:
            continue
        values = windows.get(window.name, NOTHING).values
        opened, closed = values.get("opened", 0), values.get("closed", 0)
        there = (base - opened + closed) * (frame.now_ms - window.start_ms)
        there += opened * frame.now_ms - values.get("opened_at", 0)
        there -= closed * frame.now_ms - values.get("closed_at", 0)
        lost[window.name], hours[window.name] = closed, there / HOUR_MS
    return Facts(lost, hours, base)


def usual_rate(facts: Facts, whole: Facts, usual: Usual) -> tuple[float, float]:
    """Return a value's usual rate, and the dispersion with what the rate is uncertain by."""
    reference = next(name for name in REFERENCES if name in whole.lost)
    lost = facts.lost[reference] - facts.lost[LATELY]
    hours = facts.hours[reference] - facts.hours[LATELY]
    all_hours = whole.hours[reference] - whole.hours[LATELY]
    all_lost = whole.lost[reference] - whole.lost[LATELY]
    alike = hours * all_lost / all_hours if all_hours > 0 else 0.0
    risk = (lost + LEAN) / (alike + LEAN)
    return usual.rate * risk, usual.dispersion + 1 / (lost + LEAN)


def judge(
    cell: tuple[str, str], facts: Facts, whole: Facts, usual: Usual, tier: Tier, share: float, *, held: bool = False
) -> Judged | None:
    """Judge one tier of one value; None where it has too few customers for it.

    Args:
        cell: the value.
        facts: its own.
        whole: everybody's.
        usual: of everybody.
        tier: of `BY_SLICE`.
        share: false tickets a year that it may use up.
        held: its incident lasts: it is judged, however few are left.
    """
    rate, dispersion = usual_rate(facts, whole, usual)
    hours = tier.long_min // 60
    mean = float(f"{facts.base * rate * hours:.3g}")
    dispersion = float(f"{dispersion:.3g}")
    if mean <= 0:
        return None
    alpha = alpha_for(tier, [mean], share, dispersion)
    seen_from = reach(BY_SLICE, tier, mean, alpha, dispersion)
    if not held and (seen_from is None or seen_from > REACH * tier.factor):
        return None
    long, short = (
        Seen(facts.lost[name], facts.hours[name] * rate * usual.season[minutes])
        for minutes in (tier.long_min, tier.short_min)
        for name in (_NAMES_OF_MINUTES[minutes],)
    )
    verdict = BY_SLICE.judge(tier, long, short, alpha, dispersion)
    return Judged(cell, tier, long, short, verdict, alpha, facts.base)


class SliceAlerts:
    """What is judged of slices.

    Args:
        attributes: how many attributes there are.
        values: of each, how many may have tickets.
        budget: false tickets a year, over all of them.

    Attributes:
        judged: every tier that has customers enough.
        silent: why nothing is judged; empty if something may be.
    """

    def __init__(self, attributes: int, values: int, budget: float) -> None:
        self.judged: list[Judged] = []
        self.silent = NOT_YET
        self._values = values
        self._share = budget / max(attributes * values * len(BY_SLICE.tiers), 1)
        self._incidents = Incidents()

    def take(self, sums: Sums, frame: Frame, usual: Usual | None) -> None:
        """Judge everything anew; `usual` is None where everybody's isn't known."""
        at_once(self.steps(sums, frame, usual))

    def steps(self, sums: Sums, frame: Frame, usual: Usual | None) -> Steps[None]:
        """Do what `take` does in steps of one value, a millisecond; what is judged is replaced with the last."""
        silent, looked_at = self._obstacle(frame, usual), []
        if not silent and usual is not None:
            whole = facts_of(sums[None], frame)
            for cell in self._watched(sums):
                facts = facts_of(sums[cell], frame)
                held = self._incidents.held(cell)
                for tier in BY_SLICE.tiers:
                    one = judge(cell, facts, whole, usual, tier, self._share, held=tier.name in held)
                    looked_at.append((cell, tier, one))
                yield
        for cell, tier, one in looked_at:
            self._incidents.observe(cell, tier, frame.now_ms, firing=one is not None and one.verdict.firing)
        self.judged, self.silent = [one for *_, one in looked_at if one is not None], silent

    def _obstacle(self, frame: Frame, usual: Usual | None) -> str:
        if self._share <= 0:
            return "switched off: `alerts.false_slice_tickets_per_year` is 0"
        kept = {window.name for window in frame.windows}
        if missing := [name for name in _NAMES_OF_MINUTES.values() if name not in kept]:
            return f"the windows {', '.join(missing)} aren't kept: add them to `windows`"
        return "what is usual of everybody isn't known yet" if usual is None else ""

    def _watched(self, sums: Sums) -> list[tuple[str, str]]:
        """Return the largest values of each attribute, and those whose incident lasts."""
        by_attribute: dict[str, list[tuple[int, str]]] = {}
        for cell, windows in sums.items():
            if cell is not None:
                ever = windows.get(LIFETIME, NOTHING).values
                base = ever.get("opened", 0) - ever.get("closed", 0)
                by_attribute.setdefault(cell[0], []).append((-base, cell[1]))
        return [
            (attribute, value)
            for attribute, found in by_attribute.items()
            for place, (_, value) in enumerate(sorted(found))
            if place < self._values or self._incidents.held((attribute, value))
        ]

    def samples(self) -> Iterator[tuple[str, str]]:
        """Yield (metric, labels and value)."""
        for one in self.judged:
            attribute, value = one.cell
            labels = f'{names.ALERT}="{BY_SLICE.id}",{names.TIER}="{one.tier.name}"'
            labels += f',{names.SLICE}="{attribute}",{names.VALUE}="{escaped(value)}"'
            for span, seen in (("long", one.long), ("short", one.short)):
                place = f'{{{labels},{names.SPAN}="{span}"}}'
                yield names.ALERT_OBSERVED, f"{place} {seen.observed}"
                yield names.ALERT_EXPECTED, f"{place} {seen.expected!r}"
            yield names.ALERT_P_VALUE, f"{{{labels}}} {one.verdict.p_value!r}"
            yield names.ALERT_ALPHA, f"{{{labels}}} {one.alpha!r}"
            yield names.ALERT_NEEDED, f"{{{labels}}} {one.verdict.needed}"
            yield names.ALERT_BASE, f"{{{labels}}} {one.base}"
            since_ms = self._incidents.since_ms(one.cell, one.tier.name)
            if since_ms is not None:
                yield names.ALERT_SINCE, f"{{{labels}}} {since_ms / 1000!r}"

    def document(self) -> dict[str, Any]:
        """Return what `/kpis` says of them under `alerts`: which values are watched, and what fires."""
        if self.silent:
            return {"kpi": BY_SLICE.kpi, "silent": self.silent}
        watched: dict[str, dict[str, list[str]]] = {}
        for one in self.judged:
            watched.setdefault(one.tier.name, {}).setdefault(one.cell[0], []).append(one.cell[1])
        firing = [self._told(one) for one in self.judged if one.verdict.firing]
        told = ", ".join(f"{one['slice']}={one['value']} ({one['window']})" for one in firing)
        count = len({one.cell for one in self.judged})
        return {
            "kpi": BY_SLICE.kpi,
            "told": f"{count} slice values have customers enough{': ' if told else ''}{told}",
            "watched": watched,
            "firing": firing,
        }

    def _told(self, one: Judged) -> dict[str, Any]:
        since_ms = self._incidents.since_ms(one.cell, one.tier.name)
        return {
            "slice": one.cell[0],
            "value": one.cell[1],
            "window": one.tier.name,
            "since": None if since_ms is None else rfc3339(since_ms),
            "observed": one.long.observed,
            "expected": one.long.expected,
            "p_value": one.verdict.p_value,
            "alpha": one.alpha,
            "needed": one.verdict.needed,
            "base": one.base,
        }
