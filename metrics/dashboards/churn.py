"""Who leaves, why, after how long, and whether that is more than usual."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from metrics import names
from metrics.alerting import WATCHES
from metrics.dashboards.breakdown_panels import by_tenure, heat_map, survival
from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import JOB, numbers, of_kpis
from metrics.dashboards.marks import firing, unknown_kpis
from metrics.dashboards.panel import Board, Panel, Query
from metrics.kpi import Text
from metrics.promql import selector


def churn(edition: Edition) -> Board:
    """Churn and retention."""
    say = edition.say
    return Board(
        "churn",
        say(Text("Tapesh: churn and retention", "تپش: ریزش و نگهداشت")),
        say(
            Text(
                "Who leaves, why, after how long, and whether that is more than usual.",
                "چه کسانی می‌روند، چرا، پس از چه مدت، و آیا بیش از معمول است.",
            )
        ),
        {
            say(Text("As of now", "هم‌اکنون")): numbers(
                edition,
                *("churn_rate", "retention_rate", "lost_customers"),
                *("lapse_rate", "average_tenure", "average_completed_tenure"),
            ),
            say(Text("Churn", "ریزش")): (
                of_kpis(
                    edition,
                    *("churn_rate", "involuntary_churn_rate", "exposure_churn_rate"),
                    title=Text("Churn, in three ways", "ریزش، به سه بیان"),
                ),
                of_kpis(edition, "retention_rate"),
                of_kpis(edition, "lapse_rate"),
            ),
            say(Text("Reasons", "دلایل")): (
                of_kpis(edition, "churn_reasons", kind="bars"),
                of_kpis(edition, "churn_reasons", title=Text("Reasons over time", "دلایل در گذر زمان")),
                of_kpis(
                    edition,
                    *("lost_customers", "won_back_customers"),
                    title=Text("Lost and won back", "ازدست‌رفته و بازگشته"),
                ),
            ),
            say(Text("Cohorts", "گروه‌های جذب")): (heat_map(edition),),
            say(Text("Tenure", "ماندگاری")): (
                by_tenure(edition, "churn_rate_by_tenure"),
                by_tenure(edition, "lost_by_tenure"),
                by_tenure(edition, "active_by_tenure"),
                survival(edition),
                of_kpis(
                    edition,
                    *("average_tenure", "average_completed_tenure"),
                    title=Text("How long they stay", "چه مدت می‌مانند"),
                ),
                of_kpis(edition, *("active_customers", "active_buyers"), title=Text("Who is there", "چه کسانی هستند")),
            ),
            say(Text("More than usual?", "بیش از معمول؟")): (
                firing(edition, "kpi", width=12),
                unknown_kpis(edition, width=12),
                _expected(edition),
            ),
        },
    )


def _expected(edition: Edition) -> Panel:
    """Show how much was counted for each one that was to be expected, where alerts on customers look."""
    of = {names.ALERT: "|".join(watch.id for watch in WATCHES)}
    long = JOB | {names.SPAN: "long"}
    by = f"max by ({names.ALERT}, {names.TIER})"
    counted = f"{by} ({selector(names.ALERT_OBSERVED, long, of)})"
    usual = f"({by} ({selector(names.ALERT_EXPECTED, long, of)}) > 0)"
    return Panel(
        edition.say(Text("Counted for each one expected", "شمارش‌شده به ازای هر مورد مورد انتظار")),
        edition.say(
            Text(
                "What an alert counted in its long window, over what was to be expected there, for everybody. 1 is as "
                "usual. The runbook says how much is evidence.",
                "آنچه هشدار در بازهٔ بلند خود شمرده، نسبت به آنچه انتظار می‌رفت، برای همهٔ مشتریان. ۱ یعنی طبق معمول. "
                "راهنما می‌گوید چه اندازه گواه شمرده می‌شود.",
            )
        ),
        units.NoUnit,
        (Query(f"{counted} / {usual}", "{{alert}} {{tier}}"),),
        width=24,
        absent=edition.say(Text("too little is known yet", "هنوز دادهٔ کافی نیست")),
    )
