"""The log on Faust's producer: what it does about refusals."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from faust.types import TP

from events.names import HEADER_CUT_FROM, HEADER_REJECTED_AT
from streams.faust_log import FaustLog


class Producer:
    """Takes values up to a size, after some failures."""

    def __init__(self, limit: int = 1_000_000, failures: int = 0) -> None:
        self.limit = limit
        self.failures = failures
        self.taken: list[tuple[Any, ...]] = []

    async def send(self, *message: Any) -> asyncio.Future[None]:
        if len(message[2] or b"") > self.limit:
            raise MessageSizeTooLargeError
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.failures:
            self.failures -= 1
            sent.set_exception(KafkaTimeoutError())
        else:
            self.taken.append(message)
            sent.set_result(None)
        return sent


def bury(producer: Producer, value: bytes | None) -> tuple[Any, ...]:
    """The one message that comes of rejecting a value."""

    async def scene() -> None:
        log = FaustLog(SimpleNamespace(producer=producer), "changelog", "dead")
        await asyncio.wait_for(log.reject(b"key", value, [("error", b"why")]), 5)

    asyncio.run(scene())
    (message,) = producer.taken
    return message


def test_a_dead_letter_is_sent_until_it_is_acknowledged() -> None:
    """Untouched, with the moment of its rejection."""
    topic, key, value, partition, _, headers = bury(Producer(failures=1), b"bad")
    assert (topic, key, value, partition) == ("dead", b"key", b"bad", None)
    assert [name for name, _ in headers] == ["error", HEADER_REJECTED_AT]


def test_a_dead_letter_that_never_fits_is_cut() -> None:
    """It says how much there was: to try on would keep every checkpoint from being written."""
    _, _, value, _, _, headers = bury(Producer(limit=100_000), b"x" * 100_001)
    assert value == b"x" * 65_536
    assert dict(headers)[HEADER_CUT_FROM] == b"100001"


def test_a_topic_that_was_taken_out_of_the_settings_isnt_committed() -> None:
    """Nobody holds it: the refusal would hold up every checkpoint."""
    committed: list[dict[TP, int]] = []

    async def commit_offsets(offsets: dict[TP, int]) -> None:
        committed.append(offsets)

    app = SimpleNamespace(consumer=SimpleNamespace(commit_offsets=commit_offsets))
    log = FaustLog(app, "changelog", "dead", frozenset({"kept"}))
    asyncio.run(log.commit(3, {"kept": 5, "gone": 7}))
    assert committed == [{TP("kept", 3): 5}]
