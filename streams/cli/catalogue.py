"""`tapesh catalogue`: what is measured, and how it is defined."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.console import OUT, Failure, write_json
from streams.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metrics.breakdown import Breakdown
    from metrics.kpi import Kpi, Text


class Language(StrEnum):
    """The languages of the boards."""

    EN = "en"
    FA = "fa"


def _known(incomplete: str) -> list[tuple[str, str]]:
    from metrics.catalogue import BREAKDOWNS, CATALOGUE

    titles = {kpi.id: kpi.title.en for kpi in CATALOGUE} | {one.id: one.title.en for one in BREAKDOWNS}
    return [(kpi_id, title) for kpi_id, title in titles.items() if kpi_id.startswith(incomplete)]


def catalogue(
    kpi_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", autocompletion=_known, help="One KPI, in full.", show_default=False)
    ] = None,
    lang: Annotated[Language, typer.Option(help="Of titles and explanations.")] = Language.EN,
    as_json: JsonOption = False,
) -> None:
    """Show the definitions of the KPIs and breakdowns: one in full, or all of them by theme."""
    from metrics.catalogue import BREAKDOWNS, CATALOGUE
    from metrics.described import breakdown_described, described

    documents = {kpi.id: described(kpi, lang.value) for kpi in CATALOGUE}
    documents |= {breakdown.id: breakdown_described(breakdown, lang.value) for breakdown in BREAKDOWNS}
    if kpi_id is not None and kpi_id not in documents:
        near = get_close_matches(kpi_id, documents, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "`tapesh catalogue` lists them"
        raise Failure(f"kpi {kpi_id!r} is not declared; {hint}", code=2)
    if as_json:
        write_json(list(documents.values()) if kpi_id is None else documents[kpi_id])
    elif kpi_id is None:
        _list(lang)
    else:
        _show(documents[kpi_id])


def _list(lang: Language) -> None:
    from rich.table import Table

    from metrics.catalogue import BREAKDOWNS, BREAKDOWNS_TITLE, THEMES

    table = Table(header_style="bold")
    for column in ("id", "title", "unit", "better"):
        table.add_column(column, no_wrap=column != "title")
    themes: list[tuple[Text, Sequence[Kpi | Breakdown]]] = [*THEMES, (BREAKDOWNS_TITLE, BREAKDOWNS)]
    for theme, declared in themes:
        table.add_row(f"[bold]{getattr(theme, lang.value)}[/]")
        for one in declared:
            table.add_row(f"  {one.id}", getattr(one.title, lang.value), one.unit.value, one.better.name.lower())
        table.add_section()
    OUT.print(table)


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in document.items():
        if isinstance(value, dict):
            for term, meaning in value.items():
                table.add_row(f"  {term}", Text(meaning))
        elif value is not None:
            table.add_row(name, Text(", ".join(value) if isinstance(value, list) else value))
    OUT.print(table)
