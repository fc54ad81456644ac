"""The ledger of past days and months: what it holds equals a computation anew, and each change is told once."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from agreement import differences, lines, meaning
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_oracle.clock import DAY_MS, first_instant, instant_ms
from kpi_oracle.history import Event, distinct
from kpi_oracle.logs import generate
from kpi_oracle.oracle import compute as judge
from kpi_oracle.small_logs import event_logs

from metrics.economics import Economics
from metrics.restatement import RESTATABLE
from streams.checkpoint import Checkpointer, restore
from streams.day_sums import NOTHING_KNOWN, DaySums, answer_days, pack_days
from streams.ledger import Ledger
from streams.manifest import Epoch, newest
from streams.merge import Admission
from streams.panes import ReportingTime
from streams.partition import PartitionState
from streams.periods import Period, Periods

NOW = "2026-06-15T13:37:20.250Z"
NOW_MS = instant_ms(NOW)
PLACES = [("UTC", "gregorian"), ("Asia/Tehran", "jalali"), ("America/New_York", "gregorian")]
SPLIT = {kpi.id for kpi in RESTATABLE if kpi.label is not None}


def partitions(events: list[Event], count: int, timezone: str, calendar: str) -> list[PartitionState]:
    """The events in so many partitions, by their person; not yet at any instant."""
    of = meaning(timezone=timezone, calendar=calendar)
    states = [PartitionState(of, number, 1) for number in range(count)]
    take(states, events)
    return states


def take(states: list[PartitionState], events: list[Event]) -> None:
    for event in events:
        home = sum(map(ord, str(event.get("customer_id", event.get("channel"))))) % len(states)
        states[home].arrive(lines([event]), [0])


def days_at(states: list[PartitionState], now_ms: int, known: DaySums | None = None) -> dict[int, dict[str, int]]:
    """What a KPI agent knows of past days when all partitions have answered it at `now_ms`."""
    found = known or DaySums(len(states))
    for number, state in enumerate(states):
        state.advance(now_ms)
        assert found.take(number, *answer_days(state, now_ms, found.digests[number]))
    return found.merged(Admission())


def ledger(timezone: str = "UTC", calendar: str = "gregorian", days: int = 365, settle_ms: int = 0) -> Ledger:
    return Ledger(Periods(ReportingTime(timezone, calendar), days, settle_ms), Economics("EUR"))


def expected(events: list[Event], period: Period, timezone: str, calendar: str) -> dict[str, Any]:
    """What the naive oracle says of a period, as of its last instant: later events don't count.

    A month is the calendar window then; a day, in UTC, the 24 hours that end with it.
    """
    window = {"month": "month", "day": "24h"}[period.kind]
    told = judge(events, period.end_ms - 1, timezone=timezone, calendar=calendar, windows=("24h",), slices=())
    return dict(told["windows"][window])


def look(of: Ledger, states: list[PartitionState], now_ms: int, known_ms: int) -> list[Any]:
    draft = of.look(now_ms, known_ms, days_at(states, now_ms))
    if draft is None:
        return []
    of.settle(draft)
    return list(draft.entries)


def differs(of: Ledger, period: Period, events: list[Event], timezone: str, calendar: str) -> list[str]:
    """Where what the ledger knows of a period parts from the oracle."""
    got = of.values(period, of.known[period.key].sums)
    want = expected(events, period, timezone, calendar)
    return differences(got, {kpi.id: want[kpi.id] for kpi in RESTATABLE}, period.key)


@pytest.mark.parametrize(("timezone", "calendar"), PLACES)
@given(data=st.data())
@settings(max_examples=25)
def test_what_is_known_of_past_months_is_what_the_oracle_says(
    timezone: str, calendar: str, data: st.DataObject
) -> None:
    """Whatever came before the first look and whatever after it, in any order and partitions, later events included."""
    events = data.draw(event_logs(now=NOW, timezone=timezone, calendar=calendar, customers=3))
    count, cut = data.draw(st.integers(1, 3)), data.draw(st.integers(0, len(events)))
    states, of = partitions(events[:cut], count, timezone, calendar), ledger(timezone, calendar)
    look(of, states, NOW_MS, 1)
    take(states, events[cut:])
    look(of, states, NOW_MS, 2)
    months = [period for period in of.periods.past(NOW_MS) if period.kind == "month" and period.key in of.known]
    for month in months:
        assert differs(of, month, events, timezone, calendar) == []


@given(events=event_logs(now=NOW, customers=3))
@settings(max_examples=40)
def test_what_is_known_of_past_days_is_what_the_oracle_says(events: list[Event]) -> None:
    """In UTC a day is the 24 hours that end with it."""
    of = ledger()
    look(of, partitions(events, 2, "UTC", "gregorian"), NOW_MS, 1)
    for day in [period for period in of.periods.past(NOW_MS) if period.kind == "day" and period.key in of.known][-40:]:
        assert differs(of, day, events, "UTC", "gregorian") == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_large_log_read_in_pieces_ends_where_one_reading_does(seed: int) -> None:
    """Each revision goes on from the one before it, and the last says what a ledger says that has seen all at once."""
    events = generate(seed, customers=60)
    pieces = [events[piece::7][::-1] for piece in range(7)]
    states, of = partitions([], 3, "UTC", "gregorian"), ledger()
    bodies: dict[str, dict[str, Any]] = {}
    for number, piece in enumerate(pieces):
        take(states, piece)
        for entry in look(of, states, NOW_MS, number):
            before = bodies.get(entry.period.key)
            assert entry.revision == (0 if before is None else before["revision"] + 1)
            for kpi, change in entry.body.get("restated", {}).items():
                if kpi not in SPLIT:
                    assert change["from"] == before["values"][kpi]  # type: ignore[index]
                    assert change["to"] == entry.body["values"][kpi]
            bodies[entry.period.key] = entry.body
    once = ledger()
    look(once, partitions([event for piece in pieces for event in piece], 1, "UTC", "gregorian"), NOW_MS, 0)
    assert {key: each["values"] for key, each in of.current().items()} == {
        key: each["values"] for key, each in once.current().items()
    }
    assert {key: each["revision"] for key, each in of.current().items()} == {
        key: body["revision"] for key, body in bodies.items()
    }
    assert any(body["revision"] > 1 for body in bodies.values())


def purchase(number: int, at: str, amount: str = "10.00", **fields: Any) -> Event:
    total = {"amount": amount, "currency": "EUR"}
    what = {"type": "purchase", "event_id": f"p{number}", "customer_id": f"c{number}", "order_id": f"o{number}"}
    return what | {"occurred_at": at, "total": total} | fields


def refund(number: int, at: str, amount: str) -> Event:
    return purchase(number, at, amount) | {"type": "refund", "event_id": f"r{number}"}


def test_a_restatement_says_by_how_much_and_by_what() -> None:
    """A refund that comes late for the 10th restates that day and May, with its component as the cause."""
    states, of = partitions([purchase(1, "2026-05-10T12:00:00Z", "30.30")], 2, "UTC", "gregorian"), ledger()
    first = {entry.key: entry.body for entry in look(of, states, NOW_MS, 1_000)}
    assert first["day/2026-05-10/0"]["values"]["revenue"] == 30.3
    assert first["month/2026-05/0"]["values"]["orders"] == 1
    take(states, [refund(1, "2026-05-10T13:00:00Z", "0.10")])
    second = {entry.key: entry.body for entry in look(of, states, NOW_MS, 2_000)}
    assert sorted(second) == ["day/2026-05-10/1", "month/2026-05/1"]
    day = second["day/2026-05-10/1"]
    assert day["restated"]["revenue"] == {"from": 30.3, "to": 30.2, "delta": -0.1}
    assert set(day["restated"]) == {"revenue", "average_order_value"}
    assert day["cause"] == [{"component": "refunds_minor", "unit": "minor", "delta": 10, "events": ["refund"]}]
    assert day["known_at"] == "1970-01-01T00:00:02.000Z"
    assert of.restated()["day", "revenue"] == 0.0, "the 10th of May isn't among the last 31 days"
    assert of.restated()["month", "revenue"] == -0.1
    assert look(of, states, NOW_MS, 3_000) == []


def test_what_later_ordinary_events_do_restates_nothing() -> None:
    """A customer buys again, cancels, comes back: the days before stay as they were published."""
    early = [event for event in generate(5, customers=40) if instant_ms(event["occurred_at"]) < NOW_MS - 5 * DAY_MS]
    later = [event for event in generate(5, customers=40) if instant_ms(event["occurred_at"]) >= NOW_MS - 5 * DAY_MS]
    states, of = partitions(early, 2, "UTC", "gregorian"), ledger()
    before = look(of, states, NOW_MS - 5 * DAY_MS, 1)
    take(states, later)
    after = look(of, states, NOW_MS, 2)
    assert before
    assert after
    assert {entry.revision for entry in after} == {0}


def test_a_period_is_published_once_it_is_over_and_has_settled() -> None:
    """A day at the midnight that ends it, or later by the delay; a month with its last day; never the current one."""
    events = [purchase(1, "2026-05-30T12:00:00Z"), purchase(2, "2026-05-31T23:59:59.999Z")]
    states, prompt, patient = partitions(events, 1, "UTC", "gregorian"), ledger(), ledger(settle_ms=3_600_000)
    midnight = instant_ms("2026-06-01T00:00:00Z")
    assert [entry.key for entry in look(prompt, states, midnight - 1, 0)] == ["day/2026-05-30/0"]
    assert [entry.key for entry in look(prompt, states, midnight, 0)] == ["day/2026-05-31/0", "month/2026-05/0"]
    assert [entry.key for entry in look(patient, states, midnight, 0)] == ["day/2026-05-30/0"]
    assert [entry.key for entry in look(patient, states, midnight + 3_600_000, 0)] == [
        "day/2026-05-31/0",
        "month/2026-05/0",
    ]


def test_days_before_anything_was_known_are_first_published_when_something_is() -> None:
    """An engine that is new publishes no empty year; a late event opens the days since its own."""
    states, of = partitions([purchase(1, "2026-06-14T12:00:00Z")], 1, "UTC", "gregorian"), ledger()
    assert [entry.key for entry in look(of, states, NOW_MS, 0)] == ["day/2026-06-14/0"]
    take(states, [purchase(2, "2026-06-12T12:00:00Z")])
    assert [entry.key for entry in look(of, states, NOW_MS, 0)] == ["day/2026-06-12/0", "day/2026-06-13/0"]


def test_what_leaves_the_reach_is_forgotten_and_not_restated_to_nothing() -> None:
    """Nor is it published anew as a first time when the reach is made longer again."""
    states = partitions(
        [purchase(1, "2026-05-10T12:00:00Z"), purchase(2, "2026-06-14T00:00:00Z")], 1, "UTC", "gregorian"
    )
    short = ledger(days=40)
    assert "day/2026-05-10" in {entry.period.key for entry in look(short, states, NOW_MS, 0)}
    entries = look(short, states, NOW_MS + 10 * DAY_MS, 0)
    assert {entry.revision for entry in entries} == {0}
    assert "day/2026-05-10" not in short.known
    longer = ledger(days=365)
    longer.known, longer.forgotten_ms = short.known, short.forgotten_ms
    assert look(longer, states, NOW_MS + 10 * DAY_MS, 0) == []


@pytest.mark.parametrize(("timezone", "calendar"), PLACES)
def test_past_periods_are_the_calendars_own(timezone: str, calendar: str) -> None:
    """Days touch each other and make up the months; names are those of the reporting calendar."""
    periods = Periods(ReportingTime(timezone, calendar), 365).past(NOW_MS)
    days = [period for period in periods if period.kind == "day"]
    months = [period for period in periods if period.kind == "month"]
    assert len(days) == 364
    assert all(left.end_ms == right.start_ms for left, right in pairwise(days))
    assert days[-1].end_ms == first_instant(date(2026, 6, 15), timezone)
    assert [month.name for month in months[-2:]] == (
        ["2026-04", "2026-05"] if calendar == "gregorian" else ["1405-01", "1405-02"]
    )
    for month in months:
        inside = [day for day in days if month.start_ms <= day.start_ms < month.end_ms]
        assert (inside[0].start_ms, inside[-1].end_ms) == (month.start_ms, month.end_ms)
        assert {day.month for day in inside} == {month.name}
        assert month.days == tuple(day.days[0] for day in inside)


def test_a_partition_sends_its_days_only_where_the_asker_has_others() -> None:
    """The same sums have the same name, whichever of the partition's owners packs them, in whatever order they came."""
    events = distinct(generate(2, customers=30))
    one, other = partitions(events, 1, "UTC", "gregorian")[0], partitions(events[::-1], 1, "UTC", "gregorian")[0]
    one.advance(NOW_MS)
    other.advance(NOW_MS)
    assert pack_days(one, NOW_MS) == pack_days(other, NOW_MS)
    named, packed = answer_days(one, NOW_MS, NOTHING_KNOWN)
    assert packed
    assert answer_days(other, NOW_MS, named) == (named, b"")
    other.arrive(lines([refund(1, "2026-06-01T00:00:00Z", "1.00")]), [0])
    other.advance(NOW_MS)
    assert answer_days(other, NOW_MS, named)[1]


def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    """Whoever has missed one doesn't take the digest alone for knowledge."""
    state = partitions([purchase(1, "2026-06-01T00:00:00Z")], 1, "UTC", "gregorian")[0]
    state.advance(NOW_MS)
    named, packed = answer_days(state, NOW_MS, NOTHING_KNOWN)
    owner = DaySums(1)
    assert not owner.take(0, named, b"")
    assert owner.digests == [NOTHING_KNOWN]
    assert owner.take(0, named, packed)
    assert owner.digests == [named]


def test_a_recovered_partition_tells_the_same_days() -> None:
    """Its day sums come back from flows and persons, so a takeover restates nothing."""
    events = generate(4, customers=50)
    state = partitions(events[: len(events) // 2], 1, "UTC", "gregorian")[0]
    state.advance(NOW_MS)
    writer = Checkpointer(0, Epoch(0, 1))
    stored: dict[bytes, bytes] = {}
    for part in (events[len(events) // 2 :], []):
        draft = writer.draft(state, {}).pack()
        stored |= dict([*draft.entries, draft.manifest])
        writer.settle(draft)
        take([state], part)
        state.advance(NOW_MS)
    successor = PartitionState(meaning(timezone="UTC", calendar="gregorian"), 0, 1)
    plan = newest(stored, 0)
    assert plan is not None
    restore(successor, plan, stored)
    successor.advance(NOW_MS)
    assert pack_days(successor, NOW_MS) == pack_days(state, NOW_MS)
