"""Where code is, by pc: a table that a vCPU's native code reads at each jump from page to page."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.address_rows import INTO_TABLE
from mttcg.engine.llvm.fetch_rows import row_of_fetches
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, UNLIKELY
from mttcg.engine.llvm.ir.values import I64, BasicBlock, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.memory.address import HostAddress, PageOffset, PhysicalPage
from mttcg.memory.code_pages import HALVES, SLOTS
from mttcg.memory.host import address_of_array
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.changes import JumpsOfVersions

ROW_SHIFT = 2
"""From a distance in code to one in a page's row."""
TRANSLATED_BYTES = 8 * HALVES
"""From an entry of a row to that of code for translated addresses."""


class JumpTable:
    """Translated code that this vCPU knows, for each page of RAM and each place in it.

    It is private to the vCPU, since what is attached to a page is. Python writes it while no native
    code of this vCPU runs; native code only has a page use the row of another version.

    Args:
        cache: the block cache, for the pages and their versions.

    Attributes:
        pages: for each page of RAM, the host address of its row; a row has the host address of the
            code of each place, 0 if none is known, and behind them those of code for translated
            addresses.
        versions: where the rows of versions are, by slot.
        rows_of: the slots with a row, by the page that they had a version of.
    """

    def __init__(self, cache: BlockCache) -> None:
        self.cache = cache
        self.nothing = _row()
        empty = address_of_array(self.nothing)
        self.pages = np.full(cache.ram_range.pages, empty, dtype=np.uint64)
        self.slots = np.full(SLOTS, empty, dtype=np.uint64)
        self.generations = np.zeros(SLOTS, dtype=np.uint32)
        self.rows: dict[int, npt.NDArray[np.uint64]] = {}
        self.rows_of: dict[PhysicalPage, set[int]] = {}
        self.shapes: dict[PhysicalPage, int] = {}
        tables = (self.pages, self.slots, self.generations, self.nothing)
        self.versions = JumpsOfVersions(*(address_of_array(table) for table in tables))

    def clear(self) -> None:
        """Forget all."""
        empty = address_of_array(self.nothing)
        for slot in self.rows:
            self.slots[slot] = self.pages[self.cache.page_in(slot)] = empty
        self.rows.clear()
        self.rows_of.clear()
        self.shapes.clear()

    def drop(self, slot: int) -> None:
        """Forget the code of a version, to look for it anew."""
        if slot in self.rows:
            page, empty = self.cache.page_in(slot), address_of_array(self.nothing)
            if self.pages[page] == self.slots[slot]:
                self.pages[page] = empty
            self.slots[slot] = empty
            del self.rows[slot]
            self.rows_of.get(page, set()).discard(slot)

    def forget(
        self, page: PhysicalPage, is_gone: Callable[[HostAddress], bool] = lambda code: True
    ) -> None:
        """Forget the code of a page, in all versions.

        is_gone: whether code for plain addresses of the version in use is to be forgotten.
        """
        used = self.cache.used.get(page)
        for slot in self._slots_of(page):
            row = self.rows[slot]
            row[HALVES:] = 0
            if slot != used:
                row[:] = 0
            for place in np.flatnonzero(row).tolist():
                if is_gone(HostAddress(int(row[place]))):
                    row[place] = 0

    def put(
        self, page: PhysicalPage, offset: PageOffset, code: HostAddress, translated: bool
    ) -> None:
        """Add a place in a page that is fetched from, or replace its code.

        translated: whether it is for translated addresses.
        """
        self._own_row(page)[offset // 2 + translated * HALVES] = code

    def put_all(self, page: PhysicalPage, codes: npt.NDArray[np.uint64], translated: bool) -> None:
        """Add the code of all places of a page that have some; 0 for the others."""
        row = self._own_row(page)[translated * HALVES :][:HALVES]
        np.copyto(row, codes, where=codes != 0)

    def _own_row(self, page: PhysicalPage) -> npt.NDArray[np.uint64]:
        """The row of a page that is fetched from; made if there is none."""
        slot = self.cache.used[page]
        if slot not in self.rows or not self._is_current(slot):
            self.rows[slot] = _row()
            self.rows_of.setdefault(page, set()).add(slot)
            self.slots[slot] = address_of_array(self.rows[slot])
            self.generations[slot] = self.cache.slots["generation"][slot]
        self.pages[page] = self.slots[slot]
        return self.rows[slot]

    def hold(self, page: PhysicalPage, shape: int) -> None:
        """Have no code for translated addresses in a page, in any version, but such with a shape.

        What is attached may depend on the address at which the hart sees the page, by which jumps
        do not ask.
        """
        if self.shapes.get(page) != shape:
            for slot in self._slots_of(page):
                self.rows[slot][HALVES:] = 0
        self.shapes[page] = shape

    def _slots_of(self, page: PhysicalPage) -> list[int]:
        """The versions of a page that have a row."""
        known = self.rows_of.get(page, ())
        # a slot may have been given to another page meanwhile
        return [slot for slot in known if slot in self.rows and self.cache.page_in(slot) == page]

    def follow(self, page: PhysicalPage) -> None:
        """Have a page use the row of the version that it is fetched from now, if from any."""
        slot = self.cache.used.get(page)
        known = slot is not None and self._is_current(slot)
        self.pages[page] = self.slots[slot] if known else address_of_array(self.nothing)

    def _is_current(self, slot: int) -> bool:
        return bool(self.generations[slot] == self.cache.slots["generation"][slot])


def _row() -> npt.NDArray[np.uint64]:
    return np.zeros(2 * HALVES, dtype=np.uint64)


def find_code(
    build: Builder, pc: I64, ram: I64 | int, size: I64 | int, otherwise: BasicBlock
) -> Pointer:
    """The code of a block at a pc, in `inside` and `found`; `otherwise` if none is known.

    ram, size: where RAM is, and its bytes.
    """
    inside, found = build.new_block("inside"), build.new_block("found")
    distance = build.binary("sub", pc, ram)
    build.branch(build.compare("ult", distance, size), inside, otherwise, UNLIKELY)
    build.begin(inside)
    into_table = build.binary("shl", build.binary("lshr", distance, PAGE_SHIFT), 3)
    return _known_code(build, pc, into_table, 0, found, otherwise)


def find_translated_code(
    build: Builder, pc: I64, unseen: BasicBlock, otherwise: BasicBlock
) -> Pointer:
    """The same for translated addresses; `unseen` if the page has no row of fetches."""
    inside, found = build.new_block("inside"), build.new_block("found")
    row = row_of_fetches(build, pc, inside, unseen)
    into_table = build.load(build.offset(row, INTO_TABLE), UNKNOWN, I64)
    return _known_code(build, pc, into_table, TRANSLATED_BYTES, found, otherwise)


def _known_code(
    build: Builder,
    pc: I64,
    into_table: I64,
    into_row: int,
    found: BasicBlock,
    otherwise: BasicBlock,
) -> Pointer:
    pages = build.load(build.offset(FRAME, 8 * Word.JUMPS), COUNTER, Pointer)
    row = build.load(build.offset(pages, into_table), COUNTER, Pointer)
    place = build.binary("shl", build.binary("and", pc, PAGE - 1), ROW_SHIFT)
    if into_row:
        row = build.offset(row, into_row)
    code = build.load(build.offset(row, place), COUNTER, Pointer)
    known = build.compare("ne", build.cast("ptrtoint", code, I64), 0)
    build.branch(known, found, otherwise, UNLIKELY)
    build.begin(found)
    return code
