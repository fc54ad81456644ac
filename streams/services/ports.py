"""Free ports on the loopback address.

They are taken below the range from which the kernel draws the ports of outgoing connections: a port that a killed
service left for a moment can then not be handed to a client that tries to reconnect to it, and the restart finds it
free.
"""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
_LOWEST, _HIGHEST = 20_000, 32_000
_TRIES = 200


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listened on a moment ago."""
    for port in random.SystemRandom().sample(range(_LOWEST, _HIGHEST), _TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port on {HOST}: tried {_TRIES} between {_LOWEST} and {_HIGHEST}; what listens on them all?")


def answered(port: int) -> bool:
    """Whether somebody accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
