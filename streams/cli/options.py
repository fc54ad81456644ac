"""The options that several commands share, so that they are called and explained alike; and the settings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import Failure

if TYPE_CHECKING:
    from streams.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The settings' file. Without it the one that TAPESH_CONFIG names, else tapesh.toml in the working"
        " directory, if there is one.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to standard output, and nothing else.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="How long to wait for a Kafka broker.")
]


class OnError(StrEnum):
    """What a bad row does to the rows after it."""

    STOP = "stop"
    CONTINUE = "continue"


def instant_option(text: str, option: str) -> int:
    """Read an instant, in milliseconds since 1970.

    Raises:
        typer.BadParameter: it isn't one.
    """
    from events.instant import instant_ms, parse_instant

    try:
        return instant_ms(parse_instant(text))
    except ValueError:
        expected = "expected an instant with an offset from UTC, such as 2026-06-15T13:37:20Z"
        raise typer.BadParameter(f"got {text!r}, {expected}", param_hint=f"'{option}'") from None


def kpis_beginning(incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of a KPI; shells that can, show its title beside it."""
    from metrics.catalogue import CATALOGUE

    return [(kpi.id, kpi.title.en) for kpi in CATALOGUE if kpi.id.startswith(incomplete)]


def settings_of(context: typer.Context, config: Path | None) -> Settings:
    """Read the settings, from the file that is named after the command or before it.

    Raises:
        Failure: they can't be used; every problem has a line.
    """
    from streams.settings import SettingsError, load

    try:
        return load(config or context.find_root().obj)
    except SettingsError as error:
        raise Failure(str(error), code=2) from None
