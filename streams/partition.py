"""One partition's whole state, and the three things that happen to it: records arrive, a tick comes, it reports.

Records are decoded, judged and deduplicated as they arrive; an event later than the last tick waits until a
tick's `now` has reached it, because a distinct count by *latest* instant is right only when nothing newer is
in it. On a tick the waiting events are folded, lapses counted, windows slid: then every sum is that of `now`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from events import wire
from events.codec import decode
from events.identity import partition_of
from events.instant import instant_ms
from events.rejection import Rejected
from metrics.frame import Cell
from streams.acceptance import Acceptance
from streams.arrivals import Arrivals
from streams.bulk import Bulk
from streams.columnwise import Gathered
from streams.counts import Counts
from streams.customer_ids import CustomerIds
from streams.dedupe import Deduplicator, Verdict
from streams.fold import Fold
from streams.forgetting import (
    Forgetting,
    Order,
    home_of,
    is_kept,
    keep_waiting,
    read_order,
    renamed,
    split_kept,
)
from streams.meaning import Meaning
from streams.persons import NEVER
from streams.sums import Ints, add_up, as_arrays
from streams.track import COLUMNS, Track
from streams.watermarks import Watermarks
from streams.window_sums import WindowSums

STEP = 500
"""Waiting events that are folded, or lapses that are counted, before others get their turn: some 10 ms."""
_MUCH = 80_000
"""Contributions that are added to the sums before a tick asks for them: some 30 ms. More at once cost less each."""

_home = lru_cache(maxsize=1 << 16)(partition_of)  # of who isn't a person yet: new ones, and channels of spends


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that isn't an event: it goes to the dead letters. `at` is its place in the chunk."""

    at: int
    why: Rejected


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A record of a person who lives in another partition: it is sent on there."""

    at: int
    key: str
    partition: int


class Waiting(NamedTuple):
    """An event that no tick has reached yet, with its bytes for the checkpoint."""

    at_ms: int
    event: wire.Event
    raw: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """A partition's sums at one `now`.

    Attributes:
        partition: whose they are.
        now_ms: the tick's clock.
        latest_event_ms: the latest event seen, waiting ones included; -1 before the first.
        cells: (attribute, value) by cell number, None for everybody.
        columns: (component, label) by column number.
        cell, column: of each slot that isn't 0 in every window.
        sums: window x slot, in the order of `ReportingTime.plans`.
    """

    partition: int
    now_ms: int
    latest_event_ms: int
    cells: list[Cell]
    columns: list[tuple[str, str | None]]
    cell: Ints
    column: Ints
    sums: Ints


class PartitionState:
    """Everything the engine knows of one partition.

    Args:
        meaning: the settings that give state its meaning.
        partition, partitions: which one it is, of how many.
        horizon_ms: of deduplication; None for no bound.
        future_tolerance_ms: how far an event may lie after its record's timestamp; None: however far.
        keep_raw: keep the bytes of waiting events, for checkpoints.
        counts: shared by all partitions of a worker; None for its own.
        track: for alerts to look back on; None: of the usual length.
    """

    def __init__(
        self,
        meaning: Meaning,
        partition: int = 0,
        partitions: int = 1,
        *,
        horizon_ms: int | None = None,
        future_tolerance_ms: int | None = None,
        keep_raw: bool = True,
        counts: Counts | None = None,
        track: Track | None = None,
    ) -> None:
        self.meaning = meaning
        self.partition = partition
        self.partitions = partitions
        self.dedupe = Deduplicator(horizon_ms)
        self.waiting: list[Waiting] = []
        self._due: deque[Waiting] = deque()  # called up by a tick, and not yet folded
        self._called_up_to_ms = NEVER
        self.counts = counts or Counts()
        self.fold = Fold(meaning, counts=self.counts)
        self.bulk = Bulk(self.fold)
        self.sums = WindowSums(self.fold.time)
        self.track = track or Track()
        self.sums.follow(self.track, [self.fold.columns.number(name) for name in COLUMNS])
        self.latest_event_ms = NEVER
        self.latest_by_type: dict[str, int] = {}
        self.watermarks = Watermarks()
        self.forgetting = Forgetting()
        self.unsaved_flows: list[tuple[Ints, Ints]] = []
        self._keep_raw = keep_raw
        self._contract = Acceptance(meaning, future_tolerance_ms)

    @property
    def now_ms(self) -> int:
        """Return the clock of the last tick, -1 before the first."""
        return self.fold.now_ms

    def arrive(self, values: Sequence[bytes], record_ms: Sequence[int], topic: str = "") -> list[Refused | Misplaced]:
        """Take in records in their order and return those that don't belong here.

        Args:
            values: the records' bytes.
            record_ms: their Kafka timestamps; never later than the clock of this machine.
            topic: where they lie; an order to forget is about what lies before it there.
        """
        elsewhere: list[Refused | Misplaced] = []
        published_ms = np.fromiter(record_ms, np.int64, len(values))
        outcomes, at_ms, refused = self._contract.judged_all(values, published_ms)
        accepted = np.ones(len(outcomes), bool)
        accepted[list(refused)] = False

        def take_in(first: int, end: int) -> list[Misplaced]:
            places = first + np.flatnonzero(accepted[first:end])
            return self._take_in(Arrivals.of(outcomes, places, values, published_ms, at_ms, self._ids), topic)

        first = 0
        for index, why in refused.items():
            if (order := read_order(values[index])) is None:
                self.counts.rejected[why.reason] += 1
                elsewhere.append(Refused(index, why))
            elif (home := home_of(order, self.partitions)) == self.partition or order.customer_id in self._ids:
                elsewhere += take_in(first, index)
                first = index
                self._forget(order, topic)
            else:
                elsewhere.append(Misplaced(index, order.customer_id, home))
        elsewhere += take_in(first, len(outcomes))
        return sorted(elsewhere, key=lambda each: each.at)

    @property
    def _ids(self) -> CustomerIds:
        return self.fold.persons.ids

    def _take_in(self, arrivals: Arrivals, topic: str) -> list[Misplaced]:
        """Take in valid events, some of a chunk's, and return those that don't live here."""
        misplaced = self._misplaced(arrivals)
        self.counts.misplaced += len(misplaced)
        self._accept(arrivals.without(misplaced), topic)
        return list(misplaced.values())

    def _misplaced(self, arrivals: Arrivals) -> dict[int, Misplaced]:
        """Return who doesn't live here, by place; who is known here has been found to live here."""
        found: dict[int, Misplaced] = {}
        for index in np.flatnonzero(arrivals.rows < 0).tolist() if self.partitions > 1 else ():
            key = arrivals.keys[index]
            home = _home(key, self.partitions)
            if home != self.partition:
                found[index] = Misplaced(int(arrivals.places[index]), key, home)
        return found

    def _accept(self, arrivals: Arrivals, topic: str) -> None:
        """Take in valid events that live here, unless they have been counted already."""
        repeated = self.dedupe.judge_all(arrivals.events, arrivals.record_ms)  # one by one it would cost twice
        self.counts.duplicates += len(repeated)
        self.counts.different += sum(verdict is Verdict.DIFFERENT for verdict in repeated.values())
        self.dedupe.tidy()
        new = arrivals.without(repeated)
        if not new.events:
            return
        self._note(new)
        if former := self.forgetting.former(topic):
            new = new.renamed(former, self._ids)
        ahead = new.at_ms > self.fold.now_ms
        if ahead.any():
            self.waiting += self._as_waiting(new.only(ahead))
            new = new.only(~ahead)
        if self._due:
            self._queue(new)
        else:
            self.bulk.apply(new.events, new.at_ms, new.rows)
        self._settle_if_much()

    def _queue(self, arrivals: Arrivals) -> None:
        """Put events behind those that a tick has called up, and fold as many of these: acquisitions may be among them.

        Events that overtook it would count as a stranger's, and beyond some of them stay so.
        """
        self._due.extend(self._as_waiting(arrivals))
        self._fold_due(len(arrivals))

    def _as_waiting(self, arrivals: Arrivals) -> Iterator[Waiting]:
        raws = arrivals.raws() if self._keep_raw else [b""] * len(arrivals)
        return map(Waiting, arrivals.at_ms.tolist(), arrivals.events, raws)

    def _fold_due(self, most: int) -> None:
        """Fold the first events that a tick has called up."""
        due = _pop_first(self._due, most)
        self.bulk.apply([item.event for item in due], np.array([item.at_ms for item in due], np.int64))

    def _note(self, arrivals: Arrivals) -> None:
        """Take note of what came, when and from whom."""
        places: defaultdict[tuple[str | None, type[wire.Event]], list[int]] = defaultdict(list)
        for index, event in enumerate(arrivals.events):
            places[event.source, type(event)].append(index)
        for (source, kind), of_kind in places.items():
            at = np.array(of_kind)
            at_ms, record_ms = arrivals.at_ms[at], arrivals.record_ms[at]
            self.counts.events[kind.type] += len(of_kind)
            latest_ms = int(at_ms.max())
            self.latest_by_type[kind.type] = max(self.latest_by_type.get(kind.type, NEVER), latest_ms)
            self.latest_event_ms = max(self.latest_event_ms, latest_ms)
            self.watermarks.note_all(source, kind.type, at_ms, record_ms)

    def advance(self, now_ms: int) -> None:
        """Bring everything to `now_ms`. A clock that stands or goes back changes nothing but what has arrived."""
        for _ in self.steps(now_ms):
            pass

    def steps(self, now_ms: int) -> Iterator[None]:
        """Bring everything to `now_ms` in bounded steps, whatever has waited for it.

        Between two of them records may arrive and a checkpoint may be taken; the sums are those of `now_ms` only after
        the last. Steps that aren't gone to their end are gone by the next call.
        """
        now_ms = self.fold.now_ms = max(now_ms, self.fold.now_ms)
        if now_ms > self._called_up_to_ms:
            self._due += [item for item in self.waiting if item.at_ms <= now_ms]
            self.waiting = [item for item in self.waiting if item.at_ms > now_ms]
            self._called_up_to_ms = now_ms
        self.sums.slide(self.fold.time.frame(now_ms))
        while self._due:
            self._fold_due(STEP)
            self._settle_if_much()
            yield
        for _ in self.fold.lapses(now_ms):
            self._settle_if_much()
            yield
        self._empty_forgotten()
        self.settle()

    def _forget(self, order: Order, topic: str) -> None:
        """Call a person by an alias from here on, and all of the person's events that wait."""
        persons, customer_id = self.fold.persons, order.customer_id
        alias = self.forgetting.take(order, topic, persons.ids)
        if alias is not None:
            row = persons.ids.row_of(customer_id)
            if row is not None:
                persons.rename(row, alias)
                self.forgetting.rows.add(row)
            self._due = deque(_as_alias(self._due, customer_id, alias))
            self.waiting = list(_as_alias(self.waiting, customer_id, alias))
        self._empty_forgotten()

    def _empty_forgotten(self) -> None:
        """Take the ids of events and leads out of the rows of forgotten persons of whom nothing can come any more."""
        if not self.forgetting.leaving:
            return
        persons = self.fold.persons
        ready = self.forgetting.ready(item.event for items in (self._due, self.waiting) for item in items)
        for row in [row for alias in ready if (row := persons.ids.row_of(alias)) is not None]:
            persons.empty(row)
            self.forgetting.rows.add(row)
        if ready:
            self.forgetting.left(ready)

    def waiting_raw(self) -> list[bytes]:
        """Return the bytes of all events that haven't been folded."""
        return [item.raw for items in (self._due, self.waiting) for item in items]

    def wait_again(self, raws: Sequence[bytes]) -> None:
        """Take back the waiting events of a checkpoint; they have been judged and deduplicated."""
        for raw in raws:
            if is_kept(raw):
                alias, named = split_kept(raw)
                event = renamed(decode(named), alias)
            else:
                event = decode(raw)
            self.waiting.append(Waiting(instant_ms(event.occurred_at), event, raw))

    def settle(self) -> None:
        """Add the fold's contributions to the sums, and keep the flows among them for the next checkpoint."""
        self.fold.contribute_again()
        flows = _joined(self.fold.flows, self.bulk.flows)
        derived = _joined(self.fold.derived, self.bulk.derived)
        keys, amounts = (np.concatenate(both) for both in zip(flows, derived, strict=True))
        self.sums.add_gathered(keys, amounts, self.fold.slices.matrix())
        if len(flows[0]):
            self.unsaved_flows.append(flows)  # last: what the sums refuse isn't for a checkpoint, ever
        for added in (self.fold.flows, self.fold.derived, self.bulk.flows, self.bulk.derived):
            added.clear()
        self.sums.check_range()

    def contribute_all(self) -> Iterator[None]:
        """Contribute every person to sums that hold flows alone, in bounded steps."""
        for keys, amounts in self.fold.contribute_all():
            self.sums.add_gathered(keys, amounts, self.fold.slices.matrix())
            self.settle()
            yield

    def _settle_if_much(self) -> None:
        """Keep a tick from finding very much to add up at once; nothing can be added before the first."""
        if self.sums.frame is not None and len(self.fold.flows) + len(self.fold.derived) + len(self.bulk) > _MUCH:
            self.settle()

    def take_unsaved_flows(self) -> tuple[Ints, Ints]:
        """Return the flows since the last call, added up by key, and forget them."""
        parts, self.unsaved_flows = self.unsaved_flows, []
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return add_up(np.concatenate([keys for keys, _ in parts]), np.concatenate([amounts for _, amounts in parts]))

    def report(self, *, everybody_only: bool = False) -> Report:
        """Return the sums as of the last `advance`."""
        sums = self.sums
        kept = (sums.values != 0).any(axis=0)
        if everybody_only:
            kept &= sums.slot_cells == 0
        return Report(
            self.partition,
            self.now_ms,
            self.latest_event_ms,
            list(self.fold.slices.cells),
            list(self.fold.columns.names),
            sums.slot_cells[kept],
            sums.slot_columns[kept],
            sums.values[:, kept],
        )


def _joined(deltas: Mapping[int, int], gathered: Gathered) -> tuple[Ints, Ints]:
    """Return contributions of both kinds: keys, of which one may occur many times, and amounts."""
    parts = as_arrays(deltas), gathered.joined()
    keys, amounts = (np.concatenate(both) for both in zip(*parts, strict=True))
    counts = np.flatnonzero(amounts)  # many have cancelled each other, and each that is left has to be sorted
    return keys[counts], amounts[counts]


def _pop_first(items: deque[Waiting], most: int) -> list[Waiting]:
    return [items.popleft() for _ in range(min(most, len(items)))]


def _as_alias(items: Iterable[Waiting], customer_id: str, alias: str) -> Iterator[Waiting]:
    """Return waiting events with those of a customer as the alias's."""
    for item in items:
        if getattr(item.event, "customer_id", "") == customer_id:
            yield Waiting(item.at_ms, renamed(item.event, alias), item.raw and keep_waiting(item.event, alias))
        else:
            yield item
