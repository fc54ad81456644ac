"""What a person contributes to the sums: a pure reading of its columns and history.

Everything here is *derived*: it is taken back before a person changes, contributed anew after, and computed
from scratch when a partition is recovered, so that it never needs a place in a checkpoint and never drifts.
Events that add up by themselves (orders, revenue, answers) aren't here: the fold adds those once.
"""

from __future__ import annotations

from collections import defaultdict

from streams.lifetimes import Lifetime, Span, is_member, lapse_ms, lifetimes
from streams.panes import DAY_MS, MINUTE_MS, Days
from streams.persons import BUYING, LAPSED, NEVER, SEEN, STAGES, History, Lead, Persons
from streams.slices import Columns, Slices
from streams.sums import COLUMN_BITS, MINUTE_SHIFT, NO_INSTANT, SET_BITS

Deltas = defaultdict[int, int]


def place(at_ms: int, cell_set: int) -> int:
    """Return the key, less its column, of a contribution at an instant."""
    return (at_ms // MINUTE_MS + 1 << SET_BITS | cell_set) << COLUMN_BITS


def stock(cell_set: int) -> int:
    """Return the key, less its column, of a contribution that has no instant."""
    return NO_INSTANT << MINUTE_SHIFT | cell_set << COLUMN_BITS


class Contributions:
    """Adds (`sign` 1) or takes back (`sign` -1) what a person contributes.

    Args:
        persons: the partition's persons.
        slices: the partition's cell sets.
        columns: the partition's columns.
        lapse_after_ms: how long a buying lifetime lasts after its latest purchase.
        days: the reporting time zone's days, for the midnight of a lapse.
    """

    def __init__(self, persons: Persons, slices: Slices, columns: Columns, lapse_after_ms: int, days: Days) -> None:
        self._persons = persons
        self._slices = slices
        self._columns = columns
        self._lapse_after_ms = lapse_after_ms
        self._days = days
        self.deltas: Deltas = defaultdict(int)
        number = columns.number
        self._person, self._open = number("persons"), number("open_lifetimes")
        self._acquired, self._opened, self._opened_at = number("acquired"), number("opened"), number("opened_at")
        self._closed, self._closed_at, self._tenure = number("closed"), number("closed_at"), number("closed_tenure")
        self._closed_by_opening = number("closed_by_opening")
        self._involuntary = number("closed_involuntary")
        self._involuntary_by_opening = number("closed_involuntary_by_opening")
        self._buying_opened, self._lapsed = number("buying_opened"), number("lapsed")
        self._lapsed_by_opening = number("lapsed_by_opening")
        self._buyers, self._span, self._repeat = number("buyers"), number("buying_span"), number("repeat_buyers")
        self._first_buyers, self._first_minor = number("first_buyers"), number("first_purchase_minor")
        self._leads, self._converted, self._decided = (
            number("leads"),
            number("leads_converted"),
            number("leads_decided"),
        )
        self._lead_costs = number("lead_costs_minor")
        self._members, self._members_active = number("members"), number("members_active")
        self._engaged = number("members_engaged")

    def lifecycle(self, row: int, history: History, sign: int) -> None:
        """Count a person's lifetimes, leads and membership."""
        cell_set = self._persons.cell_set[row]
        seen = self._persons.flags[row] & SEEN
        self.deltas[stock(cell_set if seen else self._slices.without_channel(cell_set)) + self._person] += sign
        found = self.lifetimes(row, history)
        for index, lifetime in enumerate(found):
            self._lifetime(lifetime, cell_set, sign, first=index == 0)
        active = bool(found) and found[-1].close_ms is None
        if active:
            self.deltas[stock(cell_set) + self._open] += sign
        last_open = found[-1].open_ms if found else NEVER
        for lead in history.leads:
            self.lead(row, lead, sign, last_open)
        if history.membership:
            self.membership(row, history, sign)

    def lifetimes(self, row: int, history: History) -> list[Lifetime]:
        """Return a person's contractual lifetimes, sorted."""
        if history.transitions:
            return lifetimes(history.transitions)
        acquired = self._persons.acquired_ms[row]
        return [] if acquired == NEVER else [Lifetime(acquired)]

    def buying(self, row: int, history: History, sign: int) -> None:
        """Count a person's purchases as far as they make it a buyer, a repeat buyer, a lapsed one."""
        persons, deltas = self._persons, self.deltas
        latest = persons.latest_ms[row]
        if latest == NEVER:
            return
        cell_set, first = persons.cell_set[row], persons.first_ms[row]
        at_latest = place(latest, cell_set)
        deltas[at_latest + self._buyers] += sign
        self._time(at_latest + self._span, latest - first, sign)
        if persons.second_ms[row] != NEVER:
            deltas[place(persons.second_ms[row], cell_set) + self._repeat] += sign
        at_first = place(first, cell_set)
        deltas[at_first + self._first_buyers] += sign
        deltas[at_first + self._first_minor] += sign * persons.first_minor[row]
        for open_ms, last_ms in history.earlier_spans:
            self._buying_lifetime(open_ms, cell_set, sign)
            self.lapse(open_ms, last_ms, cell_set, sign)
        self._buying_lifetime(persons.span_open_ms[row], cell_set, sign)
        if persons.flags[row] & LAPSED:
            self.lapse(persons.span_open_ms[row], latest, cell_set, sign)

    def lapse(self, open_ms: int, last_ms: int, cell_set: int, sign: int) -> None:
        """Count the lapse of a buying lifetime."""
        moment = lapse_ms(last_ms, self._lapse_after_ms, self._days)
        self.deltas[place(moment, cell_set) + self._lapsed] += sign
        self.deltas[place(open_ms, cell_set) + self._lapsed_by_opening] += sign

    def set_spans(self, row: int, history: History, spans: list[Span], now_ms: int) -> None:
        """Store buying lifetimes: the latest in the columns, those before it in the history."""
        latest = spans[-1]
        lapsed = lapse_ms(latest.last_ms, self._lapse_after_ms, self._days) <= now_ms
        self._persons.span_open_ms[row] = latest.open_ms
        self._persons.flags[row] = self._persons.flags[row] & SEEN | (LAPSED if lapsed else BUYING)
        history.earlier_spans = spans[:-1]

    def _buying_lifetime(self, open_ms: int, cell_set: int, sign: int) -> None:
        self.deltas[place(open_ms, cell_set) + self._buying_opened] += sign

    def _lifetime(self, lifetime: Lifetime, cell_set: int, sign: int, *, first: bool) -> None:
        deltas = self.deltas
        at_open = place(lifetime.open_ms, cell_set)
        deltas[at_open + self._opened] += sign
        self._time(at_open + self._opened_at, lifetime.open_ms, sign)
        if first:
            deltas[at_open + self._acquired] += sign
        if lifetime.close_ms is None:
            return
        at_close = place(lifetime.close_ms, cell_set)
        deltas[at_close + self._closed] += sign
        deltas[at_open + self._closed_by_opening] += sign
        self._time(at_close + self._closed_at, lifetime.close_ms, sign)
        self._time(at_close + self._tenure, lifetime.close_ms - lifetime.open_ms, sign)
        deltas[at_close + self._columns.labelled("closed_by_reason", lifetime.reason)] += sign
        if lifetime.involuntary:
            deltas[at_close + self._involuntary] += sign
            deltas[at_open + self._involuntary_by_opening] += sign

    def lead(self, row: int, lead: Lead, sign: int, last_open_ms: int) -> None:
        """Count one lead; it is converted if its person's last lifetime opened at or after it."""
        cell_set = self._slices.with_channel(self._persons.cell_set[row], lead.channel)
        deltas = self.deltas
        at_first = place(lead.first_ms, cell_set)
        deltas[at_first + self._leads] += sign
        if last_open_ms >= lead.first_ms:
            deltas[at_first + self._converted] += sign
        for stage, reached_ms in zip(STAGES, lead.reached_ms, strict=True):
            if reached_ms != NEVER:
                deltas[place(reached_ms, cell_set) + self._columns.labelled("leads_by_stage", stage)] += sign
        decided = max(lead.reached_ms[-2:])
        if decided != NEVER:
            deltas[place(decided, cell_set) + self._decided] += sign
        for at_ms, minor in lead.costs:
            deltas[place(at_ms, cell_set) + self._lead_costs] += sign * minor

    def membership(self, row: int, history: History, sign: int) -> None:
        """Count a person's membership of the loyalty programme, as it is now."""
        if not is_member(history.membership):
            return
        cell_set = self._persons.cell_set[row]
        self.deltas[stock(cell_set) + self._members] += sign
        found = self.lifetimes(row, history)
        if found and found[-1].close_ms is None:
            self.deltas[stock(cell_set) + self._members_active] += sign
        self.engagement(row, history, sign)

    def engagement(self, row: int, history: History, sign: int) -> None:
        """Count a member by its latest activity."""
        if history.activity_ms != NEVER and is_member(history.membership):
            self.deltas[place(history.activity_ms, self._persons.cell_set[row]) + self._engaged] += sign

    def _time(self, key: int, amount_ms: int, sign: int) -> None:
        self.deltas[key] += sign * (amount_ms // DAY_MS)
        self.deltas[key + 1] += sign * (amount_ms % DAY_MS)
