"""Where customers come from, where leads get lost, and what both cost."""

from __future__ import annotations

from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import numbers, of_kpis
from metrics.dashboards.panel import Board
from metrics.kpi import Text


def acquisition(edition: Edition) -> Board:
    """Acquisition and funnel."""
    say = edition.say
    return Board(
        "acquisition",
        say(Text("Tapesh: acquisition and funnel", "تپش: جذب و قیف فروش")),
        say(
            Text(
                "Where customers come from, where leads get lost, and what both cost.",
                "مشتریان از کجا می‌آیند، سرنخ‌ها کجا از دست می‌روند، و هر دو چه هزینه‌ای دارند.",
            )
        ),
        {
            say(Text("As of now", "هم‌اکنون")): numbers(
                edition,
                *("new_customers", "won_back_customers", "customers_ever", "leads", "acquisition_cost", "lead_cost"),
            ),
            say(Text("Growth", "رشد")): (
                of_kpis(
                    edition,
                    *("new_customers", "won_back_customers", "lost_customers"),
                    title=Text("Come and gone", "آمده و رفته"),
                ),
                of_kpis(
                    edition,
                    *("acquisition_rate", "base_growth_active", "base_growth_total"),
                    title=Text("Growth of the base", "رشد پایگاه مشتریان"),
                ),
                of_kpis(edition, "net_customer_growth"),
            ),
            say(Text("Funnel", "قیف فروش")): (
                of_kpis(edition, "leads"),
                of_kpis(edition, "leads_by_stage", kind="bars"),
                of_kpis(
                    edition,
                    *("conversion_rate", "lead_conversion_rate", "closing_rate"),
                    title=Text("From lead to customer", "از سرنخ تا مشتری"),
                ),
            ),
            say(Text("Cost", "هزینه")): (
                of_kpis(
                    edition, *("acquisition_spend", "lead_spend", "retention_spend"), title=Text("Spend", "هزینه‌کرد")
                ),
                of_kpis(
                    edition,
                    *("acquisition_cost", "lead_cost"),
                    title=Text("Cost of a customer and of a lead", "هزینهٔ هر مشتری و هر سرنخ"),
                ),
                of_kpis(edition, "clv_to_cac"),
            ),
        },
    )
