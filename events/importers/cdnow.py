"""CDNOW: every purchase of those who first bought from a music shop in early 1997, until June 1998.

The cohort on which a generation of models of customer value was tried. The file is no CSV: columns are separated by
blanks and have no header. Lines hold a customer, a date, how many CDs and what they cost; the sample of a tenth of the
customers carries a second customer number behind the first, which is left aside.

Choices: the first purchase is also the acquisition; a line is an order of its own, also where a customer has several
on one day; all of a day lies at noon in Pennsylvania; orders that cost nothing are left out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from .cells import day, decimal, in_order, money, noon, text, whole
from .source_rows import BadRow, Event, Importer, Tally, event, open_text

SOURCE = "cdnow"
ZONE = ZoneInfo("America/New_York")
_COLUMNS = {4: ("customer", "date", "cds", "amount"), 5: ("customer", "sample", "date", "cds", "amount")}
_MOST_CDS = range(1, 100_000)


def read(paths: Sequence[Path], tally: Tally) -> Iterator[Event | BadRow]:
    """Yield acquisitions and purchases; the file is sorted by customer, so it is held until all is read.

    Args:
        paths: the one file.
        tally: counts rows, events, and orders left out for a total of 0.
    """
    events: list[Event] = []
    acquired: set[str] = set()
    on_the_day: Counter[tuple[str, str]] = Counter()
    with open_text(paths[0]) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            tally.rows += 1
            try:
                events += _purchase(line, acquired, on_the_day, tally)
            except BadRow as bad:
                tally.bad_rows += 1
                bad.line, bad.file = number, paths[0].name
                yield bad
    yield from in_order(events, tally)


CDNOW = Importer(
    name="cdnow",
    summary="purchases of a music shop's new customers of early 1997, until June 1998 (Fader and Hardie)",
    files=("CDNOW_master.txt[.gz]",),
    read=read,
)


def _purchase(line: str, acquired: set[str], on_the_day: Counter[tuple[str, str]], tally: Tally) -> Iterator[Event]:
    cells = line.split()
    if len(cells) not in _COLUMNS:
        raise BadRow(0, "line", line.strip(), "four or five columns: customer, [sample,] date, CDs, amount")
    row = dict(zip(_COLUMNS[len(cells)], cells, strict=True))
    customer_id = f"cdnow-{text(row, 'customer', 'a customer number')}"
    at = noon(day(row, "date", "%Y%m%d"), ZONE)
    cds, amount = whole(row, "cds", _MOST_CDS), decimal(row, "amount")
    if amount == 0:
        tally.left_out["zero-total"] += 1
        return
    if customer_id not in acquired:
        acquired.add(customer_id)
        yield event("customer-acquired", "acquired", customer_id, at, SOURCE)
    on_the_day[customer_id, row["date"]] += 1
    order_id = f"{row['customer']}-{row['date']}-{on_the_day[customer_id, row['date']]}"
    total = money(amount, "USD")
    sale = {"order_id": order_id, "total": total, "lines": [{"sku": "cd", "quantity": cds, "total": total}]}
    yield event("purchase", f"purchase:{order_id}", customer_id, at, SOURCE, **sale)
