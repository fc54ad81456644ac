"""A partition's tally on its way: counted beside the event loop, from a picture taken at a tick.

The picture is of the same moment as the tick's sums, so that cohorts and KPIs are as of one instant and of the same
events; what is counted from it goes with the answer to a later tick. One is counted at a time in a worker, however many
partitions it has: they would only take the interpreter from each other, and from everything else.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

from streams.messages import Answer, Tick
from streams.partition import PartitionState
from streams.spans import Picture, picture_of, spans_of
from streams.tally import Bounds, bounds_at, tallied

_counting = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tapesh-tally")


class TallyJob:
    """The latest tally that a partition was asked for."""

    def __init__(self) -> None:
        self._asked: tuple[str, int] | None = None
        self._counted: Future[tuple[bytes, float]] | None = None

    def answer(self, tick: Tick, state: PartitionState, reply: Answer) -> None:
        """Begin the tally that a tick asks for, or put it into the answer once it is there.

        Args:
            tick: asks for one as of itself, or of an earlier tick.
            state: the partition, brought to the tick.
            reply: the answer to the tick, of sums that aren't those of the past.
        """
        asked = tick.owner, tick.tally
        if tick.tally == tick.number:
            self._asked, self._counted = None, None
            if state.now_ms == tick.now_ms:
                picture, bounds = picture_of(state.fold.persons), bounds_at(state.fold.time, tick.now_ms)
                self._asked, self._counted = asked, _counting.submit(_count, picture, bounds)
        elif self._asked == asked and self._counted is not None and self._counted.done():
            reply.tally = tick.tally
            reply.tallied, reply.tally_cost_s = self._counted.result()


def _count(picture: Picture, bounds: Bounds) -> tuple[bytes, float]:
    began = time.thread_time()
    packed = tallied(spans_of(picture), bounds).pack()
    return packed, time.thread_time() - began
