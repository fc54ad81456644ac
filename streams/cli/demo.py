"""`tapesh demo`: the whole thing on one machine, with a simulated shop."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from streams.cli.options import ConfigOption, settings_of


class Scenario(StrEnum):
    """What the simulated shop goes through."""

    CALM = "calm"
    CHURN_SPIKE = "churn-spike"


def demo(
    context: typer.Context,
    scenario: Annotated[
        Scenario, typer.Option(help="What the shop goes through: nothing, or customers who leave in numbers.")
    ] = Scenario.CALM,
    speed: Annotated[
        float,
        typer.Option(
            min=0.001,
            metavar="N",
            help="The shop's seconds per second of ours: 3600 shows an hour a second; 1 is the wall clock.",
        ),
    ] = 3600.0,
    seconds: Annotated[
        float | None,
        typer.Option(min=1, metavar="N", help="End by itself, so long after it is ready.", show_default="until Ctrl-C"),
    ] = None,
    open_board: Annotated[bool, typer.Option("--open/--no-open", help="Open the board in a browser.")] = True,
    config: ConfigOption = None,
) -> None:
    """Show it all in one command: broker, Redis, engine, simulated shop and board; Ctrl-C ends all of it."""
    settings = settings_of(context, config)
    from streams.demo import run

    run(settings, scenario=scenario.value, speed=speed, seconds=seconds, open_board=open_board)
