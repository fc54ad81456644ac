"""Work in bounded steps: a generator that yields wherever others may have their turn, and returns what was made.

What is made is the same whether the steps are gone one by one or at once; until the last of them nothing of it is to
be seen. Who has no one to wait for goes them at once, so that there is one way to the result and not two.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, TypeVar

Made = TypeVar("Made")
Steps: TypeAlias = Generator[None, None, Made]


def at_once(steps: Steps[Made]) -> Made:
    """Go all steps and return what they make.

    >>> def doubled(numbers):
    ...     found = []
    ...     for number in numbers:
    ...         found.append(2 * number)
    ...         yield
    ...     return found
    >>> at_once(doubled([1, 2]))
    [2, 4]
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made
