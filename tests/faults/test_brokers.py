"""The broker dies, its disk fills up, the wire to it breaks: under load, and figures are exact or unknown."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest
from deployment import Deployment, eventually
from flow import Flow
from proxy import Wire, WiredKafka
from shop import TEHRAN, in_s, log_until, oracle_agrees, raw
from witness import Witness, settled

LOAD_S = 25.0


def keep_one(live: Deployment) -> None:
    """What a process supervisor does: a worker that has ended is started again."""
    if not live.running:
        live.start()


@pytest.mark.soak
def test_the_broker_is_killed_and_comes_back_under_load(
    fragile_kafka: WiredKafka, hurried: Callable[..., Deployment]
) -> None:
    """By `kill -9`, with the same data, while producers wait for it."""
    live = hurried(fragile_kafka.bootstrap)
    live.start()
    live.ready()
    log = log_until(in_s(LOAD_S), 51, customers=100, **TEHRAN)
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / LOAD_S) as flow:
        eventually("KPIs known", live.known)
        fragile_kafka.kill()
        eventually("KPIs unknown", lambda: not live.known(), 15)
        fragile_kafka.start()
        eventually(f"KPIs known again; {live.state()}", lambda: keep_one(live) or live.known())
        flow.hurry()
        flow.wait()
        settled(live)
    assert witness.judge() >= 2


def test_the_brokers_disk_is_full_and_is_made_room_on(
    fragile_kafka: WiredKafka, hurried: Callable[..., Deployment]
) -> None:
    """Files can't grow: the broker gives up, as Kafka does; with room it comes back with all that it acknowledged."""
    live = hurried(fragile_kafka.bootstrap)
    live.start()
    live.ready()
    log = log_until(in_s(LOAD_S), 52, customers=100, **TEHRAN)
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / LOAD_S) as flow:
        eventually("KPIs known", live.known)
        pid = fragile_kafka.pid
        assert pid is not None
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (128 * 1024, resource.RLIM_INFINITY))
        eventually("the broker gives up", lambda: fragile_kafka.pid is None, 60)
        fragile_kafka.kill()
        fragile_kafka.start()
        eventually(f"KPIs known again; {live.state()}", lambda: keep_one(live) or live.known())
        flow.hurry()
        flow.wait()
        settled(live)
    assert witness.judge() >= 2


@pytest.mark.timeout(240)
def test_the_wire_to_the_broker_breaks_in_every_way(
    fragile_kafka: WiredKafka, hurried: Callable[..., Deployment], record_property: Callable[[str, object], None]
) -> None:
    """Reset, cut, held back and half open, for longer than a session, while producers reach the broker."""
    live = hurried(fragile_kafka.bootstrap)
    proxy = fragile_kafka.proxy
    live.start(**{"kafka.bootstrap": proxy.endpoint})
    live.ready()
    log = log_until(in_s(2 * LOAD_S), 53, customers=150, **TEHRAN)
    known_after: dict[str, float] = {}
    with Witness(live) as witness, Flow(live, raw(log), rate=len(log) / LOAD_S / 2) as flow:
        eventually("KPIs known", live.known)
        proxy.reset()
        for wire in (Wire.CUT, Wire.HELD, Wire.SILENT):
            eventually(f"KPIs known before the wire is {wire.value}; {live.state()}", live.known)
            proxy.set(wire)
            eventually(f"KPIs unknown while the wire is {wire.value}", lambda: not live.known(), 15)
            time.sleep(4.0)  # longer than a session
            proxy.set(Wire.SOUND)
            began = time.monotonic()
            eventually(f"KPIs known after the wire was {wire.value}; {live.state()}", live.known)
            known_after[wire.value] = round(time.monotonic() - began, 1)
        flow.hurry()
        flow.wait()
        oracle_agrees(settled(live), log)
    record_property("known_after_s", known_after)
    print("known after", known_after, "claims", len(witness.documents))
    assert witness.judge() >= 3
