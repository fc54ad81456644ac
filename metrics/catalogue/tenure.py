"""When customers came and how long they have stayed: breakdowns of everybody, by cohort and by tenure."""

from __future__ import annotations

from metrics import names
from metrics.breakdown import COHORTS, OLDER, SO_FAR, SURVIVAL_STEP_DAYS, SURVIVAL_STEPS, Breakdown
from metrics.kpi import Better, Text, Unit

_COHORT_ANALYSIS = "cohort analysis: retention by month of acquisition"
_BY_BAND = "churn by length of the customer relationship"

TITLE = Text("Cohorts and tenure", "گروه‌های جذب و مدت مشتری‌بودن")

BREAKDOWNS: tuple[Breakdown, ...] = (
    Breakdown(
        id="cohort_acquired",
        title=Text("Acquired, by month", "جذب‌شده به تفکیک ماه"),
        meaning=Text(
            "Customers by the month in which they were first acquired.",
            "مشتریان به تفکیک ماهی که نخستین بار جذب شده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        section="cohorts",
        definition="persons whose first-ever contractual lifetime opened in the month. Months are those of `calendar`, "
        f"from local midnight in `timezone`; the latest {COHORTS} are told apart, the current one among them, and who "
        f"was acquired before them is in `{OLDER}`.",
        gauge=names.COHORT_ACQUIRED,
        labels=(names.COHORT,),
        source=_COHORT_ANALYSIS,
    ),
    Breakdown(
        id="cohort_retained",
        title=Text("Retained, by month of acquisition", "مانده به تفکیک ماه جذب"),
        meaning=Text(
            "Of the customers acquired in a month, how many are customers so many months later.",
            "از مشتریان جذب‌شده در هر ماه، چند نفر پس از گذشت این شمار ماه مشتری‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        section="cohorts",
        definition="k months since month M: of the cohort of M, the persons with a contractual lifetime open at the "
        "end of month M+k, by the events strictly before that end. Who left and was won back counts again while the "
        "later lifetime is open. The current month isn't over: what holds now, every event up to now seen, stands "
        f'apart, as `so_far` in JSON and `months="{SO_FAR}"` on the gauge; `{OLDER}` has that alone.',
        gauge=names.COHORT_RETAINED,
        labels=(names.COHORT, names.MONTHS),
        source=_COHORT_ANALYSIS,
    ),
    Breakdown(
        id="cohort_retention",
        title=Text("Retention by month of acquisition", "نگهداشت به تفکیک ماه جذب"),
        meaning=Text(
            "Of the customers acquired in a month, the share that is a customer so many months later.",
            "سهمی از مشتریان جذب‌شده در هر ماه که پس از گذشت این شمار ماه مشتری‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        section="cohorts",
        definition="`cohort_retained` / `cohort_acquired`.",
        gauge=names.COHORT_RETENTION,
        labels=(names.COHORT, names.MONTHS),
        source=_COHORT_ANALYSIS,
    ),
    Breakdown(
        id="active_by_tenure",
        title=Text("Active customers by tenure", "مشتریان فعال به تفکیک مدت مشتری‌بودن"),
        meaning=Text(
            "Customers of now, by how long they have been customers without a break.",
            "مشتریان کنونی به تفکیک مدتی که بی‌وقفه مشتری بوده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.HIGHER,
        section="tenure",
        definition="contractual lifetimes open now, by their length so far. Adds up to `active_customers`.",
        gauge=names.ACTIVE_BY_TENURE,
        labels=(names.TENURE,),
        source=_BY_BAND,
    ),
    Breakdown(
        id="at_risk_by_tenure",
        title=Text("Customers at risk by tenure", "مشتریان در معرض ریزش به تفکیک مدت مشتری‌بودن"),
        meaning=Text(
            "Customers active at the start of the window, by how long they had been customers then.",
            "مشتریان فعالِ آغاز بازه به تفکیک مدتی که تا آن زمان مشتری بوده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.NEITHER,
        section="tenure",
        definition="contractual lifetimes open at the start of W, by their length at that start. Adds up to the "
        "denominator of `churn_rate`.",
        gauge=names.AT_RISK_BY_TENURE,
        labels=(names.TENURE,),
        source=_BY_BAND,
        windows="every window but lifetime",
    ),
    Breakdown(
        id="churned_by_tenure",
        title=Text("Customers at risk who left, by tenure", "ریزش مشتریان آغاز بازه به تفکیک مدت مشتری‌بودن"),
        meaning=Text(
            "Of the customers active at the start of the window, those who had left by now.",
            "مشتریان فعالِ آغاز بازه که تا اکنون از دست رفته‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.LOWER,
        section="tenure",
        definition="those of `at_risk_by_tenure` that have closed by now, in the band in which they were at the start. "
        "Adds up to the numerator of `churn_rate`.",
        gauge=names.CHURNED_BY_TENURE,
        labels=(names.TENURE,),
        source=_BY_BAND,
        windows="every window but lifetime",
    ),
    Breakdown(
        id="churn_rate_by_tenure",
        title=Text("Churn rate by tenure", "نرخ ریزش به تفکیک مدت مشتری‌بودن"),
        meaning=Text(
            "Of the customers active at the start who had been customers for so long, the share that had left by now.",
            "سهمی از مشتریان فعالِ آغاز بازه، با این مدت مشتری‌بودن، که تا اکنون از دست رفته‌اند.",
        ),
        unit=Unit.RATIO,
        better=Better.LOWER,
        section="tenure",
        definition="`churned_by_tenure` / `at_risk_by_tenure`.",
        gauge=names.CHURN_RATE_BY_TENURE,
        labels=(names.TENURE,),
        source=_BY_BAND,
        windows="every window but lifetime",
    ),
    Breakdown(
        id="lost_by_tenure",
        title=Text("Lost customers by tenure", "مشتریان ازدست‌رفته به تفکیک مدت مشتری‌بودن"),
        meaning=Text(
            "Customers lost in the window, by how long they had been customers when they left.",
            "مشتریان ازدست‌رفتهٔ بازه به تفکیک مدتی که هنگام رفتن مشتری بوده‌اند.",
        ),
        unit=Unit.CUSTOMERS,
        better=Better.LOWER,
        section="tenure",
        definition="contractual lifetimes that close in W, by their length. Adds up to `lost_customers`.",
        gauge=names.LOST_BY_TENURE,
        labels=(names.TENURE,),
        source=_BY_BAND,
        windows="every window",
    ),
    Breakdown(
        id="survival",
        title=Text("Survival", "منحنی بقا"),
        meaning=Text(
            "The share of customers that stays for at least so many days, by all past and present ones.",
            "سهمی از مشتریان که دست‌کم این شمار روز می‌مانند، بر پایهٔ همهٔ مشتریان گذشته و کنونی.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        section="tenure",
        definition=f"1 at 0 days. Each {SURVIVAL_STEP_DAYS} days on it is multiplied by a share: of the contractual "
        "lifetimes that opened so long ago that they could have reached the later age, and that reached the earlier "
        "one, those that reached the later one. A lifetime reaches an age if it was open for at least as long; of a "
        f"customer won back each counts by itself. Up to {SURVIVAL_STEP_DAYS * SURVIVAL_STEPS} days, or as far as "
        "there is anybody to divide by.",
        gauge=names.SURVIVAL,
        labels=(names.DAYS,),
        source="survival curve of a life table, lifetimes still open counted up to now (Kaplan and Meier, 1958)",
    ),
)
