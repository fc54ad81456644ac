"""Events on their way into a partition, side by side: each step leaves some out and keeps what is known of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from events import wire
from events.identity import partition_key
from streams.customer_ids import CustomerIds

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Valid events of a chunk, in their order.

    Attributes:
        places: of each in the chunk.
        events, values, record_ms: the events, their bytes and their records' Kafka timestamps.
        at_ms: when they occurred.
        keys: who each is about, or what a spend's messages are keyed by.
        rows: the row that goes by the key, -1 for none.
    """

    places: list[int]
    events: list[Any]
    values: Sequence[bytes]
    record_ms: Sequence[int]
    at_ms: Ints
    keys: list[str]
    rows: Ints

    @classmethod
    def of(
        cls,
        places: list[int],
        events: Sequence[Any],
        values: Sequence[bytes],
        record_ms: Sequence[int],
        at_ms: Ints,
        ids: CustomerIds,
    ) -> Arrivals:
        """Return those of a chunk's events that are at these places.

        Args:
            places: of events, not of what is none.
            events: what the chunk's messages hold.
            values: their bytes.
            record_ms: their Kafka timestamps.
            at_ms: when they occurred.
            ids: of the persons who are known.
        """
        if len(places) < len(events):
            events, at_ms = [events[index] for index in places], at_ms[places]
            values, record_ms = [values[index] for index in places], [record_ms[index] for index in places]
        spend = wire.MarketingSpend
        keys = [partition_key(event) if type(event) is spend else event.customer_id for event in events]
        return cls(places, list(events), values, record_ms, at_ms, keys, ids.find(keys))

    def __len__(self) -> int:
        return len(self.events)

    def only(self, kept: list[int]) -> Arrivals:
        """Return some of them, by their place among these."""
        if len(kept) == len(self):
            return self
        return Arrivals(
            [self.places[index] for index in kept],
            [self.events[index] for index in kept],
            [self.values[index] for index in kept],
            [self.record_ms[index] for index in kept],
            self.at_ms[kept],
            [self.keys[index] for index in kept],
            self.rows[kept],
        )

    def without(self, left_out: set[int]) -> Arrivals:
        """Return all but some of them."""
        return self.only([index for index in range(len(self)) if index not in left_out]) if left_out else self

    def renamed(self, events: list[Any], values: Sequence[bytes], ids: CustomerIds) -> Arrivals:
        """Return them with other events in their places, of other persons maybe."""
        keys = [getattr(event, "customer_id", key) for event, key in zip(events, self.keys, strict=True)]
        return replace(self, events=events, values=values, keys=keys, rows=ids.find(keys))
