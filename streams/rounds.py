"""The KPI agent's mind, without Faust: sends ticks, gathers answers, and says what the KPIs are, or that it can't.

A round is one tick and the answers of every partition to it. Complete, it becomes the snapshot. Until then the
last one stands, with its age; once a partition has missed too many, every KPI is *unknown*, with the reason: a
sum without it would be a smaller number, and look like one.

With two hundred slice values a round is a tenth of a second of work. So it is evaluated in steps, between which others
get their turn, into a draft that nobody sees; accepted, the draft is the snapshot, its document, gauges, positions and
the judgement of the sources together. A draft that is given up half-way leaves nothing behind but names of slots.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metrics.catalogue import CATALOGUE
from metrics.economics import Economics
from metrics.exporter import Gauges, Samples, places_of_everybody, places_of_slices, samples
from metrics.frame import LIFETIME
from metrics.steps import Steps, at_once
from streams.alerts import Alerts
from streams.document import KpiDocument, kpi_document_steps
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
        gauges: the same for Prometheus.
        covers: by topic and partition, the position up to which events are in it.
        at_s: when it was made, on the worker's steady clock.
        latest_event_ms: the latest event seen by any partition.
        books_residual: customers that the books don't account for; 0 if sound.
        watermarks: event type -> up to which event time the sources that deliver it regularly have delivered it.
    """

    document: KpiDocument
    gauges: Gauges
    covers: dict[str, dict[int, int]]
    at_s: float
    latest_event_ms: int
    books_residual: int
    watermarks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Draft:
    """A round that is evaluated, and not yet to be seen.

    Attributes:
        round: the round.
        sums: its answers, added up.
        document: of these sums; its slices are the latest that were asked for, this time or earlier.
        gauges: the same for Prometheus.
        at_s: when the round was complete, on the worker's steady clock.
    """

    round: Round
    sums: Sums
    document: KpiDocument
    gauges: Gauges
    at_s: float


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
        self._slices: tuple[KpiDocument, Samples] | None = None
        self._full_cost_s = 0.0
        self._full_at_s = -math.inf
        self._evaluated_at_s = -math.inf  # when the round that is being evaluated was complete; one that isn't ages
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
        """Take in an answer; return whether it completed a round and there is a new snapshot.

        All steps at once: `hear`, `evaluate`, `accept` and `judge`, which who has others to wait for calls one by one.
        """
        round_ = self.hear(answer, now_s)
        draft = at_once(self.evaluate(round_, now_s)) if round_ is not None else None
        if draft is None:
            return False
        self.accept(draft)
        at_once(self.judge(draft))
        return True

    def hear(self, answer: Answer, now_s: float) -> Round | None:
        """Take in an answer; return the round that it completed, to be evaluated before another one."""
        if answer.owner != self._owner:
            return None  # maybe another engine's on the same topics, on another clock or far behind
        if answer.failure:
            self._last_answer_s[answer.partition] = now_s
            self._failed[answer.partition] = answer.failure, now_s
            return None
        self._failed.pop(answer.partition, None)
        self.latest_event_ms = max(self.latest_event_ms, answer.latest_event_ms)
        self._floor_ms = max(self._floor_ms, answer.now_ms)
        round_ = next((each for each in self._rounds if each.tick.number == answer.number), None)
        if round_ is None:
            return None
        self._last_answer_s[answer.partition] = now_s
        if answer.behind:
            self._behind[answer.partition] = now_s
            self._caught_up_ms = self.latest_event_ms
            return None
        self._behind.pop(answer.partition, None)
        self.tallies.take(answer, now_s)
        if answer.now_ms == round_.tick.now_ms:
            round_.answers[answer.partition] = answer
        if len(round_.answers) < self._settings.kafka.partitions:
            return None
        while self._rounds and self._rounds[0].tick.number <= answer.number:
            self._rounds.popleft()
        return None if self._is_of_the_past(round_.tick.now_ms) else round_

    def _is_of_the_past(self, now_ms: int) -> bool:
        """Tell whether a tick was sent before the event clock had heard of what was being read again."""
        return self._settings.clock == "event" and now_ms < min(self._caught_up_ms, self.latest_event_ms)

    def charge(self, seconds: float) -> None:
        """Say what the latest snapshot has cost, so that slices don't crowd out the rest."""
        if self.snapshot is not None and self.snapshot.at_s == self._full_at_s:
            self._full_cost_s = seconds

    def exposition(self, now_s: float) -> list[bytes]:
        """Return the gauges of the snapshot, of alerts and of breakdowns, in Prometheus's text format, in parts."""
        reasons = self.reasons(now_s)
        unknown = {kpi: reason.text for kpi, reason in reasons.items()}
        gauges = self.snapshot.gauges if self.snapshot is not None else Gauges()
        return [
            *gauges.exposition({kpi: reason.slug for kpi, reason in reasons.items()}, self._settings.currency),
            self.alerts.exposition(unknown),
            self.tallies.exposition(unknown, now_s),
        ]

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
        if self.snapshot is not None and now_s - max(self.snapshot.at_s, self._evaluated_at_s) <= patience_s:
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

    def evaluate(self, round_: Round, now_s: float) -> Steps[Draft | None]:
        """Make a complete round's draft in bounded steps; None if its sums can't be known.

        Args:
            round_: as `hear` has returned it.
            now_s: when that was.
        """
        tick, economics = round_.tick, self._economics
        if tick.full:
            self._full_at_s = now_s  # from here on, or the next tick would ask for slices again
        self._evaluated_at_s = now_s
        try:
            sums = yield from self._merger.merge(list(round_.answers.values()))
            self._failure = ""
            document = yield from kpi_document_steps(self._settings.meaning, self._time, sums, economics, tick.now_ms)
            everybody = yield from samples(places_of_everybody(document), economics.currency)
            slices = (yield from samples(places_of_slices(document), economics.currency)) if tick.full else {}
        except RangeError as error:
            self._failure = str(error)  # the next owner would fail on it alike
            return None
        finally:
            self._evaluated_at_s = -math.inf
        return Draft(round_, sums, document, Gauges(everybody, slices), now_s)

    def accept(self, draft: Draft) -> None:
        """Have a draft be the snapshot, all of it at once; drafts come in the order of their rounds."""
        tick, document, now_s = draft.round.tick, draft.document, draft.at_s
        answers = list(draft.round.answers.values())
        covers: dict[str, dict[int, int]] = {}
        for answer in answers:
            for topic, position in answer.positions.items():
                covers.setdefault(topic, {})[answer.partition] = position
        if tick.full:
            self._slices, self.slices_covers = (document, draft.gauges.slices), covers
        gauges = draft.gauges
        if self._slices is not None:
            latest, of_slices = self._slices
            document["slices"], document["slices_now"] = latest["slices"], latest["now"]
            gauges = Gauges(gauges.everybody, of_slices)
        document["cohorts"], document["tenure"] = self.tallies.sections(now_s)
        self.waiting = sum(answer.waiting for answer in answers)
        residual = books_residual(draft.sums)
        self.health.observe(merged(answer.watermarks for answer in answers) if tick.full else None, residual)
        self.health.judge(tick.now_ms, now_s)
        watermarks = self.health.watermarks(tick.now_ms)
        self.snapshot = Snapshot(document, gauges, covers, now_s, self.latest_event_ms, residual, watermarks)
        self.completed = draft.round

    def judge(self, draft: Draft) -> Steps[None]:
        """Judge alerts by a draft that was accepted, in bounded steps; until the last of each kind the former stand."""
        tick, answers = draft.round.tick, draft.round.answers.values()
        if tick.track and all(answer.track for answer in answers):
            watermarks = self.health.watermarks(tick.now_ms)
            track = added_up(unpack(answer.track) for answer in answers)
            yield
            yield from self.alerts.steps(track, tick.now_ms, watermarks)
        if tick.full or tick.track:
            tenure = draft.document["tenure"]
            yield from self.alerts.steps_of_sums(draft.sums, tick.now_ms, full=tick.full, tenure=tenure)


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
