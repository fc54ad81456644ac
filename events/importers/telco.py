"""Telco customer churn: a fictional operator's subscribers, with their tenure, contract and charges.

The sample has no dates. They are invented here, so it serves for shapes and volumes and for nothing else: everyone is
observed on 2018-01-01 at noon UTC. Somebody who has stayed for n months was acquired n months and a few days before
that (the days are drawn from the customer's name, so that a run repeats itself), pays the monthly charge at each
monthly anniversary, and cancels at the last of them if marked as churned. A month is a twelfth of 365.25 days.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from .cells import decimal, in_order, money, text, whole
from .source_rows import BadRow, Event, Importer, Tally, event, take_rows

SOURCE = "telco"
OBSERVED_AT = datetime(2018, 1, 1, 12, tzinfo=UTC)
MONTH = timedelta(days=365.25 / 12)
COLUMNS = ("customerID", "tenure", "InternetService", "Contract", "MonthlyCharges", "Churn")
_MONTHS = range(600)


def read(paths: Sequence[Path], tally: Tally) -> Iterator[Event | BadRow]:
    """Yield acquisitions, monthly payments and cancellations; held until all is read, since the file has no order.

    Args:
        paths: the one file.
        tally: counts rows and events.
    """
    events: list[Event] = []
    yield from take_rows(paths[0], COLUMNS, tally, lambda row: events.extend(_subscriber(row)))
    yield from in_order(events, tally)


TELCO = Importer(
    name="telco",
    summary="a fictional operator's subscribers, with invented dates (IBM sample)",
    files=("Telco-Customer-Churn.csv[.gz]",),
    read=read,
)


def _subscriber(row: dict[str, str]) -> list[Event]:
    customer_id = text(row, "customerID", "a customer number")
    months, charge = whole(row, "tenure", _MONTHS), money(decimal(row, "MonthlyCharges"), "USD")
    if row["Churn"] not in ("Yes", "No"):
        raise BadRow(0, "Churn", row["Churn"], "Yes or No")
    since_anniversary = MONTH * (int.from_bytes(sha256(customer_id.encode()).digest()[:4]) / 2**32)
    acquired_at = (OBSERVED_AT - since_anniversary - months * MONTH).replace(microsecond=0)

    plan, segment = text(row, "Contract", "a contract"), text(row, "InternetService", "a kind of connection")
    events = [event("customer-acquired", "acquired", customer_id, acquired_at, SOURCE, plan=plan, segment=segment)]
    for month in range(1, months + 1):
        order_id = f"{customer_id}-{month}"
        at = acquired_at + month * MONTH
        sale = {"order_id": order_id, "total": charge}
        events.append(event("purchase", f"purchase:{order_id}", customer_id, at, SOURCE, **sale))
    if row["Churn"] == "Yes":
        events.append(event("cancellation", "cancelled", customer_id, acquired_at + months * MONTH, SOURCE))
    return events
