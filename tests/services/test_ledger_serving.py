"""The ledger's copy in a real Redis: each line once, whatever is written again, and by whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from metrics.ledger_serving import LedgerServing
from metrics.names import RedisKeys

DAY = "day/2026-06-14"


def body(revision: int, engine: str = "tapesh") -> dict[str, Any]:
    return {"engine": engine, "revision": revision, "known_at": "2026-06-15T00:00:00.000Z", "values": {"orders": 7}}


def with_redis(url: str, steps: Callable[[Redis, LedgerServing, RedisKeys], Awaitable[None]], prefix: str) -> None:
    async def run() -> None:
        keys = RedisKeys(prefix)
        async with Redis.from_url(url) as redis:
            await steps(redis, LedgerServing(keys), keys)

    asyncio.run(run())


async def stream(redis: Redis, keys: RedisKeys) -> list[tuple[str, int]]:
    entries = await redis.xrange(keys.ledger)
    return [(json.loads(entry[b"json"])["engine"], int(entry[b"revision"])) for _, entry in entries]


def test_lines_that_waited_follow_in_their_order_and_once(redis_url: str, fresh_prefix: str) -> None:
    """Nothing is lost while Redis is away, and what is offered again by another owner isn't written again."""

    async def steps(redis: Redis, serving: LedgerServing, keys: RedisKeys) -> None:
        serving.offer({DAY: body(0)}, [(DAY, body(0))])
        async with Redis.from_url("redis://127.0.0.1:1/0") as away:
            with pytest.raises((RedisError, OSError)):
                await serving.write(away)
        serving.offer({DAY: body(1)}, [(DAY, body(1))])
        await serving.write(redis)
        await serving.write(redis)
        assert await stream(redis, keys) == [("tapesh", 0), ("tapesh", 1)]
        successor = LedgerServing(keys)
        successor.offer({DAY: body(1)}, [(DAY, body(1))])
        await successor.write(redis)
        assert await stream(redis, keys) == [("tapesh", 0), ("tapesh", 1)]
        assert json.loads((await redis.hgetall(keys.ledger_now))[DAY.encode()])["revision"] == 1

    with_redis(redis_url, steps, fresh_prefix)


def test_another_engines_lines_are_another_ledger(redis_url: str, fresh_prefix: str) -> None:
    """One that has counted anew begins at 0, and what is out of its reach leaves the hash."""

    async def steps(redis: Redis, serving: LedgerServing, keys: RedisKeys) -> None:
        serving.offer({DAY: body(3), "day/2026-06-13": body(0)}, [(DAY, body(3))])
        await serving.write(redis)
        serving.offer({DAY: body(0, "tapesh.2")}, [(DAY, body(0, "tapesh.2"))])
        await serving.write(redis)
        assert await stream(redis, keys) == [("tapesh", 3), ("tapesh.2", 0)]
        assert list(await redis.hgetall(keys.ledger_now)) == [DAY.encode()]

    with_redis(redis_url, steps, fresh_prefix)
