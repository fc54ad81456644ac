"""Decides what becomes of a dead letter that is to be replayed, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from events.codec import decode
from events.identity import partition_key, partition_of
from streams.dead_letters.judging import Judge, Verdict
from streams.dead_letters.letter import DeadLetter
from streams.dead_letters.mending import MendError, mended


@dataclass(frozen=True, slots=True)
class Ready:
    """A letter that the contract takes, as it would be sent: its own event id, its customer's partition."""

    letter: DeadLetter
    value: bytes
    topic: str
    partition: int
    key: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A letter that would be rejected again, or can't be sent. `why` holds no customer's data."""

    letter: DeadLetter
    why: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Planner:
    """What a replay does to each letter.

    Attributes:
        judge: the current contract.
        sources: topics that the engine reads: nothing is sent anywhere else, whatever a header says.
        partitions_of: how many partitions a topic has, 0 if it isn't there.
        assignments: fields to set.
        instead: the whole message, in place of the letter's own.
    """

    judge: Judge
    sources: frozenset[str]
    partitions_of: Callable[[str], int]
    assignments: Sequence[str] = ()
    instead: bytes | None = None

    def plan(self, letter: DeadLetter, now_ms: int) -> Ready | Refused:
        """Mend and judge one letter."""
        if letter.origin is None:
            return Refused(letter, "its headers don't say where it came from; publish its event with `tapesh produce`")
        topic = letter.origin.topic
        if topic not in self.sources or (count := self.partitions_of(topic)) == 0:
            return Refused(letter, f"it came from {topic!r}, which isn't a topic that the engine reads")
        if letter.cut_from is not None and self.instead is None:
            kept = len(letter.value or b"")
            return Refused(
                letter, f"only {kept} of its {letter.cut_from} bytes were kept; give the whole message: --edit FILE"
            )
        try:
            value = mended(letter.value or b"" if self.instead is None else self.instead, self.assignments)
        except MendError as error:
            return Refused(letter, str(error))
        verdict = self.judge.verdict(value, now_ms)
        if not verdict.accepted:
            return Refused(letter, f"it would be rejected again: {verdict}; {verdict.remedy}", verdict)
        key = partition_key(decode(value))
        return Ready(letter, value, topic, partition_of(key, count), key)
