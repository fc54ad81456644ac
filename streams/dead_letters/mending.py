"""Puts a rejected message right: fields set by their path, the rest as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


class MendError(ValueError):
    """A field can't be set."""


def mended(value: bytes, assignments: Sequence[str]) -> bytes:
    """Set fields of a JSON message.

    Args:
        value: the message.
        assignments: `path=value` each; steps of a path are separated by dots, numbers count items of a list from 0. A
            value is JSON if it can be read as that, else text; `null` takes the field away from the contract's eyes.

    Raises:
        MendError: the message isn't a JSON object, or a path leads nowhere.

    >>> mended(b'{"total": {"amount": "1.999"}}', ["total.amount=1.99", "order_id=A-1"])
    b'{"total": {"amount": 1.99}, "order_id": "A-1"}'
    """
    if not assignments:
        return value
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise MendError("it isn't a JSON object, so it has no field to set; give the whole message anew: --edit FILE")
    for assignment in assignments:
        path, given, text = assignment.partition("=")
        if not given or not all(steps := path.split(".")):
            raise MendError(f"--set {assignment!r}: expected FIELD=VALUE, such as total.amount=19.99")
        _put(document, steps, _read(text), assignment)
    return json.dumps(document, ensure_ascii=False).encode()


def _put(document: Any, steps: Sequence[str], value: object, assignment: str) -> None:
    at, *rest = steps
    if isinstance(document, list):
        if not at.isdigit() or int(at) >= len(document):
            raise MendError(f"--set {assignment!r}: {at!r} is no item of a list of {len(document)}")
        key: Any = int(at)
    elif isinstance(document, dict):
        key = at
    else:
        raise MendError(f"--set {assignment!r}: there is nothing below which {at!r} could be; set the field above it")
    if not rest:
        document[key] = value
        return
    if isinstance(document, dict) and document.get(key) is None:
        document[key] = {}
    _put(document[key], rest, value, assignment)


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
