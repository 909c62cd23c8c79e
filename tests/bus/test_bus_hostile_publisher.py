"""A publisher that does not keep to the bounds: its subscriber does not grow."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from bus_harness import LIMIT_SECONDS, RECORD, TestBus
from golden_messages import DESCRIBED, RUN, SPEC, STREAM, TOPIC
from raw_peer import sent_until_full

from mttcg_bus.errors import ProtocolError, PublisherLost
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.parts import Parts, pack_streams
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire import limits, wire
from mttcg_bus.wire.limits import LEAST_CREDIT
from mttcg_bus.wire.stream import StreamSpec

MakeBus = Callable[..., TestBus]


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator["zmq.Socket[bytes]"]:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.set(zmq.LINGER, 0)
        router.set(zmq.SNDHWM, 5)
        router.set(zmq.RCVHWM, 5)
        router.set(zmq.ROUTER_MANDATORY, 1)
        router.bind(f"ipc://{tmp_path}/hostile")
        yield router


def victim_of(
    hostile: "zmq.Socket[bytes]", threads: Any, **options: Any
) -> tuple[Subscriber, bytes]:
    """A subscriber that has been welcomed, and its identity."""
    url = hostile.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
    joined = threads(lambda: Subscriber(url, ("",), "victim", **options))
    identity = hostile.recv_multipart()[0]
    hostile.send_multipart([identity, *wire.encode("", wire.Welcome()), wire.pack(DESCRIBED)])
    return joined.result(LIMIT_SECONDS), identity


def batch_of(first: int, count: int) -> list[bytes]:
    batch = wire.Batch("r1", STREAM, 3, first, count, 0)
    return [*wire.encode(TOPIC, batch), bytes(count * SPEC.dtype.itemsize)]


def test_a_publisher_keeps_to_the_credit(hostile: "zmq.Socket[bytes]", make_bus: MakeBus) -> None:
    subscriber, identity = victim_of(hostile, make_bus(1).spawn, credit=LEAST_CREDIT)
    count = LEAST_CREDIT // SPEC.dtype.itemsize // 2
    for number in range(3):
        hostile.send_multipart([identity, *batch_of(number * count, count)])
    with subscriber:
        assert isinstance(next(subscriber), Batch)
        with pytest.raises(ProtocolError, match="batches beyond the credit of 65536 bytes"):
            subscriber.snapshot(LIMIT_SECONDS)


def test_messages_for_a_subscriber_wait_at_the_publisher(
    hostile: "zmq.Socket[bytes]", make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mttcg_bus.subscriber.subscriber.MOST_RECEIVED", 5)
    subscriber, identity = victim_of(hostile, make_bus(1).spawn)
    frames = [identity, *batch_of(0, 3000)]
    with subscriber:
        assert sent_until_full(lambda: hostile.send_multipart(frames, zmq.NOBLOCK))


def test_a_publisher_that_reads_nothing_is_lost(
    hostile: "zmq.Socket[bytes]", make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mttcg_bus.wire.socket_options.MOST_UNREAD", 5)
    subscriber, identity = victim_of(hostile, make_bus(1).spawn)
    with subscriber, pytest.raises(PublisherLost, match="it reads nothing"):
        for number in range(200_000):
            hostile.send_multipart([identity, *batch_of(number, 1)])
            next(subscriber)


def test_streams_that_are_opened_have_a_bound() -> None:
    parts = Parts(RUN, {STREAM: SPEC}, ("",))
    most = limits.MOST_PARTS // RUN.smp
    specs = [StreamSpec(f"a.s{number}", RECORD, batch=1, capacity=2) for number in range(most)]
    parts.open(pack_streams(specs[:-1]))
    with pytest.raises(ProtocolError, match=f"{most + 1} streams of 4 vCPUs: too many"):
        parts.open(pack_streams(specs[-1:]))
