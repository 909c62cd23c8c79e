"""Fixtures of the bus tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bus_harness import RECORD, Pumped, TestBus

from mttcg_bus.wire.stream import StreamSpec


@pytest.fixture
def make_bus() -> Iterator[Callable[..., TestBus]]:
    made: list[TestBus] = []

    def make(
        cpus: int = 1,
        streams: tuple[str, ...] = ("test.event",),
        batch: int = 64,
        capacity: int = 0,
        policy: str = "block",
    ) -> TestBus:
        specs = [StreamSpec(name, RECORD, policy, batch, capacity) for name in streams]
        made.append(TestBus(cpus, specs))
        return made[-1]

    yield make
    for bus in made:
        bus.close()


@pytest.fixture
def child_script() -> Callable[[str], str]:
    """Return the path of a program beside the tests."""
    return lambda name: str(Path(__file__).with_name(name))


@pytest.fixture
def pumped(make_bus: Callable[..., TestBus]) -> Iterator[Callable[[int], Pumped]]:
    made: list[Pumped] = []

    def start(size: int) -> Pumped:
        made.append(Pumped(make_bus(1), size))
        return made[-1]

    yield start
    for each in made:
        each.end()
