"""Events at the speed at which they happened, or a multiple of it.

The simulator says when, the pacer waits. Clock and sleep are arguments, so that a test needs neither, and a demo can
stop a wait. A consumer that falls behind is given the late events at once: the pace is kept to the clock, not to the
event before, so no delay adds up.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import datetime

from .world import Event

Seconds = float


def paced(
    events: Iterable[Event],
    *,
    speed: float,
    clock: Callable[[], Seconds],
    sleep: Callable[[Seconds], object],
    live_from: datetime | None = None,
    live_at: Seconds | None = None,
) -> Iterator[Event]:
    """Yield events when their time has come.

    Args:
        events: in order of `occurred_at`.
        speed: seconds of event time per second of the clock; 1 is life.
        clock: seconds, e.g. `time.monotonic`.
        sleep: waits so many seconds, e.g. `time.sleep` or an event's `wait`.
        live_from: what occurred earlier is history, and comes without waiting; None: there is no history. The
            first later event is awaited from the moment at which the history is through.
        live_at: what the clock shows at `live_from`; None: when the history is through. With `time.time` as clock,
            `live_from.timestamp()` makes up for the time that the history took, so that events come as they occur.

    Raises:
        ValueError: the speed isn't a number above 0, or `live_at` is given without `live_from`.
    """
    pace = _Pace(speed, clock, live_from, live_at)
    for event in events:
        if (wait := pace.wait(event)) > 0:
            sleep(wait)
        yield event


async def paced_async(
    events: Iterable[Event],
    *,
    speed: float,
    clock: Callable[[], Seconds],
    sleep: Callable[[Seconds], Awaitable[object]],
    live_from: datetime | None = None,
    live_at: Seconds | None = None,
) -> AsyncIterator[Event]:
    """As `paced`, with a sleep to await, e.g. `asyncio.sleep`.

    History comes without waiting and so without giving way to other tasks: the caller awaits what it does with it.
    """
    pace = _Pace(speed, clock, live_from, live_at)
    for event in events:
        if (wait := pace.wait(event)) > 0:
            await sleep(wait)
        yield event


class _Pace:
    def __init__(
        self, speed: float, clock: Callable[[], Seconds], live_from: datetime | None, live_at: Seconds | None
    ) -> None:
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed is {speed!r}, expected a number above 0 (1: life; 60: an hour a minute)")
        if live_at is not None and live_from is None:
            raise ValueError(f"live_at is {live_at!r} without live_from, expected both: what the clock shows, and when")
        self._speed = speed
        self._clock = clock
        self._live_from = live_from
        self._live_at = live_at
        self._origin: tuple[datetime, Seconds] | None = None

    def wait(self, event: Event) -> Seconds:
        occurred_at = datetime.fromisoformat(event["occurred_at"])
        if self._origin is None:
            if self._live_from is not None and occurred_at < self._live_from:
                return 0.0
            self._origin = (
                self._live_from or occurred_at,
                self._clock() if self._live_at is None else self._live_at,
            )
        began_at, began = self._origin
        due = began + (occurred_at - began_at).total_seconds() / self._speed
        return due - self._clock()
