"""Sends mended messages back to where they came from, each once, whatever breaks in between.

The engine drops an event that it has counted, but only within the deduplication horizon; a letter that is replayed
a week later, twice, would count twice. So each replay leaves a mark in a compacted topic, and event and mark go out in
one Kafka transaction: the engine reads what is committed, so it sees both or neither, and a replay that died is rolled
back by the next one, which has the same transactional id.

Before the transaction a mark of intent says where the event is about to be written. A letter with an intent and no
replay is looked for there by its header before it is sent again. On Apache Kafka it is never found, since the
transaction was rolled back; on a broker that shows what was rolled back (the embedded one does, and the engine there
has counted it) it is, and only its mark is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import msgspec
from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, ProducerFencedError

from events.names import DEAD_LETTERS_REPLAYED, HEADER_DEAD_LETTER
from streams.dead_letters.letter import DeadLetter, LetterId, Origin
from streams.dead_letters.planning import Ready
from streams.dead_letters.reading import records
from streams.settings import Settings
from streams.topics import LARGEST_MESSAGE, connected

TOGETHER = 200
"""Letters of one transaction."""


class ReplayError(RuntimeError):
    """Kafka hasn't taken a replay, or another one has taken over."""


class Mark(msgspec.Struct, frozen=True):
    """What became of a dead letter.

    Attributes:
        state: `intended` just before it is sent, `replayed` together with it.
        at_ms: when.
        topic, partition: where the event went.
        offset: at an intent, before which place it can't be.
        origin: where the rejected message was: a second letter about it has been replayed as well.
    """

    state: Literal["intended", "replayed"]
    at_ms: int
    topic: str
    partition: int
    offset: int
    origin: Origin | None


class Sent(NamedTuple):
    """A letter that was replayed, and where to. `found`: an earlier replay had sent it, and wasn't able to say so."""

    id: LetterId
    topic: str
    partition: int
    found: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks, by letter."""

    by_letter: Mapping[LetterId, Mark]
    origins: set[Origin]

    def is_replayed(self, letter: DeadLetter) -> bool:
        """Tell whether the message of this letter has been sent back."""
        mark = self.by_letter.get(letter.id)
        return (mark is not None and mark.state == "replayed") or letter.origin in self.origins

    def intent(self, letter: DeadLetter) -> Mark | None:
        """Return the mark of a replay of which nobody knows how it ended."""
        mark = self.by_letter.get(letter.id)
        return mark if mark is not None and mark.state == "intended" else None


def marks_of(consumer: Any, settings: Settings, timeout_s: float) -> Marks:
    """Read all marks; none if their topic isn't there."""
    topic = settings.topic(DEAD_LETTERS_REPLAYED)
    found: dict[LetterId, Mark] = {}
    if consumer.partitions_for_topic(topic):
        place = TopicPartition(topic, 0)
        begin, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
        for record in records(consumer, place, begin, end, timeout_s):
            with suppress(ValueError, msgspec.DecodeError):  # somebody else's record is no mark
                found[LetterId.parse(record.key.decode())] = msgspec.json.decode(record.value, type=Mark)
    replayed = (mark.origin for mark in found.values() if mark.state == "replayed")
    return Marks(found, {origin for origin in replayed if origin is not None})


class Replay:
    """A connection that sends letters back. Only one is at work at a time: the next one takes over.

    Args:
        settings: where the broker is, what its topics are called.
        consumer: as `reading.reader` makes it; nobody else's.
        timeout_s: how long to wait for a broker.

    Raises:
        BrokerUnreachable: no broker answers in time.
        KafkaError: it may not write in transactions.
    """

    def __init__(self, settings: Settings, consumer: Any, timeout_s: float) -> None:
        self._settings = settings
        self._consumer = consumer
        self._timeout_s = timeout_s
        self._marks_topic = settings.topic(DEAD_LETTERS_REPLAYED)
        patience_ms = int(timeout_s * 1000)
        self._producer = connected(
            KafkaProducer,
            settings,
            timeout_s,
            transactional_id=self._marks_topic,
            max_block_ms=patience_ms,
            request_timeout_ms=min(30_000, patience_ms),
            max_request_size=LARGEST_MESSAGE,
        )
        try:
            self._producer.init_transactions()  # rolls back what an earlier one has left, and shuts it out
        except BaseException:
            self._producer.close(timeout=0)
            raise
        self.marks = marks_of(consumer, settings, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.close(timeout=self._timeout_s)

    def send(self, batch: Sequence[Ready]) -> list[Sent]:
        """Send mended letters back, all or none, and mark them.

        Args:
            batch: at most `TOGETHER` of them.

        Raises:
            ReplayError: nothing was sent, or nobody knows; in either case another try is safe.
        """
        sent_before = self._lost_track_of([each.letter for each in batch])
        new = [each for each in batch if each.letter.id not in sent_before]
        ends = self._ends({(each.topic, each.partition) for each in new})
        with self._transaction() as intents:
            intents += [self._mark(each, "intended", ends[each.topic, each.partition]) for each in new]
        with self._transaction() as sending:
            for each in new:
                headers = [(HEADER_DEAD_LETTER, str(each.letter.id).encode())]
                sent = self._producer.send(
                    each.topic, value=each.value, key=each.key.encode(), partition=each.partition, headers=headers
                )
                sending.append(sent)
            self._producer.flush(self._timeout_s)  # no mark is in the log before its event, be it rolled back or not
            sending += [self._mark(each, "replayed", -1) for each in batch]
        self.marks.origins.update(each.letter.origin for each in batch if each.letter.origin is not None)
        return [Sent(each.letter.id, each.topic, each.partition, each.letter.id in sent_before) for each in batch]

    def _lost_track_of(self, batch: Sequence[DeadLetter]) -> set[LetterId]:
        """Look for letters that an earlier replay meant to send: those that are there were sent."""
        intents = {letter.id: mark for letter in batch if (mark := self.marks.intent(letter)) is not None}
        found = set()
        for place in {TopicPartition(mark.topic, mark.partition) for mark in intents.values()}:
            here = {i: mark for i, mark in intents.items() if (mark.topic, mark.partition) == tuple(place)}
            end = self._consumer.end_offsets([place])[place]
            for record in records(self._consumer, place, min(m.offset for m in here.values()), end, self._timeout_s):
                told = dict(record.headers).get(HEADER_DEAD_LETTER)
                found |= {i for i, mark in here.items() if told == str(i).encode() and record.offset >= mark.offset}
        return found

    def _ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        ends = self._consumer.end_offsets([TopicPartition(*place) for place in places])
        return {tuple(place): end for place, end in ends.items()}

    def _mark(self, each: Ready, state: Literal["intended", "replayed"], offset: int) -> Any:
        mark = Mark(state, int(time.time() * 1000), each.topic, each.partition, offset, each.letter.origin)
        key = str(each.letter.id).encode()
        return self._producer.send(self._marks_topic, value=msgspec.json.encode(mark), key=key, partition=0)

    @contextmanager
    def _transaction(self) -> Iterator[list[Any]]:
        """Commit what is put into the list, or roll all of it back."""
        sending: list[Any] = []
        try:
            self._producer.begin_transaction()
            yield sending
            self._producer.flush(self._timeout_s)
            for sent in sending:
                sent.get(timeout=0)
            self._producer.commit_transaction()
        except ProducerFencedError:
            raise ReplayError(
                "another replay has begun meanwhile, and this one has given way: what it hasn't named wasn't sent"
            ) from None
        except KafkaError as error:
            with suppress(KafkaError):
                self._producer.abort_transaction()
            raise ReplayError(
                f"Kafka hasn't taken it ({type(error).__name__}: {error}); call the command again: what has gone out"
                " all the same isn't sent twice"
            ) from error
