"""What all parts of the simulated shop share: one set of dice, one agenda, one purse, one truth.

One seed governs everything, so all dice are thrown here; `random.Random.random` is the only source, because Python
promises its sequence from version to version.
"""

from collections.abc import Mapping
from itertools import count
from math import log
from random import Random
from typing import Any

from .agenda import Agenda
from .config import SimulatorConfig
from .market import Cell
from .population import Customer
from .purse import Purse
from .spike import Spike
from .stamps import Rfc3339
from .truth import Truth
from .urns import Urn

Event = dict[str, Any]


class World:
    """A shop's surroundings during one run.

    Args:
        config: the shop.
        cells: its customers, alike by cell.
        countries: where they live, by share.
    """

    def __init__(self, config: SimulatorConfig, cells: tuple[Cell, ...], countries: Mapping[str, float]) -> None:
        self.config = config
        self.spike = Spike.of(config)
        self.truth = Truth(self.spike, cells)
        self.agenda = Agenda()
        self.purse = Purse(config.currency)
        self.random = Random(config.seed).random  # noqa: S311 - a shop, not secrets
        self.joiners = Urn({cell: cell.share for cell in cells})
        self._countries = Urn(countries)
        self._stamp = Rfc3339()
        self._customers = count(1)

    def happens(self, probability: float) -> bool:
        """Throw the dice once."""
        return self.random() < probability

    def after(self, at_ms: int, mean_ms: float) -> float:
        """An instant after `at_ms`, exponentially distributed."""
        return at_ms - log(1.0 - self.random()) * mean_ms

    def new_customer(self, cell: Cell | None = None) -> Customer:
        """Somebody not seen before; without a cell, drawn from the mix of joiners."""
        cell = cell or self.joiners.draw(self.random())
        number = next(self._customers)
        return Customer(f"{self.config.customer_prefix}{number:06d}", cell, self._countries.draw(self.random()))

    def member_of(self, cell: Cell) -> Customer | None:
        """Anybody of the cell with an open lifetime; None where there is nobody left."""
        members = cell.members
        return members[int(self.random() * len(members))] if members else None

    def quality(self, customer: Customer, at_ms: int) -> float:
        """The service that the customer feels, 0-1."""
        return customer.cell.quality(spiking=self.spike.covers(at_ms))

    def event(self, kind: str, event_id: str, at_ms: int, customer: Customer | None) -> Event:
        """The common fields; counts the event, so it has to be emitted."""
        self.truth.events[kind] += 1
        event: Event = {"type": kind, "event_id": event_id, "occurred_at": self._stamp(at_ms)}
        if customer is not None:
            event["customer_id"] = customer.id
        event["source"] = self.config.source
        return event
