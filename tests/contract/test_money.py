"""Money becomes integers, exactly, and each value on its own."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.models import Money, SignedMoney
from events.money import LARGEST_MINOR, AmountError, Converter, minor_digits, minor_units
from events.rejection import Rejected


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("IRR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("CLP", 0)]
)
def test_a_currency_has_its_own_decimals(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits
    assert minor_units("7", currency) == 7 * 10**digits


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.99", "EUR", 1999), (19.99, "EUR", 1999), ("19.9", "EUR", 1990), (1e2, "EUR", 10000), ("0", "EUR", 0),
        ("-5.00", "EUR", -500), ("-0.05", "EUR", -5), (-0.05, "EUR", -5), (-0.0, "EUR", 0), ("007.5", "EUR", 750),
        ("100", "JPY", 100), (100.0, "JPY", 100), ("1.234", "KWD", 1234), ("0.0001", "CLF", 1),
        ("10000000000000.00", "EUR", LARGEST_MINOR), (10**15, "JPY", LARGEST_MINOR),
        (1.1, "EUR", 110), (2.675, "KWD", 2675), (4.35, "EUR", 435), (0.29, "EUR", 29),
    ],
)  # fmt: skip
def test_an_amount_is_read_exactly(amount, currency: str, minor: int) -> None:
    assert minor_units(amount, currency) == minor


@given(st.integers(0, LARGEST_MINOR), st.sampled_from(["JPY", "EUR", "KWD", "CLF"]))
def test_what_is_written_is_what_is_read(minor: int, currency: str) -> None:
    assert minor_units(f"{Decimal(minor).scaleb(-minor_digits(currency)):f}", currency) == minor


@given(st.integers(0, 10**14))
def test_a_float_of_cents_is_read_as_those_cents(cents: int) -> None:
    assert minor_units(cents / 100, "EUR") == cents


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -float("inf"), 10**400, 1e300, "9" * 24, 1e-320])
def test_what_no_ledger_holds_is_refused(amount) -> None:
    with pytest.raises(AmountError):
        minor_units(amount, "EUR")


def test_the_reporting_currency_needs_no_rate() -> None:
    assert Converter("EUR").minor(Money(amount="19.99", currency="EUR")) == 1999


@pytest.mark.parametrize(
    ("amount", "minor"), [("0.01", 0), ("0.03", 2), ("0.05", 2), ("0.07", 4), ("-0.01", 0), ("-0.03", -2)]
)
def test_a_conversion_rounds_half_to_even(amount: str, minor: int) -> None:
    converter = Converter("EUR", {"USD": Decimal("0.5")})
    assert converter.minor(SignedMoney(amount=amount, currency="USD")) == minor


def test_a_conversion_minds_the_decimals_of_both_currencies() -> None:
    rates = {"JPY": Decimal("0.006"), "KWD": Decimal("3.01")}
    assert Converter("EUR", rates).minor(Money(amount="1000", currency="JPY")) == 600
    assert Converter("EUR", rates).minor(Money(amount="1.001", currency="KWD")) == 301
    assert Converter("JPY", {"EUR": Decimal("163.2")}).minor(Money(amount="19.99", currency="EUR")) == 3262


@given(st.integers(-(10**12), 10**12), st.decimals("0.000001", "1000", places=6))
def test_a_conversion_is_the_exact_product_rounded_once(minor: int, rate: Decimal) -> None:
    money = SignedMoney(amount=f"{Decimal(minor).scaleb(-2):f}", currency="USD")
    exact = (Decimal(minor) * rate).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert Converter("EUR", {"USD": rate}).minor(money) == exact


def test_a_currency_without_rate_is_rejected_by_name() -> None:
    with pytest.raises(Rejected, match="configured rate: EUR, USD") as caught:
        Converter("EUR", {"USD": Decimal(1)}).minor(Money(amount="1", currency="CHF"), "total")
    assert (caught.value.reason, caught.value.field) == ("unknown-currency", "total.currency")


def test_what_a_rate_makes_too_large_is_rejected() -> None:
    with pytest.raises(Rejected) as caught:
        Converter("IRR", {"EUR": Decimal(1_000_000)}).minor(Money(amount="9999999999", currency="EUR"), "spend")
    assert (caught.value.reason, caught.value.field) == ("invalid-field", "spend.amount")


@pytest.mark.parametrize(
    ("reporting", "rates"),
    [
        ("eur", {}),
        ("EUR", {"usd": Decimal(1)}),
        ("EUR", {"USD": Decimal(0)}),
        ("EUR", {"USD": Decimal("NaN")}),
        ("EUR", {"EUR": Decimal(2)}),
    ],
)
def test_senseless_rates_are_refused_at_start(reporting: str, rates: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match=r"expected|reporting"):
        Converter(reporting, rates)
