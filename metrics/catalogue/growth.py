"""How large the base is, and how it grows."""

from __future__ import annotations

from metrics.catalogue.terms import ACTIVE_AT_END, ACTIVE_AT_START, WON_BACK
from metrics.formula import before, kpi, named, total, w
from metrics.kpi import Better, Kpi, Text, Unit

_COHORTS = "customer-base accounting: opening + new + won back - lost = closing"

KPIS = (
    Kpi(
        id="new_customers",
        title=Text("New customers", "مشتریان جدید"),
        meaning=Text(
            "Persons whose first-ever lifetime began in the window.",
            "کسانی که در این بازه برای نخستین بار مشتری شده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=w("acquired"),
        source=_COHORTS,
    ),
    Kpi(
        id="won_back_customers",
        title=Text("Won-back customers", "مشتریان بازگشته"),
        meaning=Text(
            "Lifetimes that began again in the window after an earlier cancellation.",
            "دفعاتی که مشتریانِ ازدست‌رفته در این بازه دوباره مشتری شده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=WON_BACK,
        source=_COHORTS,
    ),
    Kpi(
        id="lost_customers",
        title=Text("Lost customers", "مشتریان ازدست‌رفته"),
        meaning=Text(
            "Lifetimes that ended in the window.",
            "دفعاتی که در این بازه مشتری‌بودنِ کسی با لغو به پایان رسیده است.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.LOWER,
        formula=w("closed"),
        source=_COHORTS,
    ),
    Kpi(
        id="active_customers",
        title=Text("Active customers", "مشتریان فعال"),
        meaning=Text(
            "Customers whose lifetime is open now.",
            "مشتریانی که اکنون فعال‌اند و لغو نکرده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=ACTIVE_AT_END,
        source=_COHORTS,
    ),
    Kpi(
        id="active_buyers",
        title=Text("Active buyers", "خریداران فعال"),
        meaning=Text(
            "Persons whose last purchase is too recent to have lapsed: the base of a shop without contracts.",
            "کسانی که از آخرین خریدشان آن‌قدر نگذشته است که غیرفعال به شمار آیند؛ پایگاه مشتریان فروشگاهی بدون قرارداد.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=total("buying_opened") - total("lapsed"),
        source="non-contractual lifetimes: a buyer lapses when no purchase follows in time",
    ),
    Kpi(
        id="customers_ever",
        title=Text("Customers ever", "کل مشتریان از آغاز"),
        meaning=Text(
            "Persons who have ever become a customer.",
            "همهٔ کسانی که تاکنون دست‌کم یک بار مشتری شده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=total("acquired"),
        source=_COHORTS,
    ),
    Kpi(
        id="base_growth_total",
        title=Text("Growth of the total base", "رشد کل پایگاه مشتریان"),
        meaning=Text(
            "New customers as a share of all customers ever acquired before the window.",
            "نسبت مشتریان جدیدِ بازه به همهٔ مشتریانی که پیش از آن جذب شده بودند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=kpi("new_customers") / named("customers ever at the start", before("acquired")),
        source="customer base growth, on all customers ever",
    ),
    Kpi(
        id="acquisition_rate",
        title=Text("Acquisition rate", "نرخ جذب مشتری"),
        meaning=Text(
            "New and won-back customers as a share of those active at the start.",
            "نسبت مشتریان جدید و بازگشته به مشتریان فعال در آغاز بازه.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=(kpi("new_customers") + kpi("won_back_customers")) / ACTIVE_AT_START,
        source=_COHORTS,
    ),
    Kpi(
        id="base_growth_active",
        title=Text("Growth of the active base", "رشد پایگاه مشتریان فعال"),
        meaning=Text(
            "Change in the number of active customers, as a share of those active at the start.",
            "تغییر شمار مشتریان فعال نسبت به مشتریان فعال در آغاز بازه.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=(ACTIVE_AT_END - ACTIVE_AT_START) / ACTIVE_AT_START,
        source="customer base growth, on active customers",
    ),
    Kpi(
        id="net_customer_growth",
        title=Text("Net customer growth", "رشد خالص مشتریان"),
        meaning=Text(
            "Customers gained less customers lost: how much the active base has changed.",
            "مشتریان جدید و بازگشته منهای مشتریان ازدست‌رفته؛ یعنی تغییر خالص مشتریان فعال.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=kpi("new_customers") + kpi("won_back_customers") - kpi("lost_customers"),
        source=_COHORTS,
    ),
)
