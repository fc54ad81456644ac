"""Messages to test with: a good one of each type, and hypothesis strategies for good and damaged ones."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

EUR = {"amount": "19.99", "currency": "EUR"}
_COMMON = {"event_id": "e-1", "customer_id": "c-1", "occurred_at": "2026-06-15T13:37:20.250Z"}

GOOD: dict[str, dict[str, Any]] = {
    "customer-acquired": {
        "type": "customer-acquired", **_COMMON, "channel": "web", "segment": "gold", "country": "DE", "plan": "basic",
        "lead_id": "l-1", "cost": {"amount": "12.50", "currency": "EUR"},
    },
    "purchase": {
        "type": "purchase", **_COMMON, "order_id": "A-1", "total": EUR,
        "lines": [
            {"sku": "tea", "quantity": 2, "total": {"amount": "24.99", "currency": "EUR"}, "offer": "base"},
            {"sku": "coupon", "total": {"amount": "-5.00", "currency": "EUR"}},
        ],
    },
    "refund": {"type": "refund", **_COMMON, "order_id": "A-1", "total": EUR},
    "lead": {"type": "lead", **_COMMON, "lead_id": "l-1", "stage": "won", "channel": "fair", "cost": EUR},
    "survey-response": {"type": "survey-response", **_COMMON, "survey": "nps", "score": 9, "touchpoint": "delivery"},
    "cancellation": {"type": "cancellation", **_COMMON, "reason": "price", "voluntary": True},
    "loyalty-activity": {"type": "loyalty-activity", **_COMMON, "action": "earned", "points": 120},
    "marketing-spend": {
        "type": "marketing-spend", "event_id": "s-1", "occurred_at": "2026-06-15T00:00:00+02:00", "spend": EUR,
        "purpose": "acquisition", "channel": "web", "campaign": "spring",
    },
}  # fmt: skip
CSAT = {**GOOD["survey-response"], "survey": "csat", "score": 4, "scale": 5}
CES = {**GOOD["survey-response"], "survey": "ces", "score": 7}
CLI = {"type": "survey-response", **_COMMON, "survey": "cli", "recommend": 6, "repurchase": 5, "try_other": 1}


def raw(message: object) -> bytes:
    """The message as bytes; text outside ASCII stays as it is."""
    return json.dumps(message, ensure_ascii=False).encode()


def changed(event_type: str, **fields: Any) -> dict[str, Any]:
    """The good message of that type with some fields set otherwise."""
    return {**GOOD[event_type], **fields}


def without(event_type: str, field: str) -> dict[str, Any]:
    """The good message of that type without a field."""
    return {name: value for name, value in GOOD[event_type].items() if name != field}


# What emitters get wrong, as it stands in the message: types that look alike, ranges, decomposed text, controls.
_NUMBERS = [
    "0",
    "-0",
    "-1",
    "1",
    "5",
    "7",
    "9",
    "10",
    "11",
    "9.0",
    "1e2",
    "1E400",
    "-0.0",
    "0.1",
    "2.5",
    "12.345",
    "1000000000000000",
    "1000000000000001",
    "10000000000000.01",
    "99999999999999999999",
    "1781530640",
    "NaN",
    "Infinity",
    "01",
    "1.",
]
_OTHERS = ["null", "true", "false", "[]", "{}", "[1]", "[null]", "[" * 1200 + "]" * 1200]
_AMOUNTS = ["9", "0", "-5", "-0.00", "1e3", " 1", "1_0", "10.000", "007.5", "0.1234", "1.", ".5", "+1", "NaN", "1.0"]
_CODES = [
    "EUR",
    "eur",
    "JPY",
    "KWD",
    "EURO",
    "new",
    "won",
    "nps",
    "csat",
    "ces",
    "cli",
    "upsell",
    "earned",
    "retention",
    "payment-failed",
    "purchase",
    "refund",
]
_TEXTS = [
    *("", "x", "x" * 64, "x" * 65, "x" * 129, "x" * 257),
    *(
        "é",
        "e\u0301",
        "e\u0301" * 64,
        "e\u0301" * 65,
        "é" * 64,
        "é" * 65,
        "تپش",
        "\U0001f600" * 64,
        "\u0301",
        "\u0085",
        "\x7f",
        "\u2028",
    ),
]
_RAW_TEXTS = [r'"\u0041"', r'"\u0000"', r'"\ud800"', '"\x01"', '"\n"']
_INSTANTS = [
    *("2026-06-15T13:37:20Z", "2026-06-15t13:37:20.1z", "2026-06-15 13:37:20Z", "2026-06-15T13:37:20", "2026-06-15"),
    *("2026-06-15T13:37:20+0200", "2026-06-15T13:37:20+02:00", "2026-06-15T13:37:20-00:00", "2026-06-31T00:00:00Z"),
    *("2026-06-15T13:37:20.9999999Z", "2026-06-15T13:37:20.123456Z", "2016-12-31T23:59:60Z", "2016-12-31T23:58:60Z"),
    *("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-10:00"),
]
_MONEY = [
    *('{"amount":"1.00","currency":"EUR"}', '{"amount":1.5,"currency":"JPY"}', '{"amount":"-1.00","currency":"EUR"}'),
    *('{"amount":19.99,"currency":"EUR"}', '{"amount":null,"currency":"EUR"}', '{"amount":1}'),
    '[{"sku":"a","total":{"amount":"1","currency":"USD"}}]',
    '[{"sku":"a","quantity":1e2,"total":{"amount":-3,"currency":"EUR"},"offer":""}]',
]
AWKWARD_JSON = (
    *(_NUMBERS + _OTHERS + _RAW_TEXTS + _MONEY),
    *(json.dumps(text, ensure_ascii=False) for text in _AMOUNTS + _CODES + _TEXTS + _INSTANTS),
)
_SCRATCHES = [
    b"",
    b'"',
    b"0",
    b".",
    b"e",
    b"-",
    b"}",
    b"{",
    b",",
    b" ",
    b"\n",
    b"\x00",
    b"\x7f",
    b"\xff",
    b"\\",
    b"Z",
    b"T",
]

FIELDS = sorted({field for message in (*GOOD.values(), CSAT, CLI) for field in message} | {"specversion", "unknown"})


@st.composite
def damaged_messages(draw: st.DrawFn) -> bytes:
    """A good message with up to three of its values, at any depth, replaced; perhaps with duplicate keys, too."""
    message = draw(st.sampled_from([*GOOD.values(), CSAT, CES, CLI]))
    text = json.dumps(message, separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])))
    for _ in range(draw(st.integers(0, 3))):
        value = draw(st.sampled_from(AWKWARD_JSON))
        if draw(st.booleans()):
            spots = [at for at, character in enumerate(text) if character == ":" and text[at - 1] == '"']
            text = _replace_value(text, draw(st.sampled_from(spots)) + 1, value) if spots else text
        else:  # one more pair, perhaps of a name that is there already: the last one counts
            pair = f'"{draw(st.sampled_from(FIELDS))}":{value}'
            text = f"{text[:-1]},{pair}}}" if draw(st.booleans()) else f"{{{pair},{text[1:]}"
    return text.encode()


def _replace_value(text: str, start: int, value: str) -> str:
    while start < len(text) and text[start] == " ":
        start += 1
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return text
    return text[:start] + value + text[end:]


@st.composite
def scratched_messages(draw: st.DrawFn) -> bytes:
    """A good message with a few bytes overwritten, cut out or put in."""
    data = bytearray(raw(draw(st.sampled_from([*GOOD.values(), CSAT, CLI]))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        piece = draw(st.sampled_from(_SCRATCHES))
        data[at : at + draw(st.integers(0, 2))] = piece
    return bytes(data)


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=32)
AMOUNTS = st.one_of(
    st.decimals(0, 10**12, places=2, allow_nan=False).map(lambda d: f"{d:f}"),
    st.integers(0, 10**12),
    st.decimals(0, 10**6, places=2, allow_nan=False).map(float),
)
MONEY = st.builds(
    lambda amount, currency: {"amount": amount, "currency": currency}, AMOUNTS, st.sampled_from(["EUR", "USD", "KWD"])
)
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=_OFFSETS).map(datetime.isoformat)  # noqa: DTZ001


@st.composite
def good_messages(draw: st.DrawFn) -> bytes:
    """A message that keeps the contract: any texts, amounts and instants, optional fields there or not."""
    message = dict(draw(st.sampled_from([*GOOD.values(), CSAT, CES, CLI])))
    for field in ("event_id", "customer_id", "channel", "reason", "touchpoint", "source"):
        if field in message or field == "source":
            message[field] = draw(TEXTS)
    for field in ("total", "cost", "spend"):
        if field in message:
            message[field] = draw(MONEY)
    if "lines" in message:
        message["lines"] = [{"sku": draw(TEXTS), "total": message["total"]} for _ in range(draw(st.integers(0, 3)))]
    message["occurred_at"] = draw(INSTANTS)
    return json.dumps(message, ensure_ascii=draw(st.booleans())).encode()
