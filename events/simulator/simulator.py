"""The clock of the simulated shop: what happens next, and when.

Everything that customers do of their own accord is a Poisson process of their cell. The processes are superposed: the
time to the next happening of all is exponential, and which one it was is drawn by weight (Gillespie's direct method).
Rates are held for a step of a quarter of an hour, then taken anew for the season and the customers there are. What
follows from something that happened stands on the agenda. So events come in order of time by construction, nothing
is sorted, and memory holds customers and what they have ahead of them, never the past.
"""

from bisect import bisect
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import accumulate
from math import log
from zoneinfo import ZoneInfo

from .config import SimulatorConfig
from .funnel import Funnel
from .lifetimes import Lifetimes
from .loyalty import Loyalty
from .market import COUNTRIES, Cell, build_cells
from .marketing import SPEND_EVERY_MS, Marketing, campaign_factor, expected_leads_per_day
from .population import Customer
from .season import season_factor
from .stamps import DAY_MS, aware_ms
from .surveys import Surveys
from .trade import Trade
from .truth import Truth
from .world import Event, World

STEP_MS = 15 * 60_000
RECOMMENDS, RATES_CONTACT, RATES_LOYALTY, RECONSIDERS = 0.01, 0.012, 0.003, 0.002
"""Per customer and day: nps responses, service contacts rated, cli responses, thoughts about the loyalty programme."""

Process = tuple[Callable[[int, Cell], Event | None], Cell]


class Simulator:
    """A seeded shop.

    Args:
        config: what it is like.

    Raises:
        ValueError: a setting of the configuration makes no sense.

    >>> from datetime import UTC, datetime, timedelta
    >>> start = datetime(2026, 3, 1, tzinfo=UTC)
    >>> shop = Simulator(SimulatorConfig(seed=7, customers=100))
    >>> events = list(shop.events(start, start + timedelta(days=2)))
    >>> events[0]["type"], shop.truth.active == shop.truth.acquired - shop.truth.lost
    ('customer-acquired', True)
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self._zone = ZoneInfo(config.timezone)
        self._build()

    @property
    def truth(self) -> Truth:
        """Of the run begun last, up to the event drawn last."""
        return self._world.truth

    def events(self, start: datetime, end: datetime | None = None) -> Iterator[Event]:
        """Begin a run: its events in order of time, up to but without `end`, or for ever.

        The first are the acquisitions of the base, dated before `start`, as an export of the shop's records would
        give them. A run up to an `end` is the beginning of the run without one. The iterator doesn't wait for
        anything; see `paced`.

        Raises:
            ValueError: a datetime has no offset.
        """
        start_ms = aware_ms("start", start)
        end_ms = None if end is None else aware_ms("end", end)
        self._build()
        return self._run(start_ms, end_ms)

    def _build(self) -> None:
        self._cells = build_cells(self.config)
        self._world = world = World(self.config, self._cells, COUNTRIES)
        loyalty, surveys = Loyalty(world), Surveys(world)
        trade = Trade(world, loyalty, surveys)
        self._lifetimes = Lifetimes(world, trade, loyalty)
        self._marketing = Marketing(world)
        funnel = Funnel(world, self._lifetimes)

        def of_anybody(happening: Callable[[int, Customer], Event | None]) -> Callable[[int, Cell], Event | None]:
            def happen(at_ms: int, cell: Cell) -> Event | None:
                customer = world.member_of(cell)
                return None if customer is None else happening(at_ms, customer)

            return happen

        happenings = (
            of_anybody(trade.purchase),
            self._lifetimes.cancel,
            of_anybody(surveys.recommend),
            of_anybody(surveys.after_contact),
            of_anybody(surveys.loyalty_index),
            of_anybody(loyalty.reconsider),
            self._lifetimes.walk_in,
            funnel.appear,
        )
        self._processes: list[Process] = [(happening, cell) for cell in self._cells for happening in happenings]

    def _run(self, start_ms: int, end_ms: int | None) -> Iterator[Event]:
        yield from self._found(start_ms)
        agenda, random, processes = self._world.agenda, self._world.random, self._processes
        last = len(processes) - 1
        now_ms = start_ms
        while end_ms is None or now_ms < end_ms:
            edge_ms = self._step_end(now_ms)
            up_to = list(accumulate(self._begin_step(now_ms, edge_ms)))
            total = up_to[-1]
            if end_ms is not None:
                edge_ms = min(edge_ms, end_ms)
            at = float(now_ms)
            while True:
                at = at - log(1.0 - random()) / total if total > 0 else float(edge_ms)
                at_ms = int(at) if at < edge_ms else edge_ms - 1
                while agenda.is_due(at_ms):
                    if (event := agenda.happen_next()) is not None:
                        yield event
                if at >= edge_ms:
                    break
                happening, cell = processes[bisect(up_to, random() * total, 0, last)]
                if (event := happening(at_ms, cell)) is not None:
                    yield event
            now_ms = edge_ms

    def _found(self, start_ms: int) -> Iterator[Event]:
        """The base: acquired, and enrolled, before the start."""
        agenda, world = self._world.agenda, self._world
        age_ms = self.config.base_age_days * DAY_MS
        for _ in range(self.config.customers):
            agenda.put(start_ms - 1 - int(world.random() * age_ms), self._lifetimes.found, None)
        while agenda.is_due(start_ms - 1):
            if (event := agenda.happen_next()) is not None:
                yield event

    def _step_end(self, now_ms: int) -> int:
        step_end_ms = now_ms - now_ms % STEP_MS + STEP_MS
        turn_ms = self._world.spike.next_turn_ms(now_ms)
        return step_end_ms if turn_ms is None else min(step_end_ms, turn_ms)

    def _begin_step(self, now_ms: int, edge_ms: int) -> list[float]:
        """Rates per millisecond of all processes, in their order; spends are planned where their time has come."""
        if now_ms % SPEND_EVERY_MS == 0:
            self._marketing.plan_spend(now_ms)
        season = season_factor(now_ms, self._zone) / DAY_MS
        spiking = self._world.spike.covers(now_ms)
        joins = self.config.expected_joins_per_day
        leads = expected_leads_per_day(self.config, self.truth.lead_conversion)
        walk_ins = joins * (1 - self.config.lead_share)
        purchases = losses = 0.0
        rates: list[float] = []
        for cell in self._cells:
            busy = len(cell.members) * season
            buying, leaving = busy * cell.purchases_per_day, busy * cell.hazard(spiking=spiking)
            coming = cell.share * campaign_factor(cell.channel, now_ms) * season
            purchases += buying
            losses += leaving
            rates += (
                buying,
                leaving,
                busy * RECOMMENDS,
                busy * RATES_CONTACT,
                busy * RATES_LOYALTY,
                busy * RECONSIDERS,
                coming * walk_ins,
                coming * leads,
            )
        self.truth.expected_orders += purchases * (edge_ms - now_ms)
        self.truth.expected_lost += losses * (edge_ms - now_ms)
        return rates
