"""Parts that several definitions share, under the word that business has for them."""

from __future__ import annotations

from metrics.formula import NOW, START, Formula, before, in_days, major, named, total, w

ACTIVE_AT_END = named("active at the end", total("opened") - total("closed"))
ACTIVE_AT_START = named("active at the start", before("opened") - before("closed"))
WON_BACK = named("won back", w("opened") - w("acquired"))

_OPEN_BEFORE_MS = ACTIVE_AT_START * (NOW - START)
_OPENED_MS = w("opened") * NOW - w("opened_at")
_CLOSED_MS = w("closed") * NOW - w("closed_at")
EXPOSURE_DAYS = named("active customer-days in W", in_days(_OPEN_BEFORE_MS + _OPENED_MS - _CLOSED_MS))
"""As if all stayed until now, less what those who left didn't stay."""

_OPEN_NOW_SINCE = total("opened_at") - (total("closed_at") - total("closed_tenure"))
TENURE_OF_OPEN_MS = named("time that the lifetimes open now have lasted", ACTIVE_AT_END * NOW - _OPEN_NOW_SINCE)
"""Openings of the open are all openings less those of the closed, each of which is its close less its length."""


def spend(component: str) -> Formula:
    """A spend of the window in major units."""
    return major(w(component))
