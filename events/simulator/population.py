"""A customer as the simulator remembers one, and how one enters and leaves a crowd in constant time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .market import Cell


@dataclass(slots=True, eq=False)
class Customer:
    """Somebody who has joined at least once."""

    id: str
    cell: "Cell"
    country: str
    place: int = -1
    """Index in the cell's members; -1 while no lifetime is open."""
    lifetimes: int = 0
    member: bool = False
    """Of the loyalty programme."""
    points: int = 0

    @property
    def is_open(self) -> bool:
        """Whether a lifetime is open."""
        return self.place >= 0

    def join(self) -> None:
        """Open a lifetime."""
        self.place = len(self.cell.members)
        self.cell.members.append(self)
        self.lifetimes += 1

    def leave(self) -> None:
        """Close the lifetime: the cell's last member takes the place."""
        members = self.cell.members
        last = members.pop()
        if last is not self:
            members[self.place] = last
            last.place = self.place
        self.place = -1
