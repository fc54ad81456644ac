"""`tapesh targets`: where each target stands, and how one is set without a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from streams.cli.console import OUT, say, write_json
from streams.cli.options import ConfigOption, JsonOption, kpis_beginning, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from metrics.kpi import Kpi

_WINDOWS = ("month", "quarter", "year")
app = typer.Typer(help="Show where each target stands; set one while the engine runs.")
_UrlOption = Annotated[
    str | None,
    typer.Option(help="Where the engine answers; without it as the settings say.", show_default="web.host and port"),
]
_KpiArgument = Annotated[
    str, typer.Argument(metavar="KPI", autocompletion=kpis_beginning, help="Such as revenue or new_customers.")
]
_WindowArgument = Annotated[
    str, typer.Argument(metavar="WINDOW", autocompletion=lambda: list(_WINDOWS), help="month, quarter or year.")
]
_HEADINGS = ("", "window", "from", "until", "reached", "of", "share", "expected", "pace", "forecast", "a day", "chance")


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context, as_json: JsonOption = False, url: _UrlOption = None, config: ConfigOption = None
) -> None:
    """Show where each target stands: what is reached, what should be by now, and what is needed a day."""
    if context.invoked_subcommand is None:
        _show(context, _ask(context, url, config, "/targets"), config, as_json=as_json)


@app.command("set")
def set_target(
    context: typer.Context,
    kpi: _KpiArgument,
    window: _WindowArgument,
    value: Annotated[float, typer.Argument(metavar="VALUE", help="In the unit of its gauge: 0.02, not 2 %.")],
    as_json: JsonOption = False,
    url: _UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Have a target hold from now on, whatever the settings say. The engine must want a token (web.token)."""
    document = _ask(context, url, config, _page(kpi, window), "PUT", {"value": value})
    _show(context, document, config, as_json=as_json)


@app.command("unset")
def unset_target(
    context: typer.Context,
    kpi: _KpiArgument,
    window: _WindowArgument,
    as_json: JsonOption = False,
    url: _UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Withdraw a target that was set; that of the settings holds again, if there is one."""
    _show(context, _ask(context, url, config, _page(kpi, window), "DELETE"), config, as_json=as_json)


def _page(kpi: str, window: str) -> str:
    return f"/targets/{quote(kpi, safe='')}/{quote(window, safe='')}"


def _ask(
    context: typer.Context, url: str | None, config: Path | None, page: str, method: str = "GET", body: Any = None
) -> dict[str, Any]:
    from streams.cli.engine_client import Engine, engine_url

    settings = settings_of(context, config)
    return Engine(url or engine_url(settings), settings.web.bearer).ask(page, method, body)


def _show(context: typer.Context, document: Mapping[str, Any], config: Path | None, *, as_json: bool) -> None:
    from rich.table import Table

    from metrics.catalogue import BY_ID
    from streams.cli.numbers import heading

    if as_json:
        write_json(document)
        return
    if not document["targets"]:
        say("no target is set: [targets] in the settings, or tapesh targets set KPI WINDOW VALUE")
        return
    currency = settings_of(context, config).currency
    table = Table(title=f"as of {document['now']}", title_justify="left", header_style="bold")
    for title in _HEADINGS:
        table.add_column(title, justify="right" if title not in _HEADINGS[:4] else "left", no_wrap=True)
    for target in document["targets"]:
        kpi = BY_ID[target["kpi"]]
        table.add_row(heading(kpi, currency), *_cells(kpi, target, currency))
    OUT.print(table)
    for target in document["targets"]:
        if target["unknown"]:
            say(f"unknown: {target['kpi']}: {target['unknown']}", style="yellow")


def _cells(kpi: Kpi, target: Mapping[str, Any], currency: str) -> list[str]:
    from streams.cli.numbers import formatted

    def figure(name: str) -> str:
        return formatted(kpi, target[name], currency)

    window = f"{target['window']}, {target['from']}"
    reached = "unknown" if target["unknown"] else figure("value")
    shares = {name: _share(target[name]) for name in ("attainment", "pace", "chance")}
    return [
        *(window, target["first"], target["last"], reached, figure("target"), shares["attainment"]),
        *(figure("expected"), shares["pace"], figure("forecast"), figure("needed_per_day"), shares["chance"]),
    ]


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
