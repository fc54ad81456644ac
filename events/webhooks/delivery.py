"""What a webhook's delivery says, in the contract's words.

Translating is pure: headers and a parsed body in, events out. What it can't know (whose order is given back) is left
to the receiver, who remembers; whether the sender is who it says was settled before, over the raw bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ..money import minor_digits
from ..rejection import shown
from .signatures import verify_body

Event = dict[str, Any]
"""A JSON object of the contract. Without `customer_id` it belongs to whoever placed its `order_id`."""


class BadDelivery(Exception):
    """A signed delivery that doesn't look as its sender's documentation says; names the field."""

    def __init__(self, field: str, got: object, expected: str) -> None:
        super().__init__(f"{field}: got {shown(got)}, expected {expected}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of a delivery.

    Attributes:
        events: in the contract's words.
        ignored: why there is none, if so: a delivery of no interest is no error.
    """

    events: tuple[Event, ...] = ()
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A kind of sender.

    Attributes:
        name: the last part of the path that it delivers to.
        verify: (secrets, headers, body, now in seconds) -> nothing, or `BadSignature`. Header names are lower-case.
        translate: (headers, parsed body, source) -> events, or `BadDelivery`.
        source: (headers) -> what the events' `source` is.
        is_greeting: (body) -> whether it only asks if anybody is there, unsigned; nothing is taken of it.
    """

    name: str
    verify: Callable[[Iterable[str], Mapping[str, str], bytes, float], None]
    translate: Callable[[Mapping[str, str], Any, str], Translation]
    source: Callable[[Mapping[str, str]], str]
    is_greeting: Callable[[bytes], bool] = lambda _body: False


def signed_body(header: str) -> Callable[[Iterable[str], Mapping[str, str], bytes, float], None]:
    """Return how to verify who signs the body in a header, as that header is written."""

    def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, _now_s: float) -> None:
        verify_body(secrets, body, headers.get(header.lower(), ""), header)

    return verify


def named_by(sender: str, header: str) -> Callable[[Mapping[str, str]], str]:
    """Return how to name the source of a sender's events: by the shop in a header, if it is there."""

    def source(headers: Mapping[str, str]) -> str:
        shop = headers.get(header)
        return f"{sender}:{shop}" if shop else sender

    return source


def member(document: Any, path: str, kind: type | tuple[type, ...], expected: str) -> Any:
    """Return the member of a JSON document at a dotted path.

    Raises:
        BadDelivery: it isn't there, or of another kind.
    """
    found = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, kind) or isinstance(found, bool):
        raise BadDelivery(path, found, expected)
    return found


def number_or_text(document: Any, path: str) -> str:
    """Return an identifier, which some senders write as a number, as text."""
    return str(member(document, path, (int, str), "an identifier"))


def from_unix(seconds: int) -> str:
    """Return an instant as the contract writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def guest(email: object, order_id: str) -> str:
    """Return who a customer without an account is: the same for the same address, which can't be read from it.

    Without an address somebody new each time: to add up strangers would make one very good customer of them.
    """
    address = email.strip().lower() if isinstance(email, str) else ""
    if not address:
        return f"guest-of-{order_id}"
    return f"guest-{hashlib.sha256(address.encode()).hexdigest()[:24]}"


def line(sku: object, fallback: object, quantity: object, total: Decimal, currency: str) -> Event:
    """Return a line of a purchase; products without a SKU go by their number."""
    text = str(sku or fallback or "unknown")[:64]
    made: Event = {"sku": text, "total": money(total, currency)}
    if isinstance(quantity, int) and quantity > 0:
        made["quantity"] = quantity
    return made


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """Return money of the contract; decimals that the currency hasn't, which shops may be set to show, are rounded."""
    smallest = Decimal(1).scaleb(-minor_digits(currency))
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < smallest.as_tuple().exponent:  # type: ignore[operator]
        amount = amount.quantize(smallest, ROUND_HALF_EVEN)
    return {"amount": f"{amount:f}", "currency": currency}


def amount(document: Any, path: str) -> Decimal:
    """Return a decimal number that is written as text.

    Raises:
        BadDelivery: it isn't one.
    """
    text = member(document, path, str, "an amount like '19.99'")
    try:
        found = Decimal(text)
    except ArithmeticError:
        raise BadDelivery(path, text, "an amount like '19.99'") from None
    if not found.is_finite():
        raise BadDelivery(path, text, "a finite amount")
    return found
