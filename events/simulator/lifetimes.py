"""How customers come, leave and come back."""

from ..names import CANCELLATION, CUSTOMER_ACQUIRED
from .loyalty import Loyalty
from .market import Cell
from .population import Customer
from .stamps import DAY_MS, HOUR_MS
from .trade import Trade
from .urns import CALM_REASONS, SPIKE_REASONS, UNSAID, Urn
from .world import Event, World

ENROLS = 0.35
BUYS_AT_ONCE = 0.7
REFERRAL_FEE = 5
"""What a marketplace takes per new customer."""
MEAN_ABSENCE_MS = 30 * DAY_MS


class Lifetimes:
    """Acquisitions, cancellations and win-backs."""

    def __init__(self, world: World, trade: Trade, loyalty: Loyalty) -> None:
        self._world = world
        self._trade = trade
        self._loyalty = loyalty
        self._calm = Urn(CALM_REASONS)
        self._spike = Urn(SPIKE_REASONS)

    def found(self, at_ms: int, _: None = None) -> Event:
        """One of the base that the shop starts with: long since here, so neither a first order nor a fee."""
        customer = self._world.new_customer()
        if self._world.happens(ENROLS):
            self._world.agenda.put(at_ms, self._loyalty.enrol, customer)
        return self._open(at_ms, customer)

    def walk_in(self, at_ms: int, cell: Cell) -> Event:
        """Somebody becomes a customer who never was a lead."""
        return self.join(at_ms, (self._world.new_customer(cell), None))

    def join(self, at_ms: int, who: tuple[Customer, str | None]) -> Event:
        """A lifetime begins; (customer, the lead that led to it)."""
        customer, lead_id = who
        event = self._open(at_ms, customer)
        world = self._world
        if lead_id is not None:
            event["lead_id"] = lead_id
        if customer.cell.channel == "marketplace":
            fee_minor = world.purse.of_units(REFERRAL_FEE)
            world.truth.spend_minor["acquisition"] += fee_minor
            event["cost"] = world.purse(fee_minor)
        if world.happens(BUYS_AT_ONCE):
            world.agenda.put(world.after(at_ms, HOUR_MS / 3), self._trade.first_purchase, customer)
        if world.happens(ENROLS):
            world.agenda.put(world.after(at_ms, HOUR_MS), self._loyalty.enrol, customer)
        return event

    def cancel(self, at_ms: int, cell: Cell) -> Event | None:
        """One of the cell leaves, and may come back one day."""
        world = self._world
        customer = world.member_of(cell)
        if customer is None:
            return None
        reason = self._reason(at_ms, cell)
        customer.leave()
        self._loyalty.lifetime_closes(at_ms, customer)
        world.truth.lost += 1
        world.truth.lost_by_reason[reason or "unknown"] += 1
        if world.happens(world.config.winback_share):
            world.agenda.put(world.after(at_ms + DAY_MS, MEAN_ABSENCE_MS), self.join, (customer, None))
        event = world.event(CANCELLATION, f"cancelled:{customer.lifetimes}", at_ms, customer)
        if reason != UNSAID:
            event["reason"] = reason
            event["voluntary"] = reason != "payment-failed"
        return event

    def _open(self, at_ms: int, customer: Customer) -> Event:
        world = self._world
        if customer.lifetimes:
            world.truth.won_back += 1
        else:
            world.truth.acquired += 1
        customer.join()
        self._loyalty.lifetime_opens(customer)
        event = world.event(CUSTOMER_ACQUIRED, f"acquired:{customer.lifetimes}", at_ms, customer)
        event.update(customer.cell.attributes())
        event["country"] = customer.country
        return event

    def _reason(self, at_ms: int, cell: Cell) -> str:
        spiked = cell.spike_factor if self._world.spike.covers(at_ms) else 1.0
        for_spike = self._world.happens(1 - 1 / spiked)  # what is added to the calm hazard has reasons of its own
        return (self._spike if for_spike else self._calm).draw(self._world.random())
