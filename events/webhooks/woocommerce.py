"""WooCommerce: customer.created, and order.created and order.updated, from which an order is told once.

An order is delivered again at each of its changes, for as long as it lives. It becomes a purchase once it is paid, with
the same event id each time, and a refund for each of its refunds; the receiver remembers which it has had. A refund
comes without a date of its own and takes that of the change which brought it. Times are those marked as GMT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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

SIGNATURE = "X-WC-Webhook-Signature"
TOPIC = "x-wc-webhook-topic"
SHOP = "x-wc-webhook-source"
PAID = ("processing", "completed", "refunded")
"""The statuses of an order that has been paid."""
_THOUSANDS = {"IRHR": "IRR", "IRHT": "IRT"}
"""Shops in Iran may count in thousands of rials and of tomans, under codes that no currency has."""
_is_greeting = re.compile(rb"webhook_id=[0-9]+").fullmatch


def _translate(headers: Mapping[str, str], document: Any, source: str) -> Translation:
    topic = headers.get(TOPIC, "")
    if topic == "customer.created":
        return Translation((_customer(document, source),))
    if topic in ("order.created", "order.updated"):
        return _order(document, source)
    return Translation(ignored=f"topic {topic!r} says nothing that is counted")


WOOCOMMERCE = Webhook(
    "woocommerce",
    signed_body(SIGNATURE),
    _translate,
    named_by("woocommerce", SHOP),
    is_greeting=lambda body: _is_greeting(body) is not None,
)


def _customer(document: Any, source: str) -> Event:
    event: Event = {
        "type": "customer-acquired",
        "event_id": "acquired",
        "customer_id": number_or_text(document, "id"),
        "occurred_at": _gmt(document, "date_created_gmt"),
        "source": source,
    }
    if country := (document.get("billing") or {}).get("country"):
        event["country"] = country
    return event


def _order(document: Any, source: str) -> Translation:
    order_id, status = number_or_text(document, "id"), member(document, "status", str, "a status")
    if "date_paid_gmt" not in document:
        raise BadDelivery("date_paid_gmt", None, "that field: set the webhook's API version to WP REST API v3")
    refunded = document.get("refunds") or []
    if not document["date_paid_gmt"] or (status not in PAID and not refunded):  # one cancelled may be given back
        return Translation(ignored=f"an order that is {status!r} and not paid")
    customer, currency = number_or_text(document, "customer_id"), member(document, "currency", str, "a currency")
    times = 1000 if currency in _THOUSANDS else 1
    currency = _THOUSANDS.get(currency, currency)
    if customer == "0":
        customer = guest((document.get("billing") or {}).get("email"), order_id)
    common: Event = {"customer_id": customer, "source": source, "order_id": order_id}
    purchase: Event = {
        "type": "purchase",
        "event_id": f"purchase:{order_id}"[:64],
        "occurred_at": _gmt(document, "date_paid_gmt"),
        **common,
        "total": money(times * amount(document, "total"), currency),
    }
    items = document.get("line_items") or []
    if items:
        purchase["lines"] = [
            line(item.get("sku"), item.get("product_id"), item.get("quantity"), times * amount(item, "total"), currency)
            for item in items
        ]
    refunds: list[Event] = [
        {
            "type": "refund",
            "event_id": f"refund:{number_or_text(refund, 'id')}"[:64],
            "occurred_at": _gmt(document, "date_modified_gmt"),
            **common,
            "total": money(times * abs(amount(refund, "total")), currency),
        }
        for refund in refunded
    ]
    return Translation((purchase, *refunds))


def _gmt(document: Any, field: str) -> str:
    text = member(document, field, str, "a time in GMT")
    if text.endswith("Z") or "+" in text:
        raise BadDelivery(field, text, "a time in GMT without an offset")
    return f"{text}Z"
