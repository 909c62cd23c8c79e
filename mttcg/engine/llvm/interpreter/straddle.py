"""An instruction that goes over the end of its page, where the next page is another one in RAM.

A version of a page has with it the half that the next page of RAM has. Where the pc is translated,
what follows the page may be elsewhere: it is looked at each time, and if it is something else the
host fetches the page in a version with that.
"""

from collections.abc import Callable

from mttcg.engine.llvm.address_rows import TranslationOutcome
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.interpreter.find_records import is_translated
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I32, I64, Pointer
from mttcg.engine.llvm.places import DETAIL, FRAME, HART
from mttcg.engine.llvm.signature import (
    BLOCK,
    IP,
    LEAVE,
    RUNNING,
    frame_pointer,
    frame_word,
    pc_at,
    tail_call,
)
from mttcg.memory.page import PAGE
from mttcg.tbcache.layout import SLOT, TAIL_AT
from mttcg.tbcache.predecoded import RECORD_SHIFT, SLOT_AT

STRADDLE = "straddle"
"""The function that stands in for the handler of such an instruction."""
LAST_HALF = PAGE - 2


def straddle(build: Builder, own: Callable[[Builder], Pointer]) -> None:
    """Run the instruction's own handler if its end is as was predecoded; else come back, or trap.

    own: gives that handler.
    """
    look, run, same, other = (build.new_block(word) for word in ("look", "run", "same", "other"))
    page, refused = build.new_block("page"), build.new_block("refused")
    build.branch(is_translated(build), look, run)
    build.begin(look)
    behind = build.binary("add", pc_at(build, IP), 2)
    function = build.load(build.offset(FRAME, 8 * Word.FETCH_HALF), COUNTER, Pointer)
    outcome = build.call(I64, function, HART, FRAME, behind)
    ways = {TranslationOutcome.PAGE_FAULT: page, TranslationOutcome.ACCESS_FAULT: refused}
    build.switch(outcome, same, {int(number): block for number, block in ways.items()})
    reasons = {page: Reason.FETCH_PAGE_FAULT, refused: Reason.FETCH_FAULT}
    for block, reason in reasons.items():
        build.begin(block)
        build.store(behind, DETAIL, UNKNOWN)
        tail_call(build, f"{LEAVE}_{reason.name}", IP, RUNNING, BLOCK)
    build.begin(same)
    found = frame_word(build, Word.FETCHED_HALF)
    build.branch(build.compare("eq", found, _predecoded_half(build)), run, other)
    build.begin(run)
    tail_call(build, own(build), IP, RUNNING, BLOCK)
    build.begin(other)
    # the block was entered, and told of: it goes on in the other version, and is not entered again
    build.store(1, build.offset(FRAME, 8 * Word.OTHER_HALF), COUNTER)
    build.store(frame_word(build, Word.RESUME), DETAIL, UNKNOWN)
    tail_call(build, f"{LEAVE}_{Reason.UNPREPARED.name}", IP, RUNNING, BLOCK)


def _predecoded_half(build: Builder) -> I64:
    """The half that the page's version has."""
    back = build.offset(IP, -(LAST_HALF << RECORD_SHIFT))
    slot = build.load(build.offset(back, SLOT_AT), UNKNOWN, I64)
    rows = build.offset(frame_pointer(build, Word.SLOTS), build.binary("mul", slot, SLOT.itemsize))
    return build.cast("zext", build.load(build.offset(rows, TAIL_AT), UNKNOWN, I32), I64)
