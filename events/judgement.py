"""The judge: what a message holds by the contract's models, or why it is no event. Slow, and the last word.

The engine reads most messages faster (`codec.py`) and comes here with what is in doubt; a shop's own producer, which
has pydantic alone, comes here with everything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from . import cloudevents, models
from .names import (
    EVENT_TYPES,
    INVALID_FIELD,
    LARGEST_MESSAGE,
    MISSING_FIELD,
    NOT_JSON,
    NOT_UTF8,
    TOO_LARGE,
    UNKNOWN_TYPE,
)
from .rejection import Rejected, shown

_LONGEST_INTEGER = 400  # digits; no field takes a hundredth of that, and Python refuses to read 4,300


def judged(raw: bytes) -> models.AnyEvent:
    """The event that a message holds, a CloudEvent's envelope taken off.

    Raises:
        Rejected: the message breaks the contract; `reason`, `field` and `detail` say how.
    """
    message = _parsed(raw)
    if cloudevents.is_cloudevent(message):
        return _validated(cloudevents.unwrap(message), cloudevents.envelope_field)
    return _validated(message, str)


def _parsed(raw: bytes) -> dict[str, Any]:
    if len(raw) > LARGEST_MESSAGE:
        raise Rejected(TOO_LARGE, "", f"got {len(raw)} bytes, expected at most {LARGEST_MESSAGE}")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} is {raw[error.start : error.start + 1]!r}, expected UTF-8"
        raise Rejected(NOT_UTF8, "", detail) from None
    try:
        message = json.loads(text, parse_int=_integer, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        detail = f"got {shown(text)}, expected one JSON object: {error.msg} at character {error.pos}"
        raise Rejected(NOT_JSON, "", detail) from None
    except RecursionError:
        raise Rejected(NOT_JSON, "", "expected one JSON object, got one nested too deeply to read") from None
    if not isinstance(message, dict):
        raise Rejected(NOT_JSON, "", f"got {shown(message)}, expected one JSON object")
    return message


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _refuse_constant(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is no JSON value", name, 0)


def _validated(message: dict[str, Any], field_name: Callable[[str], str]) -> models.AnyEvent:
    event_type = message.get("type")
    if event_type is None:
        raise Rejected(MISSING_FIELD, "type", f"expected one of: {', '.join(EVENT_TYPES)}")
    if not isinstance(event_type, str):
        raise Rejected(INVALID_FIELD, "type", f"got {shown(event_type)}, expected a string")
    model = models.MODELS.get(event_type)
    if model is None:
        raise Rejected(UNKNOWN_TYPE, "type", f"got {shown(event_type)}, expected one of: {', '.join(EVENT_TYPES)}")
    try:
        return model.model_validate(message)
    except ValidationError as invalid:
        error = invalid.errors(include_url=False)[0]
    rejected = rejection_of(error)
    raise Rejected(rejected.reason, field_name(rejected.field), rejected.detail)


def rejection_of(error: ErrorDetails) -> Rejected:
    """What the contract says of one of pydantic's errors."""
    context = error.get("ctx", {})
    path = [str(part) for part in error["loc"]]
    if error["type"] in (MISSING_FIELD, INVALID_FIELD):  # raised by the models themselves
        below = context["field"]
        field = ".".join([*path, below] if below else path)
        return Rejected(MISSING_FIELD if error["type"] == MISSING_FIELD else INVALID_FIELD, field, context["detail"])
    field = ".".join(path)
    match error["type"]:
        case "missing":
            return Rejected(MISSING_FIELD, field, "it is required, and absent or null")
        case "string_too_long" | "too_long":
            expected = f"at most {context['max_length']} characters"
        case "string_too_short" | "too_short":
            expected = f"at least {context['min_length']} character"
        case "model_type" | "model_attributes_type":
            expected = "a JSON object"
        case _:
            expected = error["msg"].removeprefix("Input should be ")
    return Rejected(INVALID_FIELD, field, f"got {shown(error['input'])}, expected {expected}")
