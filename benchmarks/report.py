"""Writes docs/performance.md, its charts, and the tables of docs/scaling.md from what is kept in benchmarks/results."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import environments, figures, performance_page, results, scaling_report
from benchmarks.figures import Kept
from benchmarks.peer import PEERS, titled

PAGE = environments.ROOT / "docs" / "performance.md"
CHARTS = environments.ROOT / "docs" / "performance"


def run() -> None:
    """Write the pages and the charts."""
    kept = results.kept()
    draw(charts(kept))
    PAGE.write_text(performance_page.page(kept))
    scaling_report.PAGE.write_text(scaling_report.page(kept, scaling_report.PAGE.read_text()))
    print(f"written: {PAGE.relative_to(environments.ROOT)}, {scaling_report.PAGE.relative_to(environments.ROOT)}")


def fingerprint(asked: dict[str, Any]) -> str:
    """Return what tells whether a chart was drawn from these figures."""
    plain = {name: value for name, value in asked.items() if name not in ("path", "fingerprint")}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def draw(charts: Sequence[dict[str, Any]]) -> None:
    """Draw charts in matplotlib's own environment."""
    CHARTS.mkdir(exist_ok=True)
    program = [str(environments.python("charts")), str(Path(__file__).with_name("charts.py"))]
    asked = [chart | {"fingerprint": fingerprint(chart)} for chart in charts]
    subprocess.run(program, input=json.dumps(asked), text=True, check=True)


def charts(kept: Kept) -> list[dict[str, Any]]:
    """Return every chart of the documents, for whoever looks whether they are current."""
    return _charts(kept) + scaling_report.charts(kept)


def _charts(kept: Kept) -> list[dict[str, Any]]:
    return [
        {
            "kind": "bars",
            "path": str(CHARTS / "peers.svg"),
            "x": "events a second of processor time (logarithmic)",
            "rows": list(_bars(kept)),
        },
        {"kind": "lines", "path": str(CHARTS / "customers.svg"), "panels": _growth(kept)},
    ]


def _bars(kept: Kept) -> Iterator[dict[str, Any]]:
    named = [("tapesh", "tapesh: all of it")] + [(peer.name, f"{titled(peer)}: {peer.does}") for peer in PEERS]
    for name, title in named:
        rates = figures.rates(kept, name)
        if rates:
            yield {
                "name": title,
                "ours": name == "tapesh",
                "median": rates.median,
                "least": rates.least,
                "most": rates.most,
            }


def _growth(kept: Kept) -> list[dict[str, Any]]:
    made = figures.measured(kept, "customers")
    sizes = made["sizes"] if made else []
    x = [each["customers"] for each in sizes]
    return [
        {
            "title": "memory, MiB, ids apart",
            "x": "customers in one partition",
            "log": True,
            "lines": [{"name": "", "x": x, "y": [each["resident_mib"] - each["ids_mib"] for each in sizes]}],
        },
        {
            "title": "processor time an event, us",
            "x": "customers in one partition",
            "lines": [
                {"name": "mixed stream", "x": x, "y": [each["mixed_us"] for each in sizes]},
                {"name": "acquisitions", "x": x, "y": [each["opening_us"] for each in sizes]},
            ],
        },
    ]
