"""The runbook as a board: whoever sees an alert finds what to do, without the repository at hand."""

from __future__ import annotations

from metrics.dashboards.panel import Board, Panel
from metrics.dashboards.variables import RUNBOOK_TAG

_HEIGHT = 100
_ABOUT = "What each alert means and what to do first."


def runbook_board(text: str) -> Board:
    """Put the page on a board.

    Args:
        text: the page, in Markdown; it is English.
    """
    panel = Panel("What each alert means", _ABOUT, "none", (), kind="text", width=24, height=_HEIGHT, text=text)
    return Board("runbook", "Tapesh: runbook", _ABOUT, {"Runbook": (panel,)}, chosen="nothing", tag=RUNBOOK_TAG)
