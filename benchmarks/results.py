"""What was measured, kept beside the code that measured it: one JSON a benchmark, from which the page is rendered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, load_average

FOLDER = Path(__file__).resolve().parent / "results"


def keep(name: str, measured: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Write what was measured, with the machine, the day and a mark of the engine's code."""
    folder.mkdir(exist_ok=True)
    made = {
        "benchmark": name,
        "day": datetime.now(UTC).date().isoformat(),
        "engine": _engine(),
        "machine": describe(),
        "load_average_at_end": load_average(),
        "measured": measured,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(_rounded(made), indent=1, sort_keys=True) + "\n")
    print(f"kept in {path}")
    return path


def kept(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return everything that is kept, by benchmark."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def _rounded(value: Any) -> Any:
    """Return it with six significant digits: what follows isn't measured."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _engine() -> str:
    """Return a mark of the engine's code: while it is the same, so is what was measured."""
    found = hashlib.sha256()
    for package in ("events", "metrics", "streams"):
        for path in sorted((FOLDER.parents[1] / package).rglob("*.py")):
            found.update(path.relative_to(FOLDER.parents[1]).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:8]
