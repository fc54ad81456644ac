"""The audit of dependencies: a finding fails, and is lived with only for a reason and for a while."""

from __future__ import annotations

import importlib.util
import tomllib
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 22)
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
FOUND = {
    "name": "weak",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-7", "aliases": ["CVE-2026-7"], "fix_versions": ["2.1"]}],
}
UNKNOWN = {"name": "weak", "skip_reason": "not found"}
WAIVER = {"package": "weak", "id": "CVE-2026-7", "reason": "not called", "until": date(2026, 12, 31)}


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_finding_is_named_with_its_way_out(audit):
    """Package, version, both names of the finding, and the version that mends it."""
    (problem,) = audit.judge([SOUND, FOUND], [], TODAY).problems
    assert problem.startswith("weak 2.0: PYSEC-2026-7/CVE-2026-7, fixed in 2.1; ")


def test_a_waiver_holds_for_its_finding_and_its_time(audit):
    """By any of the finding's names."""
    verdict = audit.judge([SOUND, FOUND], [WAIVER], TODAY)
    assert (verdict.problems, len(verdict.waived)) == ([], 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": date(2026, 11, 21)}, "ended on 2026-11-21"),
        ({"until": date(2028, 1, 1)}, "is too long"),
        ({"reason": ""}, "expected package, id, reason and until"),
        ({"until": "soon"}, "expected package, id, reason and until"),
        ({"id": "CVE-1"}, "isn't found; take the waiver away"),
    ],
)
def test_a_waiver_that_does_not_hold_fails(audit, change, said):
    """One that is past its day, or for ever, or for nothing."""
    assert any(said in problem for problem in audit.judge([SOUND, FOUND], [WAIVER | change], TODAY).problems)


def test_an_index_without_advisories_is_no_clean_bill(audit, monkeypatch, capsys):
    """It is said; and where the audit is required, it fails."""
    monkeypatch.setattr(audit, "_audit", lambda: [UNKNOWN])
    monkeypatch.delenv("AUDIT_REQUIRED", raising=False)
    assert audit.main() == 0
    assert "audit skipped, the package index gives no advisories here" in capsys.readouterr().err
    monkeypatch.setenv("AUDIT_REQUIRED", "1")
    assert audit.main() == 1
    monkeypatch.setattr(audit, "_audit", lambda: [SOUND, FOUND])
    assert audit.main() == 1


def test_the_waivers_that_we_have_are_in_order(audit):
    """Whatever the index says of them."""
    waivers = tomllib.loads((ROOT / ".ci" / "audit-waivers.toml").read_text()).get("waiver", [])
    assert audit.judge([], waivers, date.today()).problems == []  # noqa: DTZ011 - a day is a day
