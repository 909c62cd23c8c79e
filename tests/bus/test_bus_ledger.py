"""Subscribers that come, stall, vanish, are killed and come again: every count adds up, always.

What the ledger says is held against what the producers wrote and what the subscribers got.
"""

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from bus_harness import LIMIT_SECONDS, TestBus, check_whole, collect, records_of

from mttcg_bus.errors import PublisherLost
from mttcg_bus.ring.ring import ledger_of
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger
from mttcg_bus.wire.control import Left
from mttcg_bus.wire.limits import LEAST_CREDIT

MakeBus = Callable[..., TestBus]
STREAMS = ("test.first", "test.second")
CPUS, RECORDS_EACH, CHUNK = 2, 60_000, 777
VISITORS = 7
STALL_SECONDS, SILENCE_SECONDS = 5.0, 3.0
"""Far more than who is no staller takes from one acknowledgement to the next, on a busy machine."""
DROPPING = ("drop", "drop:oldest")
POLICIES = ("block", *DROPPING, "sample:3", "")


def closes(counts: dict[str, int]) -> bool:
    known = counts["delivered"] + counts["dropped"] + counts["in_flight"]
    return counts["emitted"] == known and min(counts.values()) >= 0


class Visitor:
    """A subscriber that takes some batches, and then leaves in one of these ways.

    leaves: says goodbye. vanishes: its connection ends with no word, as when it is killed. stalls:
    acknowledges nothing more, until the publisher gives it up or the run ends.
    holds_up: whether one that stalls may have a policy that makes the guest wait.
    """

    WAYS = ("leaves", "vanishes", "stalls")

    def __init__(self, bus: TestBus, number: int, chance: random.Random, holds_up: bool) -> None:
        assert bus.handle is not None
        self.name = f"visitor-{number}"
        self.way = chance.choice(self.WAYS)
        self.wanted = chance.randrange(30)
        self.acknowledged = dict.fromkeys(STREAMS, 0)
        self.subscriber = Subscriber(
            bus.handle.url,
            chance.choice([("",), STREAMS[:1], ("test.second/0001",)]),
            self.name,
            credit=LEAST_CREDIT * chance.choice([1, 4]),
            policy=chance.choice(POLICIES if self.way != "stalls" or holds_up else DROPPING),
            borrow_rings=chance.random() < 0.7,
        )

    def visit(self, over: threading.Event) -> None:
        before: Batch | None = None
        try:
            for taken, item in enumerate(self.subscriber):
                # what was asked for the next item is acknowledged
                if before is not None:
                    self.acknowledged[before.stream] += len(before.records)
                before = item if isinstance(item, Batch) else None
                if taken >= self.wanted:
                    break
        except PublisherLost:
            return  # it was given up
        if self.way == "stalls":
            over.wait(LIMIT_SECONDS)
        elif self.way == "vanishes":
            self.subscriber._socket.disable_monitor()
            self.subscriber._context.destroy(linger=0)
            return
        self.subscriber.close()


def produce(bus: TestBus, cpu: int) -> None:
    """Write all streams of a vCPU in turn, as it would."""
    producers = [bus.producer(cpu, stream) for stream in STREAMS]
    for first in range(0, RECORDS_EACH, CHUNK):
        for producer in producers:
            producer.append(records_of(cpu, first, min(CHUNK, RECORDS_EACH - first)))
    for producer in producers:
        producer.close()


@pytest.mark.parametrize(("seed", "holds_up"), [(0, False), (1, True), (2, False), (3, False)])
def test_everything_adds_up_at_any_moment(
    make_bus: MakeBus, child_script: Callable[[str], str], seed: int, holds_up: bool
) -> None:
    chance, over = random.Random(seed), threading.Event()
    bus = make_bus(CPUS, STREAMS, capacity=1024)
    handle = bus.start(stall_seconds=STALL_SECONDS)
    steady = bus.subscribe()
    asked = 0

    def look() -> dict[str, Any]:
        nonlocal asked
        answer = ask_ledger(handle.url, LIMIT_SECONDS)
        assert answer["streams"].keys() == set(STREAMS)
        for each in (answer, *answer["subscribers"]):
            assert all(map(closes, each.get("streams", each.get("ledger")).values())), answer
        for stream in STREAMS:  # the same from the rings' headers, which nobody has to answer for
            assert closes(bus.ledger(stream).to_plain())
        asked += 1
        return answer

    with ExitStack() as children:
        received = bus.spawn(collect, steady)
        produced = [bus.spawn(produce, bus, cpu) for cpu in range(CPUS)]
        visitors, visits = [], []
        for number in range(VISITORS):
            if chance.random() < 0.3:
                command = [sys.executable, child_script("child_subscriber.py"), handle.url]
                child = children.enter_context(welcomed([*command, str(chance.randrange(4))]))
                look()
                child.kill()
                continue
            visitors.append(Visitor(bus, number, chance, holds_up))
            visits.append(bus.spawn(visitors[-1].visit, over))
            look()
        while not all(future.done() for future in produced):
            look()
        for future in produced:
            future.result(LIMIT_SECONDS)
        look()
        assert handle.finish(SILENCE_SECONDS)
        over.set()
        for future in visits:
            future.result(LIMIT_SECONDS)
    items = received.result(LIMIT_SECONDS)
    for stream in STREAMS:
        for cpu in range(CPUS):
            check_whole(items, cpu, RECORDS_EACH, stream)
            counts = ledger_of(bus.rings[stream][cpu])
            assert (counts.emitted, counts.in_flight) == (RECORDS_EACH, 0)
            assert closes(counts.to_plain())
    assert asked > VISITORS
    assert len(handle.departures.listed) == VISITORS + 1
    left = {departure.name: departure for departure in handle.departures.listed}
    whole = left["test"].ledger.values()
    assert {counts["delivered"] for counts in whole} == {CPUS * RECORDS_EACH}
    for visitor in visitors:
        check_departure(left[visitor.name], visitor)


def welcomed(command: list[str]) -> "subprocess.Popen[str]":
    """A subscriber in a process of its own, which has been let in."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "welcome\n"
    return child


def check_departure(departure: Left, visitor: Visitor) -> None:
    for stream, counts in departure.ledger.items():
        assert closes(counts)
        assert counts["in_flight"] == 0
        if departure.reason in ("left", "finished"):
            assert counts["delivered"] == visitor.acknowledged[stream]
        else:  # the last that it acknowledged came when it was gone already
            assert counts["delivered"] <= visitor.acknowledged[stream]
