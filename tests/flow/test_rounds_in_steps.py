"""A round is evaluated in bounded steps, and seen whole or not at all, whatever happens between two of them."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from test_office import Office
from test_rounds import Cluster

from metrics import evaluate
from metrics.catalogue import CATALOGUE
from metrics.steps import Steps, at_once
from streams import merge, turns
from streams.holds import Holds
from streams.messages import Answer, encode_answer
from streams.reasons import LATE_ANSWERS
from streams.rounds import Draft, Round, Rounds
from streams.turns import in_turns
from streams.web import live_document

VALUES = 12


def acquired(number: int) -> bytes:
    """A customer, in one of twelve channels and three plans."""
    return json.dumps(
        {
            "type": "customer-acquired",
            "event_id": f"a{number}",
            "customer_id": f"c{number}",
            "occurred_at": "2025-12-20T10:00:00.000Z",
            "channel": f"channel-{number % VALUES}",
            "plan": f"plan-{number % 3}",
        }
    ).encode()


def bought(number: int) -> bytes:
    """An order of such a customer."""
    return json.dumps(
        {
            "type": "purchase",
            "event_id": f"p{number}",
            "customer_id": f"c{number}",
            "occurred_at": "2026-01-01T10:00:00.000Z",
            "order_id": f"o{number}",
            "total": {"amount": "12.34", "currency": "EUR"},
        }
    ).encode()


def shop(**settings: Any) -> Cluster:
    """Customers in two partitions."""
    cluster = Cluster(**settings)
    for number in range(4 * VALUES):
        cluster.arrive(number % 2, acquired(number), bought(number))
    return cluster


def heard(cluster: Cluster, rounds: Rounds | None = None) -> Round:
    """The next round, with all of its answers."""
    tick = cluster.tick()
    completed = [(rounds or cluster.rounds).hear(cluster.answer(tick, number), cluster.now_s) for number in range(2)]
    assert completed[0] is None
    assert completed[1] is not None
    return completed[1]


def shown(rounds: Rounds, now_s: float) -> tuple[Any, ...]:
    """All that others see of a snapshot."""
    snapshot = rounds.snapshot
    assert snapshot is not None
    return (
        snapshot.document,
        snapshot.covers,
        rounds.slices_covers,
        b"".join(rounds.exposition(now_s)),
        rounds.completed,
    )


def test_in_steps_a_round_says_what_it_says_at_once() -> None:
    """The same document, the same gauges and alerts; slices among them."""
    at_a_time, step_by_step = shop(), shop()
    for _ in range(3):
        assert at_a_time.round(0, 1)
        completed = heard(step_by_step)
        draft = at_once(step_by_step.rounds.evaluate(completed, step_by_step.now_s))
        assert draft is not None
        step_by_step.rounds.accept(draft)
        for _step in step_by_step.rounds.judge(draft):
            pass
        ours, theirs = (shown(each.rounds, each.now_s)[:4] for each in (step_by_step, at_a_time))
        assert ours == theirs
        known = [each.rounds.alerts.document(each.rounds.unknown(each.now_s)) for each in (step_by_step, at_a_time)]
        assert known[0] == known[1]
    assert len(step_by_step.rounds.snapshot.document["slices"]["channel"]) == VALUES


def test_until_a_draft_is_accepted_the_former_snapshot_stands_whole() -> None:
    """Between any two steps figures, gauges and positions are those of one round."""
    cluster = shop()
    assert cluster.round(0, 1)
    before = shown(cluster.rounds, cluster.now_s)
    cluster.arrive(0, acquired(1_000), bought(1_000))
    cluster.now_s += 1
    steps = cluster.rounds.evaluate(heard(cluster), cluster.now_s)
    made: list[Draft | None] = []
    for _ in gone(steps, made):
        assert shown(cluster.rounds, cluster.now_s) == before
    assert shown(cluster.rounds, cluster.now_s) == before
    assert made[0] is not None
    cluster.rounds.accept(made[0])
    assert cluster.orders() == 4 * VALUES + 1
    assert shown(cluster.rounds, cluster.now_s) != before


def gone(steps: Steps[Any], made: list[Any]) -> Iterator[None]:
    """Go steps, and keep what they return."""
    made.append((yield from steps))


@pytest.mark.parametrize("most", [0, 1, 2, 3, 13, 20, 60, 140])
def test_a_round_that_is_given_up_leaves_nothing_behind(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever that happens, nothing is seen of it, and the next one says what it would have said without it."""
    monkeypatch.setattr(merge, "_NAMED_AT_ONCE", 5)
    cluster, untouched = shop(), shop()
    steps = cluster.rounds.evaluate(heard(cluster), cluster.now_s)
    for _ in range(most):
        next(steps)
    steps.close()
    assert cluster.rounds.snapshot is None
    heard(untouched)
    for each in (cluster, untouched):
        each.now_s += 60
        assert each.round(0, 1)
    ours, theirs = (each.rounds.snapshot.document for each in (cluster, untouched))
    assert ours == theirs


def test_answers_that_come_while_a_round_is_evaluated_make_the_next_one() -> None:
    """The later round neither overtakes the one that is being evaluated, nor is it lost."""
    cluster = shop()
    first = heard(cluster)
    made: list[Any] = []
    going = gone(cluster.rounds.evaluate(first, cluster.now_s), made)
    next(going)
    cluster.arrive(1, bought(2_001))
    second = heard(cluster)
    at_second_s = cluster.now_s
    for _ in going:
        pass
    cluster.rounds.accept(made[0])
    assert cluster.rounds.snapshot.document["now"] < "2026-01-02T00:00:00.600Z"
    assert cluster.orders() == 4 * VALUES
    draft = at_once(cluster.rounds.evaluate(second, at_second_s))
    cluster.rounds.accept(draft)
    assert cluster.orders() == 4 * VALUES + 1
    assert cluster.rounds.completed is second
    assert cluster.rounds.snapshot.document["slices_now"] <= cluster.rounds.snapshot.document["now"]


def test_slices_are_not_asked_for_again_while_they_are_evaluated() -> None:
    """Their cost is known only once they are there; meanwhile ticks ask for everybody alone."""
    cluster = shop()
    assert cluster.round(0, 1)
    cluster.rounds.charge(0.5)
    cluster.now_s += 10
    completed = heard(cluster)
    assert completed.tick.full
    steps = cluster.rounds.evaluate(completed, cluster.now_s)
    next(steps)
    assert not cluster.tick().full
    steps.close()


def test_a_round_that_is_being_evaluated_is_no_silence() -> None:
    """On a busy worker its steps may take longer than a missing answer is waited for."""
    cluster = shop()
    assert cluster.round(0, 1)
    cluster.now_s += 1.2
    completed = heard(cluster)
    steps = cluster.rounds.evaluate(completed, cluster.now_s)
    next(steps)
    cluster.now_s += 1.4
    assert cluster.reasons() == set()
    steps.close()
    assert cluster.reasons() == {LATE_ANSWERS.text}


def test_a_step_is_one_cell_or_one_kpi(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slice values there are, what is done between two yields stays as small."""
    runs = 0
    run = evaluate._Program.run

    def counted(*arguments: Any) -> Any:
        nonlocal runs
        runs += 1
        return run(*arguments)

    monkeypatch.setattr(evaluate._Program, "run", counted)
    cluster = shop()
    completed = heard(cluster)
    steps_in_all, most, before = 0, 0, 0
    for _ in cluster.rounds.evaluate(completed, cluster.now_s):
        steps_in_all += 1
        most, before = max(most, runs - before), runs
    cells = 1 + VALUES + 3 + 2  # everybody, channels, plans, and who has no segment or country
    windows = len(cluster.settings.reporting_time.plans)
    assert runs == cells
    assert most <= 2
    assert steps_in_all == 2 + windows + (cells - 1) + 2 * len(CATALOGUE)


class Clock:
    """Seconds that steps take."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def counting(clock: Clock, seen: list[int], number: int, closed: list[bool]) -> Steps[str]:
    """Steps of four milliseconds each."""
    try:
        for step in range(number):
            clock.now += 0.004
            seen.append(step)
            yield
    finally:
        closed.append(True)
    return "made"


@pytest.mark.parametrize(
    ("others_s", "after"),
    [
        (0.0, [1, 2, 3, 4, 5, 6, 7, 8]),  # one step is longer than the shortest turn
        (0.006, [1, 3, 5, 7, 8]),
        (1.0, [1, 3, 5, 7, 8]),  # two steps of four milliseconds are the longest turn
    ],
)
def test_a_turn_is_as_long_as_that_of_the_others_within_bounds(others_s: float, after: list[int]) -> None:
    """Between two turns others have theirs; how many there were is counted."""

    async def scene() -> None:
        clock, seen, at_others, closed = Clock(), [], [], []

        async def others() -> None:
            while True:
                at_others.append(len(seen))
                clock.now += others_s
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        holds = Holds()
        steps = counting(clock, seen, 8, closed)
        assert await in_turns(steps, holds, "round", lambda: True, clock=clock) == "made"
        other.cancel()
        assert at_others[: len(after)] == after
        assert closed == [True]

    asyncio.run(scene())


def test_steps_that_are_no_longer_ours_are_not_gone() -> None:
    """What comes after the turn in which that turned out isn't done, and the steps are closed."""

    async def scene() -> None:
        clock, seen, closed = Clock(), [], []
        steps = counting(clock, seen, 100, closed)
        assert await in_turns(steps, Holds(), "round", lambda: len(seen) < 5, clock=clock) is None
        assert seen == list(range(5))
        assert closed == [True]

    asyncio.run(scene())


class Agent:
    """A worker in office, whose ticks two partitions answer."""

    def __init__(self) -> None:
        self.office = Office()
        self.worker = worker = self.office.worker
        worker.app.consumer.heard_at_s = math.inf
        worker.serving = None
        self.cluster = Cluster()
        self.cluster.settings = worker.settings.model_copy(
            update={"kafka": worker.settings.kafka.model_copy(update={"partitions": 2})}
        )
        worker.settings = self.cluster.settings
        self.rounds = self.cluster.rounds = worker._take_office()
        for number in range(4 * VALUES):
            self.cluster.arrive(number % 2, acquired(number), bought(number))

    def answers(self) -> list[Answer]:
        """Those to the next tick."""
        tick = self.cluster.tick()
        return [self.cluster.answer(tick, number) for number in range(2)]

    async def gather(self, answers: list[Answer]) -> None:
        for answer in answers:
            await self.worker._gather(encode_answer(answer))

    def seen(self) -> tuple[bytes, Any, Any]:
        """What a scrape gets, and what /kpis says at the same moment."""
        document = live_document(self.worker, covers=True) or {}
        return self.worker.exporter.exposition(), document.get("now"), document.get("covers")


@pytest.fixture
def _short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is a turn of its own."""
    monkeypatch.setattr(turns, "SHORTEST_S", 0.0)
    monkeypatch.setattr(turns, "LONGEST_S", 0.0)


@pytest.mark.usefixtures("_short_turns")
def test_a_scrape_in_the_middle_of_a_round_gets_the_last_whole_text() -> None:
    """Gauges and /kpis go over to the next round in the same moment, and not before all of it is there."""

    async def scene() -> None:
        agent = Agent()
        await agent.gather(agent.answers())
        before = agent.seen()
        assert b"tapesh_orders_orders" in before[0]
        agent.cluster.arrive(0, bought(5_000))
        agent.cluster.now_s = time.monotonic() + 60  # slices are due again
        answers = agent.answers()
        for answer in answers:
            answer.positions = {"customer-events": 99}
        gathering, seen = asyncio.create_task(agent.gather(answers)), []
        while not gathering.done():
            await asyncio.sleep(0)
            seen.append(agent.seen())
        await gathering
        after = agent.seen()
        assert after[0] != before[0]
        assert after[2] == {"customer-events": {0: 99, 1: 99}}
        turned = next(nth for nth, each in enumerate(seen) if each[1] == after[1])
        assert turned > 100
        assert all(each == before for each in seen[:turned])
        assert all(each[1:] == after[1:] for each in seen[turned:])
        assert seen[turned][0] != before[0]

    asyncio.run(scene())


@pytest.mark.usefixtures("_short_turns")
def test_an_office_that_is_lost_in_the_middle_of_a_round_publishes_nothing_of_it() -> None:
    """Another worker owns the KPIs by then; and one that takes office anew isn't given the old round."""

    async def scene(comes_back: bool) -> None:
        agent = Agent()
        gathering = asyncio.create_task(agent.gather(agent.answers()))
        for _ in range(50):
            await asyncio.sleep(0)
        agent.worker._leave_office()
        again = agent.worker._take_office() if comes_back else None
        await gathering
        assert agent.rounds.snapshot is None
        assert agent.worker.exporter.exposition() == b""
        assert agent.worker.rounds is again
        assert again is None or again.snapshot is None

    asyncio.run(scene(comes_back=False))
    asyncio.run(scene(comes_back=True))


@pytest.mark.usefixtures("_short_turns")
def test_what_is_admitted_is_remembered_before_it_is_shown() -> None:
    """The next owner must show the same values, so the broker has them first."""

    async def scene() -> None:
        agent = Agent()
        acknowledged = asyncio.get_running_loop().create_future()

        async def send(topic: str, *_: Any) -> Any:
            agreed = asyncio.get_running_loop().create_future()
            agreed.set_result(None)
            return acknowledged if topic.endswith("changelog") else agreed

        agent.office.producer.send = send  # type: ignore[method-assign, assignment]
        gathering = asyncio.create_task(agent.gather(agent.answers()))
        for _ in range(2_000):
            await asyncio.sleep(0)
        assert agent.rounds.snapshot is None
        assert agent.worker.exporter.exposition() == b""
        acknowledged.set_result(None)
        await gathering
        assert agent.rounds.snapshot is not None
        assert agent.worker.exporter.exposition()

    asyncio.run(scene())
