"""`tapesh compute`: the KPIs of event files, without a broker, by the worker's own fold."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import Failure, counted, say, share_done, write_json
from streams.cli.lines import Lines
from streams.cli.options import ConfigOption, JsonOption, OnError, instant_option, settings_of
from streams.cli.views import EverythingOption, SliceOption, WindowOption, refuse_unknown, show

if TYPE_CHECKING:
    from streams.compute import Computed
    from streams.settings import Settings


def compute(  # noqa: PLR0913, PLR0917 - a command has as many arguments as options
    context: typer.Context,
    files: Annotated[
        list[str], typer.Argument(help="Files of events, one JSON object a line; .gz too; - is standard input.")
    ],
    now: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="As of when, such as 2026-06-15T13:37:20Z. Without it: the latest event."),
    ] = None,
    windows: WindowOption = None,
    slice_by: SliceOption = None,
    everything: EverythingOption = False,
    as_json: JsonOption = False,
    on_error: Annotated[
        OnError,
        typer.Option(help="Bad lines are named on standard error: leave them out, or give no KPIs where there is one."),
    ] = OnError.CONTINUE,
    config: ConfigOption = None,
) -> None:
    """Compute the KPIs of event files, without Kafka.

    It is the worker's own fold, so the numbers are those that a worker would show after the same events. Order and
    duplicates don't matter; events after INSTANT are left out.
    """
    from metrics.economics import CALENDAR_WINDOWS
    from metrics.frame import LIFETIME

    settings = settings_of(context, config)
    refuse_unknown(windows, slice_by, (*settings.windows, *CALENDAR_WINDOWS, LIFETIME), settings.slices)
    now_ms = None if now is None else instant_option(now, "--now")
    lines = Lines(files)
    computed = _fold(lines, settings, now_ms)
    for refused in computed.refused:
        say(f"{lines.place(refused.at)}: {refused.why}")
        if on_error is OnError.STOP:
            raise Failure("stopped at the first bad line; --on-error continue leaves bad lines out")
    say(_summary(lines, computed))
    if as_json:
        write_json(computed.snapshot)
    else:
        show(computed.snapshot, windows=windows, slice_by=slice_by, everything=everything)


def _fold(lines: Lines, settings: Settings, now_ms: int | None) -> Computed:
    from streams.compute import compute as compute_kpis

    with share_done() as progress:
        task = progress.add_task("reading", total=lines.size)
        lines.on_news(lambda bytes_read: progress.update(task, completed=bytes_read))
        folding = progress.add_task("counting", total=None, start=False)
        return compute_kpis(
            lines,
            settings.meaning,
            settings.economics,
            now_ms=now_ms,
            clock_ms=int(time.time() * 1000),
            future_tolerance_ms=settings.future_tolerance.ms,
            max_values=settings.max_slice_values,
            counted=lambda done, of: progress.update(folding, completed=done, total=of),
        )


def _summary(lines: Lines, computed: Computed) -> str:
    counted_once = lines.count - len(computed.refused) - computed.duplicates
    parts = [f"{lines.count:,} lines: {counted_once:,} events"]
    if computed.refused:
        reasons: Counter[str] = Counter(refused.why.reason for refused in computed.refused)
        parts.append(f"{len(computed.refused):,} rejected ({counted(reasons)})")
    if computed.duplicates:
        parts.append(f"{computed.duplicates:,} duplicates ({computed.different:,} of them with other contents)")
    if computed.later:
        parts.append(f"{computed.later:,} of the events are after now")
    return "; ".join(parts)
