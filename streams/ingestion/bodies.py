"""The rows of a request: one event, a list, lines, or CloudEvents in any of the three modes of their HTTP binding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

MOST_ROWS = 10_000
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_ONE_OR_MANY = ("application/json", "application/cloudevents+json")
_MANY = "application/cloudevents-batch+json"
_CLOUD = "ce-"


class BadBody(Exception):
    """A request that holds no rows; nothing of it was taken.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def rows_of(headers: Mapping[str, str], body: bytes) -> list[bytes]:
    """Return the messages that a request holds, each as it would lie in Kafka; they aren't judged yet.

    Args:
        headers: of the request, by lower-case name.
        body: the raw bytes.

    Raises:
        BadBody: 415 for an unknown content type, 400 for a body that isn't what its type says, 413 for too many rows.
    """
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if f"{_CLOUD}specversion" in headers:
        rows = [_binary(headers, body)]
    elif kind in _LINES:
        rows = [line for line in body.splitlines() if line.strip()]
    elif kind in _ONE_OR_MANY or kind == _MANY:
        rows = _one_or_many(body, listed=kind == _MANY)
    else:
        expected = ", ".join((*_ONE_OR_MANY, _MANY, _LINES[0]))
        raise BadBody(415, f"content type {kind!r}, expected one of {expected}")
    if not rows:
        raise BadBody(400, "the body holds no event")
    if len(rows) > MOST_ROWS:
        raise BadBody(413, f"{len(rows)} events, expected at most {MOST_ROWS} in one request")
    return rows


def _one_or_many(body: bytes, *, listed: bool) -> list[bytes]:
    try:
        if not body.lstrip().startswith(b"["):
            json.loads(body)
            if listed:
                raise BadBody(400, "the body is one JSON object, expected a list of CloudEvents")
            return [body]
        return [bytes(row) for row in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except (ValueError, RecursionError) as error:
        raise BadBody(400, f"the body isn't JSON: {error}") from None


def _binary(headers: Mapping[str, str], body: bytes) -> bytes:
    """Put a CloudEvent in binary mode, whose attributes are headers, into the envelope of the structured mode."""
    envelope: dict[str, Any] = {
        name.removeprefix(_CLOUD): unquote(value) for name, value in headers.items() if name.startswith(_CLOUD)
    }
    try:
        envelope["data"] = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError) as error:
        raise BadBody(400, f"the data of the CloudEvent isn't JSON: {error}") from None
    return json.dumps(envelope).encode()
