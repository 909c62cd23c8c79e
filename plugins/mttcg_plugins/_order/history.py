"""What happened before what, by vector clocks, and the accesses that are in no order (FastTrack).
from mttcg_bus.wire.stream import Records

After C. Flanagan and S. Freund, FastTrack: efficient and precise dynamic race detection, PLDI 2009:
an access is known by its epoch, the vCPU and that vCPU's clock; it was before another vCPU's access
if the other's vector has that clock or a later one. A release makes what was before it known at its
address, an acquire takes it up from there (as weak memory models have it). Releases:
atomics that store and are marked as one, stores right behind a fence and all stores to where
atomics are used, with what was before the last fence, and stores to the registers by which vCPUs
interrupt each other. Acquires: atomics that load and are marked as one, all that was read, at the
fence behind it, accesses to those registers, and such an interrupt.

Of every byte each vCPU's last load and last store are kept, but for those that a later access
stands for: whatever is in no order with the older is in no order with the later either. So an
access is reported if and only if it is in no order with an earlier one, and with the latest such.
"""

from typing import Any, NamedTuple

import numpy as np

from mttcg.instrument import compiled
from mttcg.instrument.events import (
    ACQUIRE,
    FAILED,
    FENCE,
    INTERRUPT,
    KIND,
    READS_AFTER,
    READS_BEFORE,
    RELEASE,
    WRITE,
    WRITES_AFTER,
    WRITES_BEFORE,
)
from mttcg_bus.wire.stream import Records
from mttcg_plugins._order.merging import SYNC

RECENT = 256
"""Loads whose places a fence looks at again: more than a core has in flight, whose times may be
earlier than those of what they read."""
PAGE_WORDS, RACES = 512, 1 << 10
PAGES, CELLS, VECTORS = 1 << 8, 1 << 14, 1 << 10
"""How many there is room for at first."""

CELL = np.dtype(
    [
        ("pc", "<u8"),
        ("clock", "<u4"),
        ("next", "<u4"),
        ("cpu", "<u2"),
        ("bytes", "u1"),
        ("write", "u1"),
    ],
    align=True,
)
"""An access: its pc and epoch, which of the eight bytes it stands for, and whether it stored;
`next` is the number of the next cell of these bytes, or of the next that is free."""
WORD = np.dtype([("first", "<u4"), ("vector", "<u4"), ("atomic", "<u8")])
"""Of eight bytes: number of the first cell; number of the vector of what was released there, 0 if
there is none; whether an atomic was ever used there."""
RACE = np.dtype(
    [("first", "<u8"), ("second", "<u8"), ("address", "<u8"), ("count", "<i8"), ("how", "<u8")]
)
"""Two instructions and where they met first; bit 0 of `how`: the first stored, bit 1: the other."""
TOTALS = np.dtype(
    [(name, "<i8") for name in ("pages", "cells", "free", "vectors", "races", "unlisted")]
)
"""How many there are of each, `free` is the number of the first free cell; 0 is none."""


class HistoryState(NamedTuple):
    """What the compiled code works on.

    clocks, fenced, read: a vector for each vCPU: what is before what it does now, what was before
        its last fence that orders stores, and what was released where it has read.
    interrupts: a vector for each vCPU's register by which others interrupt it.
    registers: where these are: address of the first, bytes in all, bytes for each.
    recent, loads: words that each vCPU read last, and how many since its last fence.
    pages: number of each page of the RAM, 0 if it was not touched.
    words, cells, vectors, races, totals: see WORD, CELL, RACE and TOTALS.
    """

    clocks: Any
    fenced: Any
    read: Any
    interrupts: Any
    registers: Any
    recent: Any
    loads: Any
    pages: Any
    words: Any
    cells: Any
    vectors: Any
    races: Any
    totals: Any


@compiled
def join(into: Any, vector: Any) -> None:
    """Take up all that a vector knows."""
    for cpu in range(len(into)):
        into[cpu] = max(into[cpu], vector[cpu])


@compiled
def release(state: Any, number: Any, vector: Any) -> None:
    """Make a vector known at a word."""
    word, totals = state.words[number], state.totals[0]
    if not word.vector:
        totals.vectors += 1
        word.vector = totals.vectors
    join(state.vectors[word.vector], vector)


@compiled
def report(races: Any, totals: Any, cell: Any, record: Any) -> None:
    """Count a race of two instructions."""
    how = np.uint64(cell.write) | np.uint64(record.how & WRITE) << np.uint64(1)
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
    record: Any, covered: Any, word: Any, cells: Any, clocks: Any, races: Any, totals: Any
) -> Any:
    """Compare a plain access with those kept of its word; the number of a cell that it frees.

    Of the bytes of accesses that it stands for, nothing is kept.
    """
    cpu, write, sync = record.cpu, record.how & WRITE, record.how & SYNC
    before, at, freed = 0, word.first, 0
    while at:
        cell = cells[at]
        following = cell.next
        ordered = cell.cpu == cpu or cell.clock <= clocks[cpu, cell.cpu]
        if not ordered and cell.bytes & covered and (cell.write or (write and not sync)):
            report(races, totals, cell, record)
        if ordered and (not sync if write else not cell.write):
            cell.bytes &= ~covered
        if cell.bytes:
            before = at
        else:
            if before:
                cells[before].next = following
            else:
                word.first = following
            if freed:
                cell.next = totals[0].free
                totals[0].free = at
            else:
                freed = at
        at = following
    return freed


@compiled
def keep(
    record: Any, covered: Any, word: Any, at: Any, cells: Any, clocks: Any, totals: Any
) -> None:
    """Put an access before the others of its word, in a cell if one is given.

    A store that its neighbours make a release races with an earlier store only, and with nothing
    that comes later: it stands for nothing, and is not kept.
    """
    if not at:
        at = totals[0].free
        if at:
            totals[0].free = cells[at].next
        else:
            totals[0].cells += 1
            at = totals[0].cells
    cell, cpu = cells[at], record.cpu
    cell.pc, cell.cpu, cell.clock = record.pc, cpu, clocks[cpu, cpu]
    cell.bytes, cell.write, cell.next = covered, record.how & WRITE, word.first
    word.first = at


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
def look(cpu: Any, number: Any, recent: Any, loads: Any) -> None:
    """A vCPU has read a word: a fence may make that an acquire."""
    recent[cpu, loads[cpu] % RECENT] = number
    loads[cpu] += 1


@compiled
def fence(state: Any, record: Any) -> None:
    """Take up what the loads before it have acquired; remember what is before it."""
    cpu, clocks = record.cpu, state.clocks
    value = record.value
    if value & np.uint64(READS_BEFORE) and value & np.uint64(READS_AFTER | WRITES_AFTER):
        join(clocks[cpu], state.read[cpu])
        for n in range(min(state.loads[cpu], RECENT)):
            vector = state.words[state.recent[cpu, n]].vector
            if vector:
                join(clocks[cpu], state.vectors[vector])
        state.loads[cpu] = 0
    if value & np.uint64(READS_BEFORE | WRITES_BEFORE) and value & np.uint64(WRITES_AFTER):
        state.fenced[cpu] = clocks[cpu]
        clocks[cpu, cpu] += 1


@compiled
def signal(state: Any, record: Any) -> None:
    """An access to a register that interrupts, or the interrupt: an acquire; a store releases."""
    cpu, clocks, interrupts = record.cpu, state.clocks, state.interrupts
    which = np.uint64(cpu)
    if record.how & KIND != INTERRUPT:
        which = (record.address - state.registers[0]) // state.registers[2]
    if which < np.uint64(len(interrupts)):
        if record.how & WRITE:
            join(interrupts[which], clocks[cpu])
            clocks[cpu, cpu] += 1
        join(clocks[cpu], interrupts[which])


@compiled
def atomic(state: Any, number: Any, record: Any) -> None:
    """An atomic, or its store."""
    cpu, clocks, word = record.cpu, state.clocks, state.words[number]
    word.atomic = 1
    if record.how & WRITE:
        release(state, number, state.fenced[cpu])
        if record.how & RELEASE:
            release(state, number, clocks[cpu])
            clocks[cpu, cpu] += 1
    elif not record.how & FAILED:
        look(cpu, number, state.recent, state.loads)
        if word.vector:
            join(state.read[cpu], state.vectors[word.vector])
            if record.how & ACQUIRE:
                join(clocks[cpu], state.vectors[word.vector])


@compiled
def plain(state: Any, number: Any, record: Any) -> None:
    """What a plain access makes known at a word, or may take up from there."""
    cpu, word = record.cpu, state.words[number]
    if not record.how & WRITE:
        join(state.read[cpu], state.vectors[word.vector])
    elif word.atomic or record.how & SYNC:
        release(state, number, state.fenced[cpu])


@compiled
def follow(records: Any, base: Any, state: Any) -> int:
    """Follow records in the order of time; how many, fewer if room runs short.

    What most of them need is passed apart: handing on the whole state counts all of its arrays.
    """
    clocks, pages, words, cells = state.clocks, state.pages, state.words, state.cells
    races, totals, recent, loads = state.races, state.totals, state.recent, state.loads
    registers = state.registers
    room, last_page = len(words) // PAGE_WORDS, np.uint64(len(pages) - 1)
    for n in range(len(records)):
        record = records[n]
        full = totals[0].pages + 2 > room or totals[0].cells + 3 > len(cells)
        if full or totals[0].vectors + 3 > len(state.vectors):
            return n
        kind, offset = record.how & KIND, record.address - base
        if kind == FENCE:
            fence(state, record)
        elif kind == INTERRUPT or record.address - registers[0] < registers[1]:
            signal(state, record)
        if kind in (FENCE, INTERRUPT) or offset >> np.uint64(12) >= last_page:
            continue
        if kind:
            atomic(state, word_of(pages, totals, offset), record)
            continue
        write, sync = record.how & WRITE, record.how & SYNC
        bits = (np.uint64(1) << np.uint64(record.size)) - np.uint64(1)
        bits <<= offset & np.uint64(7)
        while bits:
            number, covered = word_of(pages, totals, offset), np.uint8(bits & np.uint64(255))
            word = words[number]
            if not write:
                look(record.cpu, number, recent, loads)
            if word.vector or word.atomic or (write and sync):
                plain(state, number, record)
            if not word.atomic:
                freed = check(record, covered, word, cells, clocks, races, totals)
                if not (write and sync):
                    keep(record, covered, word, freed, cells, clocks, totals)
            offset, bits = offset + np.uint64(8), bits >> np.uint64(8)
    return len(records)


class History:
    """What happened before what in a run of so many vCPUs and so much RAM.

    interprocessor: as `RunInfo` has it.
    """

    def __init__(
        self, smp: int, base: int, size: int, interprocessor: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        self.base = np.uint64(base)
        fenced, read, interrupts = np.zeros((3, smp, smp), dtype=np.uint32)
        self.state = HistoryState(
            clocks=np.eye(smp, dtype=np.uint32),
            fenced=fenced,
            read=read,
            interrupts=interrupts,
            registers=np.array(interprocessor, dtype=np.uint64),
            recent=np.zeros((smp, RECENT), dtype=np.uint64),
            loads=np.zeros(smp, dtype=np.int64),
            pages=np.zeros((size >> 12) + 2, dtype=np.int32),
            words=np.zeros(PAGES * PAGE_WORDS, WORD),
            cells=np.zeros(CELLS, CELL),
            vectors=np.zeros((VECTORS, smp), dtype=np.uint32),
            races=np.zeros(RACES, RACE),
            totals=np.zeros(1, TOTALS),
        )

    @property
    def unlisted(self) -> int:
        """How many accesses raced in pairs of instructions for which there was no room."""
        return int(self.state.totals["unlisted"][0])

    def add(self, records: Records) -> None:
        """Follow records in the order of time."""
        while len(records):
            records = records[follow(records, self.base, self.state) :]
            if len(records):
                self._grow()

    def _grow(self) -> None:
        """Double what is half full and more."""
        state, totals = self.state, self.state.totals[0]
        used = {
            "words": int(totals["pages"]) * PAGE_WORDS,
            "cells": int(totals["cells"]),
            "vectors": int(totals["vectors"]),
        }
        larger = {
            name: np.concatenate([getattr(state, name), np.zeros_like(getattr(state, name))])
            for name, count in used.items()
            if count > len(getattr(state, name)) // 2
        }
        self.state = state._replace(**larger)

    def order_all(self) -> None:
        """Take it that all that was is before all that comes: the order is not known."""
        clocks = self.state.clocks
        clocks[:] = clocks.max(axis=0)
        clocks += np.eye(len(clocks), dtype=np.uint32)

    def found(self) -> Records:
        """The races so far."""
        races: Records = self.state.races
        return races[: int(self.state.totals["races"][0])]
