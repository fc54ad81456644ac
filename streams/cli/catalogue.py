"""`tapesh catalogue`: what is measured, and how it is defined."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import OUT, Failure, write_json
from streams.cli.options import JsonOption

if TYPE_CHECKING:
    from metrics.kpi import Kpi


class Language(StrEnum):
    """The languages of the boards."""

    EN = "en"
    FA = "fa"


def _known(incomplete: str) -> list[tuple[str, str]]:
    from metrics.catalogue import CATALOGUE

    return [(kpi.id, kpi.title.en) for kpi in CATALOGUE if kpi.id.startswith(incomplete)]


def catalogue(
    kpi_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", autocompletion=_known, help="One KPI, in full.", show_default=False)
    ] = None,
    lang: Annotated[Language, typer.Option(help="Of titles and explanations.")] = Language.EN,
    as_json: JsonOption = False,
) -> None:
    """Show the definitions of the KPIs: one in full, or all of them by theme."""
    from metrics.catalogue import BY_ID, CATALOGUE
    from metrics.described import described

    if kpi_id is not None and kpi_id not in BY_ID:
        near = get_close_matches(kpi_id, BY_ID, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "`tapesh catalogue` lists them"
        raise Failure(f"kpi {kpi_id!r} is not declared; {hint}", code=2)
    chosen = CATALOGUE if kpi_id is None else (BY_ID[kpi_id],)
    if as_json:
        documents = [described(kpi, lang.value) for kpi in chosen]
        write_json(documents if kpi_id is None else documents[0])
    elif kpi_id is None:
        _list(lang)
    else:
        _show(chosen[0], lang)


def _list(lang: Language) -> None:
    from rich.table import Table

    from metrics.catalogue import THEMES

    table = Table(header_style="bold")
    for column in ("id", "title", "unit", "better"):
        table.add_column(column, no_wrap=column != "title")
    for theme, kpis in THEMES:
        table.add_row(f"[bold]{getattr(theme, lang.value)}[/]")
        for kpi in kpis:
            table.add_row(f"  {kpi.id}", getattr(kpi.title, lang.value), kpi.unit.value, kpi.better.name.lower())
        table.add_section()
    OUT.print(table)


def _show(kpi: Kpi, lang: Language) -> None:
    from rich.table import Table
    from rich.text import Text

    from metrics.described import described

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in described(kpi, lang.value).items():
        if isinstance(value, dict):
            for term, meaning in value.items():
                table.add_row(f"  {term}", Text(meaning))
        elif value is not None:
            table.add_row(name, Text(", ".join(value) if isinstance(value, list) else value))
    OUT.print(table)
