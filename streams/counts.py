"""What happened to records and events, counted once for the whole worker.

A counter that was read off the partitions would fall when one leaves, and Prometheus would take that for a restart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """For the engine's own metrics; from the worker's start, whatever partitions come and go.

    Attributes:
        events: counted, by type.
        rejected: records sent to the dead letters, by reason.
        duplicates: events dropped because they were counted before; `different`: those that said something else.
        misplaced: events sent on to their person's partition.
        unmoved: events that stay in the slices they arrived in, because a person's memory was full.
        reattributed: persons whose earliest acquisition arrived after another one with other attributes: what
            they had bought and answered by then stays.
    """

    events: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    different: int = 0
    misplaced: int = 0
    unmoved: int = 0
    reattributed: int = 0
