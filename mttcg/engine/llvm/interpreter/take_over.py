"""Where translated code leaves an instruction, the interpreter goes on.

The block was entered there, and what is attached to come before the instruction was run.
"""

from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.interpreter.find_records import records_of
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.observed_layout import OWN
from mttcg.engine.llvm.interpreter.predecode import PREDECODE
from mttcg.engine.llvm.interpreter.shared import (
    FILL,
    TRANSLATED,
    current_block,
    is_function,
    own_handler,
)
from mttcg.engine.llvm.interpreter.signature import RUNNING, TO_PC, handler_of, tail_call
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I64, ZERO, Pointer
from mttcg.engine.llvm.places import EXIT, FRAME
from mttcg.memory.page import PAGE
from mttcg.tbcache.predecoded import RECORD_SHIFT

TAKE_OVER = "take_over"
"""The function, with the parameters of translated code; it comes back as `UNPREPARED`, and has done
nothing, if the page has no records."""


def take_over(isa: InterpretedIsa, build: Builder) -> None:
    """Run the instruction at the pc in TO_PC, in the hart's current block, and go on."""
    miss, plain, observed = (build.new_block(word) for word in ("miss", "plain", "observed"))
    ip, entry, to_pc = records_of(build, isa, TO_PC, miss)
    block = current_block(build, ip, TO_PC)
    build.branch(build.compare("eq", ip, entry), plain, observed)
    for which, find in ((plain, _plain_handler), (observed, _observed_handler)):
        build.begin(which)
        tail_call(build, find(build, ip, TO_PC), ip, RUNNING, block, to_pc)
    build.begin(miss)
    build.store(int(Reason.UNPREPARED), EXIT, COUNTER)
    build.end(returns=True)


def _records(build: Builder, ip: Pointer, pc: I64) -> tuple[Pointer, I64]:
    """A page's first record, and the offset of the pc in the page."""
    offset = build.binary("and", pc, PAGE - 1)
    back = build.binary("sub", ZERO, build.binary("shl", offset, RECORD_SHIFT))
    return build.offset(ip, back), offset


def _plain_handler(build: Builder, ip: Pointer, pc: I64) -> Pointer:
    """The instruction's handler, also where its translation is to be entered."""
    empty, known, own, other, on = (
        build.new_block(word) for word in ("empty", "known", "own", "other", "found")
    )
    build.branch(is_function(build, handler_of(build, ip), FILL), empty, known)
    build.begin(empty)
    build.run(f"@{PREDECODE}", *_records(build, ip, pc), FRAME)
    build.goto(known)
    build.begin(known)
    handler = handler_of(build, ip)
    build.branch(is_function(build, handler, TRANSLATED), own, other)
    build.begin(own)
    kept = own_handler(build, build.cast("ptrtoint", ip, I64), pc)
    build.goto(on)
    build.begin(other)
    build.goto(on)
    build.begin(on)
    return build.phi(Pointer, (kept, own), (handler, other))


def _observed_handler(build: Builder, ip: Pointer, pc: I64) -> Pointer:
    """The instruction's own handler, behind what is attached to come before it."""
    empty, known = build.new_block("unknown"), build.new_block("decoded")
    at = build.offset(ip, OWN)
    build.branch(build.compare("eq", build.load(at, UNKNOWN, I64), 0), empty, known)
    build.begin(empty)
    place = build.offset(FRAME, 8 * Word.PREDECODE_OBSERVED)
    build.run(build.load(place, COUNTER, Pointer), *_records(build, ip, pc), FRAME)
    build.goto(known)
    build.begin(known)
    return build.load(at, UNKNOWN, Pointer)
