"""The entries of a checkpoint as bytes: what each part holds, how it is written in messages, and found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import zstandard

from streams.manifest import REPLAY, EntryMissingError, Epoch, Piece, entry_key
from streams.migrations import FORMAT, is_changed, migrate_entry
from streams.packing import PackedRows

LARGEST_MESSAGE = 700_000
"""Bytes of one changelog message; brokers refuse more than a megabyte by default."""
_LEVEL = 1
_Packed = TypeVar("_Packed")
_encode = msgspec.msgpack.Encoder().encode


class PackedDelta(msgspec.Struct, array_like=True):
    """What changed between two checkpoints: rows of persons, and flows by (minute, cell set, column)."""

    rows: PackedRows
    flow_keys: bytes
    flow_amounts: bytes


class PackedRegistry(msgspec.Struct, array_like=True):
    """The numbers that the other entries speak in: cells, cell sets, labelled columns."""

    cells: list[tuple[str, str]]
    sets: list[tuple[int, ...]]
    labels: list[tuple[str, str]]


class PackedIds(msgspec.Struct, array_like=True):
    """A segment of deduplication ids."""

    high: bytes
    low: bytes
    record_ms: bytes
    content: bytes


@dataclass(slots=True)
class Writer:
    """Collects the parts of a checkpoint, as functions that give their content: another thread calls them."""

    epoch: Epoch
    version: int
    parts: list[tuple[str, Piece, Callable[[], object]]] = field(default_factory=list)

    def write(self, part: str, content: Callable[[], object], *, size: int = 0) -> Piece:
        """Add a part and return its name for the manifest."""
        piece = Piece(self.version, 0, size, (self.epoch.term, self.epoch.generation), FORMAT)
        self.parts.append((part, piece, content))
        return piece

    def pack(self, partition: int) -> list[tuple[bytes, bytes]]:
        """Return the messages of all parts, encoded and compressed."""
        compressor = zstandard.ZstdCompressor(_LEVEL)
        entries: list[tuple[bytes, bytes]] = []
        for part, piece, content in self.parts:
            data = compressor.compress(_encode(content()))
            piece.pieces = max(1, -(-len(data) // LARGEST_MESSAGE))
            for index in range(piece.pieces):
                value = data[index * LARGEST_MESSAGE : (index + 1) * LARGEST_MESSAGE]
                entries.append((entry_key(partition, part, piece, index), value))
        return entries


class Reader:
    """Finds the parts of a checkpoint among the messages of a changelog."""

    def __init__(self, partition: int, stored: Mapping[bytes, bytes]) -> None:
        self._partition = partition
        self._stored = stored
        self._decompressor = zstandard.ZstdDecompressor()

    def read(self, part: str, piece: Piece, kind: type[_Packed]) -> _Packed:
        """Return a part.

        Raises:
            EntryMissingError: one of its messages is missing.
        """
        keys = [entry_key(self._partition, part, piece, index) for index in range(piece.pieces)]
        missing = [key for key in keys if key not in self._stored]
        if missing:
            raise EntryMissingError(
                f"partition {self._partition}: its checkpoint needs {missing[0].decode()!r}, which the changelog "
                f"doesn't hold; {REPLAY}"
            )
        data = self._decompressor.decompress(b"".join(self._stored[key] for key in keys))
        if is_changed(part, piece.format):
            return msgspec.convert(migrate_entry(part, piece.format, msgspec.msgpack.decode(data)), kind)
        return msgspec.msgpack.decode(data, type=kind)
