"""`tapesh check`: is everything reachable and sane, and if not, what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from streams.cli.console import OUT, Failure, write_json
from streams.cli.options import ConfigOption, JsonOption, settings_of


def check(
    context: typer.Context,
    sample: Annotated[int, typer.Option(min=0, metavar="N", help="Events to look at in each customer topic.")] = 1000,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Patience with each service.")] = 5.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check the settings, Kafka and its topics, what producers send, Redis, the web port, a running engine's sources.

    Exits with 1 if there is a problem; each is told with its way out. Advice is what may wait.
    """
    findings = []
    for finding in _findings(context, config, sample, timeout):
        findings.append(finding)
        if not as_json:
            _show(finding)
    healthy = all(finding.ok for finding in findings)
    if as_json:
        write_json({"ok": healthy, "findings": [asdict(finding) for finding in findings]})
    if not healthy:
        raise typer.Exit(1)


def _findings(context: typer.Context, config: Any, sample: int, timeout_s: float) -> Any:
    from streams.cli.kafka_findings import kafka_findings
    from streams.cli.probes import (
        Finding,
        exposure_finding,
        file_finding,
        time_finding,
        web_finding,
    )
    from streams.cli.redis_findings import redis_findings
    from streams.cli.source_findings import source_findings

    try:
        settings = settings_of(context, config)
    except Failure as failure:
        yield Finding("settings", ok=False, text=str(failure))
        return
    yield Finding("settings", ok=True, text=f"consumer group {settings.app_id!r}, {settings.currency}")
    yield time_finding(settings)
    yield file_finding(settings)
    yield from kafka_findings(settings, sample, timeout_s)
    yield from redis_findings(settings, timeout_s)
    yield (web := web_finding(settings))
    if (exposed := exposure_finding(settings)) is not None:
        yield exposed
    if web.ok:
        yield from source_findings(settings)


def _show(finding: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 2))
    line.add_column(width=len("PROBLEM"))
    line.add_column(width=len("partitioning"))
    line.add_column()
    fine = Text("ADVICE", style="yellow") if finding.advice else Text("OK", style="green")
    verdict = fine if finding.ok else Text("PROBLEM", style="bold red")
    line.add_row(verdict, finding.name, Text(finding.text))
    OUT.print(line)
