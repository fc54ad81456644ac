"""A worker that something happens to from within: `launcher.py FAULTS worker ...`, FAULTS a JSON object.

Some instants can't be hit from outside: between two messages of one checkpoint a process lives for a millisecond. So
the process strikes itself, at the step that was asked for. Its clock is read through a file, so that it can be
stepped while it runs. Everything else is the worker as it is.

Keys of FAULTS, all of them optional:

- `strike`: before which step of a checkpoint to send itself a signal, see `Strike`;
- `clock`: the file that holds by how many seconds its wall clock is off, see `Clock`;
- `looks_every_s`: how often it looks whether topics have got other partition counts.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Strike:
    """When a worker strikes itself.

    Attributes:
        step: `entry`, `manifest`, `commit` or `tombstone`: before the message is handed to the producer, and after the
            one before it was acknowledged.
        nth: the how-manieth of these steps in its checkpoint.
        checkpoint: in the first that begins after this worker has completed so many.
        how: the signal's name.
    """

    step: str
    nth: int = 1
    checkpoint: int = 1
    how: str = "SIGKILL"


class Clock:
    """By how much a worker's wall clock is off, as a number in a file that may be changed while it runs."""

    _SIZE = 8

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.write_bytes(bytes(self._SIZE))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), self._SIZE)

    @property
    def off_s(self) -> float:
        """Seconds to add to the real clock."""
        return float(struct.unpack("d", self._shared[: self._SIZE])[0])

    def step(self, off_s: float) -> None:
        """Set the clock that far from the real one, at once."""
        self._shared[: self._SIZE] = struct.pack("d", off_s)


def program(**faults: Any) -> tuple[str, ...]:
    """What `Deployment.start` runs for a worker with these faults."""
    return (
        __file__,
        json.dumps(faults, default=lambda value: asdict(value) if isinstance(value, Strike) else str(value)),
    )


def strike_at(strike: Strike) -> None:
    """Send this process a signal before a step of one of its checkpoints.

    Steps of a checkpoint that go out together are sent one after another here: "between two entries" is nowhere else.
    """
    from streams.faust_log import FaustLog
    from streams.manifest import is_manifest

    steps: dict[int, Counter[str]] = {}
    one_by_one: dict[int, asyncio.Lock] = {}
    completed = 0

    def about_to(partition: int, step: str) -> None:
        seen = steps.setdefault(partition, Counter())
        if step == "entry" and seen["commit"]:
            seen.clear()  # the first of its next checkpoint
        seen[step] += 1
        if completed >= strike.checkpoint and (step, seen[step]) == (strike.step, strike.nth):
            os.kill(os.getpid(), signal.Signals[strike.how])

    save, commit = FaustLog.save, FaustLog.commit

    async def saved(self: FaustLog, partition: int, key: bytes, value: bytes | None) -> object:
        async with one_by_one.setdefault(partition, asyncio.Lock()):
            about_to(partition, "tombstone" if value is None else "manifest" if is_manifest(key) else "entry")
            return await save(self, partition, key, value)

    async def committed(self: FaustLog, partition: int, positions: Mapping[str, int]) -> None:
        nonlocal completed
        about_to(partition, "commit")
        await commit(self, partition, positions)
        completed += 1

    FaustLog.save, FaustLog.commit = saved, committed  # type: ignore[method-assign]


def read_clock(path: Path) -> None:
    """Let this process see the time that the file says."""
    clock, real = Clock(path), time.time
    time.time = lambda: real() + clock.off_s


def look_often(every_s: float) -> None:
    """Let this process look at its topics that often."""
    from streams import app

    app._TOPICS_LOOKED_AT_EVERY_S = every_s


_FAULTS: dict[str, Callable[[Any], None]] = {
    "strike": lambda given: strike_at(Strike(**given)),
    "clock": lambda given: read_clock(Path(given)),
    "looks_every_s": look_often,
}


def main() -> None:
    """Set up what was asked for, and be a worker."""
    faults = json.loads(sys.argv.pop(1))
    for name in sorted(faults):  # the clock first: what is imported later takes it as it finds it
        _FAULTS[name](faults[name])
    from streams.cli import main as tapesh

    tapesh()


if __name__ == "__main__":
    main()
