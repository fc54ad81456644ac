"""Olist: 100,000 orders at Brazilian marketplaces, 2016 to 2018, with the reviews that followed.

Choices: a customer is the `customer_unique_id` (`customer_id` is new with every order); the first order acquires it,
`segment` is its state. An order's total is the price and freight of its items. Orders that were cancelled or never
available are left out: when that happened isn't told, so a refund would have no date. A review is a csat answer of 1
to 5, when it was given. Times are local, America/Sao_Paulo.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from .cells import decimal, in_order, instant, money, text, whole
from .source_rows import BadRow, Event, Importer, Tally, event, take_rows

SOURCE = "olist"
ZONE = ZoneInfo("America/Sao_Paulo")
NOT_SOLD = ("canceled", "unavailable")
ORDER_COLUMNS = ("order_id", "customer_id", "order_status", "order_purchase_timestamp")
CUSTOMER_COLUMNS = ("customer_id", "customer_unique_id", "customer_state")
ITEM_COLUMNS = ("order_id", "order_item_id", "product_id", "price", "freight_value")
REVIEW_COLUMNS = ("review_id", "order_id", "review_score", "review_answer_timestamp")
_SCORES = range(1, 6)


def read(paths: Sequence[Path], tally: Tally) -> Iterator[Event | BadRow]:
    """Yield acquisitions, purchases and reviews; held until all is read, since the files have no order.

    Args:
        paths: orders, customers, order items, then (optional) reviews.
        tally: counts rows and events; left out are orders by status, those without items, and reviews without order.
    """
    shop = _Shop(tally)
    yield from take_rows(paths[1], CUSTOMER_COLUMNS, tally, shop.customer)
    yield from take_rows(paths[2], ITEM_COLUMNS, tally, shop.item)
    yield from take_rows(paths[0], ORDER_COLUMNS, tally, shop.order)
    if len(paths) > len(("orders", "customers", "items")):
        yield from take_rows(paths[3], REVIEW_COLUMNS, tally, shop.review)
    yield from in_order(shop.events(), tally)


OLIST = Importer(
    name="olist",
    summary="100,000 orders at Brazilian marketplaces, 2016 to 2018, and their reviews (Olist)",
    files=(
        "olist_orders_dataset.csv[.gz]",
        "olist_customers_dataset.csv[.gz]",
        "olist_order_items_dataset.csv[.gz]",
        "[olist_order_reviews_dataset.csv[.gz]]",
    ),
    read=read,
)


class _Shop:
    """What is held of the files while they are read."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._customers: dict[str, tuple[str, str]] = {}
        self._items: dict[str, list[Event]] = {}
        self._freight: dict[str, Decimal] = {}
        self._orders: dict[str, tuple[str, str, datetime]] = {}
        self._reviews: list[Event] = []

    def customer(self, row: dict[str, str]) -> None:
        known_as = text(row, "customer_id", "a customer number")
        person = text(row, "customer_unique_id", "a person's number")
        self._customers[known_as] = (person, text(row, "customer_state", "a state"))

    def item(self, row: dict[str, str]) -> None:
        order, price, freight = text(row, "order_id", "an order"), decimal(row, "price"), decimal(row, "freight_value")
        item = {"sku": text(row, "product_id", "a product"), "quantity": 1, "total": money(price, "BRL")}
        self._items.setdefault(order, []).append(item)
        self._freight[order] = self._freight.get(order, Decimal(0)) + freight

    def order(self, row: dict[str, str]) -> None:
        order, status = text(row, "order_id", "an order"), text(row, "order_status", "a status")
        if status in NOT_SOLD:
            self._tally.left_out[f"order-{status}"] += 1
            return
        if order not in self._items:
            self._tally.left_out["order-without-items"] += 1
            return
        if row["customer_id"] not in self._customers:
            raise BadRow(0, "customer_id", row["customer_id"], "a customer of the customers' file")
        person, state = self._customers[row["customer_id"]]
        self._orders[order] = (person, state, instant(row, "order_purchase_timestamp", ZONE))

    def review(self, row: dict[str, str]) -> None:
        order, score = text(row, "order_id", "an order"), whole(row, "review_score", _SCORES)
        at = instant(row, "review_answer_timestamp", ZONE)
        if order not in self._orders:
            self._tally.left_out["review-without-order"] += 1
            return
        answer = {"survey": "csat", "touchpoint": "order", "score": score, "scale": 5}
        event_id = f"review:{text(row, 'review_id', 'a review')}"
        self._reviews.append(event("survey-response", event_id, self._orders[order][0], at, SOURCE, **answer))

    def events(self) -> Iterator[Event]:
        """Everything, an acquisition before the order that makes it."""
        acquired: set[str] = set()
        for order, (person, state, at) in sorted(self._orders.items(), key=lambda item: item[1][2]):
            if person not in acquired:
                acquired.add(person)
                yield event("customer-acquired", "acquired", person, at, SOURCE, country="BR", segment=state)
            items = self._items[order]
            paid = sum((Decimal(item["total"]["amount"]) for item in items), self._freight[order])
            sale = {"order_id": order, "total": money(paid, "BRL"), "lines": items}
            yield event("purchase", f"purchase:{order}", person, at, SOURCE, **sale)
        yield from self._reviews
