"""Stripe: subscriptions as lifetimes, paid invoices and one-off checkouts as purchases, refunded charges as refunds.

| event | becomes |
|---|---|
| customer.subscription.created | customer-acquired, if paid or on trial; its plan the price's lookup key or nickname |
| customer.subscription.updated | the same, where the first payment, which was missing, has come |
| customer.subscription.deleted | cancellation; `payment_failed` and `payment_disputed` are involuntary |
| invoice.paid | purchase, unless nothing was paid |
| checkout.session.completed | purchase where it is paid at once and makes no invoice, which would tell it again |
| checkout.session.async_payment_succeeded | the same, where the payment took its time |
| charge.refunded | refund of what was given back since the charge's last one |

Amounts are in the smallest unit of Stripe's choosing: that of ISO 4217, but for the currencies below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from ..money import minor_digits
from .delivery import BadDelivery, Event, Translation, Webhook, from_unix, guest, member, number_or_text
from .signatures import verify_timed

SIGNATURE = "stripe-signature"
_STRIPE_DIGITS = {"MGA": 0, "ISK": 2, "UGX": 2}
"""Where Stripe's smallest unit isn't ISO's: ariary are charged whole, krónur and shillings in hundredths."""
_NOT_BEGUN = ("incomplete", "incomplete_expired")
"""Of a subscription: its first payment hasn't come, or never will."""
_INVOLUNTARY = {"payment_failed": "payment-failed", "payment_disputed": "payment-disputed"}


def _verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now_s: float) -> None:
    verify_timed(secrets, body, headers.get(SIGNATURE, ""), "Stripe-Signature", now_s)


def _source(_headers: Mapping[str, str]) -> str:
    return "stripe"


def _translate(_headers: Mapping[str, str], document: Any, source: str) -> Translation:
    kind = member(document, "type", str, "the event's type")
    if kind not in _TRANSLATIONS:
        return Translation(ignored=f"event {kind!r} says nothing that is counted")
    if document.get("livemode") is False:
        return Translation(ignored="an event of the test mode")
    subject = member(document, "data.object", dict, "the event's object")
    found = _TRANSLATIONS[kind](subject, document)
    if isinstance(found, str):
        return Translation(ignored=found)
    return Translation(({**found, "source": source},))


STRIPE = Webhook("stripe", _verify, _translate, _source)


def _subscribed(subscription: Any, _document: Any) -> Event | str:
    if subscription.get("status") in _NOT_BEGUN:
        return "a subscription whose first payment is missing"
    event: Event = {
        "type": "customer-acquired",
        "event_id": f"acquired:{number_or_text(subscription, 'id')}"[:64],
        "customer_id": number_or_text(subscription, "customer"),
        "occurred_at": from_unix(member(subscription, "created", int, "a time in seconds")),
    }
    items = (subscription.get("items") or {}).get("data") or [{}]
    price = items[0].get("price") or {}
    if plan := price.get("lookup_key") or price.get("nickname"):
        event["plan"] = str(plan)[:64]
    return event


def _first_paid(subscription: Any, document: Any) -> Event | str:
    previous = member(document, "data", dict, "the event's data").get("previous_attributes") or {}
    if previous.get("status") not in _NOT_BEGUN:
        return "a change of a subscription that had begun"
    return _subscribed(subscription, document)


def _unsubscribed(subscription: Any, _document: Any) -> Event:
    details = subscription.get("cancellation_details") or {}
    event: Event = {
        "type": "cancellation",
        "event_id": f"cancelled:{number_or_text(subscription, 'id')}"[:64],
        "customer_id": number_or_text(subscription, "customer"),
        "occurred_at": from_unix(member(subscription, "ended_at", int, "a time in seconds")),
    }
    reason = details.get("reason")
    if reason in _INVOLUNTARY:
        return {**event, "reason": _INVOLUNTARY[reason], "voluntary": False}
    if feedback := details.get("feedback"):
        event["reason"] = str(feedback).replace("_", "-")[:64]
    return event


def _paid(invoice: Any, document: Any) -> Event | str:
    paid = member(invoice, "amount_paid", int, "an amount in the smallest unit")
    if paid == 0:
        return "an invoice of nothing, as at the start of a trial"
    transitions = invoice.get("status_transitions") or {}
    at = transitions.get("paid_at") or member(document, "created", int, "a time in seconds")
    invoice_id = number_or_text(invoice, "id")
    return _purchase(invoice_id, number_or_text(invoice, "customer"), at, paid, invoice)


def _checked_out(session: Any, document: Any) -> Event | str:
    if session.get("mode") != "payment" or session.get("invoice"):
        return "a checkout that its invoice tells"
    if session.get("payment_status") != "paid":
        return "a checkout that isn't paid"
    session_id = number_or_text(session, "id")
    email = (session.get("customer_details") or {}).get("email")
    customer = session.get("customer") or guest(email, session_id)
    total = member(session, "amount_total", int, "an amount in the smallest unit")
    purchase = _purchase(session_id, customer, member(document, "created", int, "a time in seconds"), total, session)
    return {**purchase, "order_id": str(session.get("payment_intent") or session_id)[:64]}  # a refund knows the intent


def _purchase(order_id: str, customer: str, at_s: int, amount: int, document: Any) -> Event:
    return {
        "type": "purchase",
        "event_id": f"purchase:{order_id}"[:64],
        "customer_id": customer,
        "occurred_at": from_unix(at_s),
        "order_id": order_id[:64],
        "total": _money(amount, document),
    }


def _given_back(charge: Any, document: Any) -> Event | str:
    refunded = member(charge, "amount_refunded", int, "an amount in the smallest unit")
    before = (member(document, "data", dict, "the event's data").get("previous_attributes") or {}).get(
        "amount_refunded", 0
    )
    if refunded <= before:
        return "a refund of nothing"
    charge_id = number_or_text(charge, "id")
    email = (charge.get("billing_details") or {}).get("email") or charge.get("receipt_email")
    event: Event = {
        "type": "refund",
        "event_id": f"refund:{charge_id}:{refunded}"[:64],
        "occurred_at": from_unix(member(document, "created", int, "a time in seconds")),
        "order_id": str(charge.get("invoice") or charge.get("payment_intent") or charge_id)[:64],
        "total": _money(refunded - before, charge),
    }
    if customer := charge.get("customer") or (email and guest(email, charge_id)):
        event["customer_id"] = customer  # else whoever placed the order
    return event


def _money(amount: int, document: Any) -> dict[str, str]:
    currency = member(document, "currency", str, "a currency").upper()
    digits = minor_digits(currency)
    major = Decimal(amount).scaleb(-_STRIPE_DIGITS.get(currency, digits))
    exact = major.quantize(Decimal(1).scaleb(-digits))
    if exact != major:
        raise BadDelivery("amount", amount, f"an amount that {currency} can say")
    return {"amount": str(exact), "currency": currency}


_TRANSLATIONS: dict[str, Callable[[Any, Any], Event | str]] = {
    "customer.subscription.created": _subscribed,
    "customer.subscription.updated": _first_paid,
    "customer.subscription.deleted": _unsubscribed,
    "invoice.paid": _paid,
    "checkout.session.completed": _checked_out,
    "checkout.session.async_payment_succeeded": _checked_out,
    "charge.refunded": _given_back,
}
