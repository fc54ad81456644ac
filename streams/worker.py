"""One engine worker as a process: settings in, a Faust worker out, with messages that a person can act on."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Any

import faust

from streams.app import Worker
from streams.engines import in_service
from streams.settings import Settings
from streams.succession import Standing
from streams.topics import BrokerUnreachable, ensure_topics

_FIRST_TRY_S = 3.0
_PATIENCE_S = 30.0


def run(settings: Settings, *, loglevel: str = "WARNING") -> None:
    """Run a worker until it is told to stop; doesn't return.

    The process ends with code 0 when it was told to, 1 after a failure.

    Args:
        settings: of the deployment.
        loglevel: of Faust and the engine; the engine's own milestones are shown from INFO on.

    Raises:
        BrokerUnreachable: no broker answers.
        TopicsError: the topics aren't as they must be.
        RefusedSettingsError: the engine in service was counted under other settings.
    """
    prepare(settings)
    engine, number = in_service(settings)
    run_worker(Worker(engine, Standing(settings.app_id, number)), loglevel=loglevel)


def prepare(settings: Settings) -> None:
    """Make sure of what any worker needs: the data directory, and the topics.

    Raises:
        BrokerUnreachable: no broker answers.
        TopicsError: the topics aren't as they must be.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _wait_for_topics(settings)


def run_worker(worker: Worker, *, loglevel: str) -> None:
    """Run a worker until it is told to stop; doesn't return."""
    # What lives, lives long and holds no cycles: customers, ids, sums. Looking for garbage among millions of them
    # again and again would cost more than it finds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    logging.getLogger("streams").setLevel(loglevel)
    for client in ("aiokafka", "kafka", "redis"):
        # At DEBUG they write down what they send and receive: customers' events, whole.
        logging.getLogger(client).setLevel(max(logging.INFO, logging.getLevelNamesMapping()[loglevel.upper()]))
    try:
        _faust_worker(worker, loglevel).execute_from_commandline()
    finally:
        if worker.refused is not None:
            sys.exit(str(worker.refused))


def _wait_for_topics(settings: Settings) -> None:
    """Make sure of the topics; a broker that starts with us may take a while, and who waits wants to know for what."""
    try:
        ensure_topics(settings, timeout_s=_FIRST_TRY_S)
    except BrokerUnreachable as absent:
        print(f"{absent}; trying for {_PATIENCE_S:g} s more", file=sys.stderr, flush=True)
        ensure_topics(settings, timeout_s=_PATIENCE_S)


def _faust_worker(worker: Worker, loglevel: str) -> Any:
    return faust.Worker(
        worker.app,
        loglevel=loglevel,
        redirect_stdouts=False,
        quiet=True,
        debug=False,
        console_port=None,
    )
