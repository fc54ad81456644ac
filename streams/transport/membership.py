"""Why a group won't have a worker any more: what aiokafka has found out and waits for somebody to ask about.

aiokafka tells such an error to whoever fetches next, and its coordinator stands still until then. A worker that has no
partitions doesn't fetch: without somebody who asks it would stand there for ever, and look well.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
)

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 0.5
_REMEDIES: dict[type[KafkaError], str] = {
    InconsistentGroupProtocolError: "somebody is in it who shares partitions out another way: end that consumer, or "
    "give this engine another app_id (TAPESH_APP_ID)",
    GroupAuthorizationFailedError: "allow its user to read and describe that group",
    InvalidSessionTimeoutError: "the broker bounds kafka.session_timeout (TAPESH_KAFKA__SESSION_TIMEOUT) by its "
    "group.min.session.timeout.ms and group.max.session.timeout.ms",
}


class GroupRefusedError(Exception):
    """A consumer group won't have this worker, and asking again won't help.

    Args:
        group: its id.
        why: what the broker answered.
    """

    def __init__(self, group: str, why: Exception) -> None:
        remedy = next((text for kind, text in _REMEDIES.items() if isinstance(why, kind)), str(why))
        super().__init__(f"the consumer group {group!r} won't have this worker: {type(why).__name__}: {remedy}")


async def refusal_of(coordinator: Any, every_s: float = _LOOK_EVERY_S) -> KafkaError:
    """Ask a coordinator for its errors, in its event loop, until one ends the membership for good; return that one.

    Errors that may pass are taken note of, and the coordinator goes on.
    """
    while True:
        await asyncio.sleep(every_s)
        try:
            coordinator.check_errors()
        except KafkaError as error:
            if not error.retriable:
                return error
            _log.warning("the consumer group answered %r; trying again", error)
