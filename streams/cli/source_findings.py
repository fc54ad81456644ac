"""What `tapesh check` says of the sources of a running engine: their rhythm, and what is expected of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.cli.console import Failure
from streams.cli.engine_client import Engine, engine_url
from streams.cli.probes import Finding
from streams.settings import Settings

_WAY_OUT = "is what emits them running? One that is gone for good: health.retired (TAPESH_HEALTH__RETIRED)"


def source_findings(settings: Settings) -> Iterator[Finding]:
    """Ask the engine for its sources; nothing is found where none answers, which another probe says."""
    try:
        sources = Engine(engine_url(settings), settings.web.bearer).kpis(sources=True).get("sources", [])
    except Failure:
        return
    for source in sources:
        yield Finding("sources", ok=not source["silent"], text=_told(source))


def _told(source: dict[str, Any]) -> str:
    parts = [f"{source['type']} from {source['source']}: {source['rhythm']}"]
    if source["latest_event"]:
        parts.append(f"latest {source['latest_event']}")
    parts.append(source["expected"] or "nothing is expected of it")
    if source["silent"]:
        parts.append(f"silent: {_WAY_OUT}")
    elif source["due"]:
        parts.append(f"missed from {source['due']} on")
    return "; ".join(parts)
