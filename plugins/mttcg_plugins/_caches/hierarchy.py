"""Private L1 and L2 caches over a last level that all share, kept coherent by MESI.

States and transitions after M. Papamarcos and J. Patel, A low-overhead coherence solution for
multiprocessors with private cache memories, ISCA 1984. All caches give up what was used longest
ago, allocate at writes and write back late. An L2 holds what its L1 holds, and the last level what
any L2 holds: what it gives up leaves the private caches too. A level's order of use has what that
level was asked for, so hits in L1 do not keep a line in L2.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mttcg.instrument import compiled
from mttcg.instrument.events import FAILED, FENCE, INTERRUPT, KIND, WRITE
from mttcg_bus.wire.stream import Records

INVALID, SHARED, EXCLUSIVE, MODIFIED = range(4)
"""States of a line. An L2's is that of the vCPU; in L1 and the last level a line is SHARED, or
MODIFIED if the level below has not got what was written."""

LINE = np.dtype([("number", "<u8"), ("used", "<u8"), ("state", "<u8")])
"""A line: its address without the bits inside, when it was used last, its state."""
MOVED = (
    *("invalidations", "evicted_by_llc"),
    *("l1_write_backs", "l2_write_backs", "llc_write_backs"),
)
"""What is counted of lines that leave a vCPU's caches; `evicted_by_llc`: as the last level gave
them up."""
COUNTS = np.dtype(
    [
        (name, "<u8")
        for name in (
            *("reads", "writes"),
            *("l1_hits", "l1_misses", "l2_hits", "l2_misses", "llc_hits", "llc_misses"),
            *MOVED,
        )
    ]
)
"""What is counted of a vCPU."""
SYMBOL_COUNTS = np.dtype(
    [
        (name, "<u8")
        for name in ("accesses", "l1_misses", "l2_misses", "llc_misses", "invalidations")
    ]
)
"""What is counted of a symbol; `invalidations`: copies that accesses took from other vCPUs."""


@compiled
def set_of(level: Any, cache: Any, number: Any) -> Any:
    """The ways of a cache in which a line may be."""
    return level[cache, number & np.uint64(level.shape[1] - 1)]


@compiled
def find(ways: Any, number: Any) -> int:
    """The way that has a line, or -1."""
    for n in range(len(ways)):
        if ways[n].state != INVALID and ways[n].number == number:
            return n
    return -1


@compiled
def victim(ways: Any) -> int:
    """A free way, or the one that was used longest ago."""
    oldest = 0
    for n in range(len(ways)):
        if ways[n].state == INVALID:
            return n
        if ways[n].used < ways[oldest].used:
            oldest = n
    return oldest


@compiled
def put(line: Any, number: Any, state: Any) -> None:
    """Put a line into a way."""
    line.number, line.state = number, state


@compiled
def use(line: Any, clock: Any) -> None:
    """Make a line the one that was used last."""
    clock[0] += np.uint64(1)
    line.used = clock[0]


@compiled
def clean_l1(l1: Any, cpu: Any, number: Any, state: Any, counts: Any) -> None:
    """Leave a line in a vCPU's L1 in a state, SHARED or INVALID, if it is there."""
    ways = set_of(l1, cpu, number)
    n = find(ways, number)
    if n >= 0:
        if ways[n].state == MODIFIED:
            counts[cpu].l1_write_backs += 1
        ways[n].state = state


@compiled
def weaken(l1: Any, l2: Any, llc: Any, cpu: Any, number: Any, state: Any, counts: Any) -> bool:
    """Leave a line in a vCPU's caches SHARED or INVALID; whether it was there."""
    ways = set_of(l2, cpu, number)
    n = find(ways, number)
    if n < 0:
        return False
    clean_l1(l1, cpu, number, state, counts)
    if ways[n].state == MODIFIED:
        counts[cpu].l2_write_backs += 1
        below = set_of(llc, 0, number)
        below[find(below, number)].state = MODIFIED
    ways[n].state = state
    return True


@compiled
def ask_llc(l1: Any, l2: Any, llc: Any, cpu: Any, number: Any, counts: Any, clock: Any) -> int:
    """Have a line in the last level; 2 if it was there, 3 if it comes from memory."""
    ways = set_of(llc, 0, number)
    n, found = find(ways, number), 2
    if n >= 0:
        counts[cpu].llc_hits += 1
    else:
        counts[cpu].llc_misses += 1
        found, n = 3, victim(ways)
        if ways[n].state != INVALID:
            for other in range(len(l2)):
                if weaken(l1, l2, llc, other, ways[n].number, INVALID, counts):
                    counts[other].evicted_by_llc += 1
            if ways[n].state == MODIFIED:
                counts[cpu].llc_write_backs += 1
        put(ways[n], number, SHARED)
    use(ways[n], clock)
    return found


@compiled
def ask_l2(l1: Any, l2: Any, llc: Any, cpu: Any, number: Any, counts: Any, clock: Any) -> int:
    """Have a line in a vCPU's L2; 1 if it was there, else where the last level had it from."""
    ways = set_of(l2, cpu, number)
    n, found = find(ways, number), 1
    if n >= 0:
        counts[cpu].l2_hits += 1
    else:
        counts[cpu].l2_misses += 1
        found = ask_llc(l1, l2, llc, cpu, number, counts, clock)
        state = EXCLUSIVE
        for other in range(len(l2)):
            if other != cpu and weaken(l1, l2, llc, other, number, SHARED, counts):
                state = SHARED
        n = victim(ways)
        if ways[n].state != INVALID:
            weaken(l1, l2, llc, cpu, ways[n].number, INVALID, counts)
        put(ways[n], number, state)
    use(ways[n], clock)
    return found


@compiled
def own(l1: Any, l2: Any, llc: Any, cpu: Any, number: Any, counts: Any) -> int:
    """Make a vCPU's line MODIFIED; how many others lost their copies."""
    ways = set_of(l2, cpu, number)
    line, lost = ways[find(ways, number)], 0
    if line.state == SHARED:
        for other in range(len(l2)):
            if other != cpu and weaken(l1, l2, llc, other, number, INVALID, counts):
                counts[other].invalidations += 1
                lost += 1
    line.state = MODIFIED
    return lost


@compiled
def access(
    l1: Any, l2: Any, llc: Any, cpu: Any, number: Any, write: Any, counts: Any, clock: Any
) -> tuple[int, int]:
    """Load or store in a line; where it was (0 to 3: L1, L2, last level, memory), copies lost."""
    ways = set_of(l1, cpu, number)
    n, found, lost = find(ways, number), 0, 0
    if n >= 0:
        counts[cpu].l1_hits += 1
    else:
        counts[cpu].l1_misses += 1
        found = ask_l2(l1, l2, llc, cpu, number, counts, clock)
        n = victim(ways)
        if ways[n].state == MODIFIED:
            counts[cpu].l1_write_backs += 1
        put(ways[n], number, SHARED)
    use(ways[n], clock)
    if write:
        counts[cpu].writes += 1
        lost = own(l1, l2, llc, cpu, number, counts)
        ways[n].state = MODIFIED
    else:
        counts[cpu].reads += 1
    return found, lost


@compiled
def count_symbol(row: Any, found: Any, lost: Any) -> None:
    """Count an access of a symbol."""
    row.accesses += 1
    row.l1_misses += found > 0
    row.l2_misses += found > 1
    row.llc_misses += found > 2
    row.invalidations += lost


@compiled
def follow(
    records: Any, levels: Any, ram: Any, shift: Any, starts: Any, tables: Any, clock: Any
) -> None:
    """Follow records in the order of time.

    Args:
        records: of `events.TIMED_ACCESS`.
        levels: LINE of L1, L2 and last level, each by cache, set and way.
        ram: where it starts, and its size.
        shift: how many bits of an address are inside a line.
        starts: uint64, sorted from 0: where the rows of symbols start.
        tables: COUNTS by vCPU; SYMBOL_COUNTS by row of the data, and of the code.
        clock: uint64, one: goes on with every use.
    """
    l1, l2, llc = levels
    counts, data, code = tables
    for record in records:
        kind = record.how & KIND
        if kind in (FENCE, INTERRUPT) or record.how & FAILED or record.size == 0:
            continue
        if record.address - ram[0] >= ram[1]:
            continue
        number = record.address >> shift
        last = (record.address + np.uint64(record.size - 1)) >> shift
        while number <= last:
            write = record.how & WRITE
            found, lost = access(l1, l2, llc, record.cpu, number, write, counts, clock)
            address = max(record.address, number << shift)
            row = np.searchsorted(starts, address, side="right") - 1
            count_symbol(data[row], found, lost)
            row = np.searchsorted(starts, record.pc, side="right") - 1
            count_symbol(code[row], found, lost)
            number += np.uint64(1)


class Hierarchy:
    """The caches of so many vCPUs, empty at first.

    Args:
        smp: number of vCPUs.
        shapes: sets and ways of L1, L2 and last level; sets are a power of two.
        line: bytes of a line, a power of two.
        ram: where it starts, and its size; other accesses are not looked at.
        starts: sorted, from 0: where the rows of symbols start.
    """

    def __init__(
        self,
        smp: int,
        shapes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]],
        line: int,
        ram: tuple[int, int],
        starts: npt.NDArray[Any],
    ) -> None:
        caches = (smp, smp, 1)
        self.levels = tuple(
            np.zeros((n, *shape), LINE) for n, shape in zip(caches, shapes, strict=True)
        )
        self.shift, self.starts = np.uint64(line.bit_length() - 1), starts
        self.ram, self.clock = np.array(ram, np.uint64), np.zeros(1, np.uint64)
        self.counts = np.zeros(smp, COUNTS)
        self.data, self.code = np.zeros((2, len(starts)), SYMBOL_COUNTS)

    def add(self, records: Records) -> None:
        """Follow records in the order of time."""
        if len(records):
            tables = (self.counts, self.data, self.code)
            where = (self.ram, self.shift, self.starts)
            follow(records, self.levels, *where, tables, self.clock)
