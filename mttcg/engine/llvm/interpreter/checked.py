"""Instructions of a page in which some can be fetched and some can't, as protection splits it.

A row is for a whole page, so that of such a page says nothing. Its records are the vCPU's own, and
each has this in the place of its handler.
"""

from collections.abc import Callable

from mttcg.engine.llvm.address_rows import TranslationOutcome
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.interpreter.observed_layout import EXTENT, INSTRUCTIONS_BITS, LENGTH_BITS
from mttcg.engine.llvm.interpreter.straddle import LAST_HALF, STRADDLE
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I32, I64, Pointer
from mttcg.engine.llvm.places import FRAME, HART
from mttcg.engine.llvm.signature import BLOCK, IP, LEAVE, RUNNING, pc_at, tail_call
from mttcg.memory.page import PAGE

CHECKED_HANDLER = "checked"


def check(build: Builder, own: Callable[[Builder], Pointer]) -> None:
    """Run the instruction's own handler if it can be fetched; else trap.

    own: gives that handler, but for an instruction that goes over the page's end.
    """
    run, page, refused = (build.new_block(word) for word in ("run", "page", "refused"))
    pc = pc_at(build, IP)
    extent = build.cast("zext", build.load(build.offset(IP, EXTENT), UNKNOWN, I32), I64)
    length = build.binary("lshr", extent, INSTRUCTIONS_BITS)
    length = build.binary("and", length, (1 << LENGTH_BITS) - 1)
    function = build.load(build.offset(FRAME, 8 * Word.CHECK_FETCH), COUNTER, Pointer)
    outcome = build.call(I64, function, HART, FRAME, pc, length)
    ways = {TranslationOutcome.PAGE_FAULT: page, TranslationOutcome.ACCESS_FAULT: refused}
    build.switch(outcome, run, {int(number): block for number, block in ways.items()})
    for block, reason in ((page, Reason.FETCH_PAGE_FAULT), (refused, Reason.FETCH_FAULT)):
        build.begin(block)
        tail_call(build, f"{LEAVE}_{reason.name}", IP, RUNNING, BLOCK)
    build.begin(run)
    last = build.compare("eq", build.binary("and", pc, PAGE - 1), LAST_HALF)
    straddles = build.binary("and", last, build.compare("ugt", length, 2))
    handler = build.select(straddles, Pointer(f"@{STRADDLE}"), own(build), Pointer)
    tail_call(build, handler, IP, RUNNING, BLOCK)
