"""Steps on the event loop: some milliseconds of them, then everybody else's turn, until they are done or not ours.

A turn is as long as that of the others was: beside ingestion at full speed steps get on, and where hardly anybody else
has anything to do, a scrape, which takes ten turns or so from connection to last byte, finds short ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from metrics.steps import Steps
from streams.holds import Holds

Made = TypeVar("Made")
SHORTEST_S, LONGEST_S = 0.002, 0.008
"""A turn ends with the first step that is done after so long."""


async def in_turns(
    steps: Steps[Made],
    holds: Holds,
    step: str,
    goes_on: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Made | None:
    """Go steps in turns; return what they make, None if they were given up.

    Args:
        steps: closed in any case.
        holds: measures the turns.
        step: under this name.
        goes_on: asked before each turn; once it says no, the rest isn't done.
        clock: seconds.
    """
    made: list[Made] = []
    turn_s = SHORTEST_S
    try:
        while not made and goes_on():
            with holds.of(step):
                made = _turn(steps, clock() + turn_s, clock)
            began = clock()
            await asyncio.sleep(0)
            turn_s = min(max(clock() - began, SHORTEST_S), LONGEST_S)
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
