"""Events on their way into a partition, side by side: each step leaves some out and keeps what is known of the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt

from events import wire
from events.identity import partition_key
from streams.customer_ids import CustomerIds
from streams.forgetting import keep_waiting, renamed

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Valid events of a chunk, in their order.

    Attributes:
        events: the events.
        places: of each in the chunk.
        values: the bytes of all messages of the chunk, by place.
        record_ms: their records' Kafka timestamps.
        at_ms: when they occurred.
        keys: who each is about, or what a spend's messages are keyed by.
        rows: the row that goes by the key, -1 for none.
    """

    events: list[Any]
    places: Ints
    values: Sequence[bytes]
    record_ms: Ints
    at_ms: Ints
    keys: list[str]
    rows: Ints

    @classmethod
    def of(
        cls, events: list[Any], places: Ints, values: Sequence[bytes], record_ms: Ints, at_ms: Ints, ids: CustomerIds
    ) -> Arrivals:
        """Return those of a chunk's events that are at these places.

        Args:
            events: what the chunk's messages hold.
            places: of events, not of what is none.
            values: the bytes of the messages.
            record_ms: their Kafka timestamps.
            at_ms: when they occurred.
            ids: of the persons who are known.
        """
        if len(places) < len(events):
            events, record_ms, at_ms = [events[place] for place in places.tolist()], record_ms[places], at_ms[places]
        spend = wire.MarketingSpend
        keys = [partition_key(event) if type(event) is spend else event.customer_id for event in events]
        return cls(events, places, values, record_ms, at_ms, keys, ids.find(keys))

    def __len__(self) -> int:
        return len(self.events)

    def only(self, kept: npt.NDArray[np.bool_]) -> Arrivals:
        """Return those that are kept: a yes or no for each."""
        selectors = kept.tolist()
        return Arrivals(
            list(compress(self.events, selectors)),
            self.places[kept],
            self.values,
            self.record_ms[kept],
            self.at_ms[kept],
            list(compress(self.keys, selectors)),
            self.rows[kept],
        )

    def without(self, left_out: Collection[int]) -> Arrivals:
        """Return all but some of them, by their place among these."""
        if not left_out:
            return self
        kept = np.ones(len(self), bool)
        kept[list(left_out)] = False
        return self.only(kept)

    def raws(self) -> list[bytes]:
        """Return their bytes."""
        return [self.values[place] for place in self.places.tolist()]

    def renamed(self, former: Mapping[str, str], ids: CustomerIds) -> Arrivals:
        """Return them with the events of who was forgotten as the alias's, and their bytes as a checkpoint holds them.

        Args:
            former: aliases by the ids that were forgotten.
            ids: of the persons who are known.
        """
        events, values, keys = list(self.events), list(self.values), list(self.keys)
        for index, event in enumerate(self.events):
            alias = former.get(getattr(event, "customer_id", ""))
            if alias is not None:
                values[self.places[index]] = keep_waiting(event, alias)
                events[index], keys[index] = renamed(event, alias), alias
        return replace(self, events=events, values=values, keys=keys, rows=ids.find(keys))
