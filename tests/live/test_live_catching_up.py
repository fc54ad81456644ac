"""After a crash figures don't fall back into the past: until the new owner has caught up, they are unknown."""

from __future__ import annotations

from collections.abc import Callable

from agreement import lines
from deployment import Deployment, eventually, windows_differ
from flow import publish
from kpi_oracle.logs import generate

from streams.services import ApacheKafka


def test_known_figures_never_fall_back_while_a_worker_reads_again(
    kafka: ApacheKafka, deploy: Callable[..., Deployment]
) -> None:
    """Killed without a single checkpoint, a worker counts everything anew: nobody is shown the half of it."""
    log = lines(generate(5, customers=1_000, ahead=False))
    live = deploy(kafka.bootstrap, clock="event")
    live.options["checkpoint.interval"] = "1h"
    live.start()
    live.ready()
    publish(live, log)
    expected = live.expected(log)
    eventually("all is counted", lambda: (known := live.known()) and not windows_differ(known, expected))
    live.running[0].kill()
    live.start()
    shown: list[int] = []

    def counted_again() -> bool:
        known = live.known()
        if known:
            shown.append(known["windows"]["lifetime"]["orders"])
        return bool(known) and not windows_differ(known, expected)

    eventually("all is counted again", counted_again)
    assert set(shown) == {expected["windows"]["lifetime"]["orders"]}
