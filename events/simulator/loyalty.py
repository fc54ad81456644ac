"""The loyalty programme: a point per unit of money, a reward for enough points, and people who come and go."""

from itertools import count

from ..names import LOYALTY_ACTIVITY
from .population import Customer
from .stamps import DAY_MS, HOUR_MS
from .world import Event, World

POINTS_OF_REWARD = 250
REDEEMS = 0.6
"""Probability that a reward is ever redeemed."""
LEAVES_WITH_CANCELLATION = 0.5
CHANGES_MIND = 0.5
"""Probability that a member who thinks about it leaves, or that another customer enrols."""


class Loyalty:
    """Who is a member and has how many points."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = count(1)

    def enrol(self, at_ms: int, customer: Customer) -> Event | None:
        """Join the programme; members and former customers don't."""
        if customer.member or not customer.is_open:
            return None
        customer.member = True
        self._world.truth.members += 1
        self._world.truth.members_with_lifetime += 1
        return self._activity(at_ms, customer, "enrolled")

    def reconsider(self, at_ms: int, customer: Customer) -> Event | None:
        """A member may leave, another may enrol."""
        if not self._world.happens(CHANGES_MIND):
            return None
        return self.leave(at_ms, customer) if customer.member else self.enrol(at_ms, customer)

    def leave(self, at_ms: int, customer: Customer) -> Event | None:
        """Leave the programme; points are forfeited."""
        if not customer.member:
            return None
        customer.member = False
        customer.points = 0
        self._world.truth.members -= 1
        self._world.truth.members_with_lifetime -= customer.is_open
        return self._activity(at_ms, customer, "left")

    def lifetime_closes(self, at_ms: int, customer: Customer) -> None:
        """Half of the members who cancel leave the programme, too, a minute later; the rest stay in its books."""
        if customer.member:
            self._world.truth.members_with_lifetime -= 1
            if self._world.happens(LEAVES_WITH_CANCELLATION):
                self._world.agenda.put(at_ms + 60_000, self.leave, customer)

    def lifetime_opens(self, customer: Customer) -> None:
        """Somebody who was still in the books is back."""
        self._world.truth.members_with_lifetime += customer.member

    def earn(self, at_ms: int, purchase: tuple[Customer, int]) -> Event | None:
        """Points for a purchase (customer, points); a reward follows where there are enough."""
        customer, points = purchase
        if not customer.member:
            return None
        customer.points += points
        if customer.points >= POINTS_OF_REWARD:
            self._world.agenda.put(at_ms + 60_000, self._issue, customer)
        event = self._activity(at_ms, customer, "earned")
        event["points"] = points
        return event

    def _issue(self, at_ms: int, customer: Customer) -> Event | None:
        if customer.points < POINTS_OF_REWARD or not customer.member:
            return None
        customer.points -= POINTS_OF_REWARD
        self._world.truth.rewards_issued += 1
        if self._world.happens(REDEEMS):
            self._world.agenda.put(self._world.after(at_ms, 10 * DAY_MS + HOUR_MS), self._redeem, customer)
        event = self._activity(at_ms, customer, "reward-issued")
        event["points"] = POINTS_OF_REWARD
        return event

    def _redeem(self, at_ms: int, customer: Customer) -> Event | None:
        if not (customer.member and customer.is_open):
            return None
        self._world.truth.rewards_redeemed += 1
        return self._activity(at_ms, customer, "reward-redeemed")

    def _activity(self, at_ms: int, customer: Customer, action: str) -> Event:
        event = self._world.event(LOYALTY_ACTIVITY, f"loyalty:{action}:{next(self._numbers)}", at_ms, customer)
        event["action"] = action
        return event
