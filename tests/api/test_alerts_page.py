"""`/alerts` says first what somebody should get up for."""

from __future__ import annotations

from typing import Any

from streams.api.alerts import told


def window(severity: str, *, since: str | None) -> dict[str, Any]:
    return {"severity": severity, "firing": since is not None, "since": since, "observed": 9}


def test_pages_come_before_tickets_and_the_oldest_first() -> None:
    """What doesn't fire, isn't judged or can't be known is under what is watched, and nowhere else."""
    watched = {
        "churn": {
            "kpi": "churn_rate",
            "windows": {
                "7d": window("ticket", since="2026-06-01T00:00:00Z"),
                "24h": window("page", since="2026-06-03T00:00:00Z"),
                "6h": window("page", since="2026-06-02T00:00:00Z"),
                "1h": window("page", since=None),
            },
        },
        "lapses": {"kpi": "lapse_rate", "silent": "learning what is usual: 3 of 35 days"},
        "leads": {"kpi": "leads", "unknown": "crm is silent"},
    }
    said = told({"now": "2026-06-15T00:00:00Z", "unknown": {"leads": "crm is silent"}, "alerts": watched})
    assert [(one["alert"], one["kpi"], one["window"]) for one in said["firing"]] == [
        ("churn", "churn_rate", "6h"),
        ("churn", "churn_rate", "24h"),
        ("churn", "churn_rate", "7d"),
    ]
    assert said["watched"] == watched
    assert said["unknown"] == {"leads": "crm is silent"}


def test_before_the_first_snapshot_nothing_is_watched_and_that_is_said() -> None:
    """No alert is no sign that all is well: `unknown` says what can't be known."""
    said = told({"now": None, "unknown": {"churn_rate": "no event has come yet"}})
    assert said == {"now": None, "firing": [], "watched": {}, "unknown": {"churn_rate": "no event has come yet"}}
