"""`python -m events.simulator`: a shop without end on standard output, one event a line, for `tapesh produce`.

First the history, as fast as it is read, then life, as it happens.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime, timedelta

from .config import SimulatorConfig
from .pacing import paced
from .simulator import Simulator

_FOREVER = timedelta(days=3650)


def main() -> None:
    """Write events until nobody reads them any more."""
    parser = argparse.ArgumentParser(prog="python -m events.simulator", description=__doc__)
    parser.add_argument("--customers", type=int, default=2_000, help="the base at the start (default: 2000)")
    parser.add_argument("--days", type=float, default=30, help="days of history before now (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: 1)")
    parser.add_argument("--source", help="the events' source; runs that meet in a topic need different ones")
    options = parser.parse_args()
    now = datetime.now(UTC)
    start = now - timedelta(days=options.days)
    # A second run is another shop: with the first one's names its events would be dropped as duplicates.
    source = options.source or f"simulator-{start:%Y%m%dT%H%M%S}"
    config = SimulatorConfig(
        seed=options.seed, customers=options.customers, source=source, customer_prefix=f"{source}-c"
    )
    events = Simulator(config).events(start, now + _FOREVER)
    try:
        for event in paced(events, speed=1, clock=time.time, sleep=_sleep, live_from=now, live_at=now.timestamp()):
            sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()  # else Python complains of the pipe once more at exit


def _sleep(seconds: float) -> None:
    sys.stdout.flush()  # before a pause, so that a live event isn't kept in a buffer, and history isn't slowed
    time.sleep(seconds)


if __name__ == "__main__":
    main()
