"""Leads on their way: new, qualified, proposal, and won or lost. Who is won becomes a customer a minute later."""

from itertools import count

from ..names import LEAD
from .lifetimes import Lifetimes
from .market import Cell
from .population import Customer
from .stamps import HOUR_MS
from .truth import PROPOSED_TO, QUALIFIES, WON
from .world import Event, World

PAID_PER_LEAD = 2
"""What a marketplace takes for a lead."""
_NEXT = {"new": ("qualified", QUALIFIES), "qualified": ("proposal", PROPOSED_TO), "proposal": ("won", WON)}
_MEAN_WAIT_MS = {"new": 12 * HOUR_MS, "qualified": 36 * HOUR_MS, "proposal": 48 * HOUR_MS}

Step = tuple[Customer, str, str]
"""Who, by which lead, reaches which stage."""


class Funnel:
    """The stages that leads reach."""

    def __init__(self, world: World, lifetimes: Lifetimes) -> None:
        self._world = world
        self._lifetimes = lifetimes
        self._numbers = count(1)

    def appear(self, at_ms: int, cell: Cell) -> Event:
        """A new lead, of somebody who isn't a customer yet."""
        event = self._reach(at_ms, (self._world.new_customer(cell), f"lead-{next(self._numbers)}", "new"))
        if cell.channel == "marketplace":
            cost_minor = self._world.purse.of_units(PAID_PER_LEAD)
            self._world.truth.spend_minor["lead-generation"] += cost_minor
            event["cost"] = self._world.purse(cost_minor)
        return event

    def _reach(self, at_ms: int, step: Step) -> Event:
        customer, lead_id, stage = step
        world = self._world
        world.truth.leads_by_stage[stage] += 1
        if stage == "won":
            world.agenda.put(at_ms + 60_000, self._lifetimes.join, (customer, lead_id))
        elif stage != "lost":
            following, probability = _NEXT[stage]
            if not world.happens(probability):
                following = "lost"
            world.agenda.put(world.after(at_ms, _MEAN_WAIT_MS[stage]), self._reach, (customer, lead_id, following))
        event = world.event(LEAD, f"lead:{lead_id}:{stage}", at_ms, customer)
        event["lead_id"] = lead_id
        event["stage"] = stage
        event["channel"] = customer.cell.channel
        return event
