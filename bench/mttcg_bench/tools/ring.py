"""The tool `ring`: a producer process and a reducer in this one, over shared memory alone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mttcg_bench.errors import RunFailed
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.records import RECORD, RECORDS, batch_of
from mttcg_bus.ring.consumer import RingConsumer
from mttcg_bus.ring.ring import create_ring
from mttcg_bus.wire.stream import Records, StreamSpec


def spec_of(variant: Variant) -> StreamSpec:
    """The stream of a variant; its setting `itemsize` is the bytes of a record, 32 unless given."""
    dtype = RECORDS[variant.settings.get("itemsize", RECORD.itemsize)]
    return StreamSpec("bench.record", dtype, batch=batch_of(dtype.itemsize))


def unavailable(_variant: Variant) -> str:
    """Why it can't run here: it can."""
    return ""


@dataclass
class Producing:
    """A producer process that waits to begin, and its descriptors."""

    process: "subprocess.Popen[bytes]"
    ring: int
    doorbell: int
    space: int

    def begin(self) -> float:
        """Let it begin; when that was."""
        assert self.process.stdin is not None
        began = time.perf_counter()
        self.process.stdin.write(b"!")
        self.process.stdin.flush()
        return began


@contextmanager
def producing(spec: StreamSpec, count: int) -> Iterator[Producing]:
    """Start a producer of `count` records; it has ended when this has."""
    flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
    fds = [create_ring(spec), os.eventfd(0, flags), os.eventfd(0, flags)]
    numbers = map(str, (*fds, spec.dtype.itemsize, count))
    command = [sys.executable, "-m", "mttcg_bench.processes.producer", *numbers]
    process = subprocess.Popen(command, pass_fds=fds, stdin=subprocess.PIPE)
    try:
        yield Producing(process, *fds)
    finally:
        process.kill()
        process.communicate()
        for descriptor in fds:
            os.close(descriptor)


def reduce(totals: "np.ndarray[tuple[int], np.dtype[np.uint64]]", records: Records) -> None:
    """Read every record: the sum of the numbers, the number of records."""
    totals[0] += records["number"].sum()
    totals[1] += len(records)


def check(
    name: str, totals: "np.ndarray[tuple[int], np.dtype[np.uint64]]", count: int, itemsize: int
) -> None:
    """Raise RunFailed if something was lost or changed on the way."""
    batch = batch_of(itemsize)
    whole, rest = divmod(count, batch)
    expected = whole * (batch * (batch - 1) // 2) + rest * (rest - 1) // 2
    if [int(total) for total in totals] != [expected, count]:
        raise RunFailed(name, f"sums are {totals.tolist()}; expected {[expected, count]}")


def measure(_case: Case, variant: Variant) -> Measurement:
    """Send so many records through a ring."""
    count, totals = int(variant.settings["records"]), np.zeros(2, np.uint64)
    spec = spec_of(variant)
    with producing(spec, count) as source:
        consumer = RingConsumer(source.ring, spec.dtype, source.space)
        began = source.begin()
        while not (consumer.closed and consumer.available == 0):
            records = consumer.peek()
            if len(records):
                reduce(totals, records)
                consumer.release(len(records))
        seconds = time.perf_counter() - began
        del records
        consumer.unmap()
    check(variant.name, totals, count, spec.dtype.itemsize)
    return Measurement({"records": count, "seconds": seconds})
