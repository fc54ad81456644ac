"""How far sources have delivered: the same whatever the order, the partitions and the checkpoints in between."""

from __future__ import annotations

import msgspec
import numpy as np
from agreement import meaning
from fake_log import purchase
from hypothesis import given
from hypothesis import strategies as st
from test_checkpoint import Changelog

from streams.manifest import Epoch
from streams.partition import PartitionState
from streams.watermarks import (
    HOUR_MS,
    MOST_PAIRS,
    OTHER,
    REMEMBERED_WEEKS,
    UNNAMED,
    WEEK_HOURS,
    PackedMark,
    Watermarks,
    merged,
)

T0 = 1_767_225_600_000  # 2026-01-01
HORIZON = REMEMBERED_WEEKS * WEEK_HOURS

notes = st.lists(
    st.tuples(
        st.sampled_from([None, "shop", "crm"]),
        st.sampled_from(["purchase", "lead"]),
        st.integers(T0, T0 + 5 * HOUR_MS),
        st.one_of(st.integers(0, 6), st.integers(0, 3 * HORIZON)).map(lambda hour: T0 + hour * HOUR_MS),
    ),
    max_size=30,
)


def noted(events, into: Watermarks | None = None) -> Watermarks:
    marks = into or Watermarks()
    for source, kind, at_ms, record_ms in events:
        marks.note_all(source, kind, np.array([at_ms]), np.array([record_ms]))
    return marks


def known(*partitions: Watermarks) -> dict[tuple[str, str], tuple[object, ...]]:
    """What the cluster knows, as comparable values."""
    return {
        pair: (mark.latest_event_ms, mark.latest_record_ms, mark.since_hour, mark.newest_hour, mark.hours)
        for pair, mark in merged(each.pack() for each in partitions).items()
    }


@given(notes, st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_and_partitions_do_not_matter(events, random, partitions):
    """Shuffled and dealt out to partitions, events leave the same marks: hours in which two heard count once."""
    shuffled = random.sample(events, len(events))
    parts = [noted(shuffled[number::partitions]) for number in range(partitions)]
    assert known(*parts) == known(noted(events))


@given(notes, notes)
def test_a_checkpoint_loses_nothing(before, after):
    """Packed, written, read and gone on with, marks are those of a partition that never stopped."""
    written = msgspec.msgpack.encode(noted(before).pack())
    restored = Watermarks()
    restored.restore(msgspec.msgpack.decode(written, type=list[PackedMark]))
    assert noted(after, restored).pack() == noted([*before, *after]).pack()


def test_marks_are_part_of_a_partitions_checkpoint():
    """Its next owner knows the rhythm that it has never seen."""
    state = PartitionState(meaning())
    state.arrive([purchase(number, source="till") for number in range(50)], [T0 + n * HOUR_MS for n in range(50)])
    changelog = Changelog()
    _, writer, _ = changelog.load(Epoch(0, 1))
    assert changelog.write(writer, state, 50)
    restored, _, _ = changelog.load(Epoch(0, 2))
    assert restored.watermarks.pack() == state.watermarks.pack()
    assert restored.watermarks.marks["till", "purchase"].hours == (1 << 50) - 1


@given(st.sets(st.integers(0, 3 * HORIZON), min_size=1))
def test_the_hours_of_the_last_eight_weeks_are_remembered(hours):
    """As a set has them, counted back from the newest; older ones are forgotten."""
    (mark,) = merged([noted((None, "lead", T0, hour * HOUR_MS) for hour in hours).pack()]).values()
    newest = max(hours)
    found = {newest - back for back in range(HORIZON + 8) if mark.hours >> back & 1}
    assert found == {hour for hour in hours if hour >= newest - HORIZON}
    assert (mark.newest_hour, mark.since_hour) == (newest, min(hours))


def test_sources_are_bounded_and_the_rest_is_other_by_type():
    """A producer that writes order numbers into `source` costs 64 marks and one for each type, in each partition."""
    parts = [noted((f"s-{p}-{n}", kind, T0, T0) for n in range(500) for kind in ("purchase", "lead")) for p in (1, 2)]
    for part in parts:
        assert len(part.marks) == MOST_PAIRS + 2
    together = merged(part.pack() for part in parts)
    assert len(together) <= MOST_PAIRS + 2
    assert {(OTHER, "purchase"), (OTHER, "lead")} <= together.keys()


def test_the_first_sources_keep_their_names_in_the_cluster():
    """Those known for longest are told apart, whichever partition is asked first."""
    old = noted([("shop", "purchase", T0, T0)])
    new = noted((f"s-{n}", "purchase", T0, T0 + HOUR_MS) for n in range(100))
    for parts in ((old, new), (new, old)):
        assert ("shop", "purchase") in merged(part.pack() for part in parts)


def test_events_without_a_source_have_one_name():
    """Absent and empty is the same."""
    marks = noted([(None, "lead", T0, T0), ("", "lead", T0 + 1, T0)])
    assert list(marks.marks) == [(UNNAMED, "lead")]


def test_a_live_stream_is_told_from_batches_by_its_recent_events():
    """A history that was imported once doesn't make a shop a batch for good, nor a few prompt ones a batch a stream."""
    marks = noted([("shop", "purchase", T0, T0 + 900 * HOUR_MS)] * 5_000)
    mark = marks.marks["shop", "purchase"]
    assert not mark.is_prompt
    noted([("shop", "purchase", T0 + 901 * HOUR_MS, T0 + 901 * HOUR_MS)] * 600, marks)
    assert mark.is_prompt
    night = noted([("erp", "refund", T0 + minute * 60_000, T0 + 24 * HOUR_MS) for minute in range(24 * 60)])
    assert not night.marks["erp", "refund"].is_prompt
