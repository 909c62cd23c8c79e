"""Which version of each code page Unicorn fetches, and what is known of those versions."""

from typing import Any

import numpy as np

from mttcg.engine.unicorn.frame import PIECE
from mttcg.engine.unicorn.library import flush_tlb
from mttcg.memory.address import PhysicalPage, Virtual, offset_in_page, physical_of
from mttcg.memory.code_pages import HALVES, SLOTS
from mttcg.memory.ram import RamRange
from mttcg.tbcache.cache import BlockCache


class FetchedPages:
    """The pages that Unicorn fetches from slots of the block cache, and the pieces of each slot.

    Args:
        engine: the `unicorn.Uc`.
        cache: where the versions are.
        ram_range: where the guest has its RAM.

    Attributes:
        known: blocks that were discovered, as (slot, pc); those of a slot that is used for
            another version are taken out.
        changed: whether a page has been changed, so that translations exist which can't be
            dropped by address.
        clean: blocks that were translated since their last instruction is left to the host.
    """

    def __init__(self, engine: Any, cache: BlockCache, ram_range: RamRange) -> None:
        self.engine, self.cache, self.ram_range = engine, cache, ram_range
        self.known: set[tuple[int, Virtual]] = set()
        self.slots = np.zeros(ram_range.pages, dtype=np.uint32)
        self.entries = np.zeros(ram_range.pages, dtype=np.uint64)
        self.pieces = np.zeros((SLOTS, HALVES), dtype=PIECE)
        self.clean: set[tuple[int, Virtual]] = set()
        self.generation: dict[int, int] = {}
        self.changed = False

    def enter(self, address: Virtual) -> bool:
        """Fetch the page of an address; False if that is not in RAM."""
        page = self.cache.page_of(physical_of(address))
        if not self.ram_range.has_page(page):
            return False
        self.fetch(page)
        return True

    def fetch(self, page: PhysicalPage) -> None:
        """Fetch a page as it is in RAM now."""
        slot, recycled = self.cache.enter_page(page)
        self.use(page, slot, recycled)

    def use(self, page: PhysicalPage, slot: int, recycled: bool = False) -> None:
        """Fetch a page from a slot, which may have had other content the last time."""
        self.slots[page] = slot + 1
        self.entries[page] = self.pieces[slot].ctypes.data
        generation = int(self.cache.slots["generation"][slot])
        if recycled or self.generation.setdefault(slot, generation) != generation:
            self.generation[slot] = generation
            self.pieces[slot] = 0
            for seen in (self.known, self.clean):
                seen -= {place for place in seen if place[0] == slot}
            self.engine.ctl_flush_tb()

    def fetch_again(self) -> int:
        """Look at every code page anew; the number of blocks that were dropped."""
        dropped = 0
        changed = self.cache.changed_pages()
        for page in changed:
            dropped += len(self.cache.known_blocks(self.cache.used[page]))
            self.fetch(page)
        if changed:
            self.forget_addresses()
        return dropped

    def forget_addresses(self) -> None:
        """Other physical pages are behind the same addresses now.

        Translations of the old versions stay, unreachable, until those versions come back.
        """
        self.changed = True
        flush_tlb(self.engine)

    def word_at(self, pc: Virtual) -> int:
        """The instruction at pc, 16 or 32 bits, as this vCPU fetches it."""
        page = self.cache.page_of(physical_of(pc))
        return self.cache.word_at(page, self.cache.used[page], offset_in_page(pc))

    def instructions(self, begin: Virtual, end: Virtual) -> int:
        """How many instructions there are from one address of a page to another."""
        page, count = self.cache.page_of(physical_of(begin)), 0
        slot, at = self.cache.used[page], int(offset_in_page(begin))
        last = at + end - begin
        while at < last:
            at += self.cache.code.length(self.cache.half_at(page, slot, at))
            count += 1
        return count
