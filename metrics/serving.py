"""Redis as the place where others read: it serves and doesn't decide.

The latest snapshot is a hash, changes are messages, history is a capped stream. The engine offers snapshots and goes on
at once; a task of our own writes them. While Redis is away only the latest is kept, since an old one serves nobody, and
what stands in Redis tells its age by `now`. Without this indirection a Redis that hangs would stop the KPIs.

Who writes names its epoch. A writer that was replaced while it slept finds a later one and writes nothing: it would put
old figures in the place of its successor's.

The latest churn rate, in three lines:

    redis = Redis.from_url("redis://127.0.0.1:6379/0", decode_responses=True)
    snapshot = redis.hgetall("tapesh:snapshot")
    print(snapshot["now"], snapshot.get("30d:churn_rate", "unknown"))
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from metrics.compiled import KpiValues
from metrics.evaluate import Snapshot
from metrics.names import RedisKeys
from metrics.withheld import withheld

OWNER_FORGOTTEN_S = 60
"""Without a write for so long, anybody may: epochs begin anew where Kafka's data was thrown away and Redis's wasn't."""

Flat: TypeAlias = dict[str, int | float]
"""`window:kpi`, or `window:kpi:label value` of a KPI that is split -> its value. What is undefined is absent."""


@dataclass(frozen=True, slots=True)
class ServingState:
    """How it stands between us and Redis.

    Attributes:
        behind: Redis doesn't hold the latest snapshot that was offered.
        written: snapshots written.
        skipped: snapshots that a later one replaced before they were written.
        failures: attempts that failed.
        error: what the last attempt said, None if it succeeded.
    """

    behind: bool = False
    written: int = 0
    skipped: int = 0
    failures: int = 0
    error: str | None = None


class ReplacedError(Exception):
    """Another owner of the KPIs has begun to write since."""


class Writer(Protocol):
    """Something else that is kept in Redis, and goes with the snapshots."""

    async def write(self, redis: Redis) -> None:
        """Write what is new, if anything; called again if it raises."""


class Serving:
    """Writes snapshots to Redis, in its own task and at its own pace.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        ca_file: certificates to trust with `rediss://`; None: the system's.
        prefix: of every key and channel.
        history_length: entries of the history, roughly.
        history_every_s: seconds of the snapshots' clock between two entries of the history.
        beside: also written, at each attempt.
        timeout_s: how long one attempt to write may take.
        longest_pause_s: between two attempts; the first pause is a twentieth of a second, each next one twice as long.
    """

    def __init__(
        self,
        url: str,
        *,
        ca_file: Path | None = None,
        prefix: str = RedisKeys().prefix,
        history_length: int = 1_440,
        history_every_s: float = 60.0,
        beside: Sequence[Writer] = (),
        timeout_s: float = 2.0,
        longest_pause_s: float = 5.0,
    ) -> None:
        self.keys = RedisKeys(prefix)
        self._url = url
        self._ca_file = ca_file
        self._history_length = history_length
        self._history_every_ms = history_every_s * 1_000
        self._beside = beside
        self._timeout_s = timeout_s
        self._longest_pause_s = longest_pause_s
        self._redis: Redis | None = None
        self._task: asyncio.Task[None] | None = None
        self._offered = asyncio.Event()
        self._pending: tuple[Snapshot, Mapping[str, str], str] | None = None
        self._served: Flat = {}
        self._history_ms: int | None = None
        self._state = ServingState()

    @property
    def behind(self) -> bool:
        """Whether Redis lacks the latest snapshot."""
        return self._state.behind

    @property
    def state(self) -> ServingState:
        """How it stands, for metrics and health."""
        return self._state

    async def start(self) -> None:
        """Begin to write what is offered. Doesn't wait for Redis, which may come later."""
        if self._task is None:
            self._task = asyncio.create_task(self._write_forever(), name="tapesh-serving")

    async def stop(self) -> None:
        """Give the latest snapshot a last chance, then let go."""
        if (task := self._task) is None:
            return
        self._task = None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self._disconnect()  # what was cancelled may have left half an answer on the connection
        if self._pending is not None:
            await self._attempt()
        await self._disconnect()

    def offer(self, document: Snapshot, unknown: Mapping[str, str] | None = None, epoch: str = "") -> None:
        """Have a snapshot written, in place of one that still waits. Returns at once and never raises.

        Args:
            document: what `evaluate` answered; not changed afterwards.
            unknown: KPI id -> reason; such a KPI is served as null in the JSON and is absent elsewhere.
            epoch: of the KPIs' owner: texts that sort in the order in which owners follow each other.
        """
        skipped = self._state.skipped + (self._pending is not None)
        self._pending = (document, unknown or {}, epoch)
        self._state = replace(self._state, behind=True, skipped=skipped)
        self._offered.set()

    async def publish(self, document: Snapshot, unknown: Mapping[str, str] | None = None, epoch: str = "") -> None:
        """Write one snapshot now: the hash, the history when it is due, and the message of changes, all or nothing.

        One whose answer was lost is written again: a history entry and a message may come twice.

        Raises:
            ReplacedError: a later owner writes here.
            RedisError, OSError, TimeoutError: Redis didn't take it within the time.
        """
        unknown = unknown or {}
        known = withheld(document, unknown)
        flat = flattened(known["windows"])
        now_ms = _ms(known["now"])
        whole = msgspec.json.encode(known)  # with many slices megabytes, for which `json` would hold the loop
        fields: dict[Any, Any] = {"now": known["now"], "json": whole, **flat}
        entry: dict[Any, Any] = {"now": known["now"], "json": json.dumps(flat, ensure_ascii=False)}
        changed = changes(self._served, flat)
        due = self._history_ms is None or not 0 <= now_ms - self._history_ms < self._history_every_ms
        async with asyncio.timeout(self._timeout_s), self._connected().pipeline(transaction=True) as pipe:
            # Watched: if the successor writes between this look and ours, the transaction does nothing.
            await pipe.watch(self.keys.owner)
            held = _text(await pipe.get(self.keys.owner))
            if held > epoch:
                raise ReplacedError(
                    f"{self.keys.owner} is {held!r}: a later owner of the KPIs than {epoch!r} writes here"
                )
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.set(self.keys.owner, epoch, ex=OWNER_FORGOTTEN_S)
            pipe.delete(self.keys.snapshot)
            pipe.hset(self.keys.snapshot, mapping=fields)
            if due:
                pipe.xadd(self.keys.history, entry, maxlen=self._history_length, approximate=True)
            if changed:
                news = {"now": known["now"], "changed": changed, "unknown": unknown}
                pipe.publish(self.keys.changes, json.dumps(news, ensure_ascii=False))
            await pipe.execute()
        self._served = flat
        if due:
            self._history_ms = now_ms

    async def past(self) -> list[tuple[int, Flat]]:
        """Return the history that Redis holds, as (milliseconds, values), oldest first.

        Raises:
            RedisError, OSError, TimeoutError: Redis didn't answer within the time.
        """
        async with asyncio.timeout(self._timeout_s):
            entries: Any = await self._connected().xrange(self.keys.history)
        # A day of it is 18 MB, which takes a fifth of a second to read: nobody else's.
        return await asyncio.to_thread(_read, entries)

    async def _write_forever(self) -> None:
        pause_s = shortest = 0.05
        while True:
            await self._offered.wait()
            self._offered.clear()
            if await self._attempt():
                pause_s = shortest
            else:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._longest_pause_s)
                self._offered.set()

    async def _attempt(self) -> bool:
        if (pending := self._pending) is None:
            return True
        try:
            await self.publish(*pending)
            for writer in self._beside:
                async with asyncio.timeout(self._timeout_s):
                    await writer.write(self._connected())
        except ReplacedError as error:
            self._pending = None  # not ours to write any more; if it is, the next snapshot will be taken
            self._state = replace(self._state, failures=self._state.failures + 1, error=str(error))
            return True
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine goes on, and the next snapshot is tried
            self._state = replace(
                self._state, failures=self._state.failures + 1, error=f"{type(error).__name__}: {error}"
            )
            await self._disconnect()
            return False
        if self._pending is pending:
            self._pending = None
        self._state = replace(
            self._state, behind=self._pending is not None, written=self._state.written + 1, error=None
        )
        return True

    def _connected(self) -> Redis:
        if self._redis is None:
            options: dict[str, Any] = {
                "socket_timeout": self._timeout_s,
                "socket_connect_timeout": self._timeout_s,
                "retry": Retry(NoBackoff(), 0),  # the pauses are ours: a client that retries by itself would hold us up
            }
            if self._ca_file is not None:
                options["ssl_ca_certs"] = str(self._ca_file)
            self._redis = Redis.from_url(self._url, **options)
        return self._redis

    async def _disconnect(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            with suppress(Exception):
                async with asyncio.timeout(self._timeout_s):
                    await redis.aclose()


def flattened(windows: Mapping[str, KpiValues]) -> Flat:
    """Everybody's values by name, without those that are undefined."""
    flat: Flat = {}
    for window, values in windows.items():
        for kpi, value in values.items():
            if isinstance(value, dict):
                flat |= {f"{window}:{kpi}:{label}": part for label, part in value.items() if part is not None}
            elif value is not None:
                flat[f"{window}:{kpi}"] = value
    return flat


def changes(before: Flat, after: Flat) -> dict[str, int | float | None]:
    """Everything whose value isn't what it was; None for what is gone."""
    gone: dict[str, int | float | None] = {name: None for name in before if name not in after}
    return gone | {name: value for name, value in after.items() if before.get(name) != value}


def _read(entries: Any) -> list[tuple[int, Flat]]:
    return [(_ms(_text(fields[b"now"])), json.loads(fields[b"json"])) for _, fields in entries]


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _ms(now: str) -> int:
    return round(datetime.fromisoformat(now).timestamp() * 1_000)
