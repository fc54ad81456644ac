"""The ledger of past days and months: what was first published, what is known now, and what made the difference.

A past period's figures change when something comes late. Whoever has used the first ones has to be told: by how much,
and by what. This module compares what is known of each past period with what was published of it last and says
what to write. It keeps components, never a ratio, so that each figure comes from the catalogue's own formulas; it
writes nothing and reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import msgspec

from metrics.compiled import Bounds, Evaluate, KpiValues, Value, compile_kpis
from metrics.components import BY_NAME, Unit
from metrics.economics import Economics
from metrics.frame import CellSums
from metrics.restatement import FED_BY, RESTATABLE
from streams.day_sums import Sums
from streams.panes import DAY_MS
from streams.periods import KINDS, Kind, Period, Periods
from streams.slices import MS_OF_DAY

RECENT: Mapping[Kind, int] = {"day": 31, "month": 12}
"""The latest past days and months over which restatements are added up for the gauge."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNBOUNDED = Fraction(0)


class Known(msgspec.Struct, array_like=True):
    """What has been published of a period.

    Attributes:
        revision: how often it was restated.
        known_ms: when the latest revision was known, on the wall clock.
        sums: its components, as last published.
        first: as first published; None where that is the same.
    """

    revision: int
    known_ms: int
    sums: Sums
    first: Sums | None = None

    @property
    def at_first(self) -> Sums:
        """The components as first published."""
        return self.sums if self.first is None else self.first


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger, under a key that no other line ever has.

    Attributes:
        period: what it is about.
        revision: 0 for the first publication.
        body: what it says, ready for JSON.
    """

    period: Period
    revision: int
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """`day/2026-06-14/1`."""
        return f"{self.period.key}/{self.revision}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be written: it has happened once `Ledger.settle` is told of it.

    Attributes:
        entries: new lines, in the order of their periods.
        known: what is known of their periods with them.
        gone: periods that have left the reach.
        forgotten_ms: before this, nothing is published any more.
    """

    entries: tuple[Entry, ...]
    known: Mapping[str, Known]
    gone: tuple[str, ...]
    forgotten_ms: int


@dataclass(slots=True)
class Ledger:
    """The past as it has been published.

    Attributes:
        periods: which days and months are looked at.
        economics: how money is written; nothing else of it enters a restated KPI.
        known: by the key of the period.
        forgotten_ms: the end of the latest period that has left the reach: what lies before isn't published anew.
    """

    periods: Periods
    economics: Economics
    known: dict[str, Known] = field(default_factory=dict)
    forgotten_ms: int = 0
    _past: tuple[Period, ...] = ()

    def look(self, now_ms: int, known_ms: int, days: Mapping[int, Sums]) -> Draft | None:
        """Compare what is known of the past with what has been published of it.

        Args:
            now_ms: the engine's clock.
            known_ms: the wall clock: since when it is known.
            days: sums by the first minute of the day, complete as of `now_ms`.

        Returns:
            What is to be published; None where that is nothing.
        """
        past = [period for period in self.periods.past(now_ms) if period.start_ms >= self.forgotten_ms]
        self._past = tuple(past)
        within = {period.key for period in past}
        gone = tuple(key for key in self.known if key not in within)
        began = min((minute for minute, sums in days.items() if sums), default=None)
        entries, known = [], {}
        for period in past:
            before = self.known.get(period.key)
            if before is None and (began is None or period.days[-1] < began):
                continue  # before anything that is known to have happened
            sums = _sum(days[minute] for minute in period.days if minute in days)
            if before is not None and before.sums == sums:
                continue
            since_ms = known_ms if before is None else max(known_ms, before.known_ms)  # clocks of machines differ
            entry = self._entry(period, before, sums, now_ms, since_ms)
            if entry is not None:
                entries.append(entry)
                first = None if before is None else before.at_first
                known[period.key] = Known(entry.revision, since_ms, sums, None if first == sums else first)
        if not entries and not gone:
            return None
        # The first period within reach begins where the last one that isn't has ended.
        forgotten_ms = max(self.forgotten_ms, past[0].start_ms if past and gone else 0)
        return Draft(tuple(entries), known, gone, forgotten_ms)

    def settle(self, draft: Draft) -> None:
        """Take what has been written for published."""
        self.known.update(draft.known)
        for key in draft.gone:
            self.known.pop(key, None)
        self.forgotten_ms = draft.forgotten_ms

    def restated(self) -> dict[tuple[Kind, str], float]:
        """Return, by kind and KPI, now known less first published, added up over the `RECENT` past periods.

        KPIs that are split by a label are left out, and periods in which either value is undefined.
        """
        totals = {(kind, kpi.id): Decimal(0) for kind in KINDS for kpi in RESTATABLE if kpi.label is None}
        for kind in KINDS:
            for period in [period for period in self._past if period.kind == kind][-RECENT[kind] :]:
                known = self.known.get(period.key)
                if known is None or known.first is None:
                    continue
                first, now = self.values(period, known.first), self.values(period, known.sums)
                for of, kpi in totals:
                    if of == kind:
                        totals[kind, kpi] += _difference(first[kpi], now[kpi]) or 0
        return {key: float(total) for key, total in totals.items()}

    def current(self) -> dict[str, dict[str, Any]]:
        """Return what is known now of each published period within reach: revision, since when, values."""
        return {
            period.key: {
                "revision": known.revision,
                "known_at": instant(known.known_ms),
                "values": self.values(period, known.sums),
                **({} if known.first is None else {"first": self.values(period, known.first)}),
            }
            for period in self._past
            if (known := self.known.get(period.key)) is not None
        }

    def recent_days(self, count: int) -> Iterator[tuple[int, KpiValues]]:
        """Yield the beginning of each of the latest past days that are published, and its values as known now."""
        for period in [period for period in self._past if period.kind == "day"][-count:]:
            if (known := self.known.get(period.key)) is not None:
                yield period.start_ms, self.values(period, known.sums)

    def values(self, period: Period, sums: Sums) -> KpiValues:
        """Evaluate the restatable KPIs over a period, by the catalogue's formulas."""
        cell = _cell(sums)
        bounds = Bounds(period.end_ms, period.start_ms, period.start_ms, _UNBOUNDED)
        return compile_restatable(self.economics)(cell, cell, cell, bounds)

    def _entry(self, period: Period, before: Known | None, sums: Sums, now_ms: int, known_ms: int) -> Entry | None:
        values = self.values(period, sums)
        body: dict[str, Any] = {
            "period": period.kind,
            "name": period.name,
            "start": instant(period.start_ms),
            "end": instant(period.end_ms),
            "revision": 0 if before is None else before.revision + 1,
            "known_at": instant(known_ms),
            "now": instant(now_ms),
            "values": values,
        }
        if before is not None:
            body["restated"] = changed(self.values(period, before.sums), values)
            if not body["restated"]:
                return None  # what changed shows in no figure; it is told as a cause once something does
            body["cause"] = _cause(before.sums, sums)
        return Entry(period, body["revision"], body)


@cache
def compile_restatable(economics: Economics) -> Evaluate:
    """Return the restatable KPIs as one function, compiled once."""
    return compile_kpis(RESTATABLE, economics)


def changed(before: KpiValues, after: KpiValues) -> dict[str, dict[str, Any]]:
    """Return the KPIs whose value isn't the same: `from`, `to`, and by how much where both are numbers.

    A KPI that is split has these for each label that changed; a label that isn't there is None.
    """
    found: dict[str, dict[str, Any]] = {}
    for kpi, now in after.items():
        then = before[kpi]
        if isinstance(now, dict) and isinstance(then, dict):
            labels = sorted(now.keys() | then.keys())
            parts = {at: _change(then.get(at), now.get(at)) for at in labels if then.get(at) != now.get(at)}
            if parts:
                found[kpi] = parts
        elif now != then and not isinstance(now, dict) and not isinstance(then, dict):
            found[kpi] = _change(then, now)
    return found


def instant(ms: int) -> str:
    """Write an instant as RFC 3339, in UTC."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _change(then: Value, now: Value) -> dict[str, Any]:
    delta = _difference(then, now)
    exact = isinstance(then, int) and isinstance(now, int)
    return {"from": then, "to": now, "delta": delta if delta is None else int(delta) if exact else float(delta)}


def _difference(then: Any, now: Any) -> Decimal | None:
    """Subtract as written: the difference of 0.3 and 0.1 is 0.2, and no last digit of a float shows."""
    return None if then is None or now is None else Decimal(repr(now)) - Decimal(repr(then))


def _cause(before: Sums, after: Sums) -> list[dict[str, Any]]:
    """Say which components changed, by how much, and which types of events may have done it."""
    then, now = _in_units(before), _in_units(after)
    return [
        {
            "component": component,
            **({"label": label} if label else {}),
            "unit": BY_NAME[component].unit.value,
            "delta": now.get((component, label), 0) - then.get((component, label), 0),
            "events": list(FED_BY[component]),
        }
        for component, label in sorted(then.keys() | now.keys())
        if now.get((component, label), 0) != then.get((component, label), 0)
    ]


def _cell(sums: Sums) -> CellSums:
    values: dict[str, int] = {}
    labelled: dict[str, dict[str, int]] = {}
    for (component, label), amount in _in_units(sums).items():
        if label:
            labelled.setdefault(component, {})[label] = amount
        else:
            values[component] = amount
    return CellSums(values, labelled)


def _in_units(sums: Sums) -> dict[tuple[str, str], int]:
    """Return amounts by component and label, `""` for none; times, which lie in two columns, as milliseconds."""
    found: dict[tuple[str, str], int] = {}
    for name, amount in sums.items():
        component, _, label = name.partition("/")
        if BY_NAME[component].unit is Unit.MS:
            amount *= 1 if label == MS_OF_DAY else DAY_MS  # noqa: PLW2901 - in its unit
            label = ""
        found[component, label] = found.get((component, label), 0) + amount
    return found


def _sum(parts: Iterable[Sums]) -> Sums:
    total: Sums = {}
    for sums in parts:
        for name, amount in sums.items():
            total[name] = total.get(name, 0) + amount
    return {name: amount for name, amount in total.items() if amount}
