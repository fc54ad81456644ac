"""What a rebuild changes is told figure by figure."""

from __future__ import annotations

from typing import Any

from streams.comparison import Change, compare


def document(windows: dict[str, Any], currency: str = "EUR") -> dict[str, Any]:
    return {"settings": {"currency": currency}, "windows": windows}


def test_changes_come_with_the_largest_share_first_and_splits_are_left_out() -> None:
    """A figure that comes or goes weighs most; one that is alike up to rounding doesn't count."""
    before = {"30d": {"orders": 100, "churn_rate": 0.1, "nps": None, "buyers": 5, "churn_reasons": {"price": 1}}}
    after = {"30d": {"orders": 99, "churn_rate": 0.2, "nps": 12.0, "buyers": 5, "churn_reasons": {"price": 2}}}
    found = compare(document(before), document(after))
    assert found.changes == (
        Change("30d", "nps", None, 12.0),
        Change("30d", "churn_rate", 0.1, 0.2),
        Change("30d", "orders", 100, 99),
    )
    assert (found.same, found.incomparable) == (1, 0)


def test_windows_that_one_lacks_and_money_of_another_currency_arent_compared() -> None:
    """A revenue in toman beside one in euros would be a change of everything."""
    before = {"30d": {"orders": 1, "revenue": 10.0}, "90d": {"orders": 1}}
    after = {"30d": {"orders": 1, "revenue": 900.0}, "7d": {"orders": 1}}
    found = compare(document(before), document(after, "IRR"))
    assert (found.changes, found.same, found.incomparable) == ((), 1, 3)
