"""`tapesh topics`: the topics that the engine lives on, created where they are missing."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.console import OUT, write_json
from streams.cli.kafka import broker_failures, waiting_for
from streams.cli.options import ConfigOption, JsonOption, TimeoutOption, settings_of


def topics(
    context: typer.Context,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Of the event topics, in place of kafka.partitions.", show_default=False),
    ] = None,
    replication: Annotated[
        int | None,
        typer.Option(min=1, max=9, help="Copies of each topic, in place of kafka.replication.", show_default=False),
    ] = None,
    timeout: TimeoutOption = 30.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create the topics that are missing; harmless if all are there.

    A topic with another number of partitions is refused: a person lives in one partition, and the count decides which.
    """
    settings = settings_of(context, config)
    with broker_failures():
        from streams.topics import ensure_topics

        with waiting_for(settings):
            ensured = ensure_topics(settings, partitions=partitions, replication=replication, timeout_s=timeout)
    if as_json:
        created = {topic.name for topic in ensured.created}
        write_json(
            [
                {"topic": topic.name, "partitions": topic.partitions, "created": topic.name in created}
                for topic in (*ensured.created, *ensured.found)
            ]
        )
        return
    for verb, shown in (("created", ensured.created), ("there", ensured.found)):
        for topic in shown:
            OUT.print(f"{verb:8}{topic.name}, {topic.partitions} partition(s)", markup=False, highlight=False)
