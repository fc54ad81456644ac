"""Since when an alert has been one: a tier's incidents, from its first news until it has been quiet for its hold.

Two losses an hour apart are one incident, and its page says when it began. While it lasts its tier stays on, however
few customers it has left behind. A worker that takes the KPI agent over knows nothing of it: it plays the last week
through again, as a back-test would, and goes on where the other one was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from metrics.alerting import BY_ID, MINUTE_MS, Tier
from streams.alert_windows import Judged
from streams.replay import Episode


@dataclass(slots=True)
class _Incident:
    """From when to when it was news, in milliseconds, how long it is held beyond, and whether it was at the last look.

    A source that delivers once a night moves its windows by a day: news before and after is news all the while.
    """

    since_ms: int
    latest_ms: int
    holds_ms: int
    is_news: bool = False


class Incidents:
    """Those that last, by what is judged (a watch's id, or a slice's place) and tier."""

    def __init__(self) -> None:
        self._of: dict[tuple[object, str], _Incident] = {}

    def held(self, place: object) -> set[str]:
        """Return the names of the tiers whose incident lasts."""
        return {tier for of, tier in self._of if of == place}

    def since_ms(self, place: object, tier: str) -> int | None:
        """Return when an incident began; None where none lasts."""
        found = self._of.get((place, tier))
        return None if found is None else found.since_ms

    def observe(self, place: object, tier: Tier, end_ms: int, *, firing: bool) -> None:
        """Take in what a tier says of windows that end at `end_ms`."""
        key = (place, tier.name)
        found = self._of.get(key)
        if found is not None and end_ms - found.latest_ms > found.holds_ms and not (firing and found.is_news):
            del self._of[key]
            found = None
        if found is None and firing:
            found = self._of[key] = _Incident(end_ms, end_ms, tier.holds_min * MINUTE_MS)
        if found is not None:
            found.is_news = firing
            found.latest_ms = max(found.latest_ms, end_ms) if firing else found.latest_ms

    def observe_all(self, judged: Iterable[Judged]) -> None:
        """Take in what everybody's tiers say."""
        for one in judged:
            firing = one.verdict is not None and one.verdict.firing
            self.observe(one.watch.id, one.tier, one.end_ms, firing=firing)

    def resume(self, episodes: Iterable[Episode]) -> None:
        """Begin with what a history was found to hold, in the order of its beginnings; what is over falls away."""
        for episode in episodes:
            tier = next(tier for tier in BY_ID[episode.watch].tiers if tier.name == episode.tier)
            holds_ms = tier.holds_min * MINUTE_MS
            self._of[episode.watch, tier.name] = _Incident(episode.begin_ms, episode.end_ms, holds_ms)
