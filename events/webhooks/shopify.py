"""Shopify: customers/create, orders/paid and refunds/create.

A refund doesn't say whose it is, only which order's; its events come without `customer_id`. An order of somebody
without an account belongs to a guest, known by the address, which is hashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .delivery import (
    BadDelivery,
    Event,
    Translation,
    Webhook,
    amount,
    guest,
    line,
    member,
    money,
    named_by,
    number_or_text,
    signed_body,
)

SIGNATURE = "X-Shopify-Hmac-SHA256"
TOPIC = "x-shopify-topic"
SHOP = "x-shopify-shop-domain"


def _translate(headers: Mapping[str, str], document: Any, source: str) -> Translation:
    topic = headers.get(TOPIC, "")
    if topic == "customers/create":
        return Translation((_customer(document, source),))
    if topic == "orders/paid":
        return _order(document, source)
    if topic == "refunds/create":
        return _refund(document, source)
    return Translation(ignored=f"topic {topic!r} says nothing that is counted")


SHOPIFY = Webhook("shopify", signed_body(SIGNATURE), _translate, named_by("shopify", SHOP))


def _customer(document: Any, source: str) -> Event:
    event: Event = {
        "type": "customer-acquired",
        "event_id": "acquired",
        "customer_id": number_or_text(document, "id"),
        "occurred_at": member(document, "created_at", str, "a time with an offset"),
        "source": source,
    }
    address = document.get("default_address")
    if isinstance(address, dict) and isinstance(address.get("country_code"), str):
        event["country"] = address["country_code"]
    return event


def _order(document: Any, source: str) -> Translation:
    if document.get("test") is True:
        return Translation(ignored="a test order")
    order_id, currency = number_or_text(document, "id"), member(document, "currency", str, "a currency")
    customer = document.get("customer")
    if isinstance(customer, dict) and customer.get("id"):
        customer_id = number_or_text(document, "customer.id")
    else:
        customer_id = guest(document.get("email"), order_id)
    event: Event = {
        "type": "purchase",
        "event_id": f"purchase:{order_id}"[:64],
        "customer_id": customer_id,
        "occurred_at": document.get("processed_at") or member(document, "created_at", str, "a time with an offset"),
        "source": source,
        "order_id": order_id,
        "total": money(amount(document, "total_price"), currency),
    }
    items = document.get("line_items") or []
    if items:
        event["lines"] = [_line(item, currency) for item in items]
    return Translation((event,))


def _line(item: Any, currency: str) -> Event:
    quantity = member(item, "quantity", int, "a whole number")
    total = amount(item, "price") * quantity - _discount(item)
    return line(item.get("sku"), item.get("product_id"), quantity, total, currency)


def _discount(item: Any) -> Decimal:
    """Return what a line was reduced by: its share of every discount; `total_discount` has those of some apps alone."""
    if allocated := item.get("discount_allocations"):
        return sum((amount(each, "amount") for each in allocated), Decimal(0))
    return amount(item, "total_discount") if item.get("total_discount") else Decimal(0)


def _refund(document: Any, source: str) -> Translation:
    refund_id, order_id = number_or_text(document, "id"), number_or_text(document, "order_id")
    paid_back: dict[str, Decimal] = {}
    for transaction in member(document, "transactions", list, "a list of transactions"):
        if transaction.get("test") is True:
            return Translation(ignored="a test refund")
        if transaction.get("kind") == "refund" and transaction.get("status") == "success":
            currency = member(transaction, "currency", str, "a currency")
            paid_back[currency] = paid_back.get(currency, Decimal(0)) + amount(transaction, "amount")
    if not paid_back:
        return Translation(ignored="a refund by which no money was given back")
    if len(paid_back) > 1:
        raise BadDelivery("transactions", sorted(paid_back), "transactions in one currency")
    ((currency, total),) = paid_back.items()
    event: Event = {
        "type": "refund",
        "event_id": f"refund:{refund_id}"[:64],
        "occurred_at": document.get("processed_at") or member(document, "created_at", str, "a time with an offset"),
        "source": source,
        "order_id": order_id,
        "total": money(total, currency),
    }
    return Translation((event,))
