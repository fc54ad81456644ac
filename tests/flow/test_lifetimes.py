"""Lifetimes are read off a history; how the history was heard of doesn't show."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from agreement import lines, meaning
from hypothesis import given
from hypothesis import strategies as st
from kpi_oracle import history as naive
from kpi_oracle.clock import instant_text

from streams.fold import Fold
from streams.lifetimes import Instant, Lifetime, Span, add_close, add_open, add_purchase, is_member, lapse_ms, lifetimes
from streams.panes import DAY_MS, HOUR_MS, Days
from streams.partition import PartitionState
from streams.persons import INT_COLUMNS, TEXT_COLUMNS

ZONES = ("UTC", "Asia/Tehran", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe")
_DAYS = {zone: Days(zone) for zone in ZONES}
NOW_MS = 1_781_530_640_250

STEPS = st.lists(
    st.tuples(st.sampled_from("oc"), st.integers(0, 6), st.sampled_from("abc"), st.sampled_from(("price", "site"))),
    max_size=10,
)


def told(steps: list[tuple[str, int, str, str]]) -> list[Instant]:
    """The history of openings and closes, as they were heard of."""
    history: list[Instant] = []
    for kind, at_ms, event_id, reason in steps:
        if kind == "o":
            add_open(history, at_ms)
        else:
            add_close(history, at_ms, event_id, reason, involuntary=reason == "site")
    return history


@given(STEPS, st.randoms(use_true_random=False))
def test_lifetimes_do_not_depend_on_the_order_of_arrival(
    steps: list[tuple[str, int, str, str]], chance: random.Random
) -> None:
    """Any permutation, with any repetition, gives the same history."""
    shuffled = steps + chance.choices(steps, k=3) if steps else []
    chance.shuffle(shuffled)
    assert told(shuffled) == told(steps)


@given(STEPS)
def test_lifetimes_are_those_of_a_naive_telling(steps: list[tuple[str, int, str, str]]) -> None:
    """Sorted by time and told from the beginning, with what changes the state first at a tie."""
    events = [{"at": at, "event_id": event_id, "reason": reason} for _, at, event_id, reason in steps]
    by_kind: dict[str, list[dict[str, Any]]] = {"o": [], "c": []}
    for step, event in zip(steps, events, strict=True):
        by_kind[step[0]].append(event)
    closes = sorted(by_kind["c"], key=lambda event: (event["at"], event["event_id"], event["reason"]))
    expected = naive.lifetimes_of(by_kind["o"], closes)
    found = lifetimes(told(steps))
    assert [(life.open_ms, life.close_ms) for life in found] == [(life.opened, life.closed) for life in expected]
    assert [life.reason for life in found if life.close_ms is not None] == [
        life.reason for life in expected if life.closed is not None
    ]
    assert is_member(told(steps)) == bool(expected and expected[-1].closed is None)


@given(STEPS)
def test_lifetimes_follow_one_another(steps: list[tuple[str, int, str, str]]) -> None:
    """Each opens at or after the close of the one before, only the last may be open: so the books balance."""
    found = lifetimes(told(steps))
    for before, after in itertools.pairwise(found):
        assert before.close_ms is not None
        assert before.open_ms <= before.close_ms <= after.open_ms


def test_a_tie_closes_and_opens_an_open_lifetime_and_opens_and_closes_a_closed_one() -> None:
    """At one instant, what changes the state comes first."""
    closed_one = told([("c", 5, "a", "price"), ("o", 5, "a", "price")])
    assert lifetimes(closed_one) == [Lifetime(5, 5, "price")]
    open_one = told([("o", 1, "a", "price"), ("o", 5, "a", "price"), ("c", 5, "a", "price")])
    assert lifetimes(open_one) == [Lifetime(1, 5, "price"), Lifetime(5)]


def test_the_smallest_event_id_gives_the_reason_of_a_tie() -> None:
    """Two systems cancel at one instant: the reason doesn't depend on which was quicker."""
    steps = [("o", 1, "a", "price"), ("c", 5, "b", "price"), ("c", 5, "a", "site")]
    assert lifetimes(told(steps)) == [Lifetime(1, 5, "site", involuntary=True)]


def naive_spans(purchases: list[int], lapse_after_ms: int, days: Days) -> list[Span]:
    """Buying lifetimes by going through the sorted purchases."""
    spans: list[Span] = []
    for at_ms in sorted(purchases):
        if spans and at_ms < lapse_ms(spans[-1].last_ms, lapse_after_ms, days):
            spans[-1] = Span(spans[-1].open_ms, at_ms)
        else:
            spans.append(Span(at_ms, at_ms))
    return spans


HALF_HOURS = st.lists(st.integers(0, 48 * 12).map(lambda n: 1_325_000_000_000 + n * HOUR_MS // 2), max_size=12)


@given(HALF_HOURS, st.sampled_from(ZONES), st.sampled_from((0, 1, DAY_MS, 2 * DAY_MS, 3 * DAY_MS + 1)))
def test_purchases_in_any_order_give_the_buying_lifetimes_of_the_sorted_ones(
    purchases: list[int], zone: str, lapse_after_ms: int
) -> None:
    """A late purchase may extend a lifetime, join two, or stand alone (Apia skips a date in this range)."""
    days, spans = _DAYS[zone], list[Span]()
    for at_ms in purchases:
        spans = add_purchase(spans, at_ms, lapse_after_ms, days)
    assert spans == naive_spans(purchases, lapse_after_ms, days)


def test_a_purchase_at_the_midnight_of_the_lapse_opens_a_new_lifetime() -> None:
    """Before it the lifetime goes on; at it, it has lapsed."""
    days = _DAYS["UTC"]
    spans = add_purchase([], 10 * DAY_MS + 5, 90 * DAY_MS, days)
    lapse = lapse_ms(10 * DAY_MS + 5, 90 * DAY_MS, days)
    assert lapse == 101 * DAY_MS
    assert len(add_purchase(spans, lapse - 1, 90 * DAY_MS, days)) == 1
    assert add_purchase(spans, lapse, 90 * DAY_MS, days)[1] == Span(lapse, lapse)


def test_a_purchase_at_a_midnight_lapses_at_a_midnight() -> None:
    """Exactly 90 days later is at or after it, so no day is added."""
    assert lapse_ms(10 * DAY_MS, 90 * DAY_MS, _DAYS["UTC"]) == 100 * DAY_MS


def purchases_of(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Purchases of three customers with gaps around the lapse, mostly in order."""
    at = NOW_MS - 500 * DAY_MS
    events = []
    for number in range(count):
        at += chance.choice((0, 1, 60_000, DAY_MS, 20 * DAY_MS, 45 * DAY_MS))
        moment = min(at if chance.random() < 0.9 else at - chance.randrange(120 * DAY_MS), NOW_MS)
        events.append(
            {
                "type": "purchase",
                "event_id": f"p{number}",
                "customer_id": chance.choice(("a", "b", "c")),
                "occurred_at": instant_text(moment),
                "order_id": f"o{number}",
                "total": {"amount": f"{chance.randrange(1, 900)}.10", "currency": "EUR"},
            }
        )
    return events


@pytest.mark.parametrize("seed", range(25))
def test_the_short_way_of_a_purchase_is_the_long_way(seed: int) -> None:
    """`_buy_again` leaves out what cancels itself: persons and sums are those of the general case, tick by tick."""
    chance, short, long = random.Random(seed), PartitionState(meaning()), PartitionState(meaning())
    taken = [0]

    def the_long_way(fold: Fold, row: int, latest_ms: int, at_ms: int) -> None:
        taken[0] += 1
        fold._buy_at_any_time(row, at_ms, 0, "")  # neither amount nor id matters: it isn't the first purchase

    log = purchases_of(chance, 40)
    ticks = [NOW_MS - 500 * DAY_MS + start * chance.randrange(15) * DAY_MS for start in range(0, len(log), 8)]
    for start, tick in zip(range(0, len(log), 8), [*ticks[:-1], NOW_MS], strict=True):
        chunk = lines(log[start : start + 8])
        short.arrive(chunk, [0] * len(chunk))
        short.advance(tick)
        with pytest.MonkeyPatch.context() as forced:
            forced.setattr(Fold, "_buy_again", the_long_way)
            long.arrive(chunk, [0] * len(chunk))
            long.advance(tick)
        assert_same(short, long)
    assert taken[0] > 0


def assert_same(one: PartitionState, other: PartitionState) -> None:
    """Persons and sums are equal, number by number."""
    ours, theirs = one.fold.persons, other.fold.persons
    assert list(ours.ids) == list(theirs.ids)
    for name in (*INT_COLUMNS, *TEXT_COLUMNS):
        assert [getattr(ours, name)[row] for row in range(len(ours))] == [
            getattr(theirs, name)[row] for row in range(len(theirs))
        ], name
    assert [ours.history(row) for row in range(len(ours))] == [theirs.history(row) for row in range(len(theirs))]
    assert summed(one) == summed(other)


def summed(state: PartitionState) -> dict[tuple[int, int], list[int]]:
    """The sums that aren't 0, by cell and column."""
    report = state.report()
    keys = zip(report.cell.tolist(), report.column.tolist(), strict=True)
    return dict(zip(keys, report.sums.T.tolist(), strict=True))
