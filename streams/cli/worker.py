"""`tapesh worker`: one engine worker."""

from __future__ import annotations

import typer

from streams.cli.options import ConfigOption, settings_of


def worker(context: typer.Context, config: ConfigOption = None) -> None:
    """Run one engine worker; start several, and they share the partitions. Ctrl-C saves its state and ends it."""
    settings = settings_of(context, config)
    from streams.worker import run

    run(settings)
