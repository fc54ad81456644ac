"""Faust, configured: what the settings mean in its words, and what of its own is switched off."""

from __future__ import annotations

from typing import Any

import faust

from streams.settings import Settings
from streams.settings.clients import faust_credentials
from streams.topics import LARGEST_MESSAGE
from streams.transport import transport_options
from streams.web_guard import LARGEST_BODY


def _identity(instance_id: str) -> dict[str, str]:
    """Return Faust's name of a static member: its address, the default, is another one after a restart elsewhere.

    The group hands such a member its former assignment, which Faust refuses under another name, and stands still.
    """
    return {"canonical_url": f"http://static/{instance_id}"} if instance_id else {}


def faust_app(settings: Settings) -> Any:
    """Return a Faust app without topics, agents or pages, as the settings have it."""
    kafka = settings.kafka
    options = transport_options(
        kafka.bootstrap,
        session_timeout=kafka.session_timeout.seconds,
        rebalance_timeout=kafka.rebalance_timeout.seconds,
    )
    return faust.App(
        settings.app_id,
        **{**options, "broker_heartbeat_interval": kafka.heartbeat_interval.seconds},
        broker_credentials=faust_credentials(kafka),
        consumer_group_instance_id=kafka.instance_id or None,
        **_identity(kafka.instance_id),
        datadir=str(settings.data_dir),
        producer_max_request_size=LARGEST_MESSAGE,
        store="memory://",
        table_cleanup_interval=3600.0,
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication,
        topic_allow_declare=True,
        web_bind=settings.web.host,
        web_host=settings.web.host,
        web_port=settings.web.port,
        web_in_thread=False,
        web_application_options={"client_max_size": LARGEST_BODY},
        web_router_enabled=False,  # Faust's own pages would tell who owns what, and show what is in the tables
        web_tables_enabled=False,
        web_stats_enabled=False,
        web_graph_enabled=False,
        origin="streams",
        autodiscover=False,
    )
