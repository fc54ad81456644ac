"""Who leaves, how fast, and why."""

from __future__ import annotations

from metrics.catalogue.terms import ACTIVE_AT_END, ACTIVE_AT_START, EXPOSURE_DAYS, TENURE_OF_OPEN_MS
from metrics.formula import before, each, in_days, kpi, named, w
from metrics.kpi import Better, Kpi, Text, Unit, Windows

_COHORT_CHURN = "cohort churn: those of the start who left; new customers count on neither side"

KPIS = (
    Kpi(
        id="churn_rate",
        title=Text("Churn rate", "نرخ ریزش مشتری"),
        meaning=Text(
            "Of the customers active at the start, the share that had left by now.",
            "سهمی از مشتریان فعالِ آغاز بازه که تا اکنون از دست رفته‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.LOWER,
        formula=(w("closed") - w("closed_by_opening")) / ACTIVE_AT_START,
        source=_COHORT_CHURN,
    ),
    Kpi(
        id="retention_rate",
        title=Text("Retention rate (CRR)", "نرخ نگهداشت مشتری"),
        meaning=Text(
            "Of the customers active at the start, the share that has stayed without a break.",
            "سهمی از مشتریان فعالِ آغاز بازه که بی‌وقفه مانده‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=1 - kpi("churn_rate"),
        source="customer retention rate, (CE - CA) / CS",
    ),
    Kpi(
        id="involuntary_churn_rate",
        title=Text("Involuntary churn rate", "نرخ ریزش ناخواسته"),
        meaning=Text(
            "The part of the churn rate that the customer didn't choose, such as failed payments.",
            "بخشی از نرخ ریزش که به خواست مشتری نبوده است، مانند پرداخت ناموفق.",
        ),
        unit=Unit.RATIO,
        better=Better.LOWER,
        formula=(w("closed_involuntary") - w("closed_involuntary_by_opening")) / ACTIVE_AT_START,
        source=_COHORT_CHURN,
    ),
    Kpi(
        id="exposure_churn_rate",
        title=Text("Exposure churn rate", "نرخ ریزش بر پایهٔ مشتری-روز"),
        meaning=Text(
            "Customers lost per 30 days that a customer was active: not biased when the base grows fast.",
            "شمار ریزش به ازای هر ۳۰ روز فعالیت یک مشتری؛ رشد سریع پایگاه مشتریان آن را منحرف نمی‌کند.",
        ),
        unit=Unit.RATIO,
        better=Better.LOWER,
        formula=kpi("lost_customers") * 30 / EXPOSURE_DAYS,
        windows=Windows.NOT_LIFETIME,
        source="incidence rate: events per time at risk",
    ),
    Kpi(
        id="churn_reasons",
        title=Text("Churn reasons", "دلایل ریزش"),
        meaning=Text(
            "Customers lost in the window, by the reason that they gave.",
            "مشتریان ازدست‌رفتهٔ بازه به تفکیک دلیلی که گفته‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.LOWER,
        formula=each("closed_by_reason"),
        label="reason",
        source="lost customers by stated reason",
    ),
    Kpi(
        id="lapse_rate",
        title=Text("Lapse rate", "نرخ غیرفعال‌شدن خریداران"),
        meaning=Text(
            "Of the buyers active at the start, the share that has since gone too long without a purchase.",
            "سهمی از خریداران فعالِ آغاز بازه که از آن پس بیش از مهلت مقرر خریدی نکرده‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.LOWER,
        formula=(w("lapsed") - w("lapsed_by_opening"))
        / named("active buyers at the start", before("buying_opened") - before("lapsed")),
        source="cohort churn over buying lifetimes",
    ),
    Kpi(
        id="average_tenure",
        title=Text("Average tenure (ACT)", "میانگین ماندگاری مشتری"),
        meaning=Text(
            "Mean length so far of the lifetimes open at any moment of the window.",
            "میانگین مدتی که مشتریانِ فعال در هر زمانی از بازه تا اکنون مشتری بوده‌اند.",
        ),
        unit=Unit.DAYS,
        better=Better.HIGHER,
        formula=in_days(TENURE_OF_OPEN_MS + w("closed_tenure")) / (ACTIVE_AT_END + w("closed")),
        source="average customer tenure; open lifetimes count up to now",
    ),
    Kpi(
        id="average_completed_tenure",
        title=Text("Average completed tenure", "میانگین ماندگاری مشتریان ازدست‌رفته"),
        meaning=Text(
            "Mean length of the lifetimes that ended in the window.",
            "میانگین مدت مشتری‌بودنِ کسانی که در این بازه از دست رفته‌اند.",
        ),
        unit=Unit.DAYS,
        better=Better.HIGHER,
        formula=in_days(w("closed_tenure")) / w("closed"),
        source="average customer tenure, completed lifetimes only",
    ),
)
