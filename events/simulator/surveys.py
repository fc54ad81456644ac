"""Asking customers: after a purchase, after a call, and now and then without occasion."""

from itertools import count

from ..names import SURVEY_RESPONSE
from .opinions import ces_score, cli_answers, csat_score, nps_score
from .population import Customer
from .stamps import DAY_MS, HOUR_MS
from .world import Event, World

ANSWERS_AFTER_PURCHASE = 0.12
RATES_SERVICE_TOO = 0.5
_TOUCHPOINTS = ("delivery", "product", "price", None)


class Surveys:
    """Responses only: who doesn't answer makes no event."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = count(1)

    def follow_purchase(self, at_ms: int, customer: Customer) -> None:
        """One in eight rates a touchpoint of the order, days later."""
        if self._world.happens(ANSWERS_AFTER_PURCHASE):
            due_ms = self._world.after(at_ms + DAY_MS, 2 * DAY_MS)
            self._world.agenda.put(due_ms, self._rate_order, customer)

    def recommend(self, at_ms: int, customer: Customer) -> Event:
        """An nps response."""
        event = self._response(at_ms, customer, "nps")
        score = nps_score(self._world.quality(customer, at_ms), self._world.random)
        self._world.truth.nps_by_score[score] += 1
        event["score"] = score
        return event

    def after_contact(self, at_ms: int, customer: Customer) -> Event:
        """A ces response on a service contact; half of them rate the service itself, an hour later."""
        event = self._response(at_ms, customer, "ces", "service")
        event["score"] = ces_score(self._world.quality(customer, at_ms), self._world.random)
        if self._world.happens(RATES_SERVICE_TOO):
            self._world.agenda.put(self._world.after(at_ms, HOUR_MS), self._rate_service, customer)
        return event

    def loyalty_index(self, at_ms: int, customer: Customer) -> Event:
        """A cli response."""
        event = self._response(at_ms, customer, "cli")
        event.update(cli_answers(self._world.quality(customer, at_ms), self._world.random))
        return event

    def _rate_order(self, at_ms: int, customer: Customer) -> Event | None:
        if not customer.is_open:
            return None
        touchpoint = _TOUCHPOINTS[int(self._world.random() * len(_TOUCHPOINTS))]
        return self._csat(at_ms, customer, touchpoint)

    def _rate_service(self, at_ms: int, customer: Customer) -> Event | None:
        return self._csat(at_ms, customer, "service") if customer.is_open else None

    def _csat(self, at_ms: int, customer: Customer, touchpoint: str | None) -> Event:
        event = self._response(at_ms, customer, "csat", touchpoint)
        score = csat_score(self._world.quality(customer, at_ms), self._world.random)
        self._world.truth.csat_by_score[score] += 1
        event["score"] = score
        event["scale"] = 5
        return event

    def _response(self, at_ms: int, customer: Customer, survey: str, touchpoint: str | None = None) -> Event:
        event = self._world.event(SURVEY_RESPONSE, f"survey:{survey}:{next(self._numbers)}", at_ms, customer)
        event["survey"] = survey
        if touchpoint is not None:
            event["touchpoint"] = touchpoint
        return event
