"""Marketing: what is spent, on which channel, and the campaigns that bring more customers for more money.

A campaign runs on one channel for the first five days of each fortnight of the calendar, the channels taking turns;
while it runs, twice as many people come by it.
"""

from ..names import MARKETING_SPEND
from .config import SimulatorConfig
from .market import CHANNELS
from .stamps import DAY_MS, HOUR_MS
from .world import Event, World

CAMPAIGN_FACTOR = 2.0
_CYCLE_DAYS, _CAMPAIGN_DAYS = 14, 5
SPEND_EVERY_MS = 6 * HOUR_MS
ACQUISITION_COST, LEAD_COST, RETENTION_COST = 40, 8, 0.01
"""Units of money per expected customer, per expected lead, and per customer and day."""


def running_campaign(channel: str, at_ms: int) -> str | None:
    """The campaign that runs on a channel at an instant."""
    fortnight, day = divmod(at_ms // DAY_MS, _CYCLE_DAYS)
    on = list(CHANNELS)[fortnight % len(CHANNELS)]
    return f"campaign-{fortnight}" if channel == on and day < _CAMPAIGN_DAYS else None


def campaign_factor(channel: str, at_ms: int) -> float:
    """How many times as many customers and leads a channel brings."""
    return CAMPAIGN_FACTOR if running_campaign(channel, at_ms) else 1.0


def expected_leads_per_day(config: SimulatorConfig, conversion: float) -> float:
    """As many as it takes for the share of joiners that come as leads."""
    return config.expected_joins_per_day * config.lead_share / conversion


class Marketing:
    """Spend events: every six hours, per channel and purpose."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._joins_per_day = world.config.expected_joins_per_day
        self._leads_per_day = expected_leads_per_day(world.config, world.truth.lead_conversion)

    def plan_spend(self, at_ms: int) -> None:
        """Put the spends of the six hours from `at_ms` on the agenda."""
        base = self._world.truth.active
        share_of_day = SPEND_EVERY_MS / DAY_MS
        for channel, trait in CHANNELS.items():
            campaign = campaign_factor(channel, at_ms)
            for purpose, units_per_day in (
                ("acquisition", self._joins_per_day * ACQUISITION_COST * campaign),
                ("lead-generation", self._leads_per_day * LEAD_COST * campaign),
                ("retention", base * RETENTION_COST),
            ):
                about = 0.8 + 0.4 * self._world.random()
                minor = self._world.purse.of_units(units_per_day * trait.share * share_of_day * about)
                if minor:
                    due_ms = at_ms + self._world.random() * HOUR_MS
                    self._world.agenda.put(due_ms, self._spend, (purpose, channel, minor))

    def _spend(self, at_ms: int, spend: tuple[str, str, int]) -> Event:
        purpose, channel, minor = spend
        world = self._world
        world.truth.spend_minor[purpose] += minor
        event = world.event(MARKETING_SPEND, f"spend:{purpose}:{channel}:{at_ms}", at_ms, None)
        event["spend"] = world.purse(minor)
        event["purpose"] = purpose
        event["channel"] = channel
        if purpose != "retention" and (campaign := running_campaign(channel, at_ms)):
            event["campaign"] = campaign
        return event
