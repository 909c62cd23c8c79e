"""The whole way of records: ring, publisher process, socket, subscriber."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import zmq
from bus_harness import LIMIT_SECONDS, TestBus, check_whole, collect, next_events, records_of

from mttcg_bus.errors import SubscriptionRefused
from mttcg_bus.ring.ring import WAITING_WORD
from mttcg_bus.subscriber.items import Batch, End, Gap
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire import wire
from mttcg_bus.wire.control import Joined, Left
from mttcg_bus.wire.limits import LEAST_CREDIT
from mttcg_bus.wire.stream import topic_of

MakeBus = Callable[..., TestBus]


@pytest.mark.parametrize("subscribers", [1, 2])
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_every_subscriber_gets_every_record(make_bus: MakeBus, cpus: int, subscribers: int) -> None:
    bus, count = make_bus(cpus, capacity=4096), 20_001
    handle = bus.start()
    received = [bus.spawn(collect, bus.subscribe()) for _ in range(subscribers)]
    assert handle.wait_subscribers(subscribers, LIMIT_SECONDS)
    produced = [bus.spawn(bus.produce, cpu, count + cpu) for cpu in range(cpus)]
    for future in produced:
        future.result(LIMIT_SECONDS)
    assert handle.finish(LIMIT_SECONDS)
    for future in received:
        items = future.result(LIMIT_SECONDS)
        for cpu in range(cpus):
            check_whole(items, cpu, count + cpu)
            assert End("test.event", cpu, count + cpu, 0) in items
        assert sum(isinstance(item, End) for item in items) == cpus
    ledger = bus.ledger()
    assert ledger.delivered == ledger.emitted == sum(count + cpu for cpu in range(cpus))
    assert (ledger.dropped, ledger.in_flight) == (0, 0)


def test_a_subscriber_gets_what_it_asked_for(make_bus: MakeBus) -> None:
    bus = make_bus(2, streams=("one.a", "one.b", "two.a"))
    handle = bus.start()
    subscriber = bus.subscribe("one.b", topic_of("two.a", 1))
    assert set(subscriber.streams) == {"one.b", "two.a"}
    assert subscriber.missing == (("one.b", 0), ("one.b", 1), ("two.a", 1))
    received = bus.spawn(collect, subscriber)
    for cpu in range(2):
        for stream in ("one.a", "one.b", "two.a"):
            bus.produce(cpu, 100, stream)
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    assert {(i.stream, i.cpu) for i in items} == {("one.b", 0), ("one.b", 1), ("two.a", 1)}
    for cpu in range(2):
        check_whole(items, cpu, 100, "one.b")
    assert bus.ledger("one.a").dropped == 200
    assert bus.ledger("one.b").complete
    assert bus.ledger("two.a").dropped == 100


def test_with_no_subscriber_every_record_is_counted_as_dropped(make_bus: MakeBus) -> None:
    bus = make_bus(2, capacity=256)
    handle = bus.start()
    for cpu in range(2):
        bus.produce(cpu, 5000)
    assert handle.finish(LIMIT_SECONDS)
    ledger = bus.ledger()
    assert (ledger.emitted, ledger.dropped, ledger.in_flight) == (10_000, 10_000, 0)


def test_a_slow_subscriber_holds_the_producer_and_loses_nothing(make_bus: MakeBus) -> None:
    bus, count = make_bus(1, capacity=1024), 20_000
    handle = bus.start()
    subscriber = bus.subscribe(credit=LEAST_CREDIT)
    produced = bus.spawn(bus.produce, 0, count)
    first = next(subscriber)
    ring = bus.producer(0)
    while not (ring.words[WAITING_WORD] and ring.head == ring.tail + ring.capacity):
        assert not produced.done()
    on_the_way = ring.tail * records_of(0, 0, 1).itemsize
    assert on_the_way <= LEAST_CREDIT
    assert isinstance(first, Batch)
    items = [Batch(first.stream, first.cpu, first.first, first.records.copy())]
    received = bus.spawn(collect, subscriber)
    produced.result(LIMIT_SECONDS)
    assert handle.finish(LIMIT_SECONDS)
    check_whole([*items, *received.result(LIMIT_SECONDS)], 0, count)
    assert bus.ledger().complete
    assert bus.ledger().stalled_ns > 0


def test_a_part_of_a_batch_does_not_wait_for_the_rest(make_bus: MakeBus) -> None:
    bus = make_bus(1, batch=1024)
    bus.start()
    subscriber = bus.subscribe()
    bus.producer(0).append(records_of(0, 0, 3))
    batch = next(subscriber)
    assert isinstance(batch, Batch)
    assert batch.records["number"].tolist() == [0, 1, 2]


def test_who_joins_late_is_told_what_it_missed(make_bus: MakeBus) -> None:
    bus = make_bus(2)
    handle = bus.start()
    early = bus.subscribe()
    producer = bus.producer(0)
    producer.append(records_of(0, 0, 200))
    bus.produce(1, 70)
    seen: list[Any] = []
    while len(early.missing) > 1 or sum(len(b.records) for b in seen if isinstance(b, Batch)) < 270:
        seen.append(next(early))
    received = bus.spawn(collect, bus.subscribe())
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    producer.append(records_of(0, 200, 10))
    producer.close()
    rest = bus.spawn(collect, early)
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    assert Gap("test.event", 0, 200, 200, "missed") in items
    assert Gap("test.event", 1, 70, 70, "missed") in items
    assert [b.first for b in items if isinstance(b, Batch)] == [200]
    rest.result(LIMIT_SECONDS)
    assert bus.ledger().complete


def test_what_the_producer_gave_up_is_a_gap(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    received = bus.spawn(collect, bus.subscribe())
    producer = bus.producer(0)
    producer.append(records_of(0, 0, 10))
    producer.drop(5)
    producer.close()
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    assert sum(i.count for i in items if isinstance(i, Gap) and i.cause == "dropped") == 5
    assert items[-1] == End("test.event", 0, 10, 5)


def test_the_supervisor_hears_who_joins_and_who_leaves(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    subscriber = bus.subscribe()
    events: list[Any] = []
    while not events:
        events += next_events(handle)
    assert events == [Joined("test", 1)]
    subscriber.close()
    while len(events) < 2:
        events += next_events(handle)
    assert events[1] == Left("test", "left", 0, 0)
    assert not handle.wait_subscribers(1, 0.01)
    assert handle.finish(LIMIT_SECONDS)


def test_a_subscription_to_what_is_not_there_is_refused(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    with pytest.raises(SubscriptionRefused, match=r"'other\.'; this run has test\.event"):
        Subscriber(handle.url, ("other.",), "test")
    with pytest.raises(SubscriptionRefused, match="credit of 5 bytes"):
        Subscriber(handle.url, ("",), "test", credit=5)


def test_who_never_acknowledges_is_given_up_after_the_limit(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=1024)
    handle = bus.start()
    bus.subscribe(credit=LEAST_CREDIT, borrow_rings=False)
    produced = bus.spawn(bus.produce, 0, 3000)
    assert handle.wait_subscribers(1, LIMIT_SECONDS)
    produced.result(LIMIT_SECONDS)
    assert handle.finish(0.3)
    ledger = bus.ledger()
    assert (ledger.emitted, ledger.dropped, ledger.in_flight) == (3000, 3000, 0)
    assert [left.reason for left in handle.departures.listed] == ["acknowledged nothing in 0.3 s"]


def test_a_publisher_that_is_sent_garbage_goes_on(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    received = bus.spawn(collect, bus.subscribe())
    acknowledge = wire.encode("", wire.Acknowledge("test.event", 0, 2**64 - 1))
    later = wire.pack({"v": 2, "type": "hello"})
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(handle.url)
        for frames in ([b"x"], [b"", b"\xc1", b""], [*acknowledge, b""], [b"", later, b""]):
            stranger.send_multipart(frames)
        answers = []
        for _ in range(3):
            assert stranger.poll(int(LIMIT_SECONDS * 1000))
            answers.append(wire.decode(stranger.recv_multipart()).message)
    assert [type(answer) for answer in answers] == [wire.Refused] * 3
    assert answers[2] == wire.Refused("message of protocol version 2; expected version 1")
    bus.produce(0, 1000)
    assert handle.finish(LIMIT_SECONDS)
    check_whole(received.result(LIMIT_SECONDS), 0, 1000)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, mttcg_bus; print({'zmq', 'msgpack', 'numpy', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_every_name_of_the_package_is_there() -> None:
    import mttcg_bus

    for name in mttcg_bus.__all__:
        assert getattr(mttcg_bus, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        mttcg_bus.nothing  # noqa: B018
