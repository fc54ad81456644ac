"""Reads what is expected of sources: entries of `[[health.expected]]`, each refused by name if it isn't sound."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from events.names import EVENT_TYPES
from streams.expectations import EVERY_DAY, WEEKDAYS, Daily, Expectation
from streams.settings.duration import Duration

_KEYS = ("name", "types", "source", "every", "by", "grace", "days")
_NAME = re.compile(r"[A-Za-z0-9._ -]{1,64}")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LEAST_MS = 1_000


def _expectations(value: object) -> tuple[Expectation, ...]:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else []
        except ValueError:
            raise ValueError("expected a JSON list of objects") from None
    if not isinstance(value, list | tuple):
        raise ValueError("expected a list of entries, [[health.expected]] in the file")  # noqa: TRY004 - pydantic's way
    found = tuple(
        each if isinstance(each, Expectation) else _expectation(number, each) for number, each in enumerate(value, 1)
    )
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r}: expected each name once")
    return found


def _expectation(number: int, entry: object) -> Expectation:
    if not isinstance(entry, Mapping):
        raise ValueError(f"entry {number}: expected a table with {', '.join(_KEYS)}")  # noqa: TRY004 - pydantic's way
    name = entry.get("name")
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ValueError(
            f"entry {number}: name: got {name!r}, expected letters, digits, '.', '_', '-' and spaces, at most 64"
        )
    try:
        for key in entry:
            if key not in _KEYS:
                raise ValueError(f"{key}: is no key of an expectation{_meant(str(key), _KEYS)}")
        return Expectation(name, _types(entry.get("types")), _rhythm(entry), _source(entry.get("source")))
    except ValueError as error:
        raise ValueError(f"{name!r}: {error}") from None


def _types(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"types: got {value!r}, expected a list of event types: {', '.join(EVENT_TYPES)}")
    for kind in value:
        if kind not in EVENT_TYPES:
            raise ValueError(f"types: {kind!r} is no event type{_meant(str(kind), EVENT_TYPES)}")
    return tuple(dict.fromkeys(value))


def _source(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise ValueError(f"source: got {value!r}, expected what events carry as `source`; leave it out for any source")


def _rhythm(entry: Mapping[str, object]) -> int | Daily:
    if ("every" in entry) == ("by" in entry):
        raise ValueError('expected either every (a duration, "15m") or by (a time of day, "06:00")')
    if "every" in entry:
        for key in ("grace", "days"):
            if key in entry:
                raise ValueError(f"{key}: goes with by, not with every")
        every = _duration("every", entry["every"])
        if every < _LEAST_MS:
            raise ValueError(f"every: got {entry['every']!r}, expected at least a second")
        return every
    by = entry["by"]
    match = _TIME.fullmatch(by) if isinstance(by, str) else None
    if match is None:
        raise ValueError(f'by: got {by!r}, expected a local time of day such as "06:00"')
    return Daily(
        int(match[1]) * 60 + int(match[2]), _duration("grace", entry.get("grace", "0s")), _days(entry.get("days"))
    )


def _days(value: object) -> frozenset[int]:
    if value is None:
        return EVERY_DAY
    if not isinstance(value, list | tuple) or not value or not all(day in WEEKDAYS for day in value):
        raise ValueError(f"days: got {value!r}, expected a list of {', '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(day) for day in value)


def _duration(key: str, value: object) -> int:
    try:
        return Duration.parse(value if isinstance(value, str) else "").ms
    except ValueError as error:
        raise ValueError(f"{key}: got {value!r}, {error}") from None


def _meant(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


Expectations = Annotated[tuple[Expectation, ...], NoDecode, BeforeValidator(_expectations)]
