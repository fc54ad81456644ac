"""Runs of simulated shops, drawn once for all tests that look at them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from events.importers import Event
from events.simulator import Simulator, SimulatorConfig, Truth

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday


@dataclass(frozen=True)
class Run:
    config: SimulatorConfig
    events: list[Event]
    truth: Truth
    end: datetime

    def of(self, kind: str, **fields: object) -> list[Event]:
        """Events of a type with these fields."""
        return [e for e in self.events if e["type"] == kind and all(e.get(k) == v for k, v in fields.items())]


def run(config: SimulatorConfig, days: float) -> Run:
    simulator = Simulator(config)
    end = START + timedelta(days=days)
    return Run(config, list(simulator.events(START, end)), simulator.truth, end)


@pytest.fixture(scope="session")
def calm() -> Run:
    return run(SimulatorConfig(seed=11, customers=6_000, daily_hazard=0.004, winback_share=0.2), days=28)


@pytest.fixture(scope="session")
def spiked() -> Run:
    """Two calm weeks, then a week in which something is wrong with the app."""
    return run(
        SimulatorConfig(seed=12, customers=6_000, scenario="churn-spike", spike_at=START + timedelta(days=14)), days=21
    )
