"""What belongs together comes together, or its partition is left alone, healed, or given up with a sentence."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from streams.app import Worker
from streams.colocation import PATIENCE_S, Healing, apart

TOGETHER = frozenset({"customer-events", "business-events", "kpi-ticks", "state-changelog"})


def whole(*numbers: int) -> set[tuple[str, int]]:
    return {(topic, number) for topic in TOGETHER for number in numbers}


def test_partitions_that_came_whole_are_not_apart() -> None:
    """Nor are those of topics that have nothing to do with it: the KPI agent's has a partition 0 too."""
    assert apart(whole(0, 3) | {("kpi-components", 0), ("kpi-components", 7)}, TOGETHER) == {}
    assert apart(set(), TOGETHER) == {}


def test_a_missing_topic_is_named_whichever_it_is() -> None:
    """A source, the ticks or the changelog: without any of them the partition can't be right."""
    for topic in TOGETHER:
        (why,) = apart(whole(0, 3) - {(topic, 3)}, TOGETHER).values()
        assert why == f"its topics came apart: {topic}[3] is not with this worker"
    several = apart(whole(1) - {("kpi-ticks", 1), ("business-events", 1)}, TOGETHER)
    assert several == {1: "its topics came apart: business-events[1], kpi-ticks[1] are not with this worker"}


def test_what_doesnt_heal_is_tried_more_and_more_seldom_and_then_given_up() -> None:
    """Each attempt costs every worker a rebalance."""
    healing, tried = Healing(), []
    now_s = 1_000.0
    while (step := healing.step({1: "apart"}, now_s)) != "give up":
        if step == "rejoin":
            tried.append(now_s - 1_000)
        now_s += 0.5
    assert tried == [1, 3, 7, 15, 31]
    assert now_s - 1_000 == PATIENCE_S


def test_what_healed_begins_anew() -> None:
    """A partition that comes apart a day later has all the patience again."""
    healing = Healing()
    for now_s in range(50):
        healing.step({1: "apart"}, now_s)
    assert healing.step({}, 50) is None
    assert healing.step({2: "apart"}, 100) is None
    assert healing.step({2: "apart"}, 101) == "rejoin"


def worker(step: str | None) -> tuple[Any, list[str]]:
    """What of a worker has to do with healing, told what to do; and what it did."""
    did: list[str] = []

    async def rejoin() -> None:
        did.append("rejoin")

    fake = SimpleNamespace(
        _office_apart={},
        engine=SimpleNamespace(ailing={3: "its topics came apart"}),
        _healing=SimpleNamespace(step=lambda _ailing, _now_s: step),
        app=SimpleNamespace(consumer=SimpleNamespace(rejoin=rejoin)),
        refused=None,
        _refuse=lambda why: did.append(str(why)),
    )
    return fake, did


def test_a_worker_rejoins_its_group_and_stops_with_the_way_out() -> None:
    """The sentence names the partition, what is wrong with it, and what must be alike."""
    for step, expected in ((None, []), ("rejoin", ["rejoin"])):
        fake, did = worker(step)
        asyncio.run(Worker._heal(fake))
        assert did == expected
    fake, did = worker("give up")
    asyncio.run(Worker._heal(fake))
    (said,) = did
    assert said.startswith(
        "partition 3: its topics came apart, for 60 s now; all workers of a group must run one version"
    )
    assert "tapesh check" in said
