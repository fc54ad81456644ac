"""What a person sees in a browser is what the engine says, while it says it, and no longer.

The tests tell one shop's story, in their order: before its first event, its past, its present, a worker that dies.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import jdatetime
import pytest
from deployment import NO_EVENT, eventually
from flow import publish

from metrics.breakdown import BANDS
from metrics.catalogue import BY_ID

SIZES = {"phone": {"width": 390, "height": 844}, "wide": {"width": 1440, "height": 900}}
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
FIGURES = """() => Object.fromEntries(
    [...document.querySelectorAll("[data-kpi]")].map((e) => [e.dataset.kpi, e.textContent]))"""
TABLES = """() => ({
    cohorts: [...document.querySelectorAll("#cohorts tbody tr")].map((row) => row.lastElementChild.textContent),
    tenure: [...document.querySelectorAll("#tenure tbody tr")].map((row) =>
        [...row.children].map((cell) => cell.textContent).join(" ")) })"""
MONTHS = (
    *("Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar"),
    *("Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand"),
)
NAMELESS = """[...document.querySelectorAll("button, select, input")].filter(
    (e) => !(e.textContent.trim() || e.labels?.length || e.ariaLabel)).length"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def rounded(value: float, digits: int) -> str:
    return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,}"


def formatted(kpi: str, value: Any) -> str:
    """As the board should write a value in English."""
    if value is None:
        return "–"
    match BY_ID[kpi].unit.value:
        case "ratio":
            return f"{rounded(value, 1)}×" if abs(value) >= 10 else f"{rounded(float(Decimal(repr(value)) * 100), 1)}%"
        case "currency":
            return f"{'-' if value < 0 else ''}€{rounded(abs(value), 0 if abs(value) >= 1000 else 2)}"
        case "days":
            return f"{rounded(value, 1)} days"
        case "score":
            return rounded(value, 1)
        case _:
            return f"{int(value):,}" if float(value).is_integer() else rounded(value, 2)


def plain(text: str) -> str:
    """Without what only shapes it: isolates of direction, the sign of a gain, the typographic minus."""
    return text.strip("\u2066\u2069").replace("−", "-").removeprefix("+")


def disagreements(figures: dict[str, str], window: dict[str, Any]) -> list[str]:
    """Where the page parts from the document; a KPI that isn't defined for the window is a dash."""
    wanted = {kpi: formatted(kpi, window.get(kpi)) for kpi in figures}
    return [f"{kpi}: {figures[kpi]} for {wanted[kpi]}" for kpi in figures if plain(figures[kpi]) != wanted[kpi]]


def agrees(board: Any, window: dict[str, Any]) -> bool:
    """Whether there are figures, and all of them are the document's."""
    figures = board.page.evaluate(FIGURES)
    return bool(figures) and not disagreements(figures, window)


def test_it_asks_for_the_token_and_keeps_it_out_of_the_address(shop, look: Callable[..., Any]) -> None:
    """The page comes without figures; a wrong token is refused, the right one opens it."""
    eventually("the worker answers", lambda: shop.worker.json("/health"))
    board = look("?window=7d", token=False)
    board.page.fill("#token", "wrong")
    board.page.click("button[type=submit]")
    board.shows("[role=alert]", "refused")
    board.page.fill("#token", "a-token-of-the-tests")
    board.page.click("button[type=submit]")
    board.shows(".top h1", "Live customer KPIs")
    assert "token" not in board.page.url
    assert board.page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"


def test_what_is_unknown_says_why_and_then_comes_by_itself(shop, look: Callable[..., Any]) -> None:
    """Before the first event there is no figure, not even a zero; the same page shows them once they are there."""
    board = look()
    board.shows(".tile[data-standing=unknown] .why", NO_EVENT)
    figures = board.page.evaluate(FIGURES)
    assert set(figures.values()) == {"Unknown"}
    publish(shop.deployment, shop.past)
    document = shop.settled(len(shop.past))
    eventually("figures on the page", lambda: agrees(board, document["windows"]["30d"]))
    assert board.page.locator(".banner").is_hidden()
    assert board.complaints == []


def test_figures_are_the_engine_s(shop, look: Callable[..., Any]) -> None:
    """In every kind of window, each figure on the page is the one of `/kpis`."""
    document = shop.settled(len(shop.past))
    board = look()
    board.shows(".state", "Live")
    for window in ("24h", "90d", "month", "lifetime"):
        board.open(f"?window={window}")
        wanted = document["windows"][window]
        eventually(f"figures of {window}", lambda wanted=wanted: agrees(board, wanted))
        assert len(board.page.evaluate(FIGURES)) > 30


def test_cohorts_and_tenures_are_the_engine_s(shop, look: Callable[..., Any]) -> None:
    """As tables, in the order of the document; they are everybody's, and say so where a slice is chosen."""
    document = shop.settled(len(shop.past))
    months = document["cohorts"]["months"][-13:]
    shares = [month["so_far"]["retention"] for month in months]
    wanted = {
        "cohorts": [f"{rounded(float(Decimal(repr(share)) * 100), 0)}%" for share in shares],
        "tenure": [bands_row(document["tenure"]["windows"]["30d"], band.name, band.title.en) for band in BANDS],
    }
    board = look("?slice=channel:web")
    eventually("the engine's cohorts", lambda: board.page.evaluate(TABLES) == wanted)
    board.shows("#cohorts .note", "Of everybody")
    board.shows("#cohorts .note", f"The latest 13 of {len(document['cohorts']['months'])} months")
    first = months[0]["cohort"]
    month = jdatetime.date(int(first[:4]), int(first[5:]), 1)
    board.shows("#cohorts tbody th", f"{MONTHS[month.month - 1]} {month.year}")
    board.page.locator("#tenure").scroll_into_view_if_needed()
    board.page.locator("#tenure .curve .main-svg").first.wait_for()
    said = board.page.locator("#tenure .curve").get_attribute("aria-label")
    survival = float(Decimal(repr(document["tenure"]["survival"]["30"])) * 100)
    assert f"30 days {rounded(survival, 1)}%" in said
    board.page.click("[data-about=survival]")
    board.shows(".about-box", "tapesh_survival_ratio")
    assert board.complaints == []


def bands_row(window: dict[str, Any], band: str, title: str) -> str:
    rate = window["churn_rate_by_tenure"][band]
    share = "–" if rate is None else f"{rounded(float(Decimal(repr(rate)) * 100), 1)}%"
    return f"{title} {window['at_risk_by_tenure'][band]} {window['churned_by_tenure'][band]} {share}"


def test_over_the_lifetime_there_is_no_churn_by_tenure(shop, look: Callable[..., Any]) -> None:
    """Nobody was there as it began; the cohorts are what they are in any window."""
    shop.settled(len(shop.past))
    board = look("?window=lifetime")
    board.shows("#tenure .note", "Nothing to divide by")
    assert board.page.locator("#tenure table").is_hidden()
    assert board.page.locator("#cohorts table").is_visible()


def test_a_slice_has_its_own_figures(shop, look: Callable[..., Any]) -> None:
    """Chosen with the keyboard, kept in the address; everybody's value stands beside."""
    document = shop.settled(len(shop.past))
    board = look()
    board.page.locator("#slice option[value='channel:web']").wait_for(state="attached")
    board.page.focus("#slice")
    board.page.select_option("#slice", "channel:web")
    web = document["slices"]["channel"]["web"]["30d"]
    eventually("the slice's figures", lambda: agrees(board, web))
    assert "slice=channel%3Aweb" in board.page.url
    everybody = formatted("active_customers", document["windows"]["30d"]["active_customers"])
    board.shows(".tile .change", f"everybody {everybody}")


def test_a_window_is_chosen_by_a_click(shop, look: Callable[..., Any]) -> None:
    """The figures are that window's."""
    document = shop.settled(len(shop.past))
    board = look()
    board.page.locator("#window-24h").click()
    eventually("the window in the address", lambda: "window=24h" in board.page.url)
    eventually("its figures", lambda: agrees(board, document["windows"]["24h"]))


def test_changes_come_live(shop, look: Callable[..., Any]) -> None:
    """New events change what is on the page, without anybody touching it, and lengthen the courses."""
    board = look()
    board.shows(".state", "Live")
    publish(shop.deployment, shop.present)
    document = shop.settled(len(shop.past) + len(shop.present))
    eventually("new figures", lambda: agrees(board, document["windows"]["30d"]))
    board.page.locator(".spark[role=img] .main-svg").first.wait_for()
    label = board.page.locator(".tile .spark").first.get_attribute("aria-label")
    assert label.startswith("Active customers: from ")
    assert board.complaints == []


@pytest.mark.parametrize("lang", ["en", "fa"])
def test_every_look_is_sound(shop, look: Callable[..., Any], lang: str) -> None:
    """No sideways scrolling, no complaint in the console, no other host; language, direction and theme as asked."""
    board = look(f"?lang={lang}")
    page = board.page
    page.locator(".spark .main-svg").first.wait_for()
    for theme, size in product(("light", "dark"), SIZES.values()):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size(size)
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == {"light": "rgb(243, 245, 244)", "dark": "rgb(14, 20, 20)"}[theme]
        eventually(f"no overflow, {theme} at {size}", lambda: page.evaluate(OVERFLOW) <= 0, 5)
    page.click("#theme")
    eventually("the switch goes before the system", lambda: "theme=light" in page.url)
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
        lang,
        "rtl" if lang == "fa" else "ltr",
    ]
    assert page.evaluate(NAMELESS) == 0
    assert page.evaluate("[document.querySelectorAll('h1').length, document.querySelectorAll('main').length]") == [1, 1]
    assert board.complaints == []


def test_in_persian_digits_and_dates_are_persian(shop, look: Callable[..., Any]) -> None:
    """Digits everywhere; the date of the reporting calendar, here the Jalali one, in the reporting time zone."""
    document = shop.settled(0)
    board = look("?lang=fa")
    board.shows(".state", "زنده")
    figure = f"{document['windows']['30d']['customers_ever']:d}"
    assert figure.isascii()
    count = f"{document['windows']['30d']['active_customers']}".translate(PERSIAN)
    eventually("Persian digits", lambda: plain(board.figure("active_customers")).replace("٬", "") == count)
    now = datetime.fromisoformat(document["now"]).astimezone(ZoneInfo("Asia/Tehran"))
    date = jdatetime.date.fromgregorian(date=now.date(), locale="fa_IR")
    board.shows(".time", f"{date.day} {date.strftime('%B')} {date.year}".translate(PERSIAN))


def test_the_keyboard_reaches_everything(shop, look: Callable[..., Any]) -> None:
    """First a way past the top, then choices, then titles, which tell what a KPI means; focus can be seen."""
    board = look()
    board.shows(".state", "Live")
    page = board.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("#window-30d")
    page.keyboard.press("ArrowRight")
    eventually("the next window", lambda: "window=90d" in page.url)
    assert page.evaluate("document.activeElement.id") == "window-90d"
    title = page.locator(".tile .about").first
    title.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    board.shows("dialog[open]", "tapesh_active_customers")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


FIRING = """snapshot => {
    const real = window.fetch;
    const told = new TextEncoder().encode(`event: snapshot\\ndata: ${JSON.stringify(snapshot)}\\n\\n`);
    const stream = () => new ReadableStream({ start: (control) => control.enqueue(told) });
    window.fetch = async (url, ...rest) =>
        String(url).includes("/changes") ? new Response(stream()) : real(url, ...rest);
}"""
"""A stream of changes that tells one snapshot and stays open."""


def tier(observed: int, *, firing: bool) -> dict[str, Any]:
    return {
        "severity": "page",
        "on": True,
        "why": "",
        "firing": firing,
        "since": None,
        "end": "2026-06-15T00:00:00Z",
        "observed": observed,
        "expected": 3.9,
        "factor": 2.5,
        "p_value": 0.00001 if firing else 0.4,
        "alpha": 0.0001,
        "needed": 15,
        "base": 5000,
    }


def test_what_fires_comes_first_with_what_is_usual(shop, look: Callable[..., Any]) -> None:
    """In the top once a KPI, first among what is watched, as a mark beyond the band; all of it on a phone, too."""
    watched = {
        "lapses": {"kpi": "lapse_rate", "silent": "learning what is usual: 31 of 35 days"},
        "involuntary-churn": {"kpi": "involuntary_churn_rate", "windows": {"7d": tier(4, firing=False)}},
        "churn": {"kpi": "churn_rate", "windows": {"24h": tier(149, firing=True), "7d": tier(251, firing=True)}},
    }
    snapshot = {**shop.settled(0), "alerts": watched}
    board = look()
    page = board.page
    page.add_init_script(f"({FIRING})({json.dumps(snapshot)})")
    page.reload()
    board.shows(".banner", "Alert: Churn rate within 24 h, 7 d")
    titles = page.locator("#alerts .watch h3").all_inner_texts()
    assert titles == ["Churn rate", "Involuntary churn rate", "Lapse rate"]
    board.shows("#churn .block", "251 lost; 3.9 expected, unusual from 15")
    assert page.locator(".band.beyond").count() == 1
    page.set_viewport_size(SIZES["phone"])
    cut = "[...document.querySelectorAll('#alerts .scroll')].filter((e) => e.scrollWidth > e.clientWidth).length"
    eventually("nothing of the table is cut off", lambda: page.evaluate(cut) == 0, 5)
    page.goto(f"{shop.url}/board?lang=fa")
    board.shows("#alerts .note", "در حال یادگیری حد عادی: ۳۱ از ۳۵ روز")
    eventually("nor in Persian", lambda: page.evaluate(cut) == 0, 5)


def test_a_cut_is_shown_and_mends_by_itself(shop, look: Callable[..., Any]) -> None:
    """While no worker answers no old figure stands there; the page comes back without being touched."""
    before = shop.settled(0)["windows"]["30d"]
    board = look()
    board.shows(".state", "Live")
    shop.worker.kill()
    board.shows(".state", "Disconnected")
    board.shows(".tile[data-standing=unknown] .why", "No connection to the engine")
    assert set(board.page.evaluate(FIGURES).values()) == {"Unknown"}
    assert "Connection lost" in board.page.locator("[role=status]").inner_text()
    shop.start()
    eventually("the figures again", lambda: agrees(board, before))
    board.shows(".state", "Live")
