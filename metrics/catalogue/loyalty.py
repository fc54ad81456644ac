"""The loyalty programme: who is in it, and who uses it."""

from __future__ import annotations

from metrics.formula import kpi, total, w
from metrics.kpi import Better, Kpi, Text, Unit

_PROGRAMME = "loyalty programme accounts"

KPIS = (
    Kpi(
        id="loyalty_members",
        title=Text("Loyalty members", "اعضای باشگاه مشتریان"),
        meaning=Text(
            "Persons enrolled in the programme now.",
            "کسانی که اکنون عضو باشگاه مشتریان‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=total("members"),
        source=_PROGRAMME,
    ),
    Kpi(
        id="loyalty_participation",
        title=Text("Loyalty participation", "نرخ عضویت در باشگاه مشتریان"),
        meaning=Text(
            "Of the active customers, the share that is enrolled now.",
            "سهمی از مشتریان فعال که اکنون عضو باشگاه‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=total("members_active") / kpi("active_customers"),
        source=_PROGRAMME,
    ),
    Kpi(
        id="loyalty_redemption",
        title=Text("Reward redemption", "نرخ استفاده از پاداش‌ها"),
        meaning=Text(
            "Rewards redeemed per reward issued in the window.",
            "پاداش‌های استفاده‌شده به ازای هر پاداش صادرشده در این بازه.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("rewards_redeemed") / w("rewards_issued"),
        source=_PROGRAMME,
    ),
    Kpi(
        id="loyalty_engagement",
        title=Text("Loyalty engagement", "نرخ مشارکت اعضا"),
        meaning=Text(
            "Of the members, the share that earned, received or redeemed something in the window.",
            "سهمی از اعضا که در این بازه امتیاز یا پاداشی گرفته یا به کار برده‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("members_engaged") / kpi("loyalty_members"),
        source=_PROGRAMME,
    ),
)
