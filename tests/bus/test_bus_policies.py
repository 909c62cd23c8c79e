"""Streams and subscribers that may lose records: what goes, who is told, that it all adds up."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from bus_harness import (
    LIMIT_SECONDS,
    RECORD,
    TestBus,
    check_whole,
    collect,
    new_eventfd,
    records_of,
)

from mttcg_bus.errors import NoPublisher, PublisherLost, StreamError, SubscriptionRefused
from mttcg_bus.publisher.delivery import KEPT_SHARE
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.ring.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.subscriber.items import Batch, End, Gap, Item
from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger
from mttcg_bus.wire.limits import LEAST_CREDIT
from mttcg_bus.wire.policy import Policy, parse_policy
from mttcg_bus.wire.stream import StreamSpec

MakeBus = Callable[..., TestBus]
STREAM = "test.event"
FITS = LEAST_CREDIT // RECORD.itemsize
"""Records within the least credit."""


def closes(counts: dict[str, int]) -> bool:
    return counts["emitted"] == counts["delivered"] + counts["dropped"] + counts["in_flight"]


def ask(bus: TestBus) -> dict[str, Any]:
    """The ledger now, which must add up."""
    assert bus.handle is not None
    answer = ask_ledger(bus.handle.url, LIMIT_SECONDS)
    assert all(map(closes, answer["streams"].values()))
    for subscriber in answer["subscribers"]:
        assert all(map(closes, subscriber["ledger"].values()))
    return answer


def wait_ledger(bus: TestBus, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    until = time.monotonic() + LIMIT_SECONDS
    while not wanted(answer := ask(bus)):
        assert time.monotonic() < until, answer
    return answer


def all_taken(count: int) -> Callable[[dict[str, Any]], bool]:
    """Whether the only subscriber has been offered `count` records, and has none on its way."""

    def taken(answer: dict[str, Any]) -> bool:
        counts = answer["subscribers"][0]["ledger"][STREAM]
        return bool(counts["delivered"] + counts["dropped"] == count)

    return taken


def in_flight(answer: dict[str, Any]) -> list[int]:
    """Records that each subscriber is yet to get."""
    return [each["ledger"][STREAM]["in_flight"] for each in answer["subscribers"]]


def numbers_of(items: list[Item], cpu: int = 0) -> list[int]:
    batches = [item for item in items if isinstance(item, Batch) and item.cpu == cpu]
    return [int(number) for batch in batches for number in batch.records["number"]]


def missed_by(items: list[Item]) -> int:
    return sum(item.count for item in items if isinstance(item, Gap))


# names


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("block", Policy()),
        ("drop", Policy(waits=False)),
        ("drop:newest", Policy(waits=False)),
        ("drop:oldest", Policy(waits=False, gives_up="oldest")),
        ("sample:1", Policy()),
        ("sample:64", Policy(step=64)),
    ],
)
def test_policies_by_name(text: str, policy: Policy) -> None:
    assert parse_policy(text) == policy
    assert StreamSpec("a.b", RECORD, text).how == policy


@pytest.mark.parametrize(
    "text",
    ["", "Block", "drop:all", "sample", "sample:", "sample:0", "sample:-1", "sample:9999999999"],
)
def test_other_names_are_no_policy(text: str) -> None:
    assert parse_policy(text) is None
    with pytest.raises(StreamError, match="expected block or drop or"):
        StreamSpec("a.b", RECORD, text)


def test_a_subscriber_with_an_unknown_policy_is_refused(make_bus: MakeBus) -> None:
    handle = make_bus(1).start()
    with pytest.raises(SubscriptionRefused, match="policy 'lossy'; expected block, drop"):
        Subscriber(handle.url, ("",), "test", policy="lossy")


# the producer


def test_a_ring_that_drops_does_not_wait() -> None:
    spec = StreamSpec("test.ring", RECORD, "drop", batch=4, capacity=16)
    fds = create_ring(spec), new_eventfd(), new_eventfd()
    producer = RingProducer(fds[0], RECORD, *fds[1:])
    assert producer.append(records_of(0, 0, 10)) == 10
    assert producer.append(records_of(0, 10, 10)) == 6
    assert producer.append(records_of(0, 20, 3)) == 0
    assert ledger_of(fds[0]) == Ledger(emitted=23, dropped=7, in_flight=16)


def test_what_a_producer_dropped_is_a_gap_in_the_stream(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=128, policy="drop")
    producer = bus.producer(0)
    assert producer.append(records_of(0, 0, 200)) == 128
    handle = bus.start()
    subscriber = bus.subscribe()
    received = bus.spawn(collect, subscriber)
    assert subscriber.streams[STREAM].policy == "drop"
    producer.close()
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    assert missed_by(items) + len(numbers_of(items)) == 200
    assert Gap(STREAM, 0, 128, 72, "dropped") in items or items[-1] == End(STREAM, 0, 128, 72)
    assert closes(bus.ledger().to_plain())


# the subscriber


@pytest.mark.parametrize("policy", ["drop", "drop:oldest"])
def test_a_stalled_subscriber_that_drops_harms_nobody(make_bus: MakeBus, policy: str) -> None:
    bus, count = make_bus(1, capacity=1024), 100_000
    handle = bus.start()
    stalled = bus.subscribe(credit=LEAST_CREDIT, policy=policy)
    received = bus.spawn(collect, bus.subscribe())
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    bus.produce(0, count)
    wait_ledger(bus, lambda answer: bool(answer["streams"][STREAM]["in_flight"] <= 2 * FITS))
    rest = bus.spawn(collect, stalled)
    assert handle.finish(LIMIT_SECONDS)
    check_whole(received.result(LIMIT_SECONDS), 0, count)
    items = rest.result(LIMIT_SECONDS)
    numbers = numbers_of(items)
    assert numbers == sorted(set(numbers))
    assert len(numbers) + missed_by(items) == count
    assert 0 < len(numbers) < count
    ledgers = [left.ledger[STREAM] for left in handle.departures.listed]
    assert all(map(closes, ledgers))
    assert sorted(counts["delivered"] for counts in ledgers) == [len(numbers), count]
    assert bus.ledger().complete


@pytest.mark.parametrize("policy", ["block", "drop", "drop:oldest"])
def test_who_stands_still_at_the_end_costs_others_nothing(make_bus: MakeBus, policy: str) -> None:
    bus, count = make_bus(1), 4 * FITS
    handle = bus.start()
    bus.subscribe(credit=LEAST_CREDIT, policy=policy)  # takes nothing
    received = bus.spawn(collect, bus.subscribe())
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    bus.produce(0, count)
    assert handle.finish(1.0)
    check_whole(received.result(LIMIT_SECONDS), 0, count)
    reasons = [left.reason for left in handle.departures.listed]
    assert sorted(reasons) == ["acknowledged nothing in 1 s", "finished"]


def test_newest_keeps_the_beginning_and_oldest_the_end(make_bus: MakeBus) -> None:
    bus, count = make_bus(1), 20 * FITS
    handle = bus.start()
    newest = bus.subscribe(credit=LEAST_CREDIT, policy="drop:newest")
    oldest = bus.subscribe(credit=LEAST_CREDIT, policy="drop:oldest")
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    bus.produce(0, count)
    wait_ledger(bus, lambda answer: min(in_flight(answer)) <= FITS)
    ring = bus.producer(0)
    assert ring.head - ring.tail <= ring.capacity // KEPT_SHARE
    received = [bus.spawn(collect, subscriber) for subscriber in (newest, oldest)]
    assert handle.finish(LIMIT_SECONDS)
    first, last = (numbers_of(future.result(LIMIT_SECONDS)) for future in received)
    assert first[0] == last[0] == 0
    assert last[-1] == count - 1
    assert len(first) <= FITS
    assert len(last) <= 2 * FITS
    assert closes(bus.ledger().to_plain())
    assert (bus.ledger().in_flight, bus.ledger().dropped > 0) == (0, True)


def test_oldest_keeps_the_end_of_each_vcpu(make_bus: MakeBus) -> None:
    bus, count = make_bus(2), 2 * FITS
    handle = bus.start()
    stalled = bus.subscribe(credit=LEAST_CREDIT, policy="drop:oldest")
    assert handle.wait_subscribers(1, LIMIT_SECONDS)
    for cpu in range(2):
        bus.produce(cpu, count, chunk=FITS)
    wait_ledger(bus, lambda answer: in_flight(answer) == [3 * FITS])
    received = bus.spawn(collect, stalled)
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    assert [numbers_of(items, cpu)[-1] for cpu in range(2)] == [count - 1, count - 1]


@pytest.mark.parametrize("step", [1, 7, 64, 100_000])
def test_a_sample_has_every_nth_record(make_bus: MakeBus, step: int) -> None:
    bus, count = make_bus(2, capacity=1024, policy=f"sample:{step}"), 20_003
    handle = bus.start()
    received = bus.spawn(collect, bus.subscribe())
    for produced in [bus.spawn(bus.produce, cpu, count) for cpu in range(2)]:
        produced.result(LIMIT_SECONDS)
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    kept = list(range(0, count, step))
    assert [numbers_of(items, cpu) for cpu in range(2)] == [kept, kept]
    assert missed_by(items) == 0
    assert {item.records for item in items if isinstance(item, End)} == {len(kept)}
    ledger = bus.ledger()
    assert (ledger.delivered, ledger.dropped) == (2 * len(kept), 2 * (count - len(kept)))
    (left,) = handle.departures.listed
    assert left.ledger[STREAM] == ledger.to_plain() | {"stalled_ns": 0}


def test_samples_of_two_subscribers_add_up_to_their_union(make_bus: MakeBus) -> None:
    bus, count = make_bus(1, capacity=1024), 6001
    handle = bus.start()
    received = [bus.spawn(collect, bus.subscribe(policy=f"sample:{step}")) for step in (2, 3)]
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    bus.produce(0, count)
    assert handle.finish(LIMIT_SECONDS)
    halves, thirds = (numbers_of(future.result(LIMIT_SECONDS)) for future in received)
    assert (halves, thirds) == (list(range(0, count, 2)), list(range(0, count, 3)))
    assert bus.ledger().delivered == len({*halves, *thirds})
    assert bus.ledger().in_flight == 0


# the ledger, at any moment


def test_a_silent_subscriber_is_given_up_and_the_guest_goes_on(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=256)
    handle = bus.start(stall_seconds=0.3)
    silent = bus.subscribe()
    produced = bus.spawn(bus.produce, 0, 5000)
    assert isinstance(next(silent), Batch)
    produced.result(LIMIT_SECONDS)
    assert handle.finish(LIMIT_SECONDS)
    (left,) = handle.departures.listed
    assert left.reason == "acknowledged nothing in 0.3 s"
    assert closes(left.ledger[STREAM])
    assert bus.ledger().to_plain() | {"stalled_ns": 0} == Ledger(5000, 0, 5000).to_plain()
    with pytest.raises(PublisherLost, match="batch is void"):
        list(silent)


def test_a_silent_subscriber_learns_why_it_was_given_up(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=256)
    bus.start(stall_seconds=0.3)
    silent = bus.subscribe(borrow_rings=False)
    bus.producer(0).append(records_of(0, 0, 64))
    assert isinstance(next(silent), Batch)
    wait_ledger(bus, lambda answer: not answer["subscribers"])
    with pytest.raises(PublisherLost, match=r"acknowledged nothing in 0\.3 s"):
        list(silent)


def test_who_has_nothing_to_acknowledge_is_not_silent(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=256)
    handle = bus.start(stall_seconds=0.1)
    received = bus.spawn(collect, bus.subscribe())
    producer = bus.producer(0)
    producer.append(records_of(0, 0, 64))
    wait_ledger(bus, all_taken(64))
    beats = time.monotonic() + 1.2  # two beats, at which silence is noticed
    wait_ledger(bus, lambda _answer: time.monotonic() > beats)
    producer.append(records_of(0, 64, 64))
    producer.close()
    assert handle.finish(LIMIT_SECONDS)
    check_whole(received.result(LIMIT_SECONDS), 0, 128)


def test_the_ledger_adds_up_whatever_happens(
    make_bus: MakeBus, child_script: Callable[[str], str]
) -> None:
    """Subscribers that are killed, stall, come late, leave, come again, and are too slow."""
    bus, count = make_bus(2, capacity=1024), 120_000
    handle = bus.start()
    steady = bus.spawn(collect, bus.subscribe())
    bus.subscribe(credit=LEAST_CREDIT, policy="drop")  # stalls for ever
    assert handle.wait_subscribers(2, LIMIT_SECONDS)
    produced = [bus.spawn(bus.produce, cpu, count) for cpu in range(2)]
    command = [sys.executable, child_script("child_subscriber.py"), handle.url]
    for taken in ("0", "3"):
        with subprocess.Popen([*command, taken], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "welcome\n"
            ask(bus)
            child.kill()
    for policy in ("drop:oldest", "sample:5", "block"):
        with Subscriber(handle.url, ("",), policy, credit=LEAST_CREDIT, policy=policy) as visitor:
            next(visitor, None)
            ask(bus)
    for future in produced:
        future.result(LIMIT_SECONDS)
    ask(bus)
    assert handle.finish(1.0)
    items = steady.result(LIMIT_SECONDS)
    for cpu in range(2):
        check_whole(items, cpu, count)
    ledger = bus.ledger()
    assert closes(ledger.to_plain())
    assert (ledger.emitted, ledger.in_flight) == (2 * count, 0)
    assert len(handle.departures.listed) == 7
    for left in handle.departures.listed:
        assert closes(left.ledger[STREAM])
        assert left.ledger[STREAM]["in_flight"] == 0


def test_nobody_answers_for_the_ledger(tmp_path: Any) -> None:
    with pytest.raises(NoPublisher, match="no publisher answered"):
        ask_ledger(f"ipc://{tmp_path}/nobody", 0.1)
