"""Takes what aiokafka has fetched out of its buffers, a chunk at a time.

aiokafka's own `fetched_records` makes a 12-field object of every record and doesn't tell from which position to which
it read. Its buffers do: this walks them as it does, through the same calls (so aborted transactions, markers, seeks and
lost assignments are handled where they always were), but leaves records as the decoder made them, and takes them by the
block: a step through its generator for each of them would cost half as much again as decoding them.

Leans on aiokafka's internals (`Fetcher._records`, `FetchResult`, `PartitionRecords._consumer_record` and `_records`):
read those again before another minor version is let in.
"""
# ruff: noqa: SLF001 - see above

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from typing import Any

from aiokafka.consumer.fetcher import FetchError, FetchResult
from faust.types import TP

from .chunk import Chunk, Record
from .sources import Sources

SINGLES = 500
"""Single messages taken from one partition at once."""
_BLOCK = 500
"""Records between two looks at a growing chunk's size."""


class _Block:
    """Consecutive records of a batch, which pass for one: the last of them."""

    __slots__ = ("offset", "records")

    def __init__(self, records: list[Record]) -> None:
        self.records = records
        self.offset = records[-1].offset


class _BatchOfBlocks:
    """A batch as aiokafka decodes it, whose records come in blocks; what it says of itself stays."""

    def __init__(self, batch: Any, most: int) -> None:
        self._batch = batch
        self._most = most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[_Block]:
        records = chain(self._batch)  # asks for its iterator once, which is all that a batch stands
        while block := list(islice(records, self._most)):
            yield _Block(block)

    def __next__(self) -> Any:
        return next(self._batch)  # of a marker: its one record


class _Blocks:
    """Fetched batches, each of them a `_BatchOfBlocks`."""

    def __init__(self, batches: Any, most: int) -> None:
        self._batches = batches
        self._most = most

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> _BatchOfBlocks:
        return _BatchOfBlocks(self._batches.next_batch(), self._most)


def _as_decoded(_tp: object, block: _Block) -> _Block:
    return block


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
    def _come_in_blocks(fetched: Any, most: int) -> None:
        if not isinstance(fetched._records, _Blocks):
            fetched._records = _Blocks(fetched._records, most)
            fetched._consumer_record = _as_decoded

    @staticmethod
    def _done(fetcher: Any, key: Any) -> None:
        del fetcher._records[key]
        fetcher._notify(fetcher._wait_consume_future)  # fetch on

    def _chunk(self, tp: TP, fetched: FetchResult) -> Chunk | None:
        state = fetched._assignment.state_value(tp)
        if not fetched.has_more() or not state.has_valid_position:
            return None
        begin: int = state.position
        most = min(_BLOCK, self._sources.chunk_records)
        self._come_in_blocks(fetched._partition_records, most)
        records: list[Record] = []
        size = 0
        while len(records) + most <= self._sources.chunk_records and size < self._sources.chunk_bytes:
            position: int = state.position
            found = fetched.getall(1)
            if not found:
                break
            block = found[0].records
            if block[0].offset < position:  # the batch begins before what was asked for
                block = [record for record in block if record.offset >= position]
            records += block
            size += sum([len(record.value or b"") for record in block])
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
