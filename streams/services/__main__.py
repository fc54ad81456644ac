"""`python -m streams.services [fetch]`: what this machine can run; with `fetch`, bring Kafka's jars first."""

from __future__ import annotations

import sys

from streams.services import (
    Alertmanager,
    ApacheKafka,
    EmbeddedBroker,
    EmbeddedRedis,
    Prometheus,
    RedisServer,
    ServiceError,
    kafka_jars,
)

_ALL = (EmbeddedBroker, EmbeddedRedis, ApacheKafka, RedisServer, Prometheus, Alertmanager)


def main(arguments: list[str]) -> int:
    """Print a line a service; the code is 1 if one can't be run here."""
    if arguments == ["fetch"]:
        try:
            kafka_jars.fetch()
        except ServiceError as error:
            print(f"apache-kafka: {error}", file=sys.stderr)
    missing = {service.name: service.missing() for service in _ALL}
    for name, lack in missing.items():
        print(f"{name}: {lack or 'here'}")
    return int(any(missing.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
