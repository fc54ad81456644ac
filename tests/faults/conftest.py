"""Fixtures of the faults: deployments of workers that are in a hurry, so that what befalls them hits something."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from deployment import Deployment
from shop import TEHRAN

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
