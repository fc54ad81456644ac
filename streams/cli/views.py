"""A KPI document as a table: KPIs by window, or, in one window, by the values of a slice.

Files and a running engine give the same document, so `tapesh compute` and `tapesh kpis` show it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.console import OUT

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from metrics.kpi import Kpi

MAIN = (
    *("active_customers", "new_customers", "won_back_customers", "lost_customers", "churn_rate", "exposure_churn_rate"),
    *("active_buyers", "lapse_rate", "orders", "revenue", "buyers", "average_order_value", "repeat_purchase_rate"),
    *("acquisition_cost", "leads", "lead_conversion_rate", "clv", "clv_to_cac"),
    *("nps", "csat", "ces", "cli", "loyalty_members"),
)
"""What is shown unless everything is asked for."""

SHOWN_WINDOWS = ("30d", "24h", "7d", "lifetime", "90d", "365d", "1h", "month", "quarter", "year")
"""Which windows are shown where they don't all fit, the most wanted first."""

SLICE_WINDOW = "30d"

_UNBOUNDED = 100_000
"""Columns within which any table fits."""

WindowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--window", "-w", metavar="WINDOW", help="Only this window, such as 30d, month or lifetime; may be repeated."
    ),
]
SliceOption = Annotated[
    str | None,
    typer.Option(
        "--slice", "-s", metavar="ATTRIBUTE", help="By the values of this attribute (channel, ...), in one window."
    ),
]
EverythingOption = Annotated[bool, typer.Option("--all", "-a", help="Every KPI, not only the main ones.")]

Columns = Sequence[tuple[str, Mapping[str, Any]]]
"""Titles, and the KPIs below them."""


def show(document: Mapping[str, Any], *, windows: list[str] | None, slice_by: str | None, everything: bool) -> None:
    """Print a KPI document as a table.

    Raises:
        typer.BadParameter: it has no such window or slice.
    """
    OUT.print(view(document, windows=windows, slice_by=slice_by, everything=everything))


def view(
    document: Mapping[str, Any], *, windows: list[str] | None, slice_by: str | None, everything: bool
) -> RenderableType:
    """Make the table of a KPI document; arguments and errors as `show`."""
    unknown = document.get("unknown")
    if unknown and not (document["slices"] if slice_by else document["windows"]):
        from rich.text import Text

        return Text(told_unknown(unknown), style="yellow")  # nothing is known yet, not even which windows there are
    refuse_unknown(windows, slice_by, document["windows"], document["slices"])
    if slice_by is None:
        return _by_window(document, windows, everything)
    return _by_value(document, slice_by, windows, everything)


def refuse_unknown(
    windows: list[str] | None, slice_by: str | None, known_windows: Iterable[str], known_slices: Iterable[str]
) -> None:
    """Refuse a window or a slice attribute that isn't there.

    Raises:
        typer.BadParameter: it names those that are.
    """
    asked = [("window", "--window", window, known_windows) for window in windows or ()]
    if slice_by is not None:
        asked.append(("slice attribute", "--slice", slice_by, known_slices))
    for what, option, name, known in asked:
        if name not in known:
            there = ", ".join(known)
            raise typer.BadParameter(f"there is no {what} {name!r}; there are {there}", param_hint=f"'{option}'")


def told_unknown(unknown: Mapping[str, str]) -> str:
    """Say what can't be known and why, each reason once."""
    from metrics.catalogue import CATALOGUE

    reasons: dict[str, list[str]] = {}
    for kpi, reason in unknown.items():
        reasons.setdefault(reason, []).append(kpi)
    return "\n".join(
        f"unknown: {'every KPI' if len(kpis) >= len(CATALOGUE) else ', '.join(kpis)}: {reason}"
        for reason, kpis in reasons.items()
    )


def _by_window(document: Mapping[str, Any], windows: list[str] | None, everything: bool) -> RenderableType:
    there = document["windows"]
    if windows:
        return _table(document, [(name, there[name]) for name in windows], everything)
    return _widest(
        [name for name in SHOWN_WINDOWS if name in there] + [name for name in there if name not in SHOWN_WINDOWS],
        lambda names: _table(document, [(name, there[name]) for name in there if name in names], everything),
    )


def _by_value(
    document: Mapping[str, Any], attribute: str, windows: list[str] | None, everything: bool
) -> RenderableType:
    window = (windows or [SLICE_WINDOW if SLICE_WINDOW in document["windows"] else next(iter(document["windows"]))])[0]
    values = document["slices"][attribute]
    ranked = sorted(values, key=lambda value: -(values[value][window].get("active_customers") or 0))

    def table(shown: Sequence[str]) -> Table:
        columns = [("all", document["windows"][window]), *((value, values[value][window]) for value in shown)]
        made = _table(document, columns, everything)
        as_of = document.get("slices_now", document["now"])  # a live engine works slices out less often
        made.title = f"{attribute}, {window}, as of {as_of}"
        return made

    return _widest(ranked, table)


def _widest(names: Sequence[str], table: Callable[[Sequence[str]], Table]) -> RenderableType:
    """The table with as many of the columns as there is room for; what is left out is said."""
    from rich.console import Group
    from rich.measure import Measurement
    from rich.text import Text

    shown = list(names)
    made = table(shown)
    unbounded = OUT.options.update(width=_UNBOUNDED)
    while len(shown) > 1 and Measurement.get(OUT, unbounded, made).maximum > OUT.width:
        shown.pop()
        made = table(shown)
    left_out = [name for name in names if name not in shown]
    return Group(made, Text(f"no room for: {', '.join(left_out)}", style="dim")) if left_out else made


def _table(document: Mapping[str, Any], columns: Columns, everything: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    from streams.cli.numbers import heading

    currency = document["settings"]["currency"]
    unknown: Mapping[str, str] = document.get("unknown") or {}
    table = Table(title=f"as of {document['now']}", title_justify="left", header_style="bold")
    table.add_column("", no_wrap=True)
    for title, _ in columns:
        table.add_column(Text(title), justify="right", no_wrap=True)
    for theme in _themes(everything):
        for kpi in theme:
            if any(kpi.id in kpis for _, kpis in columns) or kpi.id in unknown:
                table.add_row(heading(kpi, currency), *(_cell(kpi, kpis, unknown, currency) for _, kpis in columns))
        table.add_section()
    if unknown:
        table.caption = Text(told_unknown(unknown), style="yellow")
        table.caption_justify = "left"
    return table


def _cell(kpi: Kpi, kpis: Mapping[str, Any], unknown: Mapping[str, str], currency: str) -> Text:
    from rich.text import Text

    from streams.cli.numbers import formatted

    if kpi.id in unknown:
        return Text("unknown", style="yellow")
    return Text(formatted(kpi, kpis[kpi.id], currency) if kpi.id in kpis else "")


def _themes(everything: bool) -> Iterable[Sequence[Kpi]]:
    from metrics.catalogue import BY_ID, THEMES

    return [kpis for _, kpis in THEMES] if everything else [[BY_ID[kpi] for kpi in MAIN]]
