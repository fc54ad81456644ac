"""Customer profiles: what is known of one person, for who has that person on the phone.

A profile is read off the person's columns and history, so it says what the KPIs say: the same lifetimes, the same
lapse, the same money.

Which profiles are still to be written is a byte a person. Redis may be away for as long as it likes: nothing piles up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from events.money import minor_digits
from streams.fold import Fold
from streams.lifetimes import is_member, lapse_ms
from streams.panes import DAY_MS
from streams.persons import BUYING, NEVER, UNKNOWN, Persons

Profile = Mapping[str, str]
"""Fields of the Redis hash; what isn't known or doesn't apply is absent."""
NO_BANDS: Mapping[str, Decimal] = {}
_NOTICED = 2
"""In `Persons.changed`: a change that a checkpoint has still to write, and that is noted here."""


class ProfileMarks:
    """Whose profile is to be written: at first everybody's, since nobody knows what an owner before us has written."""

    def __init__(self, persons: Persons) -> None:
        self._marks = bytearray(b"\1" * len(persons))
        self._cursor = 0

    def notice(self, persons: Persons) -> None:
        """Mark those that changed; to be called before a checkpoint forgets who did."""
        self._marks.extend(bytes(len(persons) - len(self._marks)))
        changed = np.frombuffer(persons.changed, np.uint8)
        rows = np.flatnonzero(changed == 1)
        np.frombuffer(self._marks, np.uint8)[rows] = 1
        changed[rows] = _NOTICED

    def take(self, most: int) -> list[int]:
        """Return some of those that are marked, in turns, and unmark them."""
        rows: list[int] = []
        while len(rows) < most:
            row = self._marks.find(1, self._cursor)
            if row < 0:
                if self._cursor == 0:
                    break
                self._cursor = 0
                continue
            self._marks[row] = 0
            self._cursor = row + 1
            rows.append(row)
        return rows

    def put_back(self, rows: list[int]) -> None:
        """Mark those again that couldn't be written."""
        for row in rows:
            self._marks[row] = 1

    def __len__(self) -> int:
        return self._marks.count(1)


def profile_of(fold: Fold, row: int, bands: Mapping[str, Decimal] = NO_BANDS) -> Profile:
    """Return what is known of a person at the fold's clock.

    Args:
        fold: of the person's partition.
        row: the person.
        bands: names and the revenue from which on each begins, the lowest first.
    """
    persons, now_ms = fold.persons, fold.now_ms
    history = persons.history(row)
    said: dict[str, str] = {"as_of": _instant(now_ms)}
    found = fold.lifetimes(row)
    said["lifetime"] = "none" if not found else "open" if found[-1].close_ms is None else "closed"
    if found:
        last = found[-1]
        said["since"], said["lifetimes"] = _instant(last.open_ms), str(len(found))
        said["tenure_days"] = str(((now_ms if last.close_ms is None else last.close_ms) - last.open_ms) // DAY_MS)
        if last.close_ms is not None:
            said["until"], said["close_reason"] = _instant(last.close_ms), last.reason
    said |= _buying(fold, row) | _brought(fold, row, bands)
    if persons.nps_ms[row] != NEVER:
        said |= {"nps_score": str(persons.nps_score[row]), "nps_at": _instant(persons.nps_ms[row])}
    if history.membership:
        said["member"] = "yes" if is_member(history.membership) else "no"
    return said


def _buying(fold: Fold, row: int) -> dict[str, str]:
    persons, meaning = fold.persons, fold.meaning
    latest_ms = persons.latest_ms[row]
    if latest_ms == NEVER:
        return {"purchases": "0"}
    digits = minor_digits(meaning.currency)
    return {
        "purchases": "1" if persons.second_ms[row] == NEVER else "2+",
        "buying": "active" if persons.flags[row] & BUYING else "lapsed",
        "first_purchase": _instant(persons.first_ms[row]),
        "first_purchase_amount": str(Decimal(persons.first_minor[row]).scaleb(-digits)),
        "currency": meaning.currency,
        "last_purchase": _instant(latest_ms),
        "lapses": _instant(lapse_ms(latest_ms, meaning.lapse_after_ms, fold.time.days)),
    }


def _brought(fold: Fold, row: int, bands: Mapping[str, Decimal]) -> dict[str, str]:
    """Return what a person has brought; nothing of somebody whom an older format didn't count."""
    persons, currency = fold.persons, fold.meaning.currency
    if persons.orders[row] == UNKNOWN or (not persons.orders[row] and not persons.revenue_minor[row]):
        return {} if persons.orders[row] == UNKNOWN else {"orders": "0"}
    revenue = Decimal(persons.revenue_minor[row]).scaleb(-minor_digits(currency))
    said = {"orders": str(persons.orders[row]), "revenue": f"{revenue:f}", "currency": currency}
    if reached := [name for name, begins in bands.items() if revenue >= begins]:
        said["value_band"] = reached[-1]
    return said


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
