"""Which engine of a shop is in service, and how one hands over to the next without a gap or a second voice.

A change of what state means can't be made in place, so another engine counts anew beside the one in service: the same
topics, a group and a changelog of its own, `tapesh.2` after `tapesh`. Without an order between them both would export
the same gauges. The order is their number; which number serves is one record in a compacted topic, the only thing that
a switch writes, so that it happens or doesn't. Engines that run learn of it from each other's ticks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from streams.meaning import UNSAID
from streams.messages import Tick

_SILENCE_S = 2.0
"""A predecessor unheard of for so long is no more; one that hears of its successor says that it has withdrawn."""


class Engine(msgspec.Struct, frozen=True):
    """One engine of a shop.

    Attributes:
        group: its consumer group, and the name of its state.
        number: its place in the succession; the first is 1.
        meaning: the settings that its state is kept under; empty: nobody wrote them down.
        since_ms: when it was begun, or came into service.
    """

    group: str
    number: int
    meaning: dict[str, str] = {}
    since_ms: int = 0


class Record(msgspec.Struct, frozen=True):
    """What is known of a shop's engines.

    Attributes:
        serving: whose figures are shown, and whose group workers join.
        rebuilding: which one is counting anew, None if none is.
        retired: those that served before, and whose topics are still there.
    """

    serving: Engine
    rebuilding: Engine | None = None
    retired: tuple[Engine, ...] = ()

    def next_number(self) -> int:
        """Return a number that no engine known here has."""
        return 1 + max(each.number for each in (self.serving, *self.retired, self.rebuilding or self.serving))

    def begun(self, engine: Engine) -> Record:
        """Return the record with an engine that counts anew."""
        return msgspec.structs.replace(self, rebuilding=engine)

    def aborted(self) -> Record:
        """Return the record without the engine that counts anew."""
        return msgspec.structs.replace(self, rebuilding=None)

    def switched(self, now_ms: int) -> Record:
        """Return the record with the engine that has counted anew in service.

        Raises:
            ValueError: there is none.
        """
        if self.rebuilding is None:
            raise ValueError(f"{self.serving.group}: no engine is counting anew that could come into service")
        return Record(msgspec.structs.replace(self.rebuilding, since_ms=now_ms), None, (*self.retired, self.serving))


def first(app_id: str) -> Record:
    """Return the record of a shop that has none: its only engine is called as configured."""
    return Record(Engine(app_id, 1))


def group_of(app_id: str, number: int) -> str:
    """Return the group of a shop's engine."""
    return app_id if number == 1 else f"{app_id}.{number}"


def changed(kept: Mapping[str, str], configured: Mapping[str, str]) -> list[str]:
    """Say of each setting that differs what it was and what it is now; nothing if nobody wrote down what it was."""
    was, now = {**UNSAID, **kept}, {**UNSAID, **configured}
    return [
        f"{name} was {was.get(name)!r} and is now {now.get(name)!r}"
        for name in sorted({*was, *now})
        if kept and was.get(name) != now.get(name)
    ]


@dataclass(slots=True)
class Standing:
    """Where a running engine stands in the succession of its shop's engines.

    Attributes:
        app_id: the shop's, as configured; all its engines share it.
        number: this engine's.
        serves: whether its figures are to be shown.
        successor_url: where a later engine that serves is; empty while there is none.
        heard: where each engine's KPI agent is, by number.
    """

    app_id: str
    number: int = 1
    serves: bool = True
    successor_url: str = ""
    heard: dict[int, str] = field(default_factory=dict)
    _predecessor_spoke_s: float = -math.inf

    @property
    def is_succeeded(self) -> bool:
        """Tell whether a later engine serves."""
        return bool(self.successor_url)

    @property
    def speaks(self) -> bool:
        """Tell whether this engine's figures are the ones to be shown."""
        return self.serves and not self.is_succeeded

    @property
    def successor(self) -> tuple[str, int, str] | None:
        """Return what this worker's answers say of a later engine that serves."""
        return (self.app_id, self.number + 1, self.successor_url) if self.is_succeeded else None

    def hear_of(self, successor: tuple[str, int, str] | None) -> bool:
        """Learn from another worker what its ticks have said; return whether it is news."""
        if successor is None or self.is_succeeded or successor[0] != self.app_id or successor[1] <= self.number:
            return False
        self.successor_url = successor[2]
        return True

    def sign(self, tick: Tick) -> Tick:
        """Have a tick say who sends it."""
        return msgspec.structs.replace(tick, engine=self.app_id, succession=self.number, serves=self.speaks)

    def hear(self, tick: Tick, now_s: float) -> bool:
        """Take note of any tick on the topic; return whether this engine has just learnt that it is succeeded.

        Args:
            tick: whoever sent it.
            now_s: a steady clock, in seconds.
        """
        if tick.engine != self.app_id:
            return False
        self.heard[tick.succession] = tick.url
        if tick.succession < self.number:
            self._predecessor_spoke_s = now_s if tick.serves else -math.inf
        elif tick.succession > self.number and tick.serves:
            was_succeeded, self.successor_url = self.is_succeeded, tick.url
            return not was_succeeded
        return False

    def may_speak(self, now_s: float) -> bool:
        """Tell whether figures may be shown: this engine serves, none comes after it, and the one before is silent."""
        return self.speaks and now_s - self._predecessor_spoke_s > _SILENCE_S
