"""`tapesh schema`: the event contract, for validators, code generators and portals."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.console import write_json
from streams.cli.options import ConfigOption, settings_of


def schema(
    context: typer.Context,
    as_asyncapi: Annotated[
        bool, typer.Option("--asyncapi", help="AsyncAPI 3.0 of the topics, under the settings' names for them.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Write the event contract: JSON Schema, or AsyncAPI."""
    from events.schema import asyncapi, json_schema

    if as_asyncapi:
        write_json(asyncapi(settings_of(context, config).kafka.topic_prefix))
    else:
        write_json(json_schema())
