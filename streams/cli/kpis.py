"""`tapesh kpis`: what a running engine says right now."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from streams.cli.console import OUT, Failure, write_json
from streams.cli.options import ConfigOption, JsonOption, settings_of
from streams.cli.views import EverythingOption, SliceOption, WindowOption, show, view


def kpis(  # noqa: PLR0913, PLR0917 - a command has as many arguments as options
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing; with --json one line for each change.")] = False,
    every: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How often to ask, with --watch.")] = 1.0,
    windows: WindowOption = None,
    slice_by: SliceOption = None,
    everything: EverythingOption = False,
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
