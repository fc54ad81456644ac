"""The kinds of value that settings are made of, beyond pydantic's own.

Lists may be written with commas, because that is how people set environment variables; lists and tables may be JSON
there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from metrics.economics import CALENDAR_WINDOWS
from streams.panes import window_ms

_CURRENCY = re.compile(r"[A-Z]{3}")
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,200}")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:,\[\]]+):\d{1,5}")


def _list(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return _json(value, "a JSON list")
    return [item.strip() for item in value.split(",") if item.strip()]


def as_table(value: object) -> object:
    """Read a table that stands as JSON in the environment."""
    return _json(value, "a JSON object") if isinstance(value, str) else value


def _json(text: str, what: str) -> object:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        raise ValueError(f"expected {what}") from None


def _distinct(items: tuple[str, ...]) -> tuple[str, ...]:
    for item in items:
        if items.count(item) > 1:
            raise ValueError(f"expected each once, but {item!r} is there more often")
    return items


def _windows(names: tuple[str, ...]) -> tuple[str, ...]:
    lengths = {name: window_ms(name) for name in names}
    if len(set(lengths.values())) < len(lengths):
        raise ValueError("expected windows of different lengths: a window has one name on the gauges")
    return names


def _topics(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _TOPIC.fullmatch(name):
            raise ValueError(f"{name!r}: expected a topic name of letters, digits, '.', '_' and '-'")
    return names


def _currency(code: str) -> str:
    if not _CURRENCY.fullmatch(code):
        raise ValueError("expected an ISO 4217 code of three upper-case letters")
    return code


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError("expected a time zone of the IANA database") from None
    return name


def _addresses(text: str) -> str:
    addresses = [address.strip() for address in text.split(",")]
    if not all(_ADDRESS.fullmatch(address) for address in addresses):
        raise ValueError("expected host:port, several separated by commas")
    return ",".join(addresses)


def _lifespan(value: object) -> object:
    if value in ("observed", "expected"):
        return value
    try:
        years = float(str(value))
    except ValueError:
        years = 0.0
    if not 0 < years <= 200:  # noqa: PLR2004 - nobody is a customer for longer
        raise ValueError("expected a number of years above 0, 'observed' or 'expected'")
    return years


def _positive(rates: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    for code, rate in rates.items():
        _currency(code)
        if rate <= 0:
            raise ValueError(f"{code}: expected a number above 0, what one {code} is worth in the reporting currency")
    return rates


def _by_calendar_window(targets: Mapping[str, Mapping[str, Decimal]]) -> Mapping[str, Mapping[str, Decimal]]:
    for kpi, goals in targets.items():
        for window in goals:
            if window not in CALENDAR_WINDOWS:
                raise ValueError(f"{kpi}: {window!r}: expected one of {', '.join(CALENDAR_WINDOWS)}")
    return targets


Text = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_list), AfterValidator(_distinct)]
Windows = Annotated[Text, AfterValidator(_windows)]
Topics = Annotated[Text, AfterValidator(_topics)]
SliceAttribute = Literal["channel", "segment", "country", "plan"]
Slices = Annotated[tuple[SliceAttribute, ...], NoDecode, BeforeValidator(_list), AfterValidator(_distinct)]
Currency = Annotated[str, AfterValidator(_currency)]


def _bands(bands: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """Bands of value, the lowest first."""
    for name, amount in bands.items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
            raise ValueError(f"{name!r}: expected up to 32 small letters, digits and hyphens, such as gold")
        if not amount.is_finite():
            raise ValueError(f"{name}: got {amount}, expected an amount such as 500")
    if len(set(bands.values())) < len(bands):
        raise ValueError("two bands begin at the same amount; expected one of them")
    return dict(sorted(bands.items(), key=lambda band: band[1]))


Timezone = Annotated[str, AfterValidator(_timezone)]
Addresses = Annotated[str, AfterValidator(_addresses)]
Lifespan = Annotated[float | Literal["observed", "expected"], BeforeValidator(_lifespan)]
Rates = Annotated[Mapping[str, Decimal], NoDecode, BeforeValidator(as_table), AfterValidator(_positive)]
Bands = Annotated[Mapping[str, Decimal], NoDecode, BeforeValidator(as_table), AfterValidator(_bands)]
Targets = Annotated[
    Mapping[str, Mapping[str, Decimal]], NoDecode, BeforeValidator(as_table), AfterValidator(_by_calendar_window)
]
