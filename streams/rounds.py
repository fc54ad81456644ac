"""The KPI agent's mind, without Faust: sends ticks, gathers answers, and says what the KPIs are, or that it can't.

A round is one tick and the answers of every partition to it. Complete, it becomes the snapshot. Until then the
last one stands, with its age; once a partition has missed too many, every KPI is *unknown*, with the reason: a
sum without it would be a smaller number, and look like one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metrics.catalogue import CATALOGUE
from metrics.economics import Economics
from metrics.frame import LIFETIME
from streams.alerts import Alerts
from streams.document import KpiDocument, kpi_document
from streams.health import Health
from streams.merge import Admission, Merger, Sums
from streams.messages import Answer, Tick
from streams.reasons import LATE_ANSWERS, NO_EVENT, STARTING, Reason, catching_up, failure, no_answer
from streams.settings import Settings
from streams.sums import RangeError
from streams.tallies import Tallies
from streams.topics import source_names
from streams.track import added_up, unpack
from streams.watermarks import merged

MISSED_TICKS = 3
GRACE_S = 1.5
"""Below this, a missing answer is a slow one, however short the ticks are."""
FULL_SHARE = 0.25
"""How much of the time the KPI agent may spend on slices."""
_REMEMBERED_ROUNDS = 8


@dataclass(slots=True)
class Round:
    """One tick and the answers to it."""

    tick: Tick
    answers: dict[int, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the KPIs are as of a complete round.

    Attributes:
        document: the KPI document.
        covers: by topic and partition, the position up to which events are in it.
        at_s: when it was made, on the worker's steady clock.
        latest_event_ms: the latest event seen by any partition.
        books_residual: customers that the books don't account for; 0 if sound.
        watermarks: event type -> up to which event time the sources that deliver it regularly have delivered it.
    """

    document: KpiDocument
    covers: dict[str, dict[int, int]]
    at_s: float
    latest_event_ms: int
    books_residual: int
    watermarks: Mapping[str, int]


class Rounds:
    """Rounds of one owner of the KPI agent.

    Args:
        settings: of the deployment.
        owner: names this life of the agent; answers to other owners' ticks are ignored.
        url: where this worker's HTTP interface is.
        admission: which slice values and labels are shown.

    Attributes:
        resized: which event topic has got another partition count, in a sentence: nobody reads the new ones.
        tallies: of everybody's lifetimes, by cohort and by tenure.
        slices_covers: as a snapshot's `covers`, of its slices: of an older round, perhaps at the same `now`.
    """

    def __init__(self, settings: Settings, owner: str, url: str, admission: Admission) -> None:
        self.admission = admission
        self.snapshot: Snapshot | None = None
        self.health = Health(
            settings.health_rules, settings.economics, settings.timezone, live=settings.clock == "wall"
        )
        self.began_s = math.nan
        self.latest_event_ms = -1
        self.waiting = 0
        self.resized = ""
        self.slices_covers: dict[str, dict[int, int]] = {}
        self._settings = settings
        self._economics = settings.economics
        self._owner = owner
        self._url = url
        self._topics = tuple(sorted(settings.topic(name) for name in source_names(settings)))
        self._time = settings.reporting_time
        self._windows = [plan.name for plan in self._time.plans]
        self._merger = Merger(self._windows, admission)
        self._rounds: deque[Round] = deque(maxlen=_REMEMBERED_ROUNDS)
        self._number = 0
        self._floor_ms = -1
        self._last_answer_s: dict[int, float] = {}
        self._behind: dict[int, float] = {}
        self._failed: dict[int, tuple[str, float]] = {}
        self._caught_up_ms = 1
        self._failure = ""
        self.completed: Round | None = None
        self._full: KpiDocument | None = None
        self._full_cost_s = 0.0
        self._full_at_s = -math.inf
        self.alerts = Alerts(settings)
        self.tallies = Tallies(self._time, settings.kafka.partitions)

    def aim(self, economics: Economics) -> None:
        """Take over other targets, from the next round on."""
        self._economics = self.health.economics = economics
        self.alerts.aim(economics.targets)

    def tick(self, clock_ms: int, now_s: float, generation: int = 0, days: Sequence[int] = ()) -> Tick:
        """Begin a round.

        Args:
            clock_ms: the wall clock.
            now_s: a steady clock, in seconds.
            generation: of the group.
            days: asks for past days; see `Tick.days`.
        """
        if math.isnan(self.began_s):
            self.began_s = now_s
        now_ms = clock_ms if self._settings.clock == "wall" else max(self.latest_event_ms, 0)
        self._floor_ms = max(self._floor_ms, now_ms)
        full = now_s - self._full_at_s >= self._full_cost_s / FULL_SHARE
        self._number += 1
        tick = Tick(
            self._owner,
            self._number,
            self._floor_ms,
            clock_ms,
            full,
            self._url,
            generation,
            self._settings.app_id,
            self._topics,
            track=self.alerts.is_due(now_s),
            days=list(days),
            tally=self.tallies.ask(self._number, self._floor_ms, now_s) if self.snapshot is not None else 0,
        )
        self._rounds.append(Round(tick))
        return tick

    def take(self, answer: Answer, now_s: float) -> bool:
        """Take in an answer; return whether it completed a round and there is a new snapshot."""
        if answer.owner != self._owner:
            return False  # maybe another engine's on the same topics, on another clock or far behind
        if answer.failure:
            self._last_answer_s[answer.partition] = now_s
            self._failed[answer.partition] = answer.failure, now_s
            return False
        self._failed.pop(answer.partition, None)
        self.latest_event_ms = max(self.latest_event_ms, answer.latest_event_ms)
        self._floor_ms = max(self._floor_ms, answer.now_ms)
        round_ = next((each for each in self._rounds if each.tick.number == answer.number), None)
        if round_ is None:
            return False
        self._last_answer_s[answer.partition] = now_s
        if answer.behind:
            self._behind[answer.partition] = now_s
            self._caught_up_ms = self.latest_event_ms
            return False
        self._behind.pop(answer.partition, None)
        self.tallies.take(answer, now_s)
        if answer.now_ms == round_.tick.now_ms:
            round_.answers[answer.partition] = answer
        if len(round_.answers) < self._settings.kafka.partitions:
            return False
        while self._rounds and self._rounds[0].tick.number <= answer.number:
            self._rounds.popleft()
        return not self._is_of_the_past(round_.tick.now_ms) and self._complete(round_, now_s)

    def _is_of_the_past(self, now_ms: int) -> bool:
        """Tell whether a tick was sent before the event clock had heard of what was being read again."""
        return self._settings.clock == "event" and now_ms < min(self._caught_up_ms, self.latest_event_ms)

    def charge(self, seconds: float) -> None:
        """Say what the latest snapshot has cost, so that slices don't crowd out the rest."""
        if self.snapshot is not None and self.snapshot.at_s == self._full_at_s:
            self._full_cost_s = seconds

    def unknown(self, now_s: float) -> dict[str, str]:
        """Return KPI -> why it can't be known now, in a sentence; empty when all is well."""
        return {kpi: reason.text for kpi, reason in self.reasons(now_s).items()}

    def reasons(self, now_s: float) -> dict[str, Reason]:
        """Return KPI -> why it can't be known now: all of them for want of a partition, some for want of a source."""
        reason = self.obstacle(now_s)
        return self.health.unknown if reason is None else {kpi.id: reason for kpi in CATALOGUE}

    def obstacle(self, now_s: float) -> Reason | None:
        """Return why nothing at all can be known now; None if only sources may be missing."""
        return failure(self.resized) if self.resized else self._missing(now_s)

    def _missing(self, now_s: float) -> Reason | None:
        """Return what a complete and recent round is wanting; None if there is one."""
        if self._settings.clock == "event" and self.snapshot is not None and self.latest_event_ms < 0:
            return NO_EVENT
        patience_s = max(MISSED_TICKS * self._settings.tick_interval.seconds, GRACE_S)
        if self.snapshot is not None and now_s - self.snapshot.at_s <= patience_s:
            return None
        partitions = range(self._settings.kafka.partitions)
        silent = [p for p in partitions if now_s - self._last_answer_s.get(p, -math.inf) > patience_s]
        if silent:
            return no_answer(silent)
        failed = [(p, why) for p, (why, since_s) in sorted(self._failed.items()) if now_s - since_s <= patience_s]
        if failed or self._failure:
            return failure(f"partition {failed[0][0]}: {failed[0][1]}" if failed else self._failure)
        if behind := [p for p, since_s in sorted(self._behind.items()) if now_s - since_s <= patience_s]:
            return catching_up(behind)
        return STARTING if self.snapshot is None else LATE_ANSWERS

    def _complete(self, round_: Round, now_s: float) -> bool:
        answers = list(round_.answers.values())
        try:
            sums = self._merger.merge(answers)
        except RangeError as error:
            self._failure = str(error)  # the next owner would fail on it alike
            return False
        self._failure = ""
        meaning = self._settings.meaning
        document = kpi_document(meaning, self._time, sums, self._economics, round_.tick.now_ms)
        if round_.tick.full:
            self._full_at_s = now_s
            self._full = document
        if self._full is not None:
            document["slices"], document["slices_now"] = self._full["slices"], self._full["now"]
        document["cohorts"], document["tenure"] = self.tallies.sections(now_s)
        covers: dict[str, dict[int, int]] = {}
        for answer in answers:
            for topic, position in answer.positions.items():
                covers.setdefault(topic, {})[answer.partition] = position
        if round_.tick.full:
            self.slices_covers = covers
        self.waiting = sum(answer.waiting for answer in answers)
        residual, now_ms = books_residual(sums), round_.tick.now_ms
        marks = merged(answer.watermarks for answer in answers) if round_.tick.full else None
        self.health.observe(marks, residual)
        self.health.judge(now_ms, now_s)
        watermarks = self.health.watermarks(now_ms)
        self.snapshot = Snapshot(document, covers, now_s, self.latest_event_ms, residual, watermarks)
        if round_.tick.track and all(answer.track for answer in answers):
            tracks = added_up(unpack(answer.track) for answer in answers)
            self.alerts.take(tracks, now_ms, watermarks)
        if round_.tick.full or round_.tick.track:
            self.alerts.take_sums(sums, now_ms, full=round_.tick.full, tenure=document["tenure"])
        self.completed = round_
        return True


def books_residual(sums: Sums) -> int:
    """Return how many customers the books don't account for, added over everybody and every slice.

    opening + new + won back - lost = closing: what opened less what closed, counted as flows, against the
    lifetimes that are open, counted as a stock. The two are contributed apart, so an error in one shows here.
    """
    residual = 0
    for windows in sums.values():
        values = windows[LIFETIME].values
        residual += abs(values.get("opened", 0) - values.get("closed", 0) - values.get("open_lifetimes", 0))
    return residual
