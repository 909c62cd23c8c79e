"""Where code is, by pc: a table that a vCPU's native code reads at each jump from page to page."""

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNLIKELY
from mttcg.engine.llvm.ir.values import I64, BasicBlock, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.memory.address import (
    HostAddress,
    PhysicalPage,
    Virtual,
    offset_in_page,
    physical_of,
)
from mttcg.memory.code_pages import HALVES
from mttcg.memory.host import address_of_array
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.memory.ram import RamRange

WITHIN = 1
"""Set in a pc that lies in the middle of a block that was entered, and counted, before. Addresses
of instructions are even, so the bit is free."""
ROW_SHIFT = 2
"""From a distance in code to one in a page's row."""
WITHIN_BYTES = 8 * HALVES
"""From an entry of a row to that of code that goes on there, within a block."""


class JumpTable:
    """Translated code that this vCPU knows, for each page of RAM and each place in it.

    It is private to the vCPU, since what is attached to a page is. Python writes it while no native
    code of this vCPU runs.

    Args:
        ram: where the guest's RAM is.

    Attributes:
        pages: for each page of RAM, the host address of its row; a row has the host address of the
            code of each place, 0 if none is known, and behind them those for `WITHIN`.
    """

    def __init__(self, ram: RamRange) -> None:
        self.ram = ram
        self.nothing = _row()
        count = -(-ram.size // PAGE)
        self.pages = np.full(count, address_of_array(self.nothing), dtype=np.uint64)
        self.rows: dict[PhysicalPage, npt.NDArray[np.uint64]] = {}

    def clear(self) -> None:
        """Forget all."""
        for page in self.rows:
            self.pages[page] = address_of_array(self.nothing)
        self.rows.clear()

    def put(self, pc: Virtual, code: HostAddress) -> None:
        """Add a pc, or replace its code."""
        page = self.ram.page_of(physical_of(Virtual(pc & ~WITHIN)))
        row = self.rows.get(page)
        if row is None:
            row = self.rows[page] = _row()
            self.pages[page] = address_of_array(row)
        row[offset_in_page(pc) // 2 + (pc & WITHIN) * HALVES] = code


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
    pages = build.load(build.offset(FRAME, 8 * Word.JUMPS), COUNTER, Pointer)
    page = build.binary("shl", build.binary("lshr", distance, PAGE_SHIFT), 3)
    row = build.load(build.offset(pages, page), COUNTER, Pointer)
    place = build.binary("shl", build.binary("and", pc, PAGE - 1), ROW_SHIFT)
    code = build.load(build.offset(row, place), COUNTER, Pointer)
    known = build.compare("ne", build.cast("ptrtoint", code, I64), 0)
    build.branch(known, found, otherwise, UNLIKELY)
    build.begin(found)
    return code
