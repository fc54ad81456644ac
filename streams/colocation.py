"""Whether what belongs together came together: topics of partition p, their ticks and the changelog of its state.

Kafka's group protocol knows topics, not partitions of a state. Faust keeps those of equal partition count together as
long as all members subscribe to the same ones and the leader sees them all. Where that fails (two versions in a group,
workers with other settings, a topic made a moment ago) a worker would count some of a person's events and miss the
others; so it looks at each assignment, takes up no partition that came apart, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Literal

FIRST_PAUSE_S = 1.0
PATIENCE_S = 60.0
WAY_OUT = (
    "all workers of a group must run one version with the same topics (kafka.customer_topics, kafka.topic_prefix), and "
    "all these topics have kafka.partitions partitions: `tapesh check` compares; stop all workers, then start them"
)


def apart(assigned: Iterable[tuple[str, int]], together: AbstractSet[str]) -> dict[int, str]:
    """Return the partitions of which some topics came to this worker and others didn't, and which those are.

    >>> apart([("events", 0), ("ticks", 0), ("ticks", 1)], {"events", "ticks"})
    {1: 'its topics came apart: events[1] is not with this worker'}
    """
    found: defaultdict[int, set[str]] = defaultdict(set)
    for topic, partition in assigned:
        if topic in together:
            found[partition].add(topic)
    return {
        partition: f"its topics came apart: {_listed(together - topics, partition)} not with this worker"
        for partition, topics in sorted(found.items())
        if topics != together
    }


def _listed(topics: AbstractSet[str], partition: int) -> str:
    return ", ".join(f"{topic}[{partition}]" for topic in sorted(topics)) + (" is" if len(topics) == 1 else " are")


class ApartError(Exception):
    """What belongs together didn't come together, however often the group shared out anew."""


class Healing:
    """When to have the group share out anew, and when to give up.

    Each attempt costs all workers a rebalance, so pauses grow: 1, 2, 4, ... seconds.

    >>> healing = Healing()
    >>> [healing.step({3: "apart"}, now_s=now) for now in (0.0, 0.5, 1.0, 2.5, 3.0, 60.0)]
    [None, None, 'rejoin', None, 'rejoin', 'give up']
    >>> healing.step({}, now_s=61.0), healing.step({3: "again"}, now_s=62.0)
    (None, None)
    """

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._next_s = 0.0
        self._pause_s = FIRST_PAUSE_S

    def step(self, ailing: Mapping[int, str], now_s: float) -> Literal["rejoin", "give up"] | None:
        """Say what to do now, `ailing` being what isn't as it should be."""
        if not ailing:
            self._since_s = None
            return None
        if self._since_s is None:
            self._since_s, self._pause_s = now_s, FIRST_PAUSE_S
            self._next_s = now_s + FIRST_PAUSE_S
        if now_s - self._since_s >= PATIENCE_S:
            return "give up"
        if now_s < self._next_s:
            return None
        self._pause_s *= 2
        self._next_s = now_s + self._pause_s
        return "rejoin"
