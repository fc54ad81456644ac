"""What customers buy, how often they come back for it, and what one is worth."""

from __future__ import annotations

from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import numbers, of_kpis
from metrics.dashboards.panel import Board
from metrics.kpi import Text


def revenue(edition: Edition) -> Board:
    """Revenue and value."""
    say = edition.say
    return Board(
        "revenue",
        say(Text("Tapesh: revenue and value", "تپش: درآمد و ارزش")),
        say(
            Text(
                "What customers buy, how often they come back for it, and what one is worth.",
                "مشتریان چه می‌خرند، چند بار بازمی‌گردند، و هر مشتری چه ارزشی دارد.",
            )
        ),
        {
            say(Text("As of now", "هم‌اکنون")): numbers(
                edition, *("revenue", "orders", "buyers", "average_order_value", "purchase_frequency", "clv")
            ),
            say(Text("Sales", "فروش")): (
                of_kpis(edition, "revenue"),
                of_kpis(edition, "orders"),
                of_kpis(edition, *("buyers", "active_buyers"), title=Text("Who buys", "چه کسانی می‌خرند")),
                of_kpis(
                    edition,
                    *("average_order_value", "sales_per_customer", "customer_value"),
                    title=Text("An order, a customer", "هر سفارش، هر مشتری"),
                    width=12,
                ),
                of_kpis(edition, "purchase_frequency", width=12),
            ),
            say(Text("Coming back", "بازگشت")): (
                of_kpis(
                    edition,
                    *("repeat_purchase_rate", "returning_buyer_rate"),
                    title=Text("Who comes back", "چه کسانی بازمی‌گردند"),
                ),
                of_kpis(edition, "returning_revenue_share"),
                of_kpis(edition, "average_buying_span"),
            ),
            say(Text("Upselling and cross-selling", "بیش‌فروشی و فروش مکمل")): (
                of_kpis(
                    edition,
                    *("upsell_rate", "cross_sell_rate"),
                    title=Text("Orders with such a line", "سفارش‌های دارای چنین قلمی"),
                    width=12,
                ),
                of_kpis(
                    edition,
                    *("upsell_revenue_share", "cross_sell_revenue_share"),
                    title=Text("Their share of revenue", "سهم‌شان از درآمد"),
                    width=12,
                ),
            ),
            say(Text("Value", "ارزش")): (
                of_kpis(edition, *("clv", "net_clv"), title=Text("Customer lifetime value", "ارزش طول عمر مشتری")),
                of_kpis(edition, "clv_to_cac"),
                of_kpis(edition, "acquisition_roi"),
            ),
        },
    )
