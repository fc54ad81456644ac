"""The load that every engine is measured under: a shop's events, drawn from a seed, the same bytes for everyone.

First each customer is acquired, spread over the months before; then the mixed stream, all types, by customers drawn by
Zipf's law: a few buy often, most seldom. One event in a hundred is late by up to two days, one in two hundred comes
twice. What is drawn depends on the fields of `Load` alone, so whoever has them has every byte.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

DAY_MS = 86_400_000
_SHARES = (
    ("purchase", 480),
    ("loyalty-activity", 150),
    ("survey-response", 120),
    ("lead", 100),
    ("customer-acquired", 50),
    ("cancellation", 50),
    ("refund", 40),
    ("marketing-spend", 10),
)
"""In a thousand."""
_KINDS = tuple(kind for kind, share in _SHARES for _ in range(share))
_VALUES = {"channel": 6, "segment": 4, "country": 20, "plan": 5}
_LATE, _TWICE = 10, 5
"""In a thousand."""
_REMEMBERED = 4_096
_STRIDE = 7_368_787
"""A prime: neighbours by rank are strangers by number, so that those who buy often lie anywhere in memory."""
_ACTIONS = ("earned", "earned", "earned", "reward-issued", "reward-redeemed", "enrolled", "enrolled", "left")
_STAGES = ("new", "new", "new", "qualified", "qualified", "proposal", "won", "lost")
_REASONS = ("price", "site", "delivery", "service", "payment-failed", "moved")
_TOUCHPOINTS = ("product", "service", "delivery", "price")
_PURPOSES = ("acquisition", "acquisition", "retention", "lead-generation")
_OFFERS = ("", "", "", "", "", ',"offer":"upsell"', ',"offer":"cross-sell"', ',"offer":"base"')


@dataclass(frozen=True, slots=True)
class Load:
    """What is drawn.

    Args:
        customers: acquired before the mixed stream begins, over 300 days.
        events: of the mixed stream.
        until_ms: when it ends, in milliseconds since 1970.
        hours: how long it is.
        values: of each slice attribute; 0: as many as a shop has, 4 to 20.
        exponent: of Zipf's law; below 1.
        seed: another one draws another shop.
    """

    customers: int
    events: int
    until_ms: int
    hours: float = 20.0
    values: int = 0
    exponent: float = 0.8
    seed: int = 1

    @property
    def begins_ms(self) -> int:
        """When the mixed stream begins."""
        return self.until_ms - int(self.hours * 3_600_000)


class Drawn(NamedTuple):
    """A message to publish: its key decides on the partition."""

    is_spend: bool
    key: str
    value: bytes
    at_ms: int


@lru_cache(maxsize=1 << 12)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")


def instant(at_ms: int) -> str:
    """Return an instant as events write it."""
    return f"{_second(at_ms // 1000)}{at_ms % 1000:03}Z"


def value_of(attribute: str, number: int, values: int = 0) -> str:
    """Return the value of a slice attribute that customer `number` has."""
    scattered = number * 2_654_435_761 % 4_294_967_296
    return f"{attribute}-{(scattered >> 8 + 3 * len(attribute) % 7) % (values or _VALUES[attribute])}"


def opening(load: Load) -> Iterator[Drawn]:
    """Yield an acquisition of each customer, spread evenly over 300 days."""
    from_ms = load.begins_ms - 300 * DAY_MS
    for number in range(load.customers):
        at_ms = from_ms + (load.begins_ms - 1_000 - from_ms) * number // load.customers
        yield _acquired(load, number, f"a{number}", at_ms)


def mixed(load: Load) -> Iterator[Drawn]:
    """Yield the mixed stream."""
    return _Shop(load).events()


def _acquired(load: Load, number: int, event_id: str, at_ms: int) -> Drawn:
    values = load.values
    key = f"customer-{number}"
    return Drawn(
        False,
        key,
        (
            f'{{"type":"customer-acquired","event_id":"{event_id}","customer_id":"{key}",'
            f'"occurred_at":"{instant(at_ms)}","source":"crm","channel":"{value_of("channel", number, values)}",'
            f'"segment":"{value_of("segment", number, values)}","country":"{value_of("country", number, values)}",'
            f'"plan":"{value_of("plan", number, values)}"}}'
        ).encode(),
        at_ms,
    )


class _Shop:
    """Draws one event after the other: 64 random bits make an event, and the next ones its money."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._bits = random.Random(load.seed).getrandbits
        self._known = load.customers
        self._span = 1.0 - load.exponent
        self._top = max(load.customers, 1) ** self._span - 1.0

    def events(self) -> Iterator[Drawn]:
        load, bits = self._load, self._bits
        span_ms = load.until_ms - load.begins_ms
        lately: list[Drawn] = []
        for number in range(load.events):
            word = bits(64)
            at_ms = load.begins_ms + span_ms * number // load.events
            chance = word >> 44 & 1_023
            if chance < _LATE:
                at_ms -= (word >> 10) % (2 * DAY_MS)
            elif chance < _LATE + _TWICE and lately:
                yield lately[word % len(lately)]
                continue
            drawn = self._draw(_KINDS[(word >> 54) % len(_KINDS)], number, word, at_ms)
            if len(lately) < _REMEMBERED:
                lately.append(drawn)
            else:
                lately[number % _REMEMBERED] = drawn
            yield drawn

    def _who(self, word: int) -> int:
        """Draw a customer by Zipf's law, by the inverse of its distribution taken as a smooth one."""
        rank = (self._top * (word & 0xFFFFFFFF) / 4_294_967_296 + 1.0) ** (1.0 / self._span)
        return int(rank) * _STRIDE % self._load.customers

    def _draw(self, kind: str, number: int, word: int, at_ms: int) -> Drawn:
        if kind == "marketing-spend":
            return self._spend(number, word, at_ms)
        who = self._who(word)
        word >>= 32
        if kind == "customer-acquired" and word & 3:  # the others are won back
            who, self._known = self._known, self._known + 1
            return _acquired(self._load, who, f"a{who}", at_ms)
        if kind == "customer-acquired":
            return _acquired(self._load, who, f"w{number}", at_ms)
        if kind == "lead" and word & 1:  # of somebody who isn't a customer yet
            who = self._known + word % 5_000
        key = f"customer-{who}"
        head = f'{{"type":"{kind}","event_id":"e{number}","customer_id":"{key}","occurred_at":"{instant(at_ms)}",'
        return Drawn(False, key, f"{head}{self._rest(kind, number, who, word)}}}".encode(), at_ms)

    def _spend(self, number: int, word: int, at_ms: int) -> Drawn:
        channel = f"channel-{word % (self._load.values or _VALUES['channel'])}"
        return Drawn(
            True,
            channel,
            (
                f'{{"type":"marketing-spend","event_id":"e{number}","occurred_at":"{instant(at_ms)}","source":"ads",'
                f'"spend":{_money(word % 90_000 + 1_000)},"purpose":"{_PURPOSES[word % 4]}","channel":"{channel}",'
                f'"campaign":"campaign-{word % 40}"}}'
            ).encode(),
            at_ms,
        )

    def _rest(self, kind: str, number: int, who: int, word: int) -> str:
        match kind:
            case "purchase":
                return self._purchase(number)
            case "refund":
                return f'"source":"shop","order_id":"o{number - word % 1_000}","total":{_money(word % 9_000 + 100)}'
            case "loyalty-activity":
                return f'"source":"loyalty","action":"{_ACTIONS[word % 8]}","points":{word % 500}'
            case "survey-response":
                return f'"source":"survey",{_answers(word)}'
            case "cancellation":
                return f'"source":"crm","reason":"{_REASONS[word % 6]}"'
            case _:
                channel = value_of("channel", who, self._load.values)
                stage = _STAGES[word % 8]
                return f'"source":"crm","lead_id":"l{who}-{word % 2}","stage":"{stage}","channel":"{channel}"'

    def _purchase(self, number: int) -> str:
        word = self._bits(64)
        lines, total = [], 0
        for _ in range(1 + word % 3):
            word = word >> 2
            minor = word % 12_000 + 99
            total += minor
            lines.append(
                f'{{"sku":"sku-{word % 5_000}","quantity":{1 + word % 3},"total":{_money(minor)}{_OFFERS[word % 8]}}}'
            )
            word >>= 14
        order = f'"source":"shop","order_id":"o{number}","total":{_money(total)}'
        return f'{order},"lines":[{",".join(lines)}]'


def _money(minor: int) -> str:
    return f'{{"amount":"{minor // 100}.{minor % 100:02}","currency":"EUR"}}'


def _answers(word: int) -> str:
    touchpoint = _TOUCHPOINTS[word % 4]
    which, word = word >> 2 & 7, word >> 5
    if which < 4:
        return f'"survey":"nps","score":{(word % 13) * 10 // 12}'
    if which < 6:
        return f'"survey":"csat","score":{1 + word % 5},"scale":5,"touchpoint":"{touchpoint}"'
    if which == 6:
        return f'"survey":"ces","score":{1 + word % 7}'
    answers = f'"recommend":{1 + word % 6},"repurchase":{1 + word // 6 % 6},"try_other":{1 + word // 36 % 6}'
    return f'"survey":"cli",{answers}'
