"""What the contract refuses, with the reason and the field that a dead letter carries."""

from __future__ import annotations

import pytest
from contract_messages import CLI, CSAT, GOOD, changed, raw, without

from events.codec import decode
from events.names import REASONS
from events.rejection import Rejected

EUR_BAD = {"amount": "19.999", "currency": "EUR"}
USD = {"amount": "1.00", "currency": "USD"}
DEBT = {"amount": "-1.00", "currency": "EUR"}
LINE = {"sku": "tea", "total": {"amount": "1.00", "currency": "EUR"}}


def money(amount: object, currency: object = "EUR") -> dict[str, object]:
    return changed("refund", total={"amount": amount, "currency": currency})


def line(**fields: object) -> dict[str, object]:
    return changed("purchase", lines=[LINE, {**LINE, **fields}])


def at(instant: object) -> dict[str, object]:
    return changed("refund", occurred_at=instant)


POISON: list[tuple[str, bytes, str, str]] = [
    ("over 64 KiB", raw(changed("refund", unknown="x" * 65_536)), "too-large", ""),
    ("not UTF-8", raw(GOOD["refund"]).replace(b"A-1", b"A-\xff"), "not-utf8", ""),
    ("UTF-16", raw(GOOD["refund"]).decode().encode("utf-16"), "not-utf8", ""),
    ("empty", b"", "not-json", ""),
    ("cut off", raw(GOOD["refund"])[:-1], "not-json", ""),
    ("two objects", raw(GOOD["refund"]) * 2, "not-json", ""),
    ("an array of events", raw([GOOD["refund"]]), "not-json", ""),
    ("a byte order mark", b"\xef\xbb\xbf" + raw(GOOD["refund"]), "not-json", ""),
    ("NaN, which JSON hasn't", raw(GOOD["refund"])[:-1] + b',"unknown":NaN}', "not-json", ""),
    ("nested without end", b"[" * 60_000, "not-json", ""),
    ("a raw control character", raw(GOOD["refund"]).replace(b"A-1", b"A\n1"), "not-json", ""),
    ("no type", raw(without("refund", "type")), "missing-field", "type"),
    ("null for a type", raw(changed("refund", type=None)), "missing-field", "type"),
    ("a number for a type", raw(changed("refund", type=7)), "invalid-field", "type"),
    ("another type", raw(changed("refund", type="page-view")), "unknown-type", "type"),
    ("a type in capitals", raw(changed("refund", type="Refund")), "unknown-type", "type"),
    ("no event_id", raw(without("refund", "event_id")), "missing-field", "event_id"),
    ("an empty event_id", raw(changed("refund", event_id="")), "invalid-field", "event_id"),
    ("an event_id of 65 characters", raw(changed("refund", event_id="x" * 65)), "invalid-field", "event_id"),
    ("a number for an event_id", raw(changed("refund", event_id=1)), "invalid-field", "event_id"),
    ("no customer_id", raw(without("refund", "customer_id")), "missing-field", "customer_id"),
    ("null for a customer_id", raw(changed("refund", customer_id=None)), "missing-field", "customer_id"),
    ("a customer_id of 129", raw(changed("refund", customer_id="x" * 129)), "invalid-field", "customer_id"),
    ("an escaped control character", raw(changed("refund", customer_id="c\x00")), "invalid-field", "customer_id"),
    ("DEL", raw(changed("refund", customer_id="c\x7f")), "invalid-field", "customer_id"),
    ("a C1 control character", raw(changed("refund", customer_id="c\x85")), "invalid-field", "customer_id"),
    ("half a surrogate pair", raw(GOOD["refund"]).replace(b"c-1", rb"\ud800"), "invalid-field", "customer_id"),
    ("a source of 257", raw(changed("refund", source="x" * 257)), "invalid-field", "source"),
    ("no occurred_at", raw(without("refund", "occurred_at")), "missing-field", "occurred_at"),
    ("a space for the T", raw(at("2026-06-15 13:37:20Z")), "invalid-field", "occurred_at"),
    ("no offset", raw(at("2026-06-15T13:37:20")), "invalid-field", "occurred_at"),
    ("an offset without colon", raw(at("2026-06-15T13:37:20+0200")), "invalid-field", "occurred_at"),
    ("an offset of a day", raw(at("2026-06-15T13:37:20+24:00")), "invalid-field", "occurred_at"),
    ("no seconds", raw(at("2026-06-15T13:37Z")), "invalid-field", "occurred_at"),
    ("a date", raw(at("2026-06-15")), "invalid-field", "occurred_at"),
    ("epoch seconds", raw(at(1781530640)), "invalid-field", "occurred_at"),
    ("June 31st", raw(at("2026-06-31T00:00:00Z")), "invalid-field", "occurred_at"),
    ("1969", raw(at("1969-12-31T23:59:59.999Z")), "invalid-field", "occurred_at"),
    ("1970 in Berlin, 1969 in UTC", raw(at("1970-01-01T00:59:59+01:00")), "invalid-field", "occurred_at"),
    ("the year 10000 in UTC", raw(at("9999-12-31T23:59:59-01:00")), "invalid-field", "occurred_at"),
    ("a leap second at noon", raw(at("2016-12-31T12:00:60Z")), "invalid-field", "occurred_at"),
    ("money as a number", raw(changed("refund", total=19.99)), "invalid-field", "total"),
    ("no amount", raw(changed("refund", total={"currency": "EUR"})), "missing-field", "total.amount"),
    ("no currency", raw(changed("refund", total={"amount": "1"})), "missing-field", "total.currency"),
    ("three decimals in EUR", raw(money("19.999")), "invalid-field", "total.amount"),
    ("three decimals in EUR, all 0", raw(money("10.000")), "invalid-field", "total.amount"),
    ("decimals in JPY", raw(money("10.5", "JPY")), "invalid-field", "total.amount"),
    ("decimals in JPY, all 0", raw(money("10.0", "JPY")), "invalid-field", "total.amount"),
    ("four decimals in KWD", raw(money("1.2345", "KWD")), "invalid-field", "total.amount"),
    ("a number with three decimals", raw(money(19.999)), "invalid-field", "total.amount"),
    ("a float's noise", raw(money(0.1 + 0.2)), "invalid-field", "total.amount"),
    ("a negative amount", raw(money("-1.00")), "invalid-field", "total.amount"),
    ("a negative number", raw(money(-1)), "invalid-field", "total.amount"),
    ("minus nothing", raw(money("-0")), "invalid-field", "total.amount"),
    ("a plus sign", raw(money("+1")), "invalid-field", "total.amount"),
    ("an exponent", raw(money("1e3")), "invalid-field", "total.amount"),
    ("a space before", raw(money(" 1")), "invalid-field", "total.amount"),
    ("a comma", raw(money("19,99")), "invalid-field", "total.amount"),
    ("no digit after the point", raw(money("19.")), "invalid-field", "total.amount"),
    ("no digit before the point", raw(money(".5")), "invalid-field", "total.amount"),
    ("digits of another script", raw(money("١٩")), "invalid-field", "total.amount"),
    ("an empty amount", raw(money("")), "invalid-field", "total.amount"),
    ("true for an amount", raw(money(True)), "invalid-field", "total.amount"),
    ("beyond 10**15 minor units", raw(money("10000000000000.01")), "invalid-field", "total.amount"),
    ("the same as a number", raw(money(10**14)), "invalid-field", "total.amount"),
    ("an infinite number", raw(money(1)).replace(b": 1,", b": 1E400,"), "invalid-field", "total.amount"),
    ("5,000 digits", raw(money(1)).replace(b": 1,", b": 1" + b"0" * 5000 + b","), "invalid-field", "total.amount"),
    ("a currency in small letters", raw(money("1", "eur")), "invalid-field", "total.currency"),
    ("a currency's symbol", raw(money("1", "€")), "invalid-field", "total.currency"),
    ("a currency of four letters", raw(money("1", "EURO")), "invalid-field", "total.currency"),
    ("a number for a currency", raw(money("1", 978)), "invalid-field", "total.currency"),
    ("lines that aren't a list", raw(changed("purchase", lines=LINE)), "invalid-field", "lines"),
    ("a line that isn't an object", raw(changed("purchase", lines=["tea"])), "invalid-field", "lines.0"),
    ("a line without sku", raw(line(sku=None)), "missing-field", "lines.1.sku"),
    ("a line without total", raw(line(total=None)), "missing-field", "lines.1.total"),
    ("a line in another currency", raw(line(total=USD)), "invalid-field", "lines.1.total.currency"),
    ("a line's total with three decimals", raw(line(total=EUR_BAD)), "invalid-field", "lines.1.total.amount"),
    ("no items", raw(line(quantity=0)), "invalid-field", "lines.1.quantity"),
    ("a quantity as text", raw(line(quantity="2")), "invalid-field", "lines.1.quantity"),
    ("true for a quantity", raw(line(quantity=True)), "invalid-field", "lines.1.quantity"),
    ("an unknown offer", raw(line(offer="gift")), "invalid-field", "lines.1.offer"),
    ("a purchase without total", raw(without("purchase", "total")), "missing-field", "total"),
    ("an acquisition below cost 0", raw(changed("customer-acquired", cost=DEBT)), "invalid-field", "cost.amount"),
    ("a cost that is an empty text", raw(changed("customer-acquired", cost="")), "invalid-field", "cost"),
    ("a number for a channel", raw(changed("customer-acquired", channel=3)), "invalid-field", "channel"),
    ("a lead without lead_id", raw(without("lead", "lead_id")), "missing-field", "lead_id"),
    ("an unknown stage", raw(changed("lead", stage="warm")), "invalid-field", "stage"),
    ("an unknown survey", raw(changed("survey-response", survey="ueq")), "invalid-field", "survey"),
    ("an nps without score", raw(without("survey-response", "score")), "missing-field", "score"),
    ("an nps of 11", raw(changed("survey-response", score=11)), "invalid-field", "score"),
    ("an nps of -1", raw(changed("survey-response", score=-1)), "invalid-field", "score"),
    ("a score as text", raw(changed("survey-response", score="9")), "invalid-field", "score"),
    ("a score as a float", raw(changed("survey-response", score=9.0)), "invalid-field", "score"),
    ("true for a score", raw(changed("survey-response", score=True)), "invalid-field", "score"),
    ("a csat without scale", raw({**CSAT, "scale": None}), "missing-field", "scale"),
    ("a csat out of 6", raw({**CSAT, "scale": 6}), "invalid-field", "scale"),
    ("a csat of 6 out of 5", raw({**CSAT, "score": 6}), "invalid-field", "score"),
    ("a csat of 0", raw({**CSAT, "score": 0}), "invalid-field", "score"),
    ("a ces of 8", raw(changed("survey-response", survey="ces", score=8)), "invalid-field", "score"),
    ("a ces of 0", raw(changed("survey-response", survey="ces", score=0)), "invalid-field", "score"),
    ("a cli without an answer", raw({**CLI, "try_other": None}), "missing-field", "try_other"),
    ("a cli answer of 7", raw({**CLI, "repurchase": 7}), "invalid-field", "repurchase"),
    ("a cancellation with yes", raw(changed("cancellation", voluntary="yes")), "invalid-field", "voluntary"),
    ("a cancellation with 1", raw(changed("cancellation", voluntary=1)), "invalid-field", "voluntary"),
    ("no action", raw(changed("loyalty-activity", action="")), "invalid-field", "action"),
    ("negative points", raw(changed("loyalty-activity", points=-1)), "invalid-field", "points"),
    ("points that no 64 bits hold", raw(changed("loyalty-activity", points=10**20)), "invalid-field", "points"),
    ("a spend without spend", raw(without("marketing-spend", "spend")), "missing-field", "spend"),
    ("a spend for the picnic", raw(changed("marketing-spend", purpose="picnic")), "invalid-field", "purpose"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "reason", "field"), [p[1:] for p in POISON], ids=[p[0] for p in POISON])
def test_poison_is_rejected_with_its_reason_and_field(message: bytes, reason: str, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        decode(message)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert caught.value.reason in REASONS


def test_a_rejection_is_a_sentence_that_names_field_got_and_expected() -> None:
    with pytest.raises(Rejected) as caught:
        decode(raw(money("19.999")))
    assert str(caught.value) == "invalid-field: total.amount: got '19.999', expected at most 2 decimals in EUR"


@pytest.mark.parametrize("field", ["event_id", "customer_id", "order_id", "occurred_at", "total", "type"])
def test_a_rejection_shows_no_more_than_80_characters_of_what_it_got(field: str) -> None:
    with pytest.raises(Rejected) as caught:
        decode(raw(changed("refund", **{field: ["x" * 30_000]})))
    assert "xxx" in caught.value.detail
    assert len(caught.value.detail) < 320


def test_the_bound_on_amounts_says_why_it_is_there() -> None:
    with pytest.raises(Rejected, match=r"10\*\*15 minor units \(64-bit sums must not wrap\)"):
        decode(raw(money("10000000000000.01")))
