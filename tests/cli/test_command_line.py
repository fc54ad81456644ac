"""What holds for every command: help at once, errors without tracebacks, settings from where they are named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    "demo",
    "worker",
    "kpis",
    "compute",
    "backtest",
    "explain",
    "produce",
    "import",
    "check",
    "topics",
    "catalogue",
    "schema",
    "render",
]
SLOW_TO_IMPORT = {"aiokafka", "faust", "kafka", "msgspec", "numpy", "pydantic", "redis", "prometheus_client"}


def test_help_names_every_command(tapesh):
    """Somebody who knows nothing but the program's name finds the rest."""
    result = tapesh("--help")
    assert result.exit_code == 0
    assert [command for command in COMMANDS if f" {command} " not in result.stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tapesh, command):
    """With its options."""
    result = tapesh(command, "--help")
    assert result.exit_code == 0
    assert "--help" in result.stdout


def test_help_waits_for_no_library():
    """What is slow to import is imported by the command that needs it."""
    code = f"import sys, streams.cli; print(sorted(sys.modules.keys() & {SLOW_TO_IMPORT!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_runs_as_a_module_and_knows_its_version():
    """Where the script isn't on PATH."""
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("tapesh ")


def test_bad_settings_are_listed_all_of_them(tapesh, monkeypatch):
    """Name, what was got, what was expected: on standard error, with exit status 2."""
    monkeypatch.setenv("TAPESH_TIMEZONE", "Tehran")
    monkeypatch.setenv("TAPESH_CURENCY", "EUR")
    result = tapesh("compute", "-", stdin=b"")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "did you mean TAPESH_CURRENCY?" in result.stderr
    assert "timezone (TAPESH_TIMEZONE): got 'Tehran'" in result.stderr


def test_the_settings_file_is_named_before_the_command_or_after_it(tapesh, purchase):
    """Both are what people try; the one after it goes before."""
    Path("gbp.toml").write_text('currency = "GBP"\n')
    Path("usd.toml").write_text('currency = "USD"\n')
    row = purchase(1, total={"amount": "1", "currency": "USD"})
    assert "1 rejected (1 unknown-currency)" in tapesh("--config", "gbp.toml", "compute", "-", stdin=row).stderr
    assert "1 lines: 1 events" in tapesh("--config", "gbp.toml", "compute", "-", "-c", "usd.toml", stdin=row).stderr


def test_a_worker_gets_the_settings_and_its_troubles_are_told(tapesh, monkeypatch):
    """Without a traceback, as anywhere."""
    from streams.topics import BrokerUnreachable

    def run(settings, *, loglevel):
        raise BrokerUnreachable(settings.kafka.bootstrap, 30, OSError(f"as seen at {loglevel}"))

    monkeypatch.setattr("streams.worker.run", run)
    monkeypatch.setenv("TAPESH_KAFKA__BOOTSTRAP", "kafka-1:9092")
    result = tapesh("worker", "--loglevel", "info")
    assert result.exit_code == 1
    assert "no Kafka broker answers at kafka-1:9092 (waited 30 s: as seen at INFO)" in result.stderr


def test_a_settings_file_that_is_not_there_is_named(tapesh):
    """With where an example is."""
    result = tapesh("schema", "--asyncapi", "--config", "nowhere.toml")
    assert result.exit_code == 2
    assert "nowhere.toml: is no file" in result.stderr
