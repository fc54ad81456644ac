"""A rejected event that is mended and sent back counts once, however often and with whatever accidents it is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dying_replay
from deployment import Deployment, eventually
from test_live_bad_input import event, good_ones, raw, settle

from events import names
from metrics.names import EVENTS, EVENTS_DUPLICATE
from streams.services import ApacheKafka

BROKEN = "19.999"


def tapesh(live: Deployment, *arguments: str, dies_at: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with the deployment's settings."""
    program = [dying_replay.__file__, dies_at] if dies_at else ["-m", "streams.cli"]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), **live.environment()}
    return subprocess.run(
        [sys.executable, *program, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_a_letter_that_is_mended_and_sent_back_counts_once(
    kafka: ApacheKafka, deploy: Callable[..., Deployment]
) -> None:
    """Without any deduplication: after a replay that died with its events in the log, and after two that didn't."""
    live = deploy(kafka.bootstrap, dedup_horizon="0s")
    keyed = good_ones(40)
    good = [value for _, value in keyed]
    broken = [
        raw(event("purchase", f"good-{n}", 500 + n, order_id=f"b-{n}", total={"amount": BROKEN, "currency": "EUR"}))
        for n in range(6)
    ]
    producer = live.producer()
    for customer, value in keyed:
        producer.send(live.topic(names.CUSTOMER_EVENTS), value, key=customer.encode())
    for number, value in enumerate(broken):
        producer.send(live.topic(names.CUSTOMER_EVENTS), value, key=f"good-{number}".encode())
    producer.flush()
    producer.close()
    worker = live.start()
    live.ready()
    settle(live, good)
    eventually("the dead letters", lambda: len(live.records(live.topic(names.DEAD_LETTERS), [0])[0]) == len(broken))

    replay = ("dead-letters", "replay", "--all", "--set", "total.amount=19.99")
    assert tapesh(live, *replay, dies_at="sent").returncode == 9
    twice = [tapesh(live, *replay), tapesh(live, *replay)]
    assert [each.returncode for each in twice] == [0, 0], twice
    assert [each.stderr.splitlines()[-1] for each in twice] == ["6 replayed, 0 refused", "0 replayed, 0 refused"]

    mended = [value.replace(BROKEN.encode(), b"19.99") for value in broken]
    settle(live, good + mended)
    assert worker.metric(EVENTS, type="purchase") == 20 + len(mended)
    assert worker.metric(EVENTS_DUPLICATE) == 0, "what was rolled back was never seen"
