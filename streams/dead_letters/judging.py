"""What the engine would say of a message today: the verdict of the same code that folds it.

A letter may have been written under another contract, without a rate for its currency, or too early. Whoever replays
one wants to know beforehand whether it would come back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from events import names
from events.rejection import Rejected
from streams.acceptance import Acceptance
from streams.meaning import Meaning

_GOT = re.compile(r"got (?P<got>.*), expected (?P<expected>.*)", re.DOTALL)
_WHOLE = "give the whole message anew: --edit FILE"
_REMEDIES = {
    names.TOO_LARGE: "leave out what isn't needed and give the message anew: --edit FILE",
    names.NOT_UTF8: _WHOLE,
    names.NOT_JSON: _WHOLE,
    names.UNKNOWN_CURRENCY: "give it a rate (`rates` in the settings) and restart the workers, or --set {}=...",
    names.FUTURE: "wait until its time has come, or put it right: --set {}=...",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the contract takes a message; if not, why not, and what to do.

    Attributes:
        accepted: whether the engine would count it.
        reason, field: as in a dead letter's headers; "" if it is accepted.
        got, expected: what the contract says of the field. `got` holds the customer's data.
        remedy: the way out.
    """

    accepted: bool
    reason: str = ""
    field: str = ""
    got: str = ""
    expected: str = ""
    remedy: str = "replay it"

    def __str__(self) -> str:
        """The verdict without what was got: fit for a list and for a log."""
        return " ".join(part for part in (self.reason, self.field and f"({self.field})") if part) or "accepted"


class Judge:
    """Judges messages as a partition would that got them now.

    Args:
        meaning: currency and rates among others.
        future_tolerance_ms: how far ahead of `now_ms` an event may be.
    """

    def __init__(self, meaning: Meaning, future_tolerance_ms: int) -> None:
        self._acceptance = Acceptance(meaning, future_tolerance_ms)

    def verdict(self, value: bytes, now_ms: int) -> Verdict:
        """Judge one message."""
        try:
            self._acceptance.judged(value, now_ms)
        except Rejected as why:
            return _told(why)
        return Verdict(accepted=True)


def _told(why: Rejected) -> Verdict:
    match = _GOT.fullmatch(why.detail)
    got, expected = (match["got"], match["expected"]) if match else ("", why.detail)
    remedy = _REMEDIES.get(why.reason, "put the field right: --set {}=...").format(why.field or "FIELD")
    return Verdict(False, why.reason, why.field, got, expected, remedy)
