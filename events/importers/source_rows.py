"""What every importer shares: rows in, events or bad rows out, and a tally of what became of them.

An importer streams, and a record of somebody else's shop always holds a row that breaks the rules. Such a row is an
*output* (a `BadRow` between the events), not an exception out of a generator that could never be resumed: the caller
decides whether to raise it, to count it or to print it and go on.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

Event = dict[str, Any]
"""A JSON object of the event contract."""


def event(kind: str, event_id: str, customer_id: str, at: datetime, source: str, **fields: object) -> Event:
    """An event about one person; `fields` are those of its kind."""
    common = {"customer_id": customer_id, "occurred_at": at.isoformat(), "source": source}
    return {"type": kind, "event_id": event_id, **common, **fields}


@dataclass(slots=True, eq=False)
class BadRow(Exception):
    """A row that can't become events. Yielded, so that reading can go on; an exception, so that it can be raised.

    Args:
        line: line of the file, the header being line 1.
        field: the offending column.
        got: what it held.
        expected: what it should have held.
        file: name of the file.
    """

    line: int
    field: str
    got: str
    expected: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.file or 'input'} line {self.line}: {self.field!r} is {self.got!r}, expected {self.expected}"


@dataclass(slots=True)
class Tally:
    """What became of the rows read so far; filled in while the events are drawn."""

    rows: int = 0
    bad_rows: int = 0
    events: Counter[str] = field(default_factory=Counter)
    """Events by type."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Rows, or answers of a row, that are sound but say nothing the contract knows, by reason."""


@dataclass(frozen=True, slots=True)
class Importer:
    """A known data set.

    Args:
        name: as given to `tapesh import`.
        summary: one line for the command's help.
        files: what to pass, in order; those in brackets may be left out.
        read: yields events in order of `occurred_at`, with bad rows between them, and keeps the tally.
        mapped: a mapping file comes before the files.
    """

    name: str
    summary: str
    files: tuple[str, ...]
    read: Callable[[Sequence[Path], Tally], Iterator[Event | BadRow]]
    mapped: bool = False

    def check_files(self, paths: Sequence[Path], mapping: Path | None = None) -> list[Path]:
        """Refuse a wrong number of files, or one that isn't there, before anything is read; return what to read.

        Raises:
            ValueError: too few or too many files, a mapping too many or missing.
            FileNotFoundError: a file doesn't exist.
        """
        needed = sum(not name.startswith("[") for name in self.files)
        if not needed <= len(paths) <= len(self.files):
            raise ValueError(f"importer {self.name!r} takes the files {' '.join(self.files)}, got {len(paths)} files")
        if self.mapped != (mapping is not None):
            wanted = "needs a mapping file (--mapping)" if self.mapped else "takes no mapping file"
            raise ValueError(f"importer {self.name!r} {wanted}")
        every = [mapping, *paths] if mapping is not None else list(paths)
        for path in every:
            if not path.is_file():
                raise FileNotFoundError(f"importer {self.name!r}: file {str(path)!r} does not exist")
        return every


def open_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Stream a CSV file, plain or gzipped, as (line, row).

    Raises:
        BadRow: the header lacks one of `columns`; nothing of such a file can be trusted.
    """
    with open_text(path) as file:
        reader = csv.DictReader(file, restval="")
        header = reader.fieldnames or ()
        missing = [column for column in columns if column not in header]
        if missing:
            raise BadRow(1, missing[0], ",".join(header), "a header with the columns " + ",".join(columns), path.name)
        for row in reader:
            yield reader.line_num, row


def take_rows(
    path: Path, columns: Sequence[str], tally: Tally, take: Callable[[dict[str, str]], None]
) -> Iterator[BadRow]:
    """Hand every row of a CSV file to `take`, for sources that must be read whole; what it refuses comes out.

    Raises:
        BadRow: of the header.
    """
    for line, row in open_rows(path, columns):
        tally.rows += 1
        try:
            take(row)
        except BadRow as bad:
            tally.bad_rows += 1
            bad.line, bad.file = line, path.name
            yield bad


def open_text(path: Path) -> TextIO:
    """Open a text file, plain or gzipped."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")
