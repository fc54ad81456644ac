"""Lengths of time as people write them: `90d`, `24h`, `5m`, `10s`, `500ms`.

A bare number is refused: whether `timeout = 30` meant seconds or milliseconds is found out in production.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WRITTEN = re.compile(r"(\d+)(ms|s|m|h|d)")
_LONGEST_MS = 100 * 366 * _UNITS_MS["d"]
EXPECTED = "a whole number and a unit (ms, s, m, h or d), at most 100 years"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time, not negative; a day is 24 hours.

    >>> Duration.parse("24h").ms
    86400000
    >>> str(Duration.parse("24h"))
    '1d'
    """

    ms: int

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.ms / 1_000

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read a duration as it is written.

        Raises:
            ValueError: it isn't a whole number and a unit.
        """
        match = _WRITTEN.fullmatch(written.strip())
        if match is None or (ms := int(match[1]) * _UNITS_MS[match[2]]) > _LONGEST_MS:
            raise ValueError(f"expected {EXPECTED}")
        return cls(ms)

    def __str__(self) -> str:
        """The shortest way to write it that loses nothing."""
        unit = next((name for name, ms in reversed(_UNITS_MS.items()) if self.ms and self.ms % ms == 0), "s")
        return f"{self.ms // _UNITS_MS[unit]}{unit}"


def _from_input(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    if isinstance(value, str):
        return Duration.parse(value)
    raise ValueError(f"expected {EXPECTED}")


def _positive(value: object) -> Duration:
    duration = _from_input(value)
    if duration.ms == 0:
        raise ValueError("expected a duration longer than nothing")
    return duration


AnyDuration = Annotated[Duration, NoDecode, BeforeValidator(_from_input)]
PositiveDuration = Annotated[Duration, NoDecode, BeforeValidator(_positive)]
