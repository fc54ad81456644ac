"""The one interface behind which every program is started, asked whether it is ready, and ended.

Without it each test and the demo would have their own way to wait for a broker, and each would leave one running. Here
a service listens on a free port of 127.0.0.1, is ready when its own protocol answers, takes its log along into the
error when it dies, is ended by its own pid, and never outlives the process that started it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from streams.services.errors import Missing, ServiceDied, ServiceError, ServiceTimeout, ServiceUnavailable
from streams.services.guard import Guard
from streams.services.ports import HOST, answered, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

_LOG_LINES = 25
_POLL_S = 0.05


class Service(ABC):
    """A program that listens on one port of 127.0.0.1.

    Args:
        port: The port to listen on; a free one if none is given. It stays the same over restarts.
        directory: Where data and log go, kept afterwards; a temporary one, removed at `stop`, if none is given.
        deadline_s: Seconds within which the program must answer.
    """

    name: ClassVar[str]
    grace_s: ClassVar[float] = 10.0

    def __init__(self, *, port: int | None = None, directory: Path | None = None, deadline_s: float = 30.0) -> None:
        self.port = port or free_port()
        self.deadline_s = deadline_s
        self._given_directory = directory
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    @classmethod
    @abstractmethod
    def missing(cls) -> Missing | None:
        """What this machine lacks to run the service and how to bring it, or None."""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """What a client is given to connect, for example `127.0.0.1:9092` or `redis://127.0.0.1:6379/0`."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command line. `directory` exists and `prepare` has run when it is asked for."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the service answers in its own protocol; an OSError counts as no."""

    def environment(self) -> Mapping[str, str] | None:
        """The environment of the program; None: ours."""
        return None

    def prepare(self) -> None:  # noqa: B027 - optional: most programs need nothing beforehand
        """Write configuration files or format storage, before the first start in a directory."""

    @property
    def directory(self) -> Path:
        """Where this service keeps its data and log."""
        if self._directory is None:
            raise ServiceError(f"{self.name}: has no directory before start() and after stop()")
        return self._directory

    @property
    def pid(self) -> int | None:
        """The running program's process id, or None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        """The file that takes the program's output."""
        return self.directory / f"{self.name}.log"

    def start(self) -> str:
        """Start the program and wait until it answers.

        Returns:
            The endpoint for clients.

        Raises:
            ServiceUnavailable: the program isn't on this machine.
            ServiceError: somebody else listens on its port.
            ServiceDied: it ended before it answered; with the end of its log.
            ServiceTimeout: it didn't answer within `deadline_s`.
        """
        if self.pid is not None:
            return self.endpoint
        if (missing := self.missing()) is not None:
            raise ServiceUnavailable(self.name, missing)
        if self._directory is None:
            self._directory = self._make_directory()
            try:
                self.prepare()
            except BaseException:
                self.stop()
                raise
        try:
            self._wait_until_ready(self._launch())
        except BaseException:
            self.stop()
            raise
        return self.endpoint

    def stop(self) -> None:
        """End the program (SIGTERM, then SIGKILL) and remove its temporary directory. Harmless if it is gone."""
        self._end(signal.SIGTERM)
        if self._directory is not None and self._given_directory is None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = None

    def kill(self) -> None:
        """SIGKILL the program and keep its data: what a power cut does. `start` brings it back on the same port."""
        self._end(signal.SIGKILL)

    def restart(self) -> str:
        """End the program in an orderly way and start it on the same port and data."""
        self._end(signal.SIGTERM)
        return self.start()

    def pause(self) -> None:
        """SIGSTOP: the program holds its connections and says nothing, as one in a long garbage collection."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: the end of `pause`."""
        self._running().send_signal(signal.SIGCONT)

    def log_tail(self, lines: int = _LOG_LINES) -> str:
        """The last lines of the program's output."""
        if self._directory is None or not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) or "(the log is empty)"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise ServiceError(f"{self.name}: isn't running; start() it first")
        return self._process

    def _make_directory(self) -> Path:
        if self._given_directory is None:
            return Path(tempfile.mkdtemp(prefix=f"tapesh-{self.name}-"))
        self._given_directory.mkdir(parents=True, exist_ok=True)
        return self._given_directory

    def _launch(self) -> subprocess.Popen[bytes]:
        if answered(self.port):  # or a stranger's answer would count as ours while our program dies of the taken port
            raise ServiceError(f"{self.name}: something else listens on {HOST}:{self.port}; name another port, or none")
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in a terminal reaches us only, and we end services in our order.
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        temporary = self.directory if self._given_directory is None else None
        self._guard = Guard(self._process.pid, temporary)
        return self._process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.deadline_s
        while True:
            if process.poll() is not None:
                raise ServiceDied(
                    f"{self.name}: ended with code {process.returncode} before it answered on {HOST}:{self.port};"
                    f" the end of its log:\n{self.log_tail()}"
                )
            try:
                if self.ready():
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise ServiceTimeout(
                    f"{self.name}: no answer on {HOST}:{self.port} within {self.deadline_s:g} s;"
                    f" the end of its log:\n{self.log_tail()}"
                )
            time.sleep(_POLL_S)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(self.grace_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None
