"""`tapesh worker`: one engine worker."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from streams.cli.kafka import broker_failures
from streams.cli.options import ConfigOption, settings_of


class LogLevel(StrEnum):
    """From which importance on something is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def worker(
    context: typer.Context,
    loglevel: Annotated[
        LogLevel, typer.Option(case_sensitive=False, help="INFO shows the engine's own milestones.")
    ] = LogLevel.WARNING,
    config: ConfigOption = None,
) -> None:
    """Run one engine worker; start several, and they share the partitions. Ctrl-C saves its state and ends it."""
    settings = settings_of(context, config)
    with broker_failures():
        from streams.worker import run

        run(settings, loglevel=loglevel.value)
