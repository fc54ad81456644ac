"""Events come when their time has come, by the clock that is given."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from events.importers import Event
from events.simulator import paced, paced_async

START = datetime(2026, 3, 2, tzinfo=UTC)


class Clock:
    """Stands still unless somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


def events_at(*seconds: float) -> list[Event]:
    return [{"occurred_at": (START + timedelta(seconds=s)).isoformat()} for s in seconds]


def test_events_keep_their_distances_at_the_speed_given() -> None:
    """The first comes at once, an hour passes in a minute."""
    clock = Clock()
    stream = paced(events_at(0, 60, 3_600), speed=60, clock=clock, sleep=clock.sleep)
    assert [clock.now - 1_000 for _ in stream] == [0, 1, 60]


def test_history_comes_without_waiting() -> None:
    """And the clock starts where it ends, however long that took."""
    clock = Clock()
    events = events_at(-86_400, -3_600, -1, 5, 10)
    stream = paced(events, speed=1, clock=clock, sleep=clock.sleep, live_from=START)
    times = []
    for number, _ in enumerate(stream):
        times.append(clock.now - 1_000)
        if number == 2:
            clock.now += 30  # the consumer took its time with the history
    assert times == [0, 0, 0, 35, 40]


def test_time_that_the_history_took_can_be_made_up_for() -> None:
    """Told what the clock shows at the turn to live, the pacer gives each event as it occurs."""
    clock = Clock()
    times = []
    events = events_at(-60, 5, 10, 60)
    for _ in paced(events, speed=1, clock=clock, sleep=clock.sleep, live_from=START, live_at=1_000.0):
        times.append(clock.now - 1_000)
        if len(times) == 1:
            clock.now += 30
    assert times == [0, 30, 30, 60]


def test_half_a_turn_to_live_is_refused() -> None:
    """What the clock shows says nothing without the moment at which it does."""
    clock = Clock()
    with pytest.raises(ValueError, match="without live_from"):
        next(paced(events_at(0), speed=1, clock=clock, sleep=clock.sleep, live_at=5.0))


def test_a_consumer_that_falls_behind_catches_up() -> None:
    """The pace is kept to the clock, so no delay adds up."""
    clock = Clock()
    times = []
    for _ in paced(events_at(0, 1, 2, 3, 10), speed=1, clock=clock, sleep=clock.sleep):
        times.append(clock.now - 1_000)
        if len(times) == 1:
            clock.now += 2.5
    assert times == [0, 2.5, 2.5, 3, 10]


def test_the_async_pacer_keeps_the_same_times() -> None:
    """With a sleep to await."""
    clock = Clock()

    async def times() -> list[float]:
        stream = paced_async(
            events_at(-5, 0, 60, 3_600), speed=60, clock=clock, sleep=clock.sleep_async, live_from=START
        )
        return [clock.now - 1_000 async for _ in stream]

    assert asyncio.run(times()) == [0, 0, 1, 60]


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    """Standing still and running backwards are no speeds."""
    clock = Clock()
    with pytest.raises(ValueError, match="expected a number above 0"):
        next(paced(events_at(0), speed=speed, clock=clock, sleep=clock.sleep))
