"""Which targets hold: those of the settings, and those that were set since, which win.

A plan changes more often than anybody wants to restart an engine. What is set later is kept apart from the settings
and shown with where it comes from, so that nobody wonders why a file and a board say different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

import msgspec

from metrics.economics import Economics, Target
from metrics.evaluate import refuse_bad_targets
from metrics.standing import Origin

Place = tuple[str, str]
"""KPI and calendar window."""
_LONGEST = 40
"""Signs of a value; more is no plan."""


class Later(msgspec.Struct, frozen=True):
    """A target that was set while the engine ran.

    Attributes:
        value: in the unit in which the KPI is published, as it was written.
        at_ms: when, on the wall clock.
    """

    value: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class TargetBook:
    """The targets of a deployment.

    Attributes:
        base: the settings', with what else formulas need.
        later: what was set since, by KPI and window.
    """

    base: Economics
    later: Mapping[Place, Later] = field(default_factory=dict)

    @classmethod
    def read(cls, base: Economics, written: bytes | None) -> TargetBook:
        """Read a book as `packed` wrote it; a target that this version can't have any more is left out."""
        book = cls(base)
        for kpi, window, later in _decode(written) if written else ():
            try:
                book = book.with_set(kpi, window, later.value, later.at_ms)
            except ValueError:
                continue
        return book

    def packed(self) -> bytes:
        """Write down what was set later; the settings are written elsewhere."""
        return _encode([(kpi, window, later) for (kpi, window), later in sorted(self.later.items())])

    def with_set(self, kpi: str, window: str, value: str, at_ms: int) -> TargetBook:
        """Return the book with one more target, or another value of one.

        Raises:
            ValueError: there can't be such a target; it says what was expected.
        """
        target = Target(kpi, window, _number(kpi, window, value))
        refuse_bad_targets(replace(self.base, targets=(target,)))
        return TargetBook(self.base, {**self.later, (kpi, window): Later(value, at_ms)})

    def without(self, kpi: str, window: str) -> TargetBook:
        """Return the book without a target that was set later; one of the settings holds again.

        Raises:
            LookupError: nobody has set it.
        """
        if (kpi, window) not in self.later:
            if any((target.kpi, target.window) == (kpi, window) for target in self.base.targets):
                raise LookupError(f"target {kpi!r} in {window!r} is of the settings: change it there, under [targets]")
            raise LookupError(f"there is no target {kpi!r} in {window!r}")
        return TargetBook(self.base, {place: kept for place, kept in self.later.items() if place != (kpi, window)})

    @property
    def economics(self) -> Economics:
        """What formulas need to know, with the targets that hold."""
        return replace(self.base, targets=tuple(target for target, _ in self))

    def __iter__(self) -> Iterator[tuple[Target, Origin]]:
        """Yield each target that holds and who has set it, the settings' first."""
        for target in self.base.targets:
            if (target.kpi, target.window) not in self.later:
                yield target, "settings"
        for (kpi, window), later in self.later.items():
            yield Target(kpi, window, Decimal(later.value)), "set"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[str, str, Later]]).decode


def _number(kpi: str, window: str, value: str) -> Decimal:
    try:
        if len(value) <= _LONGEST:
            return Decimal(value)
    except InvalidOperation:
        pass
    raise ValueError(f"target {kpi!r} in {window!r}: got {value[:_LONGEST]!r}, expected a number such as 5000 or 0.02")
