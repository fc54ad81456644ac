"""The Complete Journey: a year of 2,377 households' baskets at a US grocer, with coupons and campaigns.

Choices: a household is acquired at its first basket (everyone looks new in the first weeks, since the record begins
there). A basket is an order, at the time of its first line; its lines are those of the file, of which the published
sample holds one in twenty, so that totals are parts of baskets. Its money is `sales_value`, what the shop receives: a
maker pays for its coupons. A coupon redeemed is a reward redeemed; a campaign that a household was chosen for is a
reward issued on its first day, the earliest of which enrols the household in the programme. Dates without a time lie
at noon in New York.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from .cells import day, decimal, in_order, instant, money, noon, text
from .source_rows import BadRow, Event, Importer, Tally, event, take_rows

SOURCE = "complete-journey"
ZONE = ZoneInfo("America/New_York")
LINE_COLUMNS = (
    "household_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "transaction_timestamp",
)


def read(paths: Sequence[Path], tally: Tally) -> Iterator[Event | BadRow]:
    """Yield everything in order of time; held until all is read.

    Args:
        paths: basket lines, then (optional, in this order) demographics, coupon redemptions, campaigns, and the
            campaigns' descriptions.
        tally: counts rows and events, `zero-total` baskets and `unknown-campaign` choices left out.
    """
    given = dict(zip(("lines", "demographics", "redemptions", "campaigns", "descriptions"), paths, strict=False))
    journey = _Journey(tally)
    if "demographics" in given:
        yield from take_rows(given["demographics"], ("household_id", "age"), tally, journey.household)
    yield from take_rows(given["lines"], LINE_COLUMNS, tally, journey.line)
    if "redemptions" in given:
        columns = ("household_id", "coupon_upc", "campaign_id", "redemption_date")
        yield from take_rows(given["redemptions"], columns, tally, journey.redemption)
    if "descriptions" in given:
        yield from take_rows(given["descriptions"], ("campaign_id", "start_date"), tally, journey.campaign)
        yield from take_rows(given["campaigns"], ("campaign_id", "household_id"), tally, journey.choice)
    yield from in_order(journey.events(), tally)


COMPLETE_JOURNEY = Importer(
    name="complete-journey",
    summary="a year of a US grocer's households: baskets, coupons, campaigns (84.51 degrees)",
    files=(
        "transactions.csv[.gz]",
        "[demographics.csv]",
        "[coupon_redemptions.csv]",
        "[campaigns.csv]",
        "[campaign_descriptions.csv]",
    ),
    read=read,
)


class _Journey:
    """What is held of the files while they are read."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._age: dict[str, str] = {}
        self._baskets: dict[str, tuple[str, datetime, list[Event]]] = {}
        self._starts: dict[str, date] = {}
        self._enrolled: dict[str, datetime] = {}
        self._loyalty: dict[str, Event] = {}

    def household(self, row: dict[str, str]) -> None:
        self._age[_household(row)] = text(row, "age", "an age group")

    def line(self, row: dict[str, str]) -> None:
        at, quantity = instant(row, "transaction_timestamp", ZONE), decimal(row, "quantity")
        basket, household = text(row, "basket_id", "a basket number"), _household(row)
        received = decimal(row, "sales_value")
        item: Event = {"sku": text(row, "product_id", "a product number")}
        if quantity > 0:
            item["quantity"] = float(quantity)
        item["total"] = money(received, "USD")
        _, first, items = self._baskets.get(basket, (household, at, []))
        self._baskets[basket] = (household, min(first, at), [*items, item])

    def redemption(self, row: dict[str, str]) -> None:
        coupon = f"{text(row, 'campaign_id', 'a campaign')}:{text(row, 'coupon_upc', 'a coupon')}"
        at = noon(day(row, "redemption_date"), ZONE)
        self._activity(_household(row), "reward-redeemed", at, f"redeemed:{coupon}:{at.date()}")

    def campaign(self, row: dict[str, str]) -> None:
        self._starts[text(row, "campaign_id", "a campaign")] = day(row, "start_date")

    def choice(self, row: dict[str, str]) -> None:
        campaign, household = text(row, "campaign_id", "a campaign"), _household(row)
        if campaign not in self._starts:
            self._tally.left_out["unknown-campaign"] += 1
            return
        at = noon(self._starts[campaign], ZONE)
        self._enrolled[household] = min(at, self._enrolled.get(household, at))
        self._activity(household, "reward-issued", at, f"issued:{campaign}")

    def events(self) -> Iterator[Event]:
        """Everything, an acquisition before what follows it at the same instant."""
        orders = sorted(self._baskets.items(), key=lambda basket: basket[1][1])
        acquired: set[str] = set()
        for basket, (household, at, items) in orders:
            total = sum((Decimal(item["total"]["amount"]) for item in items), Decimal(0))
            if total == 0:
                self._tally.left_out["zero-total"] += 1
                continue
            if household not in acquired:
                acquired.add(household)
                age = {"segment": self._age[household]} if household in self._age else {}
                yield event("customer-acquired", "acquired", household, at, SOURCE, **age)
            order = {"order_id": basket, "total": money(total, "USD"), "lines": items}
            yield event("purchase", f"purchase:{basket}", household, at, SOURCE, **order)
        for household, at in self._enrolled.items():
            yield event("loyalty-activity", "enrolled", household, at, SOURCE, action="enrolled")
        yield from self._loyalty.values()

    def _activity(self, household: str, action: str, at: datetime, event_id: str) -> None:
        number = 1
        while (key := f"{household}:{event_id}:{number}") in self._loyalty:
            number += 1  # two of one coupon on one day are two
        named = event_id if number == 1 else f"{event_id}:{number}"
        self._loyalty[key] = event("loyalty-activity", named, household, at, SOURCE, action=action)


def _household(row: dict[str, str]) -> str:
    return f"household-{text(row, 'household_id', 'a household number')}"
