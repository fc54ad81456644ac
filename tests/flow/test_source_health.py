"""Sources that are missed take their KPIs with them, only theirs, and give them back without flicker."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import names
from metrics.catalogue import CATALOGUE
from metrics.economics import Economics
from metrics.feeds import event_types, kpis_on_lifetimes
from streams.expectations import Daily, Expectation
from streams.health import ANY_SOURCE, LONGEST_HOLD, Health, HealthRules, Trust
from streams.settings import Settings
from streams.watermarks import Watermarks, merged

EUROS = Economics("EUR")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SETTLE_S = 60.0


def at(day: int, hour: int = 0, minute: int = 0) -> int:
    """An instant of January 2026, of which the fifth is a Monday."""
    return int(datetime(2026, 1, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


def fed_by(*types: str) -> set[str]:
    return {kpi for kpi, fed in event_types(EUROS).items() if fed & set(types)}


class Shop:
    """A health, the marks that it is given, and a clock that moves both of its clocks."""

    def __init__(self, *expected: dict[str, Any], now_ms: int = at(5), live: bool = True, **health: Any) -> None:
        rules = Settings(health={"expected": expected, "settle": "1m", **health}).health_rules
        self.health = Health(rules, EUROS, "UTC", live=live)
        self.marks = Watermarks()
        self.now_ms = self.began_ms = now_ms
        self.residual = 0
        self.judge()

    def deliver(self, kind: str, source: str | None = None, event_ms: int | None = None) -> None:
        """Something arrives now, of an instant."""
        occurred_ms = self.now_ms if event_ms is None else event_ms
        self.marks.note_all(source, kind, np.array([occurred_ms]), np.array([self.now_ms]))

    def judge(self, now_ms: int | None = None) -> set[str]:
        """Go on to an instant and return what is unknown then."""
        self.now_ms = now_ms or self.now_ms
        self.health.observe(merged([self.marks.pack()]), self.residual)
        self.health.judge(self.now_ms, (self.now_ms - self.began_ms) / 1000)
        return set(self.health.unknown)

    def slugs(self) -> set[str]:
        return {reason.slug for reason in self.health.unknown.values()}

    def text(self, kpi: str) -> str:
        return self.health.unknown[kpi].text


TILL = {"name": "till", "types": ["purchase"], "every": "15m"}
CRM = {"name": "crm", "types": ["cancellation"], "source": "crm", "by": "06:00", "grace": "1h"}


def test_a_silent_source_concerns_the_kpis_that_it_feeds_and_no_other():
    """With all that is divided by them; the reason says which source, since when, and what was expected."""
    shop = Shop(TILL)
    shop.deliver("purchase")
    shop.deliver("survey-response")
    assert shop.judge(at(5, 0, 14)) == set()
    assert shop.judge(at(5, 0, 15)) == fed_by("purchase")
    assert "clv" in shop.health.unknown
    assert not {"churn_rate", "nps"} & shop.health.unknown.keys()
    assert shop.slugs() == {names.SILENT_SOURCE}
    assert shop.text("orders") == "nothing from till since 2026-01-05T00:00:00.000Z, expected every 15m"


def test_it_comes_back_by_itself_once_it_has_held():
    """Not with the first event, but a settle time after it; meanwhile the reason says so."""
    shop = Shop(TILL)
    shop.judge(at(5, 1))
    shop.deliver("purchase")
    assert shop.judge() == fed_by("purchase")
    assert shop.text("orders") == "till delivers again, but hasn't for long enough"
    assert shop.judge(shop.now_ms + int(SETTLE_S * 1000) - 1) == fed_by("purchase")
    assert shop.judge(shop.now_ms + 1) == set()


def test_a_source_that_never_came_is_missed_from_the_start_on():
    """A deployment gets as long as an event may take."""
    shop = Shop(TILL)
    assert shop.judge(at(5, 0, 14)) == set()
    assert shop.judge(at(5, 0, 16)) == fed_by("purchase")
    assert "since" not in shop.text("orders")
    assert shop.health.silent_pairs() == {(ANY_SOURCE, "purchase"): True}


def test_a_nightly_batch_is_judged_at_its_own_watermark():
    """Silent neither in the afternoon nor within its grace; then it is, also if what came was the day before's."""
    shop = Shop(CRM)
    shop.judge(at(6, 2))
    shop.deliver("cancellation", "crm", at(5, 23))
    for instant in (at(6, 15), at(7, 0), at(7, 6, 59)):
        assert shop.judge(instant) == set()
    assert shop.judge(at(7, 7)) == fed_by("cancellation")
    assert shop.text("churn_rate").endswith("expected daily by 06:00, 1h of grace")
    shop.judge(at(7, 8))
    shop.deliver("cancellation", "crm", at(5, 23))  # it sends the same day's again
    assert shop.judge(at(7, 9)) == fed_by("cancellation")
    shop.deliver("cancellation", "crm", at(6, 22))
    shop.judge()
    assert shop.judge(at(7, 9, 1)) == set()
    assert shop.judge(at(8, 6, 59)) == set()
    assert shop.judge(at(8, 7)) == fed_by("cancellation")


def test_a_batch_that_brings_the_morning_along_is_missed_the_next_day_all_the_same():
    """Its watermark would do for another day, but nothing arrived since the last deadline."""
    shop = Shop(CRM)
    shop.judge(at(6, 2))
    shop.deliver("cancellation", "crm", at(6, 1, 55))
    assert shop.judge(at(7, 6, 59)) == set()
    assert shop.judge(at(7, 7)) == fed_by("cancellation")


@settings(max_examples=50, deadline=None)
@given(
    st.integers(at(1), at(1) + 400 * DAY),
    st.integers(0, 4 * DAY),
    st.integers(0, 24 * 60 - 1),
    st.integers(0, 30),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from(["UTC", "Asia/Tehran", "America/New_York"]),
)
def test_deadlines_are_those_of_a_naive_search(event_ms, later_ms, minute, grace_h, weekdays, timezone):
    """The first by which the days since the last have brought no event, or nothing has come; in any zone and week."""
    zone, record_ms = ZoneInfo(timezone), event_ms + later_ms

    def local(day: date, minutes: int) -> int:
        return int(datetime.combine(day, time(minutes // 60, minutes % 60), zone).timestamp() * 1000)

    first = datetime.fromtimestamp(event_ms / 1000, zone).date() - timedelta(days=20)
    days = [day for n in range(60) if (day := first + timedelta(days=n)).weekday() in weekdays]
    deadlines = [local(day, minute) + grace_h * HOUR for day in days]
    starts = [local(day, 0) for day in days]
    missed = [(deadlines[n], starts[n - 1] > event_ms, deadlines[n - 1] >= record_ms) for n in range(1, len(days))]
    expectation = Expectation("b", ("lead",), Daily(minute, grace_h * HOUR, weekdays))
    assert expectation.due_ms(event_ms, None, timezone) == next(at for at, old, _ in missed if old)
    assert expectation.due_ms(event_ms, record_ms, timezone) == min(at for at, old, none in missed if old or none)


def test_a_batch_of_working_days_is_not_missed_on_weekends():
    """Friday's brings Thursday; what follows is due on Monday."""
    shop = Shop({**CRM, "days": ["mon", "tue", "wed", "thu", "fri"]}, now_ms=at(9, 2))
    shop.deliver("cancellation", "crm", at(8, 20))
    for instant in (at(10, 12), at(11, 12), at(12, 6, 59)):
        assert shop.judge(instant) == set()
    assert shop.judge(at(12, 7)) == fed_by("cancellation")
    shop.deliver("cancellation", "crm", at(9, 20))  # Monday's brings Friday, Saturday and Sunday
    shop.judge()
    assert shop.judge(at(13, 6, 59)) == set()
    assert shop.judge(at(13, 7)) == fed_by("cancellation")


GAPS = {
    "a second late": [901],
    "a second early, a second late": [899, 901],
    "late once in four": [880, 890, 899, 910],
    "much too late": [1800],
}


@pytest.mark.parametrize("gaps_s", GAPS.values(), ids=GAPS)
@pytest.mark.parametrize("settle_s", [20, 60])
def test_a_source_along_its_threshold_does_not_make_gauges_flicker(gaps_s: list[int], settle_s: int):
    """Of 200 events just about in time, the first few turn its KPIs unknown and back, ever more slowly, then none."""
    shop = Shop(TILL, settle=f"{settle_s}s")
    turns_ms, unknown = [], False
    for number in range(200):
        shop.deliver("purchase")
        arrives_ms = shop.now_ms + gaps_s[number % len(gaps_s)] * 1000
        while shop.now_ms < arrives_ms:
            if bool(shop.judge(min(shop.now_ms + 30_000, arrives_ms - 1 if number % 2 else arrives_ms))) != unknown:
                unknown = not unknown
                turns_ms.append(shop.now_ms)
            if shop.now_ms == arrives_ms - 1:
                shop.now_ms = arrives_ms
    assert len(turns_ms) <= 24
    assert unknown or not turns_ms


@given(st.lists(st.booleans(), max_size=400), st.integers(1, 40))
def test_what_was_in_doubt_is_believed_only_after_it_has_held(verdicts, settle_s):
    """Whatever the verdicts: doubt begins with a bad one, and ends when all of a settle time were good."""
    trust = Trust(settle_s)
    for now_s, fine in enumerate(verdicts):
        before = trust.doubted
        after = trust.see(fine=fine, proof=now_s, now_s=float(now_s))
        if not fine:
            assert after
        elif before and not after:
            assert now_s >= settle_s
            assert all(verdicts[now_s - settle_s : now_s + 1])
        elif not before:
            assert not after


def test_a_relapse_must_hold_for_twice_as_long_and_no_longer_than_the_longest():
    """A steady time in between, and it begins anew."""
    trust, now_s, holds = Trust(SETTLE_S), 0.0, []
    for number in range(10):
        assert trust.see(fine=False, proof=number, now_s=now_s)
        back_s = now_s = now_s + 1
        while trust.see(fine=True, proof=number + 1, now_s=now_s):
            now_s += 10
        holds.append(now_s - back_s)
    assert holds == [SETTLE_S * min(2**n, LONGEST_HOLD) for n in range(10)]
    now_s += 10 * SETTLE_S * LONGEST_HOLD
    assert trust.see(fine=False, proof=10, now_s=now_s)
    assert trust.see(fine=True, proof=11, now_s=now_s)
    assert not trust.see(fine=True, proof=11, now_s=now_s + SETTLE_S)


def test_a_clock_that_is_set_back_gives_nothing_back():
    """Only a source that delivers does."""
    shop = Shop(TILL)
    shop.deliver("purchase")
    assert shop.judge(at(5, 1))
    late_s = 3_600.0
    for _ in range(5):
        late_s += SETTLE_S
        shop.health.judge(at(5, 0, 1), late_s)
        assert set(shop.health.unknown) == fed_by("purchase")


def weeks_of(shop: Shop, hours: set[int], weeks: int = 9) -> None:
    """The till delivers in these hours of the day, the survey tool at random once in a while."""
    for hour in range(weeks * 7 * 24):
        shop.now_ms = shop.began_ms + hour * HOUR
        if hour % 24 in hours:
            shop.deliver("purchase", "till")
        if hour % 331 == 0:
            shop.deliver("survey-response")


def test_what_is_not_configured_is_judged_by_its_rhythm():
    """By day within the morning; the trickle beside it is never missed. The reason says when it was expected."""
    shop = Shop()
    weeks_of(shop, set(range(8, 20)))
    midnight = shop.now_ms + HOUR
    assert shop.judge(midnight + 14 * HOUR) == set()
    assert shop.judge(midnight + 15 * HOUR) == fed_by("purchase")
    assert shop.text("orders").startswith("nothing from till (purchase) since 2026-03-08T19:00:00.000Z")
    assert not fed_by("survey-response") & shop.judge(midnight + 300 * DAY)
    assert shop.judge() == fed_by("purchase")


def test_a_rhythm_is_for_the_wall_clock_can_be_switched_off_and_gives_way_to_what_is_configured():
    """In a replay nothing is learned; what is expected explicitly isn't guessed; what is retired isn't expected."""
    everyday = set(range(24))
    configured = {"name": "till", "types": ["purchase"], "every": "30d"}
    for shop in (
        Shop(live=False),
        Shop(learn=False),
        Shop(configured),
        Shop(retired=["till"]),
    ):
        weeks_of(shop, everyday)
        assert shop.judge(shop.now_ms + 2 * DAY) == set()
    shop = Shop()
    weeks_of(shop, everyday)
    assert shop.judge(shop.now_ms + 2 * DAY) == fed_by("purchase")


def test_on_the_event_clock_a_source_is_missed_by_the_others_events():
    """Arrivals mean nothing there: what counts is how far it has come."""
    shop = Shop(TILL, CRM, live=False)
    shop.deliver("purchase", event_ms=at(5))
    shop.deliver("cancellation", "crm", at(5))
    assert shop.judge(at(5, 0, 14)) == set()
    assert shop.judge(at(5, 0, 15)) == fed_by("purchase")
    assert shop.judge(at(7, 7)) == fed_by("purchase", "cancellation")


def test_unbalanced_books_spoil_what_rests_on_lifetimes():
    """Orders and answers stay; once the books balance and have for a while, all is known again."""
    shop = Shop()
    shop.residual = 3
    assert shop.judge() == kpis_on_lifetimes(EUROS)
    assert shop.slugs() == {names.BOOKS_UNBALANCED}
    assert shop.text("churn_rate") == "the books were out by 3 customers"
    shop.residual = 0
    assert shop.judge(shop.now_ms + 1000) == kpis_on_lifetimes(EUROS)
    assert shop.judge(shop.now_ms + int(SETTLE_S * 1000)) == set()


def test_several_silent_sources_are_all_named():
    """Up to five, then how many more."""
    shop = Shop(*({"name": f"s{n}", "types": ["lead"], "source": f"s{n}", "every": "1m"} for n in range(7)))
    shop.judge(at(5, 1))
    assert shop.text("leads").count("nothing from") == 5
    assert shop.text("leads").endswith("; and 2 more")
    assert len(shop.health.unknown) < len(CATALOGUE)


def test_watermarks_say_how_far_each_type_is_delivered():
    """A live stream up to now, a batch up to its latest event; the slowest of the regular sources counts."""
    shop = Shop(CRM)
    shop.judge(at(6, 2))
    shop.deliver("cancellation", "crm", at(5, 23))
    shop.deliver("cancellation", "web", at(6, 2))
    shop.deliver("purchase", "till")
    shop.deliver("lead", "fair", at(1))
    shop.judge(at(6, 12))
    assert shop.health.watermarks(shop.now_ms) == {
        "cancellation": at(5, 23),  # web isn't known to be regular
        "lead": at(1),
        "purchase": at(6, 12),
    }


def test_a_silent_stream_has_delivered_up_to_its_latest_event():
    """As long as it is missed it isn't up to now."""
    shop = Shop(TILL)
    shop.deliver("purchase", "till")
    shop.judge(at(5, 0, 10))
    assert shop.health.watermarks(shop.now_ms) == {"purchase": at(5, 0, 10)}
    shop.judge(at(5, 3))
    assert shop.health.watermarks(shop.now_ms) == {"purchase": at(5)}


def test_sources_are_described_for_people():
    """Seen or expected, with rhythm, expectation, and from when they will be missed."""
    shop = Shop(CRM)
    weeks_of(shop, set(range(24)))
    shop.judge()
    crm, till, survey = sorted(shop.health.sources(), key=lambda each: str(each["source"]))
    assert (crm["source"], crm["silent"], crm["latest_event"]) == ("crm", True, None)
    assert crm["expected"] == "expected daily by 06:00, 1h of grace"
    assert till["rhythm"] == "as it happens, in 168 of 168 hours of the week, by the last 8 weeks"
    assert str(till["expected"]).startswith("expected by its rhythm before 2026-03-09T")
    assert (survey["source"], survey["expected"], survey["due"]) == ("unnamed", None, None)


REFUSED = [
    ({"types": ["lead"], "every": "1h"}, "entry 1: name: got None"),
    ({**TILL, "types": ["purchases"]}, "'till': types: 'purchases' is no event type; did you mean 'purchase'?"),
    ({**TILL, "types": []}, "'till': types: got []"),
    ({**TILL, "evry": "1h"}, "'till': evry: is no key of an expectation; did you mean 'every'?"),
    ({**TILL, "by": "06:00"}, "'till': expected either every"),
    ({"name": "till", "types": ["lead"]}, "'till': expected either every"),
    ({**TILL, "every": "0s"}, "'till': every: got '0s', expected at least a second"),
    ({**TILL, "every": 15}, "'till': every: got 15, expected a whole number and a unit"),
    ({**TILL, "grace": "1h"}, "'till': grace: goes with by, not with every"),
    ({**CRM, "by": "25:00"}, "'crm': by: got '25:00', expected a local time of day"),
    ({**CRM, "days": ["monday"]}, "'crm': days: got ['monday'], expected a list of mon, tue"),
    ({**CRM, "source": ""}, "'crm': source: got ''"),
]


@pytest.mark.parametrize(("entry", "said"), REFUSED)
def test_an_expectation_that_is_not_sound_is_refused_by_name(entry: dict[str, Any], said: str):
    """With the key, what was got and what was expected; in the file and in the environment alike."""
    with pytest.raises(ValueError) as refused:
        Settings(health={"expected": [entry]})
    assert said in str(refused.value)


def test_two_expectations_of_one_name_are_refused():
    """The name is what reasons call it."""
    with pytest.raises(ValueError, match="'till': expected each name once"):
        Settings(health={"expected": [TILL, TILL]})


def test_defaults_expect_nothing_and_learn():
    """Nobody needs to configure anything."""
    assert Settings().health_rules == HealthRules()
