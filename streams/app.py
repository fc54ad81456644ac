"""The Faust app: topics, agents, the state table, and the two clocks that drive them.

The shell around `Engine` (what a worker owns) and `Rounds` (what the KPI agent thinks). Nothing is decided here
but the order of things; what fails, fails loudly: an exception in an agent would otherwise be an acknowledged
message, and a lost one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import time
import uuid
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any

import msgspec
from faust.types import TP

from events.names import DEAD_LETTERS, KPI_COMPONENTS, KPI_SNAPSHOTS, KPI_TICKS
from metrics.exporter import KpiExporter, render_restated
from metrics.history import History
from metrics.ledger_serving import LedgerServing
from metrics.names import RedisKeys
from metrics.serving import Serving, flattened
from metrics.withheld import withheld
from streams.api import add_api
from streams.back_pressure import BackPressure
from streams.board import add_board
from streams.colocation import PATIENCE_S, WAY_OUT, ApartError, Healing, apart
from streams.discretion import discreet
from streams.document import KpiDocument
from streams.engine import Engine, source_topics
from streams.faust_app import faust_app
from streams.faust_desk import FaustDesk
from streams.faust_log import FaustLog
from streams.ingestion.pages import add_ingestion
from streams.latest import Latest
from streams.ledger_office import LedgerOffice
from streams.manifest import StateRefusedError
from streams.merge import Admission
from streams.messages import Tick, decode_answer, decode_tick, encode_answer, encode_tick
from streams.owned import OwnedPartition
from streams.periods import KINDS
from streams.profile_writer import ProfileWriter
from streams.remembered import Remembered
from streams.rounds import Round, Rounds
from streams.settings import Settings
from streams.succession import Standing
from streams.target_office import TargetOffice
from streams.topics import resized
from streams.transport import Chunk, GroupRefusedError, Sources, bind
from streams.turns import in_turns
from streams.web import add_pages
from streams.web_guard import guard_pages

_log = logging.getLogger(__name__)
_QUEUED_CHUNKS = 8
_TOPICS_LOOKED_AT_EVERY_S = 15.0
_LEASE = 0.8
"""For how much of a session, after which the group may replace a member, that member may speak for the KPIs."""
STATE_TABLE = "state"
MEMORY_TABLE = "kpi-memory"
_NOTHING_YET = KpiDocument(now="", windows={}, slices={}, settings={})


class Worker:
    """Everything that one worker is made of, for the pages to read.

    Attributes:
        app: the Faust app.
        engine: the partitions that it owns.
        rounds: the KPI agent's mind while it owns that, else None.
        exporter: KPI gauges, under a lease.
        serving: Redis, if configured.
        profiles: customers' profiles there, unless they are off.
        targets: which hold and where each stands, likewise.
        ledger: the past as it was published, while this worker owns the KPI agent.
        restatements: of past periods, by kind, since the worker's start.
        owner_url: where the KPI agent's owner is, as its ticks say.
        gateway: events over HTTP, if anybody may send them.
        history: what the KPIs were, while we own them.
        listeners: who is told of changes.
        refused: why this worker can't do its work, once that has stopped it: its state, or what it was given.
        standing: whether this engine speaks, or one before or after it.
    """

    def __init__(self, settings: Settings, standing: Standing | None = None) -> None:
        self.settings = settings
        self.standing = standing or Standing(settings.app_id)
        self.app = faust_app(settings)
        # Of type bytes, tables leave keys and values as they are.
        self.table = self.app.Table(STATE_TABLE, partitions=settings.kafka.partitions, key_type=bytes, value_type=bytes)
        self.memory = self.app.Table(MEMORY_TABLE, partitions=1, key_type=bytes, value_type=bytes)
        self._changelog = self.table.changelog_topic.get_topic_name()
        log = FaustLog(self.app, self._changelog, settings.topic(DEAD_LETTERS), source_topics(settings))
        self.engine = Engine(settings, log, self.table.data.data, self._ends, self._has_read)
        self.rounds: Rounds | None = None
        self._resized = ""
        self.exporter = KpiExporter(self._speaks_until_s)
        redis = settings.redis
        self._ledger_serving = LedgerServing(RedisKeys(redis.prefix))
        self.serving = (
            Serving(
                redis.url.get_secret_value(),
                ca_file=redis.ca_file,
                prefix=redis.prefix,
                beside=[self._ledger_serving],
            )
            if redis.enabled
            else None
        )
        self.profiles = (
            ProfileWriter(settings, lambda: self.engine.owned, self._profile_epoch)
            if redis.enabled and redis.profiles
            else None
        )
        self.ledger: LedgerOffice | None = None
        self.targets: TargetOffice | None = None
        self.restatements: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.owner_url = ""
        self.refused: StateRefusedError | ApartError | GroupRefusedError | None = None
        self.url = f"http://{_reachable(settings.web.host)}:{settings.web.port}"
        self._components = TP(settings.topic(KPI_COMPONENTS), 0)
        self._ticks = settings.topic(KPI_TICKS)
        self._remembered: Remembered | None = None
        self._admitted: dict[str, list[str]] | None = None
        self._latest = Latest()
        self._recalling: asyncio.Task[None] | None = None
        self._leaves_office = False
        self._office_apart: dict[int, str] = {}
        self._healing = Healing()
        self._back_pressure = BackPressure(lambda: self.app.consumer, source_topics(settings))
        sources = Sources(
            chunked=source_topics(settings),
            from_end=frozenset({self._ticks, self._components.topic}),
            positions=self._positions,
            let_go=self._let_go,
            refused=lambda why: self._refuse(GroupRefusedError(settings.app_id, why)),
        )
        bind(self.app, sources)
        self._add_agents()
        add_pages(self)
        guard_pages(self.app, settings)
        self.gateway = add_ingestion(self.app, settings)
        self.history = History()
        self.listeners = add_api(self)
        add_board(self.app)

    @property
    def owns_kpis(self) -> bool:
        """Tell whether the KPI agent is this worker's."""
        is_held = self._components in getattr(self.app.consumer, "held", ())
        return is_held and not self._leaves_office and not self._office_apart

    def _speaks_until_s(self) -> float:
        """Return until when nobody else can own the KPIs, whatever happens to us.

        Counted from when we sent what the group answered as to a member, so a process that was paused knows at once.
        """
        return self._member_until_s() if self.owns_kpis else -math.inf

    def _member_until_s(self) -> float:
        """Return until when what the group has given us can't be another's."""
        return float(self.app.consumer.heard_at_s) + _LEASE * self.settings.kafka.session_timeout.seconds

    async def _positions(self, partitions: Any) -> Any:
        self.engine.generation = self.app.consumer_generation_id
        assigned = self.app.consumer.assignment()
        came_apart = apart(assigned, source_topics(self.settings) | {self._ticks, self._changelog})
        memory = self.memory.changelog_topic.get_topic_name()
        self._office_apart, self._leaves_office = apart(assigned, {self._components.topic, memory}), False
        for number, why in [*came_apart.items(), *self._office_apart.items()]:
            _log.warning("partition %d: %s", number, why)
        try:
            positions = await self.engine.positions(partitions, came_apart)
        except StateRefusedError as refused:
            self._refuse(refused)
            return await asyncio.Event().wait()
        self._forget_changelogs(self.engine.ailing)
        return positions

    def _refuse(self, why: StateRefusedError | ApartError | GroupRefusedError) -> None:
        """Stop: a matter between us and whoever set the settings, no crash, whose traces would bury the sentence."""
        self.refused = why
        signal.raise_signal(signal.SIGTERM)

    def _forget_changelogs(self, partitions: Iterable[int]) -> None:
        """Of what comes back, Faust reads only what was written since: too little where the rest isn't in memory."""
        for number in partitions:
            self.app.tables.recovery.revoke(TP(self._changelog, number))

    async def _ends(self, partitions: Any) -> Any:
        return await self.app.consumer.highwaters(*partitions)

    def _has_read(self, source: TP, goal: int) -> bool:
        return bool(self.app.consumer.has_read(source, goal))

    async def _let_go(self, partitions: AbstractSet[TP]) -> None:
        if self._components in partitions:
            self._leaves_office = True
            self._leave_office()
        try:
            await self.engine.let_go(partitions)
        finally:
            self._forget_changelogs({tp.partition for tp in partitions} - self.engine.kept)

    async def _heal(self) -> None:
        """Have the group share out anew what came apart; stop, with the way out, where that doesn't help."""
        ailing = {**self._office_apart, **self.engine.ailing}
        match self._healing.step(ailing, time.monotonic()):
            case "rejoin":
                _log.warning("rejoining the group, since partition %s", ", ".join(map(str, sorted(ailing))))
                await self.app.consumer.rejoin()
            case "give up" if self.refused is None:
                number, why = min(ailing.items())
                self._refuse(ApartError(f"partition {number}: {why}, for {PATIENCE_S:.0f} s now; {WAY_OUT}"))

    def _add_agents(self) -> None:
        app, settings = self.app, self.settings
        sources = app.topic(
            *sorted(source_topics(settings)),
            value_type=bytes,
            value_serializer="raw",
            key_serializer="raw",
            maxsize=_QUEUED_CHUNKS,
        )
        ticks = app.topic(self._ticks, value_type=bytes, value_serializer="raw", maxsize=_QUEUED_CHUNKS)
        components = app.topic(self._components.topic, value_type=bytes, value_serializer="raw", maxsize=1024)

        @app.agent(sources, name="ingest")
        async def ingest(stream: Any) -> None:
            async for event in stream.noack().events():
                await self._or_crash(self._ingest, event.value)
                event.ack()

        @app.agent(ticks, name="ticks")
        async def answer_ticks(stream: Any) -> None:
            async for event in stream.events():
                await self._or_crash(self._answer, event.message.partition, event.value)

        @app.agent(components, name="kpis")
        async def gather(stream: Any) -> None:
            async for event in stream.events():
                await self._or_crash(self._gather, event.value)

        @app.task()
        async def drive() -> None:
            await self._drive()

        @app.task()
        async def watch_topics() -> None:
            await self._watch_topics()

    async def _or_crash(self, step: Any, *arguments: Any) -> None:
        """Run a step of an agent; an error stops the worker: what it did is undone by the next owner's recovery."""
        try:
            await step(*arguments)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - raised below, in words fit for a log
            told = discreet(error)
        else:
            return
        # Outside of the handler: what is raised within it takes the first exception along, and its text.
        _log.error("%s failed; the worker stops", step.__name__, exc_info=told)
        await self.app.crash(told)
        raise told

    async def _ingest(self, chunk: Chunk) -> None:
        self.engine.take(chunk)
        if self.engine.is_flooded(chunk.partition):
            self._back_pressure.hold_back(chunk.partition, self.engine.ease)
        await asyncio.sleep(0)

    async def _answer(self, partition: int, data: bytes) -> None:
        tick = decode_tick(data)
        if self.standing.hear(tick, time.monotonic()):
            await self._fall_silent()
        if self.engine.is_ours(tick):
            self.owner_url = tick.url
        await self.engine.approach(partition, tick)
        reply = self.engine.answer(partition, tick)
        if partition in self.engine.failed and partition in self.engine.owned:
            self._back_pressure.stop(partition)
        if reply is not None:
            reply.successor = self.standing.successor
            key, data = str(partition).encode(), encode_answer(reply)
            self._offer(f"answer of partition {partition}", self._components.topic, key, data, 0)

    # The KPI agent

    async def _gather(self, data: bytes) -> None:
        rounds = self.rounds  # the office may be lost while we write
        if rounds is None:
            return
        began, answer = time.monotonic(), decode_answer(data)
        if self.standing.hear_of(answer.successor):
            await self._fall_silent()
        completed = rounds.hear(answer, began)
        await asyncio.sleep(0)
        if completed is not None:
            await self._conclude(rounds, completed, began)

    async def _conclude(self, rounds: Rounds, completed: Round, began: float) -> None:
        """Evaluate a round in turns and publish it whole; the answers to later ticks queue up behind it.

        So no round overtakes another, and each has its turn. If the office is lost on the way, nothing has happened.
        """
        holds = self.engine.checkpoints.holds

        def is_ours() -> bool:
            return self.rounds is rounds

        draft = await in_turns(rounds.evaluate(completed, began), holds, "round", is_ours)
        if draft is None:
            return
        await self._remember()
        if not is_ours():
            return
        with holds.of("round"):
            rounds.accept(draft)
            self._publish()
        await asyncio.sleep(0)
        if is_ours() and self.ledger is not None and self.standing.may_speak(began):
            with holds.of("round"):
                self.ledger.look(completed, rounds.unknown(began), rounds.admission, began)
        await in_turns(rounds.judge(draft), holds, "round", is_ours)
        if is_ours():
            self._show(rounds)
            rounds.charge(time.monotonic() - began)

    async def _drive(self) -> None:
        """Send ticks while the KPI agent is ours; forget everything once it isn't."""
        interval_s = self.settings.tick_interval.seconds
        if self.serving is not None:
            await self.serving.start()
        if self.profiles is not None:
            self.profiles.start()
        while not self.app.should_stop:
            if self.owns_kpis:
                self._tick(self.rounds or self._take_office())
            else:
                self._leave_office()
            await self._heal()
            await asyncio.sleep(interval_s - time.time() % interval_s)
        await self.listeners.stop()
        if self.profiles is not None:
            await self.profiles.stop()
        if self.serving is not None:
            await self.serving.stop()

    async def _watch_topics(self) -> None:
        """Look whether partitions were added that nobody reads; all workers do, for whoever takes office next."""
        while not self.app.should_stop:
            await asyncio.sleep(_TOPICS_LOOKED_AT_EVERY_S)
            self._resized = await asyncio.to_thread(resized, self.settings)
            if self.rounds is not None:
                self.rounds.resized = self._resized

    def _take_office(self) -> Rounds:
        remembered = Remembered("admission", self.memory.data.data, self.app.consumer_generation_id)
        admitted = msgspec.json.decode(remembered.value or b"{}", type=dict[str, list[str]])
        self._remembered, self._admitted = remembered, None
        admission = Admission(self.settings.max_slice_values, admitted)
        rounds = Rounds(self.settings, uuid.uuid4().hex, self.url, admission)
        rounds.resized = self._resized
        self.rounds, self.history, self.ledger = rounds, History(), self._open_ledger()
        self.targets = self._open_targets(rounds)
        if self.serving is not None:
            self._recalling = asyncio.create_task(self._recall(self.serving, self.history))
        return rounds

    def _leave_office(self) -> None:
        self.rounds = self.targets = None
        self.exporter.withdraw()
        if self.ledger is not None:
            self.ledger.close()
            self.ledger = None

    def _open_ledger(self) -> LedgerOffice | None:
        if not self.settings.ledger.enabled:
            return None
        topic = self.memory.changelog_topic.get_topic_name()
        desk = FaustDesk(self.app, self._components)
        stored, generation = self.memory.data.data, self.app.consumer_generation_id
        serving = None if self.serving is None else self._ledger_serving
        return LedgerOffice(self.settings, stored, generation, topic, desk, self.restatements, serving)

    def _open_targets(self, rounds: Rounds) -> TargetOffice:
        stored, generation = self.memory.data.data, self.app.consumer_generation_id
        desk, topic = FaustDesk(self.app, self._components), self.memory.changelog_topic.get_topic_name()
        return TargetOffice(self.settings, stored, generation, topic, desk, lambda book: rounds.aim(book.economics))

    def _tick(self, rounds: Rounds) -> None:
        now_s, generation = time.monotonic(), self.app.consumer_generation_id
        days = [] if self.ledger is None else self.ledger.asks(now_s)
        tick: Tick = rounds.tick(int(time.time() * 1000), now_s, generation, days)
        data = encode_tick(self.standing.sign(tick))
        for partition in range(self.settings.kafka.partitions):
            self._offer(f"tick to partition {partition}", self._ticks, None, data, partition)
        if rounds.obstacle(time.monotonic()):
            self._publish()

    def _publish(self) -> None:
        """Show and tell what the rounds say now."""
        rounds = self.rounds
        if rounds is None or not self._show(rounds) or rounds.snapshot is None:
            return
        began = time.monotonic()
        document, unknown = rounds.snapshot.document, rounds.unknown(began)
        if self.serving is not None:
            self.serving.offer(document, unknown, self._redis_epoch)
        if began > self._speaks_until_s():
            return
        everybody: KpiDocument = {**document, "slices": {}}
        said = withheld(everybody, unknown)
        if self.history.is_due(now_ms := round(datetime.fromisoformat(said["now"]).timestamp() * 1000)):
            self.history.add(now_ms, flattened(said["windows"]))
        summary = msgspec.json.encode({key: said[key] for key in ("now", "windows", "unknown")})
        self._offer("snapshot", self.settings.topic(KPI_SNAPSHOTS), b"kpis", summary, None)

    def _show(self, rounds: Rounds) -> bool:
        """Have the gauges say what the rounds say now; return whether we may."""
        began = time.monotonic()
        if not self.standing.may_speak(began):
            return False
        document = rounds.snapshot.document if rounds.snapshot is not None else _NOTHING_YET
        unknown, parts = rounds.unknown(began), rounds.exposition(began)
        if self.ledger is not None:
            parts.append(render_restated(self.ledger.gauges, unknown))
        if self.targets is not None:
            parts.append(self.targets.exposition(document, unknown, self.daily))
        stale_s = max(self.settings.kafka.session_timeout.seconds / 2, 3 * self.settings.tick_interval.seconds)
        self.exporter.publish(parts, began + stale_s)
        return True

    @property
    def daily(self) -> Mapping[str, Mapping[date, float]]:
        """What the latest days brought of each KPI, as far as the ledger knows."""
        return {} if self.ledger is None else self.ledger.daily

    async def _recall(self, serving: Serving, history: History) -> None:
        """Take over the history that the last owner has left in Redis; beside the ticks, which don't wait for Redis."""
        try:
            history.precede(await serving.past())
        except Exception as error:  # noqa: BLE001 - a sparkline begins now, then
            _log.info("no history from Redis: %s", error)

    @property
    def _redis_epoch(self) -> str:
        """An engine that was replaced is as much in the past as an owner that was."""
        return f"{self.standing.number:06d}/{self._remembered.epoch}" if self._remembered else ""

    def _profile_epoch(self, partition: OwnedPartition) -> str | None:
        now_s = time.monotonic()
        if not self.standing.may_speak(now_s) or now_s > self._member_until_s():
            return None
        return f"{self.standing.number:06d}/{partition.checkpointer.epoch}"

    async def _fall_silent(self) -> None:
        """Show nothing any more: a later engine serves, and its figures mean something else."""
        _log.warning("a later engine serves, at %s: this one shows nothing any more", self.standing.successor_url)
        self.exporter.withdraw()
        if self.serving is not None:
            serving, self.serving = self.serving, None
            await serving.stop()

    async def _remember(self) -> None:
        """Write the admitted values down before they are shown, so that the next owner shows the same.

        Once in each office at least: the epoch that goes with them is the next owner's to rise above.
        """
        rounds, remembered = self.rounds, self._remembered
        if rounds is None or remembered is None or rounds.admission.admitted == self._admitted:
            return
        self._admitted = {of: list(values) for of, values in rounds.admission.admitted.items()}
        topic = self.memory.changelog_topic.get_topic_name()
        for key, value in remembered.written(msgspec.json.encode(self._admitted)):
            sent = await self.app.producer.send(topic, key, value, 0, None, None)
            await sent

    def _offer(self, place: str, topic: str, key: bytes | None, value: bytes, partition: int | None) -> None:
        """Send a message that the next one replaces: nobody waits for its acknowledgement, or for the producer."""

        async def send() -> None:
            sent = await self.app.producer.send(topic, key, value, partition, None, None)
            sent.add_done_callback(_log_failure)

        self._latest.offer(place, send)


def _reachable(host: str) -> str:
    """Return the address by which other workers reach a host that listens on every one of its own."""
    return socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound


def _log_failure(sent: Any) -> None:
    if not sent.cancelled() and sent.exception() is not None:
        _log.warning("message not delivered: %s", sent.exception())
