"""Producers at their worst: what they send twice, late, broken, in floods or to the wrong place changes no figure.

Two workers for all of these tests, which go on from one another: whatever came before is still in the figures. Each
test accounts for every record in the topics: counted + duplicates + rejected + sent on = published.
"""

from __future__ import annotations

import random
import uuid
import zlib
from collections import Counter
from collections.abc import Iterator

import pytest
from deployment import PARTITIONS, Deployment, eventually
from flow import Flow, message_of
from shop import TEHRAN, Event, in_s, log_until, oracle_agrees, raw
from test_poison import POISON
from witness import Witness, settled

from events.names import CUSTOMER_EVENTS, DEAD_LETTERS
from metrics.names import EVENTS, EVENTS_DUPLICATE, EVENTS_MISROUTED, EVENTS_REJECTED
from streams.services import ApacheKafka

BURST = 10


class Shop:
    """A deployment, and all that was ever sent to it."""

    def __init__(self, live: Deployment) -> None:
        self.live = live
        self.valid: list[Event] = []
        self.poison: Counter[bytes] = Counter()

    def accounts(self) -> dict[str, int]:
        """What the workers say became of the records."""
        totals: Counter[str] = Counter()
        for worker in self.live.running:
            for (name, _), value in worker.metrics().items():
                totals[name] += int(value)
        return {name: totals[name] for name in (EVENTS, EVENTS_DUPLICATE, EVENTS_REJECTED, EVENTS_MISROUTED)}

    def balances(self) -> dict[str, int]:
        """The figures are exact, and every record is accounted for; returns the accounts."""
        settled(self.live)
        published = sum(self.live.ends().values())
        accounts = self.accounts()
        distinct = {(e.get("customer_id", e.get("channel")), e.get("source"), e["event_id"]) for e in self.valid}
        assert accounts[EVENTS] == len(distinct), "lost, or counted twice"
        assert sum(accounts.values()) == published, f"{accounts} don't add up to {published}"
        return accounts


@pytest.fixture(scope="module")
def shop(kafka: ApacheKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two workers on the wall clock."""
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    with Deployment(kafka.bootstrap, prefix, tmp_path_factory.mktemp("shop"), dict(TEHRAN)) as live:
        live.start(), live.start()
        live.ready(2)
        yield Shop(live)


def test_a_producer_that_sends_everything_three_times(shop: Shop) -> None:
    """Each event again at once, and again later: two of three are duplicates."""
    before = shop.accounts()
    log = log_until(in_s(4), 61, who="thrice-", customers=40, duplicates=0, **TEHRAN)
    shop.valid += log
    chance = random.Random(61)
    at = sorted(
        [(n, e) for n, e in enumerate(log)] * 2 + [(n + chance.random() * 300, e) for n, e in enumerate(log)],
        key=lambda i: i[0],
    )
    with Witness(shop.live) as witness, Flow(shop.live, raw([event for _, event in at]), rate=len(at) / 4) as flow:
        flow.wait()
    assert shop.balances()[EVENTS_DUPLICATE] - before[EVENTS_DUPLICATE] == 2 * len(log)
    witness.judge(most=4)


def test_events_that_arrive_shuffled_over_hours_and_days(shop: Shop) -> None:
    """Every one is late by anything up to months, one in five comes again, half of those with other contents."""
    log = log_until(in_s(4), 62, who="late-", customers=50, disorder=1.0, duplicates=0.2, **TEHRAN)
    shop.valid += log
    with Witness(shop.live) as witness, Flow(shop.live, raw(log), rate=len(log) / 4) as flow:
        flow.wait()
    shop.balances()
    witness.judge(most=4)


def test_one_message_in_a_hundred_is_poison_of_some_kind(shop: Shop) -> None:
    """Of all kinds that the contract knows: each lies among the dead letters as it was, and nothing else does."""
    log = log_until(in_s(4), 63, who="poisoned-", customers=60, **TEHRAN)
    shop.valid += log
    messages = [message_of(line, shop.live.prefix) for line in raw(log)]
    chance = random.Random(63)
    poison = chance.sample([message for _, message, _, _ in POISON], max(20, len(log) // 100))
    topic = shop.live.topic(CUSTOMER_EVENTS)
    for number, value in enumerate(poison):
        messages.insert(
            chance.randrange(len(messages)), messages[0]._replace(topic=topic, key=b"%d" % number, value=value)
        )
    with Flow(shop.live, messages, rate=len(messages) / 4) as flow:
        flow.wait()
    assert shop.balances()[EVENTS_REJECTED] == len(poison)
    letters = shop.live.records(shop.live.topic(DEAD_LETTERS), [0])[0]
    assert Counter(letter.value for letter in letters) == Counter(poison)


def test_a_producer_with_another_partitioner(shop: Shop) -> None:
    """CRC-32 of the key, as librdkafka has it by default: what lands in the wrong partition is sent on and counted."""
    log = log_until(in_s(4), 64, who="astray-", customers=50, **TEHRAN)
    shop.valid += log
    messages = [message_of(line, shop.live.prefix) for line in raw(log)]
    astray = [message._replace(partition=zlib.crc32(message.key or b"") % PARTITIONS) for message in messages]
    with Witness(shop.live) as witness, Flow(shop.live, astray, rate=len(astray) / 4) as flow:
        flow.wait()
    eventually("what was sent on has arrived", lambda: sum(shop.live.ends().values()) > len(astray))
    assert shop.balances()[EVENTS_MISROUTED] > len(log) / 4
    witness.judge(most=4)


def test_a_burst_of_ten_times_the_load(shop: Shop) -> None:
    """All at once what the others took seconds for; after it, the oracle agrees on everything that ever came."""
    log = log_until(in_s(2), 65, who="burst-", customers=100, **TEHRAN)
    shop.valid += log
    slow = len(log) // 5
    with Witness(shop.live) as witness:
        with Flow(shop.live, raw(log[:slow]), rate=slow / 2) as flow:
            flow.wait()
        with Flow(shop.live, raw(log[slow:]), rate=BURST * slow / 2) as flow:
            flow.wait()
    shop.balances()
    witness.judge(most=4)
    oracle_agrees(settled(shop.live), shop.valid)
