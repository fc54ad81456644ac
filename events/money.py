"""Money as integers: amounts are read exactly, and converted to the reporting currency one by one.

Sums of floats depend on their order, and a KPI must not: from here on, money is an integer of minor units.
Without the bound, one absurd amount could wrap a 64-bit sum and turn a year's revenue negative.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Protocol

from .names import INVALID_FIELD, UNKNOWN_CURRENCY
from .rejection import Rejected, shown

LARGEST_MINOR = 10**15
LONGEST_AMOUNT = 24
"""Characters of an amount given as a string: more than the largest one needs."""

_REMEMBERED = 1 << 16
_TWO_DECIMALS = 2
_WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
_OTHER_DECIMALS: Mapping[str, int] = {  # ISO 4217, the currencies whose minor unit isn't a hundredth
    **dict.fromkeys(_WITHOUT_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    **dict.fromkeys(_FOUR_DECIMALS.split(), 4),
}
_CURRENCY = re.compile(r"[A-Z]{3}")
_DECIMAL = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class Amount(Protocol):
    """Money of either kind: the contract's model or the hot path's struct."""

    @property
    def amount(self) -> str | int | float:
        """As it was written."""

    @property
    def currency(self) -> str:
        """ISO 4217."""


class AmountError(ValueError):
    """An amount or a currency that isn't one. `part` names which of the two is wrong."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(detail)
        self.part = part


def minor_digits(currency: str) -> int:
    """Decimals of the currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD, 4 for CLF."""
    return _OTHER_DECIMALS.get(currency, _TWO_DECIMALS)


@lru_cache(maxsize=_REMEMBERED)  # prices repeat, and a hit costs a tenth of the arithmetic
def minor_units(amount: str | float, currency: str) -> int:
    """The amount in minor units of its own currency, exactly.

    Strings are judged as they are written, so that "10.000" is no amount in EUR (three decimals: a
    thousands separator gone wrong, more often than not); numbers by the value of their shortest decimal form.

    Raises:
        AmountError: not a plain decimal, more decimals than the currency has, or more than 10**15 minor units.
    """
    digits = _digits_of(currency)
    minor = _read(amount, digits) if isinstance(amount, str) else _scale(amount, digits)
    if minor is None:
        raise AmountError("amount", f"got {shown(amount)}, expected at most {digits} decimals in {currency}")
    if abs(minor) > LARGEST_MINOR:
        raise AmountError(
            "amount", f"got {shown(amount)} {currency}, expected at most 10**15 minor units (64-bit sums must not wrap)"
        )
    return minor


class Amounts(dict[str | int | float, int]):
    """Minor units by amount, of one currency: `minor_units` for who reads many amounts in a row.

    `Amounts.of(currency)[amount]` costs a look-up, where the amount has been seen.

    Raises:
        AmountError: on look-up, as `minor_units`.
    """

    def __init__(self, currency: str) -> None:
        super().__init__()
        self._currency = currency

    @staticmethod
    @lru_cache(maxsize=64)
    def of(currency: str) -> Amounts:
        """Return those of a currency; only amounts tell whether it is one."""
        return Amounts(currency)

    def __missing__(self, amount: str | float) -> int:
        """Read an amount that hasn't been seen, and remember it among the latest."""
        minor = minor_units(amount, self._currency)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[amount] = minor
        return minor


@lru_cache(maxsize=1 << 10)
def _digits_of(currency: str) -> int:
    if not _CURRENCY.fullmatch(currency):
        raise AmountError("currency", f"got {shown(currency)}, expected three upper-case letters like 'EUR'")
    return minor_digits(currency)


def _read(amount: str, digits: int) -> int | None:
    """A decimal string times 10**digits; None if it has more decimals than that."""
    decimal = _DECIMAL.fullmatch(amount) if len(amount) <= LONGEST_AMOUNT else None
    if decimal is None:
        raise AmountError(
            "amount",
            f"got {shown(amount)}, expected a plain decimal like '19.99', of at most {LONGEST_AMOUNT} characters",
        )
    whole, fraction = decimal.groups(default="")
    surplus = len(fraction) - digits
    return None if surplus > 0 else int(whole + fraction) * 10**-surplus


def _scale(amount: float, digits: int) -> int | None:
    """A number times 10**digits; None if that isn't an integer. Beyond the bound, some integer beyond it."""
    if not abs(amount) <= LARGEST_MINOR:  # so that NaN is caught, too
        return LARGEST_MINOR + 1
    scaled = Decimal(repr(amount)).scaleb(digits, _EXACT)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def has_sign(amount: str | float) -> bool:
    """Is the amount negative, or written with a sign? Only the total of a purchase's line may be."""
    return amount.startswith("-") if isinstance(amount, str) else amount < 0


class Converter:
    """Converts money to minor units of the reporting currency.

    Args:
        reporting: the currency that KPIs are in.
        rates: what one unit of another currency is worth in the reporting currency.

    Raises:
        ValueError: a currency that isn't three upper-case letters, or a rate that isn't positive and finite.
    """

    def __init__(self, reporting: str, rates: Mapping[str, Decimal] | None = None) -> None:
        self.reporting = reporting
        self.rates = dict(rates or {})
        for currency in (reporting, *self.rates):
            if not _CURRENCY.fullmatch(currency):
                raise ValueError(f"currency {shown(currency)}: expected three upper-case letters like 'EUR'")
        for currency, rate in self.rates.items():
            if not (rate.is_finite() and rate > 0):
                raise ValueError(f"rate of {currency}: got {rate}, expected a positive number like Decimal('1.08')")
        if self.rates.get(reporting, 1) != 1:
            raise ValueError(f"rate of {reporting}: got {self.rates[reporting]}, but it is the reporting currency: 1")
        digits = minor_digits(reporting)
        self._factors = {c: rate.scaleb(digits - minor_digits(c), _EXACT) for c, rate in self.rates.items()}

    def minor(self, money: Amount, field: str = "") -> int:
        """The money in minor units of the reporting currency, rounded half-even, on its own.

        Args:
            money: of either kind; its amount may be negative (a line's total).
            field: path of the money in its event, for the rejection, e.g. `total`.

        Raises:
            Rejected: `unknown-currency` if there is no rate; `invalid-field` if the result passes 10**15.
        """
        currency = money.currency
        try:
            own = minor_units(money.amount, currency)
        except AmountError as error:
            raise Rejected(INVALID_FIELD, _path(field, error.part), str(error)) from None
        if currency == self.reporting:
            return own
        factor = self._factors.get(currency)
        if factor is None:
            known = ", ".join(sorted({self.reporting, *self.rates}))
            detail = f"got {shown(currency)}, expected one with a configured rate: {known}"
            raise Rejected(UNKNOWN_CURRENCY, _path(field, "currency"), detail)
        converted = int(_EXACT.multiply(Decimal(own), factor).to_integral_value(ROUND_HALF_EVEN))
        if abs(converted) > LARGEST_MINOR:
            detail = (
                f"got {shown(money.amount)} {currency}, expected at most 10**15 minor units of {self.reporting} "
                "(64-bit sums must not wrap)"
            )
            raise Rejected(INVALID_FIELD, _path(field, "amount"), detail)
        return converted


def _path(field: str, part: str) -> str:
    return f"{field}.{part}" if field else part
