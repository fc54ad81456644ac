"""A wire between a worker and its broker that can be cut, held, or made to swallow what is sent.

Killing a broker shows what happens when it is gone; networks fail otherwise: one side believes that the connection
stands. The broker advertises a second listener through this proxy, so that all of a worker's connections run over it,
while producers and judges go straight to the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum
from typing import Self

from typing_extensions import override

from streams.services import ApacheKafka
from streams.services.ports import HOST, free_port

_MOST = 1 << 16
_RESET = struct.pack("ii", 1, 0)


class Wire(Enum):
    """What becomes of bytes and of connections.

    Attributes:
        SOUND: they are passed on.
        CUT: connections are closed, new ones too.
        HELD: nothing is passed on until the wire is sound again; then all of it is.
        SILENT: what is sent is swallowed, as by a router that has forgotten the connection; new ones are silent, too.
    """

    SOUND = "sound"
    CUT = "cut"
    HELD = "held"
    SILENT = "silent"


class Proxy:
    """Listens on `endpoint`, and passes on to another port of this machine."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._wire = Wire.SOUND
        self._sound = asyncio.Event()
        self._sound.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._deaf: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def endpoint(self) -> str:
        """What a client is given."""
        return f"{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, wire: Wire) -> None:
        """Change what becomes of bytes, from now on. Connections that were silent are reset once the wire is sound."""
        self._do(lambda: self._change(wire))

    def reset(self) -> None:
        """Reset every connection; new ones are made as before."""
        self._do(lambda: self._break(set(self._open), reset=True))

    def _do(self, what: Callable[[], None]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (what(), done.set()))
        assert done.wait(10), "the proxy hangs"

    def _change(self, wire: Wire) -> None:
        before, self._wire = self._wire, wire
        if before is Wire.SILENT:
            self._break(self._deaf & self._open, reset=True)
        if wire is Wire.CUT:
            self._break(set(self._open), reset=False)
        if wire is Wire.HELD:
            self._sound.clear()
        else:
            self._sound.set()

    def _break(self, writers: set[asyncio.StreamWriter], *, reset: bool) -> None:
        for writer in writers:
            if reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def _end(self) -> None:
        self._server.close()
        self._break(set(self._open), reset=False)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._wire is Wire.CUT:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._open |= both
        try:
            await asyncio.gather(self._pass(reader, far_writer, both), self._pass(far_reader, writer, both))
        finally:
            self._break(both, reset=False)
            self._open -= both
            self._deaf -= both

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: set[asyncio.StreamWriter]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_MOST):
                await self._sound.wait()
                if self._wire is Wire.SILENT:
                    self._deaf |= both
                if writer in self._deaf:
                    continue  # a stream that has lost something can't go on
                writer.write(data)
                await writer.drain()
        self._break(both, reset=False)


class WiredKafka(ApacheKafka):
    """Apache Kafka with a second listener, whose clients reach it through `proxy`."""

    def __init__(self) -> None:
        super().__init__()
        self.wired_port = free_port()
        self.proxy = Proxy(self.wired_port)

    @override
    def settings(self) -> dict[str, str]:
        plain = super().settings()
        return {
            **plain,
            "listeners": f"{plain['listeners']},WIRED://{HOST}:{self.wired_port}",
            "advertised.listeners": f"{plain['advertised.listeners']},WIRED://{self.proxy.endpoint}",
            "listener.security.protocol.map": f"{plain['listener.security.protocol.map']},WIRED:PLAINTEXT",
        }
