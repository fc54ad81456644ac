"""What `tapesh check` looks at: one probe for each thing that can be wrong before the first event is counted."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from streams.cli.console import Failure
from streams.cli.engine_client import Engine, engine_url
from streams.settings import Settings
from streams.web_guard import OURS_ALONE


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict.

    Attributes:
        name: what was looked at.
        ok: whether it is as it should be.
        text: what was seen; of a problem, with the way out.
        advice: of what is no problem yet, whether something should be done about it.
    """

    name: str
    ok: bool
    text: str
    advice: bool = False


def time_finding(settings: Settings) -> Finding:
    """Show the local time: a wrong zone moves every day's figures, and no error would ever say so."""
    now = datetime.now(ZoneInfo(settings.timezone))
    return Finding("time zone", ok=True, text=f"{settings.timezone}, where it is {now:%Y-%m-%d %H:%M} (UTC{now:%z})")


def file_finding(settings: Settings) -> Finding:
    """See whether a worker may write where it keeps its files."""
    place = settings.data_dir
    there = next((each for each in (place, *place.resolve().parents) if each.exists()), place)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding("data", ok=True, text=str(place))
    what = "no directory" if not there.is_dir() else "not writable for this user"
    way_out = "data_dir (TAPESH_DATA_DIR) may be any directory that is; nothing in it must survive"
    return Finding("data", ok=False, text=f"{there} is {what}; {way_out}")


def exposure_finding(settings: Settings) -> Finding | None:
    """Tell that figures and profiles are open to whoever reaches the port, unless that is this machine alone."""
    if settings.web.bearer or settings.web.host in OURS_ALONE:
        return None
    what = "KPIs and customers' profiles" if settings.redis.enabled and settings.redis.profiles else "KPIs"
    text = (
        f"whoever reaches {settings.web.host}:{settings.web.port} may read {what}: set web.token_file "
        "(TAPESH_WEB__TOKEN_FILE), or see that nobody else reaches it"
    )
    return Finding("token", ok=True, text=text, advice=True)


def web_finding(settings: Settings) -> Finding:
    """See whether the web port is free, or an engine's already."""
    where = f"{settings.web.host}:{settings.web.port}"
    try:
        family = socket.AF_INET6 if ":" in settings.web.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.web.host, settings.web.port))
        return Finding("web port", ok=True, text=f"{where} is free")
    except OSError as error:
        why = error.strerror or str(error)
    try:
        Engine(engine_url(settings), settings.web.bearer).kpis()
    except Failure:
        way_out = "choose another web.port (TAPESH_WEB__PORT)"
        return Finding(
            "web port", ok=False, text=f"{where} can't be had ({why}), and no engine answers there; {way_out}"
        )
    return Finding("web port", ok=True, text=f"{where}: an engine answers")
