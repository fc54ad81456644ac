"""The one exception of the contract: why a message isn't an event.

A rejection is an output with a counter and a place (`dead-letters`), so its parts are kept apart: the reason
is a metric's label, the field goes into a header, the detail is for whoever repairs the producer.
"""

from __future__ import annotations

from .names import Reason

LONGEST_SHOWN = 80


class Rejected(ValueError):
    """A message that the contract refuses.

    Args:
        reason: one of `names.REASONS`.
        field: path of the offending field, e.g. `lines.0.total.amount`; "" when it is the message as a whole.
        detail: what was got and what was expected.
    """

    def __init__(self, reason: Reason, field: str, detail: str) -> None:
        super().__init__(reason, field, detail)
        self.reason: Reason = reason
        self.field = field
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.field}: {self.detail}" if self.field else f"{self.reason}: {self.detail}"


def shown(value: object) -> str:
    """A value as an error message shows it: its repr, cut to 80 characters."""
    try:
        text = repr(value[: LONGEST_SHOWN + 1]) if isinstance(value, str | bytes) else repr(value)
    except ValueError:  # Python refuses to print integers of more than 4,300 digits
        text = "an enormous integer"
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."
