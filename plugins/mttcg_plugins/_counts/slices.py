"""One vCPU's time as slices: functions, traps and sleep, each within or behind another."""

from typing import Any

import numpy as np

from mttcg.instrument import compiled
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.transfers import (
    CALL,
    IN_TRAP,
    RETURN,
    SWITCH,
    TRAP_RETURN,
    innermost,
    kinds_of,
)

EXCEPTION, INTERRUPT, IDLE, RESUME, END = range(5)
"""Words of the records that a plugin puts in itself; no instruction has them."""
ASLEEP = (1 << 64) - 2
"""Where sleep returns to."""

FUNCTION = 3
"""What a slice may be, besides EXCEPTION, INTERRUPT and IDLE."""
SLICE = np.dtype([("what", "<u8"), ("began", "<u8"), ("ended", "<u8"), ("kind", "<u8")])
"""A function's address or a trap's cause, and from when to when; `ended` is OPEN as long as it
lasts."""
OPEN = (1 << 64) - 1
FRAME = np.dtype([("back", "<u8"), ("number", "<i8")])
"""An open slice: where it returns to, and its number, -1 if there was no room for it."""
COUNTS = np.dtype([("depth", "<i8"), ("slices", "<i8"), ("left_out", "<i8"), ("latest", "<u8")])


@compiled
def close(counts: Any, depth: Any, time: Any, frames: Any, slices: Any) -> None:
    """Close all slices from a depth on."""
    for at in range(depth, counts[0].depth):
        if frames[at].number >= 0:
            slices[frames[at].number].ended = time
    counts[0].depth = min(depth, counts[0].depth)


@compiled
def close_at(counts: Any, back: Any, time: Any, frames: Any, slices: Any) -> None:
    """Close up to the innermost slice that returns to `back`, if there is one."""
    depth = innermost(frames, counts[0].depth, back)
    if depth >= 0:
        close(counts, depth, time, frames, slices)


@compiled
def begin(
    counts: Any, kind: Any, what: Any, time: Any, back: Any, frames: Any, slices: Any, most: Any
) -> None:
    """Open a slice."""
    number = counts[0].slices
    if most and number >= most:
        counts[0].left_out += 1
        number = -1
    else:
        counts[0].slices += 1
        one = slices[number]
        one.kind, one.what, one.began, one.ended = kind, what, time, np.uint64(OPEN)
    frame = frames[counts[0].depth]
    frame.back, frame.number = back, number
    counts[0].depth += 1


@compiled
def follow(
    records: Any, kinds: Any, backs: Any, counts: Any, frames: Any, slices: Any, most: Any
) -> int:
    """Make slices of records; how many, fewer if room runs short.

    Args:
        records: a batch of `events.TRANSFER`; kinds, backs: of each, see `kinds_of`.
        counts: one COUNTS. frames: of FRAME. slices: of SLICE.
        most: how many slices to keep, 0 for all.
    """
    for n in range(len(records)):
        if counts[0].depth == len(frames) or counts[0].slices == len(slices):
            return n
        kind, record = kinds[n], records[n]
        time, target = record.time, record.target
        if kind > END and kind not in (TRAP_RETURN, CALL, RETURN, SWITCH):
            continue
        counts[0].latest = time
        if kind in (EXCEPTION, INTERRUPT):
            begin(counts, kind, target, time, np.uint64(IN_TRAP), frames, slices, most)
        elif kind == IDLE:
            begin(counts, kind, np.uint64(0), time, np.uint64(ASLEEP), frames, slices, most)
        elif kind == RESUME:
            close_at(counts, np.uint64(ASLEEP), time, frames, slices)
        elif kind == TRAP_RETURN:
            close_at(counts, np.uint64(IN_TRAP), time, frames, slices)
        elif kind == END:
            close(counts, 0, time, frames, slices)
        else:
            if kind != CALL:
                close_at(counts, target, time, frames, slices)
            if kind != RETURN:
                begin(counts, FUNCTION, target, time, backs[n], frames, slices, most)
    return len(records)


class Track:
    """The slices of one vCPU, in the order in which they began."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts = np.zeros(1, COUNTS)
        self.frames = np.zeros(64, FRAME)
        self.room = np.zeros(1024, SLICE)

    def add(self, records: Records) -> None:
        """Follow a batch of `events.TRANSFER`."""
        kinds, backs = kinds_of(records, END + 1)
        while len(records):
            done = follow(records, kinds, backs, self.counts, self.frames, self.room, self.most)
            records, kinds, backs = records[done:], kinds[done:], backs[done:]
            if self.counts["depth"][0] == len(self.frames):
                self.frames = np.concatenate([self.frames, np.zeros_like(self.frames)])
            if self.counts["slices"][0] == len(self.room):
                self.room = np.concatenate([self.room, np.zeros_like(self.room)])

    @property
    def left_out(self) -> int:
        """How many slices there were beyond the bound."""
        return int(self.counts["left_out"][0])

    def slices(self) -> Records:
        """The slices so far; one that is still open reaches to the last record."""
        found = self.room[: int(self.counts["slices"][0])].copy()
        found["ended"][found["ended"] == np.uint64(OPEN)] = self.counts["latest"][0]
        return found
