"""What an evaluation is given: the clock, the windows, and sums of components per window and slice.

These types are the seam between the fold, which knows panes and partitions, and the catalogue, which knows
neither: the fold hands over integers, and nothing else crosses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

LIFETIME = "lifetime"
YEAR = "365d"
"""The rolling window over which the expected lifespan is taken, published or not."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window at one `now`.

    Attributes:
        name: its key in the output.
        kind: what bounds it.
        start_ms: first instant in it, milliseconds since 1970; None over lifetime.
        days: nominal length of a rolling window (1/24 for `1h`), None otherwise.
        published: False where it is only there for formulas that need it.
    """

    name: str
    kind: Literal["rolling", "calendar", "lifetime"]
    start_ms: int | None
    days: float | None
    published: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """All windows at one instant; `lifetime` and `365d` are always among them."""

    now_ms: int
    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        names = [window.name for window in self.windows]
        if len(set(names)) < len(names):
            raise ValueError(f"frame: window names must differ, got {names}")
        for needed in (LIFETIME, YEAR):
            if needed not in names:
                raise ValueError(
                    f"frame: window {needed!r} is missing, got {names}; "
                    "where it isn't configured, add it with published=False"
                )
        for window in self.windows:
            if (window.kind == "lifetime") != (window.start_ms is None):
                raise ValueError(f"window {window.name!r}: start_ms is None over lifetime, and only there")
            if (window.kind == "rolling") != (window.days is not None):
                raise ValueError(f"window {window.name!r}: a rolling window has its nominal days, and no other has")


@dataclass(frozen=True, slots=True)
class CellSums:
    """Component sums of one cell in one window; an absent component is 0."""

    values: Mapping[str, int] = field(default_factory=dict)
    labelled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


NOTHING = CellSums()

Cell: TypeAlias = tuple[str, str] | None
"""None is everybody; `("channel", "web")` is one value of one slice attribute."""
