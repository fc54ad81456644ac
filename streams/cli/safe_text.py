"""Strangers' bytes on a terminal: whatever a message holds, it can't move the cursor, hide a line or ring the bell."""

from __future__ import annotations

import json

_MOST = 16 * 1024


def printable(text: str) -> str:
    r"""Write every character that a terminal might obey (controls, overrides of direction) as its escape.

    >>> printable("a\x1b[2J\u202eb")
    'a\\x1b[2J\\u202eb'
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def shown_value(value: bytes | None) -> str:
    """A message's value: JSON laid out, anything else as text with its odd bytes escaped; cut if it is very long."""
    if not value:
        return "(empty)" if value is not None else "(none: a tombstone)"
    try:
        text = json.dumps(json.loads(value), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = value.decode(errors="backslashreplace")
    if len(text) > _MOST:
        text = f"{text[:_MOST]}\n... cut here; all {len(value):,} bytes: --raw"
    return printable(text)
