"""The clock of timed records: the host's time-stamp counter, which is one for all vCPUs.

It counts at a constant rate and is the same on every core where the kernel takes its own time from
it (Intel SDM volume 3, 18.17: invariant TSC).
"""

import ctypes
import time
from functools import cache
from typing import Any, NamedTuple

SHORTEST_NANOSECONDS = 20_000_000
"""Between the two moments that the rate is computed from: its error is then about 1 in 10^5."""
TRIES = 5


class ClockReading(NamedTuple):
    """The same moment on two clocks."""

    ticks: int
    nanoseconds: int


def clock_ticks() -> int:
    """The clock now, as `time` in timed records has it."""
    return int(_reader()())


@cache
def _reader() -> Any:
    from mttcg.instrument.native import operations

    return ctypes.CFUNCTYPE(ctypes.c_uint64)(operations.clock())


def look() -> ClockReading:
    """Read both clocks at nearly the same moment: the tightest of some tries."""
    tries = []
    for _ in range(TRIES):
        before = time.monotonic_ns()
        ticks = clock_ticks()
        after = time.monotonic_ns()
        tries.append((after - before, ClockReading(ticks, (before + after) // 2)))
    return min(tries)[1]


def ticks_per_second(since: ClockReading) -> int:
    """The clock's rate, from a moment some time ago; waits if that is too short a time."""
    while (now := look()).nanoseconds - since.nanoseconds < SHORTEST_NANOSECONDS:
        time.sleep((SHORTEST_NANOSECONDS + since.nanoseconds - now.nanoseconds) / 1e9)
    passed = now.nanoseconds - since.nanoseconds
    return round((now.ticks - since.ticks) * 1_000_000_000 / passed)
