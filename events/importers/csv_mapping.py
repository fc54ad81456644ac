"""Any CSV file as events, by a mapping: which column is which field, said once in a small TOML file.

    timezone = "Europe/London"          # of times without an offset; default UTC
    time_format = "%d/%m/%Y %H:%M"      # default ISO 8601
    source = "till"

    [[event]]
    type = "purchase"
    when = { kind = "sale" }            # rows whose column holds this; default every row
    fields = { customer_id = "Customer", occurred_at = "Date", order_id = "Invoice", "total.amount" = "Amount" }
    constants = { "total.currency" = "GBP" }

    [event.values.stage]                # what cells mean, where they don't say it in the contract's words
    W = "won"

A row becomes one event for every `[[event]]` that applies to it. Without a column for it, `event_id` is the natural
one. `first = true` lets an `[[event]]` apply to the first row of each customer only, by time: how a record of orders
tells who was acquired and when.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .. import names
from ..identity import natural_event_id
from ..judgement import rejection_of
from ..models import EVENT_ADAPTER
from .cells import in_order
from .source_rows import BadRow, Event, Importer, Tally, take_rows

_WHOLE = ("score", "scale", "recommend", "repurchase", "try_other", "points")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class BadMapping(ValueError):
    """A mapping that can't be used; says where and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EventMapping(_Strict):
    """How rows become events of one type.

    Attributes:
        type: of the contract.
        fields: field, dotted where it is inside another (`total.amount`), to column.
        constants: field to value, alike in all rows.
        values: by field, what cells mean.
        when: column to the cell that rows must hold there.
        first: of each customer's rows, the earliest only.
    """

    type: str
    fields: dict[str, str]
    constants: dict[str, str | int | float | bool] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    when: dict[str, str] = Field(default_factory=dict)
    first: bool = False

    @field_validator("type")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if kind not in names.EVENT_TYPES:
            raise ValueError(f"got {kind!r}, expected one of {', '.join(names.EVENT_TYPES)}")
        return kind


class FileMapping(_Strict):
    """A mapping file."""

    event: list[EventMapping] = Field(min_length=1)
    timezone: str = "UTC"
    time_format: str | None = None
    source: str | None = None

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"got {name!r}, expected a time zone like Europe/London") from None
        return name


def load_mapping(path: Path) -> FileMapping:
    """Read a mapping file.

    Raises:
        BadMapping: it isn't TOML, or a key of it is unknown, missing or of the wrong kind.
    """
    try:
        return FileMapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadMapping(f"mapping {path.name}: expected TOML: {error}") from None
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise BadMapping(f"mapping {path.name}: {place}: {problem['msg'].removeprefix('Value error, ')}") from None


def read(paths: Sequence[Path], tally: Tally) -> Iterator[Event | BadRow]:
    """Yield the events of a file in order of time; held until all is read.

    Args:
        paths: the mapping, then the CSV file.
        tally: counts rows and events; `no-mapping-applies` counts rows that no `when` fits.

    Raises:
        BadMapping: as `load_mapping`.
        BadRow: the header lacks a column that the mapping names.
    """
    mapping = load_mapping(paths[0])
    reader = _Reader(mapping, tally)
    yield from take_rows(paths[1], reader.columns, tally, reader.take)
    yield from in_order(reader.events(), tally)


CSV = Importer(
    name="csv",
    summary="any CSV file, by a mapping of its columns (`--mapping`)",
    files=("file.csv[.gz]",),
    read=read,
    mapped=True,
)


class _Reader:
    """Turns rows into events, and holds them."""

    def __init__(self, mapping: FileMapping, tally: Tally) -> None:
        self._mapping = mapping
        self._tally = tally
        self._zone = ZoneInfo(mapping.timezone)
        self._events: list[Event] = []
        self._firsts: dict[tuple[int, str], tuple[datetime, Event]] = {}

    @property
    def columns(self) -> list[str]:
        """The columns that the mapping names."""
        named = [column for each in self._mapping.event for column in (*each.fields.values(), *each.when)]
        return list(dict.fromkeys(named))

    def take(self, row: dict[str, str]) -> None:
        """Take a row in whole, or not at all."""
        made: list[tuple[int, Event]] = []
        for number, each in enumerate(self._mapping.event):
            if all(row[column].strip() == cell for column, cell in each.when.items()):
                made.append((number, self._event(each, row)))
        if not made:
            self._tally.left_out["no-mapping-applies"] += 1
        for number, event in made:
            if not self._mapping.event[number].first:
                self._events.append(event)
                continue
            at = datetime.fromisoformat(event["occurred_at"])
            known = self._firsts.get((number, event["customer_id"]))
            if known is None or at < known[0]:
                self._firsts[number, event["customer_id"]] = at, event

    def events(self) -> Iterator[Event]:
        """Everything; the first ones before what else happened at their instant."""
        for _, event in self._firsts.values():
            yield event
        yield from self._events

    def _event(self, each: EventMapping, row: dict[str, str]) -> Event:
        event: Event = {"type": each.type}
        if self._mapping.source is not None:
            event["source"] = self._mapping.source
        for field, value in each.constants.items():
            _place(event, field, value)
        for field, column in each.fields.items():
            if cell := row[column].strip():
                _place(event, field, self._value(each, field, column, cell))
        given = "event_id" in event
        event.setdefault("event_id", "to be derived")
        try:
            judged = EVENT_ADAPTER.validate_python(event)
        except ValidationError as invalid:
            raise self._bad(each, row, invalid) from None
        if not given:
            event["event_id"] = natural_event_id(judged)
        return event

    def _value(self, each: EventMapping, field: str, column: str, cell: str) -> Any:
        """What a cell means: a time, a number, a truth value or text, as its field has it."""
        cell = each.values.get(field, {}).get(cell, cell)
        if field == "occurred_at":
            return self._instant(column, cell)
        if field in _WHOLE and cell.isascii() and cell.isdigit():
            return int(cell)
        return _TRUTHS.get(cell.lower(), cell) if field == "voluntary" else cell

    def _instant(self, column: str, cell: str) -> str:
        pattern = self._mapping.time_format
        try:
            at = datetime.strptime(cell, pattern) if pattern else datetime.fromisoformat(cell)  # noqa: DTZ007 - below
        except ValueError:
            expected = f"a time written as {pattern}" if pattern else "a time like 2026-06-15T13:37:20"
            raise BadRow(0, column, cell, expected) from None
        return (at if at.tzinfo is not None else at.replace(tzinfo=self._zone)).isoformat()

    def _bad(self, each: EventMapping, row: Mapping[str, str], invalid: ValidationError) -> BadRow:
        """Name the column where there is one, else the field that the mapping doesn't fill."""
        refused = rejection_of(invalid.errors(include_url=False)[0])
        field = refused.field.removeprefix(f"{each.type}.")
        column = next((name for known, name in each.fields.items() if known == field or field.startswith(known)), None)
        got = row[column] if column else str(each.constants.get(field, ""))
        return BadRow(0, column or field, got, f"what the contract has for {field!r}: {refused.detail}")


def _place(event: Event, field: str, value: object) -> None:
    """Put a value at a dotted name."""
    *outer, last = field.split(".")
    inside: dict[str, Any] = event
    for name in outer:
        inside = inside.setdefault(name, {})
    inside[last] = value
