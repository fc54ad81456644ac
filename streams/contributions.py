"""What a person contributes to the sums: a pure reading of its columns and history.

Everything here is *derived*: it is taken back before a person changes, contributed anew after, and computed
from scratch when a partition is recovered, so that it never needs a place in a checkpoint and never drifts.
Events that add up by themselves (orders, revenue, answers) aren't here: the fold adds those once.
"""

from __future__ import annotations

from collections import defaultdict

from streams.lifetimes import Lifetime, Span, lapse_ms, lifetimes
from streams.panes import Days
from streams.parts import Deltas, Parts, place, stock
from streams.persons import BUYING, DECIDED, LAPSED, MEMBER, NEVER, SEEN, STAGES, History, Lead, Persons
from streams.slices import Columns, Slices

_FIRST_DECIDED = len(STAGES) - DECIDED


class Contributions(Parts[Deltas]):
    """Adds (`sign` 1) or takes back (`sign` -1) what a person contributes.

    Args:
        persons: the partition's persons.
        slices: the partition's cell sets.
        columns: the partition's columns.
        lapse_after_ms: how long a buying lifetime lasts after its latest purchase.
        days: the reporting time zone's days, for the midnight of a lapse.
    """

    def __init__(self, persons: Persons, slices: Slices, columns: Columns, lapse_after_ms: int, days: Days) -> None:
        super().__init__(defaultdict(int), columns)
        self.persons = persons
        self.slices = slices
        self.columns = columns
        self.lapse_after_ms = lapse_after_ms
        self.days = days
        number = columns.number
        self._leads, self._converted, self._decided = (
            number("leads"),
            number("leads_converted"),
            number("leads_decided"),
        )
        self._lead_costs = number("lead_costs_minor")
        self._members = number("members")
        self._engaged = number("members_engaged")

    def lifecycle(self, row: int, history: History, sign: int) -> None:
        """Count a person's lifetimes, leads and membership."""
        cell_set = self.persons.cell_set[row]
        seen = self.persons.flags[row] & SEEN
        self.known(cell_set if seen else self.slices.without_channel(cell_set), sign)
        found = self.lifetimes(row, history)
        self.contract(found, cell_set, sign)
        self.beside(row, history, found, sign)

    def contract(self, found: list[Lifetime], cell_set: int, sign: int) -> None:
        """Count a person's contractual lifetimes, sorted."""
        for index, lifetime in enumerate(found):
            if index == 0:
                self.acquired(lifetime.open_ms, cell_set, sign)
            self._lifetime(lifetime, cell_set, sign)
        if _is_open(found):
            self.active(cell_set, sign)

    def beside(self, row: int, history: History, found: list[Lifetime], sign: int) -> None:
        """Count a person's leads and membership, beside which lifetimes it has."""
        last_open = _last_open(found)
        for lead in history.leads:
            self.lead(row, lead, sign, last_open)
        if history.membership:
            self.membership(row, history, sign)

    def lifetimes(self, row: int, history: History) -> list[Lifetime]:
        """Return a person's contractual lifetimes, sorted."""
        if history.transitions:
            return lifetimes(history.transitions)
        acquired = self.persons.acquired_ms[row]
        return [] if acquired == NEVER else [Lifetime(acquired)]

    def is_active(self, row: int, history: History) -> bool:
        """Tell whether the last of a person's contractual lifetimes is open."""
        if history.transitions:
            return _is_open(lifetimes(history.transitions))
        return self.persons.acquired_ms[row] != NEVER

    def last_open_ms(self, row: int, history: History) -> int:
        """Return when a person's last contractual lifetime opened, `NEVER` if it has none."""
        return _last_open(lifetimes(history.transitions)) if history.transitions else self.persons.acquired_ms[row]

    def buying(self, row: int, history: History, sign: int) -> None:
        """Count a person's purchases as far as they make it a buyer, a repeat buyer, a lapsed one."""
        persons = self.persons
        latest = persons.latest_ms[row]
        if latest == NEVER:
            return
        cell_set, span_open = persons.cell_set[row], persons.span_open_ms[row]
        self.bought(persons.first_ms[row], persons.first_minor[row], latest, cell_set, sign)
        if persons.second_ms[row] != NEVER:
            self.bought_again(persons.second_ms[row], cell_set, sign)
        self.earlier_spans(history, cell_set, sign)
        self.buying_opened(span_open, cell_set, sign)
        if persons.flags[row] & LAPSED:
            self.lapse(span_open, latest, cell_set, sign)

    def earlier_spans(self, history: History, cell_set: int, sign: int) -> None:
        """Count the buying lifetimes before the latest; all have lapsed."""
        for open_ms, last_ms in history.earlier_spans:
            self.buying_opened(open_ms, cell_set, sign)
            self.lapse(open_ms, last_ms, cell_set, sign)

    def lapse(self, open_ms: int, last_ms: int, cell_set: int, sign: int) -> None:
        """Count the lapse of a buying lifetime."""
        self.lapsed(open_ms, lapse_ms(last_ms, self.lapse_after_ms, self.days), cell_set, sign)

    def set_spans(self, row: int, history: History, spans: list[Span], now_ms: int) -> None:
        """Store buying lifetimes: the latest in the columns, those before it in the history."""
        latest = spans[-1]
        lapsed = lapse_ms(latest.last_ms, self.lapse_after_ms, self.days) <= now_ms
        self.persons.span_open_ms[row] = latest.open_ms
        self.persons.flags[row] = self.persons.flags[row] & (SEEN | MEMBER) | (LAPSED if lapsed else BUYING)
        history.earlier_spans = spans[:-1]

    def change(self, row: int, history: History, before: list[Lifetime]) -> None:
        """Count what a change of a person's contractual lifetimes makes of it, and nothing that stays.

        Args:
            row: the person.
            history: as it is now.
            before: the lifetimes as they were.
        """
        after = self.lifetimes(row, history)
        if after == before:
            return
        cell_set = self.persons.cell_set[row]
        same = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), None)
        same = min(len(before), len(after)) if same is None else same
        for sign, found in ((-1, before), (1, after)):
            for index in range(same, len(found)):
                if index == 0:
                    self.acquired(found[0].open_ms, cell_set, sign)
                self._lifetime(found[index], cell_set, sign)
        was_open, is_open = _is_open(before), _is_open(after)
        if was_open != is_open:
            sign = 1 if is_open else -1
            self.active(cell_set, sign)
            if self.persons.flags[row] & MEMBER:
                self.active_member(cell_set, sign)
        self._convert(row, history, _last_open(before), _last_open(after))

    def _convert(self, row: int, history: History, old_open_ms: int, new_open_ms: int) -> None:
        """Count the leads that another last lifetime converts, or converts no more."""
        if old_open_ms == new_open_ms:
            return
        for lead in history.leads:
            converted = (new_open_ms >= lead.first_ms) - (old_open_ms >= lead.first_ms)
            if converted:
                cell_set = self.slices.with_channel(self.persons.cell_set[row], lead.channel)
                self.deltas[place(lead.first_ms, cell_set) + self._converted] += converted

    def _lifetime(self, lifetime: Lifetime, cell_set: int, sign: int) -> None:
        self.opened(lifetime.open_ms, cell_set, sign)
        if lifetime.close_ms is None:
            return
        self.closed(lifetime.open_ms, lifetime.close_ms, cell_set, sign)
        by_reason = self.columns.labelled("closed_by_reason", lifetime.reason)
        self.closed_for(lifetime.close_ms, by_reason, cell_set, sign)
        if lifetime.involuntary:
            self.closed_involuntarily(lifetime.open_ms, lifetime.close_ms, cell_set, sign)

    def lead(self, row: int, lead: Lead, sign: int, last_open_ms: int) -> None:
        """Count one lead; it is converted if its person's last lifetime opened at or after it."""
        cell_set = self.slices.with_channel(self.persons.cell_set[row], lead.channel)
        deltas = self.deltas
        at_first = place(lead.first_ms, cell_set)
        deltas[at_first + self._leads] += sign
        if last_open_ms >= lead.first_ms:
            deltas[at_first + self._converted] += sign
        for stage, reached_ms in zip(STAGES, lead.reached_ms, strict=True):
            if reached_ms != NEVER:
                deltas[place(reached_ms, cell_set) + self.columns.labelled("leads_by_stage", stage)] += sign
        decided = max(lead.reached_ms[-DECIDED:])
        if decided != NEVER:
            deltas[place(decided, cell_set) + self._decided] += sign
        for at_ms, minor in lead.costs:
            deltas[place(at_ms, cell_set) + self._lead_costs] += sign * minor

    def lead_goes_on(self, row: int, lead: Lead, stage: int, before_ms: list[int]) -> None:
        """Count that a lead reached a stage when it did, and not when it had by what was known before.

        Args:
            row: the person.
            lead: as it is now.
            stage: its number among `STAGES`.
            before_ms: what `reached_ms` was before.
        """
        cell_set, deltas = self.slices.with_channel(self.persons.cell_set[row], lead.channel), self.deltas
        changes = [(self.columns.labelled("leads_by_stage", STAGES[stage]), before_ms[stage], lead.reached_ms[stage])]
        if stage >= _FIRST_DECIDED:
            changes.append((self._decided, max(before_ms[-DECIDED:]), max(lead.reached_ms[-DECIDED:])))
        for column, old_ms, new_ms in changes:
            if old_ms != NEVER:
                deltas[place(old_ms, cell_set) + column] -= 1
            deltas[place(new_ms, cell_set) + column] += 1

    def lead_cost(self, row: int, lead: Lead, at_ms: int, minor: int) -> None:
        """Count what an event of a lead says that it cost."""
        cell_set = self.slices.with_channel(self.persons.cell_set[row], lead.channel)
        self.deltas[place(at_ms, cell_set) + self._lead_costs] += minor

    def membership(self, row: int, history: History, sign: int) -> None:
        """Count a person's membership of the loyalty programme, as its flag has it."""
        if not self.persons.flags[row] & MEMBER:
            return
        cell_set = self.persons.cell_set[row]
        self.deltas[stock(cell_set) + self._members] += sign
        if self.is_active(row, history):
            self.active_member(cell_set, sign)
        self.engagement(row, sign)

    def engagement(self, row: int, sign: int) -> None:
        """Count a member by its latest activity."""
        active_ms = self.persons.activity_ms[row]
        if active_ms != NEVER:
            self.deltas[place(active_ms, self.persons.cell_set[row]) + self._engaged] += sign


def _is_open(found: list[Lifetime]) -> bool:
    return bool(found) and found[-1].close_ms is None


def _last_open(found: list[Lifetime]) -> int:
    return found[-1].open_ms if found else NEVER
