"""An event counts once, for as long as its producer may send it again."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import xxhash
from agreement import lines, meaning

from events import wire
from events.codec import decode
from events.identity import identity
from streams import dedupe as deduplication
from streams.dedupe import Deduplicator, Verdict, event_content, event_identity
from streams.partition import PartitionState
from streams.segments import Segment

HOUR = 3_600_000
DAY = 24 * HOUR
NEW, DUPLICATE, DIFFERENT = Verdict.NEW, Verdict.DUPLICATE, Verdict.DIFFERENT


def purchase(event_id: str = "p1", customer: str = "c1", source: str | None = None, **fields: Any) -> dict[str, Any]:
    """A purchase as JSON."""
    event = {
        "type": "purchase",
        "event_id": event_id,
        "customer_id": customer,
        "occurred_at": "2026-06-01T12:00:00Z",
        "order_id": "o1",
        "total": {"amount": "10.00", "currency": "EUR"},
    }
    return event | ({} if source is None else {"source": source}) | fields


def spend(channel: str | None, event_id: str = "s1") -> dict[str, Any]:
    """A marketing spend as JSON."""
    event = {
        "type": "marketing-spend",
        "event_id": event_id,
        "occurred_at": "2026-06-01T12:00:00Z",
        "spend": {"amount": "10.00", "currency": "EUR"},
        "purpose": "acquisition",
    }
    return event | ({} if channel is None else {"channel": channel})


def read(event: dict[str, Any]) -> wire.Event:
    """An event as the engine has it."""
    return decode(json.dumps(event).encode())


def test_the_first_to_arrive_counts() -> None:
    """The second is a duplicate; one that says something else under the same identity is told apart."""
    dedupe = Deduplicator(DAY)
    assert dedupe.judge(read(purchase()), 0) is NEW
    assert dedupe.judge(read(purchase()), 5) is DUPLICATE
    assert dedupe.judge(read(purchase(total={"amount": "11.00", "currency": "EUR"})), 6) is DIFFERENT
    assert dedupe.judge(read(purchase()), 7) is DUPLICATE
    assert len(dedupe) == 1


def test_the_order_of_keys_and_spaces_of_the_json_do_not_make_a_difference() -> None:
    """What a producer's library writes differently says the same."""
    event = purchase()
    other = json.dumps(dict(reversed(event.items())), indent=2).encode()
    assert event_content(read(event)) == event_content(decode(other))


@pytest.mark.parametrize(
    "other",
    [
        purchase("p2"),
        purchase(customer="c2"),
        purchase(source="shop"),
        spend("c1", "p1"),
        spend(None, "p1"),
    ],
)
def test_identity_is_customer_source_and_event_id(other: dict[str, Any]) -> None:
    """Any of them different is another event; a spend's channel is nobody's customer id."""
    assert event_identity(read(other)) != event_identity(read(purchase()))


def test_a_spend_is_known_by_its_channel() -> None:
    """Two channels may number their spends alike."""
    assert event_identity(read(spend("web"))) != event_identity(read(spend("app")))
    assert event_identity(read(spend("web"))) == event_identity(read(spend("web")))


@pytest.mark.parametrize(("apart", "verdict"), [(DAY, DUPLICATE), (DAY + 1, NEW), (-DAY, DUPLICATE), (-DAY - 1, NEW)])
def test_the_horizon_lies_between_the_two_record_times(apart: int, verdict: Verdict) -> None:
    """24 h apart is still the same event, whichever record's time is the later; beyond that it counts anew."""
    dedupe = Deduplicator(DAY)
    dedupe.judge(read(purchase()), 10 * DAY)
    assert dedupe.judge(read(purchase()), 10 * DAY + apart) is verdict


def test_a_duplicate_does_not_extend_the_horizon() -> None:
    """It is counted from the record that counted; an id sent every hour counts again after a day."""
    dedupe = Deduplicator(DAY)
    verdicts = [dedupe.judge(read(purchase()), hour * HOUR) for hour in range(27)]
    assert verdicts == [NEW, *[DUPLICATE] * 24, NEW, DUPLICATE]


def test_without_a_horizon_nothing_is_forgotten() -> None:
    """A file is one stretch of time, however long."""
    dedupe = Deduplicator(None)
    dedupe.judge(read(purchase()), 0)
    assert dedupe.judge(read(purchase()), 10_000 * DAY) is DUPLICATE
    assert not dedupe.is_over(0)


def test_ids_go_with_their_segment_and_not_before() -> None:
    """A segment goes when its newest record is more than a horizon older than the newest of all."""
    dedupe = Deduplicator(DAY)
    dedupe.judge(read(purchase("a")), 0)
    dedupe.judge(read(purchase("b")), HOUR)
    (segment,) = dedupe.cut()
    assert segment.newest_ms == HOUR
    dedupe.judge(read(purchase("c")), HOUR + DAY)
    assert not dedupe.is_over(segment.newest_ms)
    dedupe.judge(read(purchase("d")), HOUR + DAY + 1)
    assert dedupe.is_over(segment.newest_ms)
    dedupe.forget(segment)
    assert len(dedupe) == 2
    assert dedupe.judge(read(purchase("a")), HOUR + DAY + 2) is NEW


def test_an_id_seen_anew_survives_its_old_segment() -> None:
    """Forgetting drops what the segment knew, not what has come since."""
    dedupe = Deduplicator(DAY)
    dedupe.judge(read(purchase()), 0)
    (old,) = dedupe.cut()
    assert dedupe.judge(read(purchase()), 2 * DAY) is NEW
    dedupe.forget(old)
    assert dedupe.judge(read(purchase()), 2 * DAY + 1) is DUPLICATE


def test_what_is_cut_and_remembered_judges_as_before() -> None:
    """Through segments, and through a segment made of several, a successor knows all that its predecessor knew."""
    chance = random.Random(3)
    ours, segments = Deduplicator(DAY), list[Segment]()
    for step in range(400):
        event = purchase(
            f"p{chance.randrange(60)}", total={"amount": chance.choice(("1.00", "2.00")), "currency": "EUR"}
        )
        ours.judge(read(event), step * HOUR)
        if step % 40 == 39:
            segments += ours.cut()
    segments += ours.cut()
    theirs, merged = Deduplicator(DAY), Deduplicator(DAY)
    for segment in segments:
        theirs.remember(segment)
    merged.remember(Segment.concatenate(segments))
    assert theirs.newest_ms == merged.newest_ms == ours.newest_ms
    for number in range(70):
        for at in (399, 405, 430):
            probe = read(purchase(f"p{number}", total={"amount": "1.00", "currency": "EUR"}))
            known = [copy(dedupe).judge(probe, at * HOUR) for dedupe in (ours, theirs, merged)]
            assert known[0] is known[1] is known[2]


def copy(dedupe: Deduplicator) -> Deduplicator:
    """One that may be asked without a trace."""
    other = Deduplicator(dedupe.horizon_ms)
    other._recent, other._segments = dict(dedupe._recent), list(dedupe._segments)
    other._recent_ms, other._recent_content = dedupe._recent_ms[:], dedupe._recent_content[:]
    return other


@pytest.mark.parametrize("event", [purchase(), purchase(source="crm"), spend(None), spend("web")])
def test_an_identity_is_a_hash_of_what_the_contract_says_makes_an_event_the_same(event: dict[str, Any]) -> None:
    """Owner, source and id, a spend's apart from a person's: kept state depends on it."""
    kind = "\1" if event["type"] == "marketing-spend" else "\0"
    expected = xxhash.xxh3_128_digest((kind + "\0".join(identity(read(event)))).encode())
    assert event_identity(read(event)) == expected


def test_a_flood_of_duplicates_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a replay, where nearly everything is known; what is new beside them is remembered, with what it said."""
    monkeypatch.setattr(deduplication, "RECENT_IDS", 10)
    dedupe = Deduplicator(DAY)
    other = {"amount": "11.00", "currency": "EUR"}
    for number in range(8):
        dedupe.judge(read(purchase(f"p{number}")), number)
        for again in range(50):
            assert dedupe.judge(read(purchase(f"p{again % (number + 1)}")), HOUR) is DUPLICATE
            dedupe.tidy()
    assert len(dedupe) == 8
    assert len(dedupe._recent_ms) <= 2 * 10
    for number in range(8):
        assert dedupe.judge(read(purchase(f"p{number}", total=other)), DAY + number) is DIFFERENT
        assert dedupe.judge(read(purchase(f"p{number}")), DAY + number + 1) is NEW


def test_an_empty_cut_is_empty() -> None:
    """Nothing new since the last: nothing to write."""
    dedupe = Deduplicator(DAY)
    dedupe.judge(read(purchase()), 0)
    assert [len(segment) for segment in dedupe.cut()] == [1]
    assert dedupe.cut() == []


def test_a_partition_counts_what_it_drops() -> None:
    """Duplicates are an output: counted, and those that differ apart."""
    state = PartitionState(meaning(), horizon_ms=DAY)
    twice = [purchase(), purchase(), purchase(total={"amount": "99.00", "currency": "EUR"}), purchase("p2")]
    assert state.arrive(lines(twice), [0, 1, 2, 3]) == []
    assert (state.counts.events["purchase"], state.counts.duplicates, state.counts.different) == (2, 2, 1)


def test_a_refused_event_does_not_take_an_identity() -> None:
    """The corrected event comes under the same id, and counts."""
    state = PartitionState(meaning(), horizon_ms=DAY)
    wrong = purchase(total={"amount": "99.00", "currency": "XYZ"})
    assert len(state.arrive(lines([wrong, purchase()]), [0, 1])) == 1
    assert (state.counts.events["purchase"], state.counts.duplicates) == (1, 0)
