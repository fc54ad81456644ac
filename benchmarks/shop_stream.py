"""A shop of many customers as records, made fast: for measurements inside one process, without a broker."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

CHANNELS = ("web", "store", "app", "partner", "phone")
_SHARES = (
    ("purchase", 55),
    ("survey-response", 12),
    ("loyalty-activity", 10),
    ("lead", 8),
    ("refund", 5),
    ("cancellation", 4),
    ("customer-acquired", 4),
    ("marketing-spend", 2),
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as a broker would have it."""

    offset: int
    value: bytes
    timestamp: int
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def instant(at_ms: int) -> str:
    """Return an instant as events write it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def opening(customers: int, from_ms: int, until_ms: int) -> Iterator[tuple[int, bytes]]:
    """Yield (time, record): an acquisition of each customer, spread evenly."""
    for number in range(customers):
        at_ms = from_ms + (until_ms - from_ms) * number // customers
        channel = CHANNELS[number % len(CHANNELS)]
        yield (
            at_ms,
            (
                f'{{"type":"customer-acquired","event_id":"a{number}","customer_id":"customer-{number}",'
                f'"occurred_at":"{instant(at_ms)}","channel":"{channel}","segment":"s{number % 4}",'
                f'"country":"{"DE FR IR US"[number % 4 * 3 :][:2]}","plan":"p{number % 3}"}}'
            ).encode(),
        )


def mixed(customers: int, from_ms: int, per_s: float, *, seed: int = 5) -> Iterator[tuple[int, bytes]]:
    """Yield (time, record) for ever: all event types, customers drawn evenly, at a steady rate."""
    chance = random.Random(seed)
    kinds, weights = zip(*_SHARES, strict=True)
    drawn = chance.choices(kinds, weights, k=10_000)
    number = 0
    while True:
        number += 1
        at_ms = from_ms + int(number * 1000 / per_s)
        kind = drawn[number % len(drawn)]
        who = int(chance.random() * customers)
        head = f'{{"type":"{kind}","event_id":"e{number}","occurred_at":"{instant(at_ms)}",'
        if kind != "marketing-spend":
            head += f'"customer_id":"customer-{who}",'
        yield at_ms, (head + _rest(kind, number, who) + "}").encode()


def _rest(kind: str, number: int, who: int) -> str:
    channel = CHANNELS[who % len(CHANNELS)]
    money = f'{{"amount":"{number % 90 + 5}.{number % 100:02}","currency":"EUR"}}'
    actions, stages = ("enrolled", "earned", "reward-issued", "reward-redeemed"), ("new", "qualified", "won")
    return {
        "purchase": f'"order_id":"o{number}","total":{money}',
        "refund": f'"order_id":"o{number}","total":{money}',
        "survey-response": f'"survey":"nps","score":{number % 11}',
        "loyalty-activity": f'"action":"{actions[number % 4]}"',
        "lead": f'"lead_id":"l{number}","stage":"{stages[number % 3]}","channel":"{channel}"',
        "cancellation": f'"reason":"{("price", "service", "delivery")[number % 3]}"',
        "customer-acquired": f'"channel":"{channel}"',
        "marketing-spend": f'"spend":{money},"purpose":"acquisition","channel":"{channel}"',
    }[kind]
