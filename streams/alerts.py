"""The KPI agent's judgement of alerts: every few seconds, on the cluster's track, for gauges and for `/kpis`.

A rule in Prometheus can compare; it can't say how likely a count is. So observed, expected and probability are worked
out here and exported, and the rules only ask. What can't be known has no gauge: an unknown KPI never pages, nor does
one of which too little has been learned. Why a window is on or off is said, not silently decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from metrics import names
from metrics.alerting import BY_SLICE, WATCHES, Watch
from metrics.economics import Target
from metrics.frame import Cell, CellSums
from metrics.promql import escaped
from metrics.steps import Steps, at_once
from streams.alert_parts import Part, parts_of
from streams.alert_windows import (
    DAY_STEPS,
    LEAST_WEEKS,
    WEEK_STEPS,
    Baseline,
    Budget,
    Judged,
    Series,
    judge,
    learned,
    series_of,
    windows_end,
)
from streams.expected import Usual, by_targets
from streams.incidents import Incidents
from streams.replay import replay
from streams.settings import Settings
from streams.slice_alerts import NOT_YET, SliceAlerts
from streams.slice_alerts import Usual as UsualOfAll
from streams.survey_alerts import HELP as SURVEY_HELP
from streams.survey_alerts import SurveyAlerts
from streams.track import STEP_MIN, Track

EVERY_S = 5.0
_RESUMED_DAYS = 7
_HELP = {
    names.ALERT_OBSERVED: "What was counted in a window.",
    names.ALERT_EXPECTED: "What was to be expected there.",
    names.ALERT_P_VALUE: "How likely so many (where less is worse: so few) are by chance.",
    names.ALERT_ALPHA: "Below which probability it is news; from the budget of false alarms.",
    names.ALERT_NEEDED: "The count in the long window that would be.",
    names.ALERT_BASE: "Customers, buyers or leads at risk.",
    names.ALERT_ON: "1 where there are enough customers for a window to mean something.",
    names.ALERT_SINCE: "When its incident began, while it lasts.",
    names.ALERT_PART: "What a slice's value, or a reason, adds to the change against 30 days, as a share of it.",
    names.ALERT_END: "Where the windows end: up to there the sources have been heard of.",
    **SURVEY_HELP,
}


class Alerts:
    """What is judged, in one life of the KPI agent.

    Attributes:
        judged: every tier of every watch of which enough is known.
        silent: watch -> why it isn't judged.
        now_ms: as of when; -1 before the first time.
    """

    def __init__(self, settings: Settings) -> None:
        self.judged: list[Judged] = []
        self.silent: dict[str, str] = dict.fromkeys((watch.id for watch in WATCHES), NOT_YET)
        self.now_ms = -1
        self._timezone = settings.timezone
        self._budget = Budget(settings.alerts.false_pages_per_year, settings.alerts.false_tickets_per_year)
        self._by_target = settings.alerts.expected == "target"
        self._expected: Usual = learned
        self._asked_at_s = -EVERY_S
        self._incidents: Incidents | None = None
        self._usual: UsualOfAll | None = None
        self._sums_at_ms = -1
        self._parts: dict[tuple[str, str], list[Part]] = {}
        self._time = settings.reporting_time
        alerts = settings.alerts
        self._slices = SliceAlerts(len(settings.slices), alerts.slice_values, alerts.false_slice_tickets_per_year)
        self._surveys = SurveyAlerts(self._budget)
        self.aim(settings.economics.targets)

    def aim(self, goals: Iterable[Target]) -> None:
        """Compare scores with these targets; take what is usual from them, where the settings want it so."""
        goals = tuple(goals)
        self._surveys.aim(goals)
        self._expected = by_targets(goals) if self._by_target else learned

    def is_due(self, now_s: float) -> bool:
        """Tell whether the partitions' tracks should be asked for; it is then no more for a while."""
        if now_s - self._asked_at_s < EVERY_S:
            return False
        self._asked_at_s = now_s
        return True

    def take(self, track: Track, now_ms: int, watermarks: Mapping[str, int]) -> None:
        """Judge everything anew.

        Args:
            track: of all partitions.
            now_ms: as of when it is.
            watermarks: type of event -> up to when its sources have been heard of; without one, up to now.
        """
        at_once(self.steps(track, now_ms, watermarks))

    def steps(self, track: Track, now_ms: int, watermarks: Mapping[str, int]) -> Steps[None]:
        """Do what `take` does in steps of one watch; what is judged is replaced with the last, all of it."""
        judged: list[Judged] = []
        silent: dict[str, str] = {}
        usual: UsualOfAll | None = None
        expected = self._expected  # targets may change between two steps
        incidents = self._incidents or (yield from self._resumed(track, now_ms, watermarks))
        for watch in WATCHES:
            series = series_of(track, watch, self._timezone)
            end = _end(watch, series, now_ms, watermarks)
            baseline = expected(watch, series, end - end % DAY_STEPS)
            if baseline is None:
                silent[watch.id] = _learning(series, end)
            else:
                judged += judge(watch, series, baseline, end, self._budget, incidents.held(watch.id))
                if watch.kpi == BY_SLICE.kpi:
                    usual = _usual_of_all(series, baseline, end)
            yield
        incidents.observe_all(judged)
        self.judged, self.silent, self.now_ms, self._usual, self._incidents = judged, silent, now_ms, usual, incidents

    def take_sums(
        self,
        sums: Mapping[Cell, Mapping[str, CellSums]],
        now_ms: int,
        *,
        full: bool,
        tenure: Mapping[str, Any] | None = None,
    ) -> None:
        """Judge scores and, where slices are among the sums, slices.

        Args:
            sums: by cell and window.
            now_ms: as of when it is.
            full: slices are among them.
            tenure: the document's section; None where it isn't counted yet.
        """
        at_once(self.steps_of_sums(sums, now_ms, full=full, tenure=tenure))

    def steps_of_sums(
        self,
        sums: Mapping[Cell, Mapping[str, CellSums]],
        now_ms: int,
        *,
        full: bool,
        tenure: Mapping[str, Any] | None = None,
    ) -> Steps[None]:
        """Do what `take_sums` does in steps of one value of a slice, and then of one alert that lasts."""
        self._surveys.take(sums.get(None, {}), [plan.name for plan in self._time.plans])
        if full and not 0 <= now_ms - self._sums_at_ms < EVERY_S * 1000:
            self._sums_at_ms = now_ms
            frame = self._time.frame(now_ms)
            yield from self._slices.steps(sums, frame, self._usual)
            parts = {}
            for one in self.judged:
                if self._since_ms(one) is not None:
                    parts[_key(one)] = parts_of(sums, frame, one.watch, one.tier, tenure)
                    yield
            self._parts = parts

    def exposition(self, unknown: Mapping[str, str]) -> bytes:
        """Return the gauges, in Prometheus's text format; none of a KPI that is unknown."""
        samples: dict[str, list[str]] = {name: [] for name in _HELP}
        for one in self.judged:
            if one.watch.kpi in unknown:
                continue
            labels = f'{names.ALERT}="{one.watch.id}",{names.TIER}="{one.tier.name}"'
            samples[names.ALERT_ON].append(f"{{{labels}}} {int(one.on)}")
            samples[names.ALERT_BASE].append(f"{{{labels}}} {one.base}")
            samples[names.ALERT_END].append(f"{{{labels}}} {one.end_ms / 1000!r}")
            for span, seen in (("long", one.long), ("short", one.short)):
                place = f'{{{labels},{names.SPAN}="{span}"}}'
                samples[names.ALERT_OBSERVED].append(f"{place} {seen.observed}")
                samples[names.ALERT_EXPECTED].append(f"{place} {seen.expected!r}")
            since_ms = self._since_ms(one)
            if since_ms is not None:
                samples[names.ALERT_SINCE].append(f"{{{labels}}} {since_ms / 1000!r}")
                samples[names.ALERT_PART] += (_sample(labels, part) for part in self._parts.get(_key(one), ()))
            if one.verdict is not None:
                samples[names.ALERT_P_VALUE].append(f"{{{labels}}} {one.verdict.p_value!r}")
                samples[names.ALERT_ALPHA].append(f"{{{labels}}} {one.alpha!r}")
                samples[names.ALERT_NEEDED].append(f"{{{labels}}} {one.verdict.needed}")
        sliced = self._slices.samples() if BY_SLICE.kpi not in unknown else ()
        for name, sample in (*sliced, *self._surveys.samples(unknown)):
            samples[name].append(sample)
        return "".join(_families(samples)).encode()

    def document(self, unknown: Mapping[str, str]) -> dict[str, Any]:
        """Return the section `alerts` of the KPI document."""
        said: dict[str, Any] = {
            watch.id: {"kpi": watch.kpi, "unknown": unknown[watch.kpi]} for watch in WATCHES if watch.kpi in unknown
        }
        kpis = {watch.id: watch.kpi for watch in WATCHES}
        said |= {id_: {"kpi": kpis[id_], "silent": reason} for id_, reason in self.silent.items() if id_ not in said}
        for one in self.judged:
            if one.watch.kpi not in unknown:
                of_watch = said.setdefault(one.watch.id, {"kpi": one.watch.kpi, "base": one.base, "windows": {}})
                of_watch["windows"][one.tier.name] = self._told(one)
        is_known = BY_SLICE.kpi not in unknown
        said[BY_SLICE.id] = (
            self._slices.document() if is_known else {"kpi": BY_SLICE.kpi, "unknown": unknown[BY_SLICE.kpi]}
        )
        return said | self._surveys.document(unknown)

    def _told(self, one: Judged) -> dict[str, Any]:
        verdict = one.verdict
        since_ms = self._since_ms(one)
        return {
            "severity": one.tier.severity,
            "on": one.on,
            "why": one.reason,
            "firing": verdict is not None and verdict.firing,
            "since": None if since_ms is None else _instant(since_ms),
            "end": _instant(one.end_ms),
            "observed": one.long.observed,
            "expected": one.long.expected,
            "factor": one.tier.factor,
            "p_value": None if verdict is None else verdict.p_value,
            "alpha": one.alpha,
            "needed": None if verdict is None else verdict.needed,
            "base": one.base,
            "parts": [
                {"slice": part.attribute, "value": part.value, "by": part.by, "share": part.share}
                for part in (self._parts.get(_key(one), ()) if since_ms is not None else ())
            ],
        }

    def _since_ms(self, one: Judged) -> int | None:
        return None if self._incidents is None else self._incidents.since_ms(one.watch.id, one.tier.name)

    def _resumed(self, track: Track, now_ms: int, watermarks: Mapping[str, int]) -> Steps[Incidents]:
        """Return the incidents that the last days held: another worker may have paged them."""
        incidents = Incidents()
        for watch in WATCHES:
            series = series_of(track, watch, self._timezone)
            end = _end(watch, series, now_ms, watermarks)
            within = {watch.id: range(end - end % DAY_STEPS - _RESUMED_DAYS * DAY_STEPS, end)}
            played = replay(track, self._timezone, self._budget, [watch], self._expected, within)
            incidents.resume(played.episodes)
            yield
        return incidents


def _usual_of_all(series: Series, baseline: Baseline, end: int) -> UsualOfAll:
    season = {}
    for minutes in {span for tier in BY_SLICE.tiers for span in (tier.long_min, tier.short_min)}:
        hours = series.hours[max(end - minutes // STEP_MIN - series.first, 0) : end - series.first]
        season[minutes] = float(baseline.season[hours].mean()) if len(hours) else 1.0
    return UsualOfAll(baseline.rate, season, baseline.dispersion)


def _learning(series: Series, end: int) -> str:
    counted = series.counts.nonzero()[0]
    if not len(counted):
        return "nothing to learn from yet: it has never happened"
    days = max(end - series.first - int(counted[0]), 0) // DAY_STEPS
    return f"learning what is usual: {days} of {(LEAST_WEEKS * WEEK_STEPS + WEEK_STEPS) // DAY_STEPS} days"


def _families(samples: Mapping[str, list[str]]) -> Iterable[str]:
    for name, of_name in samples.items():
        if of_name:
            yield f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n"
            yield from (f"{name}{sample}\n" for sample in of_name)


def _key(one: Judged) -> tuple[str, str]:
    return one.watch.id, one.tier.name


def _sample(labels: str, part: Part) -> str:
    place = f'{names.SLICE}="{escaped(part.attribute)}",{names.VALUE}="{escaped(part.value)}",{names.BY}="{part.by}"'
    return f"{{{labels},{place}}} {part.share!r}"


def _end(watch: Watch, series: Series, now_ms: int, watermarks: Mapping[str, int]) -> int:
    return max(min(windows_end(watch, now_ms, watermarks), series.end), series.first)


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
