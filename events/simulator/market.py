"""Who the customers are: channels, plans and segments, what share of them, and how differently they behave.

A *cell* is one channel, plan and segment. Within a cell all customers are alike, so what the whole cell does is one
Poisson process, and who does it is anybody of the cell: exact, and no clock per customer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from .config import SimulatorConfig
from .population import Customer

SHARE_OF_SPIKE_IN_FOCUS = 0.8
CALM_QUALITY = 0.8
"""Latent quality of service, 0-1: what customers feel and no event says; opinions depend on it."""
SPIKED_QUALITY_IN_FOCUS = 0.3
SPIKED_QUALITY_ELSEWHERE = 0.65


@dataclass(frozen=True, slots=True)
class Trait:
    """A value of an attribute: its share of joiners, and factors relative to the average customer."""

    share: float
    leaving: float = 1.0
    buying: float = 1.0
    price: float = 1.0


CHANNELS: Mapping[str, Trait] = {
    "web": Trait(0.35),
    "app": Trait(0.30, leaving=0.9, buying=1.2),
    "marketplace": Trait(0.20, leaving=1.4, buying=0.8),
    "store": Trait(0.15, leaving=0.8, buying=0.9),
}
PLANS: Mapping[str, Trait] = {
    "basic": Trait(0.50, leaving=1.3, price=0.8),
    "plus": Trait(0.35, leaving=0.8, price=1.1),
    "pro": Trait(0.15, leaving=0.5, price=1.6),
}
SEGMENTS: Mapping[str, Trait] = {
    "frequent": Trait(0.2, leaving=0.7, buying=2.5),
    "regular": Trait(0.5, buying=0.9),
    "occasional": Trait(0.3, leaving=1.2, buying=0.2),
}
COUNTRIES: Mapping[str, float] = {"DE": 0.40, "FR": 0.25, "NL": 0.15, "AT": 0.12, "IT": 0.08}


@dataclass(slots=True, eq=False)
class Cell:
    """Customers who are alike, and what one of them does per day on average."""

    channel: str
    plan: str
    segment: str
    share: float
    hazard_per_day: float
    purchases_per_day: float
    price_factor: float
    spike_factor: float
    spiked_quality: float
    members: list[Customer] = field(default_factory=list)
    """Those with an open lifetime."""

    def attributes(self) -> dict[str, str]:
        """The slice attributes that the customers of this cell are acquired with."""
        return {"channel": self.channel, "segment": self.segment, "plan": self.plan}

    def hazard(self, *, spiking: bool) -> float:
        """Expected cancellations per customer and day."""
        return self.hazard_per_day * self.spike_factor if spiking else self.hazard_per_day

    def quality(self, *, spiking: bool) -> float:
        """Latent quality of service, 0-1."""
        return self.spiked_quality if spiking else CALM_QUALITY


def build_cells(config: SimulatorConfig) -> tuple[Cell, ...]:
    """All cells, their rates scaled so that the mix of joiners has the average rates of the configuration.

    Raises:
        ValueError: `spike_focus` names no attribute or value there is.
    """
    traits = list(product(CHANNELS.items(), PLANS.items(), SEGMENTS.items()))
    shares = [c.share * p.share * s.share for (_, c), (_, p), (_, s) in traits]
    leaving = [c.leaving * p.leaving * s.leaving for (_, c), (_, p), (_, s) in traits]
    buying = [c.buying * p.buying * s.buying for (_, c), (_, p), (_, s) in traits]
    mean_leaving = sum(share * factor for share, factor in zip(shares, leaving, strict=True))
    mean_buying = sum(share * factor for share, factor in zip(shares, buying, strict=True))

    in_focus = [_in_focus(config, {"channel": c, "plan": p, "segment": s}) for (c, _), (p, _), (s, _) in traits]
    of_focus = sum(share * f for share, f, inside in zip(shares, leaving, in_focus, strict=True) if inside)
    of_focus /= mean_leaving  # of the cancellations on calm days
    extra = config.spike_factor - 1
    return tuple(
        Cell(
            channel=channel,
            plan=plan,
            segment=segment,
            share=shares[i],
            hazard_per_day=config.daily_hazard * leaving[i] / mean_leaving,
            purchases_per_day=config.purchases_per_day * buying[i] / mean_buying,
            price_factor=PLANS[plan].price,
            spike_factor=1
            + (
                extra * SHARE_OF_SPIKE_IN_FOCUS / of_focus
                if in_focus[i]
                else extra * (1 - SHARE_OF_SPIKE_IN_FOCUS) / (1 - of_focus)
            ),
            spiked_quality=SPIKED_QUALITY_IN_FOCUS if in_focus[i] else SPIKED_QUALITY_ELSEWHERE,
        )
        for i, ((channel, _), (plan, _), (segment, _)) in enumerate(traits)
    )


def _in_focus(config: SimulatorConfig, attributes: dict[str, str]) -> bool:
    attribute, value = config.spike_focus
    known = {"channel": CHANNELS, "plan": PLANS, "segment": SEGMENTS}
    if attribute not in known or value not in known[attribute]:
        names = ", ".join(f"({a!r}, {v!r})" for a, values in known.items() for v in values)
        raise ValueError(f"simulator setting 'spike_focus' is {config.spike_focus!r}, expected one of {names}")
    return attributes[attribute] == value
