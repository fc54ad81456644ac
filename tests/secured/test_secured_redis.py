"""Redis with TLS and a user of few rights takes the KPIs; with wrong credentials, the reason is a sentence."""

from __future__ import annotations

import asyncio

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError
from ways import REDIS_PASSWORD

from metrics.serving import Serving
from streams.cli.probes import redis_finding
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
    finding = redis_finding(settings, 2.0)
    assert finding.ok == (not said), finding
    assert said in finding.text
    assert REDIS_PASSWORD not in finding.text
