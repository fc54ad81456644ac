"""What kept integers mean: the settings that shape them, and the components that they count.

State is columns of integers without names. Under another time zone or another list of components the same integers
would say something else, and nothing would show it: so a checkpoint carries this description, and state that was
kept under a different one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

import xxhash

from metrics.components import COMPONENTS
from streams.panes import DAY_MS, DEFAULT_WINDOWS

FLOWS = frozenset(
    {
        "orders",
        "gross_minor",
        "refunds_minor",
        "orders_with_lines",
        "orders_with_upsell",
        "orders_with_cross_sell",
        "lines_minor",
        "upsell_lines_minor",
        "cross_sell_lines_minor",
        "spends",
        "acquisition_spend_minor",
        "lead_spend_minor",
        "retention_spend_minor",
        "nps_promoters",
        "nps_passives",
        "nps_detractors",
        "csat_responses",
        "csat_satisfied",
        "csat_points",
        "csat_responses_by_touchpoint",
        "csat_satisfied_by_touchpoint",
        "ces_responses",
        "ces_points",
        "cli_responses",
        "cli_points",
        "cli_repurchase_high",
        "rewards_issued",
        "rewards_redeemed",
    }
)
"""The components that events add by themselves; all others are derived from persons."""


RAW_VALUES = 200
"""Four times what is shown by default: which of them are shown is decided for the whole cluster."""


UNSAID = {"fiscal_year_start": "1"}
"""What a description means where it doesn't name a setting."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The settings that give state its meaning: under others, the same integers would say something else.

    Attributes:
        currency: the reporting currency.
        rates: what one unit of another currency is worth in it, now: the one setting here that may change.
        timezone, calendar, windows, fiscal_year_start: how time is cut.
        slices: the slice attributes of an acquisition.
        lapse_after_ms: a buying lifetime's length after its latest purchase.
        remembered_events: events of a person not yet acquired that can still move to its slices.
        raw_values: values of one slice attribute, or labels of one component, kept apart in a partition.
    """

    currency: str = "EUR"
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    timezone: str = "UTC"
    calendar: str = "gregorian"
    windows: tuple[str, ...] = DEFAULT_WINDOWS
    slices: tuple[str, ...] = ("channel", "segment", "country", "plan")
    lapse_after_ms: int = 90 * DAY_MS
    remembered_events: int = 16
    raw_values: int = RAW_VALUES
    fiscal_year_start: int = 1

    def describe(self) -> dict[str, str]:
        """Return each setting as text, in a form that two versions of the program write alike.

        Rates aren't among them: a value is converted once, at the rate of the day on which it is counted. What a later
        version has added is there only where it isn't `UNSAID`: so that state from before it is read as what it is.
        """
        added = {"fiscal_year_start": str(self.fiscal_year_start)}
        return {
            "currency": self.currency,
            "timezone": self.timezone,
            "calendar": self.calendar,
            "windows": ",".join(self.windows),
            "slices": ",".join(self.slices),
            "lapse_after": f"{self.lapse_after_ms}ms",
            "components": components_digest(),
            **{name: value for name, value in added.items() if value != UNSAID[name]},
        }


@cache
def components_digest() -> str:
    """Name the components that this program counts, in their order, and which of them are flows.

    A checkpoint holds sums by the number of their column: read by a program that counts other components, the
    same numbers would be somebody else's.
    """
    named = [f"{one.name}/{one.label}/{one.unit}/{one.name in FLOWS}" for one in COMPONENTS]
    return xxhash.xxh3_64_hexdigest("\n".join(named).encode())
