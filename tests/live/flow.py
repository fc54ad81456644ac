"""Events on their way to a deployment, all at once or at a pace, each to its own partition."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from deployment import Deployment

from events.names import topic_of


class Message(NamedTuple):
    """A message as some producer sends it, good or bad; without a partition it goes where its key belongs."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


def message_of(line: bytes, prefix: str = "") -> Message:
    """The message that an event is, by the contract."""
    event = json.loads(line)
    key = event.get("customer_id") or event.get("channel") or event.get("campaign") or ""
    return Message(topic_of(event["type"], prefix), key.encode(), line)


def publish(deployment: Deployment, lines: Sequence[bytes | Message]) -> None:
    """Publish lines, and wait until the broker has them."""
    with Flow(deployment, lines) as flow:
        flow.wait()


class Flow:
    """Publishes lines in the background.

    Args:
        deployment: whose topics they go to.
        lines: events, or messages as they are.
        rate: of them a second; None for as fast as it goes.
    """

    def __init__(self, deployment: Deployment, lines: Sequence[bytes | Message], rate: float | None = None) -> None:
        self._deployment = deployment
        self._lines = lines
        self._rate = rate
        self._failed: BaseException | None = None
        self._stopped = threading.Event()
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._hurried.set()
        self._thread.join()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, patience_s: float = 120.0) -> None:
        """Wait until all is acknowledged."""
        self._thread.join(patience_s)
        assert self.ended, "the flow goes on"
        if self._failed is not None:
            raise self._failed

    def hurry(self) -> None:
        """Publish what is left as fast as it goes."""
        self._hurried.set()

    def _run(self) -> None:
        try:
            self._publish()
        except BaseException as error:  # noqa: BLE001 - told by `wait`
            self._failed = error

    def _publish(self) -> None:
        producer = self._deployment.producer()
        try:
            began = time.monotonic()
            sent = []
            for number, line in enumerate(self._lines):
                if self._stopped.is_set():
                    return
                if self._rate is not None:
                    due = began + number / self._rate
                    self._hurried.wait(max(0.0, due - time.monotonic()))
                message = line if isinstance(line, Message) else message_of(line, self._deployment.prefix)
                sent.append(producer.send(message.topic, message.value, message.key, partition=message.partition))
            producer.flush(60)
            for future in sent:
                future.get(0)
        finally:
            producer.close()
