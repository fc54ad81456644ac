"""`tapesh render`: boards, rules and configuration for Prometheus, Alertmanager and Grafana, from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.console import Failure
from streams.cli.options import ConfigOption, settings_of

_EXTRA = "grafana_foundation_sdk"


def render(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if a file differs.")] = False,
    into: Annotated[
        Path, typer.Option(metavar="DIRECTORY", help="Where grafana/ and docs/ are, or are to be.", file_okay=False)
    ] = Path(),
    config: ConfigOption = None,
) -> None:
    """Write Grafana's boards, Prometheus's rules and Alertmanager's configuration, from the catalogue.

    Names of gauges hold the reporting currency, so it is the settings' one; so are the targets on the boards.
    """
    settings = settings_of(context, config)
    try:
        from metrics.render import main
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != _EXTRA:
            raise
        raise Failure(
            "the boards need a package that isn't installed; bring it: pip install 'tapesh[render]'"
        ) from None
    if status := main(check=check, currency=settings.currency, root=into, goals=settings.economics.targets):
        raise typer.Exit(status)
