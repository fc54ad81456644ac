"""A further listener of Apache Kafka: how clients come in by it, and who they must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """One listener.

    Attributes:
        name: capital letters; clients never see it.
        protocol: what it speaks.
        settings: the broker's settings of this listener, without the prefix that says so: `ssl.keystore.location`.
    """

    name: str
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    settings: Mapping[str, str] = field(default_factory=dict)

    def properties(self) -> dict[str, str]:
        """The lines in `server.properties`."""
        return {f"listener.name.{self.name.lower()}.{key}": value for key, value in self.settings.items()}
