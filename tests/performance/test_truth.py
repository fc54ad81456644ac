"""What measurements are held to: figures worked out from the bytes, by code of their own."""

from __future__ import annotations

import itertools
import json

from benchmarks.load import Load, mixed, opening
from benchmarks.truth import Plain, Truth, differences
from metrics.economics import Economics
from streams.compute import compute
from streams.meaning import Meaning

LOAD = Load(3_000, 12_000, 1_767_312_000_000)
NOW_MS = LOAD.until_ms + 90_000


def messages() -> list[bytes]:
    """The whole load."""
    return [drawn.value for drawn in itertools.chain(opening(LOAD), mixed(LOAD))]


def true_of(values: list[bytes]) -> dict[str, object]:
    """What is true of messages."""
    truth = Truth()
    truth.take(values)
    return truth.document(NOW_MS)


def said_of(values: list[bytes]) -> dict[str, object]:
    """What the engine says of them."""
    computed = compute(values, Meaning(), Economics("EUR"), now_ms=NOW_MS)
    assert not computed.refused
    said: dict[str, object] = json.loads(json.dumps(computed.snapshot))
    return said


def test_the_engine_says_the_truth_of_the_load():
    """Windows and slices, for events that come late and twice."""
    true = true_of(messages())
    assert len(true["windows"]) == 10
    assert set(true["slices"]) == {"channel", "segment", "country", "plan"}
    assert differences(true, said_of(messages())) == []


def test_a_lost_event_is_noticed():
    """One order of twelve thousand events less shows."""
    values = messages()
    last = next(number for number in reversed(range(len(values))) if b'"purchase"' in values[number])
    wrong = differences(true_of(values), said_of(values[:last] + values[last + 1 :]))
    assert any(line.startswith("/windows/24h/orders:") for line in wrong)
    assert any(line.startswith("/slices/channel/") for line in wrong)


def test_a_figure_that_is_not_said_is_a_difference():
    assert differences({"windows": {"24h": {"orders": 3}}}, {"windows": {}}) == [
        "/windows/24h/orders: 3 expected, nothing said"
    ]


def test_peers_are_asked_what_is_in_the_messages_repeated_ones_included():
    plain = Plain()
    order = b'{"type":"purchase","customer_id":"c1","total":{"amount":"19.99","currency":"EUR"}}'
    lead = b'{"type":"lead","customer_id":"c2"}'
    plain.take([order, order, lead])
    answers = plain.answers()
    assert answers["kpis"] == {"orders": 2, "revenue_minor": 3998, "buyers": 1}
    assert answers["sum"] == {"events": 3, "orders": 2, "revenue_minor": 3998}
    assert (answers["keyed"]["customers"], answers["keyed"]["revenue_minor"]) == (2, 3998)


def test_a_digest_tells_which_customer_has_what():
    """The same sum, shared out otherwise, is another answer."""
    one, other = Plain(), Plain()
    buy = '{{"type":"purchase","customer_id":"{}","total":{{"amount":"{}","currency":"EUR"}}}}'
    one.take([buy.format("a", "1.00").encode(), buy.format("b", "2.00").encode()])
    other.take([buy.format("a", "2.00").encode(), buy.format("b", "1.00").encode()])
    assert one.answers()["keyed"] != other.answers()["keyed"]
