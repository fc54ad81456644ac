"""What new customers cost, and how leads become customers."""

from __future__ import annotations

from metrics.catalogue.terms import spend
from metrics.formula import each, kpi, major, w
from metrics.kpi import Better, Kpi, Scope, Text, Unit

_FUNNEL = "sales funnel: a lead counts once per stage, when it first reaches it"

KPIS = (
    Kpi(
        id="acquisition_spend",
        title=Text("Acquisition spend", "هزینه‌کرد جذب مشتری"),
        meaning=Text(
            "Marketing spend on acquisition, and the cost booked on acquisitions themselves.",
            "هزینهٔ بازاریابیِ صرف‌شده برای جذب، به همراه هزینه‌های ثبت‌شده برای خودِ جذب‌ها.",
        ),
        unit=Unit.CURRENCY,
        better=Better.NEITHER,
        formula=spend("acquisition_spend_minor"),
        scope=Scope.CHANNEL_ONLY,
        source="marketing accounts",
    ),
    Kpi(
        id="lead_spend",
        title=Text("Lead generation spend", "هزینه‌کرد جذب سرنخ"),
        meaning=Text(
            "Marketing spend on lead generation, and the cost booked on leads themselves.",
            "هزینهٔ بازاریابیِ صرف‌شده برای یافتن سرنخ، به همراه هزینه‌های ثبت‌شده برای خودِ سرنخ‌ها.",
        ),
        unit=Unit.CURRENCY,
        better=Better.NEITHER,
        formula=major(w("lead_spend_minor") + w("lead_costs_minor")),
        scope=Scope.CHANNEL_ONLY,
        source="marketing accounts",
    ),
    Kpi(
        id="retention_spend",
        title=Text("Retention spend", "هزینه‌کرد نگهداشت مشتری"),
        meaning=Text(
            "Marketing spend on keeping customers.",
            "هزینهٔ بازاریابیِ صرف‌شده برای حفظ مشتریان.",
        ),
        unit=Unit.CURRENCY,
        better=Better.NEITHER,
        formula=spend("retention_spend_minor"),
        scope=Scope.CHANNEL_ONLY,
        source="marketing accounts",
    ),
    Kpi(
        id="acquisition_cost",
        title=Text("Customer acquisition cost (CAC)", "هزینهٔ جذب هر مشتری"),
        meaning=Text(
            "Acquisition spend per new customer.",
            "هزینه‌کرد جذب به ازای هر مشتری جدید.",
        ),
        unit=Unit.CURRENCY,
        better=Better.LOWER,
        formula=kpi("acquisition_spend") / kpi("new_customers"),
        scope=Scope.CHANNEL_ONLY,
        source="customer acquisition cost",
    ),
    Kpi(
        id="leads",
        title=Text("New leads (LGI)", "سرنخ‌های جدید"),
        meaning=Text(
            "Distinct leads first seen in the window.",
            "سرنخ‌های یکتایی که نخستین بار در این بازه دیده شده‌اند.",
        ),
        unit=Unit.LEADS,
        better=Better.HIGHER,
        formula=w("leads"),
        source="lead generation index",
    ),
    Kpi(
        id="lead_cost",
        title=Text("Cost per lead (LGC)", "هزینهٔ هر سرنخ"),
        meaning=Text(
            "Lead generation spend per new lead.",
            "هزینه‌کرد جذب سرنخ به ازای هر سرنخ جدید.",
        ),
        unit=Unit.CURRENCY,
        better=Better.LOWER,
        formula=kpi("lead_spend") / kpi("leads"),
        scope=Scope.CHANNEL_ONLY,
        source="lead generation cost",
    ),
    Kpi(
        id="conversion_rate",
        title=Text("Conversion rate", "نرخ تبدیل"),
        meaning=Text(
            "New customers per new lead of the window; over 1 where customers come without a lead.",
            "مشتریان جدید به ازای هر سرنخ جدیدِ بازه؛ اگر مشتریان بدون سرنخ بیایند از ۱ بیشتر می‌شود.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=kpi("new_customers") / kpi("leads"),
        source="period view of conversion",
    ),
    Kpi(
        id="lead_conversion_rate",
        title=Text("Lead conversion rate", "نرخ تبدیل سرنخ به مشتری"),
        meaning=Text(
            "Of the leads first seen in the window, the share whose person has since become a customer.",
            "سهمی از سرنخ‌های جدیدِ بازه که صاحبشان از آن پس مشتری شده است.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("leads_converted") / kpi("leads"),
        source="cohort view of conversion",
    ),
    Kpi(
        id="closing_rate",
        title=Text("Closing rate", "نرخ موفقیت فروش"),
        meaning=Text(
            "Of the leads decided in the window, the share that was won.",
            "سهمی از سرنخ‌های تعیین‌تکلیف‌شدهٔ بازه که به فروش رسیده‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("leads_by_stage", label="won") / w("leads_decided"),
        source=_FUNNEL,
    ),
    Kpi(
        id="leads_by_stage",
        title=Text("Leads by stage", "سرنخ‌ها به تفکیک مرحله"),
        meaning=Text(
            "Distinct leads that first reached each stage in the window: where the funnel leaks.",
            "سرنخ‌های یکتایی که در این بازه نخستین بار به هر مرحله رسیده‌اند؛ نشتی قیف فروش را نشان می‌دهد.",
        ),
        unit=Unit.LEADS,
        better=Better.NEITHER,
        formula=each("leads_by_stage"),
        label="stage",
        source=_FUNNEL,
    ),
)
