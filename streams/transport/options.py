"""Faust settings that the chunked transport needs, with the reason for each that isn't Faust's default."""

from collections.abc import Sequence
from typing import Any


def transport_options(
    bootstrap: Sequence[str] | str,
    *,
    session_timeout: float = 10.0,
    rebalance_timeout: float = 30.0,
    max_fetch_bytes: int = 2 * 1024 * 1024,
) -> dict[str, Any]:
    """Keyword arguments for `faust.App`.

    Args:
        bootstrap: `host:port`, several in a sequence or separated by commas.
        session_timeout: seconds until the group gives up a silent worker: the time that a kill -9 costs.
        rebalance_timeout: seconds that a worker has to write down its state when partitions move. Some brokers wait
            half of it for further members at every join.
        max_fetch_bytes: of one partition in one fetch, as compressed: with the number of partitions it bounds the
            memory of what is fetched ahead.
    """
    servers = bootstrap.split(",") if isinstance(bootstrap, str) else bootstrap
    return {
        "broker": [f"tapesh://{server.strip()}" for server in servers],
        "broker_session_timeout": session_timeout,
        "broker_heartbeat_interval": session_timeout / 5,
        "broker_rebalance_timeout": rebalance_timeout,
        # Must exceed both of the above; a broker that doesn't answer stops the worker after it.
        "broker_request_timeout": max(40.0, session_timeout * 2, rebalance_timeout),
        "consumer_max_fetch_size": max_fetch_bytes,
        # Matters only for groups without a manifest: topics are read from their beginning, never from "now".
        "consumer_auto_offset_reset": "earliest",
        # Waiting for acks at a rebalance would wait for chunks that only a checkpoint lets go.
        "stream_wait_empty": False,
        # Bounds what recovery reads ahead of packed changelog entries; 4,096 of them are gigabytes. Topics of chunks
        # need their own, far lower: app.topic(..., maxsize=8).
        "stream_buffer_maxsize": 256,
        # Faust waits this long after an assignment for another one; a second rebalance is handled anyway.
        "stream_recovery_delay": 0.0,
        # A standby of a memory store keeps nothing.
        "table_standby_replicas": 0,
        # Faust's leader election topic is for @app.timer(on_leader=True) only.
        "topic_disable_leader": True,
        # Chunks are not acked by the topic's periodic commit; the rest may be committed seldom.
        "broker_commit_interval": 2.0,
    }
