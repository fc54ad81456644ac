"""`tapesh render`: boards, rules and configuration for Prometheus, Alertmanager and Grafana, from the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.console import Failure

_EXTRA = "grafana_foundation_sdk"


def render(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file differs.")] = False,
) -> None:
    """Write the Grafana boards, Prometheus rules and Alertmanager configuration from the catalogue."""
    try:
        from metrics.render import main
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != _EXTRA:
            raise
        raise Failure(
            "the boards need a package that isn't installed; bring it: pip install 'tapesh[render]'"
        ) from None
    if status := main(check=check):
        raise typer.Exit(status)
