"""Alerts about customers, as rules: they compare what the engine exports, and hold no threshold that it doesn't know.

One rule for each pair of windows of each watch (`metrics/alerting.py`), so that a page says which window saw what. The
worker that exports is aggregated away: when the KPIs move to another one, nothing starts to wait anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from metrics import names
from metrics.alert import GRAFANA, JOB, Alert
from metrics.alerting import BY_SLICE, WATCHES, Tier, Watch
from metrics.annotations import asked, board_at, label, most_of_it, places
from metrics.catalogue import BY_ID
from metrics.kpi import Better
from metrics.names import ALL, SLICE, VALUE, WINDOW, metric_name
from metrics.promql import everybody, selector
from metrics.surveys import LEAST_ANSWERS, SURVEYS, Survey

LASTS = "1m"
BEHIND = 0.8
"""Less than this share of what the elapsed part of the month should have brought is behind the plan."""
EARLY = 0.25
"""So much of a month must have gone by before its pace says anything."""
UNLIKELY = 0.1
"""Below this chance a target is as good as missed."""
TOO_EARLY = 0.2
"""So much of a period must have gone by before its chance is news."""
ADDING_UP = ("new_customers", "won_back_customers", "orders", "revenue", "leads")
"""KPIs that grow through a month: half of it should bring half of the target."""
RESTATED = 0.05
"""Past days that have moved by more than this share of a month were published wrong, for whoever reads them."""
RESTATED_KPIS = ("revenue", "orders", "new_customers", "lost_customers")
_ONE = "max without (instance, pod)"
_WINDOW = "max without (instance, pod, span)"
_WATCHED = (*WATCHES, BY_SLICE)


def kpi_alerts(currency: str) -> tuple[Alert, ...]:
    """All alerts about customers; the currency is part of the names of what is money."""
    counted = (_counted(watch, tier) for watch in _WATCHED for tier in watch.tiers)
    return (*counted, *map(_down, SURVEYS), *_plans(), _restated(currency))


def runbook_of_customers(currency: str) -> Iterable[str]:
    """The sections of the runbook: what it means, where to look first, what to do."""
    alerts = kpi_alerts(currency)
    for watch in _WATCHED:
        for severity, title in watch.titles.items():
            rules = [alert for alert in alerts if alert.name == title]
            tiers = [tier for tier in watch.tiers if tier.severity == severity]
            yield from _section(rules[0], _meaning(watch, tiers), watch.looks, watch.act)
    for survey in SURVEYS:
        rule = next(alert for alert in alerts if alert.name == survey.title)
        yield from _section(rule, _heard(survey), survey.looks, survey.act)
    titles = {title for watch in _WATCHED for title in watch.titles.values()} | {survey.title for survey in SURVEYS}
    for alert in alerts:
        if alert.name not in titles:
            marks = f"*{alert.severity}, after {alert.lasts}*"
            yield from (f"## {alert.name}", "", marks, "", alert.description, "", alert.action, "")
            yield from ("```promql", alert.expr, "```", "")


def _section(rule: Alert, meaning: str, looks: Iterable[str], act: str) -> Iterable[str]:
    yield from (f"## {rule.name}", "", f"*{rule.severity}, after {rule.lasts}*", "", meaning, "")
    yield from ("First:", "", *(f"{number}. {look}" for number, look in enumerate(looks, start=1)), "")
    yield from (f"Then: {act}", "", "```promql", rule.expr, "```", "")


def _counted(watch: Watch, tier: Tier) -> Alert:
    def gauge(name: str, span: str = "") -> str:
        labels = {"job": JOB, names.ALERT: watch.id, names.TIER: tier.name}
        return f"{_WINDOW} ({selector(name, labels | ({names.SPAN: span} if span else {}))})"

    def off(span: str) -> str:
        observed, expected = gauge(names.ALERT_OBSERVED, span), gauge(names.ALERT_EXPECTED, span)
        if watch.falls:
            return f"({observed} * {tier.factor:g} <= {expected})"
        return f"({observed} >= {tier.factor:g} * {expected})"

    at, place = places(watch, tier)

    def told(name: str, form: str, span: str = "") -> str:
        return asked(f"{name}{{{at}{label(names.SPAN, span)}}}", place, f"{{{{ . | first | value | {form} }}}}")

    less = "only " if watch.falls else ""
    of_value = " in {{ $labels.slice }}={{ $labels.value }}" if watch.sliced else ""
    since = asked(f"{names.ALERT_SINCE}{{{at}}}", place, "Since {{ . | first | value | humanizeTimestamp }}. ")
    ends = "now" if watch.sliced else f"at {told(names.ALERT_END, 'humanizeTimestamp')}"
    return Alert(
        name=watch.titles[tier.severity],
        expr=f"{off('long')}\n  and {off('short')}\n  and ({gauge(names.ALERT_P_VALUE)} < {gauge(names.ALERT_ALPHA)})",
        lasts=LASTS,
        severity=tier.severity,
        layer="kpi",
        summary=f"{less.capitalize()}{{{{ $value }}}} {watch.told} within {tier.name}{of_value}, "
        f"{told(names.ALERT_EXPECTED, 'printf `%.1f`', 'long')} were to be expected.",
        description=f"{since}By chance that happens with a probability of "
        f"{told(names.ALERT_P_VALUE, 'printf `%.1e`')}; it is news below "
        f"{told(names.ALERT_ALPHA, 'printf `%.1e`')}, from {told(names.ALERT_NEEDED, 'printf `%.0f`')} of "
        f"{told(names.ALERT_BASE, 'printf `%.0f`')} {'leads' if len(watch.exposed) == 1 else 'at risk'} on. "
        f"The windows of {tier.name} and {_span(tier.short_min)} end {ends}. "
        f"{'' if watch.sliced else most_of_it(at, place)}{BY_ID[watch.kpi].meaning.en} Who and why: "
        f"`tapesh explain {watch.kpi}`.",
        action=watch.act,
        holds=_span(tier.holds_min),
        labels={names.KPI: watch.kpi, names.ALERT: watch.id, names.TIER: tier.name},
        board=board_at(watch, tier, at, place),
    )


def _meaning(watch: Watch, tiers: list[Tier]) -> str:
    pairs = " or ".join(
        f"{tier.name} and {_span(tier.short_min)} (from {tier.factor:g} times {'fewer' if watch.falls else 'as many'})"
        for tier in tiers
    )
    few = "far fewer" if watch.falls else "far more"
    return (
        f"{few.capitalize()} than expected: {watch.told}, in two windows at once: {pairs}; and chance alone would"
        " hardly do it. `/kpis` says under `alerts` which windows are on for as many customers as there are, and why."
    )


def _down(survey: Survey) -> Alert:
    def gauge(name: str) -> str:
        return f"{_ONE} ({selector(name, {'job': JOB, names.ALERT: survey.id})})"

    def told(name: str, form: str = survey.form) -> str:
        at = f"job=%q{label(names.ALERT, survey.id)}, {names.AGAINST}=%q, {WINDOW}=%q"
        place = "$labels.job $labels.against $labels.window"
        return asked(f"{name}{{{at}}}", place, f"{{{{ . | first | value | {form} }}}}")

    score, reference = gauge(names.SURVEY_SCORE), gauge(names.SURVEY_REFERENCE)
    return Alert(
        name=survey.title,
        expr=f"{score}\n  and ({gauge(names.SURVEY_UPPER)} < {reference})"
        f"\n  and ({reference} - {score} >= {survey.least:g})"
        f"\n  and ({gauge(names.SURVEY_ANSWERS)} >= {LEAST_ANSWERS})",
        lasts="6h",
        severity="ticket",
        layer="kpi",
        summary=f"{survey.told} ({{{{ $labels.window }}}}) is down to {{{{ $value | {survey.form} }}}}, "
        f"{{{{ if eq $labels.against `target` }}}}below its target of{{{{ else }}}}from{{{{ end }}}} "
        f"{told(names.SURVEY_REFERENCE)}.",
        description=f"{told(names.SURVEY_ANSWERS, 'printf `%.0f`')} answers; by chance it may be up to "
        f"{told(names.SURVEY_UPPER)}. {BY_ID[survey.kpi].meaning.en}",
        action=survey.act,
        holds="1d",
        labels={names.KPI: survey.kpi, names.ALERT: survey.id},
        board=f"{{{{ $externalLabels.{GRAFANA} }}}}/d/tapesh-satisfaction?var-job={{{{ $labels.job | urlquery }}}}"
        "&from=now-90d",
    )


def _heard(survey: Survey) -> str:
    return (
        f"{survey.told} is lower than chance explains: the interval about it excludes what the two months before had"
        f" (against `usual`), or its target (against `target`), with {LEAST_ANSWERS} answers or more and a drop of"
        f" {survey.least:g} or more. How wide the interval is follows from the budget of false tickets; `/kpis` shows"
        " it under `alerts`."
    )


def _plans() -> Iterable[Alert]:
    attained = metric_name(BY_ID["target_attainment"], "EUR")
    everyone = {"job": JOB, SLICE: ALL, VALUE: ALL}
    lower = "|".join(kpi.id for kpi in BY_ID.values() if kpi.better is Better.LOWER and kpi.label is None)
    of_month = {"job": JOB, WINDOW: "month"}
    pace = selector(names.TARGET_PACE, of_month, {names.KPI: "|".join(ADDING_UP)})
    elapsed = selector(names.TARGET_ELAPSED, of_month)
    yield Alert(
        name="TapeshTargetBehind",
        expr=f"{_ONE} ({pace}) < {BEHIND}\n  and {_ONE} ({elapsed}) > {EARLY}"
        f"\n  unless {_ONE} ({selector(names.TARGET_CHANCE, of_month)})",
        lasts="6h",
        severity="ticket",
        layer="kpi",
        summary="{{ $labels.kpi }} has brought {{ $value | humanizePercentage }} of what it should have by now.",
        description=f"It is less than {BEHIND:.0%} of what the elapsed part of the month (of the reporting calendar "
        "and time zone) should have brought, and too little is known yet to say more: where a chance is known, that is "
        "what counts.",
        action="Is it late events, a weak week, or the plan? The board's trend over 24 hours and 7 days tells.",
    )
    yield Alert(
        name="TapeshTargetUnlikely",
        expr=f"{_ONE} ({selector(names.TARGET_CHANCE, {'job': JOB})}) < {UNLIKELY}\n"
        f"  and {_ONE} ({selector(names.TARGET_ELAPSED, {'job': JOB})}) > {TOO_EARLY}",
        lasts="6h",
        severity="ticket",
        layer="kpi",
        summary="{{ $labels.kpi }} has a chance of {{ $value | humanizePercentage }} to meet the {{ $labels.window }}'s"
        " target.",
        description=f"Less than {UNLIKELY:.0%} with more than {TOO_EARLY:.0%} of the period gone, if days go on as in"
        " the last eight weeks. `tapesh targets` says what is reached, what should be by now, and what each day would"
        " have to bring.",
        action="Did something break (a source, a channel, the shop), or is the plan not that of the last eight weeks? "
        "A campaign that is still to come isn't in the chance. A plan that no longer holds: "
        "`tapesh targets set KPI WINDOW VALUE`.",
    )
    yield Alert(
        name="TapeshTargetMissed",
        expr=f"{_ONE} ({selector(attained, everyone, {names.KPI: lower})}) < 1",
        lasts="1h",
        severity="ticket",
        layer="kpi",
        summary="{{ $labels.kpi }} is above its target for the {{ $labels.window }}.",
        description="What is to stay below its target has passed it before the period's end.",
        action="It can't be undone within the period: say so to who plans, and look for the cause as for a high rate.",
    )


def _restated(currency: str) -> Alert:
    def moved_far(kpi: str) -> str:
        labels = {"job": JOB, names.KPI: kpi, names.PERIOD: "day"}
        moved = f"abs({_ONE} ({selector(names.RESTATED_DELTA, labels)}))"
        month = f"abs({_ONE} ({everybody(BY_ID[kpi], '30d', currency, JOB)}))"
        return f"{moved} and on (job) ({moved} > on (job) {RESTATED} * {month})"

    return Alert(
        name="TapeshRestated",
        expr="\n  or ".join(f"({moved_far(kpi)})" for kpi in RESTATED_KPIS),
        lasts="15m",
        severity="ticket",
        layer="kpi",
        summary="{{ $labels.kpi }} of past days has changed by {{ $value | humanize }} since it was published.",
        description=f"More than {RESTATED:.0%} of the last 30 days: events came late, or orders were given back, after "
        "their days had been read by somebody. The figures are right now; what was reported of them isn't.",
        action="`tapesh kpis --as-known TIME`, of an instant before, shows what was published, and the ledger why. "
        "Is a source late, or sent again by somebody? Tell those who have reported the old figures.",
    )


def _span(minutes: int) -> str:
    for unit, length in (("d", 1_440), ("h", 60)):
        if minutes % length == 0:
            return f"{minutes // length}{unit}"
    return f"{minutes}m"
