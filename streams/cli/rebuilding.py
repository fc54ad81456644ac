"""What is seen of a rebuild, and asked: beside the worker, in a thread of its own: the main one is the worker's."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import typer
from kafka.errors import KafkaError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from streams.app import Worker
from streams.cli.console import ERR, OUT, Failure, say
from streams.cli.engine_client import Engine as Client
from streams.comparison import Comparison, Figure, compare
from streams.engines import RecordError
from streams.rebuild import Progress as Done
from streams.rebuild import RebuildError, Watch, source_ends, switch
from streams.settings import Settings
from streams.succession import Engine, changed
from streams.topics import BrokerUnreachable

_LOOK_S = 0.5
_TOLD_S = 10.0
_SHOWN = 20


class Screen:
    """Shows a rebuild, compares, asks, and puts it into service.

    Args:
        settings: of the shop, with the rebuild's port.
        serving: the engine in service.
        engine: the one that counts anew.
        worker: its worker, about to run.
        yes: don't ask.

    Attributes:
        failure: why it has ended the worker, None if it hasn't.
    """

    def __init__(self, settings: Settings, serving: Engine, engine: Engine, worker: Worker, *, yes: bool) -> None:
        self.failure: Failure | None = None
        self._settings = settings
        self._serving = serving
        self._engine = engine
        self._worker = worker
        self._yes = yes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rebuild", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more: the worker has ended."""
        self._ended.set()

    def _run(self) -> None:
        try:
            self._see_through()
        except (RebuildError, RecordError, BrokerUnreachable, KafkaError) as error:
            self._end(str(error))
        except Failure as failure:
            self._end(str(failure))

    def _end(self, why: str) -> None:
        self.failure = Failure(why)
        os.kill(os.getpid(), signal.SIGTERM)

    def _see_through(self) -> None:
        say(
            f"engine {self._engine.group} counts anew; {self._serving.group} goes on serving. "
            "Ctrl-C interrupts, the same command resumes"
        )
        for line in changed(self._serving.meaning, self._engine.meaning):
            say(f"  {line}")
        watch = Watch(self._settings, self._worker)
        self._follow(watch)
        if self._ended.is_set():
            return
        if residual := watch.residual():
            raise RebuildError(
                f"the rebuilt books don't balance, by {residual} customer(s): a defect; not put in service"
            )
        self._show_changes(watch.document() or {})
        if not (self._yes or self._asked()):
            raise Failure(
                f"{self._serving.group} goes on serving; tapesh rebuild --yes puts the new figures into service, "
                "tapesh rebuild --abort removes them"
            )
        switch(self._settings, self._engine)
        self._worker.standing.serves = True
        say(
            f"engine {self._engine.group} is in service, at {self._worker.url}. Restart the workers with the new "
            "settings; then end this one (Ctrl-C), and tapesh rebuild --remove-old removes the old state",
            style="green",
        )

    def _follow(self, watch: Watch) -> None:
        """Show how far it is until it could take over."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        told_s = time.monotonic()
        with (
            source_ends(self._settings) as ends,
            Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar,
        ):
            task = bar.add_task("reading", total=None)
            while not self._ended.wait(_LOOK_S):
                done = watch.progress(*ends())
                bar.update(task, completed=done.read, total=done.end, description=_doing(done))
                if done.caught_up and done.saved:
                    say(f"read {done.read:,} of {done.end:,} records: caught up, and saved")
                    return
                if not ERR.is_terminal and time.monotonic() - told_s > _TOLD_S:
                    told_s = time.monotonic()
                    say(f"{_doing(done)}: {done.read:,} of {done.end:,} records")

    def _show_changes(self, rebuilt: Mapping[str, Any]) -> None:
        url = self._worker.standing.heard.get(self._serving.number)
        try:
            serving = Client(url, self._settings.web.token.get_secret_value()).kpis() if url else None
        except Failure:
            serving = None
        if serving is None or serving.get("unknown") or not serving.get("windows"):
            say("the engine in service shows no figures to compare with", style="yellow")
            return
        found = compare(serving, rebuilt)
        say(
            f"{len(found.changes)} figures change, {found.same} don't, {found.incomparable} can't be compared "
            f"(as of {serving['now']} and {rebuilt['now']})"
        )
        if found.changes:
            OUT.print(_table(found))

    def _asked(self) -> bool:
        if not sys.stdin.isatty():
            say("nobody to ask: standard input is no terminal")
            return False
        return typer.confirm("Put the new figures into service?", err=True)


def _doing(done: Done) -> str:
    if not done.caught_up:
        return "reading what the topics retain"
    return "saving"


def _table(found: Comparison) -> Table:
    table = Table(title=f"The {min(_SHOWN, len(found.changes))} largest changes")
    for name in ("window", "KPI", "in service", "rebuilt"):
        table.add_column(name, justify="right" if name in ("in service", "rebuilt") else "left")
    for change in found.changes[:_SHOWN]:
        table.add_row(change.window, change.kpi, _written(change.before), _written(change.after))
    return table


def _written(value: Figure) -> str:
    return "-" if value is None else f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"
