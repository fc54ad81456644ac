"""Amounts that are read side by side are what they are one by one, however they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from agreement import meaning
from hypothesis import given
from hypothesis import strategies as st

from events import wire
from events.money import Amounts
from streams import bulk_money
from streams.bulk_money import minor_of_all
from streams.fold import Fold

RATES = {"USD": Decimal("0.9137"), "JPY": Decimal("0.0061"), "KWD": Decimal("2.99"), "EUR": Decimal("1.08")}
DECIMALS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}


def amounts(currency: str) -> st.SearchStrategy[str]:
    """As a shop writes them: with all the currency's decimals, negative ones and zeros in front among them."""
    whole = st.one_of(st.integers(0, 99), st.integers(0, 10**8)).map(str)
    parts = [st.sampled_from(["", "", "-"]), st.sampled_from(["", "", "0", "0" * 9]), whole]
    if DECIMALS[currency]:
        fraction = st.integers(0, 10 ** DECIMALS[currency] - 1).map(lambda one: f".{one:0{DECIMALS[currency]}}")
        parts.append(fraction)
    return st.tuples(*parts).map("".join)


def odd(currency: str) -> st.SearchStrategy[str | float]:
    """With fewer decimals, or as numbers."""
    return st.one_of(amounts(currency), st.integers(-99, 99), st.integers(0, 99).map(str), st.just(7.0), st.just("-3"))


def money(amount: object, currencies: list[str]) -> st.SearchStrategy[wire.Money]:
    return st.sampled_from(currencies).flatmap(
        lambda currency: st.builds(wire.Money, amount=amount(currency), currency=st.just(currency))  # type: ignore[operator]
    )


@pytest.mark.parametrize("reporting", ["EUR", "JPY", "KWD"])
@given(data=st.data())
def test_money_side_by_side_is_money_one_by_one(reporting: str, data: st.DataObject) -> None:
    """Of one currency or several, alike or not."""
    written = data.draw(st.sampled_from([amounts, odd]))
    currencies = data.draw(st.sampled_from([[reporting], sorted(DECIMALS)]))
    some = data.draw(st.lists(money(written, currencies), max_size=12))
    fold = Fold(meaning(currency=reporting, rates={c: rate for c, rate in RATES.items() if c != reporting}))
    found = minor_of_all(some, reporting, fold.minor)
    assert found.tolist() == [fold.minor(each) for each in some]


def test_amounts_that_are_written_alike_arent_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else reading their digits would be right, and of no use; the largest accepted amount is among them."""
    monkeypatch.setattr(Amounts, "of", lambda _: pytest.fail("looked up"))
    written = ["9999999999999.99", "0.01", "-12.50", "007.00"]
    found = bulk_money.minor_of_own(written, "EUR")
    assert found.tolist() == [999_999_999_999_999, 1, -1250, 700]
