"""What a simulated shop is like: its size, its rhythm, and whether something goes wrong in it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

Scenario = Literal["calm", "churn-spike"]

EVENTS_PER_PURCHASE = 1.62
"""A purchase and what follows from it: points, rewards, opinions, refunds."""
OTHER_EVENTS_PER_DAY = 0.045
"""Per customer: surveys out of the blue, service contacts, joining, leaving."""
SPENDS_PER_DAY = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """A shop to simulate. Equal configurations give equal events, to the byte.

    Args:
        seed: of all that is random.
        scenario: `calm`, or `churn-spike`: from `spike_at` on, customers leave at `spike_factor` times the usual rate,
            most of them from `spike_focus`, for reasons of service and price, and think less of the shop.
        spike_at: an aware datetime; needed by `churn-spike`, refused by `calm`.
        spike_lasts: None: it doesn't end.
        spike_factor: how much likelier a cancellation is, over the whole base.
        spike_focus: the attribute (`channel`, `plan` or `segment`) and value that it mostly hits.
        customers: the base at the start.
        base_age_days: the base's acquisitions are spread over so many days before the start.
        purchases_per_day: per customer, on average.
        daily_hazard: probability of leaving per day, averaged over the shop's mix of customers.
        joins_per_day: expected acquisitions; None: what keeps the base about as large as it is.
        lead_share: share of them who come as leads through the funnel.
        winback_share: probability that someone who left comes back one day.
        currency: of all money.
        timezone: whose hours and weekdays shape the day and the week.
        source: the events' `source`. Runs that meet in one topic need different ones, as events are numbered
            afresh by each, and the engine drops what it has seen.
        customer_prefix: of customer ids; likewise.
    """

    seed: int = 1
    scenario: Scenario = "calm"
    spike_at: datetime | None = None
    spike_lasts: timedelta | None = None
    spike_factor: float = 6.0
    spike_focus: tuple[str, str] = ("channel", "app")
    customers: int = 2_000
    base_age_days: float = 365.0
    purchases_per_day: float = 0.1
    daily_hazard: float = 0.002
    joins_per_day: float | None = None
    lead_share: float = 0.4
    winback_share: float = 0.1
    currency: str = "EUR"
    timezone: str = "UTC"
    source: str = "simulator"
    customer_prefix: str = "c"

    def __post_init__(self) -> None:
        self._check_scenario()
        self._check_numbers()
        ZoneInfo(self.timezone)  # raises, with the name, where there is no such zone

    def _check_scenario(self) -> None:
        if self.scenario not in ("calm", "churn-spike"):
            raise _refusal("scenario", self.scenario, "'calm' or 'churn-spike'")
        if self.scenario == "churn-spike" and self.spike_at is None:
            raise _refusal("spike_at", None, "the moment at which the scenario 'churn-spike' begins")
        if self.scenario == "calm" and self.spike_at is not None:
            raise _refusal("spike_at", self.spike_at, "None in the scenario 'calm'; or choose 'churn-spike'")
        if self.spike_at is not None and self.spike_at.tzinfo is None:
            raise _refusal("spike_at", self.spike_at, "a datetime with an offset")

    def _check_numbers(self) -> None:
        if self.spike_factor < 1:
            raise _refusal("spike_factor", self.spike_factor, "a number of 1 or more")
        if self.customers < 1:
            raise _refusal("customers", self.customers, "a number of 1 or more")
        for name in ("base_age_days", "purchases_per_day", "daily_hazard"):
            if getattr(self, name) < 0:
                raise _refusal(name, getattr(self, name), "a number of 0 or more")
        if self.joins_per_day is not None and self.joins_per_day < 0:
            raise _refusal("joins_per_day", self.joins_per_day, "a number of 0 or more, or None")
        for name in ("lead_share", "winback_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise _refusal(name, getattr(self, name), "a share from 0 to 1")

    @property
    def expected_joins_per_day(self) -> float:
        """Acquisitions that the shop aims at; what win-backs bring comes on top."""
        if self.joins_per_day is not None:
            return self.joins_per_day
        return self.customers * self.daily_hazard * (1 - self.winback_share)

    @property
    def expected_events_per_second(self) -> float:
        """Roughly, averaged over a week, of a calm shop as large as at the start."""
        per_customer = self.purchases_per_day * EVENTS_PER_PURCHASE + OTHER_EVENTS_PER_DAY
        return (self.customers * per_customer + SPENDS_PER_DAY) / 86_400

    def with_event_rate(self, events_per_second: float) -> Self:
        """The same shop, its customers buying as often as makes roughly that many events per second.

        Raises:
            ValueError: they make more without buying anything.
        """
        per_customer = (events_per_second * 86_400 - SPENDS_PER_DAY) / self.customers
        if per_customer < OTHER_EVENTS_PER_DAY:
            least = (self.customers * OTHER_EVENTS_PER_DAY + SPENDS_PER_DAY) / 86_400
            raise _refusal("events_per_second", events_per_second, f"at least {least:.3g} of so many customers")
        return replace(self, purchases_per_day=(per_customer - OTHER_EVENTS_PER_DAY) / EVENTS_PER_PURCHASE)


def _refusal(name: str, got: Any, expected: str) -> ValueError:
    return ValueError(f"simulator setting {name!r} is {got!r}, expected {expected}")
