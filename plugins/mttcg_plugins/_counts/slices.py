"""One vCPU's time as slices: functions, traps and sleep, each within or behind another."""

from typing import Any

import numpy as np

from mttcg.instrument import InstructionClass, compiled, instruction_class

EXCEPTION, INTERRUPT, IDLE, RESUME, END = range(5)
"""Words of the records that a plugin puts in itself; no instruction has them."""
MACHINE_RETURN = 0x3020_0073
CALL, RETURN, SWITCH = (
    int(getattr(InstructionClass, name)) for name in ("CALL", "RETURN", "SWITCH")
)
FIRST_CLASS = 100
"""What is added to a class, to tell it from the words above."""
CALLS, RETURNS, SWITCHES = FIRST_CLASS + CALL, FIRST_CLASS + RETURN, FIRST_CLASS + SWITCH
MRET, OTHER = 98, 99
IN_TRAP, ASLEEP = (1 << 64) - 1, (1 << 64) - 2
"""Where a trap, or sleep, returns to."""

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
    for depth in range(counts[0].depth - 1, -1, -1):
        if frames[depth].back == back:
            close(counts, depth, time, frames, slices)
            return


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
def follow(records: Any, kinds: Any, counts: Any, frames: Any, slices: Any, most: Any) -> int:
    """Make slices of records; how many, fewer if room runs short.

    Args:
        records: a batch of `events.TRANSFER`; kinds: of each, its own word, MRET, or its class.
        counts: one COUNTS. frames: of FRAME. slices: of SLICE.
        most: how many slices to keep, 0 for all.
    """
    for n in range(len(records)):
        if counts[0].depth == len(frames) or counts[0].slices == len(slices):
            return n
        kind, record = kinds[n], records[n]
        time, target = record.time, record.target
        if kind == OTHER:
            continue
        counts[0].latest = time
        if kind in (EXCEPTION, INTERRUPT):
            begin(counts, kind, target, time, np.uint64(IN_TRAP), frames, slices, most)
        elif kind == IDLE:
            begin(counts, kind, np.uint64(0), time, np.uint64(ASLEEP), frames, slices, most)
        elif kind == RESUME:
            close_at(counts, np.uint64(ASLEEP), time, frames, slices)
        elif kind == MRET:
            close_at(counts, np.uint64(IN_TRAP), time, frames, slices)
        elif kind == END:
            close(counts, 0, time, frames, slices)
        else:
            if kind != CALLS:
                close_at(counts, target, time, frames, slices)
            if kind != RETURNS:
                back = record.pc + np.uint64(4 if record.word & 3 == 3 else 2)
                begin(counts, FUNCTION, target, time, back, frames, slices, most)
    return len(records)


def kind_of(word: int) -> int:
    """What a record is for a timeline, by its word."""
    if word <= END:
        return word
    if word == MACHINE_RETURN:
        return MRET
    kind = FIRST_CLASS + int(instruction_class(word))
    return kind if kind in (CALLS, RETURNS, SWITCHES) else OTHER


class Track:
    """The slices of one vCPU, in the order in which they began."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts = np.zeros(1, COUNTS)
        self.frames = np.zeros(64, FRAME)
        self.room = np.zeros(1024, SLICE)

    def add(self, records: "np.ndarray[Any, Any]") -> None:
        """Follow a batch of `events.TRANSFER`."""
        words, places = np.unique(records["word"], return_inverse=True)
        kinds = np.array([kind_of(word) for word in words.tolist()], dtype=np.uint8)[places]
        while len(records):
            done = follow(records, kinds, self.counts, self.frames, self.room, self.most)
            records, kinds = records[done:], kinds[done:]
            if self.counts["depth"][0] == len(self.frames):
                self.frames = np.concatenate([self.frames, np.zeros_like(self.frames)])
            if self.counts["slices"][0] == len(self.room):
                self.room = np.concatenate([self.room, np.zeros_like(self.room)])

    @property
    def left_out(self) -> int:
        """How many slices there were beyond the bound."""
        return int(self.counts["left_out"][0])

    def slices(self) -> "np.ndarray[Any, Any]":
        """The slices so far; one that is still open reaches to the last record."""
        found = self.room[: int(self.counts["slices"][0])].copy()
        found["ended"][found["ended"] == np.uint64(OPEN)] = self.counts["latest"][0]
        return found
