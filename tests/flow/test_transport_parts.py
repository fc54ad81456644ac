"""The chunked transport's parts that need no worker: ack arithmetic, chunks, draining, settings."""

import asyncio
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupLoadInProgressError, InconsistentGroupProtocolError, KafkaError
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.transport import Chunk, GroupRefusedError, Sources, Transport, bind, transport_options
from streams.transport.acks import Acks
from streams.transport.drain import Drain
from streams.transport.membership import refusal_of


@dataclass
class Plain:
    offset: int
    value: bytes | None = b"{}"
    key: bytes | None = None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=12), data=st.data())
def test_the_committable_position_is_the_start_of_the_oldest_chunk_still_out(lengths: list[int], data: Any) -> None:
    """In whatever order chunks come back, the position equals that of a naive look at all of them."""
    ends = [100 + sum(lengths[: nth + 1]) for nth in range(len(lengths))]
    acks = Acks(100)
    for end in ends:
        acks.hand_out(end)
    back: set[int] = set()
    for end in data.draw(st.permutations(ends)):
        acks.give_back(end)
        back.add(end)
        expected = 100
        for chunk_end in ends:
            if chunk_end not in back:
                break
            expected = chunk_end
        assert acks.position == expected
    assert len(acks) == 0


def test_a_checkpoint_passes_chunks_that_nobody_gave_back() -> None:
    """What a checkpoint covers is no longer waited for, and comes back without effect."""
    acks = Acks(0)
    for end in (10, 20, 30):
        acks.hand_out(end)
    acks.pass_by(20)
    acks.give_back(10)
    assert (acks.position, len(acks)) == (20, 1)
    acks.give_back(30)
    assert acks.position == 30


def test_a_tombstone_keeps_its_null_beside_an_empty_value() -> None:
    """The hot path sees bytes only; dead letters can tell null from empty."""
    chunk = Chunk.of("t", 0, [Plain(7, None), Plain(8, b"")], begin=7, end=9)
    assert chunk.values == [b"", b""]
    assert [record.value for record in chunk.records] == [None, b""]
    assert (chunk.offsets, chunk.keys, chunk.headers, len(chunk)) == ([7, 8], [None, None], [(), ()], 2)


def test_a_chunk_refuses_to_be_pickled() -> None:
    """Faust would otherwise gladly forward one to a topic."""
    with pytest.raises(TypeError, match="never leaves its process"):
        pickle.dumps(Chunk.of("t", 0, [Plain(7)], begin=7, end=8))


@pytest.mark.parametrize("wrong", [{"chunk_records": 0}, {"chunk_bytes": 0}, {"fetch_wait_ms": 0}])
def test_bounds_of_nothing_are_refused(wrong: dict[str, int]) -> None:
    """A chunk of no records would stall the partition."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = 0: expected at least 1"):
        Sources(**wrong)


def test_a_topic_is_either_chunked_or_read_from_its_end() -> None:
    """Both would lose what was sent while no worker ran."""
    with pytest.raises(ValueError, match="choose one"):
        Sources(frozenset({"a"}), frozenset({"a"}))


def test_the_url_scheme_brings_the_transport() -> None:
    """The installed entry point makes `tapesh://` a broker URL of Faust's."""
    app = faust.App("scheme", **transport_options("a:1, b:2"))
    bind(app, Sources(frozenset({"t"})))
    assert isinstance(app.transport, Transport)
    assert [str(url) for url in app.conf.broker] == ["tapesh://a:1", "tapesh://b:2"]


def test_binding_sources_to_another_transport_names_the_remedy() -> None:
    """Forgetting the scheme would silently give single messages."""
    with pytest.raises(TypeError, match="tapesh://host:9092"):
        bind(faust.App("plain", broker="kafka://a:1"), Sources())


def test_chunks_cover_the_offsets_of_markers_and_rolled_back_records(
    kafka: Any, fresh_prefix: str, create_topics: Callable[..., None]
) -> None:
    """Positions join from chunk to chunk although transactions leave holes between the records."""
    topic = f"{fresh_prefix}holes"
    create_topics(kafka.bootstrap, {topic: 1})
    chunks = asyncio.run(_written_in_transactions(kafka.bootstrap, topic, f"{fresh_prefix}tx"))
    assert [value for chunk in chunks for value in chunk.values] == [
        b"%d-%d" % (n, i) for n in (0, 2, 4) for i in (0, 1, 2)
    ]
    assert chunks[0].begin == 0
    assert all(later.begin == earlier.end for earlier, later in pairwise(chunks))
    assert [offset for chunk in chunks for offset in chunk.offsets] == [0, 1, 2, 8, 9, 10, 16, 17, 18]


def test_the_markers_after_the_last_record_are_passed(
    kafka: Any, fresh_prefix: str, create_topics: Callable[..., None]
) -> None:
    """No chunk covers them, yet whoever stands before them has read everything; anybody else hasn't moved."""
    topic = f"{fresh_prefix}markers"
    create_topics(kafka.bootstrap, {topic: 1})
    drain = Drain(Sources(frozenset({topic}), chunk_records=2))
    chunks = asyncio.run(_written_in_transactions(kafka.bootstrap, topic, f"{fresh_prefix}tx", drain))
    last = chunks[-1].end
    assert drain.passed(TP(topic, 0), last) == 20
    assert drain.passed(TP(topic, 0), last - 2) == last - 2
    assert drain.passed(TP("another", 0), last) == last


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_chunk_may_begin_and_end_in_the_middle_of_a_batch(
    kafka: Any, fresh_prefix: str, create_topics: Callable[..., None], compression: str | None
) -> None:
    """A checkpoint lies where it lies: what it holds of a batch doesn't come again, and the rest isn't lost."""
    topic = f"{fresh_prefix}batch"
    create_topics(kafka.bootstrap, {topic: 1})

    async def read_from(begin: int) -> list[tuple[int, int, list[int]]]:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, compression_type=compression)
        await producer.start()
        batch = producer.create_batch()
        for number in range(10):
            batch.append(key=None, value=b"%d" % number, timestamp=number + 1)
        await (await producer.send_batch(batch, topic, partition=0))
        await producer.stop()
        chunks = await _read(kafka.bootstrap, topic, begin, Drain(Sources(frozenset({topic}), chunk_records=3)), 10)
        assert [chunk.values for chunk in chunks] == [[b"%d" % offset for offset in chunk.offsets] for chunk in chunks]
        return [(chunk.begin, chunk.end, chunk.offsets) for chunk in chunks]

    # Blocks of three lie at 0, 3, 6 and 9, wherever reading begins.
    assert asyncio.run(read_from(4)) == [(4, 6, [4, 5]), (6, 9, [6, 7, 8]), (9, 10, [9])]


async def _written_in_transactions(
    bootstrap: str, topic: str, transactional_id: str, drain: Drain | None = None
) -> list[Chunk]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=transactional_id)
    await producer.start()
    for nth in range(5):
        await producer.begin_transaction()
        for i in range(3):
            await producer.send_and_wait(topic, b"%d-%d" % (nth, i), partition=0)
        await (producer.abort_transaction() if nth % 2 else producer.commit_transaction())
    await producer.stop()

    drain = drain or Drain(Sources(frozenset({topic}), chunk_records=2))
    return await _read(bootstrap, topic, 0, drain, 20)


async def _read(bootstrap: str, topic: str, begin: int, drain: Drain, end: int) -> list[Chunk]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, begin)
        chunks: list[Chunk] = []
        async with asyncio.timeout(20):
            while not chunks or drain.passed(TP(topic, 0), chunks[-1].end) < end:
                taken = drain.take(consumer._fetcher, {TP(topic, 0)})
                chunks += taken.get(TP(topic, 0), [])
                await asyncio.sleep(0)
        return chunks
    finally:
        await consumer.stop()


class _Coordinator:
    """Raises what it has been given, once each, as aiokafka's does."""

    def __init__(self, *errors: KafkaError) -> None:
        self._errors = list(errors)

    def check_errors(self) -> None:
        if self._errors:
            raise self._errors.pop(0)


def test_an_error_that_may_pass_ends_no_membership() -> None:
    """The coordinator goes on after it, once somebody has asked; the next one, which won't pass, is the refusal."""
    passing, lasting = GroupLoadInProgressError(), InconsistentGroupProtocolError()

    async def refusal() -> KafkaError:
        return await asyncio.wait_for(refusal_of(_Coordinator(passing, lasting), every_s=0), 5)

    assert asyncio.run(refusal()) is lasting
    said = str(GroupRefusedError("tapesh", lasting))
    assert said.startswith("the consumer group 'tapesh' won't have this worker: InconsistentGroupProtocolError: ")
    assert "TAPESH_APP_ID" in said
    assert str(GroupRefusedError("tapesh", KafkaError("out of luck"))).endswith("KafkaError: KafkaError: out of luck")
