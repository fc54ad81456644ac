"""Events that are folded many at once leave what they leave one by one: persons, sums and flows."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from agreement import lines, meaning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi_oracle.clock import instant_ms, instant_text
from kpi_oracle.logs import event_logs, generate
from test_lifetimes import purchases_of

from streams import bulk, bulk_answers
from streams.bulk import Bulk
from streams.fold import Fold
from streams.panes import DAY_MS
from streams.partition import PartitionState
from streams.persons import INT_COLUMNS, TEXT_COLUMNS
from streams.slices import ABSENT
from streams.sums import COLUMN_BITS, MINUTE_SHIFT, SET_BITS, RangeError

NOW = "2026-06-15T13:37:20.250Z"
NOW_MS = instant_ms(NOW)


@pytest.fixture(autouse=True)
def however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one event is folded as many are."""
    monkeypatch.setattr(bulk, "FEW", 1)


def in_both_ways(
    log: list[dict[str, Any]], ticks: list[int], size: int, **settings: Any
) -> tuple[PartitionState, PartitionState]:
    """Take in a log in chunks, with a tick after each, once in bulk and once event by event."""
    at_once, one_by_one = PartitionState(meaning(**settings)), PartitionState(meaning(**settings))
    messages = lines(log)
    for number, tick in enumerate(ticks):
        chunk = messages[number * size : (number + 1) * size] if number < len(ticks) - 1 else messages[number * size :]
        at_once.arrive(chunk, [NOW_MS] * len(chunk))
        at_once.advance(tick)
        for message in chunk:
            with pytest.MonkeyPatch.context() as slow:
                slow.setattr(bulk, "FEW", 2)
                one_by_one.arrive([message], [NOW_MS])
        one_by_one.advance(tick)
        assert known(at_once) == known(one_by_one)
    return at_once, one_by_one


def known(state: PartitionState) -> dict[str, Any]:
    """Persons and sums by names: labels and cell sets are numbered as they are met, in an order that differs."""
    persons, report = state.fold.persons, state.report()
    names = state.fold.columns.names
    found: dict[str, Any] = {name: list(getattr(persons, name)) for name in INT_COLUMNS}
    found["cell_set"] = [set_named(state, number) for number in persons.cell_set]
    found |= {name: [getattr(persons, name)[row] for row in range(len(persons))] for name in TEXT_COLUMNS}
    for row in range(len(persons)):
        history = msgspec.structs.replace(persons.history(row))
        history.remembered = [[(at, names[of], much) for at, of, much in event] for event in history.remembered]
        found[persons.ids[row]] = history
    slots = zip(report.cell.tolist(), report.column.tolist(), report.sums.T.tolist(), strict=True)
    return found | {"sums": {(report.cells[cell], names[column]): sums for cell, column, sums in slots}}


def flows_of(state: PartitionState) -> dict[Any, int]:
    keys, amounts = state.take_unsaved_flows()
    names = [state.fold.columns.names[key & (1 << COLUMN_BITS) - 1] for key in keys.tolist()]
    sets = [set_named(state, key >> COLUMN_BITS & (1 << SET_BITS) - 1) for key in keys.tolist()]
    found = zip((keys >> MINUTE_SHIFT).tolist(), sets, names, strict=True)
    return dict(zip(found, amounts.tolist(), strict=True))


def set_named(state: PartitionState, cell_set: int) -> tuple[Any, ...]:
    slices = state.fold.slices
    return tuple(None if cell == ABSENT else slices.cells[cell] for cell in slices.sets[cell_set])


@pytest.mark.parametrize("order", ["as they occurred", "shuffled"])
@pytest.mark.parametrize("seed", range(6))
def test_a_log_of_all_types_in_bulk_is_the_log_one_by_one(seed: int, order: str) -> None:
    """Whatever the order, and with a tick after every so many: checkpoints hold the same flows, too."""
    log = generate(seed)
    chance = random.Random(seed)
    if order == "shuffled":
        chance.shuffle(log)
    else:
        log.sort(key=lambda event: event["occurred_at"])
    size = chance.randrange(5, 120)
    ticks = [NOW_MS - 100 * step for step in range(len(log) // size, 0, -1)] + [NOW_MS]
    at_once, one_by_one = in_both_ways(log, ticks, size)
    assert flows_of(at_once) == flows_of(one_by_one)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(event_logs(), st.integers(1, 9))
def test_small_logs_in_bulk_are_the_same(log: list[dict[str, Any]], size: int) -> None:
    """Ties, repeated orders and events of strangers among them."""
    bulk.FEW = 1
    in_both_ways(log, [NOW_MS] * (len(log) // size + 1), size)


@pytest.mark.parametrize("seed", range(3))
def test_orders_in_several_currencies_are_the_same(seed: int) -> None:
    """Each amount is converted on its own; lines are in their order's currency."""
    currencies = {"USD": Decimal("0.9137"), "JPY": Decimal("0.0061"), "KWD": Decimal("2.99")}
    kinds = ("customer-acquired", "purchase", "refund")
    log = [each for each in generate(seed, currencies=("EUR", *currencies)) if each["type"] in kinds]
    at_once, one_by_one = in_both_ways(log, [NOW_MS] * 4, 60, rates=currencies)
    assert flows_of(at_once) == flows_of(one_by_one)


def test_answers_are_looked_up_by_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was said before and forgotten again, and where more touchpoints are written than are kept apart."""
    monkeypatch.setattr(bulk_answers, "_MOST_KINDS", 5)
    chance = random.Random(3)
    start = {"type": "customer-acquired", "occurred_at": "2026-01-01T00:00:00Z"}
    log: list[dict[str, Any]] = [{**start, "event_id": one, "customer_id": one} for one in "abc"]
    log.append({**start, "event_id": "d", "customer_id": "d", "type": "cancellation"})
    for number in range(300):
        says: dict[str, Any] = chance.choice(
            [
                {"survey": "nps", "score": chance.randrange(11)},
                {"survey": "csat", "score": chance.randrange(1, 6), "scale": chance.choice([5, 7, 10])},
                {"survey": "ces", "score": chance.randrange(1, 8)},
                {"survey": "cli"} | {name: chance.randrange(1, 7) for name in ("recommend", "repurchase", "try_other")},
            ]
        )
        if chance.random() < 0.5:
            says["touchpoint"] = f"t{chance.randrange(6)}"
        moment = instant_text(NOW_MS - chance.randrange(3) * DAY_MS)
        who = {"customer_id": chance.choice("abc"), "occurred_at": moment, "event_id": f"e{number}"}
        log.append({"type": "survey-response", **who, **says})
    at_once, one_by_one = in_both_ways(log, [NOW_MS] * 9, 40, raw_values=3)
    assert flows_of(at_once) == flows_of(one_by_one)
    touchpoints = {label for name, label in at_once.fold.columns.names if name == "csat_responses_by_touchpoint"}
    assert "other" in touchpoints, "or nothing was left out"


def test_many_orders_of_few_persons_extend_their_buying_lifetimes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of orders, ties and lapses within one chunk: many are extended in bulk, the others aren't."""
    extended: list[int] = []
    extend = Bulk._extend

    def counting(self: Bulk, rows: Any, at_ms: Any, heads: Any, extends: Any) -> None:
        extended.append(int(extends.sum()))
        extend(self, rows, at_ms, heads, extends)

    monkeypatch.setattr(Bulk, "_extend", counting)
    start = {"type": "customer-acquired", "occurred_at": "2024-01-01T00:00:00Z"}
    acquired = [{**start, "event_id": f"a{one}", "customer_id": one} for one in "abc"]
    for seed in range(12):
        chance = random.Random(seed)
        orders = purchases_of(chance, 60)
        ticks = [NOW_MS - 500 * DAY_MS + chunk * chance.randrange(100, 200) * DAY_MS for chunk in range(60 // 15)]
        in_both_ways([*acquired, *orders], [*itertools.accumulate(ticks, max), max(NOW_MS, *ticks)], 15)
    assert sum(extended) > 10, "or it shows nothing"


def test_orders_whose_lines_add_up_to_more_than_64_bits_are_refused_as_one_by_one() -> None:
    """An amount of 10^15 minor units is accepted; tens of thousands of them can't be summed."""
    person = {"customer_id": "a", "occurred_at": "2026-01-01T00:00:00Z"}
    acquired = {**person, "type": "customer-acquired", "event_id": "a"}
    euro = {"amount": "9999999999999.99", "currency": "EUR"}
    orders = [
        {**person, "type": "purchase", "event_id": f"p{n}", "order_id": f"p{n}", "total": euro,
         "lines": [{"sku": "s", "total": euro}] * 300}
        for n in range(12)
    ]  # fmt: skip
    state = PartitionState(meaning())
    state.advance(NOW_MS)
    state.arrive(lines([acquired]), [NOW_MS])
    with pytest.raises(RangeError, match="far too large"):
        state.arrive(lines(orders), [NOW_MS] * len(orders))


def test_what_is_common_never_goes_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders, refunds and answers of acquired persons: else the bulk would be right, and of no use."""
    person = {"customer_id": "a", "occurred_at": "2026-06-01T00:00:00Z"}
    euro = {"amount": "10.00", "currency": "EUR"}
    state = PartitionState(meaning())
    state.advance(NOW_MS)
    first = {**person, "type": "purchase", "event_id": "p", "order_id": "p", "total": euro}
    state.arrive(lines([{**person, "type": "customer-acquired", "event_id": "a"}, first]), [NOW_MS] * 2)
    stranger = {"type": "customer-acquired", "occurred_at": "2026-06-03T00:00:00Z", "customer_id": "b"}
    common = [
        {**first, "event_id": "p2", "occurred_at": "2026-06-02T00:00:00Z"},
        {**person, "type": "refund", "event_id": "r", "order_id": "p", "total": euro},
        {**person, "type": "survey-response", "event_id": "s", "survey": "nps", "score": 9},
        {**stranger, "event_id": "b"},
        {**first, "event_id": "p3", "occurred_at": "2026-06-04T00:00:00Z", "customer_id": "b"},
        {**person, "type": "customer-acquired", "event_id": "a2", "occurred_at": "2026-06-05T00:00:00Z"},
    ]
    monkeypatch.setattr(Fold, "apply", lambda *_: pytest.fail("one by one"))
    state.arrive(lines(common), [NOW_MS] * len(common))
    state.advance(NOW_MS)
    assert state.report(everybody_only=True).sums.any()


def test_activities_and_answers_of_members_in_bulk_are_the_latest_of_each() -> None:
    """Several of one person in a chunk, late ones, rewards, people who enrol and leave in between."""
    chance = random.Random(5)
    person = [f"c{number}" for number in range(4)]
    start = {"type": "customer-acquired", "occurred_at": "2026-01-01T00:00:00Z"}
    log: list[dict[str, Any]] = [{**start, "event_id": one, "customer_id": one} for one in person]
    actions = ("earned", "reward-issued", "reward-redeemed", "earned", "enrolled", "left")
    for number in range(400):
        at_ms = NOW_MS - chance.randrange(40 * DAY_MS)
        common = {"customer_id": chance.choice(person), "occurred_at": instant_text(at_ms), "event_id": f"e{number}"}
        answer = {"type": "survey-response", "survey": "nps", "score": chance.randrange(11)}
        log.append(
            {
                **common,
                **(answer if number % 3 == 0 else {"type": "loyalty-activity", "action": chance.choice(actions)}),
            }
        )
    at_once, _ = in_both_ways(log, [NOW_MS - 30 * DAY_MS, *[NOW_MS] * 10], 40)
    persons = at_once.fold.persons
    answers = {
        one: max((instant_ms(e["occurred_at"]), e["score"]) for e in log if e["customer_id"] == one and "score" in e)
        for one in person
    }
    assert {persons.ids[row]: (persons.nps_ms[row], persons.nps_score[row]) for row in range(len(persons))} == answers


def test_orders_and_revenue_of_a_person_are_those_of_its_events() -> None:
    """Counted for the profile: purchases, and totals less refunds, whatever came in bulk; each once."""
    kinds = ("customer-acquired", "purchase", "refund")
    log = [each for each in generate(3) if each["type"] in kinds and instant_ms(each["occurred_at"]) <= NOW_MS]
    at_once, _ = in_both_ways(log, [NOW_MS] * 9, -(-len(log) // 8))
    persons = at_once.fold.persons
    said = {persons.ids[row]: (persons.orders[row], persons.revenue_minor[row]) for row in range(len(persons))}
    expected: dict[str, tuple[int, int]] = {}
    for event in {(e["customer_id"], e.get("source"), e["event_id"]): e for e in reversed(log)}.values():
        orders, minor = expected.get(event["customer_id"], (0, 0))
        total = round(float(event["total"]["amount"]) * 100) if "total" in event else 0
        is_order = event["type"] == "purchase"
        expected[event["customer_id"]] = (orders + is_order, minor + (total if is_order else -total))
    assert said == expected


def shop(chance: random.Random, customers: int, values: int) -> list[dict[str, Any]]:
    """A shop's newcomers, prospects with leads, cancellations and win-backs; some late, tied or of a stranger."""
    log: list[dict[str, Any]] = []
    for number in range(customers * 6):
        at_ms = NOW_MS - 300 * DAY_MS + number * DAY_MS // 8 - (chance.random() < 0.1) * chance.randrange(30 * DAY_MS)
        who = chance.randrange(number // 6, number // 6 + 5) if chance.random() < 0.6 else chance.randrange(customers)
        event = {
            "customer_id": f"c{who}",
            "occurred_at": instant_text(at_ms - at_ms % (DAY_MS // 4)),
            "event_id": f"e{number}",
        }
        match chance.randrange(7):
            case 0 | 1:
                event |= {
                    "type": "customer-acquired",
                    "channel": f"v{chance.randrange(values)}",
                    "segment": f"s{who % 3}",
                }
                if chance.random() < 0.3:
                    event["cost"] = {"amount": "3.21", "currency": "EUR"}
            case 2 | 3:
                event |= {"type": "cancellation", "reason": chance.choice(("price", "payment-failed", "site"))}
            case 4:
                event |= {
                    "type": "lead",
                    "lead_id": f"l{chance.randrange(2)}",
                    "stage": chance.choice(("new", "won", "lost")),
                }
                event |= {"channel": f"v{chance.randrange(values)}", "cost": {"amount": "1.50", "currency": "EUR"}}
            case 5:
                event |= {"type": "loyalty-activity", "action": chance.choice(("enrolled", "left", "earned"))}
            case _:
                euro = {"amount": "10.00", "currency": "EUR"}
                event |= {"type": "purchase", "order_id": f"o{number}", "total": euro}
        log.append(event)
    return log


@pytest.mark.parametrize("seed", range(4))
def test_newcomers_and_those_who_leave_and_return_in_bulk_are_those_one_by_one(seed: int) -> None:
    """Welcomed before others, in rows in the order in which they come; with what follows them in the chunk."""
    chance = random.Random(seed)
    log = shop(chance, 60, 6)
    size = chance.randrange(20, 90)
    at_once, one_by_one = in_both_ways(log, [NOW_MS] * (len(log) // size + 1), size)
    assert list(at_once.fold.persons.ids) == list(one_by_one.fold.persons.ids)
    assert flows_of(at_once) == flows_of(one_by_one)
    assert at_once.counts == one_by_one.counts


def test_values_of_slices_are_admitted_in_their_order_by_newcomers_in_bulk() -> None:
    """A lead's before those of the acquisitions behind it; what comes too late is counted under `other`."""
    at = {"occurred_at": "2026-06-01T00:00:00Z"}
    lead = {**at, "type": "lead", "event_id": "l", "customer_id": "p", "lead_id": "l", "channel": "v0"}
    log = [lead] + [
        {**at, "type": "customer-acquired", "event_id": f"a{n}", "customer_id": f"c{n}", "channel": f"v{n}"}
        for n in range(1, 6)
    ]
    at_once, one_by_one = in_both_ways(log, [NOW_MS], len(log), raw_values=3)
    assert at_once.fold.slices.cells == one_by_one.fold.slices.cells
    channels = [cell[1] for cell in at_once.fold.slices.cells if cell is not None and cell[0] == "channel"]
    assert channels == ["unattributed", "v0", "v1", "v2", "other"]


def test_what_a_stranger_did_before_its_acquisition_in_the_chunk_is_remembered_as_one_by_one() -> None:
    """Sixteen orders move to the slices of the acquisition, those beyond stay; what comes after it counts there."""
    euro = {"amount": "10.00", "currency": "EUR"}
    person = {"customer_id": "a", "occurred_at": "2026-06-01T00:00:00Z"}
    orders = [
        {**person, "type": "purchase", "event_id": f"p{n}", "order_id": f"p{n}", "total": euro} for n in range(25)
    ]
    acquired = {**person, "type": "customer-acquired", "event_id": "a", "channel": "web"}
    known = {**acquired, "event_id": "b", "customer_id": "b"}  # or its channel were a new one
    log = [known, *orders[:20], acquired, *orders[20:]]
    at_once, one_by_one = in_both_ways(log, [NOW_MS, NOW_MS], 1)
    assert at_once.counts.unmoved == one_by_one.counts.unmoved == 20 - 16


def test_leads_move_to_the_slices_of_an_acquisition_in_bulk_and_convert() -> None:
    """Those from before it or of its very instant; their channel stays their own."""
    at_ms = NOW_MS - DAY_MS
    lead = {"type": "lead", "channel": "ads", "stage": "won", "cost": {"amount": "2.00", "currency": "EUR"}}
    acquired = {"type": "customer-acquired", "occurred_at": instant_text(at_ms), "channel": "web", "segment": "vip"}
    log: list[dict[str, Any]] = [{**acquired, "event_id": "k", "customer_id": "k"}]
    for beside in (-1, 0, 1):
        one = {"customer_id": f"c{beside}", "event_id": "l", "lead_id": "l"}
        log.append({**lead, **one, "occurred_at": instant_text(at_ms + beside)})
    log += [{**acquired, "event_id": "a", "customer_id": f"c{beside}"} for beside in (-1, 0, 1)]
    at_once, _ = in_both_ways(log, [NOW_MS, NOW_MS], 4)
    sums = known(at_once)["sums"]
    lifetime = {cell: sums.get((cell, ("leads_converted", None)), [0])[-1] for cell in at_once.fold.slices.cells}
    assert (lifetime["channel", "ads"], lifetime["channel", "web"], lifetime["segment", "vip"]) == (2, 0, 2)
