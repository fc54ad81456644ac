"""A fiscal year moves what the quarter and the year of every KPI hold."""

from __future__ import annotations

from agreement import lines

from metrics.economics import Economics
from streams.compute import compute
from streams.meaning import Meaning

JUNE = 1_781_568_000_000  # 2026-06-16
MONTHS = ("2025-05-10", "2026-01-10", "2026-03-31", "2026-04-01", "2026-06-15")


def orders(start: int) -> dict[str, int]:
    """Orders of a log with one in each of `MONTHS`, by calendar window, and what the document says of its year."""
    log = [
        {
            "type": "purchase",
            "event_id": day,
            "customer_id": "c-1",
            "occurred_at": f"{day}T00:00:00Z",
            "order_id": day,
            "total": {"amount": "1.00", "currency": "EUR"},
        }
        for day in MONTHS
    ]
    meaning = Meaning(fiscal_year_start=start)
    document = compute(lines(log), meaning, Economics("EUR"), now_ms=JUNE).snapshot
    assert document["settings"].get("fiscal_year_start", "1") == str(start)
    return {window: document["windows"][window]["orders"] for window in ("month", "quarter", "year")}


def test_a_year_that_begins_in_april_leaves_out_march() -> None:
    """One that begins in July takes in what came since last July."""
    assert orders(1) == {"month": 1, "quarter": 2, "year": 4}
    assert orders(4) == {"month": 1, "quarter": 2, "year": 2}
    assert orders(6) == {"month": 1, "quarter": 1, "year": 1}
    assert orders(7) == {"month": 1, "quarter": 2, "year": 4}
