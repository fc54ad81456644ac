"""What the KPI agent remembers from owner to owner, in a compacted topic of one partition.

Each owner writes under a key of its own epoch, so that one which doesn't know that it was replaced overwrites nothing:
the highest epoch wins. The group's generation alone would not do: it falls back when the group is deleted or the
brokers lose its offsets, and what was older would win for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streams.manifest import Epoch


class Remembered:
    """One thing that is remembered, as this owner found it.

    Args:
        kind: what it is, the first part of its keys.
        stored: the table's content, with the keys of all kinds.
        generation: of the group in which this owner took over.

    Attributes:
        epoch: this owner's.
        value: what the owner before it wrote last, None if there was none.

    >>> before = {b"admission/00000000.0000000007": b"[1]", b"admission/00000000.0000000003": b"[]"}
    >>> mine = Remembered("admission", before, generation=1)
    >>> mine.value, str(mine.epoch)
    (b'[1]', '00000001.0000000001')
    >>> [(key.decode(), value) for key, value in mine.written(b"[1,2]")]  # doctest: +NORMALIZE_WHITESPACE
    [('admission/00000001.0000000001', b'[1,2]'),
     ('admission/00000000.0000000003', None), ('admission/00000000.0000000007', None)]
    >>> [key.decode() for key, _ in mine.written(b"[1,2,3]")]
    ['admission/00000001.0000000001']
    """

    def __init__(self, kind: str, stored: Mapping[bytes, bytes], generation: int) -> None:
        self._kind = kind
        found = sorted((epoch, key) for key in stored if (epoch := _epoch(kind, key)) is not None)
        last, key = found[-1] if found else (Epoch(), b"")
        self.epoch = last.after(generation)
        self.value = stored[key] if found else None
        self._superseded = [key for _, key in found]

    def written(self, value: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        """Return the messages that write a value, in their order: the new one is there before an older one goes."""
        own = f"{self._kind}/{self.epoch}".encode()
        superseded, self._superseded = self._superseded, []
        return [(own, value), *((key, None) for key in superseded if key != own)]

    def forgotten(self) -> Iterable[tuple[bytes, bytes | None]]:
        """Return the messages that delete all that was written."""
        superseded, self._superseded = self._superseded, []
        return [(key, None) for key in {*superseded, f"{self._kind}/{self.epoch}".encode()}]


def _epoch(kind: str, key: bytes) -> Epoch | None:
    """Read the epoch in a key of this kind; the first version's keys had the generation alone."""
    of, _, written = key.decode().partition("/")
    if of != kind:
        return None
    term, _, generation = written.rpartition(".")
    return Epoch(int(term or 0), int(generation))
