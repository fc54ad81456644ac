"""`tapesh kpis --as-known`: past days and months as they were known at an instant, beside what is known now.

Read from the ledger's topic, which keeps every revision; no engine has to run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from streams.cli.console import OUT, Failure, share_done, write_json
from streams.cli.kafka import broker_failures, waiting_for

if TYPE_CHECKING:
    from rich.table import Table

    from streams.settings import Settings

_POLL_MS = 200
_PATIENCE_S = 30.0


class PeriodKind(StrEnum):
    """Which of the past's periods."""

    DAY = "day"
    MONTH = "month"


def show_as_known(settings: Settings, at_ms: int, kind: PeriodKind, *, everything: bool, as_json: bool) -> None:
    """Print the past periods of a kind as they were known at an instant, and as they are known now.

    Raises:
        Failure: the ledger can't be read, or holds nothing.
    """
    lines = list(_lines(settings))
    if not lines:
        enabled = "" if settings.ledger.enabled else "; ledger.enabled (TAPESH_LEDGER__ENABLED) is off"
        raise Failure(
            f"the ledger holds nothing of {settings.app_id!r} yet: an engine publishes a day once it is over{enabled}"
        )
    periods = as_known([body for body in lines if body["period"] == kind.value], at_ms)
    if as_json:
        write_json({"as_known": _instant(at_ms), "period": kind.value, "periods": periods})
        return
    known = [period for period in periods if period["as_known"] is not None]
    if not known:
        first = min(body["known_at"] for body in lines)
        raise Failure(f"no past {kind.value} was known at {_instant(at_ms)}; the ledger begins at {first}")
    OUT.print(_table(settings, at_ms, known, everything))


def as_known(bodies: Iterable[Mapping[str, Any]], at_ms: int) -> list[dict[str, Any]]:
    """Put each period's values at an instant beside those of now.

    Args:
        bodies: lines of the ledger, in any order; one that comes again is the same.
        at_ms: the instant.

    Returns:
        For each period, in order: `name`, `start`, `end`; `as_known` and `now`, each with `revision`, `known_at` and
        `values`, the first None if the period hadn't been published; and `restated`: KPIs whose value isn't the same.
    """
    from streams.ledger import changed

    by_period: dict[str, dict[int, Mapping[str, Any]]] = {}
    for body in bodies:
        by_period.setdefault(body["start"], {})[body["revision"]] = body
    found = []
    for start in sorted(by_period):
        revisions = by_period[start]
        latest = revisions[max(revisions)]
        then = max((number for number, body in revisions.items() if _ms(body["known_at"]) <= at_ms), default=None)
        known = None if then is None else revisions[then]
        found.append(
            {
                "name": latest["name"],
                "start": start,
                "end": latest["end"],
                "as_known": None if known is None else _version(known),
                "now": _version(latest),
                "restated": {} if known is None else changed(dict(known["values"]), dict(latest["values"])),
            }
        )
    return found


def _version(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in ("revision", "known_at", "values")}


def _lines(settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the lines of this engine that the ledger's topic holds, up to where it ends now."""
    from kafka import KafkaConsumer, TopicPartition

    from events.names import KPI_LEDGER
    from streams.topics import connected

    topic = settings.topic(KPI_LEDGER)
    with broker_failures(), waiting_for(settings):
        options = {"group_id": None, "enable_auto_commit": False, "allow_auto_create_topics": False}
        consumer = connected(KafkaConsumer, settings, _PATIENCE_S, **options)
    with broker_failures():
        try:
            if not consumer.partitions_for_topic(topic):
                raise Failure(f"topic {topic!r} isn't there: run `tapesh topics`, or start `tapesh worker`")
            ours = f"{_engine_in_service(settings)}/".encode()
            place = TopicPartition(topic, 0)
            consumer.assign([place])
            begin, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
            consumer.seek(place, begin)
            heard_s = time.monotonic()
            with share_done() as progress:
                task = progress.add_task("reading the ledger", total=end - begin)
                while (position := consumer.position(place)) < end:
                    progress.update(task, completed=position - begin)
                    records = consumer.poll(timeout_ms=_POLL_MS).get(place, [])
                    if records:
                        heard_s = time.monotonic()
                    elif time.monotonic() - heard_s > _PATIENCE_S:
                        raise Failure(f"topic {topic!r} gives nothing from offset {position} on, though it has {end}")
                    yield from (json.loads(each.value) for each in records if each.value and each.key.startswith(ours))
        finally:
            consumer.close()


def _engine_in_service(settings: Settings) -> str:
    from streams.engines import RecordError, read_record

    try:
        return read_record(settings).serving.group
    except RecordError as error:
        raise Failure(f"{error}; which engine is in service can't be told") from None


def _table(settings: Settings, at_ms: int, periods: list[dict[str, Any]], everything: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    from metrics.restatement import RESTATABLE
    from streams.cli.numbers import formatted, heading
    from streams.cli.views import MAIN

    shown = [kpi for kpi in RESTATABLE if everything or kpi.id in MAIN]
    table = Table(title=f"as known at {_instant(at_ms)}, and now", title_justify="left", header_style="bold")
    for title in ("period", "KPI", "as known then", "as known now", "restated"):
        table.add_column(title, no_wrap=True, justify="right" if title.startswith("as") else "left")
    for period in periods:
        then, now = period["as_known"]["values"], period["now"]["values"]
        name = period["name"]
        for kpi in shown:
            if kpi.id not in then or kpi.id not in now:
                continue  # written by a version with other KPIs
            restated = kpi.id in period["restated"]
            table.add_row(
                name,
                heading(kpi, settings.currency),
                formatted(kpi, then[kpi.id], settings.currency),
                Text(formatted(kpi, now[kpi.id], settings.currency), style="bold" if restated else ""),
                Text(f"yes, {period['now']['known_at']}" if restated else "", style="yellow"),
            )
            name = ""
        table.add_section()
    return table


def _ms(text: str) -> int:
    from events.instant import instant_ms, parse_instant

    return instant_ms(parse_instant(text))


def _instant(ms: int) -> str:
    from streams.ledger import instant

    return instant(ms)
