"""What is bound to happen later: the parcel that is judged after three days, the reward that is redeemed in a week."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Happening = Callable[[int, Any], dict[str, Any] | None]
"""Takes the instant in ms and what it is about; gives the event, or None where by then there is nothing to tell."""


class Agenda:
    """Happenings by due time; at one instant in the order in which they were put down."""

    __slots__ = ("_count", "_items")

    def __init__(self) -> None:
        self._items: list[tuple[int, int, Happening, Any]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, due_ms: float, happening: Happening, about: Any) -> None:
        """Put down a happening; it comes in the first step that reaches it."""
        self._count += 1
        heappush(self._items, (int(due_ms), self._count, happening, about))

    def is_due(self, until_ms: int) -> bool:
        """Whether something is due at or before an instant."""
        return bool(self._items) and self._items[0][0] <= until_ms

    def happen_next(self) -> dict[str, Any] | None:
        """Take the earliest off the agenda and let it happen."""
        due_ms, _, happening, about = heappop(self._items)
        return happening(due_ms, about)
