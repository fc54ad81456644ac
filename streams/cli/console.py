"""Where the command line speaks: results on standard output, everything else on standard error.

So `tapesh ... --json | jq` and `tapesh import ... | tapesh produce` get results and nothing but results, whatever is
reported on the way.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text
from typing_extensions import override

_WIDE = 160
"""Columns where there is no terminal to ask: a table that goes to a file or a pager needn't be squeezed."""


def _width() -> int | None:
    return None if "COLUMNS" in os.environ or sys.stdout.isatty() else _WIDE


OUT = Console(width=_width())
ERR = Console(stderr=True, width=_width())


class Failure(Exception):
    """A command can't go on, for a reason that its user can do something about: shown without a traceback.

    Args:
        message: what is wrong and the way out.
        code: the exit status; 2 where the command was called wrongly, 1 otherwise.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def say(text: str, *, style: str | None = None) -> None:
    """Report something on standard error, as it is: no markup, no line breaks of ours."""
    ERR.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def write_json(document: Any, *, on_one_line: bool = False) -> None:
    """Write JSON, and nothing else, to standard output."""
    indent = None if on_one_line else 2
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent) + "\n")
    sys.stdout.flush()


def counted(counts: Mapping[str, int]) -> str:
    """Write counts by name, the largest first: `12 invalid-field, 3 not-json`."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {name}" for name, count in ranked)


def share_done() -> Progress:
    """Progress of a job whose size is known, for who watches a terminal; gone when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal)


def count_done() -> Progress:
    """Progress of a job that may have no end: a running count."""
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal)


class _Asked(ProgressColumn):
    """Says what a function says at each look, so that a job which gives nothing for long shows that it works."""

    def __init__(self, say_how_far: Callable[[], str]) -> None:
        super().__init__()
        self._say_how_far = say_how_far

    @override
    def render(self, task: Task) -> Text:
        return Text(self._say_how_far())


@contextmanager
def running_count(what: str, say_how_far: Callable[[], str]) -> Iterator[None]:
    """Show how far a job is that reads everything before it gives anything, for who watches a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), _Asked(say_how_far), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as progress:
        progress.add_task(what, total=None)
        yield
