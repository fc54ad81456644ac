"""What the answers must be, worked out from the messages' bytes by other means than the engine's.

No panes, no running sums, no code of `metrics` or `streams`: every event is kept, and each figure is counted anew from
all of them, as of the very instant that the engine's document names. A figure of a benchmark counts once what was
computed in that time is found equal.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
ROLLING = {"1h": HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "90d": 90 * DAY_MS, "365d": 365 * DAY_MS}
ATTRIBUTES = ("channel", "segment", "country", "plan")
SLICED = ("orders", "revenue", "buyers", "new_customers")
_KINDS = (
    "customer-acquired",
    "purchase",
    "refund",
    "lead",
    "survey-response",
    "cancellation",
    "loyalty-activity",
    "marketing-spend",
)
_CODE = {kind: code for code, kind in enumerate(_KINDS)}
_PURPOSES = ("acquisition", "lead-generation", "retention")
_SURVEYS = ("nps", "csat", "ces", "cli")
_SATISFIED = {5: 4, 7: 6, 10: 8}
_OPENS, _CLOSES, _NEITHER = 1, -1, 0
_NEVER = 1 << 62

Ints = np.ndarray[Any, np.dtype[np.int64]]
Figures = dict[str, float | None]
_decode = msgspec.json.Decoder().decode


def starts(now_ms: int) -> dict[str, int]:
    """Return where each window begins, all in UTC and the Gregorian calendar."""
    found = {}
    for window, length in ROLLING.items():
        pane = MINUTE_MS if length <= DAY_MS else HOUR_MS if length <= 30 * DAY_MS else DAY_MS
        found[window] = now_ms // pane * pane + pane - length
    today = datetime.fromtimestamp(now_ms / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    quarter = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    for window, day in (("month", today.replace(day=1)), ("quarter", quarter), ("year", today.replace(month=1, day=1))):
        found[window] = (day - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
    return found | {"lifetime": -_NEVER}


class Truth:
    """Keeps what was published, and says what the KPIs are."""

    def __init__(self) -> None:
        self._persons: dict[str, int] = {}
        self._leads: dict[tuple[int, str], int] = {}
        self._values: dict[tuple[str, ...], int] = {}
        self._kind, self._what = array("b"), array("b")
        self._at, self._who, self._minor, self._id, self._more = (array("q") for _ in range(5))

    def __len__(self) -> int:
        return len(self._kind)

    def take(self, values: Iterable[bytes]) -> None:
        """Keep messages, in the order in which they are published."""
        for value in values:
            event = _decode(value)
            kind = _CODE[event["type"]]
            owner = event.get("customer_id") or event["channel"]
            money = event.get("total") or event.get("spend")
            person = self._persons.setdefault(owner, len(self._persons))
            at = datetime.fromisoformat(event["occurred_at"])
            what, more = self._detail(kind, event, person)
            self._kind.append(kind)
            self._what.append(what)
            self._more.append(more)
            self._who.append(person)
            self._at.append(int(at.timestamp()) * 1000 + at.microsecond // 1000)
            self._minor.append(int(money["amount"].replace(".", "")) if money else 0)
            self._id.append(hash((owner, event.get("source"), event["event_id"])))

    def _detail(self, kind: int, event: Mapping[str, Any], person: int) -> tuple[int, int]:  # noqa: PLR0911 - one for each kind
        match _KINDS[kind]:
            case "customer-acquired":
                values = tuple(event.get(attribute, "") for attribute in ATTRIBUTES)
                return _OPENS, self._values.setdefault(values, len(self._values))
            case "cancellation":
                return _CLOSES, 0
            case "lead":
                return _NEITHER, self._leads.setdefault((person, event["lead_id"]), len(self._leads))
            case "survey-response":
                survey, score = event["survey"], event.get("score", 0)
                good = score >= _SATISFIED[event["scale"]] if survey == "csat" else score
                return _SURVEYS.index(survey), int(good)
            case "loyalty-activity":
                return {"enrolled": _OPENS, "left": _CLOSES}.get(event["action"], _NEITHER), 0
            case "marketing-spend":
                return _PURPOSES.index(event["purpose"]), 0
            case _:
                return _NEITHER, 0

    def document(self, now_ms: int) -> dict[str, Any]:
        """Return figures in the form of the KPI document: all windows, and the slices of two."""
        kind, what, at, who, minor, ids, more = (
            np.asarray(column)
            for column in (self._kind, self._what, self._at, self._who, self._minor, self._id, self._more)
        )
        _, first = np.unique(ids, return_index=True)
        first = first[at[first] <= now_ms]
        chosen = [column[first] for column in (kind, what, at, who, minor, more)]
        table = _Table(chosen, len(self._persons))
        begins = starts(now_ms)
        windows = {window: table.figures(begin) for window, begin in begins.items()}
        slices: dict[str, dict[str, dict[str, Figures]]] = {}
        for place, attribute in enumerate(ATTRIBUTES):
            names = sorted({values[place] for values in self._values})
            number = {name: index for index, name in enumerate([*names, "unattributed"])}
            of_combination = np.array([number[values[place]] for values in self._values] or [0])
            of_person = np.full(len(self._persons), number["unattributed"])
            has = table.acquired < _NEVER
            of_person[has] = of_combination[table.combination[has]]
            for window in ("24h", "lifetime"):
                for name, index in number.items():
                    part = table.of(of_person == index).figures(begins[window])
                    if any(part[kpi] for kpi in SLICED):
                        slices.setdefault(attribute, {}).setdefault(name, {})[window] = {k: part[k] for k in SLICED}
        return {"windows": windows, "slices": slices}


class _Table:
    """Distinct events up to now as columns."""

    def __init__(self, columns: Sequence[Ints], persons: int) -> None:
        self.columns = columns
        self.persons = persons
        self.acquired, self.combination = self._acquisitions()
        self.opened, self.closed = _lifetimes(*self._transitions("customer-acquired", "cancellation"))
        joined = _lifetimes(*self._transitions("loyalty-activity"))
        self.members = int((joined[1] == _NEVER).sum())

    def of(self, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> _Table:
        """Return the part of some persons."""
        kind, _, _, who, _, _ = self.columns
        kept = chosen[who] & (kind != _CODE["marketing-spend"])
        return _Table([column[kept] for column in self.columns], self.persons)

    def _acquisitions(self) -> tuple[Ints, Ints]:
        kind, _, at, who, _, more = self.columns
        chosen = np.flatnonzero(kind == _CODE["customer-acquired"])
        chosen = chosen[np.argsort(at[chosen], kind="stable")[::-1]]
        acquired, combination = np.full(self.persons, _NEVER), np.zeros(self.persons, np.int64)
        acquired[who[chosen]] = at[chosen]  # the earliest is written last
        combination[who[chosen]] = more[chosen]
        return acquired, combination

    def _transitions(self, *kinds: str) -> tuple[Ints, Ints, Ints]:
        kind, what, at, who, _, _ = self.columns
        chosen = np.flatnonzero(np.isin(kind, [_CODE[name] for name in kinds]) & (what != _NEITHER))
        chosen = chosen[np.lexsort((at[chosen], who[chosen]))]
        return who[chosen], at[chosen], what[chosen].astype(np.int64)

    def figures(self, begin_ms: int) -> Figures:
        """Return the KPIs of the window that begins then."""
        kind, what, at, who, minor, more = self.columns
        inside = at >= begin_ms

        def of(name: str) -> Any:
            return inside & (kind == _CODE[name])

        bought, refunded = of("purchase"), of("refund")
        times = np.unique(who[bought], return_counts=True)[1]
        orders, buyers = int(bought.sum()), len(times)
        revenue = (int(minor[bought].sum()) - int(minor[refunded].sum())) / 100
        first_lead = _earliest(more[kind == _CODE["lead"]], at[kind == _CODE["lead"]])
        spent = [int(minor[of("marketing-spend") & (what == code)].sum()) / 100 for code in range(len(_PURPOSES))]
        nps, csat, ces = (more[of("survey-response") & (what == code)] for code in range(3))
        before = self.opened < begin_ms
        active_before = int((before & (self.closed >= begin_ms)).sum())
        lost_of_them = int((before & (self.closed >= begin_ms) & (self.closed < _NEVER)).sum())
        new = int(((self.acquired >= begin_ms) & (self.acquired < _NEVER)).sum())
        opened = int((self.opened >= begin_ms).sum())
        lost = int(((self.closed >= begin_ms) & (self.closed < _NEVER)).sum())
        return {
            "orders": orders,
            "revenue": revenue,
            "buyers": buyers,
            "average_order_value": _share(revenue, orders),
            "repeat_purchase_rate": _share(int((times > 1).sum()), buyers),
            "new_customers": new,
            "won_back_customers": opened - new,
            "lost_customers": lost,
            "net_customer_growth": opened - lost,
            "active_customers": int((self.closed == _NEVER).sum()),
            "customers_ever": int((self.acquired < _NEVER).sum()),
            "churn_rate": _share(lost_of_them, active_before),
            "leads": int((first_lead >= begin_ms).sum()),
            "acquisition_spend": spent[0],
            "lead_spend": spent[1],
            "retention_spend": spent[2],
            "acquisition_cost": _share(spent[0], new),
            "nps_responses": len(nps),
            "nps": _share(100 * (int((nps >= 9).sum()) - int((nps <= 6).sum())), len(nps)),
            "csat": _share(int(csat.sum()), len(csat)),
            "ces": _share(int(ces.sum()), len(ces)),
            "loyalty_members": self.members,
        }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _earliest(which: Ints, at: Ints) -> Ints:
    order = np.lexsort((at, which))
    _, first = np.unique(which[order], return_index=True)
    return at[order][first]


def _lifetimes(who: Ints, at: Ints, what: Ints) -> tuple[Ints, Ints]:
    """Return when lifetimes open and close (never: a time beyond all), from transitions by person and time."""
    opened, closed = [], []
    person, is_open, begun = -1, False, 0
    index, count = 0, len(who)
    whos, ats, whats = who.tolist(), at.tolist(), what.tolist()
    while index < count:
        if whos[index] != person:
            if is_open:
                opened.append(begun)
                closed.append(_NEVER)
            person, is_open = whos[index], False
        instant, steps = ats[index], set()
        while index < count and whos[index] == person and ats[index] == instant:
            steps.add(whats[index])
            index += 1
        # at one instant, what changes the state comes first
        for step in (_CLOSES, _OPENS) if is_open else (_OPENS, _CLOSES):
            if step not in steps:
                continue
            if step == _OPENS and not is_open:
                is_open, begun = True, instant
            elif step == _CLOSES and is_open:
                is_open = False
                opened.append(begun)
                closed.append(instant)
    if is_open:
        opened.append(begun)
        closed.append(_NEVER)
    return np.array(opened, np.int64), np.array(closed, np.int64)


def differences(true: Mapping[str, Any], said: Mapping[str, Any], path: str = "") -> list[str]:
    """Name every figure of the truth that the engine's document says otherwise, or doesn't say."""
    found = []
    for key, value in true.items():
        where, other = f"{path}/{key}", said.get(key)
        if isinstance(value, Mapping):
            found += differences(value, other if isinstance(other, Mapping) else {}, where)
        elif isinstance(value, float) and isinstance(other, int | float):
            if not math.isclose(value, other, rel_tol=1e-12):
                found.append(f"{where}: {value} expected, {other} said")
        elif key in said and value != other:
            found.append(f"{where}: {value} expected, {other} said")
        elif key not in said and not path.endswith("/lifetime"):  # some KPIs aren't defined over it
            found.append(f"{where}: {value} expected, nothing said")
    return found


class Plain:
    """The plain questions that peers are asked, of each customer message as it comes, repeated ones included."""

    def __init__(self) -> None:
        self.events = self.orders = self.revenue_minor = 0
        self._buyers: set[str] = set()
        self._by_customer: dict[str, int] = {}

    def take(self, values: Iterable[bytes]) -> None:
        """Count messages in."""
        for value in values:
            event = _decode(value)
            customer, minor = event["customer_id"], 0
            if event["type"] == "purchase":
                minor = int(event["total"]["amount"].replace(".", ""))
                self.orders += 1
                self._buyers.add(customer)
            self.events += 1
            self.revenue_minor += minor
            self._by_customer[customer] = self._by_customer.get(customer, 0) + minor

    def answers(self) -> dict[str, dict[str, Any]]:
        """Return the answer to each question."""
        return {
            "count": {"events": self.events},
            "sum": {"events": self.events, "orders": self.orders, "revenue_minor": self.revenue_minor},
            "kpis": {"orders": self.orders, "revenue_minor": self.revenue_minor, "buyers": len(self._buyers)},
            "keyed": keyed_answer(self._by_customer),
        }


def keyed_answer(by_customer: Mapping[str, int]) -> dict[str, Any]:
    """Return what is compared of a sum by customer: how many, the sum, and a digest of each."""
    lines = "\n".join(f"{customer}={minor}" for customer, minor in sorted(by_customer.items()))
    return {
        "customers": len(by_customer),
        "revenue_minor": sum(by_customer.values()),
        "digest": hashlib.sha256(lines.encode()).hexdigest()[:16],
    }
