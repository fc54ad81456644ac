"""Redis as serving store: what readers find, and that its absence costs the engine nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis import Redis, WatchError
from redis.asyncio.client import Pipeline

from metrics.evaluate import Snapshot
from metrics.serving import ReplacedError, Serving
from streams.services import EmbeddedRedis, RedisServer, free_port


def snapshot(second: int = 0, **values) -> Snapshot:
    """A snapshot at some second, with these values over 30 days."""
    now = f"2026-06-15T13:{37 + second // 60:02}:{second % 60:02}.250Z"
    return {"now": now, "windows": {"30d": dict(values)}, "slices": {"channel": {"web": {"30d": dict(values)}}}}


@pytest.fixture(params=["fresh_redis_url", "embedded_redis_url"])
def url(request):
    """Both kinds of Redis, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=[RedisServer, EmbeddedRedis])
def own_redis(request):
    """A Redis that a test may kill."""
    if (missing := request.param.missing()) is not None:
        pytest.skip(str(missing))
    with request.param() as server:
        yield server


@asynccontextmanager
async def started(url: str, **options):
    """A writer at work."""
    serving = Serving(url, longest_pause_s=0.2, **options)
    await serving.start()
    try:
        yield serving
    finally:
        await serving.stop()


async def until(holds: Callable[[], object], deadline_s: float = 10.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, f"not within {deadline_s} s"
        await asyncio.sleep(0.01)


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run to the end, and show what asyncio would complain of."""
    asyncio.run(test(), debug=False)


def test_the_latest_value_is_read_in_three_lines(url, fresh_prefix):
    """A reader needs a client and a key; what is undefined isn't there, and the whole is there as JSON."""

    async def write():
        async with started(url, prefix=fresh_prefix) as serving:
            serving.offer(snapshot(churn_rate=0.5, nps=None))
            serving.offer(snapshot(1, churn_rate=0.0123, nps=None, churn_reasons={"price": 3}), {"csat": "replaying"})
            await until(lambda: not serving.state.behind)
            assert serving.state.written + serving.state.skipped == 2

    run(write)
    redis = Redis.from_url(url, decode_responses=True)
    served = redis.hgetall(f"{fresh_prefix}snapshot")
    assert (served["now"], served["30d:churn_rate"]) == ("2026-06-15T13:37:01.250Z", "0.0123")
    assert served["30d:churn_reasons:price"] == "3"
    assert "30d:nps" not in served
    assert json.loads(served["json"])["slices"]["channel"]["web"]["30d"]["nps"] is None
    assert json.loads(served["json"])["unknown"] == {"csat": "replaying"}


def test_a_value_that_becomes_undefined_or_unknown_vanishes(url, fresh_prefix):
    """Nobody reads an old value as today's."""

    async def write():
        async with started(url, prefix=fresh_prefix) as serving:
            await serving.publish(snapshot(churn_rate=0.1, nps=25, orders=3))
            await serving.publish(
                snapshot(1, churn_rate=0.1, nps=None, orders=3), {"churn_rate": "partition 3 is silent"}
            )

    run(write)
    redis = Redis.from_url(url, decode_responses=True)
    served = redis.hgetall(f"{fresh_prefix}snapshot")
    assert set(served) == {"now", "json", "30d:orders"}
    assert json.loads(served["json"])["windows"]["30d"] == {"churn_rate": None, "nps": None, "orders": 3}
    assert json.loads(served["json"])["slices"]["channel"]["web"]["30d"]["churn_rate"] is None


def test_changes_are_told_and_only_they(url, fresh_prefix):
    """A subscriber hears what changed, undefined as null, and nothing when nothing did."""
    listener = Redis.from_url(url, decode_responses=True).pubsub()
    listener.subscribe(f"{fresh_prefix}changes")
    assert listener.get_message(timeout=5)["type"] == "subscribe"

    async def write():
        async with started(url, prefix=fresh_prefix) as serving:
            await serving.publish(snapshot(0, orders=3, nps=25))
            await serving.publish(snapshot(1, orders=3, nps=25))
            await serving.publish(snapshot(2, orders=4, nps=None))

    run(write)
    heard = [json.loads(listener.get_message(timeout=5)["data"]) for _ in range(2)]
    assert heard == [
        {"now": "2026-06-15T13:37:00.250Z", "changed": {"30d:orders": 3, "30d:nps": 25}, "unknown": {}},
        {"now": "2026-06-15T13:37:02.250Z", "changed": {"30d:nps": None, "30d:orders": 4}, "unknown": {}},
    ]
    assert listener.get_message(timeout=0.05) is None
    listener.close()


def test_history_has_an_entry_a_minute_and_an_end(url, fresh_prefix):
    """It can't grow over Redis's memory, however long the engine runs."""

    async def write():
        async with started(url, prefix=fresh_prefix) as serving:
            for second in range(0, 180, 20):
                await serving.publish(snapshot(second, orders=second))
        async with started(url, prefix=f"{fresh_prefix}short-", history_every_s=0, history_length=100) as serving:
            for second in range(600):
                await serving.publish(snapshot(second, orders=second))

    run(write)
    redis = Redis.from_url(url, decode_responses=True)
    entries = [fields for _, fields in redis.xrange(f"{fresh_prefix}history")]
    assert [entry["now"][14:19] for entry in entries] == ["37:00", "38:00", "39:00"]
    assert json.loads(entries[1]["json"]) == {"30d:orders": 60}
    assert 100 <= redis.xlen(f"{fresh_prefix}short-history") <= 250


def test_a_killed_redis_gets_the_latest_when_it_is_back(own_redis):
    """Meanwhile the engine offers on, learns that Redis is behind, and need not do anything about it."""

    async def write():
        async with started(own_redis.endpoint) as serving:
            serving.offer(snapshot(0, orders=0))
            await until(lambda: serving.state.written == 1)
            own_redis.kill()
            for second in range(1, 20):
                serving.offer(snapshot(second, orders=second))
                await asyncio.sleep(0)
            await until(lambda: serving.state.failures >= 2)
            assert serving.state.behind
            assert serving.state.error
            await asyncio.to_thread(own_redis.start)
            await until(lambda: not serving.state.behind)
            assert serving.state.error is None
            assert serving.state.written == 2

    run(write)
    redis = Redis.from_url(own_redis.endpoint, decode_responses=True)
    assert redis.hget("tapesh:snapshot", "30d:orders") == "19"


def test_a_restarted_redis_is_found_again(own_redis):
    """An orderly restart needs no more than the next snapshot."""

    async def write():
        async with started(own_redis.endpoint) as serving:
            serving.offer(snapshot(0, orders=0))
            await until(lambda: serving.state.written == 1)
            await asyncio.to_thread(own_redis.restart)
            serving.offer(snapshot(1, orders=1))
            await until(lambda: not serving.state.behind)

    run(write)
    assert Redis.from_url(own_redis.endpoint, decode_responses=True).hget("tapesh:snapshot", "30d:orders") == "1"


def test_a_redis_that_hangs_holds_nobody_up(own_redis):
    """An offer returns at once, an attempt ends within its time, and a stop doesn't wait for ever."""

    async def write():
        async with AsyncExitStack() as stack:
            serving = await stack.enter_async_context(started(own_redis.endpoint, timeout_s=0.2))
            serving.offer(snapshot(0, orders=0))
            await until(lambda: serving.state.written == 1)
            own_redis.pause()
            stack.callback(own_redis.resume)
            began = time.monotonic()
            for second in range(1, 1_000):
                serving.offer(snapshot(second, orders=second))
            assert time.monotonic() - began < 0.2
            await until(lambda: serving.state.failures >= 2)
            began = time.monotonic()
            await serving.stop()
            assert time.monotonic() - began < 2

    run(write)


def test_what_still_waits_is_written_at_stop(url, fresh_prefix):
    """The last snapshot before an orderly end isn't lost."""

    async def write():
        serving = Serving(url, prefix=fresh_prefix)
        await serving.start()
        serving.offer(snapshot(0, orders=7))
        await serving.stop()
        await serving.stop()
        assert not serving.state.behind

    run(write)
    assert Redis.from_url(url, decode_responses=True).hget(f"{fresh_prefix}snapshot", "30d:orders") == "7"


def test_no_redis_at_all_is_a_state_not_an_error():
    """The engine starts first, and what Redis's password is stays between the two."""

    async def write():
        async with started(f"redis://:a-secret@127.0.0.1:{free_port()}/0") as serving:
            serving.offer(snapshot(0, orders=0))
            await until(lambda: serving.state.failures >= 2)
            assert serving.state.behind
            assert "a-secret" not in serving.state.error

    run(write)


def test_an_owner_that_was_replaced_while_it_slept_overwrites_nothing(url, fresh_prefix):
    """It wakes up with a snapshot to write and a connection that works: what its successor wrote stays."""

    async def write():
        async with started(url, prefix=fresh_prefix) as sleeper, started(url, prefix=fresh_prefix) as successor:
            sleeper.offer(snapshot(0, orders=0), epoch="00000000.0000000007")
            await until(lambda: sleeper.state.written == 1)
            successor.offer(snapshot(5, orders=5), epoch="00000000.0000000010")
            await until(lambda: successor.state.written == 1)
            sleeper.offer(snapshot(1, orders=1), epoch="00000000.0000000007")
            await until(lambda: sleeper.state.failures == 1)
            assert "a later owner of the KPIs" in sleeper.state.error
            assert sleeper.behind
            successor.offer(snapshot(6, orders=5), epoch="00000000.0000000010")
            await until(lambda: successor.state.written == 2)

    run(write)
    redis = Redis.from_url(url, decode_responses=True)
    assert redis.hget(f"{fresh_prefix}snapshot", "30d:orders") == "5"
    assert redis.hget(f"{fresh_prefix}snapshot", "now") == "2026-06-15T13:37:06.250Z"
    assert 0 < redis.ttl(f"{fresh_prefix}owner") <= 60


def test_an_owner_replaced_between_its_look_and_its_write_writes_nothing(url, fresh_prefix, monkeypatch):
    """It is paused at the worst instant, after it has seen that it may write."""

    async def write():
        sleeper, successor = Serving(url, prefix=fresh_prefix), Serving(url, prefix=fresh_prefix)
        await sleeper.publish(snapshot(0, orders=0), epoch="7")
        look = Pipeline.get

        async def paused(pipe, *arguments):
            seen = await look(pipe, *arguments)
            monkeypatch.setattr(Pipeline, "get", look)
            await successor.publish(snapshot(5, orders=5), epoch="8")
            return seen

        monkeypatch.setattr(Pipeline, "get", paused)
        with pytest.raises(WatchError):
            await sleeper.publish(snapshot(1, orders=1), epoch="7")
        with pytest.raises(ReplacedError):
            await sleeper.publish(snapshot(1, orders=1), epoch="7")
        for each in (sleeper, successor):
            await each.stop()
            await each._disconnect()

    run(write)
    assert Redis.from_url(url, decode_responses=True).hget(f"{fresh_prefix}snapshot", "30d:orders") == "5"


def test_a_redis_that_outlived_its_kafka_is_written_to_again(url, fresh_prefix):
    """Epochs began anew: once nobody has written for a minute, the mark of the last owner is gone."""
    redis = Redis.from_url(url, decode_responses=True)

    async def write():
        serving = Serving(url, prefix=fresh_prefix)
        await serving.publish(snapshot(0, orders=1), epoch="00000003.0000000009")
        with pytest.raises(ReplacedError):
            await serving.publish(snapshot(1, orders=2), epoch="00000000.0000000001")
        redis.pexpire(f"{fresh_prefix}owner", 1)
        await until(lambda: not redis.exists(f"{fresh_prefix}owner"))
        await serving.publish(snapshot(2, orders=3), epoch="00000000.0000000001")
        await serving._disconnect()

    run(write)
    assert redis.hget(f"{fresh_prefix}snapshot", "30d:orders") == "3"
