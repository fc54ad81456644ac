"""A panel and a board before Grafana's schema: what is shown, in which words, with which unit and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["line", "number", "bars", "matrix", "curve", "names", "text"]
"""`line`: over time. `number`, `bars`: as of now. `matrix`, `curve`: as of now, by two labels or over one. `names`:
which series there are now. `text`: words, no query."""

NUMBER_HEIGHT = 4
HEIGHT = 8


@dataclass(frozen=True, slots=True)
class Query:
    """One line of a panel.

    Attributes:
        expr: PromQL.
        legend: what its series are called, a template of Grafana.
    """

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A value from which on a panel has another colour."""

    value: float
    colour: Literal["green", "red", "orange", "text"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a matrix, or a side of a curve.

    Attributes:
        name: a label, or one of its values.
        title: what people read; empty: the name.
        is_row: what rows are of, or the curve runs over.
        unit: Grafana's name for it, where it has one of its own.
    """

    name: str
    title: str
    is_row: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, before it has a place and a number.

    Attributes:
        title, description: what people read.
        unit: Grafana's name for it.
        queries: at least one, but for text.
        kind: how it is shown.
        width: of 24.
        height: in Grafana's rows; None: as the kind has it.
        below: colour below the first limit.
        limits: rising; none, where nobody has set any.
        unknown: asks why its KPIs can't be known; its series stand for the values that are absent.
        absent: what stands where there is no value.
        text: the Markdown of one that is text.
        columns: of a matrix the label of its rows, that of its columns, and columns that are told apart; of a curve
            what it runs over, and its value.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "line"
    width: int = 8
    height: int | None = None
    below: Literal["green", "red", "orange", "text"] = "text"
    limits: tuple[Limit, ...] = ()
    unknown: Query | None = None
    absent: str = ""
    text: str = ""
    columns: tuple[Column, ...] = ()

    @property
    def rows(self) -> int:
        """How high it is."""
        return self.height or (NUMBER_HEIGHT if self.kind in ("number", "names") else HEIGHT)


@dataclass(frozen=True, slots=True)
class Board:
    """One board.

    Attributes:
        id: last part of its uid, and its file's name.
        title, description: what people read.
        rows: heading -> panels, which fill lines of 24.
        chosen: what can be chosen: `engine` is the data source and the engine, `window` the window and slice as well.
        tag: by which links find it; empty: with the others of its language.
    """

    id: str
    title: str
    description: str
    rows: dict[str, tuple[Panel, ...]]
    chosen: Literal["window", "engine", "nothing"] = "window"
    tag: str = ""
