"""`tapesh kpis --as-known`: the past as it was known, from the ledger's topic."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kafka import KafkaProducer

from metrics.economics import Economics
from streams.cli.as_known import as_known
from streams.ledger import Ledger
from streams.panes import ReportingTime
from streams.periods import Periods
from streams.settings import load
from streams.topics import ensure_topics

NOW_MS = 1_781_530_640_250  # 2026-06-15T13:37:20.250Z
MINUTE = 1_778_371_200_000 // 60_000  # 2026-05-10
SEEN_MS, RESTATED_MS = 1_781_500_000_000, 1_781_520_000_000
BETWEEN = "2026-06-15T06:00:00Z"


def bodies() -> dict[str, dict[str, Any]]:
    """The lines about a day with two orders, of which the second comes late, by key."""
    ledger = Ledger(Periods(ReportingTime(), 365), Economics("EUR"))
    found = {}
    for known_ms, orders in ((SEEN_MS, 1), (RESTATED_MS, 2)):
        draft = ledger.look(NOW_MS, known_ms, {MINUTE: {"orders": orders, "gross_minor": orders * 1_250}})
        assert draft is not None
        ledger.settle(draft)
        found |= {f"tapesh/{entry.key}": json.loads(json.dumps(entry.body)) for entry in draft.entries}
    return found


@pytest.fixture
def published(on_kafka: Any, fresh_prefix: str) -> None:
    """The lines in a topic, the first of them twice, beside one of another engine."""
    ensure_topics(load())
    producer = KafkaProducer(bootstrap_servers=on_kafka.bootstrap)
    lines = bodies()
    others = {f"other/{key.partition('/')[2]}": body | {"values": {}} for key, body in lines.items()}
    for key, body in [next(iter(lines.items())), *others.items(), *lines.items()]:
        producer.send(f"{fresh_prefix}kpi-ledger", json.dumps(body).encode(), key=key.encode()).get(30)
    producer.close()


def day(told: dict[str, Any]) -> dict[str, Any]:
    return next(period for period in told["periods"] if period["name"] == "2026-05-10")


def test_values_then_and_now_and_what_was_restated(published: None, tapesh: Any) -> None:
    """At an instant between the two publications, the first values; afterwards both are the same."""
    del published
    told = json.loads(tapesh("kpis", "--as-known", BETWEEN, "--period", "day", "--json").stdout)
    found = day(told)
    assert (told["period"], told["as_known"]) == ("day", "2026-06-15T06:00:00.000Z")
    assert (found["as_known"]["revision"], found["now"]["revision"]) == (0, 1)
    assert found["as_known"]["values"]["revenue"] == 12.5
    assert found["restated"]["revenue"] == {"from": 12.5, "to": 25.0, "delta": 12.5}
    shown = tapesh("kpis", "--as-known", BETWEEN)
    row = next(line for line in shown.stdout.splitlines() if "Revenue, EUR" in line)
    assert [cell.strip() for cell in row.split("│")][2:6] == [
        "Revenue, EUR",
        "12.50",
        "25.00",
        "yes, 2026-06-15T10:40:00.000Z",
    ]
    later = json.loads(tapesh("kpis", "--as-known", "2026-06-16T00:00:00Z", "--period", "day", "--json").stdout)
    assert day(later)["restated"] == {}
    before = tapesh("kpis", "--as-known", "2020-01-01T00:00:00Z")
    assert before.exit_code == 1
    assert "no past month was known at 2020-01-01T00:00:00.000Z; the ledger begins at 2026-06-15T05:06" in before.stderr


def test_a_ledger_that_is_empty_or_missing_says_what_to_do(on_kafka: Any, tapesh: Any) -> None:
    """The topic's name, or that nothing is past yet."""
    del on_kafka
    missing = tapesh("kpis", "--as-known", BETWEEN)
    assert missing.exit_code == 1
    assert "kpi-ledger' isn't there: run `tapesh topics`" in missing.stderr
    ensure_topics(load())
    empty = tapesh("kpis", "--as-known", BETWEEN)
    assert empty.exit_code == 1
    assert "the ledger holds nothing of 'tapesh' yet" in empty.stderr


def test_a_period_that_was_not_known_yet_has_no_values_then() -> None:
    """Revisions may come in any order, and more than once."""
    lines = [body for body in bodies().values() if body["period"] == "day" and body["name"] == "2026-05-10"]
    (found,) = as_known([*lines[::-1], *lines], SEEN_MS - 1)
    assert (found["as_known"], found["now"]["revision"], found["restated"]) == (None, 1, {})
    (found,) = as_known(lines[::-1], SEEN_MS)
    assert found["as_known"]["revision"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--as-known", "yesterday"), "got 'yesterday', expected an instant with an offset"),
        (("--as-known", BETWEEN, "--watch"), "--as-known reads the ledger"),
        (("--period", "day"), "it needs --as-known"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tapesh: Any, arguments: tuple[str, ...], said: str) -> None:
    """With the option's name and the reason, as a wrong call."""
    refused = tapesh("kpis", *arguments)
    assert refused.exit_code == 2
    assert said in " ".join(refused.stderr.replace("│", " ").split())
