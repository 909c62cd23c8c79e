"""The native interpreter as one vCPU uses it."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.decoding import decoding_table
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa, interpreted_isa
from mttcg.engine.llvm.interpreter.native import InterpreterFunctions, load
from mttcg.engine.llvm.interpreter.plain_ram import ram_words
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.weave import Sites
from mttcg.isa.base import Isa
from mttcg.memory.address import HostAddress, PhysicalPage
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.predecoded import PredecodedPages


def make_interpreter(
    isa: Isa,
    segment: memoryview,
    cache: BlockCache,
    ram: Ram,
    frame: "np.ndarray[Any, np.dtype[np.uint64]]",
    uncovered: frozenset[str],
) -> "PageInterpreter":
    """The interpreter of one vCPU; see PageInterpreter."""
    interpreted = interpreted_isa(isa)
    return PageInterpreter(interpreted, load(interpreted), segment, cache, ram, frame, uncovered)


class PageInterpreter:
    """Has pages run by the interpreter.

    Args:
        isa: the guest's.
        native: its handlers.
        segment: for predecoded pages, mapped.
        cache: the block cache, for the pages and their versions.
        ram: guest RAM.
        frame: of the vCPU's translated code.
        uncovered: names of instructions to come back for, as if the table lacked them.
    """

    def __init__(
        self,
        isa: InterpretedIsa,
        native: InterpreterFunctions,
        segment: memoryview,
        cache: BlockCache,
        ram: Ram,
        frame: "np.ndarray[Any, np.dtype[np.uint64]]",
        uncovered: frozenset[str] = frozenset(),
    ) -> None:
        self.native, self.start = native, address_of_buffer(segment)
        self.pages = PredecodedPages(segment, cache, native.handlers, native.fill, native.next_page)
        self.decoding = np.frombuffer(decoding_table(isa, uncovered) if uncovered else b"", "u1")
        self.table = np.zeros(len(cache.newest), dtype=np.uint64)
        arrays = {
            Word.PAGES: self.table,
            Word.CODE: cache.original,
            Word.SLOTS: cache.slots,
            Word.MET: cache.met,
        }
        for word, array in arrays.items():
            frame[word] = address_of_array(array)
        frame[Word.DECODING] = address_of_array(self.decoding) if uncovered else native.decoding
        frame[Word.ENTER] = native.enter
        for word, value in ram_words(ram).items():
            frame[word] = value

    def can_run(self, sites: Sites) -> bool:
        """Whether it can run code with what is attached there: nothing may be, for now."""
        return not sites.rows()

    def enter(self, page: PhysicalPage, slot: int, offset: int) -> HostAddress:
        """Code that begins a block at an offset in a page."""
        self._prepare(page, slot)
        if self.pages.handler(slot, offset) == self.native.translated:
            self.pages.restore_handler(slot, offset)  # its code is gone
        return self.native.enter

    def resume(self, page: PhysicalPage, slot: int) -> HostAddress:
        """Code that goes on with the current block in a page, at the hart's pc."""
        self._prepare(page, slot)
        return self.native.resume

    def _prepare(self, page: PhysicalPage, slot: int) -> None:
        self.table[page] = self.start + self.pages.enter(slot)

    def leave_to_translation(self, slot: int, offsets: Iterable[int]) -> None:
        """Have blocks at some offsets of a page entered in their translation."""
        for offset in offsets:
            self.pages.replace_handler(slot, offset, self.native.translated)

    def forget_pages(self) -> None:
        """Come back for every page: another version may be fetched, or something be attached."""
        self.table[:] = 0
