"""What a subscriber that comes late is told of what it missed."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from bus_harness import LIMIT_SECONDS, RECORD, TestBus, check_whole, collect, records_of
from hypothesis import given, settings
from hypothesis import strategies as some

from mttcg_bus.errors import ProtocolError, SubscriptionRefused
from mttcg_bus.publisher.process import PublisherProcess
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.snapshot import Snapshot
from mttcg_bus.subscriber.subscriber import _ask, ask_snapshot
from mttcg_bus.wire import wire
from mttcg_bus.wire.stream import StreamSpec

MakeBus = Callable[..., TestBus]
STATE: dict[str, Any] = {
    "counters": {"icount": {"total": {"instructions": 9}, "vcpus": [{"cpu": 0}, {"cpu": 1}]}},
    "tables": [
        {
            "plugin": "test",
            "name": "table",
            "cpu": 1,
            "stream": "test.event",
            "records": records_of(1, 5, 3).tobytes(),
        }
    ],
}


def attend(handle: PublisherProcess, asked: "Future[Any]") -> None:
    """Do a supervisor's part until the question is answered."""
    until = time.monotonic() + LIMIT_SECONDS
    while not asked.done():
        assert time.monotonic() < until
        handle.receive()


def test_a_snapshot_says_what_was_counted_and_where_it_stands(make_bus: MakeBus) -> None:
    bus = make_bus(2, streams=("test.event", "test.other"), capacity=256)
    handle = bus.start()
    handle.state = lambda: STATE
    early = bus.subscribe("test.event")
    producer = bus.producer(0)
    producer.append(records_of(0, 0, 128))
    seen = 0
    while seen < 128:
        item = next(early)
        seen += len(item.records) if isinstance(item, Batch) else 0
    late = bus.subscribe("test.event")
    asked = bus.spawn(late.snapshot, LIMIT_SECONDS)
    attend(handle, asked)
    snapshot = asked.result()
    assert snapshot.run == bus.run
    assert snapshot.next[("test.event", 0)] == 128
    assert snapshot.next[("test.event", 1)] == snapshot.next[("test.other", 1)] == 0
    assert snapshot.counters == STATE["counters"]
    (table,) = snapshot.tables
    assert (table.plugin, table.name, table.cpu) == ("test", "table", 1)
    assert np.array_equal(table.records, records_of(1, 5, 3))
    producer.append(records_of(0, 128, 64))
    producer.close()
    received = [bus.spawn(collect, subscriber) for subscriber in (early, late)]
    assert handle.finish(LIMIT_SECONDS)
    batches = [i for i in received[1].result(LIMIT_SECONDS) if isinstance(i, Batch)]
    assert batches[0].first == snapshot.next[("test.event", 0)]
    received[0].result(LIMIT_SECONDS)


def test_what_came_before_the_snapshot_is_kept(make_bus: MakeBus) -> None:
    bus = make_bus(1, capacity=256)
    handle = bus.start()
    subscriber = bus.subscribe()
    bus.produce(0, 100)
    asked = bus.spawn(subscriber.snapshot, LIMIT_SECONDS)
    attend(handle, asked)
    assert asked.result().counters == {}
    received = bus.spawn(collect, subscriber)
    assert handle.finish(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    assert sum(len(item.records) for item in items if isinstance(item, Batch)) == 100


def test_what_came_before_the_snapshot_is_kept_when_the_streams_end_meanwhile(
    make_bus: MakeBus,
) -> None:
    bus = make_bus(1, capacity=256)
    handle = bus.start()
    subscriber = bus.subscribe()
    bus.produce(0, 100)
    finished = Future[bool]()

    def state_at_the_end() -> dict[str, Any]:
        until = time.monotonic() + LIMIT_SECONDS
        while not subscriber._finished and time.monotonic() < until:
            time.sleep(0.001)
        finished.set_result(subscriber._finished)
        return STATE

    handle.state = state_at_the_end
    asked = bus.spawn(subscriber.snapshot, LIMIT_SECONDS)
    ended = bus.spawn(handle.finish, LIMIT_SECONDS)
    assert asked.result(LIMIT_SECONDS).counters == STATE["counters"]
    assert finished.result()
    items = collect(subscriber)
    assert ended.result(LIMIT_SECONDS)
    check_whole(items, 0, 100)
    assert bus.ledger().complete


def test_who_does_not_subscribe_may_ask_too(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start()
    handle.state = lambda: STATE
    asked = bus.spawn(ask_snapshot, handle.url, LIMIT_SECONDS)
    attend(handle, asked)
    assert asked.result().counters == STATE["counters"]


def test_an_unknown_question_is_refused(make_bus: MakeBus) -> None:
    handle = make_bus(1).start()
    with pytest.raises(SubscriptionRefused, match="question 'weather'; expected ledger or"):
        _ask(handle.url, "weather", LIMIT_SECONDS, security=None, awaits=True)


WHOLE = {
    "run": RunInfo("r1", "/g.elf", 2, "none", 0, 0, 0).to_plain(),
    "next": {"test.event": [1, 2]},
    "streams": [StreamSpec("test.event", RECORD).to_plain()],
    **STATE,
}
PLAIN = some.none() | some.integers() | some.text(max_size=5) | some.binary(max_size=50)
ANY = PLAIN | some.lists(PLAIN, max_size=3) | some.dictionaries(some.text(max_size=5), PLAIN)


@settings(deadline=None, max_examples=80)
@given(some.data())
def test_random_snapshots_are_at_most_a_protocol_error(data: some.DataObject) -> None:
    plain = wire.unpack(wire.pack(WHOLE), 10_000)
    assert Snapshot.from_plain(plain).next == {("test.event", 0): 1, ("test.event", 1): 2}
    key = data.draw(some.sampled_from([*plain, "records", "stream", "name"]))
    (plain if key in plain else plain["tables"][0])[key] = data.draw(ANY)
    try:
        assert isinstance(Snapshot.from_plain(plain), Snapshot)
    except ProtocolError as error:
        assert str(error)
