"""Prometheus from PATH: what scrapes the gauges, evaluates the rules and answers the boards."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from typing_extensions import override

from streams.services.errors import Missing
from streams.services.http_ready import ok
from streams.services.ports import HOST
from streams.services.service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Prometheus(Service):
    """`prometheus` from PATH, on a configuration given as text. The endpoint is its URL.

    Args:
        config: The text of prometheus.yml.
        files: Further files beside it, for example rules, as name to text; the configuration names them relatively.
        flags: Further command line flags.
    """

    name = "prometheus"

    def __init__(
        self,
        config: str,
        *,
        files: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
        port: int | None = None,
        directory: Path | None = None,
        deadline_s: float = 30.0,
    ) -> None:
        super().__init__(port=port, directory=directory, deadline_s=deadline_s)
        self.config = config
        self.files = dict(files or {})
        self.flags = tuple(flags)

    @classmethod
    @override
    def missing(cls) -> Missing | None:
        if shutil.which("prometheus") is None:
            return Missing("no prometheus on PATH", "sudo apt-get install prometheus")
        return None

    @property
    @override
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @override
    def prepare(self) -> None:
        for name, text in {**self.files, "prometheus.yml": self.config}.items():
            path = self.directory / PurePosixPath(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    @override
    def command(self) -> Sequence[str]:
        return [
            "prometheus",
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'tsdb'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--log.level=warn",
            *self.flags,
        ]

    @override
    def ready(self) -> bool:
        return ok(f"{self.endpoint}/-/ready")

    def reload(self, config: str | None = None, files: Mapping[str, str] | None = None) -> None:
        """Write changed files and have the running server read them (it does so a moment later)."""
        self.config = self.config if config is None else config
        self.files.update(files or {})
        self.prepare()
        self._running().send_signal(signal.SIGHUP)
