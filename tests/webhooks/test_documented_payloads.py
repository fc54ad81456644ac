"""Deliveries as large and as odd as the senders document them become events that the contract takes."""

from __future__ import annotations

from typing import Any

import documented as of
import pytest

from events.models import EVENT_ADAPTER
from events.webhooks import WEBHOOKS, BadDelivery, Event, Translation

WHOLE = ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")


def shopify(topic: str, document: Any) -> Translation:
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": "tea.example",
        "x-shopify-api-version": "2025-04",
        "x-shopify-webhook-id": "b54557e4",
        "x-shopify-event-id": "98880550",
    }
    return WEBHOOKS["shopify"].translate(headers, document, WEBHOOKS["shopify"].source(headers))


def woo(topic: str, document: Any) -> Translation:
    resource, _, event = topic.partition(".")
    headers = {
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-resource": resource,
        "x-wc-webhook-event": event,
        "x-wc-webhook-source": "https://shop.example/",
        "x-wc-webhook-id": "3",
        "x-wc-webhook-delivery-id": "d1",
    }
    return WEBHOOKS["woocommerce"].translate(headers, document, WEBHOOKS["woocommerce"].source(headers))


def stripe(kind: str, subject: dict[str, Any], **data: Any) -> Translation:
    return WEBHOOKS["stripe"].translate({}, of.stripe_event(kind, subject, **data), "stripe")


def only(translation: Translation) -> Event:
    """The one event, which the contract takes once somebody is named."""
    assert translation.events, translation.ignored
    (event,) = translation.events
    EVENT_ADAPTER.validate_python({"customer_id": "known by its order", **event})
    return event


def amounts(event: Event) -> list[str]:
    return [line["total"]["amount"] for line in event["lines"]]


# Shopify


def test_a_discount_code_is_taken_off_the_lines_on_which_it_is_allocated() -> None:
    """`total_discount` is 0.00 there, as documented; lines and shipping add up to what was paid."""
    event = only(shopify("orders/paid", of.SHOPIFY_ORDER))
    assert event["total"] == {"amount": "50.00", "currency": "EUR"}
    assert amounts(event) == ["36.00", "9.00"]
    assert [line["sku"] for line in event["lines"]] == ["TEA-100", "unknown"]
    assert (event["customer_id"], event["source"]) == ("7110001112223", "shopify:tea.example")
    assert event["occurred_at"] == "2026-02-03T10:00:02-05:00"


def test_a_line_that_an_app_reduced_itself_is_not_reduced_twice() -> None:
    """Then both members say the same discount."""
    line = {**of.SHOPIFY_ORDER["line_items"][0], "total_discount": "4.00"}
    assert amounts(only(shopify("orders/paid", {**of.SHOPIFY_ORDER, "line_items": [line]}))) == ["36.00"]
    alone = {**line, "discount_allocations": []}
    assert amounts(only(shopify("orders/paid", {**of.SHOPIFY_ORDER, "line_items": [alone]}))) == ["36.00"]


def test_an_order_at_the_till_without_a_customer_is_somebodys_of_its_own() -> None:
    """`customer` null or absent, the address empty."""
    at_the_till = {**of.SHOPIFY_ORDER, "customer": None, "email": "", "contact_email": None, "source_name": "pos"}
    assert only(shopify("orders/paid", at_the_till))["customer_id"] == "guest-of-5550001112223"
    del at_the_till["customer"]
    assert only(shopify("orders/paid", at_the_till))["customer_id"] == "guest-of-5550001112223"


def test_yen_that_are_written_with_decimals_are_yen() -> None:
    """A shop may write 2500.00 of a currency without decimals; the contract takes none."""
    order = {**of.SHOPIFY_ORDER, "currency": "JPY", "total_price": "2500.00", "line_items": []}
    assert only(shopify("orders/paid", order))["total"] == {"amount": "2500", "currency": "JPY"}


def test_a_shopify_refund_counts_what_was_given_back_and_no_test() -> None:
    """A pending one, a restocking and the bogus gateway give nothing back."""
    event = only(shopify("refunds/create", of.SHOPIFY_REFUND))
    assert (event["total"], event["order_id"]) == ({"amount": "18.00", "currency": "EUR"}, "5550001112223")
    (transaction,) = of.SHOPIFY_REFUND["transactions"]
    for change, why in (({"status": "pending"}, "no money"), ({"kind": "void"}, "no money"), ({"test": True}, "test")):
        refund = {**of.SHOPIFY_REFUND, "transactions": [{**transaction, **change}]}
        assert why in shopify("refunds/create", refund).ignored


def test_a_shopify_customer_is_acquired_with_or_without_an_address() -> None:
    """`default_address` may be missing, its country code null."""
    assert only(shopify("customers/create", of.SHOPIFY_CUSTOMER))["country"] == "GB"
    for address in (None, {**of.SHOPIFY_ADDRESS, "country_code": None}):
        assert "country" not in only(shopify("customers/create", {**of.SHOPIFY_CUSTOMER, "default_address": address}))


# WooCommerce


def test_a_woocommerce_order_is_a_purchase_when_it_was_paid() -> None:
    """By the time in GMT; the site's own has no offset."""
    event = only(woo("order.updated", of.WOO_ORDER))
    assert (event["occurred_at"], event["customer_id"]) == ("2026-03-21T09:31:00Z", "25")
    assert (event["total"]["amount"], amounts(event)) == ("29.35", ["18.00"])
    assert event["source"] == "woocommerce:https://shop.example/"


def test_a_paid_order_that_is_cancelled_and_given_back_is_not_lost() -> None:
    """Its refund would be: a purchase without it is revenue that nobody has."""
    refund = {"id": 901, "reason": "", "total": "-29.35"}
    purchase, given_back = woo("order.updated", {**of.WOO_ORDER, "status": "cancelled", "refunds": [refund]}).events
    assert purchase["event_id"] == only(woo("order.updated", of.WOO_ORDER))["event_id"]
    assert (given_back["type"], given_back["total"]["amount"]) == ("refund", "29.35")
    never_paid = {**of.WOO_ORDER, "status": "cancelled", "date_paid_gmt": None, "date_paid": None}
    assert "not paid" in woo("order.updated", never_paid).ignored


def test_a_webhook_of_an_old_api_is_refused_with_the_way_out() -> None:
    """Without times in GMT its orders would be taken for unpaid ones for ever."""
    old = {name: value for name, value in of.WOO_ORDER.items() if not name.endswith("_gmt")}
    with pytest.raises(BadDelivery, match=r"date_paid_gmt.*WP REST API v3"):
        woo("order.updated", old)


@pytest.mark.parametrize(
    ("currency", "written", "money"),
    [
        ("JPY", "1500.00", ("1500", "JPY")),
        ("EUR", "29.3500", ("29.35", "EUR")),
        ("EUR", "29.355", ("29.36", "EUR")),
        ("EUR", "29.345", ("29.34", "EUR")),
        ("KWD", "3.500", ("3.500", "KWD")),
        ("IRT", "250000", ("250000", "IRT")),
        ("IRHT", "250", ("250000", "IRT")),
        ("IRHR", "2500", ("2500000", "IRR")),
    ],
)
def test_a_shop_may_show_other_decimals_than_its_currency_has(
    currency: str, written: str, money: tuple[str, str]
) -> None:
    """Rounded half to even, as a payment is; thousands of rials and of tomans are no currencies."""
    order = {**of.WOO_ORDER, "currency": currency, "total": written, "line_items": []}
    event = only(woo("order.updated", order))
    assert (event["total"]["amount"], event["total"]["currency"]) == money


def test_a_woocommerce_customer_without_a_country_is_acquired() -> None:
    """Who registers before buying has an empty address."""
    assert only(woo("customer.created", of.WOO_CUSTOMER))["country"] == "IR"
    empty = {**of.WOO_CUSTOMER, "billing": dict.fromkeys(of.WOO_ADDRESS, "")}
    event = only(woo("customer.created", empty))
    assert "country" not in event
    assert event["occurred_at"] == "2026-03-21T09:00:00Z"


def test_a_guest_of_woocommerce_is_the_same_by_whatever_order() -> None:
    """`customer_id` 0 is nobody's account."""
    one = only(woo("order.updated", {**of.WOO_ORDER, "customer_id": 0}))
    two = only(woo("order.updated", {**of.WOO_ORDER, "id": 728, "customer_id": 0}))
    assert one["customer_id"] == two["customer_id"] != "0"


# Stripe


@pytest.mark.parametrize("invoice", [of.STRIPE_INVOICE, of.STRIPE_INVOICE_BEFORE_BASIL])
def test_an_invoice_is_read_alike_in_either_version_of_the_api(invoice: dict[str, Any]) -> None:
    """Members that moved or went with 2025-03-31 aren't read."""
    event = only(stripe("invoice.paid", invoice))
    assert (event["customer_id"], event["total"]) == (
        "cus_QzTapesh000001",
        {"amount": "20.00", "currency": "USD"},
    )
    assert event["occurred_at"] == "2026-01-01T10:00:02+00:00"


def test_a_guests_refund_names_the_order_and_the_guest_of_the_checkout() -> None:
    """Through the payment; the address may be written otherwise, or be missing: then the order knows."""
    bought = only(stripe("checkout.session.completed", of.STRIPE_SESSION))
    back = only(stripe("charge.refunded", of.STRIPE_CHARGE, previous_attributes={"amount_refunded": 0}))
    assert (back["customer_id"], back["order_id"]) == (bought["customer_id"], bought["order_id"])
    nameless = {**of.STRIPE_CHARGE, "billing_details": {**of.STRIPE_CHARGE["billing_details"], "email": None}}
    back = only(stripe("charge.refunded", nameless, previous_attributes={"amount_refunded": 0}))
    assert "customer_id" not in back
    assert back["order_id"] == bought["order_id"]


def test_a_payment_that_takes_days_is_a_purchase_once_it_came() -> None:
    """A debit completes the checkout unpaid; the same id tells it once, whichever says so."""
    unpaid = {**of.STRIPE_SESSION, "payment_status": "unpaid"}
    assert "isn't paid" in stripe("checkout.session.completed", unpaid).ignored
    late = only(stripe("checkout.session.async_payment_succeeded", of.STRIPE_SESSION))
    assert late["event_id"] == only(stripe("checkout.session.completed", of.STRIPE_SESSION))["event_id"]
    free = {**of.STRIPE_SESSION, "payment_status": "no_payment_required", "amount_total": 0, "payment_intent": None}
    assert not stripe("checkout.session.completed", free).events
    setup = {**of.STRIPE_SESSION, "mode": "setup", "amount_total": None, "currency": None, "customer_details": None}
    assert not stripe("checkout.session.completed", setup).events


def test_a_subscription_begins_when_its_first_payment_has_come() -> None:
    """One that waits for it, or never got it, is no customer; a trial is."""
    begun = {**of.STRIPE_SUBSCRIPTION, "status": "active", "ended_at": None, "canceled_at": None}
    waiting = {**begun, "status": "incomplete"}
    assert "first payment" in stripe("customer.subscription.created", waiting).ignored
    paid = only(stripe("customer.subscription.updated", begun, previous_attributes={"status": "incomplete"}))
    assert paid == only(stripe("customer.subscription.created", begun))
    expired = {**begun, "status": "incomplete_expired"}
    assert not stripe("customer.subscription.updated", expired, previous_attributes={"status": "incomplete"}).events
    assert not stripe("customer.subscription.updated", begun, previous_attributes={"quantity": 1}).events
    assert stripe("customer.subscription.created", {**begun, "status": "trialing"}).events
    assert "plan" not in paid


def test_a_subscriptions_end_says_why_or_nothing() -> None:
    """Older versions of the API have no details at all."""
    ended = only(stripe("customer.subscription.deleted", of.STRIPE_SUBSCRIPTION))
    assert (ended["reason"], ended["occurred_at"]) == ("switched-service", "2026-01-01T09:00:00+00:00")
    for details in (None, {"comment": None, "feedback": None, "reason": None}):
        event = only(
            stripe("customer.subscription.deleted", {**of.STRIPE_SUBSCRIPTION, "cancellation_details": details})
        )
        assert "reason" not in event


@pytest.mark.parametrize("currency", WHOLE)
def test_what_stripe_charges_whole_is_whole(currency: str) -> None:
    """Its list of currencies without decimals, of which the ariary has some by ISO 4217."""
    event = only(stripe("invoice.paid", {**of.STRIPE_INVOICE, "currency": currency.lower(), "amount_paid": 500}))
    assert float(event["total"]["amount"]) == 500


@pytest.mark.parametrize(
    ("currency", "smallest", "amount"),
    [("isk", 50000, 500), ("ugx", 50000, 500), ("huf", 50000, 500), ("twd", 50000, 500), ("bhd", 5120, 5.12)],
)
def test_stripes_special_cases_are_its_own(currency: str, smallest: int, amount: float) -> None:
    """Krónur and shillings in hundredths though they have none; dinars in thousandths."""
    event = only(stripe("invoice.paid", {**of.STRIPE_INVOICE, "currency": currency, "amount_paid": smallest}))
    assert float(event["total"]["amount"]) == amount


def test_the_test_mode_counts_nothing() -> None:
    """Whatever is delivered in it."""
    event = {**of.stripe_event("invoice.paid", of.STRIPE_INVOICE), "livemode": False}
    assert "test mode" in WEBHOOKS["stripe"].translate({}, event, "stripe").ignored
