"""Fixtures of the faults: deployments of workers that are in a hurry, so that what befalls them hits something."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from deployment import Deployment
from proxy import WiredKafka
from shop import TEHRAN

from streams.services import ApacheKafka

HURRIED = {
    **TEHRAN,
    "checkpoint.interval": "300ms",
    "kafka.session_timeout": "3s",
    "kafka.heartbeat_interval": "500ms",
}
"""Checkpoints so frequent that faults hit them, sessions so short that successors come soon."""


@pytest.fixture
def hurried(deploy: Callable[..., Deployment]) -> Callable[..., Deployment]:
    """Makes a deployment on the wall clock of a shop in Tehran: `hurried(bootstrap)`."""

    def make(bootstrap: str, **options: str) -> Deployment:
        return deploy(bootstrap, **{**HURRIED, **options})

    return make


@pytest.fixture(scope="session")
def fragile_kafka(kafka: ApacheKafka) -> Iterator[WiredKafka]:
    """A broker that may be killed, and whose wire may be cut. Whoever does so brings it back."""
    del kafka  # says what is missing, if it is
    with WiredKafka() as broker, broker.proxy:
        yield broker
