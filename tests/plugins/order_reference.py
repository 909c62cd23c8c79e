"""What `_order` finds, told again: sets of events instead of clocks, and all accesses kept."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mttcg.instrument.events import (
    ACQUIRE,
    AMO,
    FAILED,
    FENCE,
    INTERRUPT,
    KIND,
    LOAD_RESERVED,
    RELEASE,
    STORE_CONDITIONAL,
    TIMED_ACCESS,
    WRITE,
)
from mttcg_plugins._order.history import RECENT
from mttcg_plugins._order.merging import SYNC

BASE, SIZE = 0x8000_0000, 1 << 20
MSIP = 0x200_0000
INTERPROCESSOR = MSIP, 0x4000, 4
"""As `RunInfo` has it."""
READS, WRITES = 2, 1
"""In the sets of a fence: loads, stores of memory."""
ALL = READS | WRITES
Row = tuple[int, int, int, int, int, int, int, int]
"""A record of `events.TIMED_ACCESS`."""
Pair = tuple[int, int, int]
"""Two pcs, and which of them stored, as `History.found` has them."""


@dataclass
class Program:
    """Records of several vCPUs, written down one after the other; the pc tells them apart."""

    rows: list[Row] = field(default_factory=list)

    def put(self, cpu: int, how: int, offset: int = 0, size: int = 8, value: int = 0) -> int:
        """Append a record, and give its pc."""
        pc = len(self.rows) + 1
        self.rows.append((pc, BASE + offset, value, 10 * pc, cpu, size, how, 1))
        return pc

    def load(self, cpu: int, offset: int, size: int = 8) -> int:
        return self.put(cpu, 0, offset, size)

    def store(self, cpu: int, offset: int, size: int = 8) -> int:
        return self.put(cpu, WRITE, offset, size)

    def fence(self, cpu: int, before: int = ALL, after: int = ALL) -> int:
        return self.put(cpu, FENCE, -BASE, 0, before << 4 | after)

    def amo(self, cpu: int, offset: int, order: int = 0) -> None:
        pc = self.put(cpu, AMO | order, offset)
        self.put(cpu, AMO | order | WRITE, offset)
        self.rows[pc] = (*self.rows[pc][:3], self.rows[pc - 1][3], *self.rows[pc][4:])

    def reserve(self, cpu: int, offset: int, order: int = 0) -> int:
        return self.put(cpu, LOAD_RESERVED | order, offset)

    def conditional(self, cpu: int, offset: int, order: int = WRITE) -> int:
        return self.put(cpu, STORE_CONDITIONAL | order, offset)

    def send(self, cpu: int, other: int) -> int:
        """Store to another vCPU's msip."""
        return self.put(cpu, WRITE, MSIP + 4 * other - BASE, 4)

    def interrupt(self, cpu: int) -> int:
        return self.put(cpu, INTERRUPT, -BASE, 0)

    def records(self) -> "np.ndarray[Any, Any]":
        return np.array(self.rows, dtype=TIMED_ACCESS)


@dataclass
class Access:
    """A plain access that was: its pc, vCPU, bytes, and whether it stored."""

    pc: int
    cpu: int
    bytes: frozenset[int]
    write: int
    sync: int


class Reference:
    """Which pairs of accesses are in no order; an event knows the set of those before it."""

    def __init__(self, records: Iterable[Any]) -> None:
        self.known: dict[int, set[int]] = defaultdict(set)
        self.fenced: dict[int, set[int]] = defaultdict(set)
        self.read: dict[int, set[int]] = defaultdict(set)
        self.recent: dict[int, list[int]] = defaultdict(list)
        self.told: dict[int, set[int]] = defaultdict(set)
        self.signals: dict[int, set[int]] = defaultdict(set)
        self.atomic: set[int] = set()
        self.accesses: list[Access] = []
        self.before: dict[int, set[int]] = {}
        self.pairs: set[Pair] = set()
        for record in records:
            self.follow(*(int(record[name]) for name in ("pc", "cpu", "address", "value")), record)

    def follow(self, pc: int, cpu: int, address: int, value: int, record: Any) -> None:
        """Take in the next record."""
        how, size = int(record["how"]), int(record["size"])
        self.known[cpu].add(pc)
        if how & KIND == FENCE:
            self.fence(cpu, value >> 4, value)
        elif how & KIND == INTERRUPT:
            self.known[cpu] |= self.signals[cpu]
        elif address < BASE:
            self.signal(cpu, (address - MSIP) // 4, how & WRITE)
        elif how & KIND:
            self.atomically(cpu, address // 8, how)
        else:
            bytes_of = range(address, address + size)
            for word in sorted({byte // 8 for byte in bytes_of}):
                part = frozenset(byte for byte in bytes_of if byte // 8 == word)
                self.plainly(word, Access(pc, cpu, part, how & WRITE, how & SYNC))
        self.before[pc] = set(self.known[cpu])

    def fence(self, cpu: int, before: int, after: int) -> None:
        if before & READS and after & ALL:
            self.known[cpu] |= self.read[cpu]
            self.known[cpu].update(*(self.told[word] for word in self.recent[cpu][-RECENT:]))
            self.recent[cpu].clear()
        if before & ALL and after & WRITES:
            self.fenced[cpu] = set(self.known[cpu])

    def signal(self, cpu: int, other: int, write: int) -> None:
        if write:
            self.signals[other] |= self.known[cpu]
        self.known[cpu] |= self.signals[other]

    def atomically(self, cpu: int, word: int, how: int) -> None:
        self.atomic.add(word)
        if how & WRITE:
            self.told[word] |= self.fenced[cpu] | (self.known[cpu] if how & RELEASE else set())
        elif not how & FAILED:
            self.look(cpu, word)
            if how & ACQUIRE:
                self.known[cpu] |= self.told[word]

    def look(self, cpu: int, word: int) -> None:
        self.recent[cpu].append(word)
        self.read[cpu] |= self.told[word]

    def plainly(self, word: int, access: Access) -> None:
        if not access.write:
            self.look(access.cpu, word)
        elif access.sync or word in self.atomic:
            self.told[word] |= self.fenced[access.cpu]
        if word in self.atomic:
            return
        for earlier in self.accesses:
            if earlier.bytes & access.bytes and self.races(earlier, access):
                self.pairs.add((earlier.pc, access.pc, earlier.write | access.write << 1))
        self.accesses.append(access)

    def races(self, earlier: Access, later: Access) -> bool:
        """Whether neither is before the other, and they are no release and what reads it."""
        if earlier.pc in self.known[later.cpu] or (earlier.write and earlier.sync):
            return False
        return bool(earlier.write or (later.write and not later.sync))
