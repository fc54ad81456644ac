"""Runs a peer: in its own environment, on a core of its own, its answer held to the truth before its time counts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT
from benchmarks.machine import MEASURED_CORE, session_cpu_s
from streams.services.guard import Guard


@dataclass(frozen=True, slots=True)
class Peer:
    """A program and the question that it answers.

    Attributes:
        name: of the row.
        environment: whose Python runs it.
        program: in benchmarks/peers.
        question: `count`, `sum`, `keyed` or `kpis`, of `benchmarks.truth.Plain`.
        share: of the stream that it is given, from its beginning; those that are slow get less.
        at_the_end: whether it may wait with its answer for the end of the stream, which a live one doesn't have.
        does: what it does with an event, for the page.
    """

    name: str
    environment: str
    program: str
    question: str
    share: float
    does: str
    at_the_end: bool = False


PEERS = (
    Peer("ceiling", "ceiling", "ceiling.py", "count", 1.0, "fetch by librdkafka and decode, nothing else"),
    Peer("faust-count", "faust", "faust_plain.py", "count", 0.04, "count"),
    Peer("faust-table", "faust", "faust_plain.py", "keyed", 0.02, "one table write an event"),
    Peer("quix-stateless", "quix", "quix.py", "sum", 0.2, "decode and sum, no state"),
    Peer("quix-keyed", "quix", "quix.py", "keyed", 0.06, "one sum by customer, in its state"),
    Peer("bytewax-stateless", "bytewax", "bytewax_flow.py", "sum", 1.0, "decode and sum, no state"),
    Peer("bytewax-keyed", "bytewax", "bytewax_flow.py", "keyed", 0.4, "one running sum by customer"),
    Peer("bytewax-final", "bytewax", "bytewax_flow.py", "keyed", 0.4, "one sum by customer, told at the end", True),
    Peer("pathway-keyed", "pathway", "pathway_table.py", "keyed", 0.4, "one group-by with a sum"),
    Peer("pathway-final", "pathway", "pathway_table.py", "keyed", 0.4, "the same, told at the end", True),
    Peer("flink-kpis", "flink", "flink.py", "kpis", 1.0, "three of the KPIs: orders, revenue, buyers"),
)


_TITLES = {"quix": "Quix Streams", "flink": "Flink SQL"}


def titled(peer: Peer) -> str:
    """Return the name that a peer goes by."""
    return _TITLES.get(peer.environment, peer.environment.title())


@dataclass(frozen=True, slots=True)
class Given:
    """What a peer is given to read, and what it must answer."""

    bootstrap: str
    topic: str
    partitions: int
    events: int
    answers: Mapping[str, Any]
    small_topic: str = ""
    jars: str = ""


@dataclass(frozen=True, slots=True)
class Timed:
    """How long a peer took for so many events, by the clock and in processor time of all its processes."""

    events: int
    wall_s: float
    cpu_s: float


class WrongAnswer(RuntimeError):
    """A peer answered something else than the truth, or nothing; the message has both."""


def run(peer: Peer, python: Path, given: Given, *, patience_s: float = 180.0) -> Timed:
    """Run a peer once.

    Raises:
        WrongAnswer: its answer isn't the truth, or it ended without one.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), str(ROOT / "benchmarks" / "peers" / peer.program), "--folder", folder]
        command += ["--bootstrap", given.bootstrap, "--topic", given.topic, "--partitions", str(given.partitions)]
        command += ["--events", str(given.events), "--question", peer.question]
        command += ["--small-topic", given.small_topic, "--jars", given.jars]
        command += ["--at-the-end"] if peer.at_the_end else []
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("TAPESH_", "PYTHONDONT"))}
        log = Path(folder, "peer.log")
        with log.open("w") as errors:
            process = subprocess.Popen(
                ["taskset", "--cpu-list", str(min(MEASURED_CORE, (os.cpu_count() or 1) - 1)), *command],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=folder,
                env={**plain, "PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )
            watch = _Alarm(process, patience_s)
            try:
                said, timed = _listen(process, given.events)
            finally:
                watch.end()
        if said != given.answers[peer.question]:
            tail = " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
            raise WrongAnswer(f"{peer.name}: {given.answers[peer.question]} expected, {said} said; its log: {tail}")
        return timed


def _listen(process: subprocess.Popen[str], events: int) -> tuple[Any, Timed]:
    began = ended = (0.0, 0.0)
    said = None
    for line in process.stdout or ():
        now = time.monotonic(), session_cpu_s(process.pid)
        try:
            told = json.loads(line)
        except ValueError:
            continue  # a greeting
        if "begin" in told:
            began = now
        elif "end" in told:
            ended = now
        elif "answer" in told:
            said = told["answer"]
            break
    return said, Timed(events, ended[0] - began[0], ended[1] - began[1])


class _Alarm:
    """Ends a program and whatever it has started, at the latest after a while."""

    def __init__(self, process: subprocess.Popen[str], patience_s: float) -> None:
        self._process = process
        self._guard = Guard(process.pid, None)  # it doesn't outlive us
        self._timer = threading.Timer(patience_s, self._kill)
        self._timer.start()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        self._timer.cancel()
        self._kill()
        self._process.wait()
        self._guard.dismiss()
        if self._process.stdout is not None:
            self._process.stdout.close()
