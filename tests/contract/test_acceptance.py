"""What the contract takes: every event, its defaults, and the leniency that it promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from contract_messages import CES, CLI, CSAT, GOOD, changed, raw, without

from events import models, wire
from events.codec import decode, instant_ms, judge
from events.names import EVENT_TYPES


def test_a_purchase_reads_as_it_was_written() -> None:
    assert decode(raw(GOOD["purchase"])) == wire.Purchase(
        event_id="e-1",
        customer_id="c-1",
        occurred_at=datetime(2026, 6, 15, 13, 37, 20, 250_000, tzinfo=UTC),
        order_id="A-1",
        total=wire.Money("19.99", "EUR"),
        lines=[
            wire.Line(sku="tea", quantity=2, total=wire.Money("24.99", "EUR"), offer="base"),
            wire.Line(sku="coupon", total=wire.Money("-5.00", "EUR")),
        ],
    )


@pytest.mark.parametrize("message", [*GOOD.values(), CSAT, CES, CLI], ids=lambda m: m.get("survey", m["type"]))
def test_every_kind_of_event_keeps_every_field(message) -> None:
    event = decode(raw(message))
    for field, value in message.items():
        if field not in ("occurred_at", "total", "lines", "cost", "spend"):
            assert getattr(event, field) == value


def test_the_types_are_the_eight_of_the_contract() -> None:
    assert set(EVENT_TYPES) == set(models.MODELS) == set(GOOD)


def test_structs_and_models_have_the_same_fields() -> None:
    for event_type, model in models.MODELS.items():
        fields = set(getattr(wire, model.__name__).__struct_fields__)
        assert fields == set(model.model_fields) - {"type"} | {"specversion"}, event_type


def test_unknown_fields_are_ignored() -> None:
    message = changed("purchase", colour="red", nested={"type": 7, "total": [None]}, huge=10**30)
    assert decode(raw(message)) == decode(raw(GOOD["purchase"]))


@pytest.mark.parametrize("absent", [None, ""])
def test_null_and_for_optional_texts_the_empty_string_mean_absent(absent) -> None:
    for event_type, model in models.MODELS.items():
        for field in model.optional_texts - {"type"}:
            assert decode(raw(changed(event_type, **{field: absent}))) == decode(raw(without(event_type, field)))


def test_null_means_absent_for_what_is_no_text() -> None:
    assert decode(raw(changed("lead", cost=None))) == decode(raw(without("lead", "cost")))
    assert decode(raw(changed("purchase", lines=None))) == decode(raw(without("purchase", "lines")))
    assert decode(raw(changed("cancellation", voluntary=None))) == decode(raw(without("cancellation", "voluntary")))


def test_of_duplicate_keys_the_last_counts() -> None:
    message = raw(GOOD["refund"])[:-1] + b', "order_id": "A-2"}'
    assert decode(message).order_id == "A-2"


def test_text_is_normalised_before_its_length_is_counted() -> None:
    decomposed = "e\u0301" * 64
    assert decode(raw(changed("refund", order_id=decomposed))).order_id == "é" * 64


def test_a_customer_in_two_normal_forms_is_one_person() -> None:
    ids = {decode(raw(changed("refund", customer_id=name))).customer_id for name in ("Zoë", "Zoe\u0308")}
    assert ids == {"Zoë"}


def test_a_message_of_exactly_64_kib_is_taken() -> None:
    message = raw(GOOD["refund"])
    assert decode(message + b" " * (65_536 - len(message))).type == "refund"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2026-06-15T13:37:20Z", 1_781_530_640_000),
        ("2026-06-15t13:37:20z", 1_781_530_640_000),
        ("2026-06-15T15:37:20.1+02:00", 1_781_530_640_100),
        ("2026-06-15T13:37:20-00:00", 1_781_530_640_000),
        ("2026-06-15T13:37:20.999999Z", 1_781_530_640_999),
        ("2026-06-15T13:37:20.9999999999Z", 1_781_530_640_999),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2017-01-01T00:59:60.5+01:00", 1_483_228_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_an_instant_is_exact_to_the_millisecond_and_never_rounded_up(text: str, ms: int) -> None:
    assert instant_ms(decode(raw(changed("refund", occurred_at=text))).occurred_at) == ms


def test_instant_ms_agrees_across_offsets() -> None:
    moment = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)
    assert instant_ms(moment) == instant_ms(moment.astimezone(timezone(timedelta(hours=-3, minutes=-30))))


def test_amounts_may_be_strings_or_numbers_and_lines_may_be_negative() -> None:
    for amount in ("19.99", "19.9", "19", "0", "0.00", "007", 19.99, 19, 0, 1e2, 10**13, "10000000000000.00"):
        message = changed("refund", total={"amount": amount, "currency": "EUR"})
        assert decode(raw(message)).total.amount == amount


def test_a_sum_of_lines_other_than_the_total_is_fine() -> None:
    message = changed("purchase", total={"amount": "1000.00", "currency": "EUR"})
    assert len(decode(raw(message)).lines) == 2


def test_a_lead_without_a_stage_is_new() -> None:
    for stage in ({}, {"stage": None}, {"stage": ""}):
        assert decode(raw({**without("lead", "stage"), **stage})).stage == "new"


@pytest.mark.parametrize(
    ("fields", "voluntary"),
    [
        ({"reason": "payment-failed"}, False),
        ({"reason": "price"}, True),
        ({"reason": None}, True),
        ({"reason": "payment-failed", "voluntary": True}, True),
        ({"reason": "price", "voluntary": False}, False),
    ],
)
def test_a_cancellation_is_voluntary_unless_a_payment_failed_or_it_says_otherwise(fields, voluntary) -> None:
    message = {**without("cancellation", "voluntary"), **fields}
    assert decode(raw(message)).is_voluntary is voluntary
    assert models.Cancellation.model_validate(message).is_voluntary is voluntary


@pytest.mark.parametrize(("scale", "score"), [(5, 5), (7, 7), (10, 10), (10, 1)])
def test_csat_goes_up_to_its_scale(scale: int, score: int) -> None:
    assert decode(raw({**CSAT, "scale": scale, "score": score})).score == score


def test_a_survey_ignores_the_answers_of_other_surveys() -> None:
    assert decode(raw(changed("survey-response", scale=11, recommend=99))).score == 9


def test_spend_needs_no_customer_and_ignores_one() -> None:
    assert decode(raw(changed("marketing-spend", customer_id=7))).type == "marketing-spend"


def test_the_models_adapter_agrees_with_the_codec() -> None:
    for message in (*GOOD.values(), CSAT, CES, CLI):
        event = models.EVENT_ADAPTER.validate_json(json.dumps(message))
        assert judge(event.model_dump_json().encode()) == decode(raw(message))
