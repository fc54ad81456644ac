"""The shape of an alert, as Prometheus's rules and the runbook need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JOB = "tapesh"
"""The scrape job of the engine's workers."""
GRAFANA = "grafana"
"""The external label of Prometheus that says where people find Grafana."""
RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: its name, and its heading in the runbook.
        expr: PromQL that has a series while something is wrong.
        lasts: how long it must be wrong first.
        severity: `page` wakes somebody, `ticket` waits, `none` is for machines.
        layer: `kpi`: about customers; `engine`: about tapesh itself.
        summary: one line, a template of Prometheus.
        description: the evidence, a template too.
        action: what to do first, for the runbook.
        distrust: KPIs can't be trusted while it fires, so their alerts are held back.
        holds: how long it goes on firing after it was last true; empty: not at all.
        labels: beyond severity and layer.
        board: a link to the board at that time, a template too; empty: none.
    """

    name: str
    expr: str
    lasts: str
    severity: Literal["page", "ticket", "none"]
    layer: Literal["kpi", "engine"]
    summary: str
    description: str
    action: str
    distrust: bool = False
    holds: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    board: str = ""

    def rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        labels = {"severity": self.severity, "layer": self.layer, **self.labels}
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.lasts,
            **({"keep_firing_for": self.holds} if self.holds else {}),
            "labels": labels | ({"kpis": "untrusted"} if self.distrust else {}),
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOK}#{self.name.lower()}",
                **({"board_url": self.board} if self.board else {}),
            },
        }
