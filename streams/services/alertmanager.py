"""Alertmanager from PATH: what turns firing rules into one message to a person."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from typing_extensions import override

from streams.services.errors import Missing
from streams.services.http_ready import ok
from streams.services.ports import HOST
from streams.services.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PROGRAMS = ("alertmanager", "prometheus-alertmanager")  # upstream's name, Debian's name


class Alertmanager(Service):
    """Alertmanager from PATH, on a configuration given as text. The endpoint is its URL."""

    name = "alertmanager"

    def __init__(
        self, config: str, *, port: int | None = None, directory: Path | None = None, deadline_s: float = 30.0
    ) -> None:
        super().__init__(port=port, directory=directory, deadline_s=deadline_s)
        self.config = config

    @classmethod
    @override
    def missing(cls) -> Missing | None:
        if cls._program() is None:
            return Missing("no alertmanager on PATH", "sudo apt-get install prometheus-alertmanager")
        return None

    @property
    @override
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @override
    def prepare(self) -> None:
        (self.directory / "alertmanager.yml").write_text(self.config)

    @override
    def command(self) -> Sequence[str]:
        return [
            self._program() or self.name,
            f"--config.file={self.directory / 'alertmanager.yml'}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",  # no cluster: otherwise it looks for a private address to gossip on, and dies
            "--log.level=warn",
        ]

    @override
    def ready(self) -> bool:
        return ok(f"{self.endpoint}/-/ready")

    @classmethod
    def _program(cls) -> str | None:
        return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
