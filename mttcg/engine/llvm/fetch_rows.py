"""How native code finds the row of fetches of a pc, see `address_rows`."""

from mttcg.engine.llvm.address_rows import FETCH_MASK, FETCH_SHIFT, TAG
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, UNLIKELY
from mttcg.engine.llvm.ir.values import I64, BasicBlock, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.memory.page import PAGE


def row_of_fetches(build: Builder, pc: I64, found: BasicBlock, otherwise: BasicBlock) -> Pointer:
    """The row of a pc in the hart's context, in `found`; `otherwise` if there is none."""
    rows = build.load(build.offset(FRAME, 8 * Word.FETCH_ROWS), COUNTER, Pointer)
    distance = build.binary("and", build.binary("lshr", pc, FETCH_SHIFT), FETCH_MASK)
    row = build.offset(rows, distance)
    tag = build.load(build.offset(row, TAG), UNKNOWN, I64)
    same = build.compare("eq", tag, build.binary("or", pc, PAGE - 1))
    build.branch(same, found, otherwise, UNLIKELY)
    build.begin(found)
    return row
