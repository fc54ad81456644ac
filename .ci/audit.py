"""Hold requirements.lock against the advisories of the package index: `python .ci/audit.py`.

A finding fails, unless `.ci/audit-waivers.toml` says why it is lived with, and until when; a waiver that is past its
day, or that waives nothing any more, fails as well. Where the index gives no advisories (a mirror of its files alone,
no network), that is said, and is a failure only if AUDIT_REQUIRED=1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WAIVERS = ROOT / ".ci" / "audit-waivers.toml"
LONGEST_WAIVER_DAYS = 120
_PATIENCE_S = 180


class Verdict(NamedTuple):
    """What the audit comes to."""

    problems: list[str]
    waived: list[str]
    unknown: list[str]
    audited: int


def judge(dependencies: Sequence[Mapping[str, Any]], waivers: Sequence[Mapping[str, Any]], today: date) -> Verdict:
    """Weigh what was found against what is waived.

    Args:
        dependencies: of pip-audit's JSON.
        waivers: tables with `package`, `id`, `reason` and `until`.
        today: decides on waivers.
    """
    problems = list(_bad_waivers(waivers, today))
    waivable = {(waiver.get("package"), waiver.get("id")) for waiver in waivers}
    used, waived = set(), []
    for dependency in dependencies:
        for finding in dependency.get("vulns", ()):
            names = [finding["id"], *finding.get("aliases", ())]
            by = next((pair for name in names if (pair := (dependency["name"], name)) in waivable), None)
            fixed = ", ".join(finding.get("fix_versions", ())) or "no version yet"
            told = f"{dependency['name']} {dependency['version']}: {'/'.join(names)}, fixed in {fixed}"
            if by is None:
                problems.append(f"{told}; raise it in pyproject.toml, then: make lock")
            else:
                used.add(by)
                waived.append(told)
    unknown = [dependency["name"] for dependency in dependencies if "skip_reason" in dependency]
    audited = len(dependencies) - len(unknown)
    if audited:
        idle = sorted((str(package), str(id_)) for package, id_ in waivable - used if package not in unknown)
        problems += [f"{package}: {id_} is waived, and isn't found; take the waiver away" for package, id_ in idle]
    return Verdict(problems, waived, unknown, audited)


def _bad_waivers(waivers: Sequence[Mapping[str, Any]], today: date) -> Iterator[str]:
    for waiver in waivers:
        name = f"waiver of {waiver.get('package')}: {waiver.get('id')}"
        until = waiver.get("until")
        if not (waiver.get("package") and waiver.get("id") and waiver.get("reason") and type(until) is date):
            yield f"{name}: expected package, id, reason and until (a day, such as 2027-01-31)"
        elif until < today:
            yield f"{name}: ended on {until}; look again whether there is a fix"
        elif (until - today).days > LONGEST_WAIVER_DAYS:
            yield f"{name}: until {until} is too long; at most {LONGEST_WAIVER_DAYS} days from now"


def _audit() -> list[dict[str, Any]] | str:
    """Ask the index; a sentence if that can't be done."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", "requirements.lock", "--require-hashes"]
    command += ["--disable-pip", "--vulnerability-service", "pypi", "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_PATIENCE_S)
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE_S} s"
    except (ValueError, KeyError):
        return (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return dependencies


def main() -> int:
    """Audit, tell, and return the exit status."""
    found = _audit()
    dependencies = [] if isinstance(found, str) else found
    waivers = tomllib.loads(WAIVERS.read_text()).get("waiver", [])
    verdict = judge(dependencies, waivers, datetime.now(UTC).date())
    for problem in verdict.problems:
        print(f"tapesh: audit: {problem}", file=sys.stderr)
    for told in verdict.waived:
        print(f"audit: waived: {told}")
    if not verdict.audited:
        why = found if isinstance(found, str) else "it knows none of these versions: a mirror of its files alone?"
        print(f"tapesh: audit skipped, the package index gives no advisories here ({why})", file=sys.stderr)
        return 1 if verdict.problems or os.environ.get("AUDIT_REQUIRED") == "1" else 0
    if verdict.unknown:
        print(f"tapesh: audit: not known to the index: {', '.join(verdict.unknown)}", file=sys.stderr)
    print(f"audit: {verdict.audited} packages, {len(verdict.problems)} problem(s), {len(verdict.waived)} waived")
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
