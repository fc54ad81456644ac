"""A log that remembers what it was asked in which order, and fails or waits when told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.manifest import is_manifest
from streams.owned import Headers
from streams.transport import Chunk

TOPIC = "customer-events"
RECORDED_MS = 1_767_225_600_000
"""The first instant of 2026."""


@dataclass
class FakeLog:
    """Acknowledges at once, but for what waits in `held`.

    Attributes:
        done: what was acknowledged, as words, in order.
        stored: the changelog.
        failures: kind -> how many times it fails before it works.
        held: kind -> an event to wait for before it is acknowledged.
    """

    done: list[str] = field(default_factory=list)
    stored: dict[bytes, bytes] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    committed: list[dict[str, int]] = field(default_factory=list)
    letters: list[tuple[bytes | None, bytes | None, Headers]] = field(default_factory=list)
    forwarded: list[tuple[str, int, bytes, bytes, int]] = field(default_factory=list)

    async def save(self, partition: int, key: bytes, value: bytes | None) -> object:
        del partition
        kind = "tombstone" if value is None else "manifest" if is_manifest(key) else "entry"
        await self._acknowledge(kind)
        if value is None:
            self.stored.pop(key, None)
        else:
            self.stored[key] = value
        return None

    def reject(self, key: bytes | None, value: bytes | None, headers: Headers) -> asyncio.Future[object]:
        self.letters.append((key, value, headers))
        return asyncio.ensure_future(self._acknowledge("letter"))

    def forward(self, topic: str, partition: int, key: bytes, value: bytes, at_ms: int) -> asyncio.Future[object]:
        self.forwarded.append((topic, partition, key, value, at_ms))
        return asyncio.ensure_future(self._acknowledge("forward"))

    async def commit(self, partition: int, positions: Mapping[str, int]) -> None:
        del partition
        await self._acknowledge("commit")
        self.committed.append(dict(positions))

    async def _acknowledge(self, kind: str) -> None:
        if kind in self.held:
            await self.held[kind].wait()
        if self.failures.get(kind, 0) > 0:
            self.failures[kind] -= 1
            raise OSError(f"{kind} not acknowledged")
        self.done.append(kind)


@dataclass
class Plain:
    """A fetched record."""

    offset: int
    value: bytes | None
    key: bytes | None = b"c-1"
    timestamp: int = RECORDED_MS
    headers: tuple[tuple[str, bytes | None], ...] = ()


def purchase(number: int, customer: str = "c-1", **fields: Any) -> bytes:
    """The number-th order of 2026-01-01, a second after the one before."""
    return json.dumps(
        {
            "type": "purchase",
            "event_id": f"p-{number}",
            "customer_id": customer,
            "occurred_at": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
            "order_id": f"o-{number}",
            "total": {"amount": "1.00", "currency": "EUR"},
            **fields,
        }
    ).encode()


def chunk(
    values: list[bytes | None],
    begin: int,
    end: int | None = None,
    partition: int = 0,
    topic: str = TOPIC,
    at_ms: int = RECORDED_MS,
) -> Chunk:
    """Consecutive records from `begin` on; positions up to `end` are taken up by markers."""
    records = [Plain(begin + nth, value, timestamp=at_ms) for nth, value in enumerate(values)]
    return Chunk.of(topic, partition, records, begin=begin, end=end or begin + len(values))
