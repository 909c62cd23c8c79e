"""Timed accesses of all vCPUs, whose batches come interleaved, in the order of time.

A record has its place at the time at which it is sure to have been: what releases, the stores, from
before it was done; what acquires, the loads, from when it was over. So the store of a
read-modify-write comes first and its load last. Whatever a load read was stored earlier in this
order.

Of a vCPU that sends nothing it is not known whether it sleeps, so the others wait for it a certain
time only: the window, counted in the clock of the records. A record that comes after that is late,
counted, and put where it came.
"""

from typing import Any

import numpy as np

from mttcg.instrument import compiled
from mttcg.instrument.events import (
    AMO,
    FENCE,
    KIND,
    LOAD_RESERVED,
    READS_BEFORE,
    TIMED_ACCESS,
    WRITE,
    WRITES_AFTER,
)
from mttcg_bus.wire.stream import Records

SYNC = 0x80
"""A bit of ours in `how`: this plain access is an acquire or a release because of its neighbours.
That is a load before a fence, or in a loop that looks at one place, and a store after a fence, as
compilers make them of atomic variables."""
CHUNK = 1 << 15
"""Records that are gathered before they are sorted."""
MOST = 1 << 22
"""Records that wait at most; beyond it the older half is given out, without waiting for others."""
SECONDS = 0.25
"""The window."""

CARRY = np.dtype([("holds", "<u8"), ("fenced", "<u8"), ("last", "<u8")])
"""The state of one vCPU. holds: whether its last record is held back until the next is known.
fenced: whether a fence that orders stores comes right before the next record. last: the latest time
so far."""


@compiled
def follows(record: Any, after: Any) -> Any:
    """Whether the record after a plain load makes it an acquire."""
    if after.how & KIND == FENCE:
        return after.value & np.uint64(READS_BEFORE) != 0
    return after.how & (KIND | WRITE) == 0 and (after.pc, after.address) == (
        record.pc,
        record.address,
    )


@compiled
def place(record: Any, carry: Any, out: Any, n: int) -> None:
    """Write a record at its time, which does not go back; mark a store right behind a fence."""
    time, kind, write = record.time, record.how & KIND, record.how & WRITE
    if kind in (AMO, LOAD_RESERVED) and not write:
        time += np.uint64(record.ticks)
    carry[0].last = max(carry[0].last, time)
    out_record = out[n]
    out_record.pc, out_record.address, out_record.value = record.pc, record.address, record.value
    out_record.cpu, out_record.size, out_record.how = record.cpu, record.size, record.how
    out_record.ticks = record.ticks
    out[n].time = carry[0].last
    if kind == 0 and write and carry[0].fenced:
        out[n].how |= np.uint8(SYNC)
    carry[0].fenced = kind == FENCE and record.value & np.uint64(WRITES_AFTER) != 0


@compiled
def place_held(held: Any, carry: Any, out: Any) -> None:
    """Place the one record that is held."""
    place(held[0], carry, out, 0)


@compiled
def prepare(records: Any, carry: Any, out: Any) -> int:
    """Give one vCPU's records their times; how many are in `out`, the last may stay behind.

    Args:
        records: one CARRY's held record, if it holds one, and a batch.
        carry: one CARRY.
        out: room for all of them.
    """
    n, at, last = 0, 0, len(records) - 1
    while at < last:
        record, after = records[at], records[at + 1]
        kind, write = record.how & KIND, record.how & WRITE
        if kind == AMO and not write:
            place(after, carry, out, n)
            n += 1
            at += 1
        place(record, carry, out, n)
        if kind == 0 and not write and follows(record, after):
            out[n].how |= np.uint8(SYNC)
        n += 1
        at += 1
    carry[0].holds = at == last
    return n


class InTimeOrder:
    """Merges the vCPUs' records.

    Args:
        smp: number of vCPUs.
        ticks_per_second: of the clock of the records, 0 if unknown.

    Attributes:
        late: how many records came after later ones had been given out.
    """

    def __init__(self, smp: int, ticks_per_second: int) -> None:
        self.window = int(SECONDS * (ticks_per_second or 1 << 31))
        self.carries = np.zeros((smp, 1), CARRY)
        self.held = np.zeros((smp, 1), TIMED_ACCESS)
        self.waiting: list[Records] = []
        self.count = self.given = self.late = 0

    def add(self, cpu: int, records: Records) -> Records:
        """Take in a batch, and give out what no other vCPU can come before any more."""
        carry = self.carries[cpu]
        if carry["holds"][0]:
            records = np.concatenate([self.held[cpu], records])
        if len(records):
            out = np.empty(len(records), TIMED_ACCESS)
            self._keep(out[: prepare(records, carry, out)])
            self.held[cpu] = records[-1:]
        return self._ready(self._horizon()) if self.count >= CHUNK else out_of_nothing()

    def finish(self) -> Records:
        """Give out all that is left; nothing comes any more."""
        for held, carry in zip(self.held, self.carries, strict=True):
            if carry["holds"][0]:
                out = held.copy()
                place_held(held, carry, out)
                carry["holds"] = 0
                self._keep(out)
        return self._ready((1 << 64) - 1)

    def _keep(self, records: Records) -> None:
        if len(records):
            self.late += int(np.count_nonzero(records["time"] < self.given))
            self.waiting.append(records)
            self.count += len(records)

    def _horizon(self) -> int:
        """The time up to which records are given out."""
        last = self.carries["last"]
        horizon = max(int(last.min()), int(last.max()) - self.window)
        if self.count > MOST:
            ends = sorted(int(records["time"][-1]) for records in self.waiting)
            horizon = max(horizon, ends[len(ends) // 2])
        return horizon

    def _ready(self, horizon: int) -> Records:
        """The records up to a time, in order; those of one vCPU in theirs."""
        ready, waiting = [out_of_nothing()], []
        for records in self.waiting:
            split = int(np.searchsorted(records["time"], np.uint64(horizon), side="right"))
            ready.append(records[:split])
            waiting += [records[split:]] if split < len(records) else []
        self.waiting = waiting
        found = np.concatenate(ready)
        self.count -= len(found)
        found = found[np.argsort(found["time"], kind="stable")]
        if len(found):
            self.given = max(self.given, int(found["time"][-1]))
        return found


def out_of_nothing() -> Records:
    """No records."""
    return np.empty(0, TIMED_ACCESS)
