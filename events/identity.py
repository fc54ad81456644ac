"""Which partition a person lives in, and what makes an event the same event.

A person whose events lie in two partitions has two half lifetimes, and nothing would show it: so the
partition is computed here exactly as Kafka's Java client does, whatever client wrote the message.

A natural id is derived from what the event *is* (the order, the lead and its stage, the instant), so that the
same fact, sent twice by whatever road, is dropped the second time. An emitter whose customer may have several
like events at one instant (two rewards redeemed in one batch) gives ids of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from . import names

LONGEST_ID = 64
_DIGEST = 16  # hex digits that stand for the tail of an id that is too long: 64 bits

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 with the seed of Kafka's clients, as an unsigned 32-bit integer."""
    whole = len(data) & ~3
    hashed = _SEED ^ len(data)
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MIX & _WORD
        word = (word ^ word >> 24) * _MIX & _WORD
        hashed = (hashed * _MIX & _WORD) ^ word
    if len(data) > whole:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MIX & _WORD
    hashed = (hashed ^ hashed >> 13) * _MIX & _WORD
    return hashed ^ hashed >> 15


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as Java's and kafka-python's default partitioner choose it."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def partition_key(event: Any) -> str:
    """The message key of an event of either kind: who it is about; of a spend its channel, or else its campaign."""
    if event.type == names.MARKETING_SPEND:
        return event.channel or event.campaign or ""
    return str(event.customer_id)


def identity(event: Any) -> tuple[str, str, str]:
    """What two events must share to be the same one: (customer, or channel of a spend; source; event_id)."""
    owner = event.channel or "" if event.type == names.MARKETING_SPEND else event.customer_id
    return owner, event.source or "", event.event_id


def natural_event_id(event: Any) -> str:
    """The event id that the event's natural key gives, at most 64 characters.

    | event | id |
    |---|---|
    | customer-acquired | `acquired:{instant}` |
    | purchase | `purchase:{order_id}` |
    | refund | `refund:{order_id}:{instant}` |
    | lead | `lead:{lead_id}:{stage}` |
    | survey-response | `survey:{survey}:{touchpoint}:{instant}` |
    | cancellation | `cancelled:{instant}` |
    | loyalty-activity | `loyalty:{action}:{points}:{instant}` |
    | marketing-spend | `spend:{purpose}:{channel}:{campaign}:{instant}` |

    The customer isn't part of it, because ids need to be unique per customer only. The instant is that of
    `occurred_at` in UTC. A `:` inside a part is written `%3A`, so that different parts can't give one id; what
    is longer than 64 characters keeps its head, and a hash stands for the rest.
    """
    text = ":".join(_part(value) for value in _NATURAL_KEYS[event.type](event))
    if len(text) <= LONGEST_ID:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: LONGEST_ID - _DIGEST - 1]}~{digest}"


def _part(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return "" if value is None else str(value).replace("%", "%25").replace(":", "%3A")


_NATURAL_KEYS: Mapping[str, Callable[[Any], tuple[object, ...]]] = {
    names.CUSTOMER_ACQUIRED: lambda e: ("acquired", e.occurred_at),
    names.PURCHASE: lambda e: ("purchase", e.order_id),
    names.REFUND: lambda e: ("refund", e.order_id, e.occurred_at),
    names.LEAD: lambda e: ("lead", e.lead_id, e.stage),
    names.SURVEY_RESPONSE: lambda e: ("survey", e.survey, e.touchpoint, e.occurred_at),
    names.CANCELLATION: lambda e: ("cancelled", e.occurred_at),
    names.LOYALTY_ACTIVITY: lambda e: ("loyalty", e.action, e.points, e.occurred_at),
    names.MARKETING_SPEND: lambda e: ("spend", e.purpose, e.channel, e.campaign, e.occurred_at),
}
