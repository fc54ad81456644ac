"""The simulated shop, publishing: its history as fast as Kafka takes it, then its days at the demo's pace.

Between the two it waits until the engine has counted the history, so that who watches sees the first hour live, and
not the end of a race.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import Any, Self

import msgspec
from kafka.errors import KafkaError

from events.producer import NotDeliveredError, TapeshProducer
from events.simulator import Simulator, paced
from streams.demo.history import publish_history
from streams.demo.plan import Plan
from streams.settings import Settings

_GOODBYE_S = 2.0

Event = dict[str, Any]


class Shop:
    """A thread that publishes what happens in a shop.

    Args:
        plan: what is shown.
        settings: where to publish.
    """

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self.history = 0
        self.history_until = plan.begins
        self.live = 0
        self.failure: BaseException | None = None
        self._plan = plan
        self._settings = settings
        self._through = threading.Event()
        self._opened = threading.Event()
        self._closing = threading.Event()
        self._opened_at = 0.0
        self._present: list[Event] = []
        self._thread = threading.Thread(target=self._run, name="shop", daemon=True)

    @property
    def history_is_through(self) -> bool:
        """Whether Kafka has acknowledged the whole history; `history` is then its number of events."""
        return self._through.is_set()

    def start(self) -> None:
        """Begin to publish the history."""
        self._thread.start()

    def open(self) -> None:
        """Let the shop live on from where its history ends."""
        # Accelerated, its time begins now; else it is ours, and what happened meanwhile is made up for.
        self._opened_at = time.time() if self._plan.accelerated else self._plan.live_from.timestamp()
        self._opened.set()

    def close(self) -> None:
        """End it; what is under way may be lost."""
        self._closing.set()
        self._opened.set()
        if self._thread.is_alive():
            self._thread.join(2 * _GOODBYE_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._publish()
        except BaseException as error:  # noqa: BLE001 - whoever watches the shop reports it
            if not self._closing.is_set():
                self.failure = error

    def _publish(self) -> None:
        events = Simulator(self._plan.shop(self._settings)).events(self._plan.begins)
        self.history = asyncio.run(publish_history(self._past(events), self._settings, news=self._note))
        if self._closing.is_set():
            return
        self._through.set()
        kafka = self._settings.kafka
        producer = TapeshProducer(kafka.bootstrap, kafka.topic_prefix, linger_ms=20)
        try:
            self._opened.wait()
            self._publish_life(producer, chain(self._present, events))
        finally:
            with suppress(NotDeliveredError, KafkaError):
                producer.close(_GOODBYE_S)

    def _past(self, events: Iterator[Event]) -> Iterator[Event]:
        """What lies before the demo; the first event that doesn't is kept for the present."""
        for event in events:
            occurred_at = datetime.fromisoformat(event["occurred_at"])
            if occurred_at >= self._plan.live_from:
                self._present = [event]
                return
            self.history_until = occurred_at
            yield event

    def _note(self, count: int) -> bool:
        self.history = count
        return not self._closing.is_set()

    def _publish_life(self, producer: TapeshProducer, events: Iterator[Event]) -> None:
        for event in paced(
            events,
            speed=self._plan.speed,
            clock=time.time,
            sleep=self._closing.wait,
            live_from=self._plan.live_from,
            live_at=self._opened_at,
        ):
            if self._closing.is_set():
                return
            producer.send_raw(msgspec.json.encode(event))
            self.live += 1
