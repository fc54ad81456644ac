"""The first board: may the numbers be believed, what has happened, and how it stands against what was planned."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from metrics import names
from metrics.catalogue import BY_ID
from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import JOB, numbers, of_kpis, of_target, told, with_margin
from metrics.dashboards.marks import firing, unknown_kpis
from metrics.dashboards.panel import Board, Kind, Limit, Panel, Query
from metrics.kpi import Text
from metrics.names import metric_name
from metrics.promql import selector


def overview(edition: Edition) -> Board:
    """The customer base at a glance."""
    say = edition.say
    return Board(
        "overview",
        say(Text("Tapesh: overview", "تپش: نمای کلی")),
        say(
            Text(
                "The live pulse of the customer base: what happened, against what was planned, and what alarms.",
                "نبض زندهٔ مشتریان: چه رخ داده، نسبت به برنامه کجاییم، و چه چیزی هشدار می‌دهد.",
            )
        ),
        {
            say(Text("Alerts", "هشدارها")): (
                firing(edition, "kpi"),
                firing(edition, "engine"),
                unknown_kpis(edition),
            ),
            say(Text("At a glance", "در یک نگاه")): numbers(
                edition, "active_customers", "net_customer_growth", "churn_rate", "revenue", "clv", "nps"
            ),
            say(Text("Against target", "در برابر هدف")): (
                *_attainment(edition),
                *_pace(edition),
                *(of_target(edition, target) for target in edition.targets),
            ),
            say(Text("What happened", "چه رخ داد")): (
                of_kpis(edition, "active_customers"),
                of_kpis(edition, "net_customer_growth"),
                of_kpis(
                    edition,
                    *("new_customers", "won_back_customers", "lost_customers"),
                    title=Text("New, won back and lost", "جدید، بازگشته و ازدست‌رفته"),
                ),
                of_kpis(edition, "churn_rate"),
                of_kpis(edition, "revenue"),
                with_margin(edition, "nps", "nps_margin", Text("NPS with its margin", "شاخص خالص مروجان با حاشیهٔ خطا")),
            ),
        },
    )


def _pace(edition: Edition) -> tuple[Panel, Panel]:
    def panel(title: Text, about: Text, metric: str, *limits: Limit) -> Panel:
        return Panel(
            edition.say(title),
            edition.say(about),
            units.PercentUnit,
            (Query(f"max by (kpi, window) ({selector(metric, JOB)})", "{{kpi}} ({{window}})"),),
            width=12,
            limits=limits,
            absent=edition.say(
                Text(
                    "no target on a sum is set, or less than two weeks are known: `tapesh targets`",
                    "برای جمعی هدف تعیین نشده، یا هنوز دو هفته معلوم نیست: `tapesh targets`",
                )
            ),
        )

    return (
        panel(
            Text("Pace to targets", "آهنگ رسیدن به هدف"),
            Text(
                "What is reached over what should be by now, along the curve of the week.",
                "آنچه به دست آمده نسبت به آنچه تا اکنون باید، به روال هفته.",
            ),
            names.TARGET_PACE,
        ),
        panel(
            Text("Chance to meet targets", "احتمال رسیدن به هدف"),
            Text(
                "If the days go on as in the last eight weeks.",
                "اگر روزها مانند هشت هفتهٔ گذشته بگذرند.",
            ),
            names.TARGET_CHANCE,
        ),
    )


def _attainment(edition: Edition) -> tuple[Panel, Panel]:
    kpi = BY_ID["target_attainment"]
    series = selector(metric_name(kpi, edition.currency), JOB | {names.SLICE: names.ALL})
    query = Query(f"max by (kpi, window) ({series})", "{{kpi}} ({{window}})")

    def panel(kind: Kind, title: Text) -> Panel:
        return Panel(
            edition.say(title),
            told(edition, kpi),
            units.PercentUnit,
            (query,),
            kind=kind,
            width=12,
            below="orange",
            limits=(Limit(1, "green"),),
            absent=edition.say(
                Text("no target is set: `targets` in the settings", "هدفی تعیین نشده: `targets` در تنظیمات")
            ),
        )

    return (
        panel("bars", Text("Attainment now", "میزان تحقق، هم‌اکنون")),
        panel("line", Text("Attainment over time", "میزان تحقق در گذر زمان")),
    )
