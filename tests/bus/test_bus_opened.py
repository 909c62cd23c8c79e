"""Streams that are opened, and let go of, while a publisher runs; and who may give commands."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from bus_harness import LIMIT_SECONDS, RECORD, TestBus, records_of

from mttcg_bus.errors import CommandFailed, KeyRefused, NoPublisher
from mttcg_bus.publisher.process import PublisherProcess
from mttcg_bus.recording.recording import Recording, RecordingWriter
from mttcg_bus.ring.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.subscriber.controller import Control
from mttcg_bus.subscriber.items import Batch, End, Opened
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire import control
from mttcg_bus.wire.security import (
    ClientSecurity,
    ServerSecurity,
    make_keys,
    read_keys,
    read_public,
)
from mttcg_bus.wire.stream import StreamSpec

FIRST = StreamSpec("first.event", RECORD, batch=16, capacity=256)
SECOND = StreamSpec("second.event", RECORD, batch=16, capacity=256)
WIDE = np.dtype([("number", "<u8")])
LIMIT = 20.0


class Supervised:
    """A publisher and its supervisor's part, which runs in a thread and notes what it hears."""

    def __init__(self, handle: PublisherProcess) -> None:
        self.handle = handle
        self.heard: list[object] = []
        self.news = threading.Condition()
        self.over = False
        handle.command = self.do
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def do(self, command: control.Command) -> None:
        error = "" if command.name == "echo" else "no"
        self.handle.answer(command.question, error, {"given": dict(command.arguments)})

    def watch(self) -> None:
        while not self.over:
            events = self.handle._receive(0.02)
            with self.news:
                self.heard += events
                self.news.notify_all()

    def wait(self, event: object) -> None:
        with self.news:
            assert self.news.wait_for(lambda: event in self.heard, LIMIT), (event, self.heard)
            self.heard.remove(event)

    def end(self) -> None:
        self.over = True
        self.thread.join()


@pytest.fixture
def bus() -> Iterator[TestBus]:
    made = TestBus(2, [FIRST])
    made.start()
    yield made
    made.close()


@pytest.fixture
def supervised(bus: TestBus) -> Iterator[Supervised]:
    assert bus.handle is not None
    made = Supervised(bus.handle)
    yield made
    made.end()


def open_stream(bus: TestBus, supervised: Supervised, spec: StreamSpec) -> list[int]:
    rings = [create_ring(spec) for _ in range(bus.cpus)]
    supervised.handle.open_streams([spec], {spec.name: rings}, ["first", "second"])
    supervised.wait(control.StreamsOpened((spec.name,)))
    return rings


def produce(bus: TestBus, rings: list[int], spec: StreamSpec, count: int) -> None:
    for cpu, ring in enumerate(rings):
        producer = RingProducer(ring, spec.dtype, bus.doorbell, bus.spaces[cpu])
        records = records_of(cpu, 0, count)
        producer.append(records if spec.dtype == RECORD else records[["number"]].astype(WIDE))
        producer.close()
        producer.unmap()


def end_stream(supervised: Supervised, spec: StreamSpec, rings: list[int]) -> None:
    supervised.handle.end_streams([spec.name], ["first"])
    supervised.wait(control.StreamEnded(spec.name))
    supervised.handle.forget_streams([spec.name])
    for ring in rings:
        os.close(ring)


def take(subscriber: Subscriber, ends: int) -> list[object]:
    """The items up to so many ends, the batches as their records' numbers."""
    items: list[object] = []
    while ends:
        item = next(subscriber)
        ends -= isinstance(item, End)
        items.append(item.records["number"].tolist() if isinstance(item, Batch) else item)
    return items


def numbers(items: list[object]) -> list[int]:
    return sorted(number for item in items if isinstance(item, list) for number in item)


@pytest.mark.parametrize("borrow", [True, False])
def test_a_stream_opened_later_comes_to_who_asked_for_it(
    bus: TestBus, supervised: Supervised, borrow: bool
) -> None:
    with bus.subscribe(later=True, borrow_rings=borrow) as late, bus.subscribe() as other:
        for spec in (SECOND, StreamSpec("second.event", WIDE, batch=16, capacity=256)):
            rings = open_stream(bus, supervised, spec)
            produce(bus, rings, spec, 100)
            items = take(late, bus.cpus)
            assert items[0] == Opened((spec,))
            assert numbers(items) == sorted(list(range(100)) * bus.cpus)
            supervised.handle.end_streams([spec.name], ["first"])
            supervised.wait(control.StreamEnded(spec.name))
            supervised.handle.forget_streams([spec.name])
            assert all(ledger_of(ring).delivered == 100 for ring in rings)
            for ring in rings:
                os.close(ring)
        assert set(other.streams) == {"first.event"}
        assert set(late.streams) == {"first.event", "second.event"}


def test_who_did_not_ask_has_its_finish_when_its_streams_have_ended(
    bus: TestBus, supervised: Supervised
) -> None:
    rings = open_stream(bus, supervised, SECOND)
    with bus.subscribe("second.") as subscriber:
        produce(bus, rings, SECOND, 40)
        counts = [len(item.records) for item in subscriber if isinstance(item, Batch)]
    assert sum(counts) == 80
    end_stream(supervised, SECOND, rings)


def test_streams_that_came_and_went_leave_nothing(bus: TestBus, supervised: Supervised) -> None:
    publisher = psutil.Process(supervised.handle.pid)

    def once() -> None:
        rings = open_stream(bus, supervised, SECOND)
        produce(bus, rings, SECOND, 100)
        end_stream(supervised, SECOND, rings)

    for _ in range(20):
        once()
    before = publisher.num_fds(), publisher.memory_full_info().uss
    for _ in range(200):
        once()
    until = time.monotonic() + LIMIT_SECONDS
    while publisher.num_fds() > before[0] and time.monotonic() < until:
        pass  # the last one's end is on its way
    assert publisher.num_fds() <= before[0]
    assert publisher.memory_full_info().uss - before[1] < 1 << 20


def test_a_recording_has_what_was_opened_later(
    bus: TestBus, supervised: Supervised, tmp_path: Path
) -> None:
    with bus.subscribe(later=True) as late:
        writer = RecordingWriter(tmp_path / "recording", late.parts)
        rings = open_stream(bus, supervised, SECOND)
        produce(bus, rings, SECOND, 100)
        ends = 0
        while ends < bus.cpus:
            item = next(late)
            writer.write(item)
            ends += isinstance(item, End)
        writer.finish()
        writer.close()
        end_stream(supervised, SECOND, rings)
    with Recording(tmp_path / "recording", ["second."]) as recording:
        items = list(recording)
    assert items[0] == Opened((SECOND,))
    counts = [len(item.records) for item in items if isinstance(item, Batch)]
    assert sum(counts) == 200


def test_without_permission_no_command_is_done(bus: TestBus, supervised: Supervised) -> None:
    assert bus.handle is not None
    with (
        Control(bus.handle.url, seconds=LIMIT) as control_,
        pytest.raises(CommandFailed, match="takes no commands; expected it to be started with"),
    ):
        control_.command("echo")


def test_nobody_there(tmp_path: Path) -> None:
    with (
        Control(f"ipc://{tmp_path}/bus", seconds=0.1) as control_,
        pytest.raises(NoPublisher, match=r"within 0\.1 s"),
    ):
        control_.status()


@pytest.fixture
def keys(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        path = tmp_path / name
        if not path.exists():
            make_keys(path)
        return path

    return make


def test_with_keys_only_who_is_named_may_control(keys: Callable[[str], Path]) -> None:
    server, reader, controller, stranger = map(keys, ("server", "reader", "control", "stranger"))
    allowed, controllers = (read_public(reader),), (read_public(controller),)
    bus = TestBus(1, [FIRST])
    security = ServerSecurity(server, allowed, controllers)
    whole = (bus.run, bus.streams, bus.rings, bus.doorbell, bus.spaces)
    handle = bus.handle = PublisherProcess.start(
        "tcp://127.0.0.1:*", *whole, 0.0, security, takes_commands=True
    )
    supervised = Supervised(handle)

    def echo(keys_of: Path) -> object:
        client = ClientSecurity(read_keys(keys_of), read_public(server))
        with Control(handle.url, seconds=LIMIT, security=client) as control_:
            return control_.command("echo", {"data": b"\0\1", "number": 7})["given"]

    try:
        for good in (server, controller):
            assert echo(good) == {"data": b"\0\1", "number": 7}
        with pytest.raises(CommandFailed, match="this key may not control the run"):
            echo(reader)
        with pytest.raises(KeyRefused):
            echo(stranger)
    finally:
        supervised.end()
        bus.close()


def test_a_refusal_comes_with_its_words(bus: TestBus) -> None:
    spare = TestBus(1, [FIRST])
    whole = (spare.run, spare.streams, spare.rings, spare.doorbell, spare.spaces)
    handle = spare.handle = PublisherProcess.start(None, *whole, takes_commands=True)
    supervised = Supervised(handle)
    try:
        with Control(handle.url, seconds=LIMIT) as control_:
            with pytest.raises(CommandFailed, match=r"^no$"):
                control_.command("other")
            assert control_.command("echo") == {"given": {}}
            assert "first.event" in control_.ledger()["streams"]
    finally:
        supervised.end()
        spare.close()
