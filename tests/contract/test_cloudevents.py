"""CloudEvents 1.0 in structured mode: the same facts in another envelope."""

from __future__ import annotations

from typing import Any

import pytest
from contract_messages import CSAT, GOOD, changed, raw

from events.codec import decode
from events.rejection import Rejected


def enveloped(message: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    """The event as an emitter of CloudEvents would send it."""
    common = {"type", "event_id", "occurred_at", "customer_id", "source"}
    cloud = {
        "specversion": "1.0",
        "id": message["event_id"],
        "source": "/shops/7",
        "type": f"com.example.shop.{message['type']}.v1",
        "time": message["occurred_at"],
        "subject": message.get("customer_id"),
        "datacontenttype": "application/json",
        "data": {field: value for field, value in message.items() if field not in common},
    } | envelope
    return {attribute: value for attribute, value in cloud.items() if value is not None}


@pytest.mark.parametrize("message", [*GOOD.values(), CSAT], ids=lambda m: m.get("survey", m["type"]))
def test_an_enveloped_event_is_the_same_event(message) -> None:
    assert decode(raw(enveloped(message))) == decode(raw({**message, "source": "/shops/7"}))


@pytest.mark.parametrize(
    "cloud_type",
    ["refund", "com.example.refund", "com.example.refund.v1", "io.shop.refund.v12", "refund.v1.2", "v1.refund"],
)
def test_reverse_dns_prefix_and_version_are_stripped_from_the_type(cloud_type: str) -> None:
    assert decode(raw(enveloped(GOOD["refund"], type=cloud_type))).type == "refund"


def test_the_envelope_wins_over_what_data_says_of_the_same() -> None:
    data = {**GOOD["refund"], "event_id": "other", "customer_id": "other", "type": "lead"}
    event = decode(raw(enveloped(GOOD["refund"], data=data)))
    assert (event.event_id, event.customer_id, event.type) == ("e-1", "c-1", "refund")


def test_extension_attributes_are_ignored() -> None:
    assert decode(raw(enveloped(GOOD["refund"], partitionkey="c-9", traceparent="00-1"))).customer_id == "c-1"


def test_spend_needs_no_subject() -> None:
    assert "subject" not in enveloped(GOOD["marketing-spend"])
    assert decode(raw(enveloped(GOOD["marketing-spend"]))).type == "marketing-spend"


def test_an_event_without_fields_of_its_own_needs_no_data() -> None:
    assert decode(raw(enveloped(GOOD["cancellation"], data=None))).reason is None


def test_a_plain_event_with_a_null_specversion_is_plain() -> None:
    assert decode(raw(changed("refund", specversion=None))) == decode(raw(GOOD["refund"]))


ILL = [
    ({"specversion": "0.3"}, "invalid-field", "specversion"),
    ({"specversion": 1.0}, "invalid-field", "specversion"),
    ({"id": None}, "missing-field", "id"),
    ({"id": ""}, "missing-field", "id"),
    ({"id": 7}, "invalid-field", "id"),
    ({"id": "x" * 65}, "invalid-field", "id"),
    ({"source": None}, "missing-field", "source"),
    ({"source": 7}, "invalid-field", "source"),
    ({"type": None}, "missing-field", "type"),
    ({"type": 7}, "invalid-field", "type"),
    ({"type": "com.example.page-view.v1"}, "unknown-type", "type"),
    ({"type": "com.example.refunds"}, "unknown-type", "type"),
    ({"time": None}, "missing-field", "time"),
    ({"time": "2026-06-15 13:37:20Z"}, "invalid-field", "time"),
    ({"subject": None}, "missing-field", "subject"),
    ({"subject": ""}, "invalid-field", "subject"),
    ({"data": None}, "missing-field", "data.order_id"),
    ({"data": "{}"}, "invalid-field", "data"),
    ({"data": None, "data_base64": "e30="}, "invalid-field", "data_base64"),
    (
        {"data": {"order_id": "A-1", "total": {"amount": "1.001", "currency": "EUR"}}},
        "invalid-field",
        "data.total.amount",
    ),
]


@pytest.mark.parametrize(("envelope", "reason", "field"), ILL, ids=[f"{e} {f}"[:50] for e, _, f in ILL])
def test_an_ill_formed_envelope_is_rejected_by_the_envelopes_own_names(envelope, reason: str, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        decode(raw(enveloped(GOOD["refund"], **envelope)))
    assert (caught.value.reason, caught.value.field) == (reason, field)
