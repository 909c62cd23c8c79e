"""The ring: order, wrapping, being full, giving up, and the ledger in its header."""

import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import RingError, StreamError
from mttcg_bus.ring import ring
from mttcg_bus.ring.consumer import RingConsumer
from mttcg_bus.ring.ledger import Ledger, sum_ledgers
from mttcg_bus.ring.ring import RingProducer, Space, create_ring, ledger_of, wait_for_space
from mttcg_bus.wire.stream import StreamSpec

LIMIT_MILLISECONDS = 20_000
RECORD = np.dtype([("number", "<u8"), ("square", "<u8")])


class Pair:
    """Both ends of one ring, and its descriptors."""

    def __init__(self, capacity: int, batch: int) -> None:
        flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC
        self.fd = create_ring(StreamSpec("test.ring", RECORD, batch=batch, capacity=capacity))
        self.doorbell, self.space = os.eventfd(0, flags), os.eventfd(0, flags)
        self.producer = RingProducer(self.fd, RECORD, self.doorbell, self.space)
        self.consumer = RingConsumer(self.fd, RECORD, self.space)

    def wait_doorbell(self) -> None:
        poller = select.poll()
        poller.register(self.doorbell, select.POLLIN)
        assert poller.poll(LIMIT_MILLISECONDS)
        os.eventfd_read(self.doorbell)

    def close(self) -> None:
        self.producer.unmap()
        self.consumer.unmap()
        for fd in (self.fd, self.doorbell, self.space):
            os.close(fd)


@pytest.fixture
def make_pair() -> Iterator[Callable[..., Pair]]:
    made: list[Pair] = []

    def make(capacity: int = 16, batch: int = 4) -> Pair:
        made.append(Pair(capacity, batch))
        return made[-1]

    yield make
    for pair in made:
        pair.close()


def numbered(first: int, count: int) -> np.ndarray[Any, Any]:
    records = np.zeros(count, RECORD)
    records["number"] = np.arange(first, first + count)
    return records


def test_the_words_of_producer_and_consumer_share_no_cache_line() -> None:
    producer = (ring.HEAD_WORD, ring.DROPPED_WORD, ring.STALLED_WORD, ring.CLOSED_WORD)
    consumer = (ring.TAIL_WORD, ring.CONSUMER_GONE_WORD, ring.DELIVERED_WORD, ring.LOST_WORD)
    once = (ring.MAGIC_WORD, ring.CAPACITY_WORD, ring.ITEMSIZE_WORD, ring.BATCH_WORD)
    places = [
        {8 * word for word in words} for words in ((*producer, ring.WAITING_WORD), consumer, once)
    ]
    assert places == [{128, 136, 144, 152, 160}, {256, 264, 272, 280}, {0, 8, 16, 24}]
    assert len({at // 128 for group in places for at in group}) == 3


@settings(deadline=None)
@given(some.lists(some.tuples(some.integers(0, 8), some.integers(0, 8)), max_size=40))
def test_what_goes_in_comes_out_in_order(steps: list[tuple[int, int]]) -> None:
    pair = Pair(capacity=8, batch=2)
    try:
        written = read = 0
        for appended, released in steps:
            count = min(appended, pair.producer.room)
            assert pair.producer.append(numbered(written, count)) == count
            written += count
            span = pair.consumer.peek(released)
            assert len(span) <= released
            assert span["number"].tolist() == list(range(read, read + len(span)))
            read += len(span)
            pair.consumer.release(len(span))
            assert pair.consumer.available == written - read
            del span
    finally:
        pair.close()


def test_another_process_fills_a_full_ring_and_nothing_is_lost(
    make_pair: Callable[..., Pair], child_script: Callable[[str], str]
) -> None:
    pair, count = make_pair(capacity=1024, batch=256), 300_000
    fds = (pair.fd, pair.doorbell, pair.space)
    command = [sys.executable, child_script("child_producer.py"), *map(str, fds), str(count)]
    with subprocess.Popen(command, pass_fds=fds) as child:
        while pair.consumer.available < 1024:
            pair.wait_doorbell()
        parts = []
        while not (pair.consumer.closed and pair.consumer.available == 0):
            span = pair.consumer.peek(500)
            if len(span):
                parts.append(span.copy())
                del span
                pair.consumer.release(len(parts[-1]))
            else:
                pair.wait_doorbell()
        assert child.wait(LIMIT_MILLISECONDS / 1000) == 0
    records = np.concatenate(parts)
    numbers = np.arange(count, dtype=np.uint64)
    assert np.array_equal(records["number"], numbers)
    assert np.array_equal(records["square"], numbers**2)
    assert ledger_of(pair.fd).stalled_ns > 0


def test_the_doorbell_rings_at_each_batch_and_at_closing(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(capacity=16, batch=4)
    pair.producer.append(numbered(0, 3))
    with pytest.raises(BlockingIOError):
        os.eventfd_read(pair.doorbell)
    pair.producer.append(numbered(3, 1))
    assert os.eventfd_read(pair.doorbell) == 1
    pair.producer.close()
    assert os.eventfd_read(pair.doorbell) == 1
    assert pair.consumer.closed


def test_a_waiting_producer_goes_on_when_there_is_space(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(capacity=16, batch=4)
    with ThreadPoolExecutor(1) as threads:
        appended = threads.submit(pair.producer.append, numbered(0, 40))
        seen: list[int] = []
        while len(seen) < 40:
            span = pair.consumer.peek()
            seen += span["number"].tolist()
            count = len(span)
            del span
            pair.consumer.release(count)
            if not count:
                pair.wait_doorbell()
        assert appended.result(20) == 40
    assert seen == list(range(40))


def test_a_waiting_producer_is_woken_for_half_of_the_ring(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(capacity=16, batch=4)
    with ThreadPoolExecutor(1) as threads:
        appended = threads.submit(pair.producer.append, numbered(0, 17))
        while not pair.producer.words[ring.WAITING_WORD]:
            pair.wait_doorbell()
        assert pair.producer.words[ring.WAITING_WORD] == 8
        pair.consumer.release(7)
        with pytest.raises(BlockingIOError):
            os.eventfd_read(pair.space)
        assert not appended.done()
        pair.consumer.release(1)
        assert appended.result(20) == 17


@pytest.mark.parametrize("dtype", [RECORD, [("number", "<u4"), ("square", "<u2")]])
def test_records_of_any_layout_go_in(make_pair: Callable[..., Pair], dtype: Any) -> None:
    pair = make_pair(capacity=16, batch=4)
    records = np.zeros(10, dtype)
    records["number"], records["square"] = np.arange(10), np.arange(10) ** 2
    assert pair.producer.append(records[::2]) == 5
    assert pair.consumer.peek().tolist() == records[::2].tolist()


def test_a_producer_without_a_consumer_drops_and_counts(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(capacity=16, batch=4)
    ring.mark_consumer_gone(pair.fd)
    assert pair.producer.append(numbered(0, 20)) == 16
    assert wait_for_space(pair.producer, 1, lambda: False) is Space.GONE
    assert ledger_of(pair.fd).dropped == 4
    assert pair.producer.words[ring.WAITING_WORD] == 0


def test_an_interrupted_producer_drops_and_counts(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(capacity=16, batch=4)
    asked = iter([False, True])
    assert pair.producer.append(numbered(0, 17), lambda: next(asked)) == 16
    ledger = ledger_of(pair.fd)
    assert (ledger.emitted, ledger.dropped, ledger.in_flight) == (17, 1, 16)
    assert ledger.stalled_ns >= ring.WAIT_MILLISECONDS * 900_000


def test_waiting_for_more_than_the_ring_holds_is_refused(make_pair: Callable[..., Pair]) -> None:
    with pytest.raises(RingError, match="room for 17 records in a ring of 16"):
        wait_for_space(make_pair(capacity=16).producer, 17, lambda: False)


def test_releasing_more_than_there_is_is_refused(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    pair.producer.append(numbered(0, 2))
    with pytest.raises(RingError, match="release of 3 records"):
        pair.consumer.release(3)


def test_the_ledger_is_in_the_header_alone(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair(capacity=16, batch=4)
    pair.producer.append(numbered(0, 10))
    pair.producer.drop(3)
    pair.consumer.release(7)
    pair.consumer.settle(delivered=4)
    pair.consumer.settle(lost=2)
    expected = Ledger(emitted=13, delivered=4, dropped=5, in_flight=4)
    assert ledger_of(pair.fd) == ledger_of(pair.consumer.words) == expected
    assert sum_ledgers([expected, expected]).in_flight == 8
    assert not expected.complete


def test_records_in_place_are_read_only(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    pair.producer.append(numbered(0, 2))
    span = pair.consumer.peek()
    with pytest.raises(ValueError, match="read-only"):
        span["number"] = 0
    del span


def test_a_descriptor_of_something_else_is_refused() -> None:
    fd = os.memfd_create("not-a-ring")
    try:
        with pytest.raises(RingError, match="expected at least 4096"):
            ring.Ring(fd, RECORD)
        os.ftruncate(fd, 8192)
        with pytest.raises(RingError, match="not a ring"):
            ring.Ring(fd, RECORD)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"name": "noplugin"}, "malformed name"),
        ({"batch": 3}, "batch of 3"),
        ({"batch": 4, "capacity": 4}, "capacity of 4"),
        ({"policy": "guess"}, "policy 'guess'"),
        ({"dtype": np.dtype("<u8")}, "dtype uint64"),
        ({"dtype": np.dtype([("big", ">u8")])}, "field 'big' of type '>u8'"),
        ({"dtype": np.dtype([("thing", "O")])}, "field 'thing' of type '|O'"),
        ({"dtype": np.dtype([("long", "<u8", 1000)])}, "records of 8000 bytes"),
    ],
)
def test_a_stream_that_can_not_be_is_refused(changes: dict[str, Any], wrong: str) -> None:
    with pytest.raises(StreamError) as caught:
        StreamSpec(**{"name": "a.b", "dtype": RECORD, **changes})
    assert caught.value.wrong.startswith(wrong)


def test_a_ring_has_about_four_mebibytes_by_default() -> None:
    assert StreamSpec("a.b", RECORD).capacity * RECORD.itemsize == 4 << 20
    large = np.dtype([("bytes", "|S4096")])
    assert StreamSpec("a.b", large).capacity == 2048
