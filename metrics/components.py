"""The sufficient statistics: what the engine counts, so that every KPI can be divided out at read time.

A component is an integer that adds up: over panes of time, over partitions, over workers. Distinct counts
add up too, because a person lives in one partition and is counted at exactly one instant (the *latest*
purchase, the *first* opening ...): a window that reaches back to that instant contains the person, and a
new event moves the count. Without this file a ratio would have to be kept as state, and ratios can't be
merged, restated or taken back.

`at` says at which instant a contribution is placed. `STOCK` components have no instant: they hold what is
true now and appear in `lifetime` sums only.

`moved_by` says what happens later, in the ordinary course of things, and takes a contribution from its instant: a
customer who buys again leaves the day of the purchase before. Where it is empty a past day changes for what comes
late alone, and KPIs made of such components can be restated (`metrics.restatement`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a component's integer counts."""

    COUNT = "count"
    MINOR = "minor"  # minor units of the reporting currency
    MS = "ms"  # milliseconds; carried as (days, milliseconds of the day), so that sums never leave 64 bits
    POINTS = "points"  # score points


@dataclass(frozen=True, slots=True)
class Component:
    """One additive statistic.

    Attributes:
        name: its key, as formulas use it.
        unit: what the integer counts.
        at: the instant at which a contribution is placed, in words.
        meaning: one sentence for the engineer.
        label: name of the label that splits it (`reason`, `touchpoint`, `stage`), or None.
        moved_by: what later takes a contribution from its instant; empty: nothing does.
    """

    name: str
    unit: Unit
    at: str
    meaning: str
    label: str | None = None
    moved_by: str = ""


STOCK = "now"

_C, _M, _T, _P = Unit.COUNT, Unit.MINOR, Unit.MS, Unit.POINTS

COMPONENTS: tuple[Component, ...] = (
    Component("persons", _C, STOCK, "persons known by any event"),
    # Contractual lifetimes
    Component("open_lifetimes", _C, STOCK, "persons with an open lifetime, to check the books by"),
    Component("acquired", _C, "first opening", "persons by their first-ever opening"),
    Component("opened", _C, "opening", "lifetimes opened, win-backs included"),
    Component("opened_at", _T, "opening", "sum of the opening instants, milliseconds since 1970"),
    Component("closed", _C, "close", "lifetimes closed"),
    Component("closed_at", _T, "close", "sum of the closing instants, milliseconds since 1970"),
    Component("closed_tenure", _T, "close", "sum of the lengths of closed lifetimes"),
    Component("closed_by_opening", _C, "opening", "closed lifetimes, placed at their opening", moved_by="a close"),
    Component("closed_involuntary", _C, "close", "lifetimes closed by an involuntary cancellation"),
    Component("closed_involuntary_by_opening", _C, "opening", "the same, placed at their opening", moved_by="a close"),
    Component("closed_by_reason", _C, "close", "lifetimes closed, by reason", "reason"),
    # Buying lifetimes and buyers
    Component("buying_opened", _C, "opening purchase", "buying lifetimes opened"),
    Component("lapsed", _C, "lapse", "buying lifetimes whose lapse has come"),
    Component(
        "lapsed_by_opening",
        _C,
        "opening purchase",
        "lapsed buying lifetimes, placed at their opening",
        moved_by="a lapse",
    ),
    Component("buyers", _C, "latest purchase", "persons by their latest purchase", moved_by="the next purchase"),
    Component("buying_span", _T, "latest purchase", "sum of latest less first purchase", moved_by="the next purchase"),
    Component(
        "repeat_buyers",
        _C,
        "second-latest purchase",
        "persons by their second-latest purchase",
        moved_by="the next purchase",
    ),
    Component("first_buyers", _C, "first purchase", "persons by their first-ever purchase"),
    Component("first_purchase_minor", _M, "first purchase", "totals of first-ever purchases"),
    # Orders and revenue
    Component("orders", _C, "purchase", "purchases"),
    Component("gross_minor", _M, "purchase", "totals of purchases"),
    Component("refunds_minor", _M, "refund", "totals of refunds"),
    Component("orders_with_lines", _C, "purchase", "purchases that carry lines"),
    Component("orders_with_upsell", _C, "purchase", "purchases with an upsell line"),
    Component("orders_with_cross_sell", _C, "purchase", "purchases with a cross-sell line"),
    Component("lines_minor", _M, "purchase", "totals of all lines"),
    Component("upsell_lines_minor", _M, "purchase", "totals of upsell lines"),
    Component("cross_sell_lines_minor", _M, "purchase", "totals of cross-sell lines"),
    # Leads
    Component("leads", _C, "first sight", "leads by their earliest event"),
    Component(
        "leads_converted",
        _C,
        "first sight",
        "leads whose person has a lifetime opened at or after it",
        moved_by="an opening",
    ),
    Component("leads_by_stage", _C, "first reach", "leads by the first time they reached a stage", "stage"),
    Component(
        "leads_decided",
        _C,
        "later of first won, first lost",
        "leads that were won or lost",
        moved_by="the other decision",
    ),
    # Spend
    Component("spends", _C, "spend", "spend events"),
    Component("acquisition_spend_minor", _M, "spend", "acquisition spend and cost of acquisitions"),
    Component("lead_spend_minor", _M, "spend", "lead-generation spend"),
    Component("lead_costs_minor", _M, "lead event", "costs that lead events carry, beside lead_spend_minor"),
    Component("retention_spend_minor", _M, "spend", "retention spend"),
    # Surveys
    Component("nps_promoters", _C, "response", "NPS answers 9 and 10"),
    Component("nps_passives", _C, "response", "NPS answers 7 and 8"),
    Component("nps_detractors", _C, "response", "NPS answers 0 to 6"),
    Component("csat_responses", _C, "response", "CSAT answers"),
    Component("csat_satisfied", _C, "response", "satisfied CSAT answers"),
    Component("csat_points", _P, "response", "sum of 36 x (score - 1)/(scale - 1), an integer for scales 5, 7, 10"),
    Component("csat_responses_by_touchpoint", _C, "response", "CSAT answers, by touchpoint", "touchpoint"),
    Component("csat_satisfied_by_touchpoint", _C, "response", "satisfied ones, by touchpoint", "touchpoint"),
    Component("ces_responses", _C, "response", "CES answers"),
    Component("ces_points", _P, "response", "sum of CES scores"),
    Component("cli_responses", _C, "response", "loyalty-index answers"),
    Component("cli_points", _P, "response", "sum over responses of their three answers"),
    Component("cli_repurchase_high", _C, "response", "responses with repurchase >= 5"),
    # Loyalty programme
    Component("members", _C, STOCK, "members now"),
    Component("members_active", _C, STOCK, "members with an open lifetime now"),
    Component(
        "members_engaged",
        _C,
        "latest activity",
        "members now, by their latest earning, issue or redemption",
        moved_by="the next activity",
    ),
    Component("rewards_issued", _C, "activity", "rewards issued"),
    Component("rewards_redeemed", _C, "activity", "rewards redeemed"),
)

BY_NAME: dict[str, Component] = {component.name: component for component in COMPONENTS}
CSAT_DENOMINATOR = 36
"""The least common multiple of 4, 6 and 9: (score - 1)/(scale - 1) times this is an integer on every scale."""
