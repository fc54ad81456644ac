"""`tapesh backfill`: KPIs of past events as history for Prometheus, so that boards begin before the installation."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import Failure, say, share_done
from streams.cli.lines import Lines
from streams.cli.options import ConfigOption, instant_option, settings_of

if TYPE_CHECKING:
    from streams.backfill import Backfill, Past

_SHOWN = 20


def backfill(  # noqa: PLR0913, PLR0917 - a command has as many arguments as options
    context: typer.Context,
    files: Annotated[
        list[str], typer.Argument(help="Files of events, one JSON object a line; .gz too; - is standard input.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the OpenMetrics go.", dir_okay=False)],
    step: Annotated[str, typer.Option(metavar="DURATION", help="From one instant to the next.")] = "1h",
    since: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="The first instant. Without it: after the first event.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="The last instant. Without it: before the last event.")
    ] = None,
    slices: Annotated[bool, typer.Option("--slices", help="Slices too: many times as much.")] = False,
    job: Annotated[str, typer.Option(help="The label `job` that Prometheus gives to what it scrapes.")] = "tapesh",
    config: ConfigOption = None,
) -> None:
    """Write the KPIs of the past as history for Prometheus: promtool tsdb create-blocks-from openmetrics FILE.

    It is the worker's own fold, with the same names and labels. Instants are whole steps in UTC.
    """
    from metrics.openmetrics import History
    from streams.backfill import Backfill, steps

    settings = settings_of(context, config)
    step_ms = _step(step)
    since_ms = None if since is None else instant_option(since, "--since")
    until_ms = None if until is None else instant_option(until, "--until")
    backfilled = Backfill(
        settings.meaning,
        settings.economics,
        max_values=settings.max_slice_values,
        clock_ms=int(time.time() * 1000),
        future_tolerance_ms=settings.future_tolerance.ms,
    )
    past = _read(backfilled, files)
    instants = steps(
        past.first_ms if since_ms is None else since_ms, past.last_ms if until_ms is None else until_ms, step_ms
    )
    if not instants:
        raise Failure(f"no instant to tell: no whole {step} lies in the time asked for; a shorter --step has one")
    folder = out.absolute().parent
    if not folder.is_dir():
        raise Failure(f"{folder}: is no directory", code=2)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=folder) as runs:
        history = History(settings.currency, job, Path(runs))
        with share_done() as progress:
            for now_ms, snapshot in progress.track(
                backfilled.snapshots(past, instants, slices=slices), total=len(instants), description="computing"
            ):
                history.add(now_ms, snapshot)
        whole = Path(runs) / "whole"
        with whole.open("w", encoding="utf-8", newline="\n") as file:
            history.write(file)
        whole.replace(out)  # nobody finds half a file
    say(
        f"{out}: {history.samples:,} samples at {len(instants):,} instants; promtool tsdb create-blocks-from"
        f" openmetrics {out} DIRECTORY"
    )


def _step(written: str) -> int:
    from streams.settings import Duration

    try:
        step_ms = Duration.parse(written).ms
    except ValueError as error:
        raise typer.BadParameter(f"got {written!r}, {error}", param_hint="'--step'") from None
    if step_ms < 1_000:  # noqa: PLR2004 - a second
        raise typer.BadParameter(f"got {written!r}, expected 1s or more, such as 1h", param_hint="'--step'")
    return step_ms


def _read(backfilled: Backfill, files: list[str]) -> Past:
    lines = Lines(files)
    with share_done() as progress:
        task = progress.add_task("reading", total=lines.size)
        lines.on_news(lambda bytes_read: progress.update(task, completed=bytes_read))
        past = backfilled.read(lines)
    for refused in past.refused[:_SHOWN]:
        say(f"{lines.place(refused.at)}: {refused.why}")
    if len(past.refused) > _SHOWN:
        say(f"and {len(past.refused) - _SHOWN:,} more lines that aren't events: tapesh compute names them")
    if not past.events:
        raise Failure("there is no event in these files")
    say(f"{lines.count:,} lines: {len(past.events):,} events; {past.duplicates:,} duplicates")
    return past
