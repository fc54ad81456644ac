"""What Kafka's Python clients are told of security, from one place: kafka-python and aiokafka take the same names."""

from __future__ import annotations

import ssl
from typing import Any

import faust

from streams.settings.schema import Kafka


def client_options(kafka: Kafka) -> dict[str, Any]:
    """Keyword arguments of any client of kafka-python or aiokafka that connect and log in. Not for logs."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap.split(","),
        "security_protocol": kafka.security_protocol,
    }
    if (context := ssl_context(kafka)) is not None:
        options["ssl_context"] = context
    if kafka.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.username,
            "sasl_plain_password": kafka.password.get_secret_value(),
        }
    return options


def ssl_context(kafka: Kafka) -> ssl.SSLContext | None:
    """The certificates to trust and to show, or None where the protocol has no TLS."""
    if not kafka.security_protocol.endswith("SSL"):
        return None
    context = ssl.create_default_context(cafile=kafka.ca_file)
    if kafka.cert_file is not None and kafka.key_file is not None:
        context.load_cert_chain(kafka.cert_file, kafka.key_file)
    return context


def faust_credentials(kafka: Kafka) -> Any:
    """What Faust is told of security; None where there is none."""
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=kafka.sasl_mechanism,
            username=kafka.username,
            password=kafka.password.get_secret_value(),
            ssl_context=ssl_context(kafka),
        )
    context = ssl_context(kafka)
    return faust.SSLCredentials(context) if context is not None else None
