"""A draft holds what the state forgot: it is written, or the state is lost."""

from __future__ import annotations

import pytest
from agreement import kpis, lines, meaning
from kpi_oracle.clock import instant_ms
from kpi_oracle.logs import generate

from streams.checkpoint import Checkpointer, restore
from streams.manifest import Epoch, newest
from streams.partition import PartitionState

NOW_MS = instant_ms("2026-06-15T13:37:20.250Z")


def test_a_second_draft_before_the_first_is_settled_is_refused() -> None:
    """It would overwrite the first one's entries without what that one holds."""
    state, writer = PartitionState(meaning(), horizon_ms=1), Checkpointer(0, Epoch(0, 1))
    state.advance(NOW_MS)
    draft = writer.draft(state, {"customer-events": 1})
    with pytest.raises(RuntimeError, match=r"partition 0: .* before the last one was settled"):
        writer.draft(state, {"customer-events": 2})
    writer.settle(draft.pack())
    writer.draft(state, {"customer-events": 2})


def test_a_draft_is_of_its_moment_however_late_it_is_packed() -> None:
    """The state goes on while another thread compresses: none of it gets into the messages."""
    log = lines(generate(11, customers=20))
    state, writer = PartitionState(meaning(), horizon_ms=10**12), Checkpointer(0, Epoch(0, 1))
    half = len(log) // 2
    state.arrive(log[:half], range(half))
    state.advance(NOW_MS)
    then = kpis([state])
    draft = writer.draft(state, {"customer-events": half})
    state.arrive(log[half:], range(half, len(log)))
    state.advance(NOW_MS + 1)
    stored = dict([*draft.pack().entries, draft.manifest])
    assert dict([*draft.pack().entries, draft.manifest]) == stored  # again, as after a broker's refusal

    successor = PartitionState(meaning(), horizon_ms=10**12)
    plan = newest(stored, 0)
    assert plan is not None
    restore(successor, plan, stored)
    assert kpis([successor]) == then
    successor.arrive(log[half:], range(half, len(log)))
    successor.advance(NOW_MS + 1)
    assert kpis([successor]) == kpis([state])
