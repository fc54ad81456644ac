"""What a worker says of itself: healthy while it does what it can, ready once it may be asked."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from streams.settings import Settings
from streams.succession import Standing
from streams.web import health_report, not_ready, silence_limit_s


def worker(silent_s: float = 0.0, failed: dict[int, str] | None = None, **settings: Any) -> Any:
    """One that owns partition 3 and had its last tick so long ago."""
    state = SimpleNamespace(fold=SimpleNamespace(persons=[]), waiting=[])
    owned = SimpleNamespace(positions={}, checkpointer=SimpleNamespace(epoch="1.1"), state=state)
    engine = SimpleNamespace(owned={3: owned}, failed=failed or {}, last_tick_s=time.monotonic() - silent_s)
    return SimpleNamespace(
        engine=engine,
        settings=Settings(**settings),
        owns_kpis=False,
        rounds=None,
        owner_url="http://127.0.0.1:1",
        standing=Standing("tapesh"),
    )


def test_a_worker_is_healthy_while_another_takes_over_the_ticks() -> None:
    """Who sent them died: until its session is over and the group has met, nobody can, and nobody is to blame."""
    kafka = {"session_timeout": "10s", "heartbeat_interval": "3s", "rebalance_timeout": "10s"}
    assert health_report(worker(19, kafka=kafka))["healthy"]
    assert not health_report(worker(23, kafka=kafka))["healthy"]


def test_long_ticks_dont_make_health_flap() -> None:
    """Between two of them a worker is as healthy as at one."""
    settings = Settings(tick_interval="60s")
    assert silence_limit_s(settings) > 180
    assert health_report(worker(100, tick_interval="60s"))["healthy"]


def test_a_partition_that_failed_is_told_with_the_reason() -> None:
    """By /health, which stays well, since a restart would fail alike; and by /ready."""
    failing = worker(failed={3: "its sums have left the range"})
    report = health_report(failing)
    assert report["healthy"]
    assert report["failed"] == {"3": "its sums have left the range"}
    assert not_ready(failing) == ["partition 3: its sums have left the range"]
