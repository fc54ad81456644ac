"""When a checkpoint is due: often enough that a crash costs little, seldom enough that writing costs little.

What a crash costs is reading again what came since the last checkpoint, so it is the volume since then that makes one
due, and time only bounds how long little may wait. What a checkpoint costs is the bytes that it writes; they follow
the changes, but a large state with few of them still has something to write each time. So none is due, but for the
longest wait, before what has come in, and the time that has passed, are worth what the last one wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

QUIET_BYTES_A_S = 65_536
"""What may be written beside that, whatever comes in: so small states are saved at every interval."""


@dataclass(frozen=True, slots=True)
class Since:
    """What has happened since a partition's last checkpoint was begun.

    Attributes:
        age_s: how long ago that was.
        events, bytes: what came in.
        wrote: the bytes of that checkpoint, 0 before the first.
    """

    age_s: float
    events: int
    bytes: int
    wrote: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a partition is saved.

    Attributes:
        interval_s: with changes of that age a checkpoint is wanted.
        events, bytes: with that much taken in, too, whatever the age.
        traffic: bytes that checkpoints may write for each byte that comes in.
        longest_s: changes never wait longer, however much a checkpoint writes.

    >>> pace = Pace(interval_s=10, events=200_000, bytes=64_000_000, traffic=0.5, longest_s=300)
    >>> pace.is_due(Since(age_s=12, events=5_000, bytes=9_000_000, wrote=4_000_000))
    True
    >>> pace.is_due(Since(age_s=12, events=5, bytes=1_500, wrote=4_000_000))  # not yet worth it
    False
    >>> pace.is_due(Since(age_s=301, events=5, bytes=1_500, wrote=4_000_000))
    True
    """

    interval_s: float
    events: int
    bytes: int
    traffic: float
    longest_s: float

    def is_due(self, since: Since) -> bool:
        """Tell whether a partition with changes should be saved."""
        if since.age_s >= max(self.longest_s, self.interval_s):
            return True
        is_wanted = since.age_s >= self.interval_s or since.events >= self.events or since.bytes >= self.bytes
        return is_wanted and since.wrote <= self.traffic * since.bytes + QUIET_BYTES_A_S * since.age_s
