"""Redis with TLS and a user of few rights takes the KPIs; with wrong credentials, the reason is a sentence."""

from __future__ import annotations

import asyncio

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import NoPermissionError
from ways import REDIS_PASSWORD

from metrics.ledger_serving import LedgerServing
from metrics.names import RedisKeys
from metrics.serving import Serving
from streams.cli.redis_findings import redis_findings
from streams.ingestion.memory import Memory
from streams.settings import Settings

SNAPSHOT = {"now": "2026-06-15T13:37:20.250Z", "windows": {"30d": {"churn_rate": 0.0123}}, "slices": {}}


def test_the_least_rights_are_enough(secured_redis, certs):
    """For all that the engine writes: the snapshot, its history, the message of changes, the owner's epoch."""

    async def write() -> None:
        serving = Serving(secured_redis.url(), ca_file=certs.ca)
        for number in range(2):
            await serving.publish({**SNAPSHOT, "windows": {"30d": {"churn_rate": number / 10}}}, {}, "1.1")
        await serving.stop()

    asyncio.run(write())
    assert Redis.from_url(secured_redis.for_the_test, decode_responses=True).hget("tapesh:snapshot", "now")


def test_they_are_enough_for_the_ledger_for_history_and_for_webhooks(secured_redis, certs):
    """A period that goes from reach, what a new owner reads back, what was delivered and whose an order is."""

    def body(revision: int) -> dict[str, object]:
        return {"engine": "tapesh", "revision": revision, "known_at": SNAPSHOT["now"]}

    async def work() -> None:
        ledger = LedgerServing(RedisKeys())
        serving = Serving(secured_redis.url(), ca_file=certs.ca, beside=[ledger])
        await serving.publish(SNAPSHOT, {}, "1.1")
        assert (await serving.past())[-1][1] == {"30d:churn_rate": 0.0123}
        async with AsyncRedis.from_url(secured_redis.url(), ssl_ca_certs=str(certs.ca)) as redis:
            for current in ({"day:1": body(1), "day:2": body(1)}, {"day:2": body(2)}):
                ledger.offer(current, list(current.items()))
                await ledger.write(redis)
            memory = Memory(redis, "tapesh:")
            event = {"type": "purchase", "source": "s", "event_id": "e", "order_id": "1", "customer_id": "c-1"}
            await memory.remember([event])
            assert await memory.new_among([event]) == [False]
            assert await memory.owner_of("s", "1") == "c-1"
        await serving.stop()

    asyncio.run(work())


def test_the_user_may_do_nothing_else(secured_redis, certs):
    """Neither other keys, nor commands that nobody needs."""
    client = Redis.from_url(secured_redis.url(), ssl_ca_certs=str(certs.ca))
    for forbidden in (("SET", "another:key", "1"), ("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*")):
        with pytest.raises(NoPermissionError):
            client.execute_command(*forbidden)
    client.close()


@pytest.mark.parametrize(
    ("url", "ca", "said"),
    [
        ({}, "ca", ""),
        ({"password": "wrong"}, "ca", "redis.url (TAPESH_REDIS__URL) holds the user and the password"),
        ({"user": "nobody"}, "ca", "redis.url (TAPESH_REDIS__URL) holds the user and the password"),
        ({}, "stranger", "redis.ca_file (TAPESH_REDIS__CA_FILE) names the authorities to trust"),
    ],
)
def test_who_may_not_come_in_is_told_why(secured_redis, certs, url, ca, said):
    """The setting to look at is named, and the password is not."""
    settings = Settings(redis={"url": secured_redis.url(**url), "ca_file": certs.folder / f"{ca}.pem"})
    (finding,) = redis_findings(settings, 2.0)
    assert finding.ok == (not said), finding
    assert said in finding.text
    assert REDIS_PASSWORD not in finding.text
