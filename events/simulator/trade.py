"""Orders and what comes back of them."""

from itertools import count

from ..names import PURCHASE, REFUND
from .assortment import Assortment
from .loyalty import Loyalty
from .market import PLANS
from .population import Customer
from .stamps import DAY_MS
from .surveys import Surveys
from .world import Event, World

REFUNDED_AT_BEST, REFUNDED_AT_WORST = 0.02, 0.12
"""Probability that an order is refunded, at a quality of 1 and of 0."""
REFUNDED_WHOLLY = 0.6


class Trade:
    """Purchases and refunds."""

    def __init__(self, world: World, loyalty: Loyalty, surveys: Surveys) -> None:
        self._world = world
        self._loyalty = loyalty
        self._surveys = surveys
        self._assortments = {
            plan: Assortment(world.config.seed, trait.price, world.purse) for plan, trait in PLANS.items()
        }
        self._expected_minor = {plan: shelf.expected_order_minor for plan, shelf in self._assortments.items()}
        self._numbers = count(1)
        self._unit = world.purse.of_units(1)

    def first_purchase(self, at_ms: int, customer: Customer) -> Event | None:
        """What a new customer came for."""
        if not customer.is_open:
            return None
        self._world.truth.first_orders += 1
        return self.purchase(at_ms, customer)

    def purchase(self, at_ms: int, customer: Customer) -> Event:
        """An order; points, an opinion or a refund may follow."""
        world, plan = self._world, customer.cell.plan
        total_minor, lines = self._assortments[plan].draw_order(world.random)
        order_id = f"o{next(self._numbers)}"
        truth = world.truth
        truth.orders += 1
        truth.revenue_minor += total_minor
        truth.expected_revenue_minor += self._expected_minor[plan]

        if customer.member:
            world.agenda.put(at_ms + 2_000, self._loyalty.earn, (customer, total_minor // self._unit))
        self._surveys.follow_purchase(at_ms, customer)
        quality = world.quality(customer, at_ms)
        if world.happens(REFUNDED_AT_WORST + (REFUNDED_AT_BEST - REFUNDED_AT_WORST) * quality):
            due_ms = world.after(at_ms + DAY_MS, 4 * DAY_MS)
            world.agenda.put(due_ms, self._refund, (customer, order_id, total_minor))

        event = world.event(PURCHASE, f"purchase:{order_id}", at_ms, customer)
        event["order_id"] = order_id
        event["total"] = world.purse(total_minor)
        event["lines"] = lines
        return event

    def _refund(self, at_ms: int, order: tuple[Customer, str, int]) -> Event:
        customer, order_id, total_minor = order
        world = self._world
        if not world.happens(REFUNDED_WHOLLY):
            total_minor = int(total_minor * world.random())
        world.truth.refunded_minor += total_minor
        event = world.event(REFUND, f"refund:{order_id}", at_ms, customer)
        event["order_id"] = order_id
        event["total"] = world.purse(total_minor)
        return event
