"""Judges the sources: who should have delivered and hasn't, which KPIs that concerns, and when they can be believed.

Configured expectations come first; where none speaks of a source, its learned rhythm does, on the wall clock only: a
replay has another one. What is silent takes the KPIs with it that are fed by the missing types. A figure comes back
once the source has delivered again and the verdict has held for a while; a source that relapses soon must hold for
twice as long, so that one which delivers just about in time doesn't make gauges flicker.

Pure: fed with marks, asked with both clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from metrics.economics import Economics
from metrics.evaluate import rfc3339
from metrics.feeds import event_types, kpis_on_lifetimes
from streams.expectations import Daily, Expectation
from streams.reasons import Reason, books_unbalanced, silent_sources
from streams.rhythm import Rhythm
from streams.watermarks import REMEMBERED_WEEKS, WEEK_HOURS, Mark, Pair

ANY_SOURCE = "any"
"""What an expectation of anybody's events is shown under while there are none."""
LONGEST_HOLD = 64
"""Times the settle time: a source that keeps relapsing is held back no longer than this ..."""
LONGEST_HOLD_S = 6 * 3_600.0
"""... or, where it may be quiet for long, than four times that, up to a quarter of a day."""
_STEADY = 10
"""Known for as many holds, and as many times its patience, a source that falls silent hasn't relapsed."""


@dataclass(frozen=True, slots=True)
class HealthRules:
    """What the settings say of health.

    Attributes:
        expected: of sources, by configuration.
        learn: judge the others by their learned rhythm.
        alpha: the chance of an ordinary silence below which it isn't taken for one.
        settle_s: how long a verdict must hold before what was unknown is known again.
        retired: sources of which nothing is expected any more.
    """

    expected: tuple[Expectation, ...] = ()
    learn: bool = True
    alpha: float = 1e-6
    settle_s: float = 60.0
    retired: frozenset[str] = frozenset()


@dataclass(slots=True)
class Trust:
    """Whether something that was in doubt can be believed again; starts out as believed."""

    settle_s: float
    doubted: bool = False
    _proof: object = None
    _fine_since_s: float | None = None
    _trusted_since_s: float = 0.0
    _hold_s: float = 0.0

    def see(self, *, fine: bool, proof: object, now_s: float, patience_s: float = 0.0) -> bool:
        """Take in a verdict and return whether it is still, or again, in doubt.

        Args:
            fine: the verdict.
            proof: changes when there is something new; without it a good verdict is only a clock that was set back.
            now_s: a steady clock.
            patience_s: how long a verdict may stay good without anything new: relapses are measured by it.
        """
        if not fine:
            if not self.doubted:
                steady_s = _STEADY * max(self._hold_s, patience_s)
                relapsed = self._hold_s > 0 and now_s - self._trusted_since_s < steady_s
                self._hold_s = min(2 * self._hold_s, self._longest_s(patience_s)) if relapsed else self.settle_s
                self.doubted = True
            self._proof, self._fine_since_s = proof, None
        elif self.doubted:
            if self._fine_since_s is None and proof != self._proof:
                self._fine_since_s = now_s
            if self._fine_since_s is not None and now_s - self._fine_since_s >= self._hold_s:
                self.doubted, self._trusted_since_s = False, now_s
        return self.doubted

    def _longest_s(self, patience_s: float) -> float:
        return max(LONGEST_HOLD * self.settle_s, min(4 * patience_s, LONGEST_HOLD_S))


@dataclass(slots=True)
class Watch:
    """One expectation, configured or learned, and how it is met.

    Attributes:
        pairs: the sources and types that it speaks of.
        told: what is expected, in words.
        due_ms: from when it isn't met, unless something arrives.
        latest_event_ms: up to which event time it is met; None before the first event.
        overdue: not met.
        silent: not met, or not for long enough again.
    """

    pairs: frozenset[Pair]
    told: str
    due_ms: int
    latest_event_ms: int | None
    overdue: bool = False
    silent: bool = False

    def clause(self, name: str) -> str:
        """Say what is missing."""
        if not self.overdue:
            return f"{name} delivers again, but hasn't for long enough"
        since = "ever" if self.latest_event_ms is None else f"since {rfc3339(self.latest_event_ms)}"
        return f"nothing from {name} {since}, {self.told}"


@dataclass(slots=True)
class Health:
    """What the KPI agent thinks of the sources.

    Attributes:
        marks: of the cluster, as last observed.
        watches: by name, as last judged.
        unknown: KPI -> why it can't be known, as last judged.
    """

    rules: HealthRules
    economics: Economics
    timezone: str
    live: bool
    marks: Mapping[Pair, Mark] = field(default_factory=dict)
    watches: dict[str, Watch] = field(default_factory=dict)
    unknown: dict[str, Reason] = field(default_factory=dict)
    _rhythm: Rhythm = field(init=False)
    _began_ms: int = 0
    _residual: int = 0
    _out_by: int = 0
    _books: Trust = field(init=False)
    _trust: dict[str, Trust] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rhythm = Rhythm(self.timezone, self.rules.alpha)
        self._books = Trust(self.rules.settle_s)

    def observe(self, marks: Mapping[Pair, Mark] | None, residual: int) -> None:
        """Take in what the partitions have reported.

        Args:
            marks: of all of them; None: as before.
            residual: customers that the books don't account for.
        """
        if marks is not None:
            self.marks = {pair: mark for pair, mark in marks.items() if pair[0] not in self.rules.retired}
        self._residual = residual
        self._out_by = residual or self._out_by

    def judge(self, now_ms: int, now_s: float) -> None:
        """Judge everything as of an instant.

        Args:
            now_ms: the clock of the KPIs, wall or event.
            now_s: a steady clock.
        """
        self._began_ms = self._began_ms or now_ms
        self.watches = dict(self._configured()) | dict(self._learned())
        for name, watch in self.watches.items():
            trust = self._trust.setdefault(name, Trust(self.rules.settle_s))
            proof = tuple((m.latest_event_ms, m.latest_record_ms) for m in map(self.marks.get, watch.pairs) if m)
            watch.overdue = now_ms >= watch.due_ms
            patience_s = (watch.due_ms - (watch.latest_event_ms or now_ms)) / 1000
            watch.silent = trust.see(fine=not watch.overdue, proof=proof, now_s=now_s, patience_s=patience_s)
        self._trust = {name: trust for name, trust in self._trust.items() if name in self.watches}
        unbalanced = self._books.see(fine=not self._residual, proof=self._residual, now_s=now_s)
        self.unknown = self._concerned(unbalanced=unbalanced)

    def watermarks(self, now_ms: int) -> dict[str, int]:
        """Return up to which event time each type has been delivered by the sources that deliver it regularly.

        A source that delivers as things happen has delivered all there is, up to now, unless it is silent; one that
        delivers in batches, up to its latest event.
        """
        delivered: dict[str, list[tuple[bool, int]]] = {}
        for (source, kind), mark in self.marks.items():
            watches = [watch for watch in self.watches.values() if (source, kind) in watch.pairs]
            silent = any(watch.silent for watch in watches)
            streams = not silent and self._comes_live((source, kind), mark)
            at_ms = now_ms if streams else min(mark.latest_event_ms, now_ms)
            delivered.setdefault(kind, []).append((bool(watches), at_ms))
        return {
            kind: min(regular) if (regular := [at for is_regular, at in found if is_regular]) else max(found)[1]
            for kind, found in sorted(delivered.items())
        }

    def silent_pairs(self) -> dict[Pair, bool]:
        """Return for each pair that was seen or is expected whether it is silent."""
        found = dict.fromkeys(self.marks, False)
        for watch in self.watches.values():
            for pair in watch.pairs:
                found[pair] = found.get(pair, False) or watch.silent
        return found

    def sources(self) -> list[dict[str, object]]:
        """Return the sources with their rhythm and what is expected of them, for people."""
        silent = self.silent_pairs()
        return [self._described(pair, is_silent=silent[pair]) for pair in sorted(silent)]

    def _described(self, pair: Pair, *, is_silent: bool) -> dict[str, object]:
        mark = self.marks.get(pair)
        watch = next((watch for watch in self.watches.values() if pair in watch.pairs), None)
        about: dict[str, object] = {"source": pair[0], "type": pair[1], "silent": is_silent}
        about["latest_event"] = rfc3339(mark.latest_event_ms) if mark else None
        about["rhythm"] = self._told_rhythm(mark) if mark else "nothing has come yet"
        about["expected"] = watch.told if watch else None
        about["due"] = rfc3339(watch.due_ms) if watch else None
        return about

    def _told_rhythm(self, mark: Mark) -> str:
        manner = "as it happens" if mark.is_prompt else "in batches"
        if not mark.weeks:
            return f"{manner}; known for less than a week"
        seen = f"{mark.weeks} week{'s' * (mark.weeks > 1)}"
        seen = f"the last {seen}" if mark.weeks == REMEMBERED_WEEKS else seen
        return f"{manner}, in {self._rhythm.busy_hours(mark)} of {WEEK_HOURS} hours of the week, by {seen}"

    def _configured(self) -> Iterator[tuple[str, Watch]]:
        for expectation in self.rules.expected:
            met = {pair: mark for pair, mark in self.marks.items() if expectation.covers(*pair)}
            event_ms = max((mark.latest_event_ms for mark in met.values()), default=None)
            record_ms = max((mark.latest_record_ms for mark in met.values()), default=self._began_ms)
            since_ms = self._began_ms if event_ms is None else event_ms
            due_ms = expectation.due_ms(since_ms, record_ms if self.live else None, self.timezone)
            unmet = {
                (expectation.source or ANY_SOURCE, kind)
                for kind in expectation.types
                if not any(kind == met_kind for _, met_kind in met)
            }
            yield expectation.name, Watch(frozenset(met) | unmet, expectation.told(), due_ms, event_ms)

    def _learned(self) -> Iterator[tuple[str, Watch]]:
        if not (self.live and self.rules.learn):
            return
        for pair, mark in self.marks.items():
            if any(expectation.covers(*pair) for expectation in self.rules.expected):
                continue
            due_ms = self._rhythm.due_ms(mark)
            if due_ms is not None:
                told = f"expected by its rhythm before {rfc3339(due_ms)}"
                yield f"{pair[0]} ({pair[1]})", Watch(frozenset({pair}), told, due_ms, mark.latest_event_ms)

    def _comes_live(self, pair: Pair, mark: Mark) -> bool:
        batched = any(each.covers(*pair) and isinstance(each.rhythm, Daily) for each in self.rules.expected)
        return not batched and (mark.is_prompt or not self.live)

    def _concerned(self, *, unbalanced: bool) -> dict[str, Reason]:
        told: dict[str, list[str]] = {}
        for name, watch in self.watches.items():
            if watch.silent:
                for kpi in _fed_by({kind for _, kind in watch.pairs}, self.economics):
                    told.setdefault(kpi, []).append(watch.clause(name))
        unknown = {kpi: silent_sources(clauses) for kpi, clauses in told.items()}
        if unbalanced:
            unknown |= dict.fromkeys(kpis_on_lifetimes(self.economics), books_unbalanced(self._out_by))
        return unknown


def _fed_by(types: Iterable[str], economics: Economics) -> Iterator[str]:
    silent = frozenset(types)
    return (kpi for kpi, fed in event_types(economics).items() if fed & silent)
