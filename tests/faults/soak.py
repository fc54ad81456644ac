"""Half an hour of every fault at random under load, by a seed: what a single test of a single fault doesn't meet.

Faults here come in sequences, hit workers that recover from the one before, and leave traces that only show later. The
schedule follows from the seed alone, is printed before it begins, and again with the step that failed. What is held:
claims that were made in between are exact, in the end every event is accounted for, and memory doesn't grow.
"""

from __future__ import annotations

import random
import resource
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deployment import PARTITIONS, Deployment, WorkerProcess, eventually
from flow import Flow, Message, message_of
from launcher import Clock, program
from proxy import WiredKafka
from shop import TEHRAN, in_s, log_until, raw
from soak_faults import FAULTS, PATIENCE_S, Step
from soak_figures import Figures
from test_poison import POISON
from witness import Witness, logs_of, settled

from events import wire
from events.codec import Rejected, decode
from events.identity import identity
from events.names import CUSTOMER_EVENTS, DEAD_LETTERS
from metrics.names import DEDUPLICATION_IDS
from streams.services import RedisServer

WORKERS = 2
CHAPTER_S = 20.0
JUDGED_EVERY = 6
MOST_GROWTH = 1.1
MB_PER_EVENT = 0.0015
"""What an event may add for good: its id, and what it adds to panes that nothing else has touched in 500 days."""
POISONED, REPEATED, ASTRAY = 0.01, 0.05, 0.03


def schedule(seed: int, seconds: float) -> list[Step]:
    """The faults of a soak: enough for the time if each took no longer than it lasts. The same for the same seed."""
    chance = random.Random(seed)
    steps: list[Step] = []
    spent_s = 0.0
    bag: list[str] = []
    while spent_s < seconds:
        if not bag:  # each comes before any comes again
            bag = list(FAULTS)
            chance.shuffle(bag)
        step = Step(len(steps), bag.pop(), chance.uniform(0.5, 6.0), chance.uniform(0.5, 6.0), chance.random())
        steps.append(step)
        spent_s += step.pause_s + step.lasts_s
    return steps


class Soak:
    """A deployment under load, and what is done to it."""

    def __init__(self, kafka: WiredKafka, redis: RedisServer, live: Deployment, seed: int) -> None:
        self.kafka = kafka
        self.redis = redis
        self.live = live
        self.figures = Figures()
        self._seed = seed
        self._clocks: dict[str, Clock] = {}
        self._ended = threading.Event()
        self._failures: list[BaseException] = []
        self._background = [threading.Thread(target=self._guarded, args=(each,)) for each in (self._load, self._weigh)]

    # Workers

    def start(self, **faults: Any) -> WorkerProcess:
        """Start a worker whose clock can be stepped, and whose connections run over the wire."""
        clock = Clock(self.live.directory / f"clock-{len(self.live.workers)}")
        worker = self.live.start(
            program=program(clock=clock.path, **faults), **{"kafka.bootstrap": self.kafka.proxy.endpoint}
        )
        self._clocks[worker.name] = clock
        return worker

    def keep(self) -> None:
        """What a process supervisor does: as many workers as before."""
        for _ in range(WORKERS - len(self.live.running)):
            self.start()

    def one(self, choice: float) -> WorkerProcess:
        """The worker that a step chooses."""
        running = self.live.running
        return running[int(choice * len(running))]

    def kill(self, worker: WorkerProcess) -> None:
        worker.kill()
        self.figures.kills += 1

    def clock(self, worker: WorkerProcess) -> Clock:
        return self._clocks[worker.name]

    # Steps

    def run(self, steps: list[Step], seconds: float) -> None:
        """Do what is scheduled until the time is over, and judge what was claimed meanwhile."""
        began = time.monotonic()
        for thread in self._background:
            thread.start()
        try:
            with Witness(self.live) as witness:
                for step in steps:
                    if time.monotonic() - began > seconds:
                        break
                    self._do(step)
                    if step.number % JUDGED_EVERY == JUDGED_EVERY - 1:
                        self._judge(witness)
                self._ended.set()
                self._background[0].join(PATIENCE_S)
                settled(self.live, PATIENCE_S)
                self._judge(witness)
        finally:
            self._ended.set()
            for thread in self._background:
                thread.join(PATIENCE_S)
        assert not self._failures, self._failures
        self._account()
        after_warm_up, at_the_end = self.figures.memory()
        bound = after_warm_up * MOST_GROWTH + self.figures.accounts["counted"] * MB_PER_EVENT
        assert at_the_end < bound, (
            f"a worker grew from {after_warm_up} to {at_the_end} MB, expected at most {bound:.0f}"
        )

    def _do(self, step: Step) -> None:
        time.sleep(step.pause_s)  # the random instant itself
        assert not self._failures, self._failures
        try:
            FAULTS[step.fault](self, step)
            over = time.monotonic()
            eventually(f"KPIs known again; {self.live.state()}", self.recovered, PATIENCE_S)
        except BaseException as failure:
            failure.add_note(f"seed {self._seed}, at step {step}")
            raise
        took_s = time.monotonic() - over
        print(f"{step}: known {took_s:.1f} s after", flush=True)
        self.figures.faults[step.fault] += 1
        self.figures.recoveries_s.setdefault(step.fault, []).append(round(took_s, 2))

    def recovered(self) -> bool:
        """Tell whether as many workers as before hold every partition, and the KPIs are known."""
        self.keep()
        if len(self.live.running) < WORKERS:
            return False
        held = sorted(int(number) for worker in self.live.running for number in worker.partitions())
        return held == list(range(PARTITIONS)) and self.live.known() is not None

    def _judge(self, witness: Witness) -> None:
        self.figures.claims += witness.judge(most=5)
        witness.documents.clear()

    # In the background

    def _guarded(self, what: Callable[[], None]) -> None:
        try:
            what()
        except BaseException as failure:  # noqa: BLE001 - told by the next step
            self._failures.append(failure)

    def _load(self) -> None:
        chapter = 0
        while not self._ended.is_set():
            chance = random.Random(self._seed * 1000 + chapter)
            messages = self._chapter(chapter, chance)
            with Flow(self.live, messages, rate=len(messages) / CHAPTER_S) as flow:
                while not flow.ended and not self._ended.wait(0.1):
                    pass
                flow.hurry()
                flow.wait(PATIENCE_S)
            chapter += 1

    def _chapter(self, number: int, chance: random.Random) -> list[Message]:
        """A log of its own, with poison, repeats, and events in the wrong partition."""
        log = log_until(in_s(CHAPTER_S), self._seed + number, who=f"{number}-", customers=60, ahead=False, **TEHRAN)
        messages: list[Message] = []
        for line in raw(log):
            message = message_of(line, self.live.prefix)
            if chance.random() < ASTRAY:
                message = message._replace(partition=zlib.crc32(message.key or b"") % PARTITIONS)
            messages.append(message)
            if chance.random() < REPEATED:
                messages.append(chance.choice(messages))
            if chance.random() < POISONED:
                poison = chance.choice(POISON)[1]
                messages.append(Message(self.live.topic(CUSTOMER_EVENTS), b"%d" % len(messages), poison))
        return messages

    def _weigh(self) -> None:
        began = time.monotonic()
        while not self._ended.wait(1.0):
            for worker in self.live.running:
                if (size := resident_mb(worker)) is not None:
                    self.figures.rss_mb.append((time.monotonic() - began, size))

    # In the end

    def _account(self) -> None:
        """Every record in the topics is counted, a duplicate, rejected, or was sent on; each in exactly one way."""
        logs = logs_of(self.live)
        published = sum(len(records) for partitions in logs.values() for records in partitions.values())
        distinct: set[tuple[bool, str, str, str]] = set()
        valid = 0
        invalid: set[tuple[str, int, int]] = set()
        for topic, partitions in logs.items():
            for partition, records in partitions.items():
                for record in records:
                    try:
                        event = decode(record.value)
                    except Rejected:
                        invalid.add((topic, partition, record.offset))
                    else:
                        valid += 1
                        distinct.add((isinstance(event, wire.MarketingSpend), *identity(event)))
        letters = self.live.records(self.live.topic(DEAD_LETTERS), [0])[0]
        rejected = {origin(dict(letter.headers)) for letter in letters}
        counted = int(sum(worker.metric(DEDUPLICATION_IDS) for worker in self.live.running))
        assert counted == len(distinct), f"{counted} counted of {len(distinct)} distinct events"
        assert rejected == invalid, f"{len(rejected)} rejected of {len(invalid)} that are no events"
        self.figures.accounts = {
            "published": published,
            "counted": counted,
            "duplicates_and_sent_on": valid - counted,
            "rejected": len(rejected),
        }


def origin(headers: Mapping[str, bytes]) -> tuple[str, int, int]:
    """Where a dead letter came from."""
    return headers["topic"].decode(), int(headers["partition"]), int(headers["offset"])


def resident_mb(worker: WorkerProcess) -> float | None:
    """How much memory a process holds; None if it has just ended."""
    try:
        pages = int(Path(f"/proc/{worker.process.pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * resource.getpagesize() / 1e6
