"""The fold of many events at once: what most events of most persons need, as arithmetic on columns.

`Fold.apply` takes one event and is the whole truth. Here the common cases are done for a whole chunk in some dozens of
array operations: first of all the acquisitions of new customers (`streams.welcomes`); then, of persons who are known
and acquired, an order that extends an open buying lifetime, a refund, an answer, a reward, a cancellation, a win-back
(`streams.transitions`). Whatever is none of these goes through `Fold.apply`, one by one and in its order. The order of
the others doesn't show in the sums, so it isn't kept.

Amounts leave as arrays of keys, which `PartitionState.settle` adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from events import wire
from streams.bulk_answers import Answers
from streams.bulk_money import minor_of_all
from streams.bulk_orders import OFFERS, OrderColumns
from streams.columnwise import Gathered
from streams.fold import MEMBERSHIP, Fold, rank
from streams.panes import DAY_MS
from streams.parts import Parts, place
from streams.persons import BUYING, MEMBER, MOST_REVENUE, NEVER, SEEN, UNKNOWN
from streams.sums import Ints, heads, refuse_too_large, tails
from streams.transitions import Transitions
from streams.welcomes import Welcomes

FEW = 8
"""Events of a type below which one by one is cheaper."""


class Flow(NamedTuple):
    """What some of many events add to one column.

    Attributes:
        column: where.
        events: which events, by their place among all; None for each of them.
        amounts: an amount for each, or one for all.
    """

    column: int
    events: Ints | None
    amounts: Ints | int


class Settled(NamedTuple):
    """Events of persons who are known and acquired: what they add isn't moved any more.

    Attributes:
        events: the events.
        at_ms, rows: when each occurred, and to whom.
    """

    events: list[Any]
    at_ms: Ints
    rows: Ints


class Bulk:
    """Folds events of a partition in bulk.

    Args:
        fold: folds them one by one; its persons and columns are used here.

    Attributes:
        flows, derived: contributions since they were last taken, as in `Fold`.
    """

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._persons = fold.persons
        self._lapse_after_ms = fold.meaning.lapse_after_ms
        self.flows = Gathered()
        self.derived = Gathered()
        self._parts = Parts(self.derived, fold.columns)
        self._answers = Answers(fold, self.flows)
        self._transitions = Transitions(fold, self._parts)
        self._welcomes = Welcomes(fold, self._parts)
        self._handlers: dict[type[Any], Callable[[Settled], None]] = {
            wire.Purchase: self._take_orders,
            wire.Refund: self._take_refunds,
            wire.SurveyResponse: lambda settled: self._answers.take(*settled),
            wire.LoyaltyActivity: self._be_active,
            wire.Cancellation: lambda settled: self._transitions.close(*settled),
            wire.CustomerAcquired: lambda settled: self._transitions.open(*settled),
        }
        number = fold.columns.number
        self._orders, self._gross, self._refunds = number("orders"), number("gross_minor"), number("refunds_minor")
        self._with_lines, self._lines_minor = number("orders_with_lines"), number("lines_minor")
        self._offers = {at: fold.offer_columns[offer] for at, offer in enumerate(OFFERS, 1)}
        self._engaged = number("members_engaged")
        self._buyers, self._span, self._repeat = number("buyers"), number("buying_span"), number("repeat_buyers")

    def __len__(self) -> int:
        return len(self.flows) + len(self.derived)

    def apply(self, events: Sequence[wire.Event], at_ms: Ints, rows: Ints | None = None) -> None:
        """Fold events whose amounts the converter has accepted.

        Args:
            events: decoded events, in any order.
            at_ms: their `occurred_at`, at or before the fold's `now_ms`.
            rows: their persons, as far as they are known; looked up if it isn't given.

        Raises:
            RangeError: amounts add up to more than 64 bits hold.
        """
        if rows is None:
            rows = self._persons.ids.find([getattr(event, "customer_id", "") for event in events])
        rows, left, unsettled = self._welcome(events, at_ms, rows)
        is_settled, known = self._settled(rows, unsettled), rows.tolist()
        apply, hear_of_lead, enrol = self._fold.apply, self._fold.hear_of_lead, self._fold.enrol
        moments_ms, handlers = at_ms.tolist(), self._handlers
        lead, loyalty = wire.Lead, wire.LoyaltyActivity
        places: dict[type[wire.Event], list[int]] = {}
        for index in left:
            event = events[index]
            kind = type(event)
            is_common = kind in handlers and (kind is not loyalty or event.action not in MEMBERSHIP)  # type: ignore[union-attr]
            if is_common and is_settled[index]:
                places.setdefault(kind, []).append(index)
            elif kind is lead and known[index] >= 0:
                hear_of_lead(known[index], event, moments_ms[index])  # type: ignore[arg-type]
            elif kind is loyalty and is_settled[index]:
                enrol(known[index], event, moments_ms[index])  # type: ignore[arg-type]
            else:  # like the former two in their order, which shows in a slice beyond some bounds
                apply(event, moments_ms[index])
        for kind, of_kind in places.items():
            if len(of_kind) < FEW:
                for index in of_kind:
                    apply(events[index], moments_ms[index])
            else:
                self._handlers[kind](Settled([events[index] for index in of_kind], at_ms[of_kind], rows[of_kind]))

    def _welcome(self, events: Sequence[Any], at_ms: Ints, rows: Ints) -> tuple[Ints, Sequence[int], Ints]:
        """Take in newcomers and first acquisitions, if there are many.

        Returns:
            The rows of all; the places of the events that are left; and the rows of persons whom one of these may
            acquire, at last or earlier than was known.
        """
        acquisition = wire.CustomerAcquired
        acquisitions = np.flatnonzero(np.array([type(event) is acquisition for event in events], bool))
        left: Sequence[int] = range(len(events))
        if len(acquisitions) < FEW:
            return rows, left, rows[acquisitions]
        known = len(self._persons)
        rows = self._welcomes.enter(events, rows)
        welcomed = self._welcomes.welcome(events, at_ms, rows, acquisitions, known)
        if len(welcomed):
            is_left = np.ones(len(events), bool)
            is_left[welcomed] = False
            left, acquisitions = np.flatnonzero(is_left).tolist(), acquisitions[is_left[acquisitions]]
        of = rows[acquisitions]
        acquired_ms = np.frombuffer(self._persons.acquired_ms, np.int64)[of]
        again = (acquired_ms != NEVER) & (acquired_ms < at_ms[acquisitions])
        return rows, left, of[~again]

    def _settled(self, rows: Ints, unsettled: Ints) -> list[bool]:
        """Tell of each event whether its person is known and acquired, and not one of some others."""
        persons = self._persons
        settled = rows >= 0
        of = rows[settled]
        flags, acquired_ms = np.frombuffer(persons.flags, np.int8), np.frombuffer(persons.acquired_ms, np.int64)
        settled[settled] = (acquired_ms[of] != NEVER) & (flags[of] & SEEN != 0)
        del flags, acquired_ms  # a column that is looked at can't grow
        if len(unsettled):
            settled &= ~np.isin(rows, unsettled)
        return settled.tolist()  # type: ignore[no-any-return]

    def _add_flows(self, settled: Settled, flows: list[Flow]) -> None:
        """Add flows where their persons count, those of one minute and one cell set together."""
        if not flows:
            return
        cell_set = np.frombuffer(self._persons.cell_set, np.int32)[settled.rows].astype(np.int64)
        places, of = np.unique(place(settled.at_ms, cell_set), return_inverse=True)
        for column, events, amounts in flows:
            sums = np.zeros(len(places), np.int64)
            if not isinstance(amounts, int):
                refuse_too_large(amounts)
            np.add.at(sums, of if events is None else of[events], amounts)
            self.flows.add(places + column, sums)

    def _take_orders(self, settled: Settled) -> None:
        orders = OrderColumns.read(settled.events, self._fold.reporting, self._fold.minor)
        flows = [Flow(self._orders, None, 1), Flow(self._gross, None, orders.minor), *self._lines(orders)]
        self._add_flows(settled, flows)
        self._add_revenue(settled.rows, 1, orders.minor)
        self._buy(settled, orders.minor)

    def _lines(self, orders: OrderColumns) -> list[Flow]:
        """Return what the orders' lines contribute; an offer counts once an order, its revenue in full."""
        flows = [Flow(self._with_lines, orders.carrying, 1), Flow(self._lines_minor, orders.of, orders.line_minor)]
        for number, (with_offer, revenue) in self._offers.items():
            offered, of, minor = orders.offered(number)
            flows += [Flow(with_offer, offered, 1), Flow(revenue, of, minor)]
        return [flow for flow in flows if flow.events is None or len(flow.events)]

    def _add_revenue(self, rows: Ints, orders: int, minor: Ints) -> None:
        """Do what `Persons.add_revenue` does, for many."""
        persons = self._persons
        counted = np.frombuffer(persons.orders, np.int32)
        revenue = np.frombuffer(persons.revenue_minor, np.int64)
        known = counted[rows] != UNKNOWN
        rows, minor = rows[known], minor[known]
        np.add.at(counted, rows, orders)
        np.add.at(revenue, rows, minor)
        revenue[rows] = np.clip(revenue[rows], -MOST_REVENUE, MOST_REVENUE)
        np.frombuffer(persons.changed, np.uint8)[rows] = 1

    def _take_refunds(self, settled: Settled) -> None:
        money = [refund.total for refund in settled.events]
        minor = minor_of_all(money, self._fold.reporting, self._fold.minor)
        self._add_flows(settled, [Flow(self._refunds, None, minor)])
        self._add_revenue(settled.rows, 0, -minor)

    def _be_active(self, settled: Settled) -> None:
        """Take in members' activities: rewards, and which of each person's is the latest."""
        actions = [event.action for event in settled.events]
        flows = [
            Flow(column, np.flatnonzero([action == reward for action in actions]), 1)
            for reward, column in self._fold.rewards.items()
            if reward in actions
        ]
        self._add_flows(settled, flows)
        persons = self._persons
        order = np.lexsort((settled.at_ms, settled.rows))
        rows, at_ms = settled.rows[order], settled.at_ms[order]
        latest = tails(rows)
        rows, at_ms = rows[latest], at_ms[latest]
        activity = np.frombuffer(persons.activity_ms, np.int64)
        before_ms = activity[rows]
        later = at_ms > before_ms
        rows, at_ms, before_ms = rows[later], at_ms[later], before_ms[later]
        activity[rows] = at_ms
        np.frombuffer(persons.changed, np.uint8)[rows] = 1
        counts = np.frombuffer(persons.flags, np.int8)[rows] & MEMBER != 0
        if self._fold.taken:
            counts &= ~np.isin(rows, list(self._fold.taken))
        cell_set = np.frombuffer(persons.cell_set, np.int32)[rows].astype(np.int64)
        before = counts & (before_ms != NEVER)
        self.derived.add(place(before_ms[before], cell_set[before]) + self._engaged, -1)
        self.derived.add(place(at_ms[counts], cell_set[counts]) + self._engaged, 1)

    # Buying lifetimes

    def _buy(self, settled: Settled, minor: Ints) -> None:
        """Extend buying lifetimes by purchases that follow each other in time; the others go one by one.

        Of several purchases of a person, only the latest two leave a trace: what `Fold` would contribute in between, it
        would take back.
        """
        order = np.lexsort((settled.at_ms, settled.rows))
        rows, at_ms = settled.rows[order], settled.at_ms[order]
        firsts = np.flatnonzero(heads(rows))
        latest_ms = np.frombuffer(self._persons.latest_ms, np.int64)
        flags = np.frombuffer(self._persons.flags, np.int8)
        before_ms = np.concatenate([[NEVER], at_ms[:-1]])
        before_ms[firsts] = latest_ms[rows[firsts]]
        follows = (before_ms < at_ms) & (at_ms < before_ms + self._lapse_after_ms) & (flags[rows] & BUYING != 0)
        extends = np.logical_and.reduceat(follows, firsts)
        del latest_ms, flags
        self._extend(rows, at_ms, firsts, extends)
        if extends.all():
            return
        sizes = np.diff(firsts, append=len(rows))
        begins = (before_ms[firsts] == NEVER) & (sizes == 1)
        begins &= at_ms[firsts] + self._lapse_after_ms > self._fold.now_ms  # it can't have lapsed since
        if begins.any():
            first = order[firsts[begins]]
            event_ids = [rank(settled.events[at]) for at in first.tolist()]
            self._begin(settled.rows[first], settled.at_ms[first], minor[first], event_ids)
        rest = ~(extends | begins)
        if rest.any():
            for index in order[np.repeat(rest, sizes)].tolist():
                event = settled.events[index]
                row, moment_ms = int(settled.rows[index]), int(settled.at_ms[index])
                self._fold.buy(row, moment_ms, int(minor[index]), rank(event))

    def _begin(self, rows: Ints, at_ms: Ints, minor: Ints, event_ids: list[str]) -> None:
        """Do for many persons what `Fold.buy` does for one who has never bought."""
        persons = self._persons
        persons.first_event.fill(rows, event_ids)
        for column, values in (
            (persons.first_ms, at_ms),
            (persons.first_minor, minor),
            (persons.span_open_ms, at_ms),
            (persons.latest_ms, at_ms),
        ):
            np.frombuffer(column, np.int64)[rows] = values
        flags = np.frombuffer(persons.flags, np.int8)
        flags[rows] = flags[rows] & (SEEN | MEMBER) | BUYING
        for marks in (persons.changed, persons.texts):
            np.frombuffer(marks, np.uint8)[rows] = 1
        cell_set = np.frombuffer(persons.cell_set, np.int32)[rows].astype(np.int64)
        self._parts.bought(at_ms, minor, at_ms, cell_set, 1)
        self._parts.buying_opened(at_ms, cell_set, 1)

    def _extend(self, rows: Ints, at_ms: Ints, firsts: Ints, extends: npt.NDArray[np.bool_]) -> None:
        """Do for many persons what `Fold.buy` does for one whose open buying lifetime goes on."""
        persons = self._persons
        ends = np.append(firsts[1:], len(rows))[extends] - 1
        several = ends > firsts[extends]
        of = rows[ends]
        latest = np.frombuffer(persons.latest_ms, np.int64)
        second = np.frombuffer(persons.second_ms, np.int64)
        changed = np.frombuffer(persons.changed, np.uint8)
        first_ms = np.frombuffer(persons.first_ms, np.int64)[of]
        cell_set = np.frombuffer(persons.cell_set, np.int32)[of].astype(np.int64)
        old_ms, old_second_ms, new_ms = latest[of], second[of], at_ms[ends]
        new_second_ms = np.where(several, at_ms[ends - 1], old_ms)
        latest[of], second[of], changed[of] = new_ms, new_second_ms, 1
        self._bought(old_ms, first_ms, cell_set, -1)
        self._bought(new_ms, first_ms, cell_set, 1)
        had = old_second_ms != NEVER
        self.derived.add(place(old_second_ms[had], cell_set[had]) + self._repeat, -1)
        self.derived.add(place(new_second_ms, cell_set) + self._repeat, 1)

    def _bought(self, latest_ms: Ints, first_ms: Ints, cell_set: Ints, sign: int) -> None:
        key, length = place(latest_ms, cell_set), latest_ms - first_ms
        self.derived.add(key + self._buyers, sign)
        self.derived.add(key + self._span, sign * (length // DAY_MS))
        self.derived.add(key + self._span + 1, sign * (length % DAY_MS))
