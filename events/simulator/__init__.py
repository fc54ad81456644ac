"""A seeded shop whose truth is known: events for the demo, for load, and for tests that need the right answer."""

from .config import Scenario, SimulatorConfig
from .pacing import paced, paced_async
from .simulator import Simulator
from .truth import Truth

__all__ = ["Scenario", "Simulator", "SimulatorConfig", "Truth", "paced", "paced_async"]
