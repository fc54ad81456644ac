"""`tapesh rebuild`: count anew under the settings of today, while the engine of yesterday goes on serving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import OUT, Failure
from streams.cli.kafka import broker_failures
from streams.cli.options import ConfigOption, settings_of

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.succession import Record


def rebuild(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Put it into service without asking.")] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on although retention has removed the beginning.")
    ] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Remove what an interrupted rebuild left.")] = False,
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="Remove the state of engines that served before.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_535,
            help="Of its web pages; else web.port, or a free one if that is taken.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Count anew all that the topics retain, under these settings, and then take over from the engine in service.

    Run it with the new settings while workers with the old ones go on. It shows what changes and asks before it takes
    over; afterwards it is a worker like any other. Interrupted, it is resumed by the same command.
    """
    if sum((abort, remove_old, accept_loss or yes)) > 1:
        raise Failure("--abort and --remove-old each stand alone", code=2)
    settings = settings_of(context, config)
    with broker_failures():
        from streams.engines import read_record
        from streams.rebuild import RebuildError
        from streams.worker import prepare

        prepare(settings)
        record = read_record(settings)
        try:
            if abort or remove_old:
                _remove(settings, record, retired=remove_old)
            else:
                _run(settings, record, port, yes=yes, accept_loss=accept_loss)
        except RebuildError as error:
            raise Failure(str(error)) from None


def _remove(settings: Settings, record: Record, *, retired: bool) -> None:
    from streams.rebuild import abort, remove_retired

    removed = remove_retired(settings, record) if retired else abort(settings, record)
    for topic in removed:
        OUT.print(f"removed {topic}", markup=False, highlight=False)
    if not removed:
        OUT.print("nothing was left to remove")


def _run(settings: Settings, record: Record, port: int | None, *, yes: bool, accept_loss: bool) -> None:
    from streams.cli.rebuilding import Screen
    from streams.rebuild import begin, worker_of
    from streams.worker import run_worker

    engine = begin(settings, record, accept_loss=accept_loss)
    settings = _on_a_port(settings, port)
    worker = worker_of(settings, engine, record.serving)
    screen = Screen(settings, record.serving, engine, worker, yes=yes)
    screen.start()
    try:
        run_worker(worker, loglevel="WARNING")
    finally:
        screen.stop()
        if screen.failure is not None:
            raise screen.failure


def _on_a_port(settings: Settings, port: int | None) -> Settings:
    """Return the settings with a port that a worker on the same machine doesn't have."""
    from streams.services.ports import answered, free_port

    chosen = port or (free_port() if answered(settings.web.port) else settings.web.port)
    return settings.model_copy(update={"web": settings.web.model_copy(update={"port": chosen})})
