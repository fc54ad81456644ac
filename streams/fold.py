"""The fold: one event changes one person, and the sums by what that person contributes.

Runs without Faust, Kafka, Redis or a clock: `now` is an argument. `tapesh compute`, the worker and the tests
run this very code. Two kinds of contribution leave it, as dicts with the keys of `WindowSums.add`:

- `flows`: what an event adds by itself (an order, a euro, an answer). Added once, never looked at again;
  a checkpoint has to carry them.
- `derived`: what follows from the person as it now is (a buyer by its latest purchase, an open lifetime).
  Taken back and contributed anew at each change; a recovery computes them from the persons.

The order in which events arrive doesn't show, but for the two bounds of a slice, which are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from events import wire
from events.money import Converter, minor_units
from metrics.components import CSAT_DENOMINATOR
from streams.columnwise import Columnwise
from streams.contributions import Contributions
from streams.counts import Counts
from streams.lifetimes import Lifetime, Span, add_close, add_open, add_purchase, is_member, lapse_ms
from streams.meaning import Meaning
from streams.panes import DAY_MS, ReportingTime
from streams.parts import Deltas, place
from streams.persons import BUYING, LAPSED, MEMBER, NEVER, SEEN, STAGES, History, Lead, Persons
from streams.slices import UNKNOWN_REASON, UNSPECIFIED_TOUCHPOINT, Columns, Slices
from streams.sums import COLUMN_BITS, MINUTE_SHIFT, Ints

_LAPSES_A_STEP = 2_000
_MANY = 50
_STAGE_NUMBERS = {stage: number for number, stage in enumerate(STAGES)}
SATISFIED_FROM = {5: 4, 7: 6, 10: 8}
MEMBERSHIP = frozenset({"enrolled", "left"})
"""Actions that change who is a member; the others are a member's activity."""
PROMOTER_FROM, PASSIVE_FROM, REPURCHASE_HIGH_FROM = 9, 7, 5


class Fold:
    """Persons and contributions of one partition.

    Attributes:
        now_ms: the latest tick's `now`; every event folded is at or before it.
        flows, derived: contributions since they were last taken.
        reporting: the reporting currency.
        offer_columns: of each offer the columns of orders with it, and of their lines' revenue.
        rewards: the column of each action that is about one.
        taken: rows of persons who are taken back and not contributed again yet.
        counts: what happened at the two bounds of a slice, for the worker's metrics.
    """

    def __init__(self, meaning: Meaning, time: ReportingTime | None = None, counts: Counts | None = None) -> None:
        self.meaning = meaning
        self.time = time or ReportingTime(
            meaning.timezone, meaning.calendar, meaning.windows, meaning.fiscal_year_start
        )
        self.now_ms = NEVER
        self.slices = Slices(meaning.slices, meaning.raw_values)
        self.columns = Columns(meaning.raw_values)
        self.persons = Persons()
        self.flows: Deltas = defaultdict(int)
        self.counts = counts or Counts()
        self._contributions = Contributions(
            self.persons, self.slices, self.columns, meaning.lapse_after_ms, self.time.days
        )
        self._converter = Converter(meaning.currency, meaning.rates)
        self.reporting = meaning.currency
        self._days_lapsed_to = NEVER
        self.taken: set[int] = set()
        self._handlers: dict[type[Any], Callable[[Any, int], None]] = {
            wire.CustomerAcquired: self._acquire,
            wire.Purchase: self._purchase,
            wire.Refund: self._refund,
            wire.Lead: self._lead,
            wire.SurveyResponse: self._answer,
            wire.Cancellation: self._cancel,
            wire.LoyaltyActivity: self._loyalty,
            wire.MarketingSpend: self._spend,
        }
        number = self.columns.number
        self._orders, self._gross, self._refunds = number("orders"), number("gross_minor"), number("refunds_minor")
        self._buyers, self._span, self._repeat = number("buyers"), number("buying_span"), number("repeat_buyers")
        self._spends = number("spends")
        self._acquisition_spend = number("acquisition_spend_minor")
        self._spend_columns = {
            "acquisition": self._acquisition_spend,
            "lead-generation": number("lead_spend_minor"),
            "retention": number("retention_spend_minor"),
        }
        self._carries_lines, self._lines_minor = number("orders_with_lines"), number("lines_minor")
        self.offer_columns = {
            "upsell": (number("orders_with_upsell"), number("upsell_lines_minor")),
            "cross-sell": (number("orders_with_cross_sell"), number("cross_sell_lines_minor")),
        }
        self._nps_columns = {group: number(f"nps_{group}") for group in ("promoters", "passives", "detractors")}
        self.rewards = {
            "reward-issued": number("rewards_issued"),
            "reward-redeemed": number("rewards_redeemed"),
        }

    @property
    def derived(self) -> Deltas:
        """Contributions that follow from persons, since they were last taken."""
        return self._contributions.deltas

    def apply(self, event: wire.Event, at_ms: int) -> None:
        """Fold one event whose amounts the converter has accepted.

        Args:
            event: a decoded event.
            at_ms: its `occurred_at`, at or before `now_ms`.
        """
        self._handlers[type(event)](event, at_ms)

    def lifetimes(self, row: int) -> list[Lifetime]:
        """Return a person's contractual lifetimes, sorted."""
        return self._contributions.lifetimes(row, self.persons.history(row))

    def lapses(self, now_ms: int) -> Iterator[None]:
        """Count the buying lifetimes whose lapse has come, once a midnight has passed since they were last counted.

        Yields between bounded steps; persons may buy meanwhile. Steps that aren't gone to their end are gone anew.
        """
        today = self.time.days.of(now_ms)
        if today == self._days_lapsed_to:
            return
        persons, after_ms, days = self.persons, self.meaning.lapse_after_ms, self.time.days
        rows = persons.buying_rows_last_seen_by(now_ms - after_ms)
        for start in range(0, len(rows), _LAPSES_A_STEP):
            for row in rows[start : start + _LAPSES_A_STEP].tolist():
                latest = persons.latest_ms[row]
                if persons.flags[row] & BUYING and lapse_ms(latest, after_ms, days) <= now_ms:
                    self._contributions.lapse(persons.span_open_ms[row], latest, persons.cell_set[row], 1)
                    persons.flags[row] = persons.flags[row] & (SEEN | MEMBER) | LAPSED
                    persons.changed[row] = 1
            yield
        self._days_lapsed_to = today

    def contribute_all(self) -> Iterator[tuple[Ints, Ints]]:
        """Contribute every person from scratch, in bounded steps: what a recovery does in place of reading sums.

        Yields keys and amounts, of which a key may occur many times; more is in `derived` then, of the same persons.
        """
        return Columnwise(self._contributions).blocks()

    def contribute_again(self) -> None:
        """Contribute those whose histories are long, who were taken back at the first of their events since."""
        taken, self.taken = self.taken, set()
        for row in taken:
            self._contributions.lifecycle(row, self.persons.history(row), 1)

    def _take_back(self, row: int, history: History, *, defer: bool = False) -> None:
        """Take back what a person's lifetimes, leads and membership contribute, before they change.

        Of somebody with thousands of them that would cost too much at each event: such a person is contributed again
        only when the sums are wanted, however many events come until then.
        """
        if row not in self.taken:
            self._contributions.lifecycle(row, history, -1)
            if defer or self.persons.is_hot(row):
                self.taken.add(row)

    def _contribute(self, row: int, history: History) -> None:
        """Contribute a person again after a change, unless that waits."""
        if row not in self.taken:
            self._contributions.lifecycle(row, history, 1)

    def _before(self, row: int, history: History, *, all_of_it: bool = False) -> list[Lifetime] | None:
        """Return the lifetimes of a person before they change; None where all that it contributes is taken back."""
        if all_of_it or row in self.taken or self.persons.is_hot(row):
            self._take_back(row, history)
            return None
        return self._contributions.lifetimes(row, history)

    def _change(self, row: int, history: History, before: list[Lifetime] | None) -> None:
        """Contribute what has become of them."""
        if before is None:
            self._contribute(row, history)
        else:
            self._contributions.change(row, history, before)

    def _row(self, customer_id: str, seen: int = SEEN) -> int:
        """Return a person's row, made if new; `seen` is 0 for a lead, which has its own channel."""
        persons = self.persons
        row = persons.ids.row_of(customer_id)
        if row is None:
            row = persons.add(customer_id, self.slices.unattributed)
            persons.flags[row] = seen
            self._contributions.lifecycle(row, History(), 1)
        elif seen and not persons.flags[row] & SEEN:
            history = persons.history(row)
            self._take_back(row, history)
            persons.flags[row] |= SEEN
            self._contribute(row, history)
            persons.changed[row] = 1
        return row

    def _flow(self, row: int, at_ms: int, parts: list[tuple[int, int]]) -> None:
        """Add an event's own contributions where its person counts, and remember them if that may change."""
        flows, key = self.flows, place(at_ms, self.persons.cell_set[row])
        for column, amount in parts:
            flows[key + column] += amount
        if self.persons.acquired_ms[row] == NEVER:
            history = self.persons.history(row)
            if len(history.remembered) < self.meaning.remembered_events:
                history.remembered.append([(key >> MINUTE_SHIFT, column, amount) for column, amount in parts])
                self.persons.keep(row, history)
            else:
                self.counts.unmoved += 1

    # Lifetimes

    def _acquire(self, event: wire.CustomerAcquired, at_ms: int) -> None:
        persons, contributions = self.persons, self._contributions
        row = persons.ids.row_of(event.customer_id)
        if row is None:
            self._welcome(event, at_ms)
            return
        history = persons.history(row)
        known_ms = persons.acquired_ms[row]
        is_earliest = known_ms == NEVER or (at_ms, rank(event)) < (known_ms, persons.acquired_event[row])
        before = self._before(row, history, all_of_it=is_earliest)
        persons.flags[row] |= SEEN
        if history.transitions:
            add_open(history.transitions, at_ms)
        elif known_ms not in (NEVER, at_ms):
            add_open(history.transitions, known_ms)
            add_open(history.transitions, at_ms)
        if is_earliest:
            contributions.buying(row, history, -1)
            self._attribute(row, history, event, at_ms)
            contributions.buying(row, history, 1)
        self._change(row, history, before)
        if history != History() or persons.has_history(row):
            persons.keep(row, history)
        persons.changed[row] = 1
        self.add_cost(event, row, at_ms)

    def _welcome(self, event: wire.CustomerAcquired, at_ms: int) -> None:
        """Take in a person of whom the acquisition is the first that is heard."""
        persons = self.persons
        row = persons.add(event.customer_id, self._slices_of(event))
        persons.flags[row] = SEEN
        persons.set_acquired(row, at_ms, rank(event))
        self._contributions.lifecycle(row, History(), 1)
        self.add_cost(event, row, at_ms)

    def add_cost(self, event: wire.CustomerAcquired, row: int, at_ms: int) -> None:
        """Add what an acquisition has cost, where its person counts."""
        if event.cost is not None:
            self._flow(row, at_ms, [(self._acquisition_spend, self.minor(event.cost))])

    def _slices_of(self, event: wire.CustomerAcquired) -> int:
        return self.slices.of_person(tuple(getattr(event, name) for name in self.meaning.slices))

    def _attribute(self, row: int, history: History, event: wire.CustomerAcquired, at_ms: int) -> None:
        """Give a person the slices of its earliest acquisition, and take remembered events there."""
        persons = self.persons
        old = persons.cell_set[row]
        new = self._slices_of(event)
        self.counts.reattributed += new != old and persons.acquired_ms[row] != NEVER
        persons.set_acquired(row, at_ms, rank(event))
        persons.cell_set[row] = new
        for remembered in history.remembered:
            for minute, column, amount in remembered:
                self.flows[minute << MINUTE_SHIFT | old << COLUMN_BITS | column] -= amount
                self.flows[minute << MINUTE_SHIFT | new << COLUMN_BITS | column] += amount
        history.remembered = []

    def _cancel(self, event: wire.Cancellation, at_ms: int) -> None:
        row = self._row(event.customer_id)
        history = self.persons.history(row)
        before = self._before(row, history)
        acquired = self.persons.acquired_ms[row]
        if not history.transitions and acquired != NEVER:
            add_open(history.transitions, acquired)
        reason = event.reason or UNKNOWN_REASON
        add_close(history.transitions, at_ms, rank(event), reason, involuntary=not event.is_voluntary)
        self._change(row, history, before)
        self.persons.keep(row, history)
        self.persons.changed[row] = 1

    # Purchases

    def _purchase(self, event: wire.Purchase, at_ms: int) -> None:
        row = self._row(event.customer_id)
        minor = self.minor(event.total)
        parts = [(self._orders, 1), (self._gross, minor)]
        if event.lines:
            parts += self._lines(event.lines)
        self._flow(row, at_ms, parts)
        self.persons.add_revenue(row, 1, minor)
        self.buy(row, at_ms, minor, rank(event))

    def buy(self, row: int, at_ms: int, minor: int, event_id: str) -> None:
        """Take in that a person has bought: what follows from it for buying lifetimes, not the order itself.

        Args:
            row: the person.
            at_ms: when, at or before `now_ms`.
            minor: the order's total in minor units of the reporting currency.
            event_id: of the purchase, as `rank` has it.
        """
        persons = self.persons
        latest = persons.latest_ms[row]
        if persons.flags[row] & BUYING and latest < at_ms < latest + self.meaning.lapse_after_ms:
            self._buy_again(row, latest, at_ms)
        elif latest == NEVER:
            self._buy_first(row, at_ms, minor, event_id)
        else:
            self._buy_at_any_time(row, at_ms, minor, event_id)
        persons.changed[row] = 1

    def _buy_again(self, row: int, latest_ms: int, at_ms: int) -> None:
        """Extend an open buying lifetime by a purchase later than all before: the common case, and the short way.

        What `_buy_at_any_time` would take back and contribute again is left out; a test holds the two to be equal.
        """
        persons, deltas = self.persons, self._contributions.deltas
        cell_set, first = persons.cell_set[row], persons.first_ms[row]
        buyers, span, repeat = self._buyers, self._span, self._repeat
        old, new = place(latest_ms, cell_set), place(at_ms, cell_set)
        deltas[old + buyers] -= 1
        deltas[new + buyers] += 1
        if latest_ms != first:
            length = latest_ms - first
            deltas[old + span] -= length // DAY_MS
            deltas[old + span + 1] -= length % DAY_MS
        length = at_ms - first
        deltas[new + span] += length // DAY_MS
        deltas[new + span + 1] += length % DAY_MS
        second = persons.second_ms[row]
        if second != NEVER:
            deltas[place(second, cell_set) + repeat] -= 1
        deltas[old + repeat] += 1
        persons.second_ms[row] = latest_ms
        persons.latest_ms[row] = at_ms

    def _buy_first(self, row: int, at_ms: int, minor: int, event_id: str) -> None:
        """Take in the first purchase that is heard of: nothing to take back, no spans in its history."""
        persons, contributions, history = self.persons, self._contributions, History()
        persons.set_first(row, at_ms, event_id, minor)
        persons.latest_ms[row] = at_ms
        contributions.set_spans(row, history, [Span(at_ms, at_ms)], self.now_ms)
        contributions.buying(row, history, 1)

    def _buy_at_any_time(self, row: int, at_ms: int, minor: int, event_id: str) -> None:
        """Take in a purchase at any other instant: a late one, one after a lapse."""
        persons = self.persons
        history = persons.history(row)
        self._contributions.buying(row, history, -1)
        latest, first = persons.latest_ms[row], persons.first_ms[row]
        spans = list(history.earlier_spans)
        spans.append(Span(persons.span_open_ms[row], latest))
        if at_ms >= latest:
            persons.second_ms[row], persons.latest_ms[row] = latest, at_ms
        else:
            persons.second_ms[row] = max(persons.second_ms[row], at_ms)
        if (at_ms, event_id, minor) < (first, persons.first_event[row], persons.first_minor[row]):
            persons.set_first(row, at_ms, event_id, minor)
        spans = add_purchase(spans, at_ms, self.meaning.lapse_after_ms, self.time.days)
        self._contributions.set_spans(row, history, spans, self.now_ms)
        self._contributions.buying(row, history, 1)
        if history.earlier_spans or persons.has_history(row):
            persons.keep(row, history)

    def _lines(self, lines: list[wire.Line]) -> list[tuple[int, int]]:
        """Return what an order's lines contribute; an offer counts once an order, its revenue in full."""
        everything = 0
        offered: dict[str, int] = {}
        for line in lines:
            minor = self.minor(line.total)
            everything += minor
            if line.offer is not None:
                offered[line.offer] = offered.get(line.offer, 0) + minor
        parts = [(self._carries_lines, 1), (self._lines_minor, everything)]
        for offer, total in offered.items():
            if offer in self.offer_columns:
                orders, revenue = self.offer_columns[offer]
                parts += [(orders, 1), (revenue, total)]
        return parts

    def _refund(self, event: wire.Refund, at_ms: int) -> None:
        row, minor = self._row(event.customer_id), self.minor(event.total)
        self._flow(row, at_ms, [(self._refunds, minor)])
        self.persons.add_revenue(row, 0, -minor)

    # Leads and spend

    def _lead(self, event: wire.Lead, at_ms: int) -> None:
        self.hear_of_lead(self._row(event.customer_id, seen=0), event, at_ms)

    def hear_of_lead(self, row: int, event: wire.Lead, at_ms: int) -> None:
        """Take in an event of a lead of a person who has a row; contribute what it changes, and nothing that stays."""
        persons, contributions = self.persons, self._contributions
        history = persons.history(row)
        lead = persons.lead(row, history, event.lead_id)
        if lead is not None:
            self._go_on_with_lead(row, history, lead, event, at_ms)
        else:
            if len(history.transitions) > _MANY:
                self._take_back(row, history, defer=True)
            costs = [] if event.cost is None else [(at_ms, self.minor(event.cost))]
            lead = Lead(event.lead_id, at_ms, rank(event), [NEVER] * len(STAGES), event.channel, costs)
            lead.reached_ms[_STAGE_NUMBERS[event.stage]] = at_ms
            persons.add_lead(row, history, lead)
            if row not in self.taken:
                contributions.lead(row, lead, 1, contributions.last_open_ms(row, history))
        persons.keep(row, history)
        persons.changed[row] = 1

    def _go_on_with_lead(self, row: int, history: History, lead: Lead, event: wire.Lead, at_ms: int) -> None:
        """Take in an event of a lead of which there is one already."""
        contributions = self._contributions
        if max(len(lead.costs), len(history.transitions)) > _MANY:
            self._take_back(row, history, defer=True)
        counts = row not in self.taken
        if at_ms <= lead.first_ms and (at_ms, rank(event)) < (lead.first_ms, lead.first_event):
            last_open_ms = contributions.last_open_ms(row, history) if counts else NEVER
            if counts:
                contributions.lead(row, lead, -1, last_open_ms)
            lead.first_ms, lead.first_event, lead.channel = at_ms, rank(event), event.channel
            if counts:
                contributions.lead(row, lead, 1, last_open_ms)
        stage = _STAGE_NUMBERS[event.stage]
        if lead.reached_ms[stage] == NEVER or at_ms < lead.reached_ms[stage]:
            before_ms = list(lead.reached_ms)
            lead.reached_ms[stage] = at_ms
            if counts:
                contributions.lead_goes_on(row, lead, stage, before_ms)
        if event.cost is not None:
            minor = self.minor(event.cost)
            lead.costs.append((at_ms, minor))
            if counts:
                contributions.lead_cost(row, lead, at_ms, minor)

    def _spend(self, event: wire.MarketingSpend, at_ms: int) -> None:
        key = place(at_ms, self.slices.of_channel(event.channel))
        self.flows[key + self._spends] += 1
        self.flows[key + self._spend_columns[event.purpose]] += self.minor(event.spend)

    # Surveys and loyalty

    def _answer(self, event: wire.SurveyResponse, at_ms: int) -> None:
        row = self._row(event.customer_id)
        self._flow(row, at_ms, self.answer_parts(event))
        if event.survey == "nps":
            self.persons.add_nps(row, at_ms, event.score or 0)

    def answer_parts(self, event: wire.SurveyResponse) -> list[tuple[int, int]]:
        """Return what an answer contributes: columns and amounts."""
        number, score = self.columns.number, event.score or 0
        if event.survey == "nps":
            group = "promoters" if score >= PROMOTER_FROM else "passives" if score >= PASSIVE_FROM else "detractors"
            return [(self._nps_columns[group], 1)]
        if event.survey == "csat":
            return self._csat_parts(score, event.scale or 0, event.touchpoint or UNSPECIFIED_TOUCHPOINT)
        if event.survey == "ces":
            return [(number("ces_responses"), 1), (number("ces_points"), score)]
        repurchase = event.repurchase or 0
        answers = (event.recommend or 0) + repurchase + (event.try_other or 0)
        parts = [(number("cli_responses"), 1), (number("cli_points"), answers)]
        return [*parts, (number("cli_repurchase_high"), 1)] if repurchase >= REPURCHASE_HIGH_FROM else parts

    def _csat_parts(self, score: int, scale: int, touchpoint: str) -> list[tuple[int, int]]:
        number, labelled = self.columns.number, self.columns.labelled
        parts = [
            (number("csat_responses"), 1),
            (number("csat_points"), CSAT_DENOMINATOR * (score - 1) // (scale - 1)),
            (labelled("csat_responses_by_touchpoint", touchpoint), 1),
        ]
        if score >= SATISFIED_FROM[scale]:
            parts += [(number("csat_satisfied"), 1), (labelled("csat_satisfied_by_touchpoint", touchpoint), 1)]
        return parts

    def _loyalty(self, event: wire.LoyaltyActivity, at_ms: int) -> None:
        row, persons = self._row(event.customer_id), self.persons
        reward = self.rewards.get(event.action)
        if reward is not None:
            self._flow(row, at_ms, [(reward, 1)])
        if event.action in MEMBERSHIP:
            self.enrol(row, event, at_ms)
        elif at_ms > persons.activity_ms[row]:
            counts = persons.flags[row] & MEMBER and row not in self.taken
            if counts:
                self._contributions.engagement(row, -1)
            persons.activity_ms[row] = at_ms
            if counts:
                self._contributions.engagement(row, 1)
            persons.changed[row] = 1

    def enrol(self, row: int, event: wire.LoyaltyActivity, at_ms: int) -> None:
        """Take in that somebody enrolled or left; most who do were members already, or weren't."""
        persons, contributions = self.persons, self._contributions
        history = persons.history(row)
        if persons.is_hot(row):
            self._take_back(row, history)
        if event.action == "enrolled":
            add_open(history.membership, at_ms)
        else:
            add_close(history.membership, at_ms, rank(event), "", involuntary=False)
        was, is_so = bool(persons.flags[row] & MEMBER), is_member(history.membership)
        if was != is_so:
            counts = row not in self.taken
            if was and counts:
                contributions.membership(row, history, -1)
            persons.set_member(row, is_so=is_so)
            if is_so and counts:
                contributions.membership(row, history, 1)
        persons.keep(row, history)
        persons.changed[row] = 1

    def minor(self, money: wire.Money) -> int:
        """Return money in minor units of the reporting currency; it has been accepted when it arrived."""
        if money.currency == self.reporting:
            return minor_units(money.amount, money.currency)
        return self._converter.minor(money)


def rank(event: wire.Event) -> str:
    """Return what decides between events of one person at one instant: the event id, then the source.

    A control character joins them; no id holds one, so the text sorts as the pair does.
    """
    return event.event_id if event.source is None else f"{event.event_id}\0{event.source}"
