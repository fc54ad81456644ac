"""A Kafka and a Redis that let nobody in unencrypted and unknown."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import certificates
import pytest
from certificates import Certificates
from typer.testing import CliRunner
from ways import (
    LEAST_RIGHTS,
    LOGIN,
    PASSWORD,
    REDIS_ADMIN,
    REDIS_PASSWORD,
    REDIS_USER,
    USER,
    SecuredKafka,
    SecuredRedis,
)

from streams.cli.app import app
from streams.services import ApacheKafka, Listener, RedisServer, free_port


@pytest.fixture(scope="session")
def tests(request: pytest.FixtureRequest) -> Any:
    """What tests/conftest.py does about services that aren't here."""
    return request.config.pluginmanager.get_plugin(str(Path(__file__).resolve().parents[1] / "conftest.py"))


@pytest.fixture(scope="session")
def certs(tests: Any, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of this run."""
    if shutil.which("openssl") is None:
        tests.lacking("no openssl on PATH; bring it: sudo apt-get install openssl")
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def secured_kafka(tests: Any, certs: Certificates) -> Iterator[SecuredKafka]:
    """Apache Kafka with SASL_SSL (PLAIN and SCRAM), and with TLS that wants a client's certificate."""
    tls = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certs.store("server")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certs.ca),
    }
    listeners = {
        "LOGIN": Listener(
            "LOGIN",
            "SASL_SSL",
            {
                **tls,
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "plain.sasl.jaas.config": f'{LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
                "scram-sha-512.sasl.jaas.config": f"{LOGIN}.scram.ScramLoginModule required;",
            },
        ),
        "CERTS": Listener("CERTS", "SSL", {**tls, "ssl.client.auth": "required"}),
    }
    with ExitStack() as stack:
        scram = [f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]
        tests.started(stack, broker := ApacheKafka(listeners=list(listeners.values()), scram=scram))
        yield SecuredKafka(broker, listeners, certs)


@pytest.fixture(scope="session")
def secured_redis(tests: Any, certs: Certificates) -> Iterator[SecuredRedis]:
    """Redis with TLS and one user with the least rights; the anonymous user is off."""
    port = free_port()
    settings = {
        "tls-port": str(port),
        "tls-cert-file": str(certs.certificate("server")),
        "tls-key-file": str(certs.key("server")),
        "tls-ca-cert-file": str(certs.ca),
        "tls-auth-clients": "no",
        "user": f"{REDIS_USER} on >{REDIS_PASSWORD} {LEAST_RIGHTS}",
        "requirepass": REDIS_ADMIN,
    }
    with ExitStack() as stack:
        tests.started(stack, server := RedisServer(settings=settings))
        yield SecuredRedis(port, server.endpoint.replace("redis://", f"redis://:{REDIS_ADMIN}@"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_prefix: str) -> Callable[[Mapping[str, str]], None]:
    """Puts a way into Kafka into the environment, with topics of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPESH_REDIS__URL", "")
    monkeypatch.setenv("TAPESH_KAFKA__TOPIC_PREFIX", fresh_prefix)
    monkeypatch.setenv("TAPESH_KAFKA__PARTITIONS", "4")
    monkeypatch.setenv("TAPESH_WEB__PORT", str(free_port()))

    def tell(way: Mapping[str, str]) -> None:
        for key, value in way.items():
            monkeypatch.setenv(f"TAPESH_KAFKA__{key.upper()}", value)

    return tell


@pytest.fixture
def tapesh() -> Callable[..., Any]:
    """Runs a command."""

    def run(*arguments: str, stdin: bytes | None = None) -> Any:
        result = CliRunner().invoke(app, list(arguments), input=stdin, prog_name="tapesh")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
