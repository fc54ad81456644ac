"""What customers say, how sure that is, and how loyal they are in word and deed."""

from __future__ import annotations

from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import numbers, of_kpis, with_margin
from metrics.dashboards.panel import Board
from metrics.kpi import Text


def satisfaction(edition: Edition) -> Board:
    """Satisfaction and loyalty."""
    say = edition.say
    return Board(
        "satisfaction",
        say(Text("Tapesh: satisfaction and loyalty", "تپش: رضایت و وفاداری")),
        say(
            Text(
                "What customers say, how sure that is, and how loyal they are in word and deed.",
                "مشتریان چه می‌گویند، چقدر می‌شود به آن اطمینان کرد، و در گفتار و رفتار چقدر وفادارند.",
            )
        ),
        {
            say(Text("As of now", "هم‌اکنون")): numbers(
                edition, *("nps", "csat", "ces", "cli", "loyalty_members", "loyalty_participation")
            ),
            say(Text("Recommendation", "توصیه به دیگران")): (
                with_margin(
                    edition, "nps", "nps_margin", Text("NPS with its margin", "شاخص خالص مروجان با حاشیهٔ خطا"), width=8
                ),
                of_kpis(edition, "nps_responses"),
                of_kpis(edition, "nps_margin"),
            ),
            say(Text("Satisfaction", "رضایت")): (
                of_kpis(
                    edition, *("csat", "csat_mean"), title=Text("Satisfied, and on average", "سهم راضی‌ها و میانگین")
                ),
                of_kpis(edition, "csat_by_touchpoint", kind="bars"),
                of_kpis(
                    edition,
                    "csat_by_touchpoint",
                    title=Text("By touchpoint over time", "به تفکیک نقطهٔ تماس در گذر زمان"),
                ),
            ),
            say(Text("Effort and loyalty", "تلاش و وفاداری")): (
                of_kpis(edition, "ces"),
                of_kpis(edition, "cli"),
                of_kpis(edition, "loyalty_attitude"),
            ),
            say(Text("Loyalty programme", "باشگاه مشتریان")): (
                of_kpis(edition, "loyalty_members"),
                of_kpis(
                    edition,
                    *("loyalty_participation", "loyalty_engagement"),
                    title=Text("Who takes part", "چه کسانی مشارکت دارند"),
                ),
                of_kpis(edition, "loyalty_redemption"),
            ),
        },
    )
