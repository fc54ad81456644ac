"""The manifest: what a checkpoint consists of, and under which settings it means what it says.

A checkpoint is many entries, written one after another; any of them may be missing after a crash. Only the
manifest, written last, makes a checkpoint one: entries that no manifest names never happened. Its key carries
the epoch of its writer, so that a worker that lost its partition without noticing overwrites nothing of its
successor: the highest epoch wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from streams.forgetting import Leaving
from streams.meaning import UNSAID
from streams.migrations import FORMAT, UPGRADE, migrate_manifest
from streams.watermarks import PackedMark

REPLAY = (
    "run `tapesh rebuild`: it counts anew all that the topics retain, while the figures of before go on being served"
)
"""The way out of state that can't be used."""
REPARTITION = (
    "begin under another kafka.topic_prefix (TAPESH_KAFKA__TOPIC_PREFIX), let producers write there, and publish the "
    "old events into it"
)
"""The way out of another number of partitions, for which nothing can be rebuilt in place."""


class Epoch(NamedTuple):
    """Who wrote: a term, raised whenever the group's generation falls back, and that generation."""

    term: int = 0
    generation: int = 0

    def after(self, generation: int) -> Epoch:
        """Return the epoch of an owner that took over from this one in a group generation."""
        return Epoch(self.term if generation > self.generation else self.term + 1, generation)

    def __str__(self) -> str:
        return f"{self.term:08d}.{self.generation:010d}"


class Piece(msgspec.Struct, array_like=True):
    """An entry as the manifest names it: its version, in how many messages it lies (once it is packed), its format."""

    version: int
    pieces: int
    size: int
    epoch: tuple[int, int]
    format: int = 1


class Ids(msgspec.Struct, array_like=True, frozen=True):
    """A segment of deduplication ids: which entry, how often merged, its newest record time."""

    entry: Piece
    level: int
    newest_ms: int


class Block(msgspec.Struct, array_like=True):
    """A block of persons: its entry, the version up to which that is complete, the last that changed a row."""

    entry: Piece | None = None
    covered: int = 0
    touched: int = 0

    @property
    def is_stale(self) -> bool:
        """Tell whether rows have changed since the entry was written."""
        return self.touched > self.covered


class Manifest(msgspec.Struct, kw_only=True):
    """What a checkpoint consists of.

    Attributes:
        format: the layout of entries.
        meaning: the settings that give them their meaning, as text.
        epoch, version: who wrote it, and which of its writer's checkpoints it is.
        offsets: the next offset of every source topic that isn't in this state.
        now_ms, latest_event_ms, latest_by_type: clocks.
        persons: how many rows there are.
        blocks: the blocks of persons, by number.
        flows, flows_covered: the entry of the panes' flows and its version.
        deltas: the entries of changes since, ascending by version.
        registry: cells, cell sets and labels.
        waiting: events that no tick has reached.
        ids: deduplication.
        partitions: of the event topics when it was written; 0 if the program of then didn't say.
        watermarks: how far each source has delivered.
        program: the version of tapesh that wrote it, for who wonders.
        leaving, profiles_to_delete, orders_heard: of `streams.forgetting`; the first two are empty but for moments.
    """

    format: int
    meaning: dict[str, str]
    epoch: tuple[int, int]
    version: int
    offsets: dict[str, int]
    now_ms: int
    latest_event_ms: int
    latest_by_type: dict[str, int]
    persons: int
    blocks: list[Block]
    flows: Piece | None
    flows_covered: int
    deltas: list[Piece]
    registry: Piece | None
    waiting: Piece | None
    ids: list[Ids]
    partitions: int = 0
    program: str = ""
    watermarks: list[PackedMark] = []
    leaving: list[Leaving] = []
    profiles_to_delete: list[str] = []
    orders_heard: list[str] = []

    def entries(self) -> Iterable[tuple[str, Piece]]:
        """Yield the part and the entry of everything that this checkpoint needs."""
        for number, block in enumerate(self.blocks):
            if block.entry is not None:
                yield f"block-{number}", block.entry
        for piece in self.deltas:
            yield "delta", piece
        for part, whole in (("flows", self.flows), ("registry", self.registry), ("waiting", self.waiting)):
            if whole is not None:
                yield part, whole
        for segment in self.ids:
            yield f"ids-{segment.level}", segment.entry

    def keys(self, partition: int) -> set[bytes]:
        """Return the keys of all messages that this checkpoint needs."""
        return {
            entry_key(partition, part, piece, index) for part, piece in self.entries() for index in range(piece.pieces)
        }


class StateRefusedError(Exception):
    """State that this program, or these settings, would misread. Nothing has been loaded or changed."""


class EntryMissingError(StateRefusedError):
    """An entry that the manifest names isn't among what was read of the changelog."""


def manifest_key(partition: int, epoch: Epoch) -> bytes:
    """Return the changelog key of an epoch's manifest."""
    return f"{partition}/{epoch}/manifest".encode()


def entry_key(partition: int, part: str, piece: Piece, index: int) -> bytes:
    """Return the changelog key of one message of an entry."""
    return f"{partition}/{Epoch(*piece.epoch)}/{piece.version:010d}/{part}/{index}".encode()


def is_manifest(key: bytes) -> bool:
    """Tell whether a changelog key is a manifest's."""
    return key.endswith(b"/manifest")


def keys_of(stored: Iterable[bytes], partition: int) -> list[bytes]:
    """Return the keys of one partition."""
    prefix = f"{partition}/".encode()
    return [key for key in stored if key.startswith(prefix)]


def last_epoch(keys: Iterable[bytes]) -> Epoch:
    """Return the highest epoch under which anything of a partition was written, whether a manifest names it or not.

    A static member comes back in the generation in which it went: what its former life had written of a checkpoint,
    without the manifest, lies under the keys that an epoch taken from manifests alone would write to again.
    """
    written = max((key.split(b"/", 2)[1] for key in keys), default=b"0.0")
    term, _, generation = written.partition(b".")
    return Epoch(int(term), int(generation))


def newest(stored: Mapping[bytes, bytes], partition: int) -> Manifest | None:
    """Return the manifest of the highest epoch in a partition's changelog, None if there is none.

    One of an older format is migrated.

    Raises:
        StateRefusedError: it was written by a newer program.
    """
    keys = [key for key in keys_of(stored, partition) if is_manifest(key)]
    if not keys:
        return None
    fields = msgspec.msgpack.decode(stored[max(keys)])
    written = fields.get("format")
    if not isinstance(written, int) or not 1 <= written <= FORMAT:
        raise StateRefusedError(
            f"partition {partition}: its state has format {written}, this program reads up to {FORMAT}: {UPGRADE}"
        )
    return msgspec.convert(migrate_manifest(fields), Manifest)


def check_partitions(partition: int, stored: int, configured: int) -> None:
    """Refuse state that was kept for another number of partitions.

    Raises:
        StateRefusedError: which person lives where would be another question.
    """
    if stored not in (0, configured):
        raise StateRefusedError(
            f"partition {partition}: its state was kept for kafka.partitions = {stored}, which is now {configured}: "
            f"a person's partition depends on it. Set it back to {stored}, or {REPARTITION}"
        )


def check_meaning(partition: int, stored: Mapping[str, str], configured: Mapping[str, str]) -> None:
    """Refuse state that was kept under other settings.

    Raises:
        StateRefusedError: it names each setting, what the state was kept under, and what is configured.
    """
    stored, configured = {**UNSAID, **stored}, {**UNSAID, **configured}
    changed = [
        f"{name} was {stored.get(name)!r} and is now {configured.get(name)!r}"
        for name in sorted({*stored, *configured})
        if stored.get(name) != configured.get(name)
    ]
    if changed:
        raise StateRefusedError(
            f"partition {partition}: its state was kept under other settings: {'; '.join(changed)}. "
            f"Set them back, or {REPLAY}"
        )
