"""Writes customer profiles to Redis, beside the work and never in its way.

A task of its own looks at the partitions that this worker owns, a few profiles at a time, and rests so much longer
than it works that ingestion doesn't feel it. While Redis is away marks stay where they are; once it is back the
profiles are written as they are then. A partition that moved is another's: each batch names the epoch of its writer,
and one that was replaced while it slept finds a later one and writes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from metrics.names import RedisKeys
from streams.forgetting import is_alias
from streams.owned import OwnedPartition
from streams.profiles import ProfileMarks, profile_of
from streams.settings import Settings

_log = logging.getLogger(__name__)
BATCH = 50
"""Profiles of one transaction: a few milliseconds of the event loop."""
SHARE = 0.1
"""How much of the time may go into them at most."""
OWNER_FORGOTTEN_S = 600
"""Without a write for so long, anybody may: epochs begin anew where Kafka's data was thrown away and Redis's wasn't."""
_LOOKS_EVERY_S = 0.5
_TIMEOUT_S = 2.0
_LONGEST_PAUSE_S = 5.0


class ProfileWriter:
    """The profiles of one worker's partitions.

    Args:
        settings: of the deployment.
        owned: the partitions that this worker owns, asked anew at each step.
        epoch: of a partition's owner, text that sorts in the order in which owners follow each other; None while this
            engine isn't to write.

    Attributes:
        written: profiles written since the start.
        failures: batches that Redis didn't take.
        busy_s: time that this has cost.
    """

    def __init__(
        self,
        settings: Settings,
        owned: Callable[[], Mapping[int, OwnedPartition]],
        epoch: Callable[[OwnedPartition], str | None],
    ) -> None:
        self.written = self.failures = 0
        self.busy_s = 0.0
        self._redis_settings = settings.redis
        self._keys = RedisKeys(settings.redis.prefix)
        self._ttl_ms = settings.redis.profile_ttl.ms
        self._bands = settings.redis.value_bands
        self._owned, self._epoch = owned, epoch
        self._redis: Redis | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many profiles are still to be written."""
        return sum(len(each.profiles) for each in self._owned().values() if each.profiles is not None)

    def start(self) -> None:
        """Begin to write. Doesn't wait for Redis, which may come later."""
        if self._task is None:
            self._task = asyncio.create_task(self._write_for_ever(), name="tapesh-profiles")

    async def stop(self) -> None:
        """Let go; what isn't written is written by whoever takes the partition up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._disconnect()

    async def read(self, customer_id: str) -> dict[str, str] | None:
        """Return a profile as Redis has it; None if it has none.

        Raises:
            RedisError, OSError, TimeoutError: Redis didn't answer within the time.
        """
        async with asyncio.timeout(_TIMEOUT_S):
            found: dict[Any, Any] = await self._connected().hgetall(self._keys.profile(customer_id))
        return {name.decode(): value.decode() for name, value in found.items()} or None

    async def step(self) -> int:
        """Write a batch of each partition; return how many profiles that were.

        Raises:
            RedisError, OSError, TimeoutError: Redis didn't take one; its profiles wait on.
        """
        count = 0
        for number, partition in list(self._owned().items()):
            epoch = self._epoch(partition)
            if epoch is not None and partition.state.now_ms >= 0 and not partition.is_behind():
                count += await self._write(number, partition, epoch)
        return count

    async def _write(self, number: int, partition: OwnedPartition, epoch: str) -> int:
        began = time.perf_counter()
        fold = partition.state.fold
        if partition.profiles is None:
            partition.profiles = ProfileMarks(fold.persons)
        marks = partition.profiles
        marks.notice(fold.persons)
        rows = marks.take(BATCH)
        named = {row: fold.persons.ids[row] for row in rows}
        profiles = {name: profile_of(fold, row, self._bands) for row, name in named.items() if not is_alias(name)}
        forgetting = partition.state.forgetting
        gone = forgetting.profiles[:BATCH]
        self.busy_s += time.perf_counter() - began
        if not profiles and not gone:
            return len(rows)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                is_ours = await self._send(number, epoch, profiles, gone)
        except BaseException:
            marks.put_back(rows)
            raise
        if (
            not is_ours
        ):  # its owner writes them; should Kafka have begun anew, nobody does, and they are ours in a while
            marks.put_back(rows)
            return 0
        for customer_id in gone:
            forgetting.profile_gone(customer_id)
        marks.notice(fold.persons)  # the next line's may be new
        marks.put_back([row for name in gone if (row := fold.persons.ids.row_of(name)) is not None])
        self.written += len(profiles)
        return len(rows) + len(gone)

    async def _send(self, number: int, epoch: str, profiles: Mapping[str, Any], gone: Sequence[str]) -> bool:
        """Write profiles and delete those of forgotten persons, all or none; return whether they were ours to write."""
        owner = self._keys.profiles_owner(number)
        async with self._connected().pipeline(transaction=True) as pipe:
            # Watched: if the successor writes between this look and ours, the transaction does nothing.
            await pipe.watch(owner)
            held: Any = await pipe.get(owner)
            if held is not None and held.decode() > epoch:
                return False
            began = time.perf_counter()
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.set(owner, epoch, ex=OWNER_FORGOTTEN_S)
            for customer_id in gone:
                pipe.delete(self._keys.profile(customer_id))
            for customer_id, profile in profiles.items():
                key = self._keys.profile(customer_id)
                pipe.delete(key)
                pipe.hset(key, mapping={**profile})
                pipe.pexpire(key, self._ttl_ms)
            self.busy_s += time.perf_counter() - began
            await pipe.execute()
        return True

    async def _write_for_ever(self) -> None:
        pause_s = _LOOKS_EVERY_S
        while True:
            began, before = time.perf_counter(), time.thread_time()
            try:
                count = await self.step()
            except Exception as error:  # noqa: BLE001 - whatever it is, the engine goes on, and this is tried again
                self.failures += 1
                _log.info("profiles not written, trying again: %s", type(error).__name__)
                await self._disconnect()
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                # What the loop's thread has worked meanwhile bounds what we have: under load we rest the longer.
                worked_s = min(time.thread_time() - before, time.perf_counter() - began)
                pause_s = max(worked_s * (1 / SHARE - 1), 0.01) if count else _LOOKS_EVERY_S
            await asyncio.sleep(pause_s)

    def _connected(self) -> Redis:
        if self._redis is None:
            options: dict[str, Any] = {
                "socket_timeout": _TIMEOUT_S,
                "socket_connect_timeout": _TIMEOUT_S,
                "retry": Retry(NoBackoff(), 0),  # the pauses are ours
            }
            if self._redis_settings.ca_file is not None:
                options["ssl_ca_certs"] = str(self._redis_settings.ca_file)
            self._redis = Redis.from_url(self._redis_settings.url.get_secret_value(), **options)
        return self._redis

    async def _disconnect(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            with suppress(Exception):
                async with asyncio.timeout(_TIMEOUT_S):
                    await redis.aclose()
