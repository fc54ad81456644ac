"""One engine worker as a process: settings in, a Faust worker out, with messages that a person can act on."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Any

import faust

from streams.app import Worker
from streams.settings import Settings
from streams.topics import ensure_topics


def run(settings: Settings, *, loglevel: str = "WARNING") -> None:
    """Run a worker until it is told to stop; doesn't return.

    Args:
        settings: of the deployment.
        loglevel: of Faust and the engine; the engine's own milestones are shown from INFO on.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    ensure_topics(settings)
    worker = Worker(settings)
    # What lives, lives long and holds no cycles: customers, ids, sums. Looking for garbage among millions of them
    # again and again would cost more than it finds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    logging.getLogger("streams").setLevel(loglevel)
    _faust_worker(worker, loglevel).execute_from_commandline()
    sys.exit(0)


def _faust_worker(worker: Worker, loglevel: str) -> Any:
    return faust.Worker(
        worker.app,
        loglevel=loglevel,
        redirect_stdouts=False,
        quiet=True,
        debug=False,
        console_port=None,
    )
