"""Workers are upgraded one after the other while events flow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deployment import PARTITIONS, Deployment, eventually
from exporters import Exporters
from flow import Flow
from test_live_kills import agree_in_the_end

from streams.manifest import is_manifest
from streams.migrations import FORMAT
from streams.services import ApacheKafka

RETAIL = {"clock": "event", "timezone": "Europe/London", "currency": "GBP", "checkpoint.interval": "500ms"}
TOMORROW = (str(Path(__file__).with_name("tomorrow.py")),)


def formats(live: Deployment) -> dict[int, int]:
    """The format of each partition's newest manifest."""
    changelog = live.records(f"{live.topic('group')}-state-changelog", range(PARTITIONS))
    found: dict[int, int] = {}
    for number, records in changelog.items():
        kept: dict[bytes, Any] = {record.key: record.value for record in records if is_manifest(record.key)}
        newest = max((key for key, value in kept.items() if value is not None), default=None)
        if newest is not None:
            found[number] = msgspec.msgpack.decode(kept[newest])["format"]
    return found


@pytest.mark.timeout(400)
def test_a_rolling_upgrade_loses_nothing_and_shows_nothing_twice(
    kafka: ApacheKafka, deploy: Callable[..., Deployment], retail_year: list[bytes]
) -> None:
    """State is migrated as the new version takes it over, one exporter at most; a straggler ends by itself."""
    lines = retail_year[:15_000]
    live = deploy(kafka.bootstrap, **RETAIL)
    first, second = live.start(), live.start()
    live.ready(2)
    with Exporters(live) as exporters, Flow(live, lines, rate=len(lines) / 60) as flow:
        eventually("all is saved once", lambda: formats(live) == dict.fromkeys(range(PARTITIONS), FORMAT))
        assert first.terminate() == 0
        upgraded = [live.start(program=TOMORROW)]
        eventually("both versions hold partitions", lambda: second.partitions() and upgraded[0].partitions())
        assert second.terminate() == 0
        upgraded.append(live.start(program=TOMORROW))
        eventually("both hold partitions", lambda: all(each.partitions() for each in upgraded))
        assert not flow.ended, "the upgrade was not under load"
        flow.hurry()
        flow.wait()
        agree_in_the_end(live, lines)
        eventually("all is of tomorrow", lambda: formats(live) == dict.fromkeys(range(PARTITIONS), FORMAT + 1))

        straggler = live.start()
        assert straggler.wait() == 1
        assert "newer tapesh; upgrade this worker" in straggler.said()
        eventually("the others hold all", lambda: sum(len(each.partitions()) for each in upgraded) == PARTITIONS)
        agree_in_the_end(live, lines)
    assert exporters.most == 1
