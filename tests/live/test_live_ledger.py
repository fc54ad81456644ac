"""What was published of past days and months, restated by what comes late, through the death of the KPI agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from agreement import differences
from deployment import ROOT, Deployment, eventually
from flow import publish
from redis import Redis

from events.instant import instant_ms, parse_instant
from metrics.names import RedisKeys
from metrics.restatement import RESTATABLE
from streams.services import ApacheKafka

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP"}
DAYS = ("2011-11-03", "2011-11-18", "2011-12-08")
"""In winter, when a day in London is one of UTC; on the second something comes late."""
PERIODS = (*(f"day/{name}" for name in DAYS), "month/2011-11")


def late(kind: str, number: int, minute: int, amount: str) -> bytes:
    """A purchase or refund of the 18th of November that nobody has heard of yet."""
    event = {
        "type": kind,
        "event_id": f"late-{kind}-{number}",
        "customer_id": f"late-{number}",
        "occurred_at": f"2011-11-18T12:{minute:02}:00Z",
        "order_id": f"late-{number}",
        "total": {"amount": amount, "currency": "GBP"},
    }
    return json.dumps(event).encode()


def ledger(live: Deployment) -> dict[str, dict[str, Any]]:
    """The lines of the ledger's topic; a key that came twice said the same."""
    lines: dict[str, bytes] = {}
    for record in live.records(live.topic("kpi-ledger"), [0])[0]:
        app, _, key = record.key.decode().partition("/")
        assert app == f"{live.prefix}group"
        assert lines.setdefault(key, record.value) == record.value, f"{key} was written with two contents"
    return {key: json.loads(value) for key, value in lines.items()}


def parts(
    live: Deployment, lines: list[bytes], bodies: dict[str, dict[str, Any]], revisions: dict[str, int]
) -> list[str]:
    """Where the ledger parts from a computation over the same events, as of the last instant of each period."""
    found = []
    for period in PERIODS:
        body = bodies[f"{period}/{revisions[period]}"]
        end_ms = instant_ms(parse_instant(body["end"]))
        windows = live.expected(lines, end_ms - 1)["windows"]
        expected = windows["month" if period.startswith("month") else "24h"]
        found += differences(body["values"], {kpi.id: expected[kpi.id] for kpi in RESTATABLE}, period)
    return found


def as_known(live: Deployment, instant: str) -> dict[str, Any]:
    """What `tapesh kpis --as-known` says of the 18th."""
    command = [sys.executable, "-c", "from streams.cli import main; main()", "kpis", "--as-known", instant]
    said = subprocess.run(
        [*command, "--period", "day", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **live.environment()},
        cwd=live.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return next(each for each in json.loads(said.stdout)["periods"] if each["name"] == DAYS[1])


def test_what_comes_late_restates_past_days_and_months_across_a_death_of_the_kpi_agent(
    kafka: ApacheKafka,
    redis_url: str,
    fresh_redis_url: str,
    deploy: Callable[..., Deployment],
    retail_year: list[bytes],
    fresh_prefix: str,
) -> None:
    """First values, then a refund and a purchase heard by the next worker, then one more: each equals `compute`."""
    del redis_url
    tail = [line for line in retail_year if json.loads(line)["occurred_at"] >= "2011-10-31"]
    live = deploy(kafka.bootstrap, **RETAIL)
    live.options |= {"ledger.every": "500ms", "redis.url": fresh_redis_url, "redis.prefix": fresh_prefix}
    publish(live, tail)
    first = live.start()
    eventually(
        f"the tail is published; {live.state()}", lambda: f"{PERIODS[-1]}/0" in (ledger(live) if first.runs else {})
    )
    bodies = ledger(live)
    assert {body["revision"] for body in bodies.values()} == {0}
    assert parts(live, tail, bodies, dict.fromkeys(PERIODS, 0)) == []
    keys = RedisKeys(fresh_prefix)
    with Redis.from_url(
        fresh_redis_url
    ) as redis:  # written after Kafka: what dies in between, its successor leaves out
        eventually("Redis has them", lambda: all(redis.hexists(keys.ledger_now, period) for period in PERIODS))
    between = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    eventually("a second has passed", lambda: time.time() > instant_ms(parse_instant(between)) / 1000)

    first.kill()
    heard = [*tail, late("refund", 1, 10, "5.00"), late("purchase", 2, 20, "12.30")]
    publish(live, heard[len(tail) :])
    second = live.start()
    eventually(f"restated; {live.state()}", lambda: f"{PERIODS[-1]}/1" in ledger(live))
    bodies = ledger(live)
    restated = {f"day/{DAYS[1]}", "month/2011-11"}
    assert {key for key, body in bodies.items() if body["revision"]} == {f"{period}/1" for period in restated}
    assert parts(live, heard, bodies, {period: int(period in restated) for period in PERIODS}) == []
    day = bodies[f"day/{DAYS[1]}/1"]
    assert day["restated"]["orders"]["delta"] == 1
    assert day["restated"]["revenue"]["delta"] == 7.3
    assert {"component": "refunds_minor", "unit": "minor", "delta": 500, "events": ["refund"]} in day["cause"]

    heard.append(late("purchase", 3, 30, "1.00"))
    publish(live, heard[-1:])
    eventually(f"restated again; {live.state()}", lambda: f"{PERIODS[-1]}/2" in ledger(live))
    bodies = ledger(live)
    assert parts(live, heard, bodies, {period: 2 * (period in restated) for period in PERIODS}) == []

    said = as_known(live, between)
    assert said["as_known"]["revision"] == 0
    assert said["as_known"]["values"] == bodies[f"day/{DAYS[1]}/0"]["values"]
    assert said["now"]["values"] == bodies[f"day/{DAYS[1]}/2"]["values"]
    assert said["restated"]["revenue"]["delta"] == 8.3

    def gauge() -> float:
        return second.metric("tapesh_restated_delta", kpi="revenue", period="day")

    eventually(f"the gauge is {gauge()}", lambda: gauge() == 8.3)
    assert second.metric("tapesh_restatements_total", period="day") == 2

    with Redis.from_url(fresh_redis_url, decode_responses=True) as redis:
        eventually(
            "Redis has it",
            lambda: json.loads(redis.hget(keys.ledger_now, f"day/{DAYS[1]}") or "{}").get("revision") == 2,
        )
        stream = [(entry["period"], int(entry["revision"])) for _, entry in redis.xrange(keys.ledger)]
    assert len(stream) == len(set(stream))
    assert [revision for period, revision in stream if period == "month/2011-11"] == [0, 1, 2]
