"""The shape of a breakdown's declaration: a figure for each month of acquisition, or for each span of tenure.

A KPI is one figure of a window, a breakdown many at once, which share a denominator or a clock. It isn't a sum over
panes: who is three months old today is four months old next month without an event. So it has no formula of components
and no slices; it is worked out from all lifetimes at one instant (`streams/tally.py`). All else that a reader has to
know of it is declared, like a KPI's, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from metrics.kpi import Better, Text, Unit

COHORTS: Final = 36
"""Months of acquisition that are told apart, the current one among them; customers from before are `OLDER`."""
OLDER: Final = "older"
SO_FAR: Final = "now"
"""Value of the label `months` on what holds now, in the current month, which isn't over."""


@dataclass(frozen=True, slots=True)
class Band:
    """A span of tenure, from so many days of 24 h up to where the next one begins.

    Attributes:
        name: its key in the output and its label.
        from_days: the shortest tenure in it.
        title: what a board calls it.
    """

    name: str
    from_days: int
    title: Text


BANDS: Final[tuple[Band, ...]] = (
    Band("0-30d", 0, Text("under 30 days", "کمتر از ۳۰ روز")),
    Band("30-90d", 30, Text("30 to 90 days", "۳۰ تا ۹۰ روز")),
    Band("90-180d", 90, Text("90 to 180 days", "۹۰ تا ۱۸۰ روز")),
    Band("180-365d", 180, Text("180 days to a year", "۱۸۰ روز تا یک سال")),
    Band("365-730d", 365, Text("1 to 2 years", "۱ تا ۲ سال")),
    Band("730d+", 730, Text("over 2 years", "بیش از ۲ سال")),
)
SURVIVAL_STEP_DAYS: Final = 30
SURVIVAL_STEPS: Final = 36
"""The survival curve goes up to so many steps of so many days."""

KNOWN_WITH: Final = "churn_rate"
"""The KPI that rests on what breakdowns rest on, acquisitions and cancellations: while it is unknown, so are they."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One definition.

    Attributes:
        id: key in the output and middle of the metric's name.
        title: what a board calls it.
        meaning: one sentence for the person who reads the board.
        unit: of its values.
        better: as of a KPI.
        section: under which key of the document it is.
        definition: how it is worked out, exactly.
        gauge: the metric's name.
        labels: that split it.
        source: where the definition comes from.
        windows: in which there is one of each; empty: it is as of now.
    """

    id: str
    title: Text
    meaning: Text
    unit: Unit
    better: Better
    section: Literal["cohorts", "tenure"]
    definition: str
    gauge: str
    labels: tuple[str, ...]
    source: str
    windows: Literal["", "every window", "every window but lifetime"] = ""
