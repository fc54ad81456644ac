"""What customers say when asked."""

from __future__ import annotations

from fractions import Fraction

from metrics.components import CSAT_DENOMINATOR
from metrics.formula import ScaledRoot, each, kpi, named, number, w
from metrics.kpi import Better, Kpi, Text, Unit

_Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: two sides of a 95 % interval."""

_QUARTERS = Fraction(3, 4)
_ADDED = kpi("nps_responses") + 3
_P = named("p", (w("nps_promoters") + number(_QUARTERS)) / _ADDED)
_D = named("d", (w("nps_detractors") + number(_QUARTERS)) / _ADDED)
_NPS_VARIANCE = (_P + _D - (_P - _D) * (_P - _D)) / _ADDED

KPIS = (
    Kpi(
        id="nps",
        title=Text("Net promoter score (NPS)", "شاخص خالص مروجان"),
        meaning=Text(
            "Share of promoters (9-10) less share of detractors (0-6), times 100.",
            "سهم مروجان (۹ و ۱۰) منهای سهم بدگویان (۰ تا ۶)، ضرب در ۱۰۰.",
        ),
        unit=Unit.SCORE,
        better=Better.HIGHER,
        formula=100 * (w("nps_promoters") - w("nps_detractors")) / kpi("nps_responses"),
        source="net promoter score (Reichheld, 2003)",
    ),
    Kpi(
        id="nps_responses",
        title=Text("NPS responses", "شمار پاسخ‌های شاخص مروجان"),
        meaning=Text("Answers to the NPS question in the window.", "شمار پاسخ‌ها به پرسش توصیه در این بازه."),
        unit=Unit.RESPONSES,
        better=Better.HIGHER,
        formula=w("nps_promoters") + w("nps_passives") + w("nps_detractors"),
        source="survey counts",
    ),
    Kpi(
        id="nps_margin",
        title=Text("NPS margin of error", "حاشیهٔ خطای شاخص مروجان"),
        meaning=Text(
            "Half-width of the 95 % interval of the NPS: the fewer answers, the wider.",
            "نیم‌پهنای بازهٔ اطمینان ۹۵ درصد شاخص؛ هرچه پاسخ کمتر، پهن‌تر.",
        ),
        unit=Unit.SCORE,
        better=Better.LOWER,
        formula=ScaledRoot(100 * _Z95, _NPS_VARIANCE.given(kpi("nps_responses"))),
        source="adjusted Wald interval for the difference of two shares of one sample",
    ),
    Kpi(
        id="csat",
        title=Text("Customer satisfaction (CSAT)", "رضایت مشتری"),
        meaning=Text(
            "Share of satisfied answers: 4 and more of 5, 6 and more of 7, 8 and more of 10.",
            "سهم پاسخ‌های راضی: دست‌کم ۴ از ۵، ۶ از ۷ یا ۸ از ۱۰.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("csat_satisfied") / w("csat_responses"),
        source="top-box customer satisfaction",
    ),
    Kpi(
        id="csat_by_touchpoint",
        title=Text("Satisfaction by touchpoint", "رضایت به تفکیک نقطهٔ تماس"),
        meaning=Text(
            "Share of satisfied answers, by what was asked about.",
            "سهم پاسخ‌های راضی به تفکیک آنچه دربارهٔ آن پرسیده شده است.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=each("csat_satisfied_by_touchpoint") / each("csat_responses_by_touchpoint"),
        label="touchpoint",
        source="top-box customer satisfaction",
    ),
    Kpi(
        id="csat_mean",
        title=Text("Mean satisfaction", "میانگین رضایت"),
        meaning=Text(
            "Mean answer, each on its own scale from 0 (worst) to 1 (best).",
            "میانگین پاسخ‌ها، هر یک در مقیاس خودش از ۰ (بدترین) تا ۱ (بهترین).",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("csat_points") / number(CSAT_DENOMINATOR, "points of a full score") / w("csat_responses"),
        source="mean customer satisfaction, normalised",
    ),
    Kpi(
        id="ces",
        title=Text("Customer effort score (CES)", "امتیاز تلاش مشتری"),
        meaning=Text(
            "Mean agreement, 1 to 7, that it was made easy: higher means less effort.",
            "میانگین موافقت (۱ تا ۷) با اینکه کار آسان بود؛ بالاتر یعنی زحمت کمتر.",
        ),
        unit=Unit.SCORE,
        better=Better.HIGHER,
        formula=w("ces_points") / w("ces_responses"),
        source="customer effort score, seven-point agreement scale",
    ),
    Kpi(
        id="cli",
        title=Text("Customer loyalty index (CLI)", "شاخص وفاداری مشتری"),
        meaning=Text(
            "Mean of the answers on recommending, buying again and trying others, 1 to 6.",
            "میانگین پاسخ‌ها دربارهٔ توصیه، خرید دوباره و آزمودن دیگر محصولات، از ۱ تا ۶.",
        ),
        unit=Unit.SCORE,
        better=Better.HIGHER,
        formula=w("cli_points") / number(3, "answers per response") / w("cli_responses"),
        source="customer loyalty index",
    ),
    Kpi(
        id="loyalty_attitude",
        title=Text("Attitudinal loyalty", "وفاداری نگرشی"),
        meaning=Text(
            "Of those who answered the loyalty questions, the share likely to buy again (5 or 6 of 6).",
            "سهمی از پاسخ‌ها به پرسش‌های وفاداری که احتمال خرید دوباره را ۵ یا ۶ از ۶ دانسته‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=w("cli_repurchase_high") / w("cli_responses"),
        source="repurchase intention",
    ),
)
