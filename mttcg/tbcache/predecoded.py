"""Predecoded pages: code as an interpreter takes it, in a segment that all vCPUs share.

A page's version has a record for each place at which an instruction may begin, 16 bytes: the host
address of its handler, which is the same in all processes, then the numbers of up to four
registers, a byte each, and 32 bits for an immediate. An interpreter fills them as it comes to them.
A record's operands are written before its handler, so whoever sees the one sees the others.
Behind a page's records stand the handlers of those that say that a translation is to be entered.
"""

import numpy as np

from mttcg.memory.address import HostAddress
from mttcg.memory.code_pages import HALVES, SLOTS
from mttcg.memory.host import address_of_buffer
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.changes import InterpretedPages, JumpsOfVersions

RECORD_BYTES = 16
RECORD_WORDS = RECORD_BYTES // 8
RECORD_SHIFT = 3
"""From a distance in code to one in records."""
OPERANDS = 8
"""Byte offset of the operands."""
PLACES = {"rd": 8, "rs1": 9, "rs2": 10, "rs3": 11, "immediate": 12}
"""Byte offset of each operand."""
BEHIND = 2
"""Records behind a page's: what comes after its last instruction, which may straddle its end."""
PAGE_RECORDS = HALVES + BEHIND
GENERATION_BYTES = -(-4 * SLOTS // PAGE) * PAGE
OWN_HANDLERS = PAGE_RECORDS * RECORD_BYTES
"""Byte offset, from a page's first record, of the handlers of instructions whose records have
another: 8 bytes each, by place."""
OWN_HANDLER_SHIFT = 2
"""From a distance in code to one in these."""
HANDLERS_AT = OWN_HANDLERS + HALVES * 8
"""Byte offset of the host address of the page's handlers, by number."""
SLOT_AT = HANDLERS_AT + 8
"""Byte offset of the number of the slot that has its content."""
KNOWN_AT = SLOT_AT + 8
"""Byte offset of what is known of each instruction that has a record, a byte each, by place."""
ENDS_BLOCK = 0x80
"""Set in that byte if the instruction ends its block; the rest is its length."""
PAGE_BYTES = KNOWN_AT + HALVES
PREDECODED_BYTES = GENERATION_BYTES + SLOTS * PAGE_BYTES
"""Of the segment, which is sparse."""


NO_HANDLER = HostAddress(0)


class PredecodedPages:
    """The records of all slots of a block cache.

    Args:
        segment: mapped, PREDECODED_BYTES of it.
        cache: whose slots they are.
        handlers: host address of the handlers that predecoding finds by number.
        empty: handler of a place of which there is no record yet.
        behind: handler of what lies behind a page.
        straddling: handler of an instruction that goes over the page's end, which keeps its own
            where replaced ones are kept; 0 if there is none.
    """

    def __init__(
        self,
        segment: memoryview,
        cache: BlockCache,
        handlers: HostAddress,
        empty: HostAddress,
        behind: HostAddress,
        straddling: HostAddress = NO_HANDLER,
    ) -> None:
        self.straddling = straddling
        self.cache, self.handlers, self.empty, self.behind = cache, handlers, empty, behind
        self.generations = segment[: 4 * SLOTS].cast("I")
        self.words = segment[GENERATION_BYTES:PREDECODED_BYTES].cast("Q")
        self.start = address_of_buffer(segment)
        self.blank = bytearray().join(
            (handler.to_bytes(8, "little") + bytes(8)) * count
            for handler, count in ((empty, HALVES), (behind, BEHIND))
        )

    def enter(self, slot: int) -> int:
        """Make a slot's records those of its content; their distance from the segment's start."""
        generation = int(self.cache.slots["generation"][slot])
        if self.generations[slot] != generation:
            with self.cache.lock:
                if self.generations[slot] != generation:
                    first = self._word(slot, 0)
                    size = PAGE_RECORDS * RECORD_WORDS
                    self.words[first : first + size] = memoryview(self.blank).cast("Q")
                    self.words[first + HANDLERS_AT // 8] = self.handlers
                    self.words[first + SLOT_AT // 8] = slot
                    self.generations[slot] = generation
        return GENERATION_BYTES + 8 * self._word(slot, 0)

    def for_native(self, table: HostAddress, jumps: JumpsOfVersions) -> InterpretedPages:
        """What native code has to know to do as `enter` does; for the rest see InterpretedPages."""
        blank = address_of_buffer(memoryview(self.blank))
        return InterpretedPages(table, jumps, self.start, blank, self.handlers)

    def _word(self, slot: int, offset: int) -> int:
        return slot * PAGE_BYTES // 8 + offset // 2 * RECORD_WORDS

    def handler(self, slot: int, offset: int) -> int:
        """The handler at an offset in a page."""
        return self.words[self._word(slot, offset)]

    def decoded(self, slot: int) -> list[int]:
        """Offsets, in bytes, of which there is a record."""
        first = self._word(slot, 0)
        handlers = np.frombuffer(self.words[first : first + HALVES * RECORD_WORDS], np.uint64)
        halves = np.flatnonzero(handlers[::RECORD_WORDS] != self.empty)
        return (2 * halves).tolist()

    def replace_handler(self, slot: int, offset: int, handler: int) -> None:
        """Give a record another handler, and keep the instruction's own."""
        at = self._word(slot, offset)
        if self.words[at] not in (handler, self.empty, self.straddling):
            self.words[self._own_handler(slot, offset)] = self.words[at]
            self.words[at] = handler

    def restore_handler(self, slot: int, offset: int) -> None:
        """Give a record its instruction's own handler again."""
        self.words[self._word(slot, offset)] = self.words[self._own_handler(slot, offset)]

    def _own_handler(self, slot: int, offset: int) -> int:
        return self._word(slot, 0) + OWN_HANDLERS // 8 + offset // 2
