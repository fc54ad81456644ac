"""What shops and payment services deliver, as their documentation shows it, in the contract's words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from events.models import EVENT_ADAPTER
from events.webhooks import WEBHOOKS, BadDelivery, Event, Translation

SHOPIFY_ORDER = {
    "id": 820982911946154508,
    "created_at": "2021-12-31T19:00:00-05:00",
    "processed_at": "2021-12-31T19:05:00-05:00",
    "currency": "USD",
    "email": "Jon@Example.com",
    "test": False,
    "total_price": "388.00",
    "customer": {"id": 115310627314723954, "email": "john@example.com"},
    "line_items": [
        {
            "product_id": 788032119674292922,
            "sku": "IPOD-1",
            "quantity": 2,
            "price": "199.00",
            "total_discount": "10.00",
        },
        {"product_id": 788032119674292923, "sku": None, "quantity": 1, "price": "0.00", "total_discount": "0.00"},
    ],
}
SHOPIFY_REFUND = {
    "id": 890088186047892319,
    "order_id": 820982911946154508,
    "created_at": "2022-01-02T10:00:00-05:00",
    "processed_at": "2022-01-02T10:00:00-05:00",
    "transactions": [
        {"amount": "41.94", "currency": "USD", "kind": "refund", "status": "success"},
        {"amount": "10.00", "currency": "USD", "kind": "refund", "status": "failure"},
        {"amount": "1.06", "currency": "USD", "kind": "refund", "status": "success"},
    ],
}
SHOPIFY_CUSTOMER = {
    "id": 706405506930370084,
    "created_at": "2021-12-31T19:00:00-05:00",
    "default_address": {"country_code": "CA"},
}
WOO_ORDER = {
    "id": 727,
    "status": "processing",
    "currency": "CLP",
    "customer_id": 26,
    "date_created_gmt": "2020-03-11T19:54:40",
    "date_modified_gmt": "2020-03-12T08:00:00",
    "date_paid_gmt": "2020-03-11T19:56:05",
    "total": "18000",
    "billing": {"email": "test@example.com", "country": "CL"},
    "line_items": [{"product_id": 93, "sku": "", "quantity": 2, "total": "18000"}],
    "refunds": [{"id": 730, "reason": "", "total": "-3000"}],
}
SUBSCRIPTION = {
    "id": "sub_1",
    "customer": "cus_O5l2bYfI18oPK6",
    "created": 1686909917,
    "ended_at": 1723026328,
    "cancellation_details": {"comment": None, "feedback": None, "reason": "cancellation_requested"},
    "items": {"data": [{"price": {"lookup_key": "pro-yearly", "nickname": None}}]},
}
INVOICE = {
    "id": "in_1",
    "customer": "cus_1",
    "currency": "usd",
    "amount_paid": 8940,
    "status_transitions": {"paid_at": 1686909920},
}
CHECKOUT = {
    "id": "cs_1",
    "mode": "payment",
    "payment_status": "paid",
    "invoice": None,
    "customer": None,
    "customer_details": {"email": "a@example.com"},
    "amount_total": 1297,
    "currency": "usd",
}
CHARGE = {"id": "ch_1", "customer": "cus_1", "amount_refunded": 1297, "currency": "usd", "invoice": "in_1"}


def shopify(topic: str, document: Any) -> Translation:
    headers = {"x-shopify-topic": topic, "x-shopify-shop-domain": "a.example"}
    return WEBHOOKS["shopify"].translate(headers, document, WEBHOOKS["shopify"].source(headers))


def woo(document: Any, topic: str = "order.updated") -> Translation:
    return WEBHOOKS["woocommerce"].translate({"x-wc-webhook-topic": topic}, document, "woocommerce")


def stripe(kind: str, subject: Any, previous: dict[str, Any] | None = None) -> Translation:
    data = {"object": subject, "previous_attributes": previous} if previous else {"object": subject}
    document = {"id": "evt_1", "type": kind, "created": 1723026330, "livemode": True, "data": data}
    return WEBHOOKS["stripe"].translate({}, document, "stripe")


def only(translation: Translation) -> Event:
    """The one event, which the contract takes once somebody is named."""
    (event,) = translation.events
    EVENT_ADAPTER.validate_python({"customer_id": "known by its order", **event})
    return event


def test_a_shopify_order_is_a_purchase() -> None:
    """Of the customer, when it was paid, with its lines less their discounts."""
    event = only(shopify("orders/paid", SHOPIFY_ORDER))
    assert event == {
        "type": "purchase",
        "event_id": "purchase:820982911946154508",
        "customer_id": "115310627314723954",
        "occurred_at": "2021-12-31T19:05:00-05:00",
        "source": "shopify:a.example",
        "order_id": "820982911946154508",
        "total": {"amount": "388.00", "currency": "USD"},
        "lines": [
            {"sku": "IPOD-1", "quantity": 2, "total": {"amount": "388.00", "currency": "USD"}},
            {"sku": "788032119674292923", "quantity": 1, "total": {"amount": "0.00", "currency": "USD"}},
        ],
    }


def test_a_shopify_guest_is_known_by_the_address_that_cannot_be_read() -> None:
    """However it is written; without one, an order is somebody's of its own."""
    guest = only(shopify("orders/paid", {**SHOPIFY_ORDER, "customer": None}))["customer_id"]
    assert (
        guest
        == only(shopify("orders/paid", {**SHOPIFY_ORDER, "customer": None, "email": " jon@example.COM"}))["customer_id"]
    )
    assert guest.startswith("guest-")
    assert "jon" not in guest
    nobody = {**SHOPIFY_ORDER, "customer": None, "email": None}
    assert only(shopify("orders/paid", nobody))["customer_id"] == "guest-of-820982911946154508"


def test_a_shopify_refund_is_what_was_given_back_for_an_order() -> None:
    """Successful transactions added up; whose it is, the order knows."""
    event = only(shopify("refunds/create", SHOPIFY_REFUND))
    assert "customer_id" not in event
    assert (event["order_id"], event["total"]["amount"]) == ("820982911946154508", "43.00")
    assert "no money" in shopify("refunds/create", {**SHOPIFY_REFUND, "transactions": []}).ignored


def test_a_shopify_customer_is_acquired() -> None:
    """With the country of its address."""
    event = only(shopify("customers/create", SHOPIFY_CUSTOMER))
    assert (event["customer_id"], event["country"]) == ("706405506930370084", "CA")
    assert "carts/update" in shopify("carts/update", {}).ignored
    assert "test order" in shopify("orders/paid", {**SHOPIFY_ORDER, "test": True}).ignored


def test_a_woocommerce_order_is_told_at_each_change_with_the_same_ids() -> None:
    """A purchase when it was paid, and its refunds; a yen-like currency has no decimals."""
    first = woo({**WOO_ORDER, "refunds": []}).events
    purchase, refund = woo({**WOO_ORDER, "status": "completed"}).events
    assert first == (purchase,)
    for event in (purchase, refund):
        EVENT_ADAPTER.validate_python(event)
    assert (purchase["occurred_at"], purchase["total"]["amount"]) == ("2020-03-11T19:56:05Z", "18000")
    assert (refund["event_id"], refund["occurred_at"], refund["total"]["amount"]) == (
        "refund:730",
        "2020-03-12T08:00:00Z",
        "3000",
    )
    assert purchase["lines"][0]["sku"] == "93"


def test_a_woocommerce_order_that_is_not_paid_is_none() -> None:
    """Pending, on hold, cancelled, failed; and the greeting of a new webhook says nothing."""
    for status in ("pending", "on-hold", "cancelled", "failed"):
        assert "not paid" in woo({**WOO_ORDER, "status": status, "refunds": []}).ignored
    assert "not paid" in woo({**WOO_ORDER, "date_paid_gmt": None}).ignored
    assert woo({**WOO_ORDER, "customer_id": 0}).events[0]["customer_id"].startswith("guest-")


def test_a_stripe_subscription_is_a_lifetime() -> None:
    """It opens with its plan, and closes with its reason."""
    acquired = only(stripe("customer.subscription.created", SUBSCRIPTION))
    assert (acquired["type"], acquired["plan"], acquired["occurred_at"]) == (
        "customer-acquired",
        "pro-yearly",
        "2023-06-16T10:05:17+00:00",
    )
    ended = only(stripe("customer.subscription.deleted", SUBSCRIPTION))
    assert (ended["type"], ended["occurred_at"]) == ("cancellation", "2024-08-07T10:25:28+00:00")
    assert "reason" not in ended


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"reason": "payment_failed", "feedback": None}, {"reason": "payment-failed", "voluntary": False}),
        ({"reason": "payment_disputed", "feedback": None}, {"reason": "payment-disputed", "voluntary": False}),
        ({"reason": "cancellation_requested", "feedback": "too_expensive"}, {"reason": "too-expensive"}),
    ],
)
def test_a_stripe_cancellation_says_why(details: dict[str, Any], said: dict[str, Any]) -> None:
    """A payment that failed isn't the customer's will."""
    event = only(stripe("customer.subscription.deleted", {**SUBSCRIPTION, "cancellation_details": details}))
    assert {field: event[field] for field in ("reason", "voluntary") if field in event} == said


@pytest.mark.parametrize(
    ("currency", "smallest", "amount"),
    [("usd", 8940, "89.40"), ("jpy", 500, "500"), ("kwd", 12340, "12.340"), ("ugx", 50000, "500"), ("mga", 7, "7.00")],
)
def test_a_stripe_invoice_is_a_purchase_in_its_currency(currency: str, smallest: int, amount: str) -> None:
    """Smallest units are ISO's, but for a few currencies."""
    event = only(stripe("invoice.paid", {**INVOICE, "currency": currency, "amount_paid": smallest}))
    assert event["total"] == {"amount": amount, "currency": currency.upper()}
    assert event["occurred_at"] == "2023-06-16T10:05:20+00:00"


def test_a_sale_is_told_once_by_stripe() -> None:
    """A checkout that makes an invoice is told by that; a trial's invoice of nothing is no order."""
    assert only(stripe("checkout.session.completed", CHECKOUT))["total"]["amount"] == "12.97"
    for change in ({"mode": "subscription"}, {"invoice": "in_1"}, {"payment_status": "unpaid"}):
        assert not stripe("checkout.session.completed", {**CHECKOUT, **change}).events
    assert "trial" in stripe("invoice.paid", {**INVOICE, "amount_paid": 0}).ignored


def test_a_stripe_refund_is_what_was_given_back_since_the_last() -> None:
    """Two parts of one charge are two refunds."""
    part = only(stripe("charge.refunded", CHARGE, {"amount_refunded": 297}))
    assert (part["total"]["amount"], part["order_id"], part["customer_id"]) == ("10.00", "in_1", "cus_1")
    whole = only(stripe("charge.refunded", CHARGE, {"amount_refunded": 0}))
    assert whole["total"]["amount"] == "12.97"
    first = only(stripe("charge.refunded", {**CHARGE, "amount_refunded": 297}, {"amount_refunded": 0}))
    assert first["event_id"] != part["event_id"]


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (lambda: shopify("orders/paid", without(SHOPIFY_ORDER, "total_price")), "total_price"),
        (lambda: shopify("refunds/create", without(SHOPIFY_REFUND, "order_id")), "order_id"),
        (lambda: shopify("customers/create", []), "id"),
        (lambda: woo(without(WOO_ORDER, "currency")), "currency"),
        (lambda: woo({**WOO_ORDER, "total": "many"}), "total"),
        (lambda: stripe("invoice.paid", without(INVOICE, "customer")), "customer"),
        (lambda: stripe("customer.subscription.deleted", without(SUBSCRIPTION, "ended_at")), "ended_at"),
        (lambda: WEBHOOKS["stripe"].translate({}, [], "stripe"), "type"),
    ],
)
def test_a_delivery_that_lacks_something_is_refused_by_field(made: Any, field: str) -> None:
    """With what was expected there."""
    with pytest.raises(BadDelivery, match="expected") as refused:
        made()
    assert refused.value.field == field


def without(document: dict[str, Any], field: str) -> dict[str, Any]:
    rest = copy.deepcopy(document)
    del rest[field]
    return rest
