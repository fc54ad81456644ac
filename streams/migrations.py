"""Formats of kept state, and how an older one becomes today's.

A new version of the program meets the state of the old one, in the middle of a working day, and may meet it again
when the old one has had a partition back. So each manifest says in which format it was written, and each entry, too:
after an upgrade, entries of both lie side by side until checkpoints have rewritten them. What is older is migrated as
it is read; what is newer is refused by a worker that would lose what it doesn't know.

How to change what a checkpoint holds:

1. raise `FORMAT`, and say in `CHANGES` what has changed;
2. a manifest's field that was added or renamed: a function from its fields, as they were, to fields as they are, in
   `MANIFESTS` under the format that it turns into the next one;
3. an entry's layout: a function from its content, as msgpack gives it, in `ENTRIES` under (format, part);
4. record a state of the format that you leave: `tests/flow/states/record.py` says how.

A field that older programs may drop unseen needs no new format; there are few.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from streams.persons import AS_IT_WAS, NEVER, UNKNOWN

FORMAT = 3
"""What this program writes. It reads this one and all before it."""

CHANGES = {
    1: "the first",
    2: "a manifest says for how many partitions it was kept and which program wrote it; an entry says its format",
    3: "persons may be forgotten: a manifest says who is being, and a waiting event may be one of an alias; a person's "
    "latest activity as a member has a column, and so have orders, revenue and the latest NPS answer",
}

_ACTIVITY = 4
"""Where a history of format 2 had the latest activity."""

Fields: TypeAlias = dict[str, Any]

UPGRADE = "this state was written by a newer tapesh; upgrade this worker"
"""The way out for an older program; its partitions go to workers that are upgraded."""


def _say_for_how_many_partitions(fields: Fields) -> Fields:
    """Format 1 didn't say: 0 stands for whatever is configured, as it did then."""
    return {"partitions": 0, "program": "", **fields}


def _say_who_is_being_forgotten(fields: Fields) -> Fields:
    """Format 2 knew of nobody."""
    return {"leaving": [], "profiles_to_delete": [], "orders_heard": [], **fields}


MANIFESTS: dict[int, Callable[[Fields], Fields]] = {1: _say_for_how_many_partitions, 2: _say_who_is_being_forgotten}
"""From the format that is the key to the next one; every format but the last must be here."""


def _give_columns_to_rows(packed: list[Any]) -> list[Any]:
    """Format 2 had the latest activity in the history, which a delta has only if it changed, and counted no orders."""
    rows, columns, ids, new_from, text_rows, texts, history_rows, histories = packed
    numbers = array("q", rows)
    activity_ms, kept = dict.fromkeys(numbers, AS_IT_WAS), []
    for row, packed_history in zip(array("q", history_rows), histories, strict=True):
        history = msgspec.msgpack.decode(packed_history)
        if len(history) > _ACTIVITY:
            activity_ms[row] = history.pop(_ACTIVITY)
        kept.append(msgspec.msgpack.encode(history))
    count = len(numbers)
    added = [
        array("q", activity_ms.values()).tobytes(),
        array("i", [UNKNOWN] * count).tobytes(),
        bytes(8 * count),
        array("q", [NEVER] * count).tobytes(),
        bytes(count),
    ]
    return [rows, [*columns, *added], ids, new_from, text_rows, texts, history_rows, kept]


def _give_columns_to_a_delta(packed: list[Any]) -> list[Any]:
    rows, *flows = packed
    return [_give_columns_to_rows(rows), *flows]


ENTRIES: dict[tuple[int, str], Callable[[Any], Any]] = {
    (2, "block"): _give_columns_to_rows,
    (2, "delta"): _give_columns_to_a_delta,
}
"""By (format, part): from that format's content to the next one's. A part is `block`, `delta`, `flows`, `ids`, ..."""


def migrate_manifest(fields: Fields) -> Fields:
    """Return a manifest's fields as `FORMAT` has them.

    Args:
        fields: as they were written, in a format up to `FORMAT`.
    """
    for old in range(fields["format"], FORMAT):
        fields = {**MANIFESTS[old](fields), "format": old + 1}
    return fields


def is_changed(part: str, written: int) -> bool:
    """Tell whether the layout of a part has changed since a format."""
    return any((old, _kind(part)) in ENTRIES for old in range(written, FORMAT))


def migrate_entry(part: str, written: int, content: Any) -> Any:
    """Return the content of an entry as `FORMAT` has it.

    Args:
        part: as the manifest names it, `block-3` for example.
        written: the format in which it was written.
        content: what msgpack makes of it.
    """
    for old in range(written, FORMAT):
        migrate = ENTRIES.get((old, _kind(part)))
        content = content if migrate is None else migrate(content)
    return content


def _kind(part: str) -> str:
    return part.partition("-")[0]
