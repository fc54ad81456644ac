"""How much a source may send: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """Allows `rate` events a second, and as many at once as gather in `burst_s` seconds.

    Attributes:
        rate: events a second.
        burst_s: seconds of it that may be spent at once.
    """

    rate: float
    burst_s: float = 10.0
    _level: float = field(default=-1.0)
    _at_s: float = 0.0

    @property
    def size(self) -> float:
        """Return the most that can ever be taken at once."""
        return self.rate * self.burst_s

    def take(self, events: int, now_s: float) -> float:
        """Take as many as there are events, or nothing.

        Args:
            events: how many; more than `size` never fit.
            now_s: a steady clock.

        Returns:
            0 if they were taken, else the seconds after which they would be.
        """
        filled = self.size if self._level < 0 else self._level + (now_s - self._at_s) * self.rate
        self._level, self._at_s = min(filled, self.size), now_s
        if events <= self._level:
            self._level -= events
            return 0.0
        return (events - self._level) / self.rate
