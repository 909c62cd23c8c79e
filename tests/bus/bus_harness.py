"""A whole bus for a test: rings, a publisher process, producers and subscribers."""

import os
import select
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from mttcg_bus.publisher.process import PublisherEvent, PublisherProcess
from mttcg_bus.ring.ledger import Ledger, sum_ledgers
from mttcg_bus.ring.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch, Gap, Item
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire.address import socket_path
from mttcg_bus.wire.security import ServerSecurity
from mttcg_bus.wire.stream import Records, StreamSpec

LIMIT_SECONDS = 30.0
RECORD = np.dtype([("number", "<u8"), ("value", "<u8"), ("cpu", "<u4"), ("kind", "|S4")])


def new_eventfd() -> int:
    return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)


def records_of(cpu: int, first: int, count: int) -> Records:
    """Return `count` records that say where they belong."""
    records = np.zeros(count, RECORD)
    records["number"] = np.arange(first, first + count)
    records["value"] = records["number"] * np.uint64(0x9E3779B97F4A7C15) + np.uint64(cpu)
    records["cpu"] = cpu
    records["kind"] = b"test"
    return records


class TestBus:
    """What a supervisor sets up; `start` starts the publisher."""

    __test__ = False

    def __init__(self, cpus: int, streams: list[StreamSpec]) -> None:
        self.cpus, self.streams = cpus, streams
        self.run = RunInfo(
            "run-1", "/guests/test.elf", cpus, "none", 0x8000_0000, 4096, 0x8000_0000
        )
        self.doorbell = new_eventfd()
        self.spaces = [new_eventfd() for _ in range(cpus)]
        self.rings = {spec.name: [create_ring(spec) for _ in range(cpus)] for spec in streams}
        self.handle: PublisherProcess | None = None
        self._threads = ThreadPoolExecutor(16)
        self._subscribers: list[Subscriber] = []

    def start(
        self,
        url: str | None = None,
        stall_seconds: float = 0.0,
        security: ServerSecurity | None = None,
    ) -> PublisherProcess:
        whole = (self.run, self.streams, self.rings, self.doorbell, self.spaces)
        self.handle = PublisherProcess.start(url, *whole, stall_seconds, security)
        return self.handle

    def subscribe(self, *prefixes: str, **options: Any) -> Subscriber:
        assert self.handle is not None
        subscriber = Subscriber(self.handle.url, prefixes or ("",), "test", **options)
        self._subscribers.append(subscriber)
        return subscriber

    def producer(self, cpu: int, stream: str = "test.event") -> RingProducer:
        spec = next(spec for spec in self.streams if spec.name == stream)
        return RingProducer(self.rings[stream][cpu], spec.dtype, self.doorbell, self.spaces[cpu])

    def produce(self, cpu: int, count: int, stream: str = "test.event", chunk: int = 777) -> None:
        """Write `count` records and close."""
        producer = self.producer(cpu, stream)
        for first in range(0, count, chunk):
            producer.append(records_of(cpu, first, min(chunk, count - first)))
        producer.close()

    def produce_one(self, cpu: int, number: int) -> None:
        """Write one record, and leave the ring open."""
        self.producer(cpu).append(records_of(cpu, number, 1))

    def spawn(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        return self._threads.submit(function, *arguments)

    def ledger(self, stream: str = "test.event") -> Ledger:
        return sum_ledgers(ledger_of(fd) for fd in self.rings[stream])

    def close(self) -> None:
        for subscriber in self._subscribers:
            subscriber.stop()
        if self.handle is not None:
            self.handle.terminate()
            path = socket_path(self.handle.url)
            assert path is None or not path.exists()
        self._threads.shutdown()
        for subscriber in self._subscribers:
            subscriber.close()
        for fd in (self.doorbell, *self.spaces, *(fd for f in self.rings.values() for fd in f)):
            os.close(fd)


def next_events(handle: PublisherProcess) -> list[PublisherEvent]:
    """Wait for what the publisher tells next."""
    poller = select.poll()
    poller.register(handle.fileno(), select.POLLIN)
    assert poller.poll(LIMIT_SECONDS * 1000)
    return handle.receive()


def collect(subscriber: Subscriber) -> list[Item]:
    """Receive everything, copying the records, as the messages are freed."""
    items: list[Item] = []
    for item in subscriber:
        if isinstance(item, Batch):
            item = Batch(item.stream, item.cpu, item.first, item.records.copy())
        items.append(item)
    return items


def check_whole(items: list[Item], cpu: int, count: int, stream: str = "test.event") -> None:
    """Check that `items` has exactly `count` records of a vCPU, in order, and nothing after."""
    batches = [i for i in items if isinstance(i, Batch) and (i.stream, i.cpu) == (stream, cpu)]
    assert not [item for item in items if isinstance(item, Gap)]
    following = 0
    for batch in batches:
        assert batch.first == following
        following += len(batch.records)
    assert following == count
    if batches:
        everything = np.concatenate([batch.records for batch in batches])
        assert np.array_equal(everything, records_of(cpu, 0, count))


class Pumped:
    """A supervisor that answers with a large state, until `end`."""

    def __init__(self, bus: TestBus, size: int) -> None:
        whole = (bus.run, bus.streams, bus.rings, bus.doorbell, bus.spaces)
        bus.handle = PublisherProcess.start(None, *whole, takes_commands=True)
        self.handle, self.over = bus.handle, threading.Event()
        counters = {"counters": {"text": "x" * size}}
        self.handle.state = lambda: counters
        self.handle.command = lambda command: self.handle.answer(command.question, "", counters)
        self.done = bus.spawn(self.pump)

    def pump(self) -> None:
        while not self.over.is_set():
            self.handle._receive(0.05)

    def end(self) -> None:
        self.over.set()
        self.done.result(LIMIT_SECONDS)
