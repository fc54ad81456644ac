"""A worker behind TLS, passwords and a token works, and tells nobody: neither who asks unasked, nor its log."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from deployment import PARTITIONS, Deployment, WorkerProcess, eventually
from redis import Redis
from test_live_bad_input import bad_ones, event, good_ones, raw, settle
from ways import PASSWORD, REDIS_PASSWORD, SecuredKafka, SecuredRedis

from events import names
from events.identity import partition_of
from metrics.names import REDIS_UP

TOKEN = "web-token-not-for-logs"
CUSTOMER = "anna.lindqvist@example.org"
ORDER = "order-of-anna"
STUMBLING = """
from streams.partition import PartitionState
PartitionState.arrive = lambda self, values, record_ms: {}[values[-1].decode()]
from streams.cli import main
main()
"""
"""A worker with a defect whose exception names what it stumbled over."""


def asked(worker: WorkerProcess, page: str, token: str = "") -> int:
    """The status of a page."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(worker.url + page, headers=headers), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def poison() -> list[tuple[bytes, bytes | None]]:
    """A customer's events that are no events, each for another reason, and one that lies in the wrong partition."""
    broken = event("purchase", CUSTOMER, 900, order_id=ORDER, total={"amount": CUSTOMER, "currency": "EUR"})
    return [(CUSTOMER.encode(), value) for _, _, value in bad_ones(CUSTOMER)] + [
        (CUSTOMER.encode(), raw(broken)),
        (CUSTOMER.encode(), raw({**broken, "occurred_at": ORDER})),
        (ORDER.encode(), b'{"customer_id": "' + CUSTOMER.encode()),
    ]


@pytest.mark.timeout(240)
def test_nothing_is_told_to_those_who_may_not_know(
    secured_kafka: SecuredKafka, secured_redis: SecuredRedis, certs: Any, deploy: Callable[..., Deployment]
) -> None:
    """Two workers, one that logs everything: the KPIs are right, pages want the token, and no log holds a secret."""
    way = {f"kafka.{key}": value for key, value in secured_kafka.ways["SCRAM"].items()}
    redis = {"redis.url": secured_redis.url(), "redis.ca_file": str(certs.ca)}
    live = deploy(secured_kafka.for_the_test, **way, **redis, **{"web.token": TOKEN})
    chatty = live.start(program=("-c", "import sys; sys.argv[-1] = 'debug'; from streams.cli import main; main()"))
    workers = [chatty, live.start()]
    live.ready(2)

    producer, topic = live.producer(), live.topic(names.CUSTOMER_EVENTS)
    good = good_ones(40)
    for number, (key, value) in enumerate([*((key.encode(), value) for key, value in good), *poison()]):
        producer.send(topic, value, key=key, partition=partition_of(key.decode(), PARTITIONS) if number < 40 else None)
    astray = raw(event("purchase", CUSTOMER, 950, order_id=ORDER))
    producer.send(topic, astray, key=b"x", partition=(partition_of(CUSTOMER, PARTITIONS) + 1) % PARTITIONS)
    producer.flush()
    producer.close()
    settle(live, [*(value for _, value in good), astray])

    assert [asked(worker, "/kpis", TOKEN) for worker in workers] == [200, 200], "one of them asks the other"
    assert {asked(worker, page) for worker in workers for page in ("/kpis", "/metrics", "/", "/table/")} == {401}
    assert asked(chatty, "/kpis", TOKEN[:-1]) == 401
    assert {asked(chatty, page) for page in ("/health", "/ready")} == {200}
    faust_own = ("/router/", "/table/", "/graph/", "/stats/", "/assignment/", "/performance/")
    assert {asked(chatty, page, TOKEN) for page in faust_own} == {404}
    snapshot = Redis.from_url(secured_redis.for_the_test, decode_responses=True)
    assert eventually("Redis has them", lambda: snapshot.hgetall("tapesh:snapshot"))["now"]
    assert any(worker.metric(REDIS_UP) == 1 for worker in workers)

    commands = [("kpis", "--json"), ("check",), ("dead-letters", "list", "--json")]
    told = [command(live, chatty, *each) for each in commands]
    assert json.loads(told[0].stdout)["windows"]
    assert [each.returncode for each in told] == [0, 1, 0], told
    assert "1 of " in told[1].stdout, "the event that lies elsewhere and what is no event are the problems"
    assert told[1].stdout.count("PROBLEM") == 2
    assert "PROBLEM  partitioning" in told[1].stdout
    assert "PROBLEM  contract" in told[1].stdout
    refused = command(live, chatty, "kpis", token="another-token-than-that")
    assert "wants another one: web.token" in refused.stderr

    assert [worker.terminate() for worker in workers] == [0, 0]
    producer = live.producer()
    producer.send(topic, astray, key=CUSTOMER.encode(), partition=partition_of(CUSTOMER, PARTITIONS))
    producer.close()
    workers.append(live.start(program=("-c", STUMBLING)))
    assert workers[-1].wait() != 0
    assert "ingest failed; the worker stops" in workers[-1].said().replace("_ingest", "ingest")
    secrets = (PASSWORD, REDIS_PASSWORD, TOKEN, CUSTOMER, ORDER)
    said = {worker.name: worker.said() for worker in workers}
    said |= {" ".join(each.args[3:]): each.stdout + each.stderr for each in (*told, refused)}
    assert all(said.values())
    assert {(where, secret) for where, text in said.items() for secret in secrets if secret in text} == set()


def command(
    live: Deployment, worker: WorkerProcess, *arguments: str, token: str = TOKEN
) -> subprocess.CompletedProcess[str]:
    """Run a command with the worker's settings."""
    environment = live.environment(**{"web.port": str(worker.port), "web.token": token})
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *arguments],
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
