"""The "Online Retail" record: a British gift shop, December 2010 to December 2011, as events.

Real orders with real rhythms, and figures that others have published: what the engine makes of them can be checked.
Three choices turn its invoices into customers:

- Nobody signed up at this shop. A known customer's first order is the acquisition, at the same instant; the record
  begins on 2010-12-01, so everyone looks new in its first weeks.
- An invoice whose number begins with C cancels (part of) an *order*: a refund, never a cancellation of the customer,
  and no acquisition where it is the first that is heard of somebody. It doesn't name the order that it cancels, so its
  `order_id` is its own number.
- Orders whose total is 0 (samples, corrections) are no purchases unless asked for.

Stamps are local (Europe/London) minutes; of an hour that comes twice in autumn the first is meant.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from .countries import country_code
from .source_rows import BadRow, Event, Importer, Tally, open_rows

SOURCE = "online-retail"
ZONE = ZoneInfo("Europe/London")
PENNY = Decimal("0.01")
INVOICE_COLUMNS = ("invoice", "invoice_ts", "customer_id", "country", "amount")
LINE_COLUMNS = ("invoice", "stock_code", "quantity", "invoice_ts", "unit_price")
LINES_SPREAD = timedelta(minutes=5)
"""The lines of one invoice may carry later stamps than the invoice: by one minute in the record as published."""


def read(paths: Sequence[Path], tally: Tally, *, zero_totals: bool = False) -> Iterator[Event | BadRow]:
    """Yield the events of an invoice file, in time order, and of its order lines where a second file holds them.

    Args:
        paths: the invoices, then (optional) their lines; both sorted by `invoice_ts`, as published.
        tally: counts rows, events and what was left out: `no-customer` invoices and `zero-total` orders.
        zero_totals: make purchases (and acquisitions) of orders with a total of 0, too.
    """
    lines = _LinesByInvoice(paths[1]) if len(paths) > 1 else None
    acquired: set[str] = set()
    latest = ""
    for line, row in open_rows(paths[0], INVOICE_COLUMNS):
        tally.rows += 1
        try:
            if row["invoice_ts"] < latest:
                raise _bad("invoice_ts", row["invoice_ts"], f"a time at or after {latest}: sort the file by invoice_ts")
            local, amount = _stamp(row["invoice_ts"]), _amount(row["amount"])
            latest = row["invoice_ts"]
            order_lines = lines.take(row["invoice"], local) if lines else []
            for event in _events_of(row, local, amount, order_lines, acquired, tally, zero_totals=zero_totals):
                tally.events[event["type"]] += 1
                yield event
        except BadRow as bad:
            tally.bad_rows += 1
            bad.line, bad.file = bad.line or line, bad.file or paths[0].name
            yield bad


ONLINE_RETAIL = Importer(
    name="online-retail",
    summary="a British gift shop's orders of 2010-12 to 2011-12 (UCI 352)",
    files=("invoices.csv[.gz]", "[lines.csv[.gz]]"),
    read=read,
)


def _events_of(
    row: dict[str, str],
    local: datetime,
    amount: Decimal,
    order_lines: list[Event],
    acquired: set[str],
    tally: Tally,
    *,
    zero_totals: bool,
) -> Iterator[Event]:
    invoice, customer_id = row["invoice"], row["customer_id"]
    if not invoice:
        raise _bad("invoice", invoice, "an invoice number")
    if not customer_id:
        tally.left_out["no-customer"] += 1
        return
    occurred_at = local.replace(tzinfo=ZONE).isoformat()
    if invoice.startswith("C"):
        if amount > 0:
            raise _bad("amount", row["amount"], "an amount of 0 or less on an invoice beginning with C")
        yield {
            "type": "refund",
            "event_id": f"refund:{invoice}",
            "customer_id": customer_id,
            "occurred_at": occurred_at,
            "source": SOURCE,
            "order_id": invoice,
            "total": _pounds(-amount),
        }
        return
    if amount < 0:
        raise _bad("amount", row["amount"], "an amount of 0 or more on an invoice not beginning with C")
    if amount == 0 and not zero_totals:
        tally.left_out["zero-total"] += 1
        return
    total = _pounds(amount)  # before anybody is acquired: a refused order acquires nobody
    if customer_id not in acquired:
        acquired.add(customer_id)
        acquisition: Event = {
            "type": "customer-acquired",
            "event_id": f"acquired:{customer_id}",
            "customer_id": customer_id,
            "occurred_at": occurred_at,
            "source": SOURCE,
        }
        if country := country_code(row["country"]):
            acquisition["country"] = country
        yield acquisition
    purchase: Event = {
        "type": "purchase",
        "event_id": f"purchase:{invoice}",
        "customer_id": customer_id,
        "occurred_at": occurred_at,
        "source": SOURCE,
        "order_id": invoice,
        "total": total,
    }
    if order_lines:
        purchase["lines"] = order_lines
    yield purchase


class _LinesByInvoice:
    """Reads the lines file along with the invoices, no further ahead than lines of one invoice lie apart."""

    def __init__(self, path: Path) -> None:
        self._file = path.name
        self._rows = open_rows(path, LINE_COLUMNS)
        self._next = next(self._rows, None)
        self._waiting: dict[str, list[tuple[int, dict[str, str]]]] = {}

    def take(self, invoice: str, local: datetime) -> list[Event]:
        """The lines of `invoice`, which was written at `local`."""
        horizon = (local + LINES_SPREAD).isoformat()
        while self._next is not None and self._next[1]["invoice_ts"] <= horizon:
            self._waiting.setdefault(self._next[1]["invoice"], []).append(self._next)
            self._next = next(self._rows, None)
        return [self._line(line, row) for line, row in self._waiting.pop(invoice, [])]

    def _line(self, line: int, row: dict[str, str]) -> Event:
        try:
            quantity, price = int(row["quantity"]), _amount(row["unit_price"])
            total = (quantity * price).quantize(PENNY, ROUND_HALF_EVEN)  # four unit prices have tenths of a penny
        except ValueError:
            raise BadRow(line, "quantity", row["quantity"], "a whole number", self._file) from None
        except BadRow:
            raise BadRow(line, "unit_price", row["unit_price"], "a decimal number", self._file) from None
        item: Event = {"sku": row["stock_code"]}
        if quantity > 0:
            item["quantity"] = quantity
        item["total"] = {"amount": str(total), "currency": "GBP"}
        return item


def _bad(field: str, got: str, expected: str) -> BadRow:
    return BadRow(0, field, got, expected)  # the reader fills in line and file


def _stamp(text: str) -> datetime:
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise _bad("invoice_ts", text, "a local time like 2010-12-01T08:26:00") from None
    if stamp.tzinfo is not None:
        raise _bad("invoice_ts", text, "a local time without an offset")
    return stamp


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise _bad("amount", text, "a decimal number") from None
    if not amount.is_finite():
        raise _bad("amount", text, "a finite number")
    return amount


def _pounds(amount: Decimal) -> dict[str, str]:
    if amount != amount.quantize(PENNY):
        raise _bad("amount", str(amount), "at most two decimals")
    return {"amount": str(amount.quantize(PENNY)), "currency": "GBP"}
