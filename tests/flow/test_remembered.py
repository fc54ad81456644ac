"""What one KPI agent leaves to the next: the latest wins, whatever became of the group's generation."""

from __future__ import annotations

from streams.remembered import Remembered


class Topic:
    """A compacted topic, and the owners that follow each other."""

    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}

    def owner(self, generation: int) -> Remembered:
        return Remembered("admission", dict(self.stored), generation)

    def write(self, owner: Remembered, value: bytes) -> None:
        for key, written in owner.written(value):
            if written is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = written


def test_the_next_owner_finds_what_the_last_one_wrote() -> None:
    """And nothing else stays: a key for each owner that ever was would be read at every takeover."""
    topic = Topic()
    assert topic.owner(1).value is None
    for generation in range(1, 9):
        owner = topic.owner(generation)
        topic.write(owner, b"draft")
        topic.write(owner, str(generation).encode())
    assert topic.owner(9).value == b"8"
    assert len(topic.stored) == 1


def test_a_generation_that_fell_back_doesnt_bring_the_older_list_back() -> None:
    """The group was deleted: its generations begin again, the term rises instead."""
    topic = Topic()
    topic.write(topic.owner(40), b"old")
    topic.write(topic.owner(2), b"new")
    assert topic.owner(3).value == b"new"
    topic.write(topic.owner(3), b"newest")
    assert topic.owner(1).value == b"newest"


def test_an_owner_that_was_replaced_overwrites_nothing() -> None:
    """It wakes up and writes: under its own epoch, which is no longer the highest."""
    topic = Topic()
    sleeper = topic.owner(5)
    topic.write(sleeper, b"before")
    topic.write(topic.owner(6), b"after")
    topic.write(sleeper, b"much later")
    assert topic.owner(7).value == b"after"
    topic.write(topic.owner(7), b"after that")
    assert list(topic.stored.values()) == [b"after that"]


def test_keys_of_the_first_version_are_read_and_replaced() -> None:
    """They held the generation alone."""
    topic = Topic()
    topic.stored |= {
        b"admission/0000000004": b"four",
        b"admission/0000000012": b"twelve",
        b"ledger/00.01": b"another's",
    }
    owner = topic.owner(13)
    assert owner.value == b"twelve"
    topic.write(owner, b"thirteen")
    assert sorted(topic.stored) == [b"admission/00000000.0000000013", b"ledger/00.01"]
