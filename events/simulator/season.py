"""How busy the shop is at an hour of a day of the week, relative to its average.

Without seasons a "nothing arrives at night" alert could never be tried, nor a daily pattern be told from a fall.
The factors average 1 over a week, so rates per day stay what the configuration says.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..instant import EPOCH

_HOURS = (4, 2, 1, 1, 1, 2, 5, 9, 13, 16, 18, 19, 20, 18, 16, 16, 17, 20, 24, 28, 27, 21, 14, 8)
_WEEKDAYS = (19, 18, 18, 19, 21, 26, 23)  # Monday first
HOUR_FACTORS = tuple(weight * 24 / sum(_HOURS) for weight in _HOURS)
WEEKDAY_FACTORS = tuple(weight * 7 / sum(_WEEKDAYS) for weight in _WEEKDAYS)


def season_factor(at_ms: int, zone: ZoneInfo) -> float:
    """Times as busy as on average, at the local hour and weekday of an instant."""
    local: datetime = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    return HOUR_FACTORS[local.hour] * WEEKDAY_FACTORS[local.weekday()]
