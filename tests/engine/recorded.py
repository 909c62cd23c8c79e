"""Events that an engine writes into rings by itself, and what came into them."""

import os
from typing import Any, NamedTuple

import numpy as np

from mttcg.instrument import events
from mttcg.instrument.api.changes import Where
from mttcg.instrument.native.operations import record
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.instrument.plan.registry import AFTER
from mttcg.vcpu.instrumentation.rings import Emitters
from mttcg_bus.ring.consumer import RingConsumer
from mttcg_bus.ring.ring import create_ring
from mttcg_bus.wire.stream import StreamSpec

CAPACITY, BATCH = 1 << 16, 1 << 4
"""Of a ring: records that a program has at most, and those of a window, which ends often."""
LAYOUTS = {
    "blocks": (Where.BLOCK, events.BLOCK),
    "executed": (Where.INSTRUCTION, events.INSTRUCTION),
    "accesses": (Where.ACCESS, events.ACCESS),
    "timed": (Where.ACCESS, events.TIMED_ACCESS),
    "retired": (Where.INSTRUCTION, events.RETIRED),
    "transfers": (Where.INSTRUCTION, events.TRANSFER),
    "branches": (Where.INSTRUCTION, events.BRANCH),
}
BEFORE = ("blocks", "executed", "accesses")
"""Those that are recorded before something, or with it."""


class Stream(NamedTuple):
    """What emitters want to know of a stream."""

    plugin: str
    name: str
    dtype: "np.dtype[Any]"


class Recorded:
    """A plan that records, and the rings that it records into.

    names: of LAYOUTS, what is recorded.
    """

    def __init__(self, names: tuple[str, ...] = BEFORE) -> None:
        self.doorbell, self.space = os.eventfd(0), os.eventfd(0)
        streams = {name: Stream("test", name, LAYOUTS[name][1]) for name in names}
        rings = {
            ("test", name): create_ring(
                StreamSpec(f"test.{name}", stream.dtype, batch=BATCH, capacity=CAPACITY)
            )
            for name, stream in streams.items()
        }
        self.emitters = Emitters(0, rings, self.doorbell, self.space, lambda: False)
        self.consumers = {
            name: RingConsumer(rings["test", name], stream.dtype, self.space)
            for name, stream in streams.items()
        }
        self.operations = {
            name: Operation(
                record(LAYOUTS[name][0], stream.dtype),
                self.emitters.address(stream),  # type: ignore[arg-type]
                AFTER.get(stream.dtype, "record"),
            )
            for name, stream in streams.items()
        }
        self.plan = Plan(
            every_block=self.of("blocks"),
            every_instruction=self.of("executed"),
            every_access=self.of("accesses"),
            every_retired=self.of("retired", "transfers", "branches"),
        )

    def of(self, *names: str) -> tuple[Operation, ...]:
        """The operations that record some of it, if that is recorded."""
        return tuple(self.operations[name] for name in names if name in self.operations)

    def take(self, name: str) -> "np.ndarray[Any, Any]":
        """What was recorded since the last call."""
        self.emitters.flush()
        consumer = self.consumers[name]
        parts = []
        while consumer.available:
            part = consumer.peek()
            parts.append(part.copy())
            consumer.take(len(part))
            consumer.release(len(part))
        return np.concatenate(parts) if parts else np.zeros(0, LAYOUTS[name][1])

    def close(self) -> None:
        """Give everything back."""
        self.emitters.drop("test")
        os.close(self.doorbell)
        os.close(self.space)
