"""Address translation of one vCPU: its rows, and the native functions, as Python uses them."""

import ctypes
import mmap
from typing import Any, NamedTuple

import numpy as np

from mttcg.engine.base import AccessRefused
from mttcg.engine.llvm.address_rows import (
    ACCESS_SHIFT,
    LOADS,
    MOST_FILLED,
    STORES,
    TranslationOutcome,
)
from mttcg.engine.llvm.frame import Word
from mttcg.instrument.native.native_functions import native_address
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import HostAddress, Physical, Virtual
from mttcg.memory.host import address_of_array, address_of_buffer, address_of_function

NUMBER = ctypes.c_uint64
WITH_ADDRESS = ctypes.CFUNCTYPE(NUMBER, *[NUMBER] * 4)
WITH_PC = ctypes.CFUNCTYPE(NUMBER, *[NUMBER] * 3)
WITH_HART = ctypes.CFUNCTYPE(NUMBER, *[NUMBER] * 2)
FUNCTIONS = {
    Word.TRANSLATE: "translate",
    Word.FETCH_PAGE: "fetch",
    Word.FETCH_HALF: "fetch_half",
    Word.CHECK_FETCH: "check_fetch",
    Word.FOLLOW_CONTEXT: "follow",
    Word.FENCE: "fence",
    Word.FENCE_ADDRESS: "fence_address",
    Word.SERVE_FENCES: "serve",
}
FAULTS = {
    (LOADS, TranslationOutcome.PAGE_FAULT): MemoryFault.LOAD_PAGE,
    (LOADS, TranslationOutcome.ACCESS_FAULT): MemoryFault.LOAD,
    (STORES, TranslationOutcome.PAGE_FAULT): MemoryFault.STORE_PAGE,
    (STORES, TranslationOutcome.ACCESS_FAULT): MemoryFault.STORE,
}


class NativeTranslation(NamedTuple):
    """What an ISA has for address translation.

    Attributes:
        module: name of the module with the C functions, see FUNCTIONS.
        table_bytes: of all tables of rows.
    """

    module: str
    table_bytes: int


class AddressTranslation:
    """Translates natively what Python asks about, and keeps the frame's words.

    Args:
        native: what the ISA has.
        hart: where the hart's state is.
        frame: of the vCPU's native code, with what it has of RAM.
        ram: where RAM is mapped.
    """

    def __init__(
        self,
        native: NativeTranslation,
        hart: HostAddress,
        frame: "np.ndarray[Any, np.dtype[np.uint64]]",
        ram: HostAddress,
    ) -> None:
        self.hart, self.frame, self.address = hart, frame, address_of_array(frame)
        self.tables = mmap.mmap(-1, native.table_bytes, mmap.MAP_PRIVATE)
        self.filled = np.zeros(MOST_FILLED, dtype=np.uint64)
        found = {word: native_address(native.module, name) for word, name in FUNCTIONS.items()}
        for word, address in found.items():
            frame[word] = address
        frame[Word.TABLES] = address_of_buffer(memoryview(self.tables))
        frame[Word.FILLED] = address_of_array(self.filled)
        frame[Word.RAM_HOST] = ram
        frame[Word.CLEAR] = address_of_function(ctypes.CDLL(None).memset)
        frame[Word.LARGE_LOW] = (1 << 64) - 1
        self._translate = WITH_ADDRESS(found[Word.TRANSLATE])
        self._fetch = WITH_PC(found[Word.FETCH_PAGE])
        self._follow, self._serve = (
            WITH_HART(found[word]) for word in (Word.FOLLOW_CONTEXT, Word.SERVE_FENCES)
        )
        self._protect = WITH_HART(native_address(native.module, "protect"))
        self._splits = WITH_PC(native_address(native.module, "splits_code"))
        self.is_current = False

    def enter(self) -> bool:
        """Be ready to run guest code; False if the host has to do more for fences first."""
        if not self.is_current:
            self.drop()
            self.is_current = True
        if self._serve(self.hart, self.address):
            return False
        self._follow(self.hart, self.address)
        return True

    def drop(self) -> None:
        """Drop all that is kept of translations and of protection."""
        self._protect(self.hart, self.address)

    def fence_address(self, address: Virtual) -> None:
        """Drop what is kept of the translation of an address."""
        WITH_HART(int(self.frame[Word.FENCE_ADDRESS]))(self.address, address)

    @property
    def is_translating(self) -> bool:
        """Whether the pc was looked for in rows when native code was left."""
        return not int(self.frame[Word.FETCH_BYTES])

    def translate(self, address: Virtual, size: int, stores: bool) -> Physical | AccessRefused:
        """The physical address for an access within a page, as the hart is now."""
        self.enter()
        kind = STORES if stores else LOADS
        what = size | kind << ACCESS_SHIFT
        outcome = TranslationOutcome(self._translate(self.hart, self.address, address, what))
        if outcome in (TranslationOutcome.RAM, TranslationOutcome.DEVICE):
            return Physical(int(self.frame[Word.PHYSICAL]))
        return AccessRefused(FAULTS[kind, outcome], Virtual(int(self.frame[Word.EXIT_DETAIL])))

    def splits_code(self, address: Physical) -> bool:
        """Whether of the page of an address some may be fetched, and some not, by protection."""
        return bool(self._splits(self.hart, self.address, address))

    def fetch(self, pc: Virtual) -> Physical | AccessRefused:
        """Where code at a pc is; its page has a row then, if the vCPU has entered it."""
        outcome = TranslationOutcome(self._fetch(self.hart, self.address, pc))
        if outcome in (TranslationOutcome.RAM, TranslationOutcome.MISS):
            return Physical(int(self.frame[Word.PHYSICAL]))
        is_page = outcome is TranslationOutcome.PAGE_FAULT
        return AccessRefused(MemoryFault.FETCH_PAGE if is_page else MemoryFault.FETCH, pc)
