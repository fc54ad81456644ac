"""What events change of persons adds up to what the persons, as they then are, contribute from scratch."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest
from agreement import lines, meaning
from kpi_oracle.clock import instant_ms, instant_text

from events.codec import decode
from streams import fold as fold_module
from streams import persons
from streams.fold import Fold
from streams.panes import DAY_MS
from streams.persons import STAGES

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")


def log(chance: random.Random, size: int) -> list[dict[str, Any]]:
    """Leads of few persons at few instants, and what else tells on leads and on memberships."""
    found: list[dict[str, Any]] = []
    for number in range(size):
        event: dict[str, Any] = {
            "event_id": f"e{chance.randrange(10**6)}-{number}",
            "customer_id": chance.choice("abcd"),
            "occurred_at": instant_text(NOW_MS - chance.randrange(40) * DAY_MS // 2),
        }
        kind = chance.choice(["lead"] * 5 + ["customer-acquired", "cancellation"] + ["loyalty-activity"] * 2)
        if kind == "lead":
            event |= {"lead_id": chance.choice("xyz"), "stage": chance.choice(STAGES), "channel": chance.choice("mno")}
            if chance.random() < 0.4:
                event["cost"] = {"amount": f"{chance.randrange(1, 90)}.50", "currency": "EUR"}
        elif kind == "customer-acquired":
            event |= {"channel": chance.choice("mno"), "segment": chance.choice("st")}
        elif kind == "loyalty-activity":
            event["action"] = chance.choice(["enrolled", "left", "earned"])
        found.append({**event, "type": kind})
    return found


def nonzero(fold: Fold) -> dict[int, int]:
    return {key: amount for key, amount in fold.derived.items() if amount}


@pytest.mark.parametrize("hot", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_differences_add_up_to_what_persons_are(seed: int, hot: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages reached again and earlier, leads that began earlier, in another channel, ties, win-backs, enrolments."""
    if hot:
        monkeypatch.setattr(persons, "HOT_BYTES", 150)
        monkeypatch.setattr(fold_module, "_MANY", 3)
    fold = Fold(meaning())
    fold.now_ms = NOW_MS
    for number, message in enumerate(lines(log(random.Random(seed), 150))):
        event = decode(message)
        fold.apply(event, instant_ms(event.occurred_at.isoformat()))
        if number % 20:
            continue
        fold.contribute_again()
        by_difference = nonzero(fold)
        added_up = dict(fold.derived)
        fold.derived.clear()
        from_scratch: dict[int, int] = defaultdict(int)
        for keys, amounts in fold.contribute_all():
            for key, amount in zip(keys.tolist(), amounts.tolist(), strict=True):
                from_scratch[key] += amount
        for key, amount in fold.derived.items():
            from_scratch[key] += amount
        assert by_difference == {key: amount for key, amount in from_scratch.items() if amount}
        fold.derived.clear()
        fold.derived.update(added_up)
