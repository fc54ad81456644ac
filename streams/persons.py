"""Persons as columns: what the engine remembers of each customer, a few machine words a person.

A million customers as Python objects would be a gigabyte. Here each fact is an `array` (fast to read one by
one, and a numpy view for the rest: lapses at midnight, checkpoints, recovery). What only some persons have
(cancellations, leads, a membership, earlier buying lifetimes) is one packed `History`.

A person's number is its row; rows are handed out in order of appearance and never move.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from operator import itemgetter

import msgspec
import numpy as np
import numpy.typing as npt

from streams.customer_ids import CustomerIds
from streams.lifetimes import Instant, Span
from streams.text_column import TextColumn

NEVER = -1
"""An instant that hasn't been: events begin at 0."""
BUYING, LAPSED, SEEN, MEMBER = 1, 2, 4, 8
"""Flags: has a latest buying lifetime that is open; one whose lapse has been counted; has more than leads; is a member
of the loyalty programme."""
AS_IT_WAS = -2
"""In packed rows of an older format: what they don't say, since they didn't change it."""
UNKNOWN = -1
"""Orders of somebody whom an older format didn't count: revenue isn't known then, either."""
MOST_REVENUE = 1 << 62

STAGES = ("new", "qualified", "proposal", "won", "lost")
DECIDED = 2
"""The last of them, in which a lead is decided."""


class Lead(msgspec.Struct, array_like=True, gc=False):
    """One lead of a person.

    Attributes:
        first_ms, first_event: its earliest event, whose channel is the lead's.
        reached_ms: for each of `STAGES` the first time it was reached, or `NEVER`.
        channel: the lead's own, whatever channel its person is acquired by.
        costs: (instant, minor units) of every cost.
    """

    lead_id: str
    first_ms: int
    first_event: str
    reached_ms: list[int]
    channel: str | None = None
    costs: list[tuple[int, int]] = []


class History(msgspec.Struct, array_like=True, omit_defaults=True):
    """What only some persons have.

    Attributes:
        transitions: openings and cancellations by instant; empty for a person with one opening alone.
        earlier_spans: buying lifetimes before the latest, sorted.
        leads: the person's leads.
        membership: enrolments (`opens`) and leavings (`closes`) of the loyalty programme by instant.
        remembered: contributions of events from before the acquisition, an entry an event, each a list of
            (minute field, column, amount): they move to the acquisition's slices.
    """

    transitions: list[Instant] = []
    earlier_spans: list[Span] = []
    leads: list[Lead] = []
    membership: list[Instant] = []
    remembered: list[list[tuple[int, int, int]]] = []


HOT_BYTES = 2_048
"""A packed history from which on it is kept unpacked: dozens of leads or transitions."""
MOST_HOT = 64
"""Persons of whom it is; each costs some ten times its packed size, and a moment at a checkpoint."""
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(History)


INT_COLUMNS = {
    "cell_set": "i",
    "flags": "b",
    "acquired_ms": "q",
    "first_ms": "q",
    "first_minor": "q",
    "span_open_ms": "q",
    "latest_ms": "q",
    "second_ms": "q",
    "activity_ms": "q",
    "orders": "i",
    "revenue_minor": "q",
    "nps_ms": "q",
    "nps_score": "b",
}
"""Columns of whole numbers and their array type codes, in the order in which a checkpoint holds them."""
INSTANTS = frozenset(name for name in INT_COLUMNS if name.endswith("_ms"))
"""Those that are `NEVER` of a person of whom nothing is known; the others are 0."""
TEXT_COLUMNS = ("acquired_event", "first_event")


class Persons:
    """All persons of a partition.

    Attributes:
        ids: the customer id of each row, and the row of each.
        cell_set: the slices in which the person counts.
        flags: `BUYING`, `LAPSED`, `SEEN`, `MEMBER`.
        acquired_ms: earliest acquisition, or `NEVER`; with `acquired_event`, which decides at a tie.
        first_ms, first_minor, first_event: the first-ever purchase by (time, event id).
        span_open_ms: opening of the latest buying lifetime.
        latest_ms, second_ms: the latest and second-latest purchase.
        activity_ms: latest activity in the loyalty programme other than enrolling and leaving.
        orders, revenue_minor: purchases, and their totals less refunds; for profiles, as the next two. `UNKNOWN` orders
            stay so.
        nps_ms, nps_score: the latest answer to an NPS survey.
        changed, histories, texts: a byte a row, 1 if its columns, history or texts changed since the last checkpoint;
            in the first, 2 once the profile's writer (`streams.profiles`) knows as well.
    """

    def __init__(self) -> None:
        self.ids = CustomerIds()
        self.cell_set = array("i")
        self.flags = array("b")
        self.acquired_ms = array("q")
        self.first_ms = array("q")
        self.first_minor = array("q")
        self.span_open_ms = array("q")
        self.latest_ms = array("q")
        self.second_ms = array("q")
        self.activity_ms = array("q")
        self.orders = array("i")
        self.revenue_minor = array("q")
        self.nps_ms = array("q")
        self.nps_score = array("b")
        self.acquired_event = TextColumn()
        self.first_event = TextColumn()
        self._histories: list[bytes | None] = []
        self._hot: dict[int, History] = {}  # in the order in which they became so
        self._unpacked: set[int] = set()  # those of them that have changed since they were packed
        self._leads: dict[int, dict[str, Lead]] = {}  # of hot persons, once asked for
        self.changed = bytearray()
        self.histories = bytearray()
        self.texts = bytearray()

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, customer_id: str, cell_set: int) -> int:
        """Append a person of whom nothing is known and return the row."""
        row = self.ids.append(customer_id)
        self.cell_set.append(cell_set)
        self.flags.append(0)
        for column in (self.first_minor, self.orders, self.revenue_minor, self.nps_score):
            column.append(0)
        for column in (self.acquired_ms, self.first_ms, self.span_open_ms, self.latest_ms, self.second_ms):
            column.append(NEVER)
        self.activity_ms.append(NEVER)
        self.nps_ms.append(NEVER)
        self.acquired_event.append("")
        self.first_event.append("")
        self._histories.append(None)
        for marks in (self.changed, self.histories, self.texts):
            marks.append(0)
        self.changed[row] = 1
        return row

    def extend(self, customer_ids: Sequence[str], cell_set: int) -> npt.NDArray[np.int64]:
        """Append persons of whom nothing is known, with ids of which each is new, and return their rows."""
        count = len(customer_ids)
        rows = self.ids.extend(customer_ids)
        for name, code in INT_COLUMNS.items():
            getattr(self, name).extend(array(code, [NEVER if name in INSTANTS else 0]) * count)
        np.frombuffer(self.cell_set, np.int32)[rows] = cell_set
        self.acquired_event.grow(count)
        self.first_event.grow(count)
        self._histories.extend([None] * count)
        self.changed += b"\1" * count
        self.histories += bytes(count)
        self.texts += bytes(count)
        return rows

    def rename(self, row: int, customer_id: str) -> None:
        """Give a person another id, which nobody has; the old one is nobody's from now on."""
        self.ids.rename(row, customer_id)
        self.changed[row] = 1

    def empty(self, row: int) -> None:
        """Take the ids of events and leads out of a row of whom no event comes any more: what it contributes stays."""
        history = self.history(row)
        for instant in (*history.transitions, *history.membership):
            instant.event_id = ""
        for number, lead in enumerate(history.leads):
            lead.lead_id, lead.first_event = str(number), ""
        history.remembered = []
        self._leads.pop(row, None)
        if history != History() or self.has_history(row):
            self.keep(row, history)
        for column in (self.acquired_event, self.first_event):
            if column[row]:
                column[row] = ""
        self.orders[row] = self.revenue_minor[row] = self.nps_score[row] = 0  # for the profile, which is gone
        self.nps_ms[row] = NEVER
        self.changed[row] = self.texts[row] = 1

    def set_acquired(self, row: int, at_ms: int, event_id: str) -> None:
        """Store the earliest acquisition."""
        self.acquired_ms[row] = at_ms
        self.acquired_event[row] = event_id
        self.texts[row] = 1

    def set_first(self, row: int, at_ms: int, event_id: str, minor: int) -> None:
        """Store the first-ever purchase."""
        self.first_ms[row], self.first_minor[row] = at_ms, minor
        self.first_event[row] = event_id
        self.texts[row] = 1

    def set_member(self, row: int, *, is_so: bool) -> None:
        """Store whether somebody is a member of the loyalty programme."""
        self.flags[row] = self.flags[row] & ~MEMBER | (MEMBER if is_so else 0)

    def add_revenue(self, row: int, orders: int, minor: int) -> None:
        """Add to what a person has brought; `minor` is negative for a refund."""
        if self.orders[row] != UNKNOWN:
            self.orders[row] += orders
            self.revenue_minor[row] = max(-MOST_REVENUE, min(self.revenue_minor[row] + minor, MOST_REVENUE))
            self.changed[row] = 1

    def add_nps(self, row: int, at_ms: int, score: int) -> None:
        """Take note of an answer; of two at one instant the better one is kept."""
        if (at_ms, score) > (self.nps_ms[row], self.nps_score[row]):
            self.nps_ms[row], self.nps_score[row] = at_ms, score
            self.changed[row] = 1

    def forget_changes(self) -> None:
        """Mark everything as held by a checkpoint."""
        self.changed, self.histories, self.texts = (bytearray(len(self.ids)) for _ in range(3))

    @property
    def has_changes(self) -> bool:
        """Tell whether columns of any row changed since the last checkpoint."""
        return self.changed.count(0) < len(self.changed)

    def grow(self, count: int) -> None:
        """Append rows, to be overwritten by a recovery."""
        self.ids.grow(count)
        for name, code in INT_COLUMNS.items():
            getattr(self, name).frombytes(bytes(count * array(code).itemsize))
        np.frombuffer(self.activity_ms, np.int64)[-count or len(self.activity_ms) :] = NEVER  # see `AS_IT_WAS`
        self.acquired_event.grow(count)
        self.first_event.grow(count)
        self._histories.extend([None] * count)
        self.forget_changes()

    def has_history(self, row: int) -> bool:
        """Tell whether the person has more than columns."""
        return self._histories[row] is not None

    def history(self, row: int) -> History:
        """Return the person's history; changes count only once `keep` has been called, and must be followed by it."""
        hot = self._hot.get(row)
        if hot is not None:
            return hot
        packed = self._histories[row]
        if packed is None:
            return History()
        history = _DECODER.decode(packed)
        if len(packed) >= HOT_BYTES:
            self._keep_hot(row, history)
        return history

    def keep(self, row: int, history: History) -> None:
        """Store a person's history."""
        self.histories[row] = 1
        if row in self._hot:
            self._hot[row] = history
            self._unpacked.add(row)
            return
        packed = self._histories[row] = _ENCODER.encode(history)
        if len(packed) >= HOT_BYTES:
            self._keep_hot(row, history)

    def is_hot(self, row: int) -> bool:
        """Tell whether a person's history is so long that it is kept unpacked: one by one, events would cost much."""
        return row in self._hot

    def lead(self, row: int, history: History, lead_id: str) -> Lead | None:
        """Return one of the leads of a person."""
        if row not in self._hot:
            for lead in history.leads:
                if lead.lead_id == lead_id:
                    return lead
            return None
        by_id = self._leads.get(row)
        if by_id is None or len(by_id) != len(history.leads):  # they only ever become more
            by_id = self._leads[row] = {lead.lead_id: lead for lead in history.leads}
        return by_id.get(lead_id)

    def add_lead(self, row: int, history: History, lead: Lead) -> None:
        """Append a lead to a person's."""
        history.leads.append(lead)
        if row in self._leads:
            self._leads[row][lead.lead_id] = lead

    def _keep_hot(self, row: int, history: History) -> None:
        while len(self._hot) >= MOST_HOT:
            self._cool(next(iter(self._hot)))
        self._hot[row] = history

    def _cool(self, row: int) -> None:
        self._pack(row)
        del self._hot[row]
        self._leads.pop(row, None)

    def _pack(self, row: int) -> None:
        if row in self._unpacked:
            self._histories[row] = _ENCODER.encode(self._hot[row])
            self._unpacked.discard(row)

    def packed_histories(self, rows: npt.NDArray[np.int64] | slice) -> Sequence[bytes | None]:
        """Return the stored bytes of the histories of rows, None where there is none."""
        for row in list(self._unpacked):
            self._pack(row)
        if isinstance(rows, slice):
            return self._histories[rows]
        if len(rows) < 2:  # an itemgetter of one item gives no tuple  # noqa: PLR2004
            return [self._histories[row] for row in rows.tolist()]
        return itemgetter(*rows.tolist())(self._histories)  # type: ignore[no-any-return]

    def keep_packed(self, row: int, packed: bytes) -> None:
        """Store a history as `packed_histories` gave it, in a table that is being filled."""
        self._histories[row] = packed or None

    def rows_with_history(self, rows: slice) -> list[int]:
        """Return those of some rows that have a history."""
        return [row for row, packed in enumerate(self._histories[rows], rows.start) if packed is not None]

    def column(self, name: str, rows: slice) -> npt.NDArray[np.int64]:
        """Return some rows of one of `INT_COLUMNS`, copied."""
        return np.array(getattr(self, name)[rows], np.int64)

    def buying_rows_last_seen_by(self, latest_ms: int) -> npt.NDArray[np.int64]:
        """Return the rows whose buying lifetime is open and whose latest purchase is at or before an instant."""
        if not len(self):
            return np.empty(0, np.int64)
        open_now = np.frombuffer(self.flags, np.int8) & BUYING != 0
        return np.flatnonzero(open_now & (np.frombuffer(self.latest_ms, np.int64) <= latest_ms))
