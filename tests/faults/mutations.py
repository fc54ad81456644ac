"""Engines that lack one protection each: what a test must notice, or it shows nothing.

Each is applied to the classes of the engine, by a monkeypatch that undoes it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from metrics.exporter import KpiExporter
from streams import manifest
from streams.checkpoint import Draft
from streams.dedupe import Deduplicator, Verdict
from streams.engine import Engine
from streams.manifest import Epoch
from streams.owned import OwnedPartition
from streams.rounds import Rounds

Mutation = Callable[[pytest.MonkeyPatch], None]


def manifest_before_its_entries(patch: pytest.MonkeyPatch) -> None:
    """The manifest no longer comes last: for a moment it names what isn't there."""
    pack = Draft.pack

    def packed(self: Draft) -> Draft:
        pack(self)
        messages = [self.manifest, *self.entries]
        self.entries, self.manifest = messages[:-1], messages[-1]
        return self

    patch.setattr(Draft, "pack", packed)


def entries_in_place(patch: pytest.MonkeyPatch) -> None:
    """Entries have one key for all versions: those that no manifest names yet are taken for those that it names."""
    key_of = manifest.entry_key

    def key(partition: int, part: str, piece: manifest.Piece, index: int) -> bytes:
        return key_of(partition, part, manifest.Piece(0, piece.pieces, piece.size, (0, 0)), index)

    for name, module in list(sys.modules.items()):
        if name.startswith("streams.") and getattr(module, "entry_key", None) is key_of:
            patch.setattr(module, "entry_key", key)


def no_epochs(patch: pytest.MonkeyPatch) -> None:
    """All owners write under one epoch: the last one to write wins."""
    patch.setattr(Epoch, "__str__", lambda _: "00000000.0000000000")


def deletions_come_first(patch: pytest.MonkeyPatch) -> None:
    """What a checkpoint supersedes is deleted before its manifest is safe."""
    save = OwnedPartition._save

    async def saved(self: OwnedPartition, draft: Draft) -> None:
        if not draft.entries:
            draft.pack()
        partition, last = self.state.partition, self.checkpointer.last
        for key in (last.keys(partition) if last else set()) - draft.plan.keys(partition):
            await self.log.save(partition, key, None)
        await save(self, draft)

    patch.setattr(OwnedPartition, "_save", saved)


def no_deduplication(patch: pytest.MonkeyPatch) -> None:
    """Every event is new."""
    patch.setattr(Deduplicator, "judge", lambda *_: Verdict.NEW)
    patch.setattr(Deduplicator, "judge_keys", lambda *_: {})


def deduplication_forgets(patch: pytest.MonkeyPatch) -> None:
    """The ids that a checkpoint holds aren't taken in by the next owner."""
    patch.setattr(Deduplicator, "remember", lambda *_: None)


def nothing_is_skipped(patch: pytest.MonkeyPatch) -> None:
    """Records that the state holds already are taken in again."""
    take = OwnedPartition.take

    def taken(self: OwnedPartition, chunk: Any, clock_ms: int) -> None:
        self.positions[chunk.topic] = min(self.positions.get(chunk.topic, chunk.begin), chunk.begin)
        take(self, chunk, clock_ms)

    patch.setattr(OwnedPartition, "take", taken)


def gaps_are_passed_over(patch: pytest.MonkeyPatch) -> None:
    """Records that are missing before a chunk aren't missed: reading goes on behind them."""
    take = OwnedPartition.take

    def taken(self: OwnedPartition, chunk: Any, clock_ms: int) -> None:
        self.positions[chunk.topic] = max(self.positions.get(chunk.topic, chunk.begin), chunk.begin)
        take(self, chunk, clock_ms)

    patch.setattr(OwnedPartition, "take", taken)


def a_lease_without_end(patch: pytest.MonkeyPatch) -> None:
    """What was exported once is exported for ever."""
    patch.setattr(KpiExporter, "parts", lambda self: self._held[0])


def every_tick_is_answered(patch: pytest.MonkeyPatch) -> None:
    """Also those of a KPI agent that another has replaced."""
    patch.setattr(Engine, "is_ours", lambda *_: True)


def nothing_is_unknown(patch: pytest.MonkeyPatch) -> None:
    """The last snapshot stands for ever."""
    patch.setattr(Rounds, "unknown", lambda *_: {})


def nobody_is_behind(patch: pytest.MonkeyPatch) -> None:
    """A partition that reads what came before reports its past as the present."""
    patch.setattr(OwnedPartition, "is_behind", lambda _: False)
