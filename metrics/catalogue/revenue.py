"""What customers buy, and who buys again."""

from __future__ import annotations

from metrics.formula import kpi, major, w
from metrics.kpi import Better, Kpi, Text, Unit, Windows

_LINES = "order lines marked with their offer; orders without lines count on neither side"

KPIS = (
    Kpi(
        id="orders",
        title=Text("Orders", "سفارش‌ها"),
        meaning=Text("Purchases in the window.", "شمار خریدهای بازه."),
        unit=Unit.ORDERS,
        better=Better.HIGHER,
        formula=w("orders"),
        source="sales accounts",
    ),
    Kpi(
        id="revenue",
        title=Text("Revenue", "درآمد"),
        meaning=Text(
            "Totals of purchases less refunds, each at its own time.",
            "مجموع خریدها منهای مبالغ بازگردانده‌شده، هر یک در زمان خودش.",
        ),
        unit=Unit.CURRENCY,
        better=Better.HIGHER,
        formula=major(w("gross_minor") - w("refunds_minor")),
        source="sales accounts",
    ),
    Kpi(
        id="buyers",
        title=Text("Buyers", "خریداران"),
        meaning=Text(
            "Distinct persons with a purchase in the window.",
            "شمار کسانی که در این بازه دست‌کم یک خرید داشته‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        formula=w("buyers"),
        source="sales accounts",
    ),
    Kpi(
        id="average_order_value",
        title=Text("Average order value", "میانگین ارزش سفارش"),
        meaning=Text("Revenue per order.", "درآمد به ازای هر سفارش."),
        unit=Unit.CURRENCY,
        better=Better.HIGHER,
        formula=kpi("revenue") / kpi("orders"),
        source="average order value",
    ),
    Kpi(
        id="sales_per_customer",
        title=Text("Sales per customer (SPC)", "فروش به ازای هر مشتری"),
        meaning=Text("Revenue per buyer.", "درآمد به ازای هر خریدار."),
        unit=Unit.CURRENCY,
        better=Better.HIGHER,
        formula=kpi("revenue") / kpi("buyers"),
        source="sales per customer",
    ),
    Kpi(
        id="purchase_frequency",
        title=Text("Purchase frequency", "تناوب خرید"),
        meaning=Text("Orders per buyer.", "شمار سفارش به ازای هر خریدار."),
        unit=Unit.ORDERS,
        better=Better.HIGHER,
        formula=kpi("orders") / kpi("buyers"),
        source="purchase frequency",
    ),
    Kpi(
        id="upsell_rate",
        title=Text("Upsell rate", "نرخ بیش‌فروشی"),
        meaning=Text(
            "Of the orders that carry lines, the share with an upsell line.",
            "سهمی از سفارش‌های دارای ریزاقلام که دست‌کم یک قلم بیش‌فروشی دارند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("orders_with_upsell") / w("orders_with_lines"),
        source=_LINES,
    ),
    Kpi(
        id="upsell_revenue_share",
        title=Text("Upsell share of revenue", "سهم بیش‌فروشی از درآمد"),
        meaning=Text(
            "Revenue of upsell lines as a share of the revenue of all lines.",
            "سهم اقلام بیش‌فروشی از درآمد همهٔ اقلام.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("upsell_lines_minor") / w("lines_minor"),
        source=_LINES,
    ),
    Kpi(
        id="cross_sell_rate",
        title=Text("Cross-sell rate", "نرخ فروش مکمل"),
        meaning=Text(
            "Of the orders that carry lines, the share with a cross-sell line.",
            "سهمی از سفارش‌های دارای ریزاقلام که دست‌کم یک قلم فروش مکمل دارند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("orders_with_cross_sell") / w("orders_with_lines"),
        source=_LINES,
    ),
    Kpi(
        id="cross_sell_revenue_share",
        title=Text("Cross-sell share of revenue", "سهم فروش مکمل از درآمد"),
        meaning=Text(
            "Revenue of cross-sell lines as a share of the revenue of all lines.",
            "سهم اقلام فروش مکمل از درآمد همهٔ اقلام.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("cross_sell_lines_minor") / w("lines_minor"),
        source=_LINES,
    ),
    Kpi(
        id="repeat_purchase_rate",
        title=Text("Repeat purchase rate", "نرخ خرید تکراری"),
        meaning=Text(
            "Of the window's buyers, the share that bought at least twice in it.",
            "سهمی از خریداران بازه که در همین بازه دو بار یا بیشتر خرید کرده‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("repeat_buyers") / kpi("buyers"),
        source="repeat purchase rate",
    ),
    Kpi(
        id="returning_buyer_rate",
        title=Text("Returning buyer rate", "نرخ بازگشت خریداران"),
        meaning=Text(
            "Of the window's buyers, the share whose first-ever purchase came before the window.",
            "سهمی از خریداران بازه که نخستین خریدشان پیش از آن بوده است.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=(kpi("buyers") - w("first_buyers")) / kpi("buyers"),
        windows=Windows.NOT_LIFETIME,
        source="new versus returning buyers",
    ),
    Kpi(
        id="returning_revenue_share",
        title=Text("Returning share of revenue", "سهم خریدهای بعدی از فروش"),
        meaning=Text(
            "Share of the purchase totals that comes from other than first-ever purchases.",
            "سهمی از مبلغ خریدهای بازه که نخستین خرید مشتری نبوده است.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=(w("gross_minor") - w("first_purchase_minor")) / w("gross_minor"),
        source="new versus returning revenue, before refunds",
    ),
)
