"""The worker's latest snapshot in a real Redis, before and after Redis was away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agreement import lines
from deployment import Deployment, eventually
from flow import publish
from kpi_oracle.logs import generate
from redis import Redis, RedisError

from metrics.names import RedisKeys
from streams.acceptance import FAR_FUTURE_MS
from streams.partition import PartitionState
from streams.profiles import profile_of
from streams.services import ApacheKafka, RedisServer


def test_redis_holds_what_the_worker_answers_and_catches_up_after_it_was_away(
    kafka: ApacheKafka, redis_url: str, deploy: Callable[..., Deployment], fresh_prefix: str
) -> None:
    """The hash's document is that of /kpis; killed and started again, Redis gets the latest by itself."""
    del redis_url  # its fixture says what to do where there is no redis-server
    log = lines(generate(11, customers=20, ahead=False))
    with RedisServer() as server, Redis.from_url(server.endpoint, decode_responses=True) as redis:
        live = deploy(kafka.bootstrap)
        live.options |= {"clock": "event", "redis.url": server.endpoint, "redis.prefix": fresh_prefix}
        worker = live.start()
        live.ready()
        publish(live, log[:300])
        eventually("Redis holds what /kpis says", lambda: _same(worker.kpis(), redis, fresh_prefix))
        server.kill()
        publish(live, log[300:])
        eventually("the worker says that Redis is behind", lambda: worker.metric("tapesh_redis_up") == 0)
        server.restart()
        eventually("Redis has caught up", lambda: _same(worker.kpis(), redis, fresh_prefix))
        expected = profiles(live, log)
        assert len(expected) > 10
        eventually("so have the profiles", lambda: held(redis, fresh_prefix, expected) == expected)
        customer = next(iter(expected))
        page = worker.json(f"/customers/{customer}")
        assert {name: page[name] for name in ("customer_id", "lifetime")} == {
            "customer_id": customer,
            "lifetime": expected[customer]["lifetime"],
        }
        assert "nothing is known" in worker.json("/customers/nobody-of-ours")["error"]
        eventually("none waits", lambda: worker.metric("tapesh_profiles_waiting") == 0)
        eventually("Redis is up", lambda: worker.metric("tapesh_redis_up") == 1)


CLOCKED = ("as_of", "tenure_days")
"""Fields that a profile has as of when it was written."""


def profiles(live: Deployment, log: list[bytes]) -> dict[str, dict[str, str]]:
    """What one fold of the whole log says of each customer."""
    state = PartitionState(live.settings.meaning)
    state.arrive(log, [FAR_FUTURE_MS] * len(log))
    state.advance(state.latest_event_ms)
    persons = state.fold.persons
    return {persons.ids[row]: timeless(profile_of(state.fold, row)) for row in range(len(persons))}


def held(redis: Redis, prefix: str, customers: Iterable[str]) -> dict[str, dict[str, str]]:
    keys = RedisKeys(prefix)
    try:
        return {customer: timeless(redis.hgetall(keys.profile(customer))) for customer in customers}
    except RedisError:
        return {}


def timeless(profile: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in profile.items() if name not in CLOCKED}


def _same(document: dict[str, Any], redis: Redis, prefix: str) -> bool:
    try:
        held = json.loads(redis.hget(RedisKeys(prefix).snapshot, "json") or "{}")
    except RedisError:
        return False
    return bool(document.get("windows")) and held.get("windows") == document["windows"]
