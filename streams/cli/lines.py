"""The lines of NDJSON files, and where each of them stands: an error that names no line helps nobody.

Plain files, gzipped ones (`.gz`) and standard input (`-`). Empty lines are passed over. A file that can't be opened
is refused before the first is read.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from streams.cli.console import Failure

STDIN = "-"
_STDIN_NAME = "standard input"
_NEWS_EVERY = 2_000


class Lines:
    """Lines without their ends, read once.

    Args:
        files: paths, or `-`.

    Raises:
        Failure: a file isn't there or can't be read; while reading, too.
    """

    def __init__(self, files: Sequence[str]) -> None:
        for file in files:
            if file != STDIN and not Path(file).is_file():
                raise Failure(f"{file}: is no file", code=2)
        if files.count(STDIN) > 1:
            raise Failure("`-` is given twice, but standard input can be read once only", code=2)
        self._files = files
        self._news: Callable[[int], None] = lambda _: None
        self._starts: list[int] = []
        self._places: list[tuple[str, int]] = []
        self.count = 0

    @property
    def size(self) -> int | None:
        """Bytes of all files; None if standard input is among them."""
        return None if STDIN in self._files else sum(Path(file).stat().st_size for file in self._files)

    def on_news(self, news: Callable[[int], None]) -> None:
        """Call `news` now and then with the bytes read so far: of a gzipped file, the compressed ones."""
        self._news = news

    def place(self, index: int) -> str:
        """Return where a line that was read stands, as `file:line`; `index` counts lines from 0 over all files."""
        run = bisect_right(self._starts, index) - 1
        file, before = self._places[run]
        return f"{file}:{index + before}"

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        for file in self._files:
            if file == STDIN:
                yield from self._numbered(_STDIN_NAME, sys.stdin.buffer, lambda: 0)
                continue
            with _readable(file), Path(file).open("rb") as raw:
                stream = gzip.open(raw) if file.endswith(".gz") else raw  # noqa: SIM115 - it ends with the raw file
                yield from self._numbered(file, stream, lambda raw=raw, done=done: done + raw.tell())  # type: ignore[misc]
                done += raw.tell()
                self._news(done)

    def _numbered(
        self, name: str, stream: Iterable[bytes] | IO[bytes], bytes_read: Callable[[], int]
    ) -> Iterator[bytes]:
        """Yield lines that aren't empty; where the numbers of lines and indices part, a new run of places begins."""
        in_a_run = False
        for number, line in enumerate(stream, start=1):
            text = line.strip(b" \t\r\n")
            if not text:
                in_a_run = False
                continue
            if not in_a_run:
                self._starts.append(self.count)
                self._places.append((name, number - self.count))
                in_a_run = True
            self.count += 1
            if self.count % _NEWS_EVERY == 0:
                self._news(bytes_read())
            yield text


@contextmanager
def _readable(file: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Failure(f"{file}: isn't gzip, or is cut off: {error}") from None
    except OSError as error:
        raise Failure(f"{file}: {error.strerror or error}") from None
