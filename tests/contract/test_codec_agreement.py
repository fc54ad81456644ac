"""The fast path and the judge: one verdict, one event, whatever the bytes."""

from __future__ import annotations

import pytest
from contract_messages import CES, CLI, CSAT, GOOD, damaged_messages, good_messages, raw, scratched_messages
from hypothesis import given, settings

from events import wire
from events.codec import decode, encode, judge
from events.rejection import Rejected


def verdict(reader, message: bytes) -> wire.Event | tuple[str, str, str]:
    try:
        return reader(message)
    except Rejected as rejected:
        return rejected.reason, rejected.field, rejected.detail


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
