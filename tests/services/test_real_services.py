"""The programs themselves: that each starts, answers, survives what tests do to it, and leaves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from redis import Redis

from streams.services import (
    ApacheKafka,
    EmbeddedRedis,
    Missing,
    RedisServer,
    ServiceDied,
    ServiceError,
    ServiceTimeout,
    ServiceUnavailable,
    free_port,
)

ALERTMANAGER_CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


def gone(pid: int, deadline_s: float = 5.0) -> bool:
    """Whether a process has ended by the deadline (a zombie has)."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def read_all(bootstrap: str, topic: str) -> list[bytes]:
    """Everything in a topic, from the beginning to its present end."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=3_000
    )
    try:
        return [record.value for record in consumer]
    finally:
        consumer.close()


@pytest.fixture(params=[RedisServer, EmbeddedRedis])
def redis_server(request):
    """A Redis of one's own, of either kind."""
    if (missing := request.param.missing()) is not None:
        pytest.skip(str(missing))
    with request.param() as server:
        yield server


def test_a_message_makes_its_way_through_either_broker(any_kafka, create_topics, fresh_prefix):
    """What is produced to a topic is consumed from it."""
    topic = f"{fresh_prefix}way"
    create_topics(any_kafka.bootstrap, {topic: 2})
    producer = KafkaProducer(bootstrap_servers=any_kafka.bootstrap)
    producer.send(topic, b"pulse", key=b"c-1")
    producer.flush()
    producer.close()
    assert read_all(any_kafka.bootstrap, topic) == [b"pulse"]


def test_apache_kafka_makes_no_topic_unasked(kafka, fresh_prefix):
    """A typing error in a topic's name is an error, not a new topic with one partition."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap)
    try:
        assert consumer.partitions_for_topic(f"{fresh_prefix}typo") in (None, set())
    finally:
        consumer.close()
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        assert f"{fresh_prefix}typo" not in admin.list_topics()
    finally:
        admin.close()


def test_apache_kafka_keeps_its_log_over_a_kill(kafka, create_topics, fresh_prefix):
    """After SIGKILL and start the same port serves what was acknowledged."""
    topic = f"{fresh_prefix}kept"
    with ApacheKafka() as own:
        create_topics(own.bootstrap, {topic: 1})
        producer = KafkaProducer(bootstrap_servers=own.bootstrap)
        producer.send(topic, b"acknowledged").get(timeout=10)
        producer.close(timeout=1)
        before = own.bootstrap
        own.kill()
        assert own.pid is None
        assert own.start() == before
        assert read_all(own.bootstrap, topic) == [b"acknowledged"]


def test_redis_keeps_its_data_over_a_restart(redis_server):
    """After an orderly restart the same URL serves what was written."""
    Redis.from_url(redis_server.endpoint).set("pulse", "72")
    redis_server.restart()
    assert Redis.from_url(redis_server.endpoint).get("pulse") == b"72"


def test_a_paused_service_is_silent_until_it_is_resumed(redis_server):
    """A paused server accepts connections and answers nothing; afterwards it goes on as before."""
    client = Redis.from_url(redis_server.endpoint, socket_timeout=0.2, retry=None)
    redis_server.pause()
    with pytest.raises(Exception, match=r"(?i)timeout|timed out"):
        client.ping()
    redis_server.resume()
    assert Redis.from_url(redis_server.endpoint).ping()


def test_stopping_ends_the_process_and_removes_its_directory(redis_server):
    """Nothing is left: no process, no directory; a second stop is harmless."""
    pid, directory = redis_server.pid, redis_server.directory
    redis_server.stop()
    redis_server.stop()
    assert gone(pid)
    assert not directory.exists()


def test_a_given_directory_is_kept(redis_server, tmp_path):
    """Whoever names a directory keeps it, and its data, over stop and start."""
    kind = type(redis_server)
    with kind(directory=tmp_path / "data") as first:
        Redis.from_url(first.endpoint).set("pulse", "72")
    with kind(directory=tmp_path / "data") as second:
        assert Redis.from_url(second.endpoint).get("pulse") == b"72"


def test_a_killed_owner_takes_its_services_along(redis_server):
    """If the process that started a service is killed, the service and its directory go too."""
    kind = type(redis_server).__name__
    script = f"""
import sys, time
from streams.services import {kind}
server = {kind}()
server.start()
print(server.pid, server.directory, flush=True)
sys.stdin.read()
"""
    owner = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid, directory = owner.stdout.readline().split()
    owner.kill()
    owner.communicate()
    assert gone(int(pid))
    deadline = time.monotonic() + 5
    while Path(directory).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(directory).exists()


def test_a_service_that_dies_shows_its_log(prometheus):
    """The error carries the program's own last words."""
    with pytest.raises(ServiceDied, match=r"(?s)code \d.*the end of its log:.*unmarshal"):
        prometheus("scrape_interval: no such key")


def test_a_taken_port_is_refused_before_a_stranger_answers():
    """Otherwise the stranger's answer would pass for our program's, which has just died of the taken port."""
    with RedisServer() as first, pytest.raises(ServiceError, match="something else listens on"):
        RedisServer(port=first.port).start()


def test_a_service_that_says_nothing_is_given_up_at_the_deadline(monkeypatch):
    """No answer by the deadline ends the program and says so."""
    monkeypatch.setattr(RedisServer, "ready", lambda _self: False)
    server = RedisServer(deadline_s=0.3)
    with pytest.raises(ServiceTimeout, match=r"no answer on 127\.0\.0\.1:\d+ within 0\.3 s"):
        server.start()
    assert server.pid is None


def test_a_missing_program_names_the_command_that_brings_it(monkeypatch):
    """A machine without the program gets a command to type, not a traceback about a file."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServiceUnavailable, match=r"redis-server: .*bring it: sudo apt-get install redis-server"):
        RedisServer().start()
    assert isinstance(ApacheKafka.missing(), Missing)


def test_a_service_that_does_not_run_has_no_directory():
    """Asking too early is an error that says when to ask."""
    with pytest.raises(ServiceError, match=r"before start\(\)"):
        _ = RedisServer().directory


def test_prometheus_takes_new_rules_while_it_runs(prometheus):
    """Rules given as text are loaded, and replaced by `reload`."""

    def rules() -> list[str]:
        with urllib.request.urlopen(f"{server.endpoint}/api/v1/rules") as answer:
            groups = json.load(answer)["data"]["groups"]
        return [rule["name"] for group in groups for rule in group["rules"]]

    config = "rule_files: [rules/*.yml]\n"
    server = prometheus(config, files={"rules/one.yml": "groups: [{name: g, rules: [{record: 'a:b', expr: '1'}]}]"})
    assert rules() == ["a:b"]
    server.reload(files={"rules/one.yml": "groups: [{name: g, rules: [{record: 'c:d', expr: '1'}]}]"})
    deadline = time.monotonic() + 10
    while rules() != ["c:d"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert rules() == ["c:d"]


def test_alertmanager_answers(alertmanager):
    """It starts without looking for a cluster, on loopback only."""
    server = alertmanager(ALERTMANAGER_CONFIG)
    with urllib.request.urlopen(f"{server.endpoint}/api/v2/status") as answer:
        assert json.load(answer)["cluster"]["status"] == "disabled"


def test_ports_are_below_those_of_outgoing_connections():
    """A restarted service finds its port free: no client was given it in the meantime."""
    lowest = 32_768
    span = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if span.exists():
        lowest = int(span.read_text().split()[0])
    assert all(1024 < free_port() < lowest for _ in range(50))
