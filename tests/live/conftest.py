"""Fixtures of the live path: deployments on brokers, and a year of a shop's events."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from deployment import Deployment

from events.importers import Tally
from events.importers.online_retail import read


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: a long variant of a test of the live path; TAPESH_SOAK=1 runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long variants out unless they are asked for: nothing that they need is missing."""
    if os.environ.get("TAPESH_SOAK") != "1":
        long = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture
def deploy(tmp_path: Path, fresh_prefix: str) -> Iterator[Callable[..., Deployment]]:
    """Makes a deployment: `deploy(bootstrap, clock="event")`; its workers end with the test."""
    with ExitStack() as stack:

        def make(bootstrap: str, **options: str) -> Deployment:
            return stack.enter_context(Deployment(bootstrap, fresh_prefix, tmp_path, options))

        yield make


@pytest.fixture(scope="session")
def retail_year(shared_dir: Path) -> list[bytes]:
    """The events of a British gift shop's year, in their order."""
    folder = shared_dir / "data" / "online-retail"
    events = read([folder / "invoices.csv.gz"], Tally())
    return [json.dumps(event, separators=(",", ":")).encode() for event in events if isinstance(event, dict)]
