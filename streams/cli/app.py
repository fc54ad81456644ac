"""`tapesh`: its commands, and what holds for all of them.

Help must come at once, so a command's module imports what it works with when it runs: Kafka, numpy and pydantic
cost half a second together, and nobody waits for that to learn an option's name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from streams.cli import (
    backfill,
    backtest,
    catalogue,
    check,
    compute,
    dead_letters,
    demo,
    explain,
    forget,
    imports,
    init,
    kpis,
    produce,
    rebuild,
    render,
    schema,
    targets,
    topics,
    worker,
)
from streams.cli.console import ERR, Failure, say


class Commands(TyperGroup):
    """The commands; a failure that its user can mend is shown as text, and never as a traceback."""

    @override
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Failure as failure:
            ERR.print("tapesh: ", style="bold red", end="")
            say(str(failure))
            raise typer.Exit(failure.code) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold settings, and settings hold passwords
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The live pulse of a customer base: churn, acquisition, value and satisfaction, streamed from Kafka.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tapesh {version('tapesh')}")
        raise typer.Exit


@app.callback()
def _settings_file(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The settings' file, for any command.", show_default=False)
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    context.obj = config


_LIVE, _FILES, _SETUP = "The engine", "Events", "Definitions and setup"

app.command("demo", rich_help_panel=_LIVE)(demo.demo)
app.command("worker", rich_help_panel=_LIVE)(worker.worker)
app.command("rebuild", rich_help_panel=_LIVE)(rebuild.rebuild)
app.command("kpis", rich_help_panel=_LIVE)(kpis.kpis)
app.add_typer(targets.app, name="targets", rich_help_panel=_LIVE)
app.command("explain", rich_help_panel=_LIVE)(explain.explain)
app.command("forget", rich_help_panel=_LIVE)(forget.forget)
app.command("init", rich_help_panel=_SETUP)(init.init)
app.command("compute", rich_help_panel=_FILES)(compute.compute)
app.command("backfill", rich_help_panel=_FILES)(backfill.backfill)
app.command("backtest", rich_help_panel=_FILES)(backtest.backtest)
app.command("produce", rich_help_panel=_FILES)(produce.produce)
app.command("import", rich_help_panel=_FILES)(imports.import_events)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=_FILES)
app.command("check", rich_help_panel=_SETUP)(check.check)
app.command("topics", rich_help_panel=_SETUP)(topics.topics)
app.command("catalogue", rich_help_panel=_SETUP)(catalogue.catalogue)
app.command("schema", rich_help_panel=_SETUP)(schema.schema)
app.command("render", rich_help_panel=_SETUP)(render.render)


def main() -> None:
    """Run `tapesh`."""
    app(prog_name="tapesh")
