"""Takes what aiokafka has fetched out of its buffers, a chunk at a time.

aiokafka's own `fetched_records` makes a 12-field object of every record and doesn't tell from which position to which
it read. Its buffers do: this walks them as it does, through the same calls (so aborted transactions, markers, seeks and
lost assignments are handled where they always were), but leaves records as the decoder made them.

Leans on aiokafka's internals (`Fetcher._records`, `FetchResult`, `PartitionRecords._consumer_record`): read those again
before another minor version is let in.
"""
# ruff: noqa: SLF001 - see above

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from aiokafka.consumer.fetcher import FetchError, FetchResult
from faust.types import TP

from .chunk import Chunk, Record
from .sources import Sources

SINGLES = 500
"""Single messages taken from one partition at once."""
_STEP = 500
"""Records between two looks at a growing chunk's size."""


def _as_decoded(_tp: object, record: Record) -> Record:
    return record


class Drain:
    """Empties an aiokafka fetcher's buffers; runs in the consumer's thread and never waits."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._skipped: dict[TP, tuple[int, int]] = {}

    def passed(self, tp: TP, position: int) -> int:
        """Return how far markers alone have taken a partition that stood at `position`; safe from any thread."""
        skipped_from, skipped_to = self._skipped.get(tp, (position, position))
        return skipped_to if skipped_from == position else position

    def take(self, fetcher: Any, readable: AbstractSet[TP]) -> Mapping[TP, list[Any]]:
        """One chunk for each chunked partition that has something, and a bounded number of single messages.

        Raises:
            KafkaError: what the broker answered to a fetch, when there is nothing to return before it.
        """
        taken: dict[TP, list[Any]] = {}
        for key in list(fetcher._records):
            tp = TP(*key)
            if tp not in readable:
                if not fetcher._subscriptions.is_assigned(key):
                    del fetcher._records[key]
                continue
            fetched = fetcher._records[key]
            if isinstance(fetched, FetchError):
                if taken:
                    break  # raised the next time
                self._done(fetcher, key)
                fetched.check_raise()
            elif tp.topic in self._sources.chunked:
                if chunk := self._chunk(tp, fetched):
                    taken[tp] = [chunk]
            elif records := fetched.getall(SINGLES):
                taken[tp] = records
            if not fetched.has_more():
                self._done(fetcher, key)
        return taken

    @staticmethod
    def _done(fetcher: Any, key: Any) -> None:
        del fetcher._records[key]
        fetcher._notify(fetcher._wait_consume_future)  # fetch on

    def _chunk(self, tp: TP, fetched: FetchResult) -> Chunk | None:
        state = fetched._assignment.state_value(tp)
        if not fetched.has_more() or not state.has_valid_position:
            return None
        begin: int = state.position
        fetched._partition_records._consumer_record = _as_decoded
        records: list[Record] = []
        size = 0
        while len(records) < self._sources.chunk_records and size < self._sources.chunk_bytes:
            step = fetched.getall(min(_STEP, self._sources.chunk_records - len(records)))
            records += step
            size += sum(len(record.value or b"") for record in step)
            if not fetched.has_more():
                break
        end: int = state.position if state.has_valid_position else begin

        # Markers alone move the position and give no record: the chunk after them covers them.
        skipped_from, skipped_to = self._skipped.pop(tp, (begin, begin))
        if skipped_to == begin:
            begin = skipped_from
        if not records:
            if end > begin:
                self._skipped[tp] = (begin, end)
            return None
        return Chunk.of(tp.topic, tp.partition, records, begin=begin, end=end)
