"""Predecoded pages of code to which something is attached, or whose blocks somebody is to see.

They are a vCPU's own: what enters a block, and which blocks it has been shown, is its affair.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from mttcg.engine.llvm.interpreter.observed_layout import (
    BLOCK_ROWS,
    CHECKED,
    CHOSEN,
    ENTRY,
    FIRST_ENTRY,
    INDEX,
    INSTRUCTION_ROWS,
    OBSERVED_BYTES,
    OWN,
    RECORD_NUMBER_SHIFT,
)
from mttcg.engine.llvm.interpreter.observed_native import ObservedFunctions
from mttcg.engine.llvm.weave import Sites, packed
from mttcg.memory.address import HostAddress, PageOffset
from mttcg.memory.code_pages import HALVES
from mttcg.memory.host import address_of_array
from mttcg.tbcache.changes import OBSERVED
from mttcg.tbcache.predecoded import HANDLERS_AT, PAGE_RECORDS, RECORD_SHIFT, SLOT_AT


class PageHandlers(NamedTuple):
    """What a page's handlers are, and what enters its blocks where nothing else is attached."""

    handlers: HostAddress
    entered: HostAddress


def handlers_for(native: ObservedFunctions, sites: Sites) -> PageHandlers:
    """The handlers that some sites need."""
    told = sites.every_access or sites.every_retired
    handlers = native.observed if told else native.entering
    entered = native.entered if sites.every_block else native.entered_bare
    if [(row.kind, row.scoped) for row in sites.every_block] == [("table", False)]:
        entered = native.entered_table
    return PageHandlers(handlers, entered)


class ObservedPage:
    """One such page.

    Args:
        native: the functions for it.
        sites: what is attached there.
        slot: of the block cache, that has its content.
        watched: whether blocks are shown to somebody before they are entered.
        checked: whether each instruction is looked at, as protection splits the page.
    """

    def __init__(
        self,
        native: ObservedFunctions,
        sites: Sites,
        slot: int,
        watched: bool,
        checked: bool = False,
    ) -> None:
        self.native, self.sites = native, sites
        self.chosen = handlers_for(native, sites)
        self.array = np.zeros(OBSERVED_BYTES // 8, dtype=np.uint64)
        self.start = address_of_array(self.array)
        self.words = self.array.data
        records = self.array[: 2 * PAGE_RECORDS].reshape(-1, 2)
        entries = self.array[ENTRY // 8 :][: 2 * PAGE_RECORDS].reshape(-1, 2)
        for table in (records, entries):
            table[:HALVES, 0], table[HALVES:, 0] = native.fill, native.next_page
        self.words[INDEX // 8] = (slot * HALVES - (self.start >> RECORD_NUMBER_SHIFT)) % (1 << 64)
        header = {
            HANDLERS_AT: self.chosen.handlers,
            SLOT_AT: slot,
            FIRST_ENTRY: native.come_back if watched else native.meet,
            CHOSEN: self.chosen.entered,
            CHECKED: int(checked),
        }
        for at, word in header.items():
            self.words[at // 8] = word
        for leader, rows in sites.blocks.items():
            self._put(leader, BLOCK_ROWS, packed(rows))
        for offset, rows in sites.instructions.items():
            self._put(offset, INSTRUCTION_ROWS, packed(rows))

    def follow(self, sites: Sites, changed: Iterable[PageOffset]) -> None:
        """Have other things attached at some places; what is for every place stays."""
        self.sites, native = sites, self.native
        for offset in changed:
            self._put(offset, BLOCK_ROWS, packed(sites.blocks.get(offset, ())))
            self._put(offset, INSTRUCTION_ROWS, packed(sites.instructions.get(offset, ())))
            own = self._get(offset, OWN)
            if self.handler(offset) in (own, native.before):
                attached = bool(sites.at_instruction(offset))
                self._put(offset, 0, native.before if attached else own)
            if self.entry(offset) in (native.entered, self.chosen.entered, native.translated):
                self.let_enter(offset)

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

    def let_enter(self, offset: PageOffset) -> None:
        """Have a block, which was shown, entered by what is attached to it."""
        if self.handler(offset) != self.native.fill:  # else it is first predecoded
            attached = self.sites.blocks.get(offset)
            self._put(offset, ENTRY, self.native.entered if attached else self.chosen.entered)
        elif self.entry(offset) == self.native.translated:
            self._put(offset, ENTRY, self.native.fill)  # its code is gone

    def begin_in_translation(self, offset: PageOffset) -> None:
        """As `leave_to_translation`, also of a block that was not entered yet."""
        unmet = self.entry(offset) == self.native.fill
        if unmet and self.words[FIRST_ENTRY // 8] != self.native.come_back:
            self._put(offset, ENTRY, self.native.translated)
        self.leave_to_translation(offset)

    def leave_to_translation(self, offset: PageOffset) -> None:
        """Have a block entered in its translation, unless it is to be shown first."""
        if self.entry(offset) not in (self.native.fill, self.native.come_back):
            self._put(offset, ENTRY, self.native.translated)
