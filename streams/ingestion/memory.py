"""What a receiver of webhooks must remember for longer than a stream does: which events it has had, whose orders are.

Shops deliver again for days after a failure, and tell an order anew at each of its changes for as long as it lives;
the engine's deduplication reaches back a day. And a refund names its order, not its customer. Redis keeps both,
for long enough that a later repetition is no longer a repetition but a mistake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

_KEYS_A_STEP = 1000
REMEMBERED_S = 400 * 86_400
"""A year and what a shop takes to notice."""


class Memory:
    """Of all webhooks of a deployment.

    Args:
        redis: a client; its errors go to the caller, who must not answer for what may be had twice.
        prefix: before every key.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}ingest:"

    async def new_among(self, events: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Tell of each event whether it hasn't been had yet."""
        if not events:
            return []
        return [value is None for value in await self._redis.mget([self._had(event) for event in events])]

    async def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Note events that Kafka has acknowledged, and whose their orders are."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.set(self._had(event), 1, ex=REMEMBERED_S)
                if event["type"] == "purchase":
                    key = self._order(event["source"], event["order_id"])
                    pipe.set(key, event["customer_id"], ex=REMEMBERED_S)
            await pipe.execute()

    async def owner_of(self, source: str, order_id: str) -> str | None:
        """Return whose order it is, None if it was never heard of."""
        found = await self._redis.get(self._order(source, order_id))
        return None if found is None else str(found.decode() if isinstance(found, bytes) else found)

    async def forget(self, customer_id: str) -> int:
        """Drop whose their orders are of somebody who is to be forgotten; return how many those were.

        Looks at every order that is remembered: some seconds for a million.
        """
        count = 0
        wanted, keys = customer_id.encode(), [key async for key in self._redis.scan_iter(self._order("*", "*"), 1000)]
        for start in range(0, len(keys), _KEYS_A_STEP):
            some = keys[start : start + _KEYS_A_STEP]
            theirs = [key for key, owner in zip(some, await self._redis.mget(some), strict=True) if owner == wanted]
            count += len(theirs)
            if theirs:
                await self._redis.delete(*theirs)
        return count

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()

    def _had(self, event: Mapping[str, Any]) -> str:
        """Name an event by what makes it the same one, but for its customer, whom a delivery may not know."""
        order = event.get("customer_id", "") if event["type"] not in ("purchase", "refund") else ""
        named = "\0".join((event["source"], event["event_id"], str(order)))
        return f"{self._prefix}had:{hashlib.sha256(named.encode()).hexdigest()[:32]}"

    def _order(self, source: str, order_id: str) -> str:
        return f"{self._prefix}order:{source}:{order_id}"
