"""Fixtures that every test may ask for: real services, a fresh name for what a test makes in them, the shared data.

Services start when the first test asks and end with the run. One that this machine can't run skips the test with the
command that brings it; where TAPESH_REQUIRE_SERVICES=1, as in continuous integration, it fails the test instead, so
that a green run there has met them all.
"""

from __future__ import annotations

import itertools
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import hypothesis
import pytest

from streams.services import (
    Alertmanager,
    ApacheKafka,
    EmbeddedBroker,
    EmbeddedRedis,
    Prometheus,
    RedisServer,
    Service,
    ServiceUnavailable,
)

if TYPE_CHECKING:
    from deployment import Deployment

_DATABASES = itertools.count(1)
ROOT = Path(__file__).resolve().parent.parent
_ABOUT_TESTS = ("TAPESH_REQUIRE_SERVICES", "TAPESH_SHARED")

# Examples are slow on a busy machine for reasons that aren't ours.
# In continuous integration they are the same each time, so that what fails there fails again here. Elsewhere they roam.
hypothesis.settings.register_profile("tapesh", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("tapesh")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long variants out unless they are asked for: nothing that they need is missing."""
    if os.environ.get("TAPESH_SOAK") != "1":
        long = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


class Broker(Protocol):
    """What a test may expect of either broker."""

    @property
    def bootstrap(self) -> str: ...


def lacking(sentence: str) -> NoReturn:
    """Skip the test for want of `sentence`'s subject, or fail it where all services are required."""
    if os.environ.get("TAPESH_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{sentence} (required by TAPESH_REQUIRE_SERVICES=1)", pytrace=False)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def lack() -> Callable[[str], NoReturn]:
    """What a test calls that finds something missing by itself: see `lacking`."""
    return lacking


def started(stack: ExitStack, service: Service) -> None:
    """Start a service for as long as the stack is open."""
    try:
        stack.enter_context(service)
    except ServiceUnavailable as error:
        lacking(str(error))


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own TAPESH_ variables don't reach the tests."""
    for name in list(os.environ):
        if name.startswith("TAPESH_") and name not in _ABOUT_TESTS:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def kafka() -> Iterator[ApacheKafka]:
    """Apache Kafka; clients connect to `.bootstrap`. Shared: a test that kills its broker starts one of its own."""
    with ExitStack() as stack:
        started(stack, broker := ApacheKafka())
        yield broker


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[EmbeddedBroker]:
    """The broker from a wheel; clients connect to `.bootstrap`."""
    with ExitStack() as stack:
        started(stack, broker := EmbeddedBroker())
        yield broker


@pytest.fixture(params=["kafka", "embedded_kafka"])
def any_kafka(request: pytest.FixtureRequest) -> Broker:
    """Both brokers, one after the other."""
    broker: Broker = request.getfixturevalue(request.param)
    return broker


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka: ApacheKafka) -> str:
    """Where Apache Kafka is, as `host:port`."""
    return kafka.bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis. Keep to keys under `fresh_prefix`: other tests use it too."""
    with ExitStack() as stack:
        started(stack, server := RedisServer())
        yield server.endpoint


@pytest.fixture
def fresh_redis_url(redis_url: str) -> str:
    """A database of one's own in the real Redis. Messages (pub/sub) don't know databases: those every test hears."""
    return f"{redis_url.rpartition('/')[0]}/{next(_DATABASES)}"


@pytest.fixture(scope="session")
def embedded_redis_url() -> Iterator[str]:
    """The Redis from a wheel."""
    with ExitStack() as stack:
        started(stack, server := EmbeddedRedis())
        yield server.endpoint


@pytest.fixture
def prometheus() -> Iterator[Callable[..., Prometheus]]:
    """Starts a Prometheus on a configuration: `prometheus(config, files={"rules.yml": text}, flags=[...])`."""
    with ExitStack() as stack:

        def launch(config: str, **options: object) -> Prometheus:
            started(stack, server := Prometheus(config, **options))  # type: ignore[arg-type]
            return server

        yield launch


@pytest.fixture
def alertmanager() -> Iterator[Callable[..., Alertmanager]]:
    """Starts an Alertmanager on a configuration: `alertmanager(config)`."""
    with ExitStack() as stack:

        def launch(config: str, **options: object) -> Alertmanager:
            started(stack, server := Alertmanager(config, **options))  # type: ignore[arg-type]
            return server

        yield launch


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium that runs headless (as root it wants `--no-sandbox`)."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    lacking("no chromium on PATH; bring it: sudo apt-get install chromium")


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of promtool, which judges rules."""
    if found := shutil.which("promtool"):
        return found
    lacking("no promtool on PATH; bring it: sudo apt-get install prometheus")


@pytest.fixture
def fresh_prefix() -> str:
    """A name that no other test has: prefix of topics and keys, or an app id."""
    return f"t{uuid.uuid4().hex[:10]}-"


@pytest.fixture
def create_topics() -> Callable[..., None]:
    """Creates topics: `create_topics(bootstrap, {"name": partitions}, configs={"cleanup.policy": "compact"})`."""
    from kafka.admin import KafkaAdminClient, NewTopic

    def create(bootstrap: str, topics: Mapping[str, int], configs: Mapping[str, str] | None = None) -> None:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            admin.create_topics(
                [NewTopic(name, count, 1, topic_configs=dict(configs or {})) for name, count in topics.items()]
            )
        finally:
            admin.close()

    return create


@pytest.fixture
def deploy(tmp_path: Path, fresh_prefix: str) -> Iterator[Callable[..., Deployment]]:
    """Makes a deployment: `deploy(bootstrap, clock="event")`; its workers end with the test."""
    from deployment import Deployment  # half of the engine, which most tests can do without

    with ExitStack() as stack:

        def make(bootstrap: str, **options: str) -> Deployment:
            return stack.enter_context(Deployment(bootstrap, fresh_prefix, tmp_path, options))

        yield make


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of specifications and data sets beside the repository, or where TAPESH_SHARED says."""
    folder = Path(os.environ.get("TAPESH_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        lacking(f"no shared data in {folder}; name its folder: TAPESH_SHARED=PATH make test")
    return folder.resolve()
