"""Alerts about customers, as rules: they compare what the engine exports, and hold no threshold that it doesn't know.

One rule for each pair of windows of each watch (`metrics/alerting.py`), so that a page says which window saw what. The
worker that exports is aggregated away: when the KPIs move to another one, nothing starts to wait anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from metrics import names
from metrics.alert import JOB, Alert
from metrics.alerting import WATCHES, Tier, Watch
from metrics.catalogue import BY_ID
from metrics.kpi import Better
from metrics.names import ALL, SLICE, VALUE, WINDOW, metric_name
from metrics.promql import everybody, selector

LASTS = "1m"
LEAST_ANSWERS = 100
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
BOARD = "/d/tapesh-overview"
_ONE = "max without (instance, pod)"
_WINDOW = "max without (instance, pod, span)"
_ELAPSED = "(day_of_month() - 1 + hour() / 24) / days_in_month()"


def kpi_alerts(currency: str) -> tuple[Alert, ...]:
    """All alerts about customers; the currency is part of the names of what is money."""
    counted = (_counted(watch, tier) for watch in WATCHES for tier in watch.tiers)
    return (*counted, *_surveys(currency), *_plans(), _restated(currency))


def runbook_of_customers(currency: str) -> Iterable[str]:
    """The sections of the runbook: what it means, where to look first, what to do."""
    alerts = kpi_alerts(currency)
    for watch in WATCHES:
        for severity, title in watch.titles.items():
            rules = [alert for alert in alerts if alert.name == title]
            tiers = [tier for tier in watch.tiers if tier.severity == severity]
            yield from (f"## {title}", "", f"*{severity}, after {LASTS}*", "", _meaning(watch, tiers), "")
            yield from ("First:", "", *(f"{number}. {look}" for number, look in enumerate(watch.looks, start=1)), "")
            yield from (f"Then: {watch.act}", "", "```promql", rules[0].expr, "```", "")
    titles = {title for watch in WATCHES for title in watch.titles.values()}
    for alert in alerts:
        if alert.name not in titles:
            marks = f"*{alert.severity}, after {alert.lasts}*"
            yield from (f"## {alert.name}", "", marks, "", alert.description, "", alert.action, "")
            yield from ("```promql", alert.expr, "```", "")


def _counted(watch: Watch, tier: Tier) -> Alert:
    def gauge(name: str, span: str = "") -> str:
        labels = {"job": JOB, names.ALERT: watch.id, names.TIER: tier.name}
        return f"{_WINDOW} ({selector(name, labels | ({names.SPAN: span} if span else {}))})"

    def off(span: str) -> str:
        observed, expected = gauge(names.ALERT_OBSERVED, span), gauge(names.ALERT_EXPECTED, span)
        if watch.falls:
            return f"({observed} * {tier.factor:g} <= {expected})"
        return f"({observed} >= {tier.factor:g} * {expected})"

    def told(name: str, form: str, span: str = "") -> str:
        labels = f'{names.ALERT}="{watch.id}", {names.TIER}="{tier.name}"'
        labels += f', {names.SPAN}="{span}"' if span else ""
        return (
            f"{{{{ with printf `{name}{{job=%q, {labels}}}` .Labels.job | query }}}}"
            f"{{{{ . | first | value | {form} }}}}{{{{ end }}}}"
        )

    less = "only " if watch.falls else ""
    return Alert(
        name=watch.titles[tier.severity],
        expr=f"{off('long')}\n  and {off('short')}\n  and ({gauge(names.ALERT_P_VALUE)} < {gauge(names.ALERT_ALPHA)})",
        lasts=LASTS,
        severity=tier.severity,
        layer="kpi",
        summary=f"{less.capitalize()}{{{{ $value }}}} {watch.told} within {tier.name}, "
        f"{told(names.ALERT_EXPECTED, 'printf `%.1f`', 'long')} were to be expected.",
        description=f"By chance that happens with a probability of {told(names.ALERT_P_VALUE, 'printf `%.1e`')}; it "
        f"is news below {told(names.ALERT_ALPHA, 'printf `%.1e`')}, from "
        f"{told(names.ALERT_NEEDED, 'printf `%.0f`')} of "
        f"{told(names.ALERT_BASE, 'printf `%.0f`')} {'leads' if len(watch.exposed) == 1 else 'at risk'} on. "
        f"The windows of {tier.name} and {_span(tier.short_min)} end at "
        f"{told(names.ALERT_END, 'humanizeTimestamp')}. {BY_ID[watch.kpi].meaning.en} Who and why: "
        f"`tapesh explain {watch.kpi}`, and the board {BOARD}.",
        action=watch.act,
        holds=_span(tier.holds_min),
        labels={names.KPI: watch.kpi, names.ALERT: watch.id, names.TIER: tier.name},
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


def _surveys(currency: str) -> Iterable[Alert]:
    def nps(kpi: str, window: str) -> str:
        return f"{_ONE} ({everybody(BY_ID[kpi], window, currency, JOB)})"

    yield Alert(
        name="TapeshNpsDown",
        expr=f"({nps('nps', '30d')} + ignoring (window) {nps('nps_margin', '30d')}"
        f"\n    < ignoring (window) {nps('nps', '90d')})"
        f"\n  and ignoring (window) {nps('nps_responses', '30d')} >= {LEAST_ANSWERS}",
        lasts="6h",
        severity="ticket",
        layer="kpi",
        summary="The net promoter score is down.",
        description="The interval around that of the last 30 days lies below the score of 90 days "
        f"({LEAST_ANSWERS} answers or more; an interval of 95 %, so one in forty such is chance).",
        action="Read the answers of those who scored 0 to 6. Is it one channel or touchpoint? Did those who are asked "
        "change: another survey, another moment?",
        labels={names.KPI: "nps"},
    )


def _plans() -> Iterable[Alert]:
    attained = metric_name(BY_ID["target_attainment"], "EUR")
    everyone = {"job": JOB, SLICE: ALL, VALUE: ALL}
    lower = "|".join(kpi.id for kpi in BY_ID.values() if kpi.better is Better.LOWER and kpi.label is None)
    month = selector(attained, everyone | {WINDOW: "month"}, {names.KPI: "|".join(ADDING_UP)})
    yield Alert(
        name="TapeshTargetBehind",
        expr=f"{_ONE} ({month}) < scalar(vector({BEHIND}) * {_ELAPSED})\n  and on () ({_ELAPSED} > {EARLY})"
        f"\n  unless on ({names.KPI}) {selector(names.TARGET_CHANCE, {'job': JOB, WINDOW: 'month'})}",
        lasts="6h",
        severity="ticket",
        layer="kpi",
        summary="{{ $labels.kpi }} has reached {{ $value | humanizePercentage }} of the month's target: behind it.",
        description=f"It is less than {BEHIND:.0%} of what the elapsed part of the month should have brought "
        "(months of the Gregorian calendar, in UTC), and too little is known yet to say more: where a chance is known, "
        "that is what counts.",
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
