"""`tapesh kpis`: what a running engine says right now."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from streams.cli.as_known import PeriodKind, show_as_known
from streams.cli.console import OUT, Failure, write_json
from streams.cli.options import ConfigOption, JsonOption, instant_option, settings_of
from streams.cli.views import EverythingOption, SliceOption, WindowOption, show, view


def kpis(  # noqa: PLR0913, PLR0917 - a command has as many arguments as options
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing; with --json one line for each change.")] = False,
    every: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How often to ask, with --watch.")] = 1.0,
    windows: WindowOption = None,
    slice_by: SliceOption = None,
    everything: EverythingOption = False,
    as_known: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="Past days or months as they were known then, beside what is known now; such as 2026-06-15T13:37:20Z.",
        ),
    ] = None,
    period: Annotated[
        PeriodKind | None, typer.Option(help="Which periods, with --as-known.", show_default="month")
    ] = None,
    as_json: JsonOption = False,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where the engine answers; without it as the settings say.", show_default="web.host and port"
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show the KPIs of a running engine. One that can't be known says why."""
    if as_known is not None:
        others = {"--watch": watch, "--window": windows, "--slice": slice_by, "--url": url}
        if wrong := next((option for option, given in others.items() if given), None):
            raise typer.BadParameter("it is for a running engine; --as-known reads the ledger", param_hint=f"'{wrong}'")
        at_ms = instant_option(as_known, "--as-known")
        settings = settings_of(context, config)
        show_as_known(settings, at_ms, period or PeriodKind.MONTH, everything=everything, as_json=as_json)
        return
    if period is not None:
        raise typer.BadParameter("it needs --as-known: periods are those of the ledger", param_hint="'--period'")
    from streams.cli.engine_client import Engine, engine_url

    settings = settings_of(context, config)
    engine = Engine(url or engine_url(settings), settings.web.bearer)
    if as_json:
        _write(engine, every if watch else None)
    elif watch:
        _watch(engine, every, {"windows": windows, "slice_by": slice_by, "everything": everything})
    else:
        show(engine.kpis(), windows=windows, slice_by=slice_by, everything=everything)


def _write(engine: Any, every_s: float | None) -> None:
    document = engine.kpis()
    write_json(document, on_one_line=every_s is not None)
    while every_s is not None:
        time.sleep(every_s)
        latest = engine.kpis()
        if latest != document:
            write_json(latest, on_one_line=True)
            document = latest


def _watch(engine: Any, every_s: float, how: dict[str, Any]) -> None:
    from rich.live import Live
    from rich.text import Text

    with Live(view(engine.kpis(), **how), console=OUT, auto_refresh=False, screen=OUT.is_terminal) as live:
        while True:
            time.sleep(every_s)
            try:
                shown = view(engine.kpis(), **how)
            except Failure as failure:  # it may come back: a restart takes seconds
                shown = Text(str(failure), style="red")
            live.update(shown, refresh=True)
