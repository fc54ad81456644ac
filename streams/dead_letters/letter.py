"""A dead letter as its topic holds it: what was rejected, why, and where it had been.

Its id is its own place, because that is never given twice. A crash of a worker may write the same letter again, at
another place: what shows that two are one is the place that the rejected message came from.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple, Self

from events import names

_ID = re.compile(r"(\d{1,9})-(\d{1,19})")
_UNKNOWN = "unknown"


class LetterId(NamedTuple):
    """Where a dead letter stands in its topic; written `partition-offset`.

    >>> LetterId.parse("0-17")
    LetterId(partition=0, offset=17)
    >>> str(LetterId(0, 17))
    '0-17'
    """

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id as it is written.

        Raises:
            ValueError: it isn't two numbers with a hyphen between them.
        """
        match = _ID.fullmatch(text)
        if match is None:
            raise ValueError(f"got {text!r}, expected the id of a dead letter, such as 0-17")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


class Origin(NamedTuple):
    """Where the rejected message was."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class DeadLetter:
    """One rejected message.

    Attributes:
        id: its place.
        key, value: the message's own, untouched.
        headers: as the worker wrote them.
        written_ms: when it was written.
    """

    id: LetterId
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    written_ms: int

    @classmethod
    def of(cls, record: Any) -> Self:
        """Read a record of the topic."""
        headers = tuple((name, value or b"") for name, value in record.headers)
        return cls(LetterId(record.partition, record.offset), record.key, record.value, headers, record.timestamp)

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {name: value.decode(errors="backslashreplace") for name, value in self.headers}

    @property
    def reason(self) -> str:
        """One of `names.REASONS`, as far as the header tells."""
        return self._texts.get(names.HEADER_ERROR, "").partition(":")[0] or _UNKNOWN

    @property
    def field(self) -> str:
        """Path of the offending field; "" if it is the message as a whole."""
        return self._texts.get(names.HEADER_ERROR_FIELD, "")

    @property
    def origin(self) -> Origin | None:
        """Where the message was; None if the headers don't say."""
        told = self._texts
        try:
            partition, offset = int(told[names.HEADER_PARTITION]), int(told[names.HEADER_OFFSET])
            return Origin(told[names.HEADER_TOPIC], partition, offset)
        except (KeyError, ValueError):
            return None

    @property
    def cut_from(self) -> int | None:
        """How many bytes the message had, if the broker didn't take all of them."""
        told = self._texts.get(names.HEADER_CUT_FROM, "")
        return int(told) if told.isdigit() else None

    @property
    def rejected_at(self) -> datetime:
        """When it was rejected; when it was written, if the headers don't say."""
        try:
            return datetime.fromtimestamp(float(self._texts[names.HEADER_REJECTED_AT]), UTC)
        except (KeyError, ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(self.written_ms / 1000, UTC)

    @cached_property
    def document(self) -> dict[str, Any] | None:
        """The message as the JSON object that it may be."""
        try:
            read = json.loads(self.value or b"")
        except (ValueError, RecursionError):
            return None
        return read if isinstance(read, dict) else None

    @property
    def source(self) -> str:
        """Which system emitted it, if that can be read."""
        told = (self.document or {}).get("source")
        return told if isinstance(told, str) and told else _UNKNOWN
