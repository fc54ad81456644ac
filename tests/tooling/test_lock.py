"""The lock: everything that is installed is pinned and checked, and names no host."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lock() -> str:
    return (ROOT / "requirements.lock").read_text()


def test_the_lock_names_no_host(lock):
    """Which index serves the packages is the machine's business."""
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock


def test_every_package_is_pinned_and_hashed(lock):
    """No line without a version and a hash: pip would refuse the whole file."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert all(re.match(r"[a-z0-9._-]+==\S+.*\\\n    --hash=sha256:", entry) for entry in entries)


def test_everything_declared_is_locked(lock):
    """Dependencies, extras, tools and the build backend: nothing is resolved on the day of installation."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)
    wanted = [
        *declared["build-system"]["requires"],
        *declared["project"]["dependencies"],
        *(item for extra in declared["project"]["optional-dependencies"].values() for item in extra),
        *declared["dependency-groups"]["dev"],
    ]
    locked = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    names = {re.split(r"[<>=!~\[ ]", item)[0] for item in wanted}
    assert names - locked == set()
