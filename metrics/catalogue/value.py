"""What a customer is worth over a lifetime, and against what it cost."""

from __future__ import annotations

from fractions import Fraction

from metrics.formula import GROSS_MARGIN, LIFESPAN, MS_PER_DAY, WINDOW_DAYS, Formula, kpi, named, number, w
from metrics.kpi import Better, Kpi, Scope, Text, Unit, Windows

_MS_PER_YEAR = number(Fraction(36_525, 100) * MS_PER_DAY, "milliseconds per year of 365.25 d")
_PER_YEAR = 365 / WINDOW_DAYS
_VALUE_AT_MARGIN = named("clv at margin", kpi("clv") * GROSS_MARGIN)

OBSERVED_LIFESPAN: Formula = kpi("average_buying_span", over="lifetime")
"""Years, as the source takes it: how long buyers have bought so far."""

EXPECTED_LIFESPAN: Formula = (
    (30 / (365 * kpi("exposure_churn_rate", over="365d"))).at_most(10).or_else(OBSERVED_LIFESPAN)
)
"""Years, as the inverse of the churn hazard: what buyers can be expected to stay; or observed, without churn."""

KPIS = (
    Kpi(
        id="average_buying_span",
        title=Text("Average buying span", "میانگین طول دورهٔ خرید"),
        meaning=Text(
            "Over the window's buyers, the mean time from first-ever to latest purchase.",
            "میانگین فاصلهٔ نخستین تا آخرین خریدِ خریداران بازه.",
        ),
        unit=Unit.YEARS,
        better=Better.HIGHER,
        formula=w("buying_span") / _MS_PER_YEAR / kpi("buyers"),
        source="observed customer lifespan, in years of 365.25 days",
    ),
    Kpi(
        id="customer_value",
        title=Text("Customer value", "ارزش مشتری"),
        meaning=Text(
            "Average order value times purchase frequency: what a buyer is worth in the window.",
            "میانگین ارزش سفارش ضرب در تناوب خرید؛ ارزش هر خریدار در این بازه.",
        ),
        unit=Unit.CURRENCY,
        better=Better.HIGHER,
        formula=kpi("average_order_value") * kpi("purchase_frequency"),
        source="customer value; equals sales per customer",
    ),
    Kpi(
        id="clv",
        title=Text("Customer lifetime value (CLV)", "ارزش طول عمر مشتری"),
        meaning=Text(
            "A buyer's yearly value, over the years that a customer stays.",
            "ارزش سالانهٔ هر خریدار در طول سال‌هایی که مشتری می‌ماند.",
        ),
        unit=Unit.CURRENCY,
        better=Better.HIGHER,
        formula=kpi("customer_value") * _PER_YEAR * LIFESPAN,
        windows=Windows.ROLLING_FROM_30D,
        source="customer lifetime value, historic, without discounting",
    ),
    Kpi(
        id="net_clv",
        title=Text("Net customer lifetime value", "ارزش خالص طول عمر مشتری"),
        meaning=Text(
            "Lifetime value at gross margin, less what it costs to win and to keep the customer.",
            "ارزش طول عمر با احتساب حاشیهٔ سود، منهای هزینهٔ جذب و نگهداشت مشتری.",
        ),
        unit=Unit.CURRENCY,
        better=Better.HIGHER,
        formula=_VALUE_AT_MARGIN
        - kpi("acquisition_cost")
        - kpi("retention_spend") * _PER_YEAR * LIFESPAN / kpi("active_customers"),
        windows=Windows.ROLLING_FROM_30D,
        scope=Scope.CHANNEL_ONLY,
        source="customer lifetime value after costs",
    ),
    Kpi(
        id="clv_to_cac",
        title=Text("CLV to CAC", "نسبت ارزش طول عمر به هزینهٔ جذب"),
        meaning=Text(
            "Lifetime value at gross margin, per unit of acquisition cost.",
            "ارزش طول عمر با احتساب حاشیهٔ سود به ازای هر واحد هزینهٔ جذب مشتری.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=_VALUE_AT_MARGIN / kpi("acquisition_cost"),
        windows=Windows.ROLLING_FROM_30D,
        scope=Scope.CHANNEL_ONLY,
        source="CLV to CAC ratio",
    ),
    Kpi(
        id="acquisition_roi",
        title=Text("Return on acquisition", "بازده سرمایه‌گذاری جذب مشتری"),
        meaning=Text(
            "What lifetime value at gross margin earns over acquisition cost, per unit of that cost.",
            "مازاد ارزش طول عمر با احتساب حاشیهٔ سود بر هزینهٔ جذب، نسبت به همان هزینه.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=(_VALUE_AT_MARGIN - kpi("acquisition_cost")) / kpi("acquisition_cost"),
        windows=Windows.ROLLING_FROM_30D,
        scope=Scope.CHANNEL_ONLY,
        source="return on investment of acquisition",
    ),
)
