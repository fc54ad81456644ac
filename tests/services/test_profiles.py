"""Customer profiles in a real Redis: what they say, who may write them, and what happens while Redis is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from agreement import lines
from redis.asyncio import Redis
from redis.exceptions import RedisError

from metrics.names import RedisKeys
from streams.checkpoint import Checkpointer
from streams.fold import Fold
from streams.forgetting import new_order, write_order
from streams.manifest import Epoch
from streams.meaning import Meaning
from streams.owned import CheckpointStatistics, OwnedPartition
from streams.partition import PartitionState
from streams.persons import UNKNOWN
from streams.profile_writer import BATCH, ProfileWriter
from streams.profiles import ProfileMarks, profile_of
from streams.settings import Settings, SettingsError, load

DAY_MS = 86_400_000
NOW_MS = 1_767_312_000_000  # 2026-01-02
OWNER, SUCCESSOR = "000001/00000000.0000000001", "000001/00000000.0000000002"


def row_of(fold: Fold, customer_id: str) -> int:
    row = fold.persons.ids.row_of(customer_id)
    assert row is not None
    return row


def event(kind: str, customer: str, at: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "event_id": f"{kind}-{customer}-{at}-{number}",
        "customer_id": customer,
        "occurred_at": f"{at}T12:00:00Z",
        **fields,
    }


def bought(customer: str, at: str, amount: str = "19.99") -> dict[str, Any]:
    return event("purchase", customer, at, order_id=f"{customer}-{at}", total={"amount": amount, "currency": "EUR"})


def partition() -> OwnedPartition:
    """A partition of which nothing is known yet."""
    return OwnedPartition(
        PartitionState(Meaning()), Checkpointer(0, Epoch(0, 1), None, None), {}, Any, CheckpointStatistics()
    )


def hear(owned: OwnedPartition, *events: dict[str, Any]) -> None:
    owned.state.arrive(lines(list(events)), [NOW_MS] * len(events))
    owned.state.advance(NOW_MS)


def writer(url: str, prefix: str, owned: OwnedPartition, epoch: str = OWNER, **redis: Any) -> ProfileWriter:
    settings = Settings(redis={"url": url, "prefix": prefix, **redis})
    return ProfileWriter(settings, lambda: {0: owned}, lambda _partition: epoch)


def with_redis(url: str, steps: Callable[[Redis], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Redis.from_url(url, decode_responses=True) as redis:
            await steps(redis)

    asyncio.run(run())


def test_a_profile_says_what_the_kpis_count() -> None:
    """A customer who left and bought again, and one who only enrolled."""
    owned = partition()
    hear(
        owned,
        event("customer-acquired", "c-1", "2025-09-01"),
        bought("c-1", "2025-09-01"),
        bought("c-1", "2025-12-24", "5.00"),
        event("cancellation", "c-1", "2025-12-31", reason="price"),
        event("loyalty-activity", "c-2", "2025-12-01", action="enrolled"),
        event("refund", "c-1", "2025-12-26", order_id="c-1-2025-12-24", total={"amount": "4.01", "currency": "EUR"}),
        event("survey-response", "c-1", "2025-12-27", survey="nps", score=3),
        event("survey-response", "c-1", "2025-12-20", survey="nps", score=9),
        event("survey-response", "c-2", "2025-12-20", survey="csat", score=3, scale=5),
    )
    fold = owned.state.fold
    assert profile_of(fold, row_of(fold, "c-1")) == {
        "as_of": "2026-01-02T00:00:00.000Z",
        "lifetime": "closed",
        "since": "2025-09-01T12:00:00.000Z",
        "until": "2025-12-31T12:00:00.000Z",
        "close_reason": "price",
        "lifetimes": "1",
        "tenure_days": "121",
        "purchases": "2+",
        "buying": "active",
        "first_purchase": "2025-09-01T12:00:00.000Z",
        "first_purchase_amount": "19.99",
        "currency": "EUR",
        "last_purchase": "2025-12-24T12:00:00.000Z",
        "lapses": "2026-03-25T00:00:00.000Z",
        "orders": "2",
        "revenue": "20.98",
        "nps_score": "3",
        "nps_at": "2025-12-27T12:00:00.000Z",
    }
    assert profile_of(fold, row_of(fold, "c-2")) == {
        "as_of": "2026-01-02T00:00:00.000Z",
        "lifetime": "none",
        "purchases": "0",
        "orders": "0",
        "member": "yes",
    }


@pytest.mark.parametrize(
    ("bought_for", "refunded", "band"),
    [("9.99", None, None), ("10.00", None, "bronze"), ("10.00", "0.01", None), ("250.00", "49.99", "gold")],
)
def test_a_value_band_is_the_highest_that_the_revenue_reaches(
    bought_for: str, refunded: str | None, band: str | None
) -> None:
    """From its amount on; a refund takes it back; below the lowest there is none."""
    owned = partition()
    events = [bought("c-1", "2025-12-01", bought_for)]
    if refunded:
        total = {"amount": refunded, "currency": "EUR"}
        events.append(event("refund", "c-1", "2025-12-02", order_id="c-1-2025-12-01", total=total))
    hear(owned, *events)
    bands = Settings(redis={"value_bands": {"gold": 200, "bronze": 10}}).redis.value_bands
    assert profile_of(owned.state.fold, row_of(owned.state.fold, "c-1"), bands).get("value_band") == band


def test_what_an_older_state_did_not_count_is_absent() -> None:
    """Neither 0 nor what has come since: of whom it isn't known, nobody is told that it is little."""
    owned = partition()
    hear(owned, bought("c-1", "2025-12-01"))
    fold = owned.state.fold
    row = row_of(fold, "c-1")
    fold.persons.orders[row] = UNKNOWN
    hear(owned, bought("c-1", "2025-12-02"))
    said = profile_of(fold, row, {"bronze": Decimal(0)})
    assert not {"orders", "revenue", "value_band"} & said.keys()
    assert said["purchases"] == "2+"


def test_whose_row_changed_is_marked_once_whatever_a_checkpoint_forgets() -> None:
    """A checkpoint between two looks loses nobody, and nobody is written twice for one change."""
    owned = partition()
    hear(owned, bought("c-1", "2025-12-01"), bought("c-2", "2025-12-01"))
    persons = owned.state.fold.persons
    marks = owned.profiles = ProfileMarks(persons)
    assert sorted(marks.take(9)) == [0, 1]
    marks.notice(persons)
    assert sorted(marks.take(9)) == [0, 1]  # since the checkpoint before the first look: nobody knows
    hear(owned, bought("c-2", "2025-12-02"), bought("c-3", "2025-12-02"))
    assert persons.has_changes
    marks.notice(persons)
    persons.forget_changes()
    marks.notice(persons)
    assert marks.take(1) == [1]
    assert marks.take(9) == [2]
    assert marks.take(9) == []
    marks.put_back([2])
    assert (len(marks), marks.take(9)) == (1, [2])


def test_profiles_follow_what_happens_and_expire(redis_url: str, fresh_prefix: str) -> None:
    """A later purchase changes the hash; what no longer holds is gone from it."""

    async def steps(redis: Redis) -> None:
        owned, key = partition(), RedisKeys(fresh_prefix).profile("c-1")
        hear(owned, event("customer-acquired", "c-1", "2025-09-01"), event("cancellation", "c-1", "2025-10-01"))
        ours = writer(redis_url, fresh_prefix, owned, profile_ttl="2d")
        assert await ours.step() == 1
        assert (await redis.hgetall(key))["lifetime"] == "closed"
        hear(owned, event("customer-acquired", "c-1", "2025-11-01"), bought("c-1", "2025-11-02"))
        await ours.step()
        held = await redis.hgetall(key)
        assert (held["lifetime"], held["lifetimes"], held["purchases"]) == ("open", "2", "1")
        assert "until" not in held
        assert DAY_MS < await redis.pttl(key) <= 2 * DAY_MS
        assert await ours.step() == 0
        assert await ours.read("c-1") == held
        assert await ours.read("c-2") is None
        await ours.stop()

    with_redis(redis_url, steps)


def test_while_redis_is_away_profiles_wait_and_are_written_as_they_are_then(redis_url: str, fresh_prefix: str) -> None:
    """More than a batch of them, each once."""

    async def steps(redis: Redis) -> None:
        owned = partition()
        count = 2 * BATCH + 7
        hear(owned, *(bought(f"c-{number}", "2025-11-01") for number in range(count)))
        away = writer("redis://127.0.0.1:1/0", fresh_prefix, owned)
        with pytest.raises((RedisError, OSError)):
            await away.step()
        assert away.waiting == count
        hear(owned, bought("c-0", "2025-11-02"))
        back = writer(redis_url, fresh_prefix, owned)
        assert [await back.step() for _ in range(4)] == [BATCH, BATCH, 7, 0]
        assert (await redis.hgetall(RedisKeys(fresh_prefix).profile("c-0")))["purchases"] == "2+"
        assert back.written == count
        await back.stop()

    with_redis(redis_url, steps)


def test_who_was_replaced_writes_nothing_over_its_successor(redis_url: str, fresh_prefix: str) -> None:
    """A worker that slept through a takeover knows less than the one that took over."""

    async def steps(redis: Redis) -> None:
        asleep, took_over = partition(), partition()
        hear(asleep, bought("c-1", "2025-11-01"))
        hear(took_over, bought("c-1", "2025-11-01"), bought("c-1", "2025-11-02"))
        successor, replaced = (
            writer(redis_url, fresh_prefix, took_over, SUCCESSOR),
            writer(redis_url, fresh_prefix, asleep, OWNER),
        )
        await successor.step()
        await replaced.step()
        assert (await redis.hgetall(RedisKeys(fresh_prefix).profile("c-1")))["purchases"] == "2+"
        assert (successor.written, replaced.written, replaced.waiting) == (1, 0, 1)
        await successor.stop()
        await replaced.stop()

    with_redis(redis_url, steps)


def test_the_past_is_not_written_while_it_is_read_again(redis_url: str, fresh_prefix: str) -> None:
    """A partition that was taken up and hasn't caught up would put old profiles in the place of newer ones."""

    async def steps(redis: Redis) -> None:
        owned = partition()
        hear(owned, bought("c-1", "2025-11-01"))
        owned.set_goal("customer-events", 10)
        ours = writer(redis_url, fresh_prefix, owned)
        assert await ours.step() == 0
        owned.positions["customer-events"] = 10
        assert await ours.step() == 1
        await ours.stop()

    with_redis(redis_url, steps)


def test_the_profile_of_a_forgotten_person_goes_and_a_new_ones_comes(redis_url: str, fresh_prefix: str) -> None:
    """Deleted once Redis is there, though it was away; who comes back under the id has a profile of the new life."""

    async def steps(redis: Redis) -> None:
        owned, key = partition(), RedisKeys(fresh_prefix).profile("c-1")
        forgetting = owned.state.forgetting
        forgetting.serves_profiles = True
        hear(owned, bought("c-1", "2025-11-01"), bought("c-1", "2025-11-02"), bought("c-2", "2025-11-01"))
        ours = writer(redis_url, fresh_prefix, owned)
        await ours.step()
        assert (await redis.hgetall(key))["purchases"] == "2+"
        owned.state.arrive([write_order(new_order("c-1", ["customer-events"]))], [NOW_MS], "customer-events")
        away = writer("redis://127.0.0.1:1/0", fresh_prefix, owned)
        with pytest.raises((RedisError, OSError)):
            await away.step()
        assert forgetting.profiles == ["c-1"]
        forgetting.is_changed = False
        while await ours.step():
            pass
        assert await redis.keys(f"{fresh_prefix}customer:*") == [RedisKeys(fresh_prefix).profile("c-2")]
        assert (forgetting.profiles, forgetting.is_changed) == ([], True)

        hear(owned, bought("c-1", "2025-11-03"))
        owned.state.arrive([write_order(new_order("c-1", ["customer-events"]))], [NOW_MS], "customer-events")
        hear(owned, bought("c-1", "2025-11-04"))
        while await ours.step():
            pass
        held = await redis.hgetall(key)
        assert (held["purchases"], held["first_purchase"]) == ("1", "2025-11-04T12:00:00.000Z")
        await ours.stop()

    with_redis(redis_url, steps)


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ({"Gold": 1}, "expected up to 32 small letters"),
        ({"gold": 1, "silver": 1}, "two bands begin at the same amount"),
        ({"gold": "NaN"}, "redis.value_bands"),
    ],
)
def test_bands_that_are_none_are_refused(bands: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, by name, with what was expected."""
    monkeypatch.setenv("TAPESH_REDIS__VALUE_BANDS", json.dumps(bands))
    with pytest.raises(SettingsError, match=said):
        load()
