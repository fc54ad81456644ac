"""What the KPI agent remembers of the ledger: the published state of each period, and the lines still to be written.

A chunk is a calendar month: its periods, and the *outbox*, which holds the lines that belong to the change. It is
acknowledged before the first of those lines is sent. Whoever takes over finds either no trace of a change or its
very words, so a revision says the same however often it is written and by whom. Were the lines written first, a
successor that has heard more by then would write other words under the same key.

Months are remembered apart (`streams.remembered`), each under the epoch of who wrote it, so that a change costs one
month and not the whole past.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import zstandard

from streams.ledger import Draft, Known, Ledger
from streams.remembered import Remembered

FORMAT = 1
_KIND = "ledger-"
Line = tuple[str, bytes]
"""Key and value of a line of the ledger."""
Message = tuple[bytes, bytes | None]


class Chunk(msgspec.Struct, array_like=True):
    """What is remembered of one month.

    Attributes:
        format: the layout of this.
        known: its periods, by key.
        outbox: lines that may not have been written yet.
        forgotten_ms: as in `Ledger`.
    """

    format: int
    known: dict[str, Known]
    outbox: list[Line]
    forgotten_ms: int


class Memory:
    """The chunks of one owner of the KPI agent.

    Args:
        stored: the memory table; keys that aren't ours are left alone.
        generation: of the group, in which this owner began.
    """

    def __init__(self, stored: Mapping[bytes, bytes], generation: int) -> None:
        self._stored = stored
        self._generation = generation
        self._remembered: dict[str, Remembered] = {}
        self._chunks: dict[str, Chunk] = {}
        months = {
            kind.removeprefix(_KIND)
            for key in stored
            if (kind := key.decode().partition("/")[0])[: len(_KIND)] == _KIND
        }
        for month in sorted(months):
            self._remembered[month] = remembered = Remembered(f"{_KIND}{month}", stored, generation)
            if remembered.value is not None:
                self._chunks[month] = _unpacked(remembered.value)

    def restore(self, ledger: Ledger) -> None:
        """Tell a ledger what has been published."""
        for chunk in self._chunks.values():
            ledger.known.update(chunk.known)
            ledger.forgotten_ms = max(ledger.forgotten_ms, chunk.forgotten_ms)

    def unwritten(self) -> list[Line]:
        """Return the lines that a former owner may not have written."""
        return [line for month in sorted(self._chunks) for line in self._chunks[month].outbox]

    def take(self, draft: Draft, lines: Mapping[str, Line]) -> list[Message]:
        """Take in a draft, its lines in the outbox.

        Args:
            draft: what is to be published.
            lines: by the key of the entry.

        Returns:
            The messages that keep it, in their order.
        """
        months = {month_of(key) for key in draft.gone}
        for key in draft.gone:
            self._chunks[month_of(key)].known.pop(key, None)
        for entry in draft.entries:
            months.add(entry.period.month)
            chunk = self._chunks.setdefault(entry.period.month, Chunk(FORMAT, {}, [], 0))
            chunk.known[entry.period.key] = draft.known[entry.period.key]
            chunk.outbox.append(lines[entry.key])
        for month in months:
            self._chunks[month].forgotten_ms = draft.forgotten_ms
        return self._messages(months)

    def written(self) -> list[Message]:
        """Empty the outbox; return the messages that say so."""
        months = {month for month, chunk in self._chunks.items() if chunk.outbox}
        for month in months:
            self._chunks[month].outbox = []
        return self._messages(months)

    def _messages(self, months: set[str]) -> list[Message]:
        """Of a month without periods nothing is kept, unless it is the last: it says how far the past is forgotten."""
        messages: list[Message] = []
        last = max(self._chunks, default="")
        for month in sorted(months, reverse=True):  # what is kept before what goes
            if month not in self._remembered:
                self._remembered[month] = Remembered(f"{_KIND}{month}", {}, self._generation)
            remembered, chunk = self._remembered[month], self._chunks[month]
            if chunk.known or month == last:
                messages += remembered.written(_packed(chunk))
            else:
                messages += remembered.forgotten()
                del self._chunks[month]
        return messages


def month_of(key: str) -> str:
    """Return the month of a period's key."""
    kind, _, name = key.partition("/")
    return name if kind == "month" else name.rpartition("-")[0]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Chunk).decode
_compressor = zstandard.ZstdCompressor(3)
_decompressor = zstandard.ZstdDecompressor()


def _packed(chunk: Chunk) -> bytes:
    return _compressor.compress(_encode(chunk))


def _unpacked(data: bytes) -> Chunk:
    chunk = _decode(_decompressor.decompress(data))
    if chunk.format != FORMAT:
        raise ValueError(
            f"the memory of the ledger has format {chunk.format}, this version of tapesh reads {FORMAT}: run the"
            " version that wrote it, or start under a new app_id (TAPESH_APP_ID)"
        )
    return chunk
