"""CloudEvents 1.0, structured mode: an envelope around the same facts, taken off before they are judged.

Where an emitter speaks CloudEvents already, asking it for another envelope would keep it away. Only names
differ: the contract's common fields travel in the envelope, everything else in `data`.
"""

from __future__ import annotations

import re
from typing import Any

from .names import EVENT_TYPES, INVALID_FIELD, MARKETING_SPEND, MISSING_FIELD, UNKNOWN_TYPE
from .rejection import Rejected, shown

MARK = "specversion"
ENVELOPE = {"event_id": "id", "occurred_at": "time", "customer_id": "subject", "source": "source", "type": "type"}
"""The contract's field, and what the envelope calls it."""

_VERSION_SUFFIX = re.compile(r"\.v[0-9]+(?:\.[0-9]+)*\Z")


def is_cloudevent(message: dict[str, Any]) -> bool:
    """Does the object claim to be a CloudEvent?"""
    return message.get(MARK) is not None


def unwrap(message: dict[str, Any]) -> dict[str, Any]:
    """The event in the envelope, with the contract's field names; its values are not judged yet.

    Raises:
        Rejected: the envelope isn't one of CloudEvents 1.0 in JSON; the field is the envelope's.
    """
    if message[MARK] != "1.0":
        raise Rejected(INVALID_FIELD, MARK, f"got {shown(message[MARK])}, expected '1.0'")
    for attribute in ("id", "source", "type"):
        if message.get(attribute) in (None, ""):
            raise Rejected(MISSING_FIELD, attribute, "a CloudEvent needs it, as a string of at least one character")
    event_type = event_type_of(message["type"])
    data = message.get("data")
    if data is None and message.get("data_base64") is not None:
        raise Rejected(INVALID_FIELD, "data_base64", "got binary data, expected the event as a JSON object in 'data'")
    if data is not None and not isinstance(data, dict):
        raise Rejected(INVALID_FIELD, "data", f"got {shown(data)}, expected a JSON object")
    event = {**(data or {}), **{field: message.get(attribute) for field, attribute in ENVELOPE.items()}}
    if event_type == MARKETING_SPEND:
        del event["customer_id"]
    event["type"] = event_type
    return event


def event_type_of(cloud_type: object) -> str:
    """`com.example.shop.purchase.v1` -> `purchase`.

    Raises:
        Rejected: not a string, or it ends in no event type of the contract.
    """
    if not isinstance(cloud_type, str):
        raise Rejected(INVALID_FIELD, "type", f"got {shown(cloud_type)}, expected a string")
    name = _VERSION_SUFFIX.sub("", cloud_type).rpartition(".")[2]
    if name not in EVENT_TYPES:
        known = ", ".join(EVENT_TYPES)
        raise Rejected(UNKNOWN_TYPE, "type", f"got {shown(cloud_type)}, expected one that ends in: {known}")
    return name


def envelope_field(field: str) -> str:
    """Where a field of the contract was found: `occurred_at` -> `time`, `total.amount` -> `data.total.amount`."""
    return ENVELOPE.get(field) or f"data.{field}"
