"""Each protection carries weight: without it, the test that is named beside it fails, and with it, it passes."""

from __future__ import annotations

from collections.abc import Callable

import mutations
import pytest
import test_engine
import test_protections
import test_rounds
from mutations import Mutation

CARRIED: list[tuple[Mutation, Callable[[], None]]] = [
    (
        mutations.manifest_before_its_entries,
        test_protections.test_a_death_at_any_message_of_a_checkpoint_loses_and_doubles_nothing,
    ),
    (
        mutations.entries_in_place,
        test_protections.test_a_death_at_any_message_of_a_checkpoint_loses_and_doubles_nothing,
    ),
    (
        mutations.deletions_come_first,
        test_protections.test_a_death_at_any_message_of_a_checkpoint_loses_and_doubles_nothing,
    ),
    (mutations.no_epochs, test_protections.test_a_zombie_overwrites_nothing_of_its_successor),
    (mutations.no_deduplication, test_protections.test_an_order_sent_again_counts_once),
    (mutations.deduplication_forgets, test_protections.test_an_order_sent_again_counts_once),
    (mutations.nothing_is_skipped, test_protections.test_records_that_the_state_holds_are_skipped),
    (mutations.gaps_are_passed_over, test_protections.test_missing_records_are_never_passed_over),
    (mutations.a_lease_without_end, test_protections.test_an_owner_that_was_paused_exports_nothing),
    (mutations.every_tick_is_answered, test_engine.test_an_agent_that_slept_through_a_rebalance_is_not_answered),
    (mutations.nothing_is_unknown, test_rounds.test_a_partition_that_misses_three_ticks_makes_kpis_unknown),
    (mutations.nobody_is_behind, test_engine.test_a_partition_put_aside_while_behind_is_behind_still),
]


@pytest.mark.parametrize(
    ("mutation", "scenario"), CARRIED, ids=[f"{mutation.__name__}: {test.__name__}" for mutation, test in CARRIED]
)
def test_without_the_protection_the_named_test_fails(mutation: Mutation, scenario: Callable[[], None]) -> None:
    """It fails by what it asserts, not by a crash; the engine as it is passes."""
    with pytest.MonkeyPatch.context() as patch:
        mutation(patch)
        with pytest.raises(AssertionError) as failure:
            scenario()
    print(str(failure.value)[:300])
    scenario()
