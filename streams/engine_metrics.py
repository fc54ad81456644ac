"""The engine's own metrics: read off the worker at each scrape, so that nothing outlives what it was read from."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from events.names import EVENT_TYPES, REASONS
from metrics import names
from streams.holds import STEPS, Holds

if TYPE_CHECKING:
    from streams.app import Worker
    from streams.health import Health


class _EngineCollector(Collector):
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        engine = self._worker.engine
        counts, owned = engine.counts, list(engine.owned.values())
        by_type, by_reason = _from_0(EVENT_TYPES, counts.events), _from_0(REASONS, counts.rejected)
        yield _by(names.EVENTS, "Events counted, by type.", names.TYPE, by_type)
        yield _by(names.EVENTS_REJECTED, "Records sent to the dead letters, by reason.", names.REASON, by_reason)
        yield _counter(names.EVENTS_DUPLICATE, "Events dropped: counted before.", counts.duplicates)
        yield _counter(names.EVENTS_CONFLICTING, "Duplicates that said something else.", counts.different)
        yield _counter(names.EVENTS_MISROUTED, "Events sent on to their person's partition.", counts.misplaced)
        yield _counter(names.EVENTS_UNMOVED, "Events left in the slices that they arrived in.", counts.unmoved)
        yield _counter(names.ACQUISITIONS_LATE, "Earlier acquisitions, heard later.", counts.reattributed)
        saved = engine.checkpoints
        yield _counter(names.CHECKPOINTS, "Checkpoints written.", saved.written)
        yield _counter(names.CHECKPOINT_FAILURES, "Attempts to write a checkpoint that failed.", saved.failed)
        yield _counter(names.CHECKPOINT_BYTES, "Bytes of checkpoints written.", saved.bytes)
        yield _gauge(names.CHECKPOINT_DURATION, "Seconds that the last checkpoint took.", saved.last_duration_s)
        if saved.last_at_s:
            yield _gauge(names.CHECKPOINT_TIMESTAMP, "When the last checkpoint was safe.", saved.last_at_s)
        yield _gauge(names.PARTITIONS_OWNED, "Partitions that this worker owns.", len(owned))
        yield _gauge(names.PERSONS, "Persons in them.", sum(len(each.state.fold.persons) for each in owned))
        changelog = {
            "live": sum(each.checkpointer.live_bytes for each in owned),
            "superseded": sum(each.checkpointer.superseded_bytes for each in owned),
        }
        yield _gauge_by(names.CHANGELOG_BYTES, "Bytes of entries needed, and not deleted yet.", names.STATE, changelog)
        yield _histogram(names.LOOP_HELD, "Seconds for which a step held the event loop.", saved.holds)
        longest = saved.holds.longest_s
        yield _gauge_by(names.LOOP_HELD_LONGEST, "The longest hold since the start.", names.STEP, longest)
        ids_bytes = sum(each.state.dedupe.size_bytes for each in owned)
        yield _gauge(names.DEDUPLICATION_BYTES, "Memory that the event ids take.", ids_bytes)
        yield _gauge(names.DEDUPLICATION_IDS, "Event ids remembered.", sum(len(each.state.dedupe) for each in owned))
        yield _gauge(names.WAITING_EVENTS, "Events that wait for the clock.", sum(len(e.state.waiting) for e in owned))
        if read := [each.last_record_ms for each in owned if each.last_record_ms >= 0]:
            lag_s = time.time() - max(read) / 1000
            yield _gauge(names.EVENT_LAG, "Seconds since the newest record read was published.", lag_s)
        latest: dict[str, int] = {}
        for each in owned:
            for kind, at_ms in each.state.latest_by_type.items():
                latest[kind] = max(at_ms, latest.get(kind, at_ms))
        yield _labelled_gauge(
            names.LAST_EVENT, "When the latest event of a type occurred.", {k: ms / 1000 for k, ms in latest.items()}
        )
        rounds = self._worker.rounds
        if rounds is not None and rounds.snapshot is not None and self._worker.standing.speaks:
            yield _gauge(
                names.SNAPSHOT_AGE, "Seconds since the KPIs were made.", time.monotonic() - rounds.snapshot.at_s
            )
            refused = {of: len(values) for of, values in rounds.admission.refused.items()}
            yield _by(names.SLICE_OVERFLOW, "Values and labels shown as `other`.", names.SLICE, refused)
            yield from _of_sources(rounds.health)
            residual = rounds.snapshot.books_residual
            yield _gauge(names.BOOKS_RESIDUAL, "opening + new + won back - lost - closing; 0 if sound.", residual)
        if self._worker.gateway is not None:
            tally = self._worker.gateway.tally
            outcomes = {"accepted": tally.accepted, "rejected": tally.rejected, "repeated": tally.repeated}
            yield _by(names.HTTP_EVENTS, "Events that came over HTTP, by what became of them.", names.OUTCOME, outcomes)
            yield _counter(names.HTTP_REFUSED, "Requests with events that were refused whole.", tally.refused_requests)
        yield _by(names.RESTATEMENTS, "Restatements of past days and months.", names.PERIOD, self._worker.restatements)
        yield from _of_redis(self._worker)


def _of_redis(worker: Worker) -> Iterable[Metric]:
    if (writer := worker.profiles) is not None:
        yield _counter(names.PROFILES, "Customer profiles written to Redis.", writer.written)
        yield _gauge(names.PROFILES_WAITING, "Customer profiles still to be written.", writer.waiting)
    if worker.serving is not None:
        yield _gauge(names.REDIS_UP, "1 while Redis takes what is written.", float(not worker.serving.behind))


def _of_sources(health: Health) -> Iterable[Metric]:
    """Yield what the owner of the KPIs knows of the sources: they are bounded, so the labels are."""
    last = GaugeMetricFamily(
        names.SOURCE_LAST_EVENT, "When a source's latest event of a type occurred.", labels=[names.SOURCE, names.TYPE]
    )
    for pair, mark in health.marks.items():
        last.add_metric(pair, mark.latest_event_ms / 1000)
    silent = GaugeMetricFamily(
        names.SOURCE_SILENT, "1 while a source is missed, 0 otherwise.", labels=[names.SOURCE, names.TYPE]
    )
    for pair, is_silent in health.silent_pairs().items():
        silent.add_metric(pair, float(is_silent))
    yield last
    yield silent


def exposition(worker: Worker) -> bytes:
    """Return the engine's metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_EngineCollector(worker))
    return generate_latest(registry)


def _counter(name: str, text: str, value: float) -> Metric:
    family = CounterMetricFamily(name, text)
    family.add_metric([], value)
    return family


def _by(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _from_0(known: Iterable[str], counted: Mapping[str, int]) -> dict[str, int]:
    """Return a count for every known label: Prometheus doesn't see the first increment of a counter that appears."""
    return {**dict.fromkeys(known, 0), **counted}


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value)
    return family


def _gauge_by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _histogram(name: str, text: str, holds: Holds) -> Metric:
    family = HistogramMetricFamily(name, text, labels=[names.STEP])
    for step in STEPS:
        family.add_metric([step], holds.buckets(step), holds.sum_s[step])
    return family


def _labelled_gauge(name: str, text: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[names.TYPE])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
