"""Cells of a CSV row as values of the contract, each refused by the name of its column."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from ..money import minor_digits
from .source_rows import BadRow, Event, Tally

NOON = time(12)


def text(row: Mapping[str, str], column: str, expected: str) -> str:
    """A cell that mustn't be empty."""
    got = row[column].strip()
    if not got:
        raise BadRow(0, column, got, expected)
    return got


def whole(row: Mapping[str, str], column: str, allowed: range) -> int:
    """A whole number within bounds."""
    got = row[column].strip()
    if got.isascii() and got.isdigit() and int(got) in allowed:
        return int(got)
    raise BadRow(0, column, got, f"a whole number from {allowed.start} to {allowed.stop - 1}")


def decimal(row: Mapping[str, str], column: str) -> Decimal:
    """A finite decimal number of 0 or more."""
    got = row[column].strip()
    try:
        number = Decimal(got)
    except InvalidOperation:
        raise BadRow(0, column, got, "a decimal number") from None
    if not number.is_finite() or number < 0:
        raise BadRow(0, column, got, "a finite number of 0 or more")
    return number


def day(row: Mapping[str, str], column: str, pattern: str = "%Y-%m-%d") -> date:
    """A date without a time."""
    got = row[column].strip()
    try:
        return datetime.strptime(got, pattern).replace(tzinfo=UTC).date()
    except ValueError:
        raise BadRow(0, column, got, f"a date like {date(2017, 5, 13).strftime(pattern)}") from None


def noon(on: date, zone: ZoneInfo) -> datetime:
    """Noon of a date: where only the date is known, the hour farthest from both its ends."""
    return datetime.combine(on, NOON, zone)


def instant(row: Mapping[str, str], column: str, zone: ZoneInfo) -> datetime:
    """A time in ISO 8601; of a zone where it names no offset, and the earlier of two that read alike."""
    got = row[column].strip()
    try:
        stamp = datetime.fromisoformat(got)
    except ValueError:
        raise BadRow(0, column, got, "a time like 2017-05-13T18:30:00") from None
    return stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=zone)


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """An amount rounded half-even to what its currency can say."""
    exponent = Decimal(1).scaleb(-minor_digits(currency))
    return {"amount": str(amount.quantize(exponent)), "currency": currency}


def in_order(events: Iterable[Event], tally: Tally) -> Iterator[Event]:
    """Events by instant, counted as they go; those of one instant stay in the order in which they came."""
    for event in sorted(events, key=lambda event: datetime.fromisoformat(event["occurred_at"])):
        tally.events[event["type"]] += 1
        yield event
