"""`tapesh backtest`: which alerts a history would have rung, before anybody carries the pager."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import OUT, say, share_done, write_json
from streams.cli.lines import Lines
from streams.cli.options import ConfigOption, JsonOption, settings_of

if TYPE_CHECKING:
    from streams.backtest import BackTest, Spike


def backtest(
    context: typer.Context,
    files: Annotated[
        list[str], typer.Argument(help="Files of events, one JSON object a line; .gz too; - is standard input.")
    ],
    spikes: Annotated[
        list[str] | None,
        typer.Option(
            "--spike",
            metavar="BEGIN/END",
            help="When something is known to have gone wrong, as two instants such as"
            " 2026-03-01T00:00:00Z/2026-03-03T00:00:00Z; may be repeated. Every other alert counts as false.",
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write tests for promtool there, of the rules on what was found."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Play a history through the alerts on customers: each page, the misses and delays, false pages a year."""
    from streams.alert_windows import Budget, learned
    from streams.backtest import back_test
    from streams.expected import by_targets

    settings = settings_of(context, config)
    known = [_spike(text) for text in spikes or ()]
    lines = Lines(files)
    budget = Budget(settings.alerts.false_pages_per_year, settings.alerts.false_tickets_per_year)
    usual = by_targets(settings.economics.targets) if settings.alerts.expected == "target" else learned
    with share_done() as progress:
        task = progress.add_task("reading", total=lines.size)
        lines.on_news(lambda bytes_read: progress.update(task, completed=bytes_read))
        progress.add_task("playing it through", total=None)
        tested = back_test(lines, settings.meaning, budget, known, usual)
    if rules is not None:
        from metrics.rule_tests import rule_tests

        rules.write_text(rule_tests(tested.episodes), encoding="utf-8")
        say(f"{rules}: promtool test rules {rules}")
    if as_json:
        write_json(tested.document())
    else:
        _show(tested)


def _spike(text: str) -> Spike:
    from events.instant import instant_ms, parse_instant
    from streams.backtest import Spike

    begin, _, end = text.partition("/")
    try:
        spike = Spike(instant_ms(parse_instant(begin)), instant_ms(parse_instant(end)))
    except ValueError:
        spike = Spike(0, 0)
    if spike.begin_ms >= spike.end_ms:
        expected = "expected two instants, the earlier first, such as 2026-03-01T00:00:00Z/2026-03-03T00:00:00Z"
        raise typer.BadParameter(f"got {text!r}, {expected}", param_hint="'--spike'")
    return spike


def _show(tested: BackTest) -> None:
    from rich.table import Table

    table = Table(title="alerts", title_justify="left", header_style="bold")
    for heading in ("began", "alert", "window", "", "observed", "expected", "p-value", "below"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("observed", "expected") else "left")
    document = tested.document()
    for alert in document["alerts"]:
        table.add_row(
            alert["began"],
            alert["alert"],
            alert["tier"],
            alert["severity"] + (", false" if alert["false"] else ""),
            f"{alert['observed']:,}",
            f"{alert['expected']:,.1f}",
            f"{alert['p_value']:.1e}",
            f"{alert['alpha']:.1e}",
        )
    if document["alerts"]:
        OUT.print(table)
    else:
        say("no alert")
    for watch, days in document["days_judged"].items():
        on = [name.partition("/")[2] for name in document["days_on"] if name.partition("/")[0] == watch]
        say(f"{watch}: {days:,} days judged; windows on: {', '.join(on) or 'none'}")
    for delay_s in document["delays_s"]:
        say("missed" if delay_s is None else f"paged {delay_s / 3600:.1f} hours after it began")
    for severity in ("page", "ticket"):
        rate = document[f"false_{severity}s_a_year"]
        say(f"false {severity}s a year: {'nothing was judged' if rate is None else f'{rate:.2f}'}")
    if tested.refused:
        say(f"{tested.refused:,} of {tested.lines:,} lines are no events: tapesh compute names them")
