"""What the engine tells the transport: which topics come in chunks, where to start, what to do before letting go."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum

from faust.types import TP


class Edge(Enum):
    """A position that only the broker knows."""

    START = "start"
    """The oldest record that retention has left."""
    END = "end"
    """After the newest record."""


Position = int | Edge

Positions = Callable[[AbstractSet[TP]], Awaitable[Mapping[TP, Position]]]
LetGo = Callable[[AbstractSet[TP]], Awaitable[None]]


def listed(partitions: Iterable[TP]) -> str:
    """Partitions as errors and logs name them."""
    return ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(partitions))


async def start_anew(partitions: AbstractSet[TP]) -> Mapping[TP, Position]:
    """Positions of an engine that remembers nothing: all that the topics retain."""
    return dict.fromkeys(partitions, Edge.START)


async def nothing_to_keep(partitions: AbstractSet[TP]) -> None:
    """Let go without a checkpoint."""


def idle_on(why: Exception) -> None:
    """Take no note of a group that won't have this worker."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Topics that are read by the engine's own positions rather than by the group's committed offsets.

    Attributes:
        chunked: topics whose records arrive as `Chunk`s.
        from_end: topics of single messages of which only what is yet to come matters (ticks, components).
        positions: awaited after Faust has recovered its tables and before any record flows, with the chunked partitions
            that this worker now owns (all of them, at every rebalance; maybe none). Answers where to read each one
            from; one that is left out isn't read or held. An exception stops the worker: reading from a wrong place
            is worse.
        let_go: awaited before partitions are let go, at a rebalance and at a stop, with all that this worker holds
            (chunked, `from_end` and single alike): their flow is stopped, their queues are empty, an agent may still be
            inside its last chunk, and `Consumer.commit_offsets` still works. Not awaited after a crash: state in doubt
            must not become a checkpoint.
        refused: called once, in the event loop of the app, when the group won't have this worker any more, with what it
            answered: without partitions the worker would idle for ever, and look well.
        chunk_records: upper bound of a chunk's length.
        chunk_bytes: no further records join a chunk of this many bytes of values.
        fetch_wait_ms: how long the broker may hold a fetch that finds nothing. A record that arrives ends the wait at
            once, but only for the partitions that the pending fetch names: after back pressure one may wait this long.
    """

    chunked: frozenset[str] = frozenset()
    from_end: frozenset[str] = frozenset()
    positions: Positions = start_anew
    let_go: LetGo = nothing_to_keep
    refused: Callable[[Exception], None] = idle_on
    chunk_records: int = 2_000
    chunk_bytes: int = 4 * 1024 * 1024
    fetch_wait_ms: int = 100

    def __post_init__(self) -> None:
        if both := self.chunked & self.from_end:
            raise ValueError(f"topics {sorted(both)} are chunked and read from their end: choose one")
        for name in ("chunk_records", "chunk_bytes", "fetch_wait_ms"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: expected at least 1")
