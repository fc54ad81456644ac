"""What can go wrong with a broker, said so that its user can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.status import Status

from streams.cli.console import ERR, Failure

if TYPE_CHECKING:
    from streams.settings import Settings


@contextmanager
def broker_failures() -> Iterator[None]:
    """Turn what Kafka raises into a failure without a traceback, and keep its client's log from the terminal."""
    from kafka.errors import KafkaError

    from streams.engines import RecordError, RefusedSettingsError
    from streams.topics import BrokerUnreachable, TopicsError, quiet_kafka

    with quiet_kafka():
        try:
            yield
        except TopicsError as error:
            raise Failure("\n".join(error.problems)) from None
        except (BrokerUnreachable, RecordError, RefusedSettingsError) as error:
            raise Failure(str(error)) from None
        except KafkaError as error:
            raise Failure(f"Kafka: {error}; `tapesh check` says what is reachable") from None


def waiting_for(settings: Settings) -> Status:
    """Show who watches a terminal what is waited for; a broker that starts takes its time."""
    return ERR.status(f"waiting for Kafka at {settings.kafka.bootstrap}")
