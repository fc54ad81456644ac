"""What `tapesh check` says of Redis: may we write, what does it drop when it is full, whose clock is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from streams.cli.probes import Finding
from streams.settings import Settings

_CLOCKS_APART_S = 30.0


def redis_findings(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Write to Redis as the engine does; its address is shown without what it may hold of a password."""
    if not settings.redis.enabled:
        if settings.ingest.webhooks:
            names = ", ".join(sorted(settings.ingest.webhooks))
            text = f"webhooks ({names}) need it, to know what they have had: they are answered 503; set redis.url"
            yield Finding("Redis", ok=False, text=text)
        else:
            yield Finding("Redis", ok=True, text="none is configured")
        return
    import redis

    url = settings.redis.url.get_secret_value()
    tls = {"ssl_ca_certs": str(settings.redis.ca_file)} if settings.redis.ca_file else {}
    client = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, **tls)
    known = client.connection_pool.connection_kwargs
    where = f"{known.get('host', '')}:{known.get('port', '')}" if "host" in known else known.get("path", "its socket")
    try:
        client.ping()
        client.set(f"{settings.redis.prefix}check", 1, px=1_000)
    except (redis.RedisError, OSError) as error:
        yield Finding("Redis", ok=False, text=f"{where}: {_told_of_redis(error)}")
    else:
        yield Finding("Redis", ok=True, text=where)
        yield from _redis_settings(client, settings)
    finally:
        client.close()


def _redis_settings(client: Any, settings: Settings) -> Iterator[Finding]:
    """Look at what Redis drops when it is full, and at its clock; a user with the least rights isn't told."""
    import redis

    with suppress(redis.RedisError):
        seconds, micros = client.time()
        if abs(ahead_s := time.time() - seconds - micros / 1e6) > _CLOCKS_APART_S:
            text = (
                f"this machine's clock is {ahead_s:+.0f} s from that of Redis's machine: one of them is wrong, and "
                "events lie in the future or the past by it; run NTP on both"
            )
            yield Finding("clock", ok=False, text=text)
    with suppress(redis.RedisError):
        told = {**client.config_get("maxmemory-policy"), **client.config_get("maxmemory")}
        policy, most = str(told.get("maxmemory-policy", "")), int(told.get("maxmemory", 0))
        if most and policy.startswith("allkeys") and (settings.ingest.webhooks or settings.redis.profiles):
            lost = (
                "webhooks would count again what they have had" if settings.ingest.webhooks else "profiles go missing"
            )
            text = (
                f"full (at {most:,} bytes), it drops any key ({policy}): {lost}; set maxmemory-policy to noeviction, "
                "or give tapesh a Redis of its own"
            )
            yield Finding("Redis", ok=not settings.ingest.webhooks, text=text, advice=True)


def _told_of_redis(error: Exception) -> str:
    """Say what is wrong between us and Redis, and which setting to look at, in words of ours: they hold no secret."""
    import redis

    told: dict[type[Exception], str] = {
        redis.AuthenticationError: (
            "it doesn't let us in; redis.url (TAPESH_REDIS__URL) holds the user and the password"
        ),
        redis.exceptions.ReadOnlyError: "it is a replica, which takes no writes; redis.url must name the primary",
        redis.exceptions.OutOfMemoryError: "it is full; raise its maxmemory, or shorten redis.profile_ttl",
        redis.exceptions.NoPermissionError: (
            "the user of redis.url may not do what the engine does; docs/operating.md says which rights it needs"
        ),
    }
    for kind, text in told.items():
        if isinstance(error, kind):
            return text
    if "MISCONF" in str(error):
        return "it takes no writes, since it can't save to its disk; its own log says why"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate isn't trusted; redis.ca_file (TAPESH_REDIS__CA_FILE) names the authorities to trust"
    way_out = "is it running? redis.url (TAPESH_REDIS__URL) says where it is; empty: the engine goes without it"
    return f"no answer ({type(error).__name__}); {way_out}"
