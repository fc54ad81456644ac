"""What counts as news about customers: which counts are watched, over which windows, and how much is too much.

A rate over a threshold is no evidence: half of ten customers is five people. An alert here needs three things at once:

- the count is `factor` times what was to be expected, in a long window (it matters) and in a short one (it goes on);
- so many would come by chance with a probability below alpha only, where that many were expected;
- the expected figure itself is known: enough history, or a target.

Alpha follows from how many false alarms a year somebody is ready to have (`metrics/budget.py`). Rules, the engine, the
back-test and the docs read these declarations; none has a threshold of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from metrics.tails import at_least, at_most, least_surprising, most_surprising

Severity: TypeAlias = Literal["page", "ticket"]
HIGHEST_ALPHA: Mapping[Severity, float] = {"page": 1e-4, "ticket": 1e-3}
"""Whatever the budget allows, more likely chance than this alarms nobody."""
MINUTE_MS = 60_000
REACH = 2.0
"""A tier is of use where it can see a rise to this many times its factor; else it would wait for a catastrophe."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A pair of windows and how much is too much in them.

    Attributes:
        name: the long window's, such as `6h`.
        severity: of what it says.
        long_min, short_min: the windows, in minutes.
        factor: times the expected, in both. Where less is worse, the expected is so many times the count.
        holds_min: how long it stays on after it was last true: two losses an hour apart are one incident.
    """

    name: str
    severity: Severity
    long_min: int
    short_min: int
    factor: float
    holds_min: int


HOUR = Tier("1h", "page", 60, 10, 6.0, 30)
QUARTER = Tier("6h", "page", 360, 30, 4.0, 120)
DAY = Tier("24h", "page", 1_440, 120, 2.5, 360)
WEEK = Tier("7d", "ticket", 10_080, 1_440, 1.5, 1_440)


@dataclass(frozen=True, slots=True)
class Watch:
    """A count that is watched.

    Attributes:
        id: its name in metrics and reports.
        kpi: the KPI that it is about; while that is unknown, it is silent.
        counted: the component that is counted.
        exposed: the components that open and close what is at risk (a stock), or one that is counted itself.
        falls: less than expected is what matters.
        seasonal: the hour of the week shapes how many are to be expected of the exposed.
        tiers: by which it is judged.
        sources: types of events that it is made of: its windows end where these have been heard of.
        titles: of the alert, by severity.
        told: what is counted, in words: `customers left`.
        looks: the first three places to look at.
        act: what to do.
        board: the one to look at.
        sliced: it is judged for each value of each slice attribute.
    """

    id: str
    kpi: str
    counted: str
    exposed: tuple[str, ...]
    tiers: tuple[Tier, ...]
    sources: tuple[str, ...]
    titles: Mapping[Severity, str]
    told: str
    looks: tuple[str, str, str]
    act: str
    falls: bool = False
    seasonal: bool = True
    board: str = "tapesh-churn"
    sliced: bool = False

    def judge(self, tier: Tier, long: Seen, short: Seen, alpha: float, dispersion: float = 0.0) -> Verdict:
        """Say whether a pair of windows is news.

        Args:
            tier: one of its own.
            long: what was counted and expected in the long window.
            short: and in the short one.
            alpha: how likely chance may be at most.
            dispersion: of the count in the long window; 0: Poisson.
        """
        if self.falls:
            p_value = at_most(long.observed, long.expected, dispersion)
            needed = most_surprising(long.expected, alpha, dispersion)
            is_much = all(seen.observed * tier.factor <= seen.expected for seen in (long, short))
        else:
            p_value = at_least(long.observed, long.expected, dispersion)
            needed = least_surprising(long.expected, alpha, dispersion)
            is_much = all(0 < seen.expected * tier.factor <= seen.observed for seen in (long, short))
        return Verdict(is_much and p_value < alpha, p_value, needed)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted in a window, and what was to be expected there."""

    observed: int
    expected: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is news; how likely by chance; and which count in the long window would be."""

    firing: bool
    p_value: float
    needed: int


def reach(watch: Watch, tier: Tier, expected: float, alpha: float, dispersion: float = 0.0) -> float | None:
    """Return the smallest change that a tier can see: times the expected (where less is worse: parts of it).

    None: no change would be evidence, or nothing but a count of 0.
    """
    if expected <= 0:
        return None
    if watch.falls:
        needed = most_surprising(expected, alpha, dispersion)
        return None if needed <= 0 else max(tier.factor, expected / needed)
    return max(tier.factor, least_surprising(expected, alpha, dispersion) / expected)


WATCHES: tuple[Watch, ...] = (
    Watch(
        id="churn",
        kpi="churn_rate",
        counted="closed",
        exposed=("opened", "closed"),
        tiers=(HOUR, QUARTER, DAY, WEEK),
        sources=("cancellation",),
        titles={"page": "TapeshChurnHigh", "ticket": "TapeshChurnRaised"},
        told="customers left",
        looks=(
            "`tapesh explain churn_rate`: which channel, plan, segment or reason stands out? Its rate, or the mix?",
            "The board's churn reasons over 24 hours against 30 days: price, service, site, payment?",
            "What was released, priced, announced or switched off shortly before it began?",
        ),
        act="If one slice or reason carries it, call who owns that. If it is everywhere at once, suspect a system:"
        " a batch of cancellations, a wrong emitter, a broken log-in. Undo what was changed.",
    ),
    Watch(
        id="involuntary-churn",
        kpi="involuntary_churn_rate",
        counted="closed_involuntary",
        exposed=("opened", "closed"),
        tiers=(HOUR, QUARTER, DAY, WEEK),
        sources=("cancellation",),
        titles={"page": "TapeshInvoluntaryChurnHigh", "ticket": "TapeshInvoluntaryChurnRaised"},
        told="customers were lost against their will",
        looks=(
            "The payment provider's status and its share of declined charges.",
            "Did a billing run, a change of card rules or an expiring certificate fall into the time?",
            "`tapesh explain involuntary_churn_rate`: one plan or country only, or all?",
        ),
        act="Stop the run that closes accounts for failed payments, retry the charges, and win back who was closed.",
    ),
    Watch(
        id="lapses",
        kpi="lapse_rate",
        counted="lapsed",
        exposed=("buying_opened", "lapsed"),
        tiers=(WEEK,),  # lapses come at midnights only: shorter windows see a day's whole or nothing of it
        sources=("purchase",),
        titles={"ticket": "TapeshLapsesRaised"},
        told="buyers lapsed",
        looks=(
            "`tapesh explain lapse_rate`: which slices?",
            "What were they promised when they bought last, `lapse_after` ago: a campaign, a season, a discount?",
            "Do orders of those who are left fall too, or is it only the echo of a busy day?",
        ),
        act="Compare with the same days of last year before anything else; then write to those about to lapse.",
    ),
    Watch(
        id="conversion",
        kpi="conversion_rate",
        counted="acquired",
        exposed=("leads",),
        tiers=(DAY, WEEK),
        sources=("lead", "customer-acquired"),
        titles={"page": "TapeshConversionCollapsed", "ticket": "TapeshConversionLow"},
        told="customers were won",
        looks=(
            "Try the sign-up yourself, on a phone too.",
            "`leads_by_stage` on the board: at which stage do they stay?",
            "Do the leads come from where they used to? A flood of worthless ones lowers the rate as well.",
        ),
        act="If the sign-up is broken, mend it. If leads are worthless, stop the campaign that brings them.",
        falls=True,
        seasonal=False,
        board="tapesh-acquisition",
    ),
)
SLICE_DAY = Tier("24h", "ticket", 1_440, 60, 2.5, 360)
SLICE_WEEK = Tier("7d", "ticket", 10_080, 1_440, 1.5, 1_440)
BY_SLICE = Watch(
    id="churn-by-slice",
    kpi="churn_rate",
    counted="closed",
    exposed=("opened", "closed"),
    tiers=(SLICE_DAY, SLICE_WEEK),  # of windows that are kept for every slice
    sources=("cancellation",),
    titles={"ticket": "TapeshChurnRaisedInSlice"},
    told="customers left",
    looks=(
        "`tapesh explain churn_rate --window 24h`: is it this value alone, or are others of its attribute behind it?",
        "What is its own: a campaign that brought them, a plan's price, a country's payment or delivery?",
        "Its reasons: the link leads to the board with this slice and value chosen.",
    ),
    act="Call who owns the channel, plan, segment or country. Everybody's alert is silent: the others go on as usual.",
    sliced=True,
)
"""Churn in one value of a slice attribute. It has a budget of its own, shared by all values that are watched."""
BY_ID: dict[str, Watch] = {watch.id: watch for watch in (*WATCHES, BY_SLICE)}
