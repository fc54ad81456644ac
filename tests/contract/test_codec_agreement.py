"""The fast path and the judge: one verdict, one event, whatever the bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from contract_messages import CES, CLI, CSAT, GOOD, damaged_messages, good_messages, raw, scratched_messages
from hypothesis import given, settings
from hypothesis import strategies as st

from events import batch, wire
from events.batch import decode_all
from events.codec import decode, encode, judge
from events.instant import parse_instant
from events.models import MODELS
from events.rejection import Rejected


def verdict(reader, message: bytes) -> wire.Event | tuple[str, str, str]:
    try:
        return reader(message)
    except Rejected as rejected:
        return rejected.reason, rejected.field, rejected.detail


_PRECISIONS = ("milliseconds", "microseconds", "seconds")


def plain_messages() -> st.SearchStrategy[bytes]:
    """Good messages whose instants are in the common form."""
    moment = st.datetimes(datetime(1990, 1, 1), datetime(2400, 1, 1))  # noqa: DTZ001 - the Z is added
    texts = st.builds(lambda at, digits: at.isoformat(timespec=digits) + "Z", moment, st.sampled_from(_PRECISIONS))
    return st.tuples(st.sampled_from(list(GOOD.values())), texts).map(lambda of: raw({**of[0], "occurred_at": of[1]}))


@settings(max_examples=1500, deadline=None)
@given(damaged_messages())
def test_a_damaged_message_gets_the_judges_verdict(message: bytes) -> None:
    assert verdict(decode, message) == verdict(judge, message)


@settings(max_examples=700, deadline=None)
@given(scratched_messages())
def test_scratched_bytes_get_the_judges_verdict(message: bytes) -> None:
    assert verdict(decode, message) == verdict(judge, message)


@settings(max_examples=400, deadline=None)
@given(good_messages())
def test_a_good_message_is_the_same_event_on_both_ways_and_after_a_round_trip(message: bytes) -> None:
    event = decode(message)
    assert event == judge(message)
    assert decode(encode(event)) == event


@pytest.mark.parametrize("message", [*GOOD.values(), CSAT, CES, CLI], ids=lambda m: m.get("survey", m["type"]))
def test_a_plain_message_never_waits_for_the_judge(message, monkeypatch) -> None:
    monkeypatch.setattr("events.codec.judge", lambda _: pytest.fail("the fast path declined a plain message"))
    assert decode(raw(message)).type == message["type"]


@pytest.mark.parametrize("channel", ["تپش", "é", "日本", "x\u200cy"])
def test_text_in_any_script_is_plain_if_it_is_normalised(channel: str, monkeypatch) -> None:
    monkeypatch.setattr("events.codec.judge", lambda _: pytest.fail("the fast path declined a plain message"))
    assert decode(raw({**GOOD["lead"], "channel": channel})).channel == channel


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(good_messages(), plain_messages(), damaged_messages(), scratched_messages()), max_size=9))
def test_many_messages_get_the_verdicts_of_each(messages: list[bytes]) -> None:
    """Also beside broken ones, and in batches of two or three; instants are those of the events, or aren't told."""
    with pytest.MonkeyPatch.context() as small:
        small.setattr(batch, "BATCH", 3)
        parts = decode_all(messages)
    told = [
        (each.reason, each.field, each.detail) if isinstance(each, Rejected) else each
        for part in parts
        for each in part.outcomes
    ]
    assert told == [verdict(judge, message) for message in messages]
    for part in parts:
        texts = [text.decode() + "Z" for text in part.instants]
        assert not texts or [parse_instant(text) for text in texts] == [each.occurred_at for each in part.outcomes]


@pytest.mark.parametrize(
    "odd",
    [
        b'{"type":"refund"}',
        b"",
        b"\n",
        raw({**GOOD["purchase"], "customer_id": "a\nb"}),
        raw(GOOD["purchase"]).replace(b'"occurred_at"', b'"x"'),
        raw({**GOOD["purchase"], "occurred_at": "2026-01-01T00:00:00+03:30"}),
        raw({**GOOD["purchase"], "occurred_at": "2026-01-01 00:00:00.000Z"}),
        raw({**GOOD["purchase"], "occurred_at": "1969-12-31T23:59:59.999Z"}),
        raw(GOOD["purchase"])[:-1] + b',"occurred_at":"2026-01-02T00:00:00.000Z"}',
        raw({**GOOD["purchase"], "lines": [{"sku": "s", "total": {"amount": "1.001", "currency": "EUR"}}]}),
    ],
)
def test_one_odd_message_among_many_changes_none_of_the_others(odd: bytes) -> None:
    """What lacks something may stand beside what has it twice."""
    plain = raw({**GOOD["purchase"], "occurred_at": "2026-01-01T00:00:00.000Z"})
    twice = plain[:-1] + b',"occurred_at":"2026-01-03T00:00:00.000Z"}'
    for messages in ([plain, odd, plain], [odd, twice, plain], [twice, odd, odd, plain]):
        outcomes = [each for part in decode_all(messages) for each in part.outcomes]
        verdicts = [verdict(judge, message) for message in messages]
        assert [
            (each.reason, each.field, each.detail) if isinstance(each, Rejected) else each for each in outcomes
        ] == verdicts


def test_what_our_own_client_writes_is_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole seconds, milliseconds and microseconds, as datetimes come."""
    monkeypatch.setattr(batch, "decode", lambda _: pytest.fail("one by one"))
    moments = [datetime(2026, 1, 1, 0, 0, second, part, tzinfo=UTC) for second in (0, 7) for part in (0, 250_000, 7)]
    written = [encode(judge(raw({**GOOD["purchase"], "occurred_at": at.isoformat()}))) for at in moments]
    models = [encode(MODELS["purchase"].model_validate({**GOOD["purchase"], "occurred_at": at})) for at in moments]
    (part,) = decode_all([*written, *models])
    assert [each.occurred_at for each in part.outcomes] == moments * 2
    assert len(part.instants) == 12


def test_plain_messages_in_the_common_form_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the batch would be right, and of no use."""
    monkeypatch.setattr(batch, "decode", lambda _: pytest.fail("one by one"))
    plain = raw({**GOOD["purchase"], "occurred_at": "2026-01-01T00:00:00.000Z"})
    (part,) = decode_all([plain] * 100)
    assert len(part.outcomes) == 100
    assert part.instants == [b"2026-01-01T00:00:00.000"] * 100
