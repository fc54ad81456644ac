"""Targets that are set while the engine runs: who wins, what is refused, and what the next owner finds."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from streams.settings import Settings
from streams.target_book import TargetBook
from streams.target_office import TargetOffice

SETTINGS = Settings(targets={"orders": {"month": Decimal(500)}})
MEMORY = "memory"
DOCUMENT = {"now": "2026-06-16T00:00:00.000Z", "windows": {"month": {"orders": 240, "revenue": 12.5}}, "slices": {}}


class ReplacedError(Exception):
    """The broker's word on a commit of an owner that was replaced."""


class FakeDesk:
    """A compacted topic, and whether the group still takes our commits."""

    def __init__(self) -> None:
        self.memory: dict[bytes, bytes] = {}
        self.replaced = False

    async def send(self, topic: str, key: bytes, value: bytes | None) -> None:
        assert topic == MEMORY
        self.memory.pop(key, None)
        if value is not None:
            self.memory[key] = value

    async def confirm(self) -> None:
        if self.replaced:
            raise ReplacedError


def office(desk: FakeDesk, generation: int, stored: dict[bytes, bytes] | None = None) -> tuple[TargetOffice, list]:
    """An owner's, and the books that it told of."""
    told: list[TargetBook] = []
    found = dict(desk.memory) if stored is None else stored
    return TargetOffice(SETTINGS, found, generation, MEMORY, desk, told.append), told


def goals(book: TargetBook) -> dict[tuple[str, str], tuple[float, str]]:
    return {(target.kpi, target.window): (float(target.value), origin) for target, origin in book}


def test_what_is_set_later_wins_and_withdrawn_gives_way_again() -> None:
    """Formulas are told at once, with one target per KPI and window."""

    async def run() -> None:
        mine, told = office(FakeDesk(), 1)
        assert goals(told[-1]) == {("orders", "month"): (500.0, "settings")}
        await mine.set("orders", "month", "600", 1)
        await mine.set("revenue", "quarter", "0.1", 2)
        assert goals(told[-1]) == {("orders", "month"): (600.0, "set"), ("revenue", "quarter"): (0.1, "set")}
        assert {target.value for target in told[-1].economics.targets} == {Decimal(600), Decimal("0.1")}
        await mine.unset("orders", "month")
        assert goals(told[-1]) == {("orders", "month"): (500.0, "settings"), ("revenue", "quarter"): (0.1, "set")}

    asyncio.run(run())


def test_the_next_owner_finds_what_was_set() -> None:
    """And of two owners the later one's word counts, even if the former writes once more."""

    async def run() -> None:
        desk = FakeDesk()
        first, _ = office(desk, 1)
        await first.set("orders", "month", "600", 1)
        second, told = office(desk, 2)
        assert goals(told[0]) == {("orders", "month"): (600.0, "set")}
        await second.set("orders", "month", "700", 2)
        await first.set("orders", "month", "1", 3)  # the group hasn't told it yet
        assert goals(office(desk, 3)[0].book) == {("orders", "month"): (700.0, "set")}

    asyncio.run(run())


def test_an_owner_that_was_replaced_changes_nothing() -> None:
    """It writes nothing, and goes on with what held."""

    async def run() -> None:
        desk = FakeDesk()
        mine, told = office(desk, 1)
        desk.replaced = True
        with pytest.raises(ReplacedError):
            await mine.set("orders", "month", "600", 1)
        assert not desk.memory
        assert len(told) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kpi", "window", "value", "said"),
    [
        ("revenu", "month", "5", "did you mean 'revenue'"),
        ("revenue", "30d", "5", "expected one of month, quarter, year"),
        ("revenue", "month", "NaN", "expected a finite number"),
        ("revenue", "month", "many", "expected a number such as 5000"),
        ("revenue", "month", "1" * 50, "expected a number such as 5000"),
        ("churn_reasons", "month", "5", "split by 'reason'"),
    ],
)
def test_what_can_be_no_target_is_refused_with_what_was_expected(kpi: str, window: str, value: str, said: str) -> None:
    """By the same words as at start."""
    with pytest.raises(ValueError, match=said):
        TargetBook(SETTINGS.economics).with_set(kpi, window, value, 1)


def test_only_what_was_set_can_be_withdrawn() -> None:
    """Who wants another one of the settings is told where it is."""
    book = TargetBook(SETTINGS.economics)
    with pytest.raises(LookupError, match="of the settings: change it there"):
        book.without("orders", "month")
    with pytest.raises(LookupError, match="there is no target 'orders' in 'year'"):
        book.without("orders", "year")


def test_a_target_that_there_can_not_be_any_more_is_left_out() -> None:
    """A KPI that a new version doesn't have ends nobody's start."""
    book = TargetBook(SETTINGS.economics).with_set("revenue", "year", "5", 1)
    written = book.packed().replace(b"revenue", b"gone_kpi")
    assert goals(TargetBook.read(SETTINGS.economics, written)) == {("orders", "month"): (500.0, "settings")}
    assert TargetBook.read(SETTINGS.economics, book.packed()) == book


def test_the_page_tells_periods_figures_and_who_has_set_what() -> None:
    """Everything that the table shows."""

    async def run() -> None:
        mine, _ = office(FakeDesk(), 1)
        await mine.set("revenue", "month", "100", 1_781_568_000_000)
        said = mine.told(DOCUMENT, {})
        orders, revenue = said["targets"]
        assert (orders["first"], orders["last"], orders["elapsed"]) == ("2026-06-01", "2026-06-30", 0.5)
        assert (orders["from"], orders["set_at"], orders["expected"], orders["chance"]) == (
            "settings",
            None,
            250.0,
            None,
        )
        assert (revenue["from"], revenue["set_at"]) == ("set", "2026-06-16T00:00:00.000Z")
        assert mine.told({"now": "", "windows": {}, "slices": {}}, {}) == {"now": None, "targets": []}

    asyncio.run(run())
