"""Fixtures of the live path: a year of a shop's events. Deployments are in tests/conftest.py: others use them too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.importers import Tally
from events.importers.online_retail import read


@pytest.fixture(scope="session")
def retail_year(shared_dir: Path) -> list[bytes]:
    """The events of a British gift shop's year, in their order."""
    folder = shared_dir / "data" / "online-retail"
    events = read([folder / "invoices.csv.gz"], Tally())
    return [json.dumps(event, separators=(",", ":")).encode() for event in events if isinstance(event, dict)]
