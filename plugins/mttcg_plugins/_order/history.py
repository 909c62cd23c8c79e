"""What happened before what, by vector clocks, and the accesses that are in no order (FastTrack).

After C. Flanagan and S. Freund, FastTrack: efficient and precise dynamic race detection, PLDI 2009:
an access is known by its epoch, the vCPU and that vCPU's clock; it was before another vCPU's access
if the other's vector has that clock or a later one. A release makes what was before it known at its
address, an acquire takes it up from there (RVWMO, Unprivileged ISA, chapter 18). Releases: AMOs and
SCs with rl, stores right behind a fence and all stores to where atomics are used, with what was
before the last fence, and stores to msip. Acquires: AMOs and LRs with aq, loads, at the fence
behind them, accesses to msip, and a software interrupt. Of every eight bytes the last accesses are
kept.
"""

from typing import Any

import numpy as np

from mttcg.instrument import compiled
from mttcg.instrument.events import ACQUIRE, FAILED, FENCE, INTERRUPT, KIND, RELEASE, WRITE
from mttcg_plugins._order.merging import READS, SYNC, WRITES

CELLS = 4
"""Accesses that are kept of every eight bytes."""
RECENT = 256
"""Loads that an acquiring fence looks at again: more than a core has in flight, whose times may be
earlier than those of what they read."""
PAGE_WORDS, PAGES, VECTORS, RACES = 512, 1 << 8, 1 << 10, 1 << 10
CLINT, MSIP_END = 0x200_0000, 0x200_4000

CELL = np.dtype(
    [("pc", "<u8"), ("clock", "<u4"), ("cpu", "u1"), ("bytes", "u1"), ("how", "u1"), ("used", "u1")]
)
"""An access: its pc and epoch, which of the eight bytes, and its `how`."""
WORD = np.dtype([("next", "<u4"), ("vector", "<u4"), ("atomic", "<u8")])
"""Of eight bytes: which cell is given up next; number of the vector of what was released there, 0
if there is none; whether an atomic was ever used there."""
RACE = np.dtype(
    [("first", "<u8"), ("second", "<u8"), ("address", "<u8"), ("count", "<i8"), ("how", "<u8")]
)
"""Two instructions and where they met first; bit 0 of `how`: the first stored, bit 1: the other."""
TOTALS = np.dtype([("pages", "<i8"), ("vectors", "<i8"), ("races", "<i8"), ("unlisted", "<i8")])


@compiled
def join(into: Any, vector: Any) -> None:
    """Take up all that a vector knows."""
    for cpu in range(len(into)):
        into[cpu] = max(into[cpu], vector[cpu])


@compiled
def release(word: Any, number: Any, vectors: Any, totals: Any, vector: Any) -> None:
    """Make a vector known at a word."""
    if not word[number].vector:
        totals[0].vectors += 1
        word[number].vector = totals[0].vectors
    join(vectors[word[number].vector], vector)


@compiled
def report(races: Any, totals: Any, cell: Any, record: Any) -> None:
    """Count a race of two instructions."""
    how = np.uint64(cell.how & WRITE) | np.uint64(record.how & WRITE) << np.uint64(1)
    for n in range(totals[0].races):
        if races[n].first == cell.pc and races[n].second == record.pc and races[n].how == how:
            races[n].count += 1
            return
    if totals[0].races == len(races):
        totals[0].unlisted += 1
        return
    n = totals[0].races
    totals[0].races += 1
    races[n].first, races[n].second, races[n].how = cell.pc, record.pc, how
    races[n].address, races[n].count = record.address, 1


@compiled
def check(
    cells: Any, word: Any, record: Any, covered: Any, clocks: Any, races: Any, totals: Any
) -> None:
    """Compare a plain access with those kept of the word, and keep it."""
    cpu, chosen = record.cpu, -1
    for n in range(CELLS):
        cell = cells[n]
        if not cell.used:
            chosen = n if chosen < 0 else chosen
            continue
        ordered = cell.cpu == cpu or cell.clock <= clocks[cpu, cell.cpu]
        if not ordered and cell.bytes & covered and (cell.how | record.how) & WRITE:
            safe = (cell.how & SYNC and (record.how & SYNC or cell.how & WRITE)) or (
                record.how & SYNC and record.how & WRITE and not cell.how & WRITE
            )
            if not safe:
                report(races, totals, cell, record)
        within = cell.bytes & ~covered == 0
        if ordered and within and (record.how & WRITE or not cell.how & WRITE):
            cells[n].used = 0
            chosen = n if chosen < 0 else chosen
    if chosen < 0:
        chosen = word.next % CELLS
        word.next += 1
    kept = cells[chosen]
    kept.pc, kept.clock, kept.cpu = record.pc, clocks[cpu, cpu], cpu
    kept.bytes, kept.how, kept.used = covered, record.how, 1


@compiled
def word_of(pages: Any, totals: Any, offset: Any) -> Any:
    """The number of the word at an offset in RAM; its page is made if there is none."""
    page = offset >> np.uint64(12)
    if not pages[page]:
        totals[0].pages += 1
        pages[page] = totals[0].pages
    return np.uint64(pages[page] - 1) * np.uint64(PAGE_WORDS) + (
        offset >> np.uint64(3) & np.uint64(PAGE_WORDS - 1)
    )


@compiled
def fence(
    record: Any, recent: Any, loads: Any, clocks: Any, fenced: Any, words: Any, vectors: Any
) -> None:
    """Take up what the loads before it have acquired; remember what is before it."""
    cpu = record.cpu
    before, after = record.value >> np.uint64(4), record.value
    if before & np.uint64(READS) and after & np.uint64(READS | WRITES):
        for n in range(min(loads[cpu], RECENT)):
            number = words[recent[cpu, n]].vector
            if number:
                join(clocks[cpu], vectors[number])
        loads[cpu] = 0
    if before & np.uint64(READS | WRITES) and after & np.uint64(WRITES):
        fenced[cpu] = clocks[cpu]
        clocks[cpu, cpu] += 1


@compiled
def msip(record: Any, clocks: Any, interrupts: Any) -> None:
    """An access to a msip, or the interrupt that it makes: a release if a store, and an acquire."""
    cpu = record.cpu
    which = (record.address - np.uint64(CLINT)) >> np.uint64(2)
    if record.how & KIND == INTERRUPT:
        which = np.uint64(cpu)
    if which < np.uint64(len(interrupts)):
        if record.how & WRITE:
            join(interrupts[which], clocks[cpu])
            clocks[cpu, cpu] += 1
        join(clocks[cpu], interrupts[which])


@compiled
def atomic(
    record: Any, word: Any, number: Any, clocks: Any, fenced: Any, vectors: Any, totals: Any
) -> None:
    """An LR, SC or AMO, or its store."""
    cpu = record.cpu
    word[number].atomic = 1
    if record.how & WRITE:
        release(word, number, vectors, totals, fenced[cpu])
        if record.how & RELEASE:
            release(word, number, vectors, totals, clocks[cpu])
            clocks[cpu, cpu] += 1
    elif record.how & ACQUIRE and word[number].vector:
        join(clocks[cpu], vectors[word[number].vector])


@compiled
def plain(
    record: Any, number: Any, covered: Any, words: Any, state: Any, vectors: Any, totals: Any
) -> None:
    """A load or store of some bytes of a word."""
    clocks, fenced, recent, loads, races, cells = state
    cpu = record.cpu
    if not record.how & WRITE:
        recent[cpu, loads[cpu] % RECENT] = number
        loads[cpu] += 1
    elif words[number].atomic or record.how & SYNC:
        release(words, number, vectors, totals, fenced[cpu])
    if not words[number].atomic:
        check(cells[number], words[number], record, covered, clocks, races, totals)


@compiled
def follow(
    records: Any, base: Any, pages: Any, words: Any, vectors: Any, state: Any, rest: Any
) -> int:
    """Follow records in the order of time; how many, fewer if pages or vectors run short."""
    clocks, fenced, recent, loads, _, _ = state
    interrupts, totals = rest
    for n in range(len(records)):
        record = records[n]
        full = (totals[0].pages + 2) * PAGE_WORDS > len(words)
        if full or totals[0].vectors + 3 > len(vectors):
            return n
        kind = record.how & KIND
        if kind == FENCE:
            fence(record, recent, loads, clocks, fenced, words, vectors)
            continue
        if kind == INTERRUPT or np.uint64(CLINT) <= record.address < np.uint64(MSIP_END):
            msip(record, clocks, interrupts)
            continue
        offset = record.address - base
        if offset >> np.uint64(12) >= np.uint64(len(pages) - 1) or record.how & FAILED:
            continue
        shift = offset & np.uint64(7)
        bits = ((np.uint64(1) << np.uint64(record.size)) - np.uint64(1)) << shift
        number = word_of(pages, totals, offset)
        if kind:
            atomic(record, words, number, clocks, fenced, vectors, totals)
            continue
        plain(record, number, np.uint8(bits & np.uint64(255)), words, state, vectors, totals)
        if bits >> np.uint64(8):
            number = word_of(pages, totals, offset + np.uint64(8))
            plain(record, number, np.uint8(bits >> np.uint64(8)), words, state, vectors, totals)
    return len(records)


class History:
    """What happened before what in a run of so many vCPUs and so much RAM."""

    def __init__(self, smp: int, base: int, size: int) -> None:
        self.base = base
        self.clocks = np.eye(smp, dtype=np.uint32)
        self.fenced, self.interrupts = np.zeros((2, smp, smp), dtype=np.uint32)
        self.recent, self.loads = np.zeros((smp, RECENT), np.uint64), np.zeros(smp, np.int64)
        self.races = np.zeros(RACES, RACE)
        self.cells = np.zeros((PAGES * PAGE_WORDS, CELLS), CELL)
        self.pages = np.zeros((size >> 12) + 2, dtype=np.int32)
        self.words = np.zeros(PAGES * PAGE_WORDS, WORD)
        self.vectors = np.zeros((VECTORS, smp), dtype=np.uint32)
        self.totals = np.zeros(1, TOTALS)

    def add(self, records: "np.ndarray[Any, Any]") -> None:
        """Follow records in the order of time."""
        while len(records):
            seen = (self.recent, self.loads, self.races, self.cells)
            state = (self.clocks, self.fenced, *seen)
            rest, base = (self.interrupts, self.totals), np.uint64(self.base)
            done = follow(records, base, self.pages, self.words, self.vectors, state, rest)
            records = records[done:]
            if len(records):
                self.words = np.concatenate([self.words, np.zeros_like(self.words)])
                self.cells = np.concatenate([self.cells, np.zeros_like(self.cells)])
                self.vectors = np.concatenate([self.vectors, np.zeros_like(self.vectors)])

    def order_all(self) -> None:
        """Take it that all that was is before all that comes: the order is not known."""
        self.clocks[:] = self.clocks.max(axis=0)
        self.clocks += np.eye(len(self.clocks), dtype=np.uint32)

    def found(self) -> "np.ndarray[Any, Any]":
        """The races so far."""
        return self.races[: int(self.totals["races"][0])]
