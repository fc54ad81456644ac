"""`tapesh backtest`: what alerts would have said, as a table, as JSON and as tests for promtool."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from events.simulator import Simulator, SimulatorConfig

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 5, tzinfo=UTC)
BEGIN = START + timedelta(days=60)


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> Path:
    """A shop of 4,000 that goes wrong on the sixtieth day, without its purchases."""
    config = SimulatorConfig(
        seed=3, customers=4_000, purchases_per_day=0.0, scenario="churn-spike", spike_at=BEGIN, spike_factor=8.0
    )
    wanted = ("customer-acquired", "cancellation")
    events = (each for each in Simulator(config).events(START, BEGIN + timedelta(days=2)) if each["type"] in wanted)
    path = tmp_path_factory.mktemp("history") / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_a_known_incident_is_found_and_the_rules_fire_on_it(tapesh, history, promtool, tmp_path):
    """The delay and the false pages are said; promtool agrees with the back-test on what fires."""
    spike = f"{BEGIN:%Y-%m-%dT%H:%M:%SZ}/{BEGIN + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    tests = tmp_path / "found.test.yml"
    shown = tapesh("backtest", str(history), "--spike", spike, "--rules", str(tests), "--json")
    told = json.loads(shown.stdout)
    assert 0 < told["delays_s"][0] < 86_400
    assert told["false_pages_a_year"] == 0
    (tmp_path / "rules").symlink_to(ROOT / "grafana/prometheus/rules")
    judged = subprocess.run([promtool, "test", "rules", tests.name], cwd=tmp_path, capture_output=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_without_a_known_incident_every_alert_is_false(tapesh, history):
    """And the table says so; a spike that ends before it begins is refused."""
    shown = tapesh("backtest", str(history))
    assert "page, false" in shown.stdout
    assert "windows on: 6h, 24h, 7d" in shown.stderr
    refused = tapesh("backtest", str(history), "--spike", "2026-03-02T00:00:00Z/2026-03-01T00:00:00Z")
    assert refused.exit_code == 2
    assert "expected two instants" in refused.stderr
