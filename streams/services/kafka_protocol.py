"""Whether a Kafka broker serves clients, asked in Kafka's own protocol.

An open port isn't enough: a broker accepts connections before it has a controller, and a client that comes too early
sees a cluster without brokers.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Iterator


def answers(bootstrap: str, timeout_ms: int = 2_000) -> bool:
    """Whether the broker at `bootstrap` lists itself as a member of its cluster."""
    with _quiet("kafka"):
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=bootstrap, request_timeout_ms=timeout_ms, bootstrap_timeout_ms=timeout_ms
            )
        except (KafkaError, OSError):
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except (KafkaError, OSError):
            return False
        finally:
            admin.close()


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """A refused connection is what we wait out, not news."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
