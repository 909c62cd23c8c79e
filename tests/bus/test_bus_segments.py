"""Rings that a subscriber on this host reads in place: who gets them, how long, what it returns."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from bus_harness import LIMIT_SECONDS, RECORD, TestBus, check_whole, collect, records_of
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import ProtocolError, PublisherLost
from mttcg_bus.ring import segments
from mttcg_bus.ring.ring import HEADER_SIZE, RingProducer, create_ring
from mttcg_bus.ring.segments import Lender, Part, borrow
from mttcg_bus.ring.view import RingView
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire import wire
from mttcg_bus.wire.limits import LARGEST_PACKET, LEAST_CREDIT
from mttcg_bus.wire.stream import StreamSpec

MakeBus = Callable[..., TestBus]
SPEC = StreamSpec("test.event", RECORD, batch=4, capacity=16)
STREAMS = {SPEC.name: SPEC}
TICKET = "open sesame"


def next_batch(subscriber: Subscriber) -> Batch:
    return next(item for item in subscriber if isinstance(item, Batch))


def wait_tail(ring: RingProducer, tail: int) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while ring.tail != tail:
        assert time.monotonic() < until, f"tail is {ring.tail}"


def lies_in_ring(subscriber: Subscriber, batch: Batch) -> bool:
    view = subscriber._views.get((batch.stream, batch.cpu))
    return view is not None and np.shares_memory(view.slots, batch.records)


def test_a_borrowed_batch_lies_in_the_ring_until_it_is_acknowledged(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=256)
    bus.start()
    subscriber, producer = bus.subscribe(), bus.producer(0)
    producer.append(records_of(0, 0, 64))
    batch = next_batch(subscriber)
    assert lies_in_ring(subscriber, batch)
    assert np.array_equal(batch.records, records_of(0, 0, 64))
    with pytest.raises(ValueError, match="read-only"):
        batch.records["number"] = 0
    assert (producer.tail, producer.room) == (0, 192)
    producer.append(records_of(0, 64, 64))
    assert next_batch(subscriber).first == 64
    wait_tail(producer, 64)


def test_bytes_are_read_only_too(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    bus.start()
    subscriber = bus.subscribe(borrow_rings=False)
    bus.producer(0).append(records_of(0, 0, 64))
    batch = next_batch(subscriber)
    assert not lies_in_ring(subscriber, batch)
    assert not batch.records.flags.writeable


def test_space_is_free_when_the_last_borrower_is_done(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=256)
    handle = bus.start()
    first, second, other = bus.subscribe(), bus.subscribe(), bus.subscribe(borrow_rings=False)
    assert handle.wait_subscribers(3, LIMIT_SECONDS)
    producer = bus.producer(0)
    producer.append(records_of(0, 0, 64))
    for subscriber in (first, second, other):
        assert next_batch(subscriber).first == 0
    producer.append(records_of(0, 64, 64))
    assert next_batch(first).first == 64
    first.close()
    received = [bus.spawn(collect, subscriber) for subscriber in (second, other)]
    wait_tail(producer, 128)
    producer.close()
    assert handle.finish(LIMIT_SECONDS)
    for future in received:
        assert [i.first for i in future.result(LIMIT_SECONDS) if isinstance(i, Batch)] == [64]
    ledger = bus.ledger()
    assert (ledger.delivered, ledger.dropped, ledger.in_flight) == (64, 64, 0)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:*", None])
def test_borrowers_and_others_get_every_record_side_by_side(
    make_bus: MakeBus, url: str | None
) -> None:
    bus, count = make_bus(2, capacity=1024), 30_000
    handle = bus.start(url)
    borrower, other = bus.subscribe(), bus.subscribe(borrow_rings=False)
    assert len(borrower._views) == 2
    received = [bus.spawn(collect, subscriber) for subscriber in (borrower, other)]
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    produced = [bus.spawn(bus.produce, cpu, count) for cpu in range(2)]
    for future in produced:
        future.result(LIMIT_SECONDS)
    assert handle.finish(LIMIT_SECONDS)
    for future in received:
        for cpu in range(2):
            check_whole(future.result(LIMIT_SECONDS), cpu, count)
    assert bus.ledger().complete


def test_a_killed_borrower_gives_the_space_back(
    make_bus: MakeBus, child_script: Callable[[str], str]
) -> None:
    bus = make_bus(1, capacity=256)
    handle = bus.start()
    producer = bus.producer(0)
    command = [sys.executable, child_script("child_subscriber.py"), handle.url, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "welcome\n"
        producer.append(records_of(0, 0, 64))
        assert child.stdout.readline() == "holding\n"
        assert producer.tail == 0
        child.kill()
    wait_tail(producer, 64)
    ledger = bus.ledger()
    assert (ledger.emitted, ledger.dropped, ledger.in_flight) == (64, 64, 0)


def test_a_borrower_that_was_given_up_is_told_that_its_batch_is_void(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=256)
    handle = bus.start()
    subscriber = bus.subscribe()
    bus.producer(0).append(records_of(0, 0, 64))
    next_batch(subscriber)
    assert handle.finish(0.1)
    with pytest.raises(PublisherLost, match="the last batch is void"):
        next(subscriber)
    assert (bus.ledger().dropped, bus.ledger().in_flight) == (64, 0)


def test_a_borrower_takes_no_more_than_its_credit(make_bus: MakeBus) -> None:
    bus = make_bus(1, batch=1024)
    handle = bus.start()
    received = bus.spawn(collect, bus.subscribe(credit=LEAST_CREDIT))
    bus.produce(0, 100_000, chunk=10_000)
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    check_whole(items, 0, 100_000)
    assert max(item.records.nbytes for item in items if isinstance(item, Batch)) <= LEAST_CREDIT


# the socket that lends


@pytest.fixture
def lender() -> Iterator[Lender]:
    ring = create_ring(SPEC)

    def find(ticket: str, part: Part) -> int:
        if (ticket, part) != (TICKET, (SPEC.name, 0)):
            raise ProtocolError("no such ring")
        return ring

    made = Lender(find)
    yield made
    made.close()
    os.close(ring)


def talk(lender: Lender, packet: bytes) -> bytes:
    """Send a packet, and return the answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.connect(f"\0{lender.name}")
        lender.serve()
        peer.send(packet)
        lender.serve()
        peer.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            return peer.recv(LARGEST_PACKET)
        return b"nothing"


@pytest.mark.parametrize(
    "asked",
    [
        wire.Borrow("wrong", SPEC.name, 0),
        wire.Borrow(TICKET, SPEC.name, 1),
        wire.Borrow(TICKET, "other.event", 0),
    ],
)
def test_a_ring_is_lent_to_its_ticket_alone(lender: Lender, asked: wire.Borrow) -> None:
    answer = wire.decode_header(talk(lender, wire.encode_header(asked)))
    assert answer == wire.Refused("no such ring")


def test_what_is_lent_can_not_be_written(lender: Lender) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.connect(f"\0{lender.name}")
        lender.serve()
        peer.send(wire.encode_header(wire.Borrow(TICKET, SPEC.name, 0)))
        lender.serve()
        answer, fds, _, _ = socket.recv_fds(peer, 4096, 1)
        assert wire.decode_header(answer) == wire.Lent(SPEC.name, 0)
        with os.fdopen(fds[0], "rb") as ring:
            assert os.fstat(ring.fileno()).st_size == HEADER_SIZE + 16 * RECORD.itemsize
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(ring.fileno(), b"x")


@settings(deadline=None, max_examples=60)
@given(packet=some.binary(min_size=1, max_size=200))
def test_garbage_is_answered_or_ends_the_connection(packet: bytes) -> None:
    def find(ticket: str, part: Part) -> int:
        raise ProtocolError("no such ring")

    lender = Lender(find)
    answer = talk(lender, packet)
    assert answer == b"" or isinstance(wire.decode_header(answer), wire.Refused)
    lender.close()


def test_another_user_gets_nothing(lender: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    monkeypatch.setattr(segments.os, "geteuid", lambda: user + 1)
    assert talk_to_the_end(lender) == b""
    views = borrow(wire.Welcome(lender.name, TICKET), [(SPEC.name, 0)], STREAMS, LIMIT_SECONDS)
    assert views == {}


def talk_to_the_end(lender: Lender) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.connect(f"\0{lender.name}")
        lender.serve()
        return peer.recv(100)


def test_connections_are_counted(lender: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MOST_LENDING", 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as first:
        first.connect(f"\0{lender.name}")
        lender.serve()
        assert talk_to_the_end(lender) == b""
    lender.serve()
    assert wire.decode_header(talk(lender, wire.encode_header(wire.Borrow("", "", 0)))) is not None


def test_a_publisher_elsewhere_lends_nothing() -> None:
    welcome = wire.Welcome("mttcg-nobody-is-here", TICKET)
    assert borrow(welcome, [(SPEC.name, 0)], STREAMS, LIMIT_SECONDS) == {}
    assert borrow(wire.Welcome(), [(SPEC.name, 0)], STREAMS, LIMIT_SECONDS) == {}


@pytest.mark.parametrize(
    ("at", "count"), [(0, 1), (HEADER_SIZE - 24, 1), (HEADER_SIZE + 1, 1), (HEADER_SIZE + 24, 16)]
)
def test_records_outside_of_the_ring_are_an_error(at: int, count: int) -> None:
    fd = create_ring(SPEC)
    view: Any = RingView(fd, RECORD)
    os.close(fd)
    assert len(view.records(HEADER_SIZE + 24, 15)) == 15
    with pytest.raises(ProtocolError, match=f"{count} records at byte {at} of a ring of 16"):
        view.records(at, count)
