"""The engine as the demo runs it: the same `tapesh worker` as in production, told everything by its environment."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from typing_extensions import override

from streams.services import Service
from streams.services.http_ready import ok
from streams.services.ports import HOST
from streams.settings.problems import env_name, leaves
from streams.settings.schema import ENV_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.services import Missing
    from streams.settings import Settings


class Worker(Service):
    """`tapesh worker` as a process. The endpoint is the address of its HTTP interface.

    Args:
        settings: what it is told; its web port is the service's.
    """

    name = "engine"
    grace_s = 15.0

    def __init__(self, settings: Settings, *, deadline_s: float = 60.0) -> None:
        super().__init__(port=settings.web.port, deadline_s=deadline_s)
        self._settings = settings

    @classmethod
    @override
    def missing(cls) -> Missing | None:
        return None

    @property
    @override
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @override
    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "streams.cli", "worker"]

    @override
    def environment(self) -> Mapping[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}
        told = self._settings.model_copy(update={"data_dir": self.directory / "data"})
        return ours | as_environment(told)

    @override
    def ready(self) -> bool:
        return ok(f"{self.endpoint}/health")


def as_environment(settings: Settings) -> dict[str, str]:
    """All settings as environment variables, secrets in clear; reading them gives the same settings."""
    variables = {}
    for key in leaves():
        value: Any = settings
        for part in key.split("."):
            value = getattr(value, part)
        if value is not None:
            variables[env_name(key)] = _written(value)
    return variables


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value, default=str) if isinstance(value, list | tuple | dict) else str(value)
