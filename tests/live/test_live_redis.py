"""The worker's latest snapshot in a real Redis, before and after Redis was away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agreement import lines
from deployment import Deployment, eventually
from flow import publish
from kpi_oracle.logs import generate
from redis import Redis, RedisError

from metrics.names import RedisKeys
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
        assert worker.metric("tapesh_redis_up") == 1


def _same(document: dict[str, Any], redis: Redis, prefix: str) -> bool:
    try:
        held = json.loads(redis.hget(RedisKeys(prefix).snapshot, "json") or "{}")
    except RedisError:
        return False
    return bool(document.get("windows")) and held.get("windows") == document["windows"]
