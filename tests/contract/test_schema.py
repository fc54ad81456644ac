"""The published schemas say what the models judge."""

from __future__ import annotations

import json

import jsonschema
import pytest
from contract_messages import CES, CLI, CSAT, GOOD, damaged_messages, without
from hypothesis import given, settings
from test_poison import POISON

from events.codec import decode
from events.names import EVENT_TYPES
from events.rejection import Rejected
from events.schema import asyncapi, json_schema

SCHEMA = jsonschema.Draft202012Validator(json_schema())

BEYOND_SCHEMA = (
    "decimals in",
    "four decimals",
    "three decimals",
    "float's noise",
    "line in another currency",
    "control",
    "DEL",
)
"""What JSON Schema can't say, or says by annotation only."""


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("message", [*GOOD.values(), CSAT, CES, CLI], ids=lambda m: m.get("survey", m["type"]))
def test_good_messages_are_valid(message) -> None:
    SCHEMA.validate(message)


def test_a_message_needs_its_type_though_a_model_doesnt() -> None:
    assert not SCHEMA.is_valid(without("refund", "type"))


@settings(max_examples=300, deadline=None)
@given(damaged_messages())
def test_whatever_the_judge_takes_is_valid(message: bytes) -> None:
    try:
        decode(message)
    except Rejected:
        return
    text = message.decode()
    if "specversion" not in text and "\u0301" not in text:  # an envelope; lengths before normalisation
        SCHEMA.validate(json.loads(text))


@pytest.mark.parametrize(
    "field",
    [
        "type",
        "event_id",
        "customer_id",
        "occurred_at",
        "total",
        "lines.0",
        "score",
        "scale",
        "stage",
        "purpose",
        "action",
    ],
)
def test_poison_in_a_field_is_mostly_invalid_by_the_schema_too(field: str) -> None:
    for name, message, _, at in POISON:
        said = not any(words in name for words in BEYOND_SCHEMA) and "float" not in name
        if at == field and said and "occurred_at" not in at and b"\\" not in message:
            assert not SCHEMA.is_valid(json.loads(message)), name


def test_the_asyncapi_document_has_every_message_on_its_topic() -> None:
    document = asyncapi(prefix="eu-")
    assert document["asyncapi"] == "3.0.0"
    assert set(document["components"]["messages"]) == set(EVENT_TYPES)
    assert document["channels"]["customer-events"]["address"] == "eu-customer-events"
    assert set(document["channels"]["business-events"]["messages"]) == {"marketing-spend"}


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()
    for reference in _references(document):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def _references(node) -> list[str]:
    if isinstance(node, dict):
        inner = [reference for value in node.values() for reference in _references(value)]
        return inner + ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
    return [reference for value in node for reference in _references(value)] if isinstance(node, list) else []
