"""A witness of what workers say while something happens to them, and the judge of it afterwards.

The promise is that a figure is right or says that it isn't known. So whatever a worker claims to know, at any
moment, must be what `compute` says of exactly the events that the claim covers.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from deployment import PARTITIONS, Deployment, eventually, slices_are_of_it, windows_differ

from events.instant import instant_ms

Logs = Mapping[str, Mapping[int, list[Any]]]
_EVERY_S = 0.2


class Witness:
    """Asks the running workers in turn for the KPIs, and keeps those documents in which they are known.

    Attributes:
        documents: what was claimed to be known: each covers other events, or is of another instant.
        unknown: the reasons that were given, and how often.
    """

    def __init__(self, live: Deployment) -> None:
        self.documents: list[dict[str, Any]] = []
        self.unknown: Counter[str] = Counter()
        self._live = live
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        asked = 0
        while not self._stopped.wait(_EVERY_S):
            running = self._live.running
            if running:
                self._hear(running[asked % len(running)].kpis())
                asked += 1

    def _hear(self, document: dict[str, Any]) -> None:
        self.unknown.update(set(document.get("unknown", {}).values()))
        if not document.get("windows") or document["unknown"]:
            return
        last = self.documents[-1] if self.documents else None
        if last is None or ((document["now"], document["covers"]) != (last["now"], last["covers"])):
            self.documents.append(document)

    def judge(self, *, most: int = 8) -> int:
        """Compare claims, spread evenly over all that were made, with what they cover; return how many."""
        claims = self.documents[:: max(1, len(self.documents) // most)]
        logs = logs_of(self._live)
        for document in claims:
            is_exact(self._live, document, logs)
        return len(claims)


def logs_of(live: Deployment) -> Logs:
    """Everything that the event topics hold."""
    return {topic: live.records(topic, range(PARTITIONS)) for topic in live.sources}


def is_exact(live: Deployment, document: Mapping[str, Any], logs: Logs) -> None:
    """A document says what a computation says of the events that it covers, as of its instant."""
    lines = live.covered(logs, document["covers"])
    expected = live.expected(lines, instant_ms(datetime.fromisoformat(document["now"])))
    found = windows_differ(document, expected)
    assert not found, f"as of {document['now']}, over {len(lines)} events, {len(found)} differ: {found[:8]}"


def settled(live: Deployment, patience_s: float = 60.0) -> dict[str, Any]:
    """Wait until KPIs are known that cover all that is published, slices of the same instant; they are exact."""
    ends: dict[str, dict[str, int]] = {}
    for tp, end in live.ends().items():
        ends.setdefault(tp.topic, {})[str(tp.partition)] = end

    def reached() -> dict[str, Any] | None:
        document = live.known()
        if document is None or not slices_are_of_it(document):
            return None
        return document if covers_all(document["covers"], ends) else None

    document: dict[str, Any] = eventually(f"the KPIs cover {ends}; {live.state()}", reached, patience_s)
    is_exact(live, document, logs_of(live))
    return document


def covers_all(covers: Mapping[str, Mapping[str, int]], ends: Mapping[str, Mapping[str, int]]) -> bool:
    """Tell whether positions have reached ends; where nothing was ever read there is none."""
    return all(
        covers.get(topic, {}).get(number, 0) >= end
        for topic, partitions in ends.items()
        for number, end in partitions.items()
    )
