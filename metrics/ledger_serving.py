"""The ledger's copy in Redis: what is known of each past period, and a stream of what was published and restated.

Kafka has every line; Redis has what shop code and boards read. A line goes into the stream once: what the hash holds of
a period says which revisions are there already. Lines that couldn't be written while Redis was away are kept, up to
the stream's length, and follow once it is back.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from metrics.names import RedisKeys

STREAM_LENGTH = 10_000
Body = Mapping[str, Any]


class LedgerServing:
    """What is still to be written; `metrics.serving` calls `write` until it succeeds.

    Args:
        keys: where in Redis.
        length: entries of the stream, roughly.
    """

    def __init__(self, keys: RedisKeys, length: int = STREAM_LENGTH) -> None:
        self._keys = keys
        self._length = length
        self._current: Mapping[str, Body] | None = None
        self._lines: deque[tuple[str, Body]] = deque(maxlen=length)

    def offer(self, current: Mapping[str, Body], lines: Sequence[tuple[str, Body]]) -> None:
        """Have the ledger's state written, and these new lines. Returns at once.

        Args:
            current: by the key of the period, all that is within reach; each has its `engine` and `revision`.
            lines: key of the period and body, in the order in which they were published.
        """
        self._current = current
        self._lines.extend(lines)

    async def write(self, redis: Redis) -> None:
        """Write what is new, all or nothing.

        Raises:
            RedisError, OSError: Redis didn't take it; the same is written at the next call.
        """
        if (current := self._current) is None:
            return
        stored: dict[Any, Any] = await redis.hgetall(self._keys.ledger_now)
        held: dict[str, Body] = {_text(key): json.loads(value) for key, value in stored.items()}
        lines = list(self._lines)
        fresh = [(key, body) for key, body in lines if _follows(body, held.get(key))]
        others = {key: body for key, body in current.items() if _place(body) != _place(held.get(key))}
        changed: dict[Any, Any] = {key: _json(body) for key, body in others.items()}
        gone = [key for key in held if key not in current]
        async with redis.pipeline(transaction=True) as pipe:
            for key, body in fresh:
                pipe.xadd(self._keys.ledger, _entry(key, body), maxlen=self._length, approximate=True)
            if changed:
                pipe.hset(self._keys.ledger_now, mapping=changed)
            if gone:
                pipe.hdel(self._keys.ledger_now, *gone)
            await pipe.execute()
        for line in lines:
            if self._lines and self._lines[0] is line:
                self._lines.popleft()
        if self._current is current:
            self._current = None


def _place(body: Body | None) -> tuple[str, int]:
    return ("", -1) if body is None else (body["engine"], body["revision"])


def _follows(body: Body, held: Body | None) -> bool:
    """Tell whether a line is newer than what is held; another engine's lines are another ledger."""
    (engine, revision), (held_engine, held_revision) = _place(body), _place(held)
    return engine != held_engine or revision > held_revision


def _entry(key: str, body: Body) -> dict[Any, Any]:
    return {"period": key, "revision": body["revision"], "known_at": body["known_at"], "json": _json(body)}


def _json(body: Body) -> str:
    return json.dumps(body, ensure_ascii=False)


def _text(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else str(key)
