"""`tapesh produce`: events from a file or standard input to Kafka, each judged before it is sent."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import Failure, count_done, say, share_done
from streams.cli.kafka import broker_failures, waiting_for
from streams.cli.lines import STDIN, Lines
from streams.cli.options import ConfigOption, TimeoutOption, settings_of

if TYPE_CHECKING:
    from streams.cli.publishing import Publishing


class OnBadRow(StrEnum):
    """What becomes of a row that isn't an event."""

    STOP = "stop"
    CONTINUE = "continue"
    SEND = "send"


def produce(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="Events, one JSON object a line; .gz too; - is standard input.")] = STDIN,
    rate: Annotated[
        float, typer.Option(min=0, metavar="N", help="Events a second at most; 0: as fast as it goes.")
    ] = 0.0,
    on_error: Annotated[
        OnBadRow,
        typer.Option(
            help="A row that isn't an event is named on standard error. Stop there, leave it out and go on, or send it"
            " as it is (to see it in the dead letters)."
        ),
    ] = OnBadRow.STOP,
    timeout: TimeoutOption = 30.0,
    config: ConfigOption = None,
) -> None:
    """Publish events to Kafka, each to its topic and to its customer's partition."""
    settings = settings_of(context, config)
    lines = Lines([file])
    with broker_failures():
        from streams.cli.publishing import Publishing

        with waiting_for(settings):
            publishing = Publishing(settings, timeout_s=timeout, rate=rate, send_bad=on_error is OnBadRow.SEND)
        try:
            _publish(lines, publishing, on_error)
        finally:
            say(publishing.summary())
    if publishing.undelivered:
        raise Failure(
            "Kafka hasn't taken every event; send the file again: what it has taken is dropped as a duplicate"
        )
    if publishing.rejected and on_error is OnBadRow.STOP:
        raise Failure("stopped at the first bad row; --on-error continue leaves bad rows out")


def _publish(lines: Lines, publishing: Publishing, on_error: OnBadRow) -> None:
    endless = lines.size is None
    with publishing, count_done() if endless else share_done() as progress:
        task = progress.add_task("publishing", total=lines.size)
        lines.on_news(lambda bytes_read: progress.update(task, completed=lines.count if endless else bytes_read))
        for index, row in enumerate(lines):
            why = publishing.publish(row)
            if why is None:
                continue
            say(f"{lines.place(index)}: {why}")
            if on_error is OnBadRow.STOP:
                return
