"""What can go wrong with a program that somebody else wrote, each with the way out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """A service that this machine can't run.

    Attributes:
        what: A sentence that names what was looked for and not found.
        remedy: The command that brings it.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; bring it: {self.remedy}"


class ServiceError(RuntimeError):
    """A service isn't there, didn't come up, or went away."""


class ServiceUnavailable(ServiceError):
    """The program isn't on this machine."""

    def __init__(self, name: str, missing: Missing) -> None:
        super().__init__(f"{name}: {missing}")
        self.missing = missing


class ServiceDied(ServiceError):
    """The program ended by itself; the end of its log says why."""


class ServiceTimeout(ServiceError):
    """The program runs, but didn't answer by the deadline."""
