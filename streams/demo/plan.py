"""What is shown: the shop, its past, how fast it lives, and what goes wrong in it.

A spike has to be seen by somebody who watches for a minute. So it is dated and measured on the viewer's clock: it
begins a few seconds after the shop goes live and takes a certain share of the customers per second of watching,
whatever the speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from events.simulator import Scenario, SimulatorConfig
from streams.settings import Duration, Kafka, Redis, Settings, Web
from streams.settings.schema import Checkpoint

_DAY_S = 86_400
_CENTURY_MS = 36_500 * _DAY_S * 1_000
_SPIKE_AFTER_S = 10.0
_SPIKE_LASTS_S = 60.0
_LEAVE_PER_SECOND = 0.0015
"""The share of all customers that a spike costs per second of watching."""
_LEAST_SPIKE = 5.0
_DAILY_HAZARD = 0.001
"""Three per cent a month: below the five at which the alert on churn begins."""


_OPENS_AT = 9
"""The hour at which an accelerated shop goes live: the viewer first sees a busy day, then a quiet night."""


def opening(now: datetime, speed: float, timezone: str) -> datetime:
    """When the shop goes live, in its own time: now, or, accelerated, this morning."""
    if speed == 1:
        return now.replace(microsecond=0)
    return now.astimezone(ZoneInfo(timezone)).replace(hour=_OPENS_AT, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One demo.

    Attributes:
        scenario: what the shop goes through.
        speed: seconds of the shop's time per second of ours.
        live_from: the shop's time at which its history ends and the watching begins.
        customers: how many it has.
        history_days: the past that the engine is given first; longer than the 90 days after which a buyer lapses.
    """

    scenario: Scenario
    speed: float
    live_from: datetime
    customers: int = 5_000  # enough for alerts over six hours and a day to be on
    history_days: int = 120

    @property
    def begins(self) -> datetime:
        """When the shop's history begins."""
        return self.live_from - timedelta(days=self.history_days)

    @property
    def accelerated(self) -> bool:
        """Whether the shop's clock is another than ours."""
        return self.speed != 1.0

    @property
    def spike_at(self) -> datetime | None:
        """When customers begin to leave in numbers, in the shop's time; None: they don't."""
        if self.scenario == "calm":
            return None
        return self.live_from + timedelta(seconds=_SPIKE_AFTER_S * self.speed)

    def is_spiking(self, moment: datetime) -> bool:
        """Whether customers leave in numbers at a moment of the shop's time."""
        begins = self.spike_at
        return begins is not None and begins <= moment < begins + timedelta(seconds=_SPIKE_LASTS_S * self.speed)

    def shop(self, settings: Settings) -> SimulatorConfig:
        """The shop to simulate."""
        per_day = _LEAVE_PER_SECOND * _DAY_S / self.speed
        return SimulatorConfig(
            scenario=self.scenario,
            spike_at=self.spike_at,
            spike_lasts=timedelta(seconds=_SPIKE_LASTS_S * self.speed) if self.spike_at else None,
            spike_factor=max(_LEAST_SPIKE, per_day / _DAILY_HAZARD),
            customers=self.customers,
            daily_hazard=_DAILY_HAZARD,
            currency=settings.currency,
            timezone=settings.timezone,
            source="demo-shop",
        )

    def settings(self, asked: Settings, *, bootstrap: str, redis_url: str, web_port: int) -> Settings:
        """The worker's settings: what gives numbers their meaning as asked, where things are as they are here."""
        return asked.model_copy(
            update={
                "clock": "event" if self.accelerated else "wall",
                # An accelerated shop lives ahead of our clock, the further the longer it is watched.
                "future_tolerance": Duration(_CENTURY_MS) if self.accelerated else asked.future_tolerance,
                # Short times: the embedded broker holds every join back for half of the rebalance timeout.
                "kafka": Kafka(
                    bootstrap=bootstrap,
                    partitions=4,
                    session_timeout=Duration(6_000),
                    heartbeat_interval=Duration(1_000),
                    rebalance_timeout=Duration(2_000),
                ),
                "redis": Redis(url=SecretStr(redis_url)),
                "web": Web(port=web_port),
                # The embedded broker keeps in memory whatever was ever written, so write less.
                "tick_interval": Duration(1_000),
                "checkpoint": Checkpoint(interval=Duration(60_000)),
            }
        )

    def pace(self) -> str:
        """How fast the shop lives, in words."""
        for unit, seconds in (("day", _DAY_S), ("hour", 3_600), ("minute", 60)):
            if self.speed >= seconds:
                count = self.speed / seconds
                return f"{'1' if count == 1 else format(count, '.3g')} {unit}{'' if count == 1 else 's'} a second"
        return f"{self.speed:g} times as fast as life" if self.accelerated else "as fast as life"
