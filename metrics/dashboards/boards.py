"""Every board in every language, as files: path below `grafana/dashboards/` -> what Grafana loads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from metrics.dashboards.acquisition import acquisition
from metrics.dashboards.churn import churn
from metrics.dashboards.drawing import drawn
from metrics.dashboards.edition import LANGUAGES, Edition
from metrics.dashboards.engine import engine
from metrics.dashboards.overview import overview
from metrics.dashboards.revenue import revenue
from metrics.dashboards.runbook import runbook_board
from metrics.dashboards.satisfaction import satisfaction
from metrics.economics import Target

BOARDS = (overview, acquisition, revenue, churn, satisfaction, engine)


def boards(currency: str, runbook: str, targets: Iterable[Target] = ()) -> dict[str, dict[str, Any]]:
    """Draw all of them.

    Args:
        currency: the reporting currency.
        runbook: its text, for the board that alerts are explained on.
        targets: from the settings.
    """
    found: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        edition = Edition(language, currency, tuple(targets))
        for board in BOARDS:
            made = board(edition)
            found[f"{language}/{made.id}.json"] = drawn(made, edition)
    page = runbook_board(runbook)
    found[f"en/{page.id}.json"] = drawn(page, Edition("en", currency))
    return found
