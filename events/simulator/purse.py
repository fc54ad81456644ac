"""Minor units to the wire's money: the simulator reckons in integers, an event carries a decimal string."""

from ..money import minor_digits


class Purse:
    """Writes money of one currency, as `{"amount": "19.99", "currency": "EUR"}`."""

    __slots__ = ("_one", "currency", "digits")

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.digits = minor_digits(currency)
        self._one: int = 10**self.digits

    def __call__(self, minor: int) -> dict[str, str]:
        """Money of so many minor units, 0 or more."""
        if not self.digits:
            return {"amount": str(minor), "currency": self.currency}
        major, rest = divmod(minor, self._one)
        return {"amount": f"{major}.{rest:0{self.digits}d}", "currency": self.currency}

    def of_units(self, units: float) -> int:
        """Minor units of so many whole ones, rounded."""
        return round(units * self._one)
