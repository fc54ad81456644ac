"""When something is wrong with the shop."""

from dataclasses import dataclass
from typing import Self

from .config import SimulatorConfig
from .stamps import aware_ms


@dataclass(frozen=True, slots=True)
class Spike:
    """The half-open interval of time in which customers leave in numbers; `begin_ms` None: there is none."""

    begin_ms: int | None
    end_ms: int | None

    @classmethod
    def of(cls, config: SimulatorConfig) -> Self:
        """The one that a configuration asks for."""
        if config.spike_at is None:
            return cls(None, None)
        begin_ms = aware_ms("spike_at", config.spike_at)
        lasts = config.spike_lasts
        return cls(begin_ms, None if lasts is None else aware_ms("spike_at", config.spike_at + lasts))

    def covers(self, at_ms: int) -> bool:
        """Whether an instant lies in it."""
        return self.begin_ms is not None and self.begin_ms <= at_ms and (self.end_ms is None or at_ms < self.end_ms)

    def next_turn_ms(self, at_ms: int) -> int | None:
        """The first instant after `at_ms` at which it begins or ends."""
        return min((turn for turn in (self.begin_ms, self.end_ms) if turn is not None and turn > at_ms), default=None)
