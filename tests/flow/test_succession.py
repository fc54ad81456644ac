"""Engines of one shop follow each other: one speaks, the others know that they mustn't."""

from __future__ import annotations

import msgspec
import pytest

from streams.messages import Tick
from streams.succession import Engine, Standing, changed, first, group_of


def tick_of(standing: Standing, url: str = "http://there:1") -> Tick:
    """A tick as the KPI agent of that engine sends it."""
    return standing.sign(Tick("owner", 1, 0, 0, False, url, app=group_of(standing.app_id, standing.number)))


def test_a_shop_without_a_record_is_served_by_the_group_it_is_configured_as() -> None:
    """Whoever never rebuilds never sees a number."""
    record = first("tapesh")
    assert (record.serving.group, record.serving.number, record.rebuilding) == ("tapesh", 1, None)
    assert group_of("tapesh", 1) == "tapesh"
    assert group_of("tapesh", 3) == "tapesh.3"


def test_a_switch_is_one_record_that_retires_the_engine_of_before() -> None:
    """Until it is written the old engine serves; from then on the new one does."""
    record = first("tapesh").begun(Engine("tapesh.2", 2, {"timezone": "Asia/Tehran"}))
    assert record.serving.group == "tapesh"
    assert record.next_number() == 3
    switched = record.switched(1_000)
    assert switched.serving == Engine("tapesh.2", 2, {"timezone": "Asia/Tehran"}, 1_000)
    assert switched.rebuilding is None
    assert [engine.group for engine in switched.retired] == ["tapesh"]
    assert switched.next_number() == 3
    assert msgspec.json.decode(msgspec.json.encode(switched), type=type(switched)) == switched


def test_what_was_aborted_leaves_the_record_as_it_was() -> None:
    """And nothing that could be switched to."""
    record = first("tapesh").begun(Engine("tapesh.2", 2)).aborted()
    assert record == first("tapesh")
    with pytest.raises(ValueError, match="no engine is counting anew"):
        record.switched(0)


def test_settings_are_compared_only_with_what_was_written_down() -> None:
    """The first engine of a shop wrote nothing: its own state refuses what doesn't fit."""
    assert changed({}, {"timezone": "UTC"}) == []
    assert changed({"timezone": "UTC"}, {"timezone": "UTC"}) == []
    assert changed({"timezone": "UTC"}, {"timezone": "Asia/Tehran"}) == ["timezone was 'UTC' and is now 'Asia/Tehran'"]


def test_an_engine_that_counts_anew_disturbs_nobody() -> None:
    """It ticks on the same topic, doesn't serve, and the one in service goes on speaking."""
    old, new = Standing("tapesh"), Standing("tapesh", 2, serves=False)
    assert not old.hear(tick_of(new), 10.0)
    assert old.may_speak(10.0)
    assert not new.may_speak(10.0)


def test_of_two_engines_at_most_one_may_speak_at_any_instant_of_a_switch() -> None:
    """The new one waits until the old one has said that it is silent, and the old one is silent for good."""
    old, new = Standing("tapesh"), Standing("tapesh", 2, serves=False)
    new.hear(tick_of(old), 10.0)
    new.serves = True
    assert not new.may_speak(10.1), "the old one may not have heard of it"
    assert old.hear(tick_of(new, "http://new:1"), 10.2), "it has just learnt of it"
    assert not old.hear(tick_of(new, "http://moved:1"), 10.3), "once"
    assert old.successor_url == "http://moved:1"
    assert not old.may_speak(99.0)
    assert not tick_of(old).serves
    new.hear(tick_of(old), 10.4)
    assert new.may_speak(10.4)


def test_an_engine_that_is_gone_needs_no_farewell() -> None:
    """Its workers were stopped: after a silence its successor speaks."""
    old, new = Standing("tapesh"), Standing("tapesh", 2)
    new.hear(tick_of(old), 10.0)
    assert not new.may_speak(11.9)
    assert new.may_speak(12.1)


def test_a_worker_that_hears_no_tick_learns_of_the_successor_from_another() -> None:
    """More workers than partitions: the KPI agent may own nothing that ticks are sent to."""
    hears, agent, new = Standing("tapesh"), Standing("tapesh"), Standing("tapesh", 2)
    hears.hear(tick_of(new), 10.0)
    assert agent.hear_of(hears.successor)
    assert not agent.may_speak(10.0)
    assert not agent.hear_of(hears.successor), "it is no news any more"
    assert not new.hear_of(hears.successor), "nor is it one to the successor itself"
    assert not Standing("another-shop").hear_of(hears.successor)


def test_another_shops_engines_on_the_same_topics_are_no_matter() -> None:
    """Nor are ticks of a version that knew no succession."""
    standing = Standing("tapesh")
    assert not standing.hear(tick_of(Standing("other", 2)), 10.0)
    assert not standing.hear(Tick("owner", 1, 0, 0, False, "http://there:1", app="tapesh.2"), 10.0)
    assert standing.may_speak(10.0)
