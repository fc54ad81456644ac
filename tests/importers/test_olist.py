"""A marketplace's files, joined: persons across their orders, totals with freight, answers with dates."""

from pathlib import Path

import pytest

from events.importers import IMPORTERS, BadRow, Event, Tally
from events.models import EVENT_ADAPTER

read = IMPORTERS["olist"].read
FILES = {
    "orders.csv": """\
order_id,customer_id,order_status,order_purchase_timestamp
o2,c2,delivered,2018-02-01 09:30:00
o1,c1,delivered,2018-01-05 10:00:00
o3,c3,canceled,2018-01-06 10:00:00
o4,c1,shipped,2018-01-07 10:00:00
""",
    "customers.csv": """\
customer_id,customer_unique_id,customer_state
c1,ana,SP
c2,ana,SP
c3,rui,RJ
""",
    "items.csv": """\
order_id,order_item_id,product_id,price,freight_value
o1,1,p1,10.00,2.50
o1,2,p2,5.00,2.50
o2,1,p1,10.00,0.00
o3,1,p1,10.00,0.00
""",
    "reviews.csv": """\
review_id,order_id,review_score,review_comment_message,review_answer_timestamp
r1,o1,5,"muito
bom",2018-01-20 12:00:00
r2,o3,1,,2018-01-20 12:00:00
""",
}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in FILES]


def test_orders_become_a_persons_purchases(files: list[Path]) -> None:
    """Customer numbers change with every order; the person stays, and is acquired by the first of them."""
    tally = Tally()
    events: list[Event] = [event for event in read(files, tally) if isinstance(event, dict)]
    for event in events:
        EVENT_ADAPTER.validate_python(event)
    assert [(e["type"], e["customer_id"], e["occurred_at"]) for e in events] == [
        ("customer-acquired", "ana", "2018-01-05T10:00:00-02:00"),
        ("purchase", "ana", "2018-01-05T10:00:00-02:00"),
        ("survey-response", "ana", "2018-01-20T12:00:00-02:00"),
        ("purchase", "ana", "2018-02-01T09:30:00-02:00"),
    ]
    assert events[1]["total"] == {"amount": "20.00", "currency": "BRL"}
    assert (events[0]["country"], events[0]["segment"]) == ("BR", "SP")
    assert (events[2]["survey"], events[2]["score"], events[2]["scale"]) == ("csat", 5, 5)
    assert tally.left_out == {"order-canceled": 1, "order-without-items": 1, "review-without-order": 1}


def test_reviews_may_be_left_out(files: list[Path]) -> None:
    """The other three are needed."""
    kinds = {event["type"] for event in read(files[:3], Tally()) if isinstance(event, dict)}
    assert kinds == {"customer-acquired", "purchase"}


def test_an_order_of_nobody_is_an_output(files: list[Path]) -> None:
    """Its customer is in no row of the customers' file."""
    with files[0].open("a") as orders:
        orders.write("o1,c9,delivered,2018-01-05 10:00:00\n")
    (bad,) = [item for item in read(files, Tally()) if isinstance(item, BadRow)]
    assert (bad.file, bad.line, bad.field, bad.got) == ("orders.csv", 6, "customer_id", "c9")
