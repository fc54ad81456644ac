"""A replay from letters to its account: what was sent, what was left, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from streams.cli.console import OUT, say, write_json
from streams.dead_letters import TOGETHER, DeadLetter, Marks, Planner, Ready, Refused, Replay


@dataclass(slots=True)
class Account:
    """What became of the letters, without their contents."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    before: list[str] = field(default_factory=list)

    def tell(self, *, as_json: bool, dry_run: bool) -> None:
        """Show it: results on standard output, what was refused on standard error."""
        if as_json:
            refused = [{"id": str(each.letter.id), "why": each.why} for each in self.refused]
            name = "would_replay" if dry_run else "replayed"
            write_json({name: self.sent, "refused": refused, "replayed_before": self.before})
            return
        for each in self.refused:
            say(f"dead letter {each.letter.id}: {each.why}")
        if self.before:
            say(f"replayed before, left alone: {', '.join(self.before)}; --again sends them once more")
        for sent in self.sent:
            verb = "would go to" if dry_run else "had gone to" if sent["found"] else "sent to"
            OUT.print(f"{sent['id']} {verb} {sent['topic']}[{sent['partition']}]", markup=False, highlight=False)
        say(f"{len(self.sent):,} {'to replay' if dry_run else 'replayed'}, {len(self.refused):,} refused")


def replay_all(
    chosen: Iterator[DeadLetter],
    planner: Planner,
    marks: Marks,
    sender: Replay | None,
    account: Account,
    *,
    again: bool,
) -> None:
    """Replay letters, as many together as fit into a transaction.

    Args:
        chosen: the letters.
        planner: mends and judges them.
        marks: of earlier replays.
        sender: None to send nothing.
        account: takes what became of each, as it happens.
        again: also what was replayed before.

    Raises:
        ReplayError: Kafka hasn't taken them; the account holds what was sent before.
    """
    batch: list[Ready] = []
    origins = set()
    for letter in chosen:
        if letter.origin in origins or (not again and marks.is_replayed(letter)):
            account.before.append(str(letter.id))  # a crash of a worker may write one letter twice
            continue
        planned = planner.plan(letter, int(time.time() * 1000))
        if isinstance(planned, Refused):
            account.refused.append(planned)
            continue
        origins.add(letter.origin)
        batch.append(planned)
        if len(batch) == TOGETHER:
            _send(batch, sender, account)
            batch = []
    if batch:
        _send(batch, sender, account)


def _send(batch: list[Ready], sender: Replay | None, account: Account) -> None:
    if sender is None:
        account.sent += [_place(each.letter.id, each.topic, each.partition) for each in batch]
    else:
        account.sent += [_place(*sent) for sent in sender.send(batch)]


def _place(letter: Any, topic: str, partition: int, found: bool = False) -> dict[str, Any]:
    return {"id": str(letter), "topic": topic, "partition": partition, "found": found}
