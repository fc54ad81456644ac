"""Rows are found by customer ids as a dict would find them, also where hashes meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import customer_ids
from streams.customer_ids import CustomerIds

IDS = st.lists(st.text(st.sampled_from("ab\u067ez\0"), min_size=1, max_size=6), max_size=60)


def filled(ids: list[str]) -> tuple[CustomerIds, dict[str, int]]:
    known, expected = CustomerIds(), {}
    for one in dict.fromkeys(ids):
        expected[one] = known.append(one)
    return known, expected


def agree(known: CustomerIds, expected: dict[str, int], asked: list[str]) -> None:
    assert known.find(asked).tolist() == [expected.get(one, -1) for one in asked]
    assert [known.row_of(one) for one in asked] == [expected.get(one) for one in asked]
    assert list(known) == list(expected)


@given(IDS, IDS)
def test_ids_are_found_as_in_a_dict(ids: list[str], others: list[str]) -> None:
    known, expected = filled(ids)
    agree(known, expected, [*others, *ids])


@pytest.mark.parametrize("hashed", [len, lambda _: 7, lambda text: -len(text)])
@settings(max_examples=50)
@given(ids=IDS, others=IDS)
def test_ids_of_one_hash_are_told_apart(hashed, ids: list[str], others: list[str]) -> None:
    """64 bits do collide, once in a very great while: never may a customer be taken for another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(customer_ids, "hash", hashed, raising=False)
        known, expected = filled(ids)
        agree(known, expected, [*others, *ids])


@given(IDS, st.randoms())
def test_ids_of_a_recovery_are_found(ids: list[str], chance) -> None:
    """Filled in any order, some twice, as blocks and deltas hold them."""
    expected = {one: row for row, one in enumerate(dict.fromkeys(ids))}
    known = CustomerIds()
    known.grow(len(expected))
    entries = list(expected.items())
    for _ in range(2):
        chance.shuffle(entries)
        for part in (entries[::2], entries[1::2]):
            ordered = sorted(part, key=lambda entry: entry[1])
            known.fill(np.array([row for _, row in ordered], np.int64), [one for one, _ in ordered])
    for _ in known.index():
        pass
    agree(known, expected, [*expected, "nobody"])
    for one in ("new one", "another"):
        expected[one] = known.append(one)
    agree(known, expected, list(expected))


@given(IDS, st.randoms())
def test_who_was_renamed_is_found_under_the_new_id_alone(ids: list[str], chance) -> None:
    """However often: places that are left behind in the table don't pile up."""
    known, expected = filled(ids)
    for number in range(40 if expected else 0):
        one = chance.choice(list(expected))
        row = expected.pop(one)
        known.rename(row, f"alias-{number}")
        expected[f"alias-{number}"] = row
    ordered = dict(sorted(expected.items(), key=lambda entry: entry[1]))
    agree(known, ordered, [*ids, *ordered])
    if expected:
        for number in range(3_000):
            known.rename(0, f"again-{number}")
        assert known.row_of("again-2999") == 0
        assert known.row_of("again-2998") is None


def test_a_hundred_thousand_ids_stay_known_while_the_table_grows() -> None:
    known, expected = filled([f"customer-{number * 7919 % 100_003}" for number in range(100_000)])
    agree(known, expected, [*list(expected)[::37], *(f"stranger-{number}" for number in range(1_000))])
