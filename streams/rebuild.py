"""Counting anew beside the engine in service: where it begins, how far it is, when it may take over.

The engine that counts anew is an ordinary worker under a group of its own that doesn't speak. It reads all that the
topics retain, so two things that it meets have been dealt with before, by the engine in service: records that aren't
events lie among the dead letters, and misplaced ones have been sent on. Doing that again would count events twice in
the engine in service, whose deduplication has forgotten them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from kafka import KafkaConsumer, TopicPartition

from streams.app import Worker
from streams.engine import source_topics
from streams.engines import (
    PATIENCE_S,
    as_engine,
    changelogs,
    committed,
    has_members,
    new_engine,
    read_record,
    remove,
    write_record,
)
from streams.reasons import NO_EVENT
from streams.settings import Settings
from streams.succession import Engine, Record, Standing, changed
from streams.topics import admin_client, connected, partition_counts, quiet_kafka

Offsets: TypeAlias = dict[tuple[str, int], int]


class RebuildError(RuntimeError):
    """It can't be done, or not yet; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        read, end: records, of all sources.
        caught_up: whether its figures are those of the present, complete.
        saved: whether all that they are made of is in checkpoints.
    """

    read: int
    end: int
    caught_up: bool
    saved: bool


def begin(settings: Settings, record: Record, *, accept_loss: bool) -> Engine:
    """Return the engine that is to count anew: the one that was interrupted, or a new one, written down.

    Args:
        settings: the new ones, with the shop's app_id.
        record: as it is.
        accept_loss: go on although retention has removed the beginning.

    Raises:
        RebuildError: another rebuild is under way, or the beginning is gone.
    """
    if (under_way := record.rebuilding) is not None:
        if differing := changed(under_way.meaning, settings.meaning.describe()):
            raise RebuildError(
                f"a rebuild under other settings was begun: {'; '.join(differing)}. Set them back to resume it, "
                "or run `tapesh rebuild --abort`, which removes it"
            )
        _wait_until_alone(settings, under_way)
        return under_way
    if not accept_loss:
        refuse_loss(settings)
    engine = new_engine(settings, record)
    write_record(settings, record.begun(engine))
    return engine


def refuse_loss(settings: Settings) -> None:
    """Make sure that the topics still have their beginning.

    Raises:
        RebuildError: they haven't; it says from when on rebuilt figures would know anything.
    """
    with _reader(settings) as consumer:
        places = _sources(settings)
        lost = {place: first for place, first in consumer.beginning_offsets(places).items() if first > 0}
        if not lost:
            return
        since = max(_first_ms(consumer, place) for place in lost)
    names = ", ".join(f"{place.topic}[{place.partition}]" for place in sorted(lost)[:3])
    when = datetime.fromtimestamp(since / 1000, UTC).isoformat(timespec="seconds")
    raise RebuildError(
        f"retention has removed the beginning of {names}{' and others' if lost.keys() - sorted(lost)[:3] else ''}: "
        f"rebuilt figures would know all only of what was published from {when} on. The figures in service know more. "
        "Restore the topics, or accept it: tapesh rebuild --accept-loss"
    )


def worker_of(settings: Settings, engine: Engine, serving: Engine) -> Worker:
    """Return a worker that counts anew and doesn't speak."""
    worker = Worker(as_engine(settings, engine), Standing(settings.app_id, engine.number, serves=False))
    worker.engine.dealt_with = dealt_with(settings, serving)
    return worker


def dealt_with(settings: Settings, serving: Engine) -> Offsets:
    """Return up to where the engine in service has written dead letters and sent misplaced events on.

    A group that the broker has forgotten has dealt with all there is, as far as anybody knows: sent on twice, an event
    may count twice; not sent on, it is in its topic still.
    """
    known = committed(settings, serving.group)
    with admin_client(settings, PATIENCE_S) as admin:
        if not partition_counts(admin, changelogs(serving.group)):
            return known
    with _reader(settings) as consumer:
        ends = consumer.end_offsets(_sources(settings))
    return {
        (place.topic, place.partition): known.get((place.topic, place.partition), end) for place, end in ends.items()
    }


def switch(settings: Settings, engine: Engine) -> Record:
    """Put the engine that has counted anew into service, and return the record.

    Raises:
        RebuildError: somebody else has aborted or replaced it meanwhile.
    """
    record = read_record(settings)
    if record.rebuilding != engine:
        raise RebuildError(f"{engine.group!r} isn't counting anew any more, as the record says; nothing was switched")
    switched = record.switched(int(time.time() * 1000))
    write_record(settings, switched)
    return switched


def abort(settings: Settings, record: Record) -> list[str]:
    """Remove an interrupted rebuild and what it left, and return the topics.

    Raises:
        RebuildError: there is none, or it runs.
    """
    engine = record.rebuilding
    if engine is None:
        raise RebuildError("no rebuild is under way; nothing to abort")
    _wait_until_alone(settings, engine)
    removed = list(remove(settings, [engine]))
    write_record(settings, record.aborted())
    return removed


def remove_retired(settings: Settings, record: Record) -> list[str]:
    """Remove the topics and groups of the engines that served before, and return the topics.

    Raises:
        RebuildError: a worker of one of them runs.
    """
    for engine in record.retired:
        _wait_until_alone(settings, engine)
    removed = list(remove(settings, record.retired))
    write_record(settings, Record(record.serving, record.rebuilding))
    return removed


def _wait_until_alone(settings: Settings, engine: Engine) -> None:
    """Wait as long as a dead worker counts as a member."""
    deadline = time.monotonic() + settings.kafka.session_timeout.seconds + settings.kafka.rebalance_timeout.seconds
    while has_members(settings, engine.group):
        if time.monotonic() > deadline:
            raise RebuildError(f"workers of group {engine.group!r} are running; end them first")
        time.sleep(0.5)  # the broker tells nobody when it gives a member up


class Watch:
    """Looks at a worker that counts anew, from a thread of its own.

    Args:
        settings: of the shop.
        worker: the one that counts.
    """

    def __init__(self, settings: Settings, worker: Worker) -> None:
        self._settings = settings
        self._worker = worker
        self._due: Offsets | None = None

    def progress(self, first: Mapping[Any, int], ends: Mapping[Any, int]) -> Progress:
        """Say how far it is.

        Args:
            first: where the sources begin, by topic and partition.
            ends: where they end now.
        """
        positions = self._positions()
        read = sum(max(0, positions.get(tuple(tp), 0) - begin) for tp, begin in first.items())
        end = sum(ends[tp] - begin for tp, begin in first.items())
        caught_up = self._is_caught_up()
        if caught_up and self._due is None:
            self._due = positions
        return Progress(min(read, end), end, caught_up, caught_up and self._is_saved())

    def document(self) -> Mapping[str, Any] | None:
        """Return its figures, None before there are any."""
        rounds = self._worker.rounds
        return None if rounds is None or rounds.snapshot is None else rounds.snapshot.document

    def residual(self) -> int:
        """Return how many customers its books don't account for."""
        rounds = self._worker.rounds
        return 0 if rounds is None or rounds.snapshot is None else rounds.snapshot.books_residual

    def _positions(self) -> Offsets:
        owned = list(self._worker.engine.owned.items())
        return {(topic, number): at for number, each in owned for topic, at in dict(each.positions).items()}

    def _is_caught_up(self) -> bool:
        rounds = self._worker.rounds
        if (
            rounds is None
            or rounds.snapshot is None
            or len(self._worker.engine.owned) < self._settings.kafka.partitions
        ):
            return False
        return rounds.obstacle(time.monotonic()) in (None, NO_EVENT)  # a silent source is silent for either engine

    def _is_saved(self) -> bool:
        saved: Offsets = {}
        for number, each in list(self._worker.engine.owned.items()):
            if (last := each.checkpointer.last) is not None:
                saved |= {(topic, number): at for topic, at in last.offsets.items()}
        return all(saved.get(tp, 0) >= at for tp, at in (self._due or {}).items())


@contextmanager
def source_ends(settings: Settings) -> Iterator[Callable[[], tuple[Mapping[Any, int], Mapping[Any, int]]]]:
    """Give a function that asks the broker where the sources begin and end."""
    with _reader(settings) as consumer:
        places = _sources(settings)
        first = consumer.beginning_offsets(places)
        yield lambda: (first, consumer.end_offsets(places))


@contextmanager
def _reader(settings: Settings) -> Iterator[Any]:
    with quiet_kafka():
        options = {"group_id": None, "enable_auto_commit": False}
        consumer = connected(KafkaConsumer, settings, PATIENCE_S, **options)
        try:
            yield consumer
        finally:
            consumer.close()


def _sources(settings: Settings) -> list[Any]:
    count = settings.kafka.partitions
    return [TopicPartition(topic, number) for topic in sorted(source_topics(settings)) for number in range(count)]


def _first_ms(consumer: Any, place: Any) -> int:
    """Return the timestamp of the oldest record that is left; now if none is."""
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    end, deadline = consumer.end_offsets([place])[place], time.monotonic() + PATIENCE_S
    while consumer.position(place) < end and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=100, max_records=1).values():
            return int(records[0].timestamp)
    return int(time.time() * 1000)
