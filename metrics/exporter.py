"""KPI gauges for Prometheus: written once per snapshot, handed out as bytes, and only while the lease lasts.

Gauges that are *set* outlive what fed them: a worker that lost the KPI partition would go on showing its last
values beside the new owner's. Here there is nothing to forget to unset. A payload carries the instant after which
nobody looks after it any more, and whoever scrapes it asks until when its owner can't have been replaced: from then on
it is nothing, even in a process that was paused and woke up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, TypeAlias

import msgspec
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from metrics.catalogue import CATALOGUE
from metrics.compiled import KpiValues, Value
from metrics.evaluate import Snapshot
from metrics.names import ALL, KPI, KPI_UNKNOWN, PERIOD, REASON, RESTATED_DELTA, SLICE, VALUE, WINDOW, metric_name
from metrics.promql import escaped
from metrics.steps import Steps, at_once

_UNKNOWN_HELP = "1 where a KPI can't be known now, and why; its gauges are absent meanwhile."

_RESTATED_HELP = "Now known less first published, in the KPI's unit, over the last 31 past days or 12 past months."


Samples: TypeAlias = Mapping[str, bytes]
"""KPI id -> its samples as lines of text, without a head; a KPI that has none is absent."""
Place: TypeAlias = tuple[str, KpiValues]
"""A window of somebody's, as labels, and the values there."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """A snapshot's gauges, written but for what is unknown, which may change while the snapshot stands.

    Attributes:
        everybody: samples of everybody's windows.
        slices: of the slices'; they may be those of an earlier snapshot.
    """

    everybody: Samples = field(default_factory=dict)
    slices: Samples = field(default_factory=dict)

    def exposition(self, unknown: Mapping[str, str], currency: str) -> list[bytes]:
        """Return the text in Prometheus's exposition format 0.0.4, in parts: nothing large is copied.

        Args:
            unknown: KPI id -> reason; such a KPI has no gauges, in any window or slice.
            currency: the reporting currency, part of the names of what is money.

        Returns:
            UTF-8, families in the catalogue's order. What is undefined has no sample, a KPI without samples no family.
        """
        parts: list[bytes] = []
        for kpi in CATALOGUE:
            found = [of[kpi.id] for of in (self.everybody, self.slices) if kpi.id in of]
            if found and kpi.id not in unknown:
                head = _head(metric_name(kpi, currency), f"{kpi.title.en}. {kpi.meaning.en}")
                parts += ["".join(f"{line}\n" for line in head).encode() + found[0], *found[1:]]
        if unknown:
            lines = _head(KPI_UNKNOWN, _UNKNOWN_HELP)
            lines += [
                f'{KPI_UNKNOWN}{{{KPI}="{escaped(kpi_id)}",{REASON}="{escaped(reason)}"}} 1'
                for kpi_id, reason in unknown.items()
            ]
            parts.append("".join(f"{line}\n" for line in lines).encode())
        return parts


def render(snapshot: Snapshot, unknown: Mapping[str, str], currency: str) -> bytes:
    """A snapshot in Prometheus's text format, at once; see `Gauges.exposition`.

    Args:
        snapshot: what `evaluate` answered.
        unknown: KPI id -> reason.
        currency: the reporting currency.
    """
    everybody = at_once(samples(places_of_everybody(snapshot), currency))
    slices = at_once(samples(places_of_slices(snapshot), currency))
    return b"".join(Gauges(everybody, slices).exposition(unknown, currency))


def places_of_everybody(snapshot: Snapshot) -> list[Place]:
    """Return everybody's windows."""
    return [(_labels(window, ALL, ALL), values) for window, values in snapshot["windows"].items()]


def places_of_slices(snapshot: Snapshot) -> list[Place]:
    """Return the windows of each slice."""
    return [
        (_labels(window, attribute, value), values)
        for attribute, by_value in snapshot["slices"].items()
        for value, windows in by_value.items()
        for window, values in windows.items()
    ]


def samples(places: Sequence[Place], currency: str) -> Steps[Samples]:
    """Write the samples of places in steps of one KPI: with 2,000 places, a millisecond."""
    found: dict[str, bytes] = {}
    labels = [labels.encode() for labels, _ in places]
    for kpi in CATALOGUE:
        values = [values.get(kpi.id) for _, values in places]
        name = metric_name(kpi, currency).encode() + b"{"
        text = _lines(name, labels, values) if kpi.label is None else _split_lines(name, labels, values, kpi.label)
        if text:
            found[kpi.id] = text
        yield
    return found


def render_restated(deltas: Mapping[tuple[str, str], float], unknown: Collection[str] = ()) -> bytes:
    """What restatements have added to recent past periods, in the same format.

    Args:
        deltas: by kind of period and KPI.
        unknown: KPIs that have no gauges now.
    """
    samples = [
        f'{RESTATED_DELTA}{{{KPI}="{escaped(kpi)}",{PERIOD}="{escaped(kind)}"}} {delta!r}'
        for (kind, kpi), delta in deltas.items()
        if kpi not in unknown
    ]
    if not samples:
        return b""
    return "".join(f"{line}\n" for line in (*_head(RESTATED_DELTA, _RESTATED_HELP), *samples)).encode()


class KpiExporter(Collector):
    """Hands out the latest payload until its lease is over.

    Args:
        speaks_until: asked at each scrape: the instant from which another worker may own the KPIs.
        clock: seconds on a clock that only goes forward; leases are instants on it.
    """

    def __init__(
        self, speaks_until: Callable[[], float] = lambda: math.inf, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._speaks_until = speaks_until
        self._clock = clock
        self._held: tuple[Sequence[bytes], float] = ((), float("-inf"))

    def publish(self, payload: bytes | Sequence[bytes], lease_until: float) -> None:
        """Replace what is handed out, a text or its parts, and say how long it may be."""
        self._held = ((payload,) if isinstance(payload, bytes) else payload, lease_until)

    def withdraw(self) -> None:
        """Hand out nothing from now on: another worker owns the KPIs."""
        self._held = ((), float("-inf"))

    def parts(self) -> Sequence[bytes]:
        """The payload as it is, to be sent part by part behind the engine's own metrics; nothing after the lease."""
        payload, lease_until = self._held
        return payload if self._clock() < min(lease_until, self._speaks_until()) else ()

    def exposition(self) -> bytes:
        """The payload in one piece."""
        return b"".join(self.parts())

    def collect(self) -> Iterator[Metric]:
        """The same as metric families, for a plain `CollectorRegistry`; parsing costs more than `exposition`."""
        yield from text_string_to_metric_families(self.exposition().decode())

    def describe(self) -> list[Metric]:
        """Nothing: names depend on the snapshot, and registering must not need one."""
        return []


def _split_lines(name: bytes, labels: Sequence[bytes], values: Sequence[Any], label: str) -> bytes:
    """Return the lines of a KPI that is split by label: each place has one for each label that it knows."""
    places: list[bytes] = []
    parts: list[Value] = []
    ends: dict[str, bytes] = {}
    for place, by_label in zip(labels, values, strict=True):
        for part_of, part in (by_label or {}).items():
            end = ends.get(part_of)
            if end is None:
                end = ends[part_of] = f',{label}="{escaped(part_of)}"'.encode()
            places.append(place + end)
            parts.append(part)
    return _lines(name, places, parts)


def _lines(name: bytes, labels: Sequence[bytes], values: Sequence[Any]) -> bytes:
    """Return a line for each value that is defined.

    All numbers are written at once, as JSON, and put between the rest: a third of the time that formatted lines take.
    """
    if None in values:
        known = [value is not None for value in values]
        labels, values = list(compress(labels, known)), list(compress(values, known))
    if not values:
        return b""
    pieces = [b"} "] * (4 * len(values))
    pieces[0::4] = [name] * len(values)
    pieces[1::4] = labels
    pieces[3::4] = _encode(values)[1:-1].replace(b",", b"\n,").split(b",")
    return b"".join(pieces) + b"\n"


_encode = msgspec.json.Encoder().encode


def _head(name: str, text: str) -> list[str]:
    told = text.replace("\\", r"\\").replace("\n", r"\n")
    return [f"# HELP {name} {told}", f"# TYPE {name} gauge"]


def _labels(window: str, attribute: str, value: str) -> str:
    return f'{WINDOW}="{escaped(window)}",{SLICE}="{escaped(attribute)}",{VALUE}="{escaped(value)}"'
