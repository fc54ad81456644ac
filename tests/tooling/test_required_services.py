"""A missing service: a skip with a remedy for a developer, a failure where all are required."""

from __future__ import annotations

from pathlib import Path

import pytest

SENTENCE = "no such-server on PATH; bring it: sudo apt-get install such-server"


@pytest.fixture
def lacking(request):
    """What the fixtures of services call when theirs can't be run."""
    path = Path(__file__).resolve().parents[1] / "conftest.py"
    return request.config.pluginmanager.get_plugin(str(path)).lacking


def test_a_developer_gets_a_skip_with_the_command(monkeypatch, lacking):
    """The sentence is the reason."""
    monkeypatch.delenv("TAPESH_REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="sudo apt-get install such-server"):
        lacking(SENTENCE)


def test_continuous_integration_gets_a_failure(monkeypatch, lacking):
    """A green run there has met every service."""
    monkeypatch.setenv("TAPESH_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="required by TAPESH_REQUIRE_SERVICES=1"):
        lacking(SENTENCE)
