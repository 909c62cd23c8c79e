"""Predecoded pages of code to which something is attached, or whose blocks somebody is to see.

They are a vCPU's own: what enters a block, and which blocks it has been shown, is its affair.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mttcg.engine.llvm.interpreter.keys import Key
from mttcg.engine.llvm.interpreter.observed_layout import (
    BLOCK_ROWS,
    BYTES_SHIFT,
    ENTRY,
    EXTENT,
    INDEX,
    INSTRUCTION,
    INSTRUCTION_ROWS,
    INSTRUCTIONS_BITS,
    OBSERVED,
    OBSERVED_BYTES,
    OWN,
    RECORD_NUMBER_SHIFT,
    extent_of,
)
from mttcg.engine.llvm.interpreter.observed_native import ObservedFunctions
from mttcg.engine.llvm.weave import Sites, packed
from mttcg.isa.facts import Facts
from mttcg.memory.address import HostAddress, PageOffset
from mttcg.memory.code_pages import HALVES
from mttcg.memory.host import address_of_array
from mttcg.memory.page import PAGE
from mttcg.tbcache.predecoded import PAGE_RECORDS, RECORD_SHIFT


class Record(NamedTuple):
    """A record as it is written: the handler, and all operands in one word."""

    handler: int
    operands: int


def operands_of(rd: int, rs1: int, rs2: int, rs3: int, immediate: int) -> int:
    """The second word of a record."""
    return rd | rs1 << 8 | rs2 << 16 | rs3 << 24 | (immediate & 0xFFFF_FFFF) << 32


class PageHandlers(NamedTuple):
    """What a page's handlers are, and what enters its blocks where nothing else is attached."""

    handlers: Mapping[Key, HostAddress]
    entered: HostAddress


def handlers_for(native: ObservedFunctions, sites: Sites) -> PageHandlers:
    """The handlers that some sites need."""
    told = sites.every_access or sites.every_retired
    handlers = native.observed if told else native.entering
    entered = native.entered if sites.every_block else native.entered_bare
    if [row.kind for row in sites.every_block] == ["table"]:
        entered = native.entered_table
    return PageHandlers(handlers, entered)


class ObservedPage:
    """One such page.

    Args:
        native: the functions for it.
        sites: what is attached there.
        slot: of the block cache, that has its content.
        watched: whether blocks are shown to somebody before they are entered.
    """

    def __init__(self, native: ObservedFunctions, sites: Sites, slot: int, watched: bool) -> None:
        self.native, self.sites, self.watched = native, sites, watched
        self.chosen = handlers_for(native, sites)
        self.array = np.zeros(OBSERVED_BYTES // 8, dtype=np.uint64)
        self.start = address_of_array(self.array)
        self.words, self.halves = self.array.data, self.array.view(np.uint32).data
        records = self.array[: 2 * PAGE_RECORDS].reshape(-1, 2)
        entries = self.array[ENTRY // 8 :][: 2 * PAGE_RECORDS].reshape(-1, 2)
        for table in (records, entries):
            table[:HALVES, 0], table[HALVES:, 0] = native.fill, native.next_page
        self.words[INDEX // 8] = (slot * HALVES - (self.start >> RECORD_NUMBER_SHIFT)) % (1 << 64)
        for leader, rows in sites.blocks.items():
            self._put(leader, BLOCK_ROWS, packed(rows))
        for offset, rows in sites.instructions.items():
            self._put(offset, INSTRUCTION_ROWS, packed(rows))

    @property
    def row(self) -> int:
        """What the frame's table of pages has for it."""
        return self.start | OBSERVED

    def _put(self, offset: PageOffset, distance: int, value: int) -> None:
        self.words[((offset << RECORD_SHIFT) + distance) // 8] = value

    def _get(self, offset: PageOffset, distance: int) -> int:
        return self.words[((offset << RECORD_SHIFT) + distance) // 8]

    def handler(self, offset: PageOffset) -> int:
        """The handler of the record at an offset."""
        return self._get(offset, 0)

    def entry(self, offset: PageOffset) -> int:
        """What enters the block at an offset."""
        return self._get(offset, ENTRY)

    def put(self, records: list[tuple[PageOffset, Record]], facts: list[tuple[int, Facts]]) -> None:
        """Write records, (offset, record) each, and for each the word and its facts."""
        instructions, size = self._behind(records, facts)
        for (offset, record), (word, fact) in zip(reversed(records), reversed(facts), strict=True):
            instructions, size = instructions + 1, size + fact.length
            at = (offset << RECORD_SHIFT) // 4
            self.halves[at + INSTRUCTION // 4] = word & (1 << 8 * fact.length) - 1
            self.halves[at + EXTENT // 4] = extent_of(instructions, size, fact.length)
            handler = record.handler
            if self.sites.at_instruction(offset):
                self._put(offset, OWN, handler)
                handler = self.native.before
            self._put(offset, 8, record.operands)
            self._put(offset, 0, handler)
            if not self.watched:
                self.let_enter(offset)

    def _behind(
        self, records: list[tuple[PageOffset, Record]], facts: list[tuple[int, Facts]]
    ) -> tuple[int, int]:
        """What of the block, its instructions and bytes, there is behind records."""
        if not records or facts[-1][1].kind.ends_block:
            return 0, 0
        following = records[-1][0] + facts[-1][1].length
        if following >= PAGE:
            return 0, 0
        extent = self.halves[((following << RECORD_SHIFT) + EXTENT) // 4]
        return extent & (1 << INSTRUCTIONS_BITS) - 1, extent >> BYTES_SHIFT

    def let_enter(self, offset: PageOffset) -> None:
        """Have a block entered here: in its own record, by way of what is attached to it."""
        attached = self.sites.blocks.get(offset)
        self._put(offset, ENTRY, self.native.entered if attached else self.chosen.entered)

    def leave_to_translation(self, offset: PageOffset) -> None:
        """Have a block entered in its translation, if it has been entered here."""
        if self.entry(offset) != self.native.fill:
            self._put(offset, ENTRY, self.native.translated)
