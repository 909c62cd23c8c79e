"""Killed subscribers, killed publishers, supervisors that go: the ledger closes, nothing hangs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bus_harness import LIMIT_SECONDS, TestBus, collect, next_events, records_of

from mttcg_bus.errors import PublisherLost
from mttcg_bus.publisher.process import Died, PublisherProcess
from mttcg_bus.ring.ring import mark_closed
from mttcg_bus.subscriber.aggregator import Aggregator, Outcome, aggregate
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire.address import socket_path
from mttcg_bus.wire.stream import Received, Records

MakeBus = Callable[..., TestBus]


class Counting(Aggregator):
    count = 0

    def consume(self, stream: str, cpu: int, records: Records) -> None:
        assert stream == "event"
        assert np.array_equal(records, records_of(cpu, int(records["number"][0]), len(records)))
        self.count += len(records)

    def report(self) -> dict[str, Any]:
        return {"count": self.count}


def wait_died(handle: PublisherProcess) -> Died:
    events: list[Any] = []
    while not any(isinstance(event, Died) for event in events):
        events += next_events(handle)
    return next(event for event in events if isinstance(event, Died))


def test_a_subscriber_killed_in_the_middle_ends_nothing_but_itself(
    make_bus: MakeBus, child_script: Callable[[str], str]
) -> None:
    bus, count = make_bus(2, capacity=1024), 30_000
    handle = bus.start()
    received = bus.spawn(collect, bus.subscribe())
    command = [sys.executable, child_script("child_subscriber.py"), handle.url, "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "welcome\n"
        assert handle.wait_subscribers(2, LIMIT_SECONDS)
        produced = [bus.spawn(bus.produce, cpu, count) for cpu in range(2)]
        assert child.stdout.readline() == "holding\n"
        child.kill()
    for future in produced:
        future.result(LIMIT_SECONDS)
    assert handle.finish(LIMIT_SECONDS)
    numbers = [len(i.records) for i in received.result(LIMIT_SECONDS) if isinstance(i, Batch)]
    assert sum(numbers) == 2 * count
    ledger = bus.ledger()
    assert ledger.emitted == ledger.delivered + ledger.dropped == 2 * count
    assert ledger.dropped > 0
    assert ledger.in_flight == 0


def test_a_killed_only_subscriber_does_not_hold_the_producer(
    make_bus: MakeBus, child_script: Callable[[str], str]
) -> None:
    bus, count = make_bus(1, capacity=1024, batch=256), 3_000_000
    handle = bus.start()
    command = [sys.executable, child_script("child_subscriber.py"), handle.url, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "welcome\n"
        produced = bus.spawn(bus.produce, 0, count, "test.event", 50_000)
        assert child.stdout.readline() == "holding\n"
        child.kill()
    produced.result(LIMIT_SECONDS)
    assert handle.finish(LIMIT_SECONDS)
    ledger = bus.ledger()
    assert (ledger.delivered + ledger.dropped, ledger.in_flight) == (count, 0)
    assert ledger.dropped > 0


def start_aggregation(bus: TestBus) -> "Future[Outcome]":
    subscriber = bus.subscribe()
    return bus.spawn(aggregate, subscriber, Counting(None, subscriber.run))


def test_a_killed_publisher_frees_producers_and_subscribers(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=1024)
    handle = bus.start()
    path = socket_path(handle.url)
    assert path is not None
    outcome = start_aggregation(bus)
    producer = bus.producer(0)

    def produce_for_ever() -> int:
        number = 0
        while producer.append(records_of(0, number, 100)) == 100:
            number += 100
        return number

    produced = bus.spawn(produce_for_ever)
    while bus.ledger().delivered < 10_000:
        assert not produced.done()
    os.kill(handle.pid, signal.SIGKILL)
    assert wait_died(handle) == Died(-signal.SIGKILL)
    assert produced.result(LIMIT_SECONDS) > 10_000
    result = outcome.result(LIMIT_SECONDS)
    assert result.report["count"] >= 10_000
    assert not result.complete
    assert "publisher lost" in result.failure
    assert result.missing == (("test.event", 0),)
    assert not path.exists()
    assert not path.parent.exists()
    assert not handle.finish(1)
    ledger = bus.ledger()
    assert ledger.emitted == ledger.delivered + ledger.dropped + ledger.in_flight
    assert ledger.dropped > 0


def test_a_publisher_leaves_when_its_supervisor_is_gone(make_bus: MakeBus, tmp_path: Path) -> None:
    bus = make_bus(1)
    handle = bus.start(f"ipc://{tmp_path}/bus")
    outcome = start_aggregation(bus)
    assert handle.wait_subscribers(1, LIMIT_SECONDS)
    handle._control.close()
    assert handle._process.wait(LIMIT_SECONDS) == 0
    result = outcome.result(LIMIT_SECONDS)
    assert "the run was given up" in result.failure
    assert list(tmp_path.iterdir()) == []


def test_the_ring_of_a_dead_producer_is_delivered(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    outcome = start_aggregation(bus)
    bus.producer(0).append(records_of(0, 0, 33))
    mark_closed(bus.rings["test.event"][0])
    assert handle.finish(LIMIT_SECONDS)
    came = {("test.event", 0): Received(records=33, missed=0, dropped=0)}
    expected = Outcome({"count": 33}, complete=True, gaps={}, missing=(), failure="", received=came)
    assert outcome.result(LIMIT_SECONDS) == expected


def test_a_stopped_subscriber_ends_with_what_it_has(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    subscriber = bus.subscribe()
    bus.producer(0).append(records_of(0, 0, 64))
    batch = next(subscriber)
    assert isinstance(batch, Batch)
    assert len(batch.records) == 64
    subscriber.stop()
    assert list(subscriber) == []
    subscriber.close()
    assert handle.finish(LIMIT_SECONDS)
    assert bus.ledger().delivered == 64


def test_a_publisher_that_dies_before_subscribers_come_is_noticed(make_bus: MakeBus) -> None:
    handle = make_bus(1).start()
    os.kill(handle.pid, signal.SIGKILL)
    with pytest.raises(PublisherLost, match="exit status -9"):
        handle.wait_subscribers(1, LIMIT_SECONDS)


def test_terminating_removes_what_the_publisher_made(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    path = socket_path(handle.url)
    assert path is not None
    handle.terminate()
    handle.terminate()
    assert not path.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(handle.pid, 0)


def test_a_closed_subscriber_may_be_closed_again(make_bus: MakeBus) -> None:
    handle = make_bus(1).start()
    subscriber = Subscriber(handle.url, ("",), "test")
    subscriber.close()
    subscriber.close()
