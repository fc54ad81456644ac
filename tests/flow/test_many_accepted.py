"""What is accepted of many messages at once is what is accepted of each, whatever lies beside it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from agreement import meaning
from hypothesis import given, settings
from hypothesis import strategies as st

from events import batch
from events.rejection import Rejected
from streams.acceptance import Acceptance

NOW_MS = 1_780_000_000_000
TOLERANCE_MS = 300_000
EUR, USD, YEN, UNKNOWN = "EUR", "USD", "JPY", "XYZ"


def order(total: Any = "10.00", currency: str = EUR, lines: list[tuple[Any, str]] | None = None) -> dict[str, Any]:
    """A purchase, and what its lines say of money."""
    return {
        "type": "purchase",
        "customer_id": "c1",
        "order_id": "o1",
        "total": {"amount": total, "currency": currency},
        "lines": [{"sku": "s", "total": {"amount": amount, "currency": of}} for amount, of in lines or ()],
    }


def spend(currency: str) -> dict[str, Any]:
    """A marketing spend."""
    return {"type": "marketing-spend", "spend": {"amount": "5", "currency": currency}, "purpose": "acquisition"}


def answer(survey: str, **answers: Any) -> dict[str, Any]:
    """A survey's answer."""
    return {"type": "survey-response", "customer_id": "c1", "survey": survey, **answers}


BODIES = [
    order(),
    order("0.00"),
    order("-0.00"),
    order("-1.00"),
    order(0, lines=[("-1.50", EUR), ("1.50", EUR)]),
    order("12.345"),
    order(lines=[("4.00", EUR), ("6.00", EUR)]),
    order(lines=[("4.00", EUR), ("6.00", USD)]),
    order(lines=[("4.001", EUR)]),
    order("7.25", USD, [("7.25", USD)]),
    order("700", YEN, [("700", YEN)]),
    order("7.25", YEN),
    order("7.25", UNKNOWN),
    spend(EUR),
    spend(USD),
    spend(UNKNOWN),
    {"type": "lead", "customer_id": "c2", "lead_id": "l1", "cost": {"amount": 3.5, "currency": USD}},
    {"type": "customer-acquired", "customer_id": "c3", "cost": {"amount": "3.50", "currency": UNKNOWN}},
    {"type": "cancellation", "customer_id": "c4"},
    answer("nps", score=10),
    answer("nps", score=11),
    answer("csat", score=6, scale=7),
    answer("csat", score=6, scale=5),
    answer("csat", score=6),
    answer("cli", recommend=1, repurchase=6, try_other=3),
    answer("cli", recommend=1, repurchase=7, try_other=3),
]
INSTANTS = ["2026-05-01T00:00:00Z", "2026-05-01T00:00:00.250Z", "2026-05-01T02:00:00+02:00", "2031-01-01T00:00:00.000Z"]


def written(body: dict[str, Any], instant: str) -> bytes:
    """The message, compact as clients write it."""
    return json.dumps({"event_id": "e1", "occurred_at": instant, **body}, separators=(",", ":")).encode()


MESSAGES = st.builds(written, st.sampled_from(BODIES), st.sampled_from(INSTANTS))


def verdict(contract: Acceptance, message: bytes) -> Any:
    """Return one message's event and instant, or why it is refused."""
    try:
        return contract.judged(message, NOW_MS)
    except Rejected as why:
        return str(why)


@pytest.mark.parametrize("tolerance_ms", [TOLERANCE_MS, None])
@settings(max_examples=300, deadline=None)
@given(messages=st.lists(MESSAGES, max_size=8))
def test_many_are_accepted_as_each_would_be(tolerance_ms: int | None, messages: list[bytes]) -> None:
    """Foreign currencies, some without a rate, beside the reporting one; lines, signs, answers and the future."""
    contract = Acceptance(meaning(currency=EUR, rates={USD: Decimal("0.9"), YEN: Decimal("0.006")}), tolerance_ms)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(batch, "BATCH", 3)
        outcomes, at_ms, refused = contract.judged_all(messages, np.full(len(messages), NOW_MS))
    for place, message in enumerate(messages):
        expected = verdict(contract, message)
        if isinstance(expected, str):
            assert str(refused[place]) == str(outcomes[place]) == expected
        else:
            assert (outcomes[place], at_ms[place]) == expected
            assert place not in refused
    assert list(refused) == sorted(refused)
