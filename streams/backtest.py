"""What alerts would have said of a history: pages, misses and delays against what is known to have gone wrong.

Before a shop trusts its pager it can ask: how often would it have rung last year, and for what? The same fold, track,
baseline and tiers as the engine's; nothing of it is a second opinion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from metrics.alerting import WATCHES
from streams.alert_windows import Budget, learned
from streams.expected import Usual
from streams.meaning import Meaning
from streams.partition import PartitionState, Refused
from streams.replay import Episode, Replayed, first_within, replay
from streams.track import STEP_MS, Track

_DAYS_A_YEAR = 365.25
_AFTER_MS = 7 * 86_400_000
"""What began within a week after something went wrong may be its echo in a long window, and isn't called false."""


@dataclass(frozen=True, slots=True)
class Spike:
    """Something that is known to have gone wrong: half-open, in milliseconds."""

    begin_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class BackTest:
    """What came of it.

    Attributes:
        episodes: every alert.
        false: those of them that nothing known explains.
        delays_ms: by spike, how long until the first page on churn; None: missed.
        days: judged, by watch.
        days_on: by watch and tier.
        lines, refused: of the history.
    """

    episodes: list[Episode]
    false: list[Episode]
    delays_ms: list[int | None]
    days: dict[str, int]
    days_on: dict[tuple[str, str], int]
    lines: int
    refused: int

    def false_a_year(self, severity: str) -> float | None:
        """Return how many false alarms a year there were; None where nothing could be judged."""
        days = max(self.days.values(), default=0)
        false = sum(episode.severity == severity for episode in self.false)
        return false / days * _DAYS_A_YEAR if days else None

    def document(self) -> dict[str, Any]:
        """Return it, ready for JSON."""
        return {
            "lines": self.lines,
            "refused": self.refused,
            "days_judged": self.days,
            "days_on": {f"{watch}/{tier}": days for (watch, tier), days in self.days_on.items()},
            "alerts": [_told(episode, is_false=episode in self.false) for episode in self.episodes],
            "delays_s": [None if delay is None else delay // 1000 for delay in self.delays_ms],
            "false_pages_a_year": self.false_a_year("page"),
            "false_tickets_a_year": self.false_a_year("ticket"),
        }


def back_test(
    lines: Iterable[bytes], meaning: Meaning, budget: Budget, spikes: Sequence[Spike] = (), usual: Usual = learned
) -> BackTest:
    """Play a log's history through the tiers.

    Args:
        lines: one JSON event each.
        meaning: how state is kept; its time zone is that of the season.
        budget: of false alarms a year.
        spikes: what is known to have gone wrong.
        usual: says what is usual.
    """
    track, count, refused = track_of(lines, meaning)
    return judged(replay(track, meaning.timezone, budget, WATCHES, usual), spikes, count, refused)


def judged(played: Replayed, spikes: Sequence[Spike], lines: int = 0, refused: int = 0) -> BackTest:
    """Compare what was alarmed with what is known to have gone wrong."""
    pages = [episode for episode in played.episodes if episode.severity == "page"]
    found = (first_within(pages, "churn", spike.begin_ms, spike.end_ms) for spike in spikes)
    delays = [
        None if page is None else page.begin_ms - spike.begin_ms for page, spike in zip(found, spikes, strict=True)
    ]
    false = [
        episode
        for episode in played.episodes
        if not any(spike.begin_ms <= episode.begin_ms < spike.end_ms + _AFTER_MS for spike in spikes)
    ]
    return BackTest(played.episodes, false, delays, played.days, played.days_on, lines, refused)


def track_of(lines: Iterable[bytes], meaning: Meaning) -> tuple[Track, int, int]:
    """Return the track of a whole log, the number of its lines, and how many of them are no events."""
    state = PartitionState(meaning, keep_raw=False)
    count = refused = 0
    for line in lines:
        count += 1
        refused += sum(isinstance(outcome, Refused) for outcome in state.arrive([line], [0]))
    if state.waiting:
        earliest_ms = min(item.at_ms for item in state.waiting)
        state.track.kept = (state.latest_event_ms - earliest_ms) // STEP_MS + 2
        state.waiting.sort(key=lambda item: item.at_ms)
        state.advance(state.latest_event_ms)
    return state.track, count, refused


def _told(episode: Episode, *, is_false: bool) -> dict[str, Any]:
    return {
        "alert": episode.watch,
        "tier": episode.tier,
        "severity": episode.severity,
        "began": _instant(episode.begin_ms),
        "ended": _instant(episode.end_ms),
        "observed": episode.long.observed,
        "expected": round(episode.long.expected, 3),
        "p_value": episode.p_value,
        "alpha": episode.alpha,
        "false": is_false,
    }


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
