"""What the simulated shop knows about itself and no event says in so many words.

A test of the engine needs the right answer from somewhere else than the engine. `Truth` has two kinds: what was
counted as it happened (equal to what the events say), and what was to be expected by design (equal within chance).
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from .market import Cell
from .opinions import NpsShares, nps_shares, satisfied_share
from .spike import Spike
from .stamps import aware_ms

QUALIFIES, PROPOSED_TO, WON = 0.60, 0.70, 0.50
"""Probabilities of a lead to reach the next stage: qualified, proposal, won."""


@dataclass(slots=True)
class Truth:
    """Counted so far, including the event drawn last, and expected.

    The expected sums are those up to the end of the current step of the simulator (a quarter of an hour at most).
    """

    spike: Spike
    cells: tuple[Cell, ...]

    events: Counter[str] = field(default_factory=Counter)
    """By type."""
    acquired: int = 0
    won_back: int = 0
    lost: int = 0
    lost_by_reason: Counter[str] = field(default_factory=Counter)
    """`unknown` where none is given."""
    orders: int = 0
    revenue_minor: int = 0
    """Before refunds."""
    refunded_minor: int = 0
    leads_by_stage: Counter[str] = field(default_factory=Counter)
    nps_by_score: Counter[int] = field(default_factory=Counter)
    csat_by_score: Counter[int] = field(default_factory=Counter)
    members: int = 0
    members_with_lifetime: int = 0
    rewards_issued: int = 0
    rewards_redeemed: int = 0
    spend_minor: Counter[str] = field(default_factory=Counter)
    """By purpose; costs of leads and acquisitions included."""

    expected_lost: float = 0.0
    """Sum over all customers and all time of the hazard at the time."""
    expected_orders: float = 0.0
    """Those that the rhythms give; first orders of new customers (`truth.first_orders`) come on top."""
    first_orders: int = 0
    expected_revenue_minor: float = 0.0
    """Of the orders there were."""

    @property
    def active(self) -> int:
        """Customers with an open lifetime now."""
        return self.acquired + self.won_back - self.lost

    @property
    def lead_conversion(self) -> float:
        """Probability that a lead is won in the end."""
        return QUALIFIES * PROPOSED_TO * WON

    def is_spiking(self, moment: datetime) -> bool:
        """Whether something is wrong with the shop at that moment."""
        return self.spike.covers(aware_ms("moment", moment))

    def daily_hazard(self, moment: datetime) -> float:
        """Probability of leaving per day at that moment, averaged over the customers of *now* and a week's seasons."""
        spiking = self.is_spiking(moment)
        base = sum(len(cell.members) for cell in self.cells)
        return sum(len(cell.members) * cell.hazard(spiking=spiking) for cell in self.cells) / base if base else 0.0

    def nps_shares(self, moment: datetime, attribute: str | None = None, value: str | None = None) -> NpsShares:
        """Probabilities of nps answers at that moment, of all customers or of those with the attribute's value."""
        spiking = self.is_spiking(moment)
        cells = [cell for cell in self.cells if attribute is None or cell.attributes().get(attribute) == value]
        base = sum(len(cell.members) for cell in cells) or 1
        shares = [(len(cell.members) / base, nps_shares(cell.quality(spiking=spiking))) for cell in cells]
        return NpsShares(
            sum(weight * share.promoter for weight, share in shares),
            sum(weight * share.passive for weight, share in shares),
            sum(weight * share.detractor for weight, share in shares),
        )

    def satisfied_share(self, moment: datetime) -> float:
        """Probability that a csat answer is one of the satisfied, averaged over the customers of now."""
        spiking = self.is_spiking(moment)
        base = sum(len(cell.members) for cell in self.cells) or 1
        return sum(len(cell.members) / base * satisfied_share(cell.quality(spiking=spiking)) for cell in self.cells)
