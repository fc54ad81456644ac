"""The faults of a soak, each a function that does it and returns when it is over; recovery is the soak's to judge."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from deployment import eventually
from launcher import Strike
from proxy import Wire

if TYPE_CHECKING:
    from soak import Soak

PATIENCE_S = 120.0


class Step(NamedTuple):
    """One fault of a schedule: which, how long it lasts, and a number between 0 and 1 for what else is to choose."""

    number: int
    fault: str
    pause_s: float
    lasts_s: float
    choice: float

    def __str__(self) -> str:
        return f"{self.number:4d}  after {self.pause_s:4.1f} s  {self.fault} ({self.lasts_s:.1f} s, {self.choice:.3f})"


def _kill_one(soak: Soak, step: Step) -> None:
    soak.kill(soak.one(step.choice))


def _kill_all(soak: Soak, step: Step) -> None:
    del step
    for worker in soak.live.running:
        soak.kill(worker)


def _kill_at_a_step(soak: Soak, step: Step) -> None:
    """A worker that will strike itself takes another's place."""
    chance = random.Random(step.choice)
    soak.kill(soak.one(step.choice))
    step_, nth = chance.choice(
        [("entry", 1), ("entry", 2), ("manifest", 1), ("commit", 1), ("tombstone", 1), ("tombstone", 2)]
    )
    strike = Strike(step_, nth, checkpoint=3)
    mortal = soak.start(strike=strike)
    eventually(f"it strikes itself at {strike}", lambda: not mortal.runs, PATIENCE_S)
    soak.kill(mortal)


def _pause(soak: Soak, step: Step) -> None:
    worker = soak.one(step.choice)
    worker.pause()
    time.sleep(step.lasts_s)
    worker.resume()


def _restart_one_by_one(soak: Soak, step: Step) -> None:
    del step
    for worker in soak.live.running:
        assert worker.terminate(PATIENCE_S) == 0, f"{worker.name} ended badly: {worker.said()[-2000:]}"
        soak.keep()
        eventually("the rest goes on", soak.recovered, PATIENCE_S)


def _broker_killed(soak: Soak, step: Step) -> None:
    soak.kafka.kill()
    time.sleep(step.lasts_s)
    soak.kafka.start()


def _broker_paused(soak: Soak, step: Step) -> None:
    soak.kafka.pause()
    time.sleep(step.lasts_s)
    soak.kafka.resume()


def _brokers_disk_full(soak: Soak, step: Step) -> None:
    del step
    pid = soak.kafka.pid
    assert pid is not None
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (128 * 1024, resource.RLIM_INFINITY))
    eventually("the broker gives up", lambda: soak.kafka.pid is None, PATIENCE_S)
    soak.kafka.kill()
    soak.kafka.start()


def _workers_disk_full(soak: Soak, step: Step) -> None:
    resource.prlimit(soak.one(step.choice).process.pid, resource.RLIMIT_FSIZE, (0, 0))


def _wire_broken(soak: Soak, step: Step) -> None:
    soak.kafka.proxy.set((Wire.CUT, Wire.HELD, Wire.SILENT)[int(step.choice * 3)])
    time.sleep(step.lasts_s)
    soak.kafka.proxy.set(Wire.SOUND)


def _wire_reset(soak: Soak, step: Step) -> None:
    del step
    soak.kafka.proxy.reset()


def _clock_stepped(soak: Soak, step: Step) -> None:
    """Of one worker: the other disagrees for a while."""
    clock = soak.clock(soak.one(step.choice))
    clock.step((step.choice - 0.5) * 240)
    time.sleep(step.lasts_s)
    clock.step(0.0)


def _redis_gone(soak: Soak, step: Step) -> None:
    soak.redis.kill()
    time.sleep(step.lasts_s)
    soak.redis.start()


def _worker_joins_and_leaves(soak: Soak, step: Step) -> None:
    third = soak.start()
    eventually("it answers", lambda: third.json("/health"), PATIENCE_S)
    time.sleep(step.lasts_s)
    assert third.terminate(PATIENCE_S) == 0, f"{third.name} ended badly: {third.said()[-2000:]}"


FAULTS: dict[str, Callable[[Soak, Step], None]] = {
    "kill one worker": _kill_one,
    "kill all workers": _kill_all,
    "kill at a step of a checkpoint": _kill_at_a_step,
    "pause a worker": _pause,
    "restart one by one": _restart_one_by_one,
    "kill the broker": _broker_killed,
    "pause the broker": _broker_paused,
    "fill the broker's disk": _brokers_disk_full,
    "fill a worker's disk": _workers_disk_full,
    "break the wire": _wire_broken,
    "reset the wire": _wire_reset,
    "step a clock": _clock_stepped,
    "kill Redis": _redis_gone,
    "let a third worker join and leave": _worker_joins_and_leaves,
}
