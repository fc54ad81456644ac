"""Forgetting a person: what an order to forget does to a partition, so that no id is left and every sum is.

An order lies among the person's events, in the person's partition of each customer topic, so it comes after the events
that it is about, survives a crash with them, and is met again at the same place by whoever reads the topics anew. The
person's row goes on under an alias that says nothing, since what it contributes must stay: a forgotten buyer still
lapses. The next event under the old id begins a new person.

Two kinds of events may still come for the row that was renamed: those that no tick had reached, and those of another
customer topic that lie before the order there. They are taken to the alias. Only then are the ids of the person's
events and leads emptied, which told them apart.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Container, Iterable, Mapping
from typing import Annotated, Literal

import msgspec
import xxhash
from msgspec import Meta

from events import wire
from events.identity import partition_of

ORDER_TYPE: Literal["forget-customer"] = "forget-customer"
"""What an order has where an event has its type; no event of the contract has this one."""
_MARK = "\0"
"""Begins an alias, and what an event under one is kept as: no text of the contract holds a control character."""
_ALIAS_CHARACTERS = 33
REMEMBERED_ORDERS = 256
_order_sign = f'"{ORDER_TYPE}"'.encode()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order to forget a person, as it lies in a customer topic.

    Attributes:
        customer_id: whom.
        order: names the order, 32 hexadecimal digits.
        topics: every customer topic that it was written to.
    """

    type: Literal["forget-customer"] = ORDER_TYPE
    customer_id: Annotated[str, Meta(min_length=1, max_length=128)]
    order: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    topics: list[str]

    @property
    def alias(self) -> str:
        """Return what the person's row is called from then on."""
        return _MARK + self.order


_decode = msgspec.json.Decoder(Order).decode
_encode = msgspec.json.Encoder().encode


def new_order(customer_id: str, topics: Iterable[str]) -> Order:
    """Return an order to forget a person.

    Raises:
        ValueError: nobody can have this id.
    """
    normal = unicodedata.normalize("NFC", customer_id)
    if not 1 <= len(normal) <= 128 or any(unicodedata.category(character) == "Cc" for character in normal):  # noqa: PLR2004
        raise ValueError(f"{customer_id!r} is no customer id: expected 1 to 128 characters, none of them a control")
    return Order(customer_id=normal, order=uuid.uuid4().hex, topics=sorted(topics))


def write_order(order: Order) -> bytes:
    """Return the message that is an order."""
    return _encode(order)


def read_order(raw: bytes | None) -> Order | None:
    """Return the order that a message is, None if it is none."""
    if raw is None or _order_sign not in raw:
        return None
    try:
        order = _decode(raw)
    except msgspec.MsgspecError:
        return None
    return order if unicodedata.is_normalized("NFC", order.customer_id) else None


def home_of(order: Order, partitions: int) -> int:
    """Return the partition of a topic in which an order belongs."""
    return partition_of(order.customer_id, partitions)


def is_alias(customer_id: str) -> bool:
    """Tell whether a row is that of somebody who was forgotten."""
    return customer_id.startswith(_MARK)


class Leaving(msgspec.Struct, array_like=True):
    """Somebody who is being forgotten.

    Attributes:
        alias: what the person's row is called.
        customer_id: what it was called; empty once no event can come under it.
        waits: the topics whose order hasn't been read yet: events before it are of this person.
    """

    alias: str
    customer_id: str
    waits: list[str]


class Forgetting:
    """Who is being forgotten in a partition.

    Attributes:
        sources: the topics that are read; an order that lies in others as well doesn't wait for those.
        serves_profiles: whether there are profiles to be deleted.
        leaving: those whose rows aren't emptied yet, in the order in which they were forgotten.
        profiles: the ids whose profiles are to be deleted.
        heard: the latest orders that were read, for who waits for one.
        rows: those that were renamed or emptied since the last checkpoint: what it holds of them is to be rewritten.
        is_changed: whether the two lists have changed since then.
    """

    def __init__(self) -> None:
        self.sources: frozenset[str] = frozenset()
        self.serves_profiles = False
        self.leaving: list[Leaving] = []
        self.profiles: list[str] = []
        self.heard: list[str] = []
        self.rows: set[int] = set()
        self.is_changed = False

    def take(self, order: Order, topic: str, rows: Container[str]) -> str | None:
        """Take an order in; return the alias by which the person who goes by the id is to be called, if that is due.

        Args:
            order: what was read.
            topic: where.
            rows: the ids of all rows.
        """
        self.heard = [*self.heard, order.order][-REMEMBERED_ORDERS:]
        self.is_changed = True
        waiting = [each for each in self.leaving if each.customer_id == order.customer_id and topic in each.waits]
        if any(each.alias == order.alias for each in self.leaving) or waiting:
            # Events of this topic were a forgotten person's up to here. What was ordered before, and never came, too.
            own = next((at for at, each in enumerate(waiting) if each.alias == order.alias), -1)
            for each in waiting[: own + 1]:
                each.waits.remove(topic)
            return None
        alias, waits = order.alias, sorted((set(order.topics) & self.sources) - {topic})
        while alias in rows:  # obeyed long ago, in all topics of then
            alias, waits = _MARK + xxhash.xxh3_128_hexdigest(alias.encode()), []
        self.leaving.append(Leaving(alias, order.customer_id if waits else "", waits))
        if self.serves_profiles and order.customer_id not in self.profiles:
            self.profiles.append(order.customer_id)
        return alias

    def former(self, topic: str) -> Mapping[str, str]:
        """Return whose events of a topic are still a forgotten person's: alias by customer id."""
        return {each.customer_id: each.alias for each in reversed(self.leaving) if topic in each.waits}

    def ready(self, waiting: Iterable[wire.Event]) -> list[str]:
        """Return the aliases of those of whom nothing can come any more.

        Args:
            waiting: the events that aren't folded yet.
        """
        if all(each.waits for each in self.leaving):
            return []
        expected = {getattr(event, "customer_id", "") for event in waiting}
        return [each.alias for each in self.leaving if not each.waits and each.alias not in expected]

    def left(self, aliases: Iterable[str]) -> None:
        """Take note that rows are emptied."""
        gone = set(aliases)
        self.leaving = [each for each in self.leaving if each.alias not in gone]
        self.is_changed = True

    def profile_gone(self, customer_id: str) -> None:
        """Take note that a profile is deleted."""
        self.profiles.remove(customer_id)
        self.is_changed = True

    def written(self) -> set[int]:
        """Return the rows that a checkpoint is to rewrite; it has the lists as they are now."""
        rows, self.rows, self.is_changed = self.rows, set(), False
        return rows

    def restore(self, leaving: Iterable[Leaving], profiles: Iterable[str], heard: Iterable[str]) -> None:
        """Go on from what a checkpoint holds."""
        self.leaving = [
            Leaving(each.alias, each.customer_id, sorted(set(each.waits) & self.sources)) for each in leaving
        ]
        self.profiles, self.heard = list(profiles), list(heard)


def renamed(event: wire.Event, alias: str) -> wire.Event:
    """Return a person's event as one of the alias."""
    return msgspec.structs.replace(event, customer_id=alias)


def keep_waiting(event: wire.Event, alias: str) -> bytes:
    """Return an event of an alias as a checkpoint holds it: no reader of events takes it for one."""
    return alias.encode() + _encode(renamed(event, "-"))


def is_kept(raw: bytes) -> bool:
    """Tell whether a checkpoint's waiting event is an alias's."""
    return raw.startswith(_MARK.encode())


def split_kept(raw: bytes) -> tuple[str, bytes]:
    """Return the alias of a checkpoint's waiting event, and the event under another id."""
    return raw[:_ALIAS_CHARACTERS].decode(), raw[_ALIAS_CHARACTERS:]
