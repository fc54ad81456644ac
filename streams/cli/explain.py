"""`tapesh explain`: what an alert on customers saw, and who is behind it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.console import OUT, Failure, say
from streams.cli.lines import Lines
from streams.cli.options import ConfigOption, settings_of

if TYPE_CHECKING:
    from metrics.explain import Explained


def _watched(incomplete: str) -> list[str]:
    from metrics.alerting import WATCHES

    return sorted({watch.kpi for watch in WATCHES if watch.kpi.startswith(incomplete)})


def explain(
    context: typer.Context,
    kpi: Annotated[
        str, typer.Argument(autocompletion=_watched, help="The KPI that the alert is about, such as churn_rate.")
    ],
    files: Annotated[list[str] | None, typer.Argument(help="Files of events; without them the running engine.")] = None,
    window: Annotated[str, typer.Option(help="The rolling window to explain.")] = "24h",
    against: Annotated[str, typer.Option(help="The longer one to compare it with.")] = "30d",
    url: Annotated[str | None, typer.Option(help="Where the engine answers.", show_default="web.host and port")] = None,
    config: ConfigOption = None,
) -> None:
    """Show what alerts observe and expect, and which slices, tenures and reasons a change of churn comes from."""
    from metrics.alerting import WATCHES
    from streams.cli.engine_client import Engine, engine_url

    known = sorted({watch.kpi for watch in WATCHES})
    if kpi not in known:
        raise Failure(f"no alert counts {kpi!r}; expected one of {', '.join(known)}", code=2)
    settings = settings_of(context, config)
    document = _computed(files, settings) if files else Engine(url or engine_url(settings), settings.web.bearer).kpis()
    if document.get("unknown"):
        from streams.cli.views import told_unknown

        say(told_unknown(document["unknown"]))
        return
    for name in (window, against):
        if name not in document["windows"] or name[-1] not in "mhd" or not name[:-1].isdigit():
            there = ", ".join(document["windows"])
            raise Failure(f"there is no rolling window {name!r}; there are {there}", code=2)
    for watch, said in document.get("alerts", {}).items():
        if said.get("kpi") == kpi:
            _show_windows(watch, said)
    if kpi == "churn_rate":
        _show_slices(document, window, against)


def _computed(files: list[str], settings: Any) -> Any:
    from streams.compute import compute

    clock_ms = int(time.time() * 1000)
    return compute(Lines(files), settings.meaning, settings.economics, clock_ms=clock_ms).snapshot


def _show_windows(watch: str, said: dict[str, Any]) -> None:
    for name, told in said.get("windows", {}).items():
        state = f"FIRING since {told['since']}" if told["firing"] else "on" if told["on"] else "off"
        p_value, alpha = told["p_value"], told["alpha"]
        likely = "" if p_value is None else f", by chance {p_value:.1e} (news below {alpha:.1e})"
        say(
            f"{watch} {name} up to {told['end']}: {told['observed']} of {told['expected']:.1f} expected{likely};"
            f" {told['base']:,} at risk; {state}: {told['why']}"
        )


def _show_slices(document: Any, window: str, against: str) -> None:
    from metrics.explain import explain as explained
    from metrics.explain import explain_tenure

    reasons = document["windows"][window].get("churn_reasons") or {}
    ranked = sorted(reasons.items(), key=lambda item: -item[1])
    say(f"reasons within {window}: {', '.join(f'{name} {count}' for name, count in ranked) or 'none'}")
    for attribute in document["slices"]:
        _show_parts(explained(document, attribute, window, against), window, against)
    if document.get("tenure") is not None:
        _show_parts(explain_tenure(document["tenure"], window, against), window, against)


def _show_parts(found: Explained | None, window: str, against: str) -> None:
    from rich.table import Table

    if found is None:
        return
    usual, rate = float(found.usual), float(found.rate)
    title = f"{found.attribute}: {usual:.2%} over {against}, {rate:.2%} over {window}, a month"
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("", "lost", "of", "rate", "usual", "by its rate", "by the mix"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    there = [part for part in found.parts if part.base or part.by_rate or part.by_mix]
    for part in there[:10]:
        moved = (f"{float(change):+.3%}" for change in (part.by_rate, part.by_mix))
        rates = (f"{float(rate):.2%}" for rate in (part.rate, part.usual))
        table.add_row(part.value, f"{part.lost:,}", f"{part.base:,}", *rates, *moved)
    OUT.print(table)
