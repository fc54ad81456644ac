"""How a client comes in: what the secured services know of it, and what it must be told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from certificates import Certificates

from streams.services import ApacheKafka, Listener

USER, PASSWORD = "tapesh", "kafka-pa55word-not-for-logs"
REDIS_ADMIN = "redis-administrator"
REDIS_USER, REDIS_PASSWORD = "tapesh", "redis-pa55word-not-for-logs"
_OPERATING = (Path(__file__).resolve().parents[2] / "docs/operating.md").read_text()
LEAST_RIGHTS = _OPERATING.partition("user tapesh on >PASSWORD ")[2].partition("\n")[0]
"""What docs/operating.md says that the engine needs."""
LOGIN = "org.apache.kafka.common.security"


class SecuredKafka:
    """A broker, and what a client must know to come in by each of its listeners."""

    def __init__(self, broker: ApacheKafka, listeners: Mapping[str, Listener], certs: Certificates) -> None:
        self.for_the_test = broker.bootstrap
        by_password = {"security_protocol": "SASL_SSL", "username": USER, "password": PASSWORD}
        self.ways: dict[str, dict[str, str]] = {
            "PLAIN": {**by_password, "sasl_mechanism": "PLAIN"},
            "SCRAM": {**by_password, "sasl_mechanism": "SCRAM-SHA-512"},
            "certificate": {
                "security_protocol": "SSL",
                "cert_file": str(certs.certificate("client")),
                "key_file": str(certs.key("client")),
            },
        }
        for name, way in self.ways.items():
            listener = listeners["CERTS" if name == "certificate" else "LOGIN"]
            way |= {"bootstrap": broker.endpoint_of(listener), "ca_file": str(certs.ca)}


class SecuredRedis:
    """A server with TLS alone, and the URL of whoever may write under `tapesh:`."""

    def __init__(self, port: int, unencrypted: str) -> None:
        self.place = f"127.0.0.1:{port}"
        self.for_the_test = unencrypted

    def url(self, password: str = REDIS_PASSWORD, user: str = REDIS_USER) -> str:
        return f"rediss://{user}:{password}@{self.place}/0"
