"""Steps on the event loop: some milliseconds of them, then everybody else's turn, until they are done or not ours.

A thread wouldn't do. Steps are pure Python: whoever lets go of the interpreter, as each write to a socket does, would
wait each time for the thread that computes to be interrupted. Nor would what steps read stand still meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from metrics.steps import Steps
from streams.holds import Holds

Made = TypeVar("Made")
TURN_S = 0.01
"""A turn ends with the first step that is done after so long."""


async def in_turns(
    steps: Steps[Made],
    holds: Holds,
    step: str,
    goes_on: Callable[[], bool],
    *,
    turn_s: float = TURN_S,
    clock: Callable[[], float] = time.perf_counter,
) -> Made | None:
    """Go steps in turns; return what they make, None if they were given up.

    Args:
        steps: closed in any case.
        holds: measures the turns.
        step: under this name.
        goes_on: asked before each turn; once it says no, the rest isn't done.
        turn_s: how long a turn is.
        clock: seconds.
    """
    made: list[Made] = []
    try:
        while not made and goes_on():
            with holds.of(step):
                made = _turn(steps, clock() + turn_s, clock)
            await asyncio.sleep(0)
    finally:
        steps.close()
    return made[0] if made else None


def _turn(steps: Steps[Made], until_s: float, clock: Callable[[], float]) -> list[Made]:
    """Go steps until it is time; return what they have made, or nothing if some are left."""
    try:
        while True:
            next(steps)
            if clock() >= until_s:
                return []
    except StopIteration as end:
        return [end.value]
