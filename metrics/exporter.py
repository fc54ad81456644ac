"""KPI gauges for Prometheus: rendered once per snapshot, handed out as bytes, and only while the lease lasts.

Gauges that are *set* outlive what fed them: a worker that lost the KPI partition would go on showing its last
values beside the new owner's. Here there is nothing to forget to unset. A payload carries the instant after which
nobody looks after it any more, and whoever scrapes it asks until when its owner can't have been replaced: from then on
it is nothing, even in a process that was paused and woke up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from metrics.catalogue import CATALOGUE
from metrics.compiled import KpiValues
from metrics.evaluate import Snapshot
from metrics.kpi import Kpi
from metrics.names import ALL, KPI, KPI_UNKNOWN, PERIOD, REASON, RESTATED_DELTA, SLICE, VALUE, WINDOW, metric_name
from metrics.promql import escaped

_UNKNOWN_HELP = "1 where a KPI can't be known now, and why; its gauges are absent meanwhile."

_RESTATED_HELP = "Now known less first published, in the KPI's unit, over the last 31 past days or 12 past months."


def render(snapshot: Snapshot, unknown: Mapping[str, str], currency: str) -> bytes:
    """A snapshot in Prometheus's text exposition format 0.0.4.

    Args:
        snapshot: what `evaluate` answered.
        unknown: KPI id -> reason; such a KPI has no gauges, in any window or slice.
        currency: the reporting currency, part of the names of what is money.

    Returns:
        UTF-8 text, families in the catalogue's order. What is undefined has no sample, a KPI without samples no
        family.
    """
    places = [(_labels(window, ALL, ALL), values) for window, values in snapshot["windows"].items()]
    for attribute, by_value in snapshot["slices"].items():
        for value, windows in by_value.items():
            places += [(_labels(window, attribute, value), values) for window, values in windows.items()]
    lines: list[str] = []
    for kpi in CATALOGUE:
        if kpi.id not in unknown:
            lines += _family(kpi, metric_name(kpi, currency), places)
    if unknown:
        lines += _head(KPI_UNKNOWN, _UNKNOWN_HELP)
        lines += [
            f'{KPI_UNKNOWN}{{{KPI}="{escaped(kpi_id)}",{REASON}="{escaped(reason)}"}} 1'
            for kpi_id, reason in unknown.items()
        ]
    return "".join(f"{line}\n" for line in lines).encode()


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
        self._held: tuple[bytes, float] = (b"", float("-inf"))

    def publish(self, payload: bytes, lease_until: float) -> None:
        """Replace what is handed out, and say how long it may be."""
        self._held = (payload, lease_until)

    def withdraw(self) -> None:
        """Hand out nothing from now on: another worker owns the KPIs."""
        self._held = (b"", float("-inf"))

    def exposition(self) -> bytes:
        """The payload as it is, to be joined to the engine's own metrics; nothing once the lease is over."""
        payload, lease_until = self._held
        return payload if self._clock() < min(lease_until, self._speaks_until()) else b""

    def collect(self) -> Iterator[Metric]:
        """The same as metric families, for a plain `CollectorRegistry`; parsing costs more than `exposition`."""
        yield from text_string_to_metric_families(self.exposition().decode())

    def describe(self) -> list[Metric]:
        """Nothing: names depend on the snapshot, and registering must not need one."""
        return []


def _family(kpi: Kpi, name: str, places: list[tuple[str, KpiValues]]) -> list[str]:
    samples: list[str] = []
    for labels, values in places:
        value = values.get(kpi.id)
        if value is None:
            continue
        if isinstance(value, dict):
            samples += [
                f'{name}{{{labels},{kpi.label}="{escaped(label)}"}} {part!r}'
                for label, part in value.items()
                if part is not None
            ]
        else:
            samples.append(f"{name}{{{labels}}} {value!r}")
    return [*_head(name, f"{kpi.title.en}. {kpi.meaning.en}"), *samples] if samples else []


def _head(name: str, text: str) -> list[str]:
    told = text.replace("\\", r"\\").replace("\n", r"\n")
    return [f"# HELP {name} {told}", f"# TYPE {name} gauge"]


def _labels(window: str, attribute: str, value: str) -> str:
    return f'{WINDOW}="{escaped(window)}",{SLICE}="{escaped(attribute)}",{VALUE}="{escaped(value)}"'
