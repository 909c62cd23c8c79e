"""The interpreter goes on in the middle of a block, which was counted as entered.

`TAKE_OVER` runs the instruction that translated code leaves, for which what is attached to come
before it was run. `RESUME` begins with that: it goes on behind an instruction that the host ran, or
where translated code ends within a block. Both have the parameters of translated code, and come
back as `UNPREPARED` if the page has no records, with what is to be called when it has.
"""

from collections.abc import Callable

from mttcg.engine.llvm.counts import publish_counts
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.interpreter.find_records import records_of
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.observed_layout import ENTRY, OWN
from mttcg.engine.llvm.interpreter.predecode import PREDECODE
from mttcg.engine.llvm.interpreter.shared import (
    FILL,
    TRANSLATED,
    is_function,
    own_handler,
)
from mttcg.engine.llvm.interpreter.turns import TURN_OVER, is_exact, left_of_turn, limit
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I64, ZERO, Pointer
from mttcg.engine.llvm.places import BLOCK_PC, COUNT, DETAIL, EXIT, FRAME, PC
from mttcg.engine.llvm.signature import RUNNING, TO_PC, handler_of, tail_call
from mttcg.memory.page import PAGE
from mttcg.tbcache.predecoded import RECORD_SHIFT

TAKE_OVER, RESUME = "take_over", "resume"
Find = Callable[[Builder, Pointer, I64], Pointer]
"""Emits which handler an observed page has for an instruction."""


def take_over(isa: InterpretedIsa, build: Builder) -> None:
    """Run the instruction at the pc in TO_PC, in the hart's current block, and go on."""
    _go_on(build, isa, TAKE_OVER, _own_handler)


def resume(isa: InterpretedIsa, build: Builder) -> None:
    """Go on at the pc in TO_PC in the hart's current block."""
    _go_on(build, isa, RESUME, _observed_handler)


def _go_on(build: Builder, isa: InterpretedIsa, name: str, find_observed: Find) -> None:
    miss, plain, observed = (build.new_block(word) for word in ("miss", "plain", "observed"))
    ip, entry, to_pc = records_of(build, isa, TO_PC, miss)
    block = _current_block(build, ip, TO_PC)
    _limit_to_turn(build, (ip, entry, to_pc), block)
    is_observed = build.compare("eq", build.offset(ip, ENTRY), entry)
    build.branch(is_observed, observed, plain)
    for which, find in ((plain, _plain_handler), (observed, find_observed)):
        build.begin(which)
        tail_call(build, find(build, ip, TO_PC), ip, RUNNING, block, to_pc)
    build.begin(miss)
    build.store(int(Reason.UNPREPARED), EXIT, COUNTER)
    build.store(build.cast("ptrtoint", Pointer(f"@{name}"), I64), DETAIL, UNKNOWN)
    build.store(TO_PC, PC, COUNTER)
    build.store(RUNNING, COUNT, COUNTER)
    publish_counts(build)
    build.end(returns=True)


def _limit_to_turn(build: Builder, found: tuple[Pointer, Pointer, I64], block: I64) -> None:
    """Where a hart runs the last instructions of its turn, have it stop behind them."""
    ip, entry, to_pc = found
    exactly, stop, some, on = (
        build.new_block(word) for word in ("exactly", "stop_here", "some", "goes_on")
    )
    build.branch(is_exact(build), exactly, on)
    build.begin(exactly)
    left = left_of_turn(build, RUNNING)
    build.branch(build.compare("sgt", left, 0), some, stop)
    build.begin(stop)
    tail_call(build, TURN_OVER, ip, RUNNING, block, to_pc)
    build.begin(some)
    limit(build, ip, entry, TO_PC, left)
    build.goto(on)
    build.begin(on)


def _current_block(build: Builder, ip: Pointer, pc: I64) -> I64:
    """The record of the hart's current block, in which the record of a pc is."""
    passed = build.binary("sub", pc, build.load(BLOCK_PC, COUNTER, I64))
    back = build.binary("shl", passed, RECORD_SHIFT)
    return build.binary("sub", build.cast("ptrtoint", ip, I64), back)


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


def _own_handler(build: Builder, ip: Pointer, pc: I64) -> Pointer:
    """The instruction's own handler, behind what is attached to come before it."""
    _predecode_observed(build, ip, pc)
    return build.load(build.offset(ip, OWN), UNKNOWN, Pointer)


def _observed_handler(build: Builder, ip: Pointer, pc: I64) -> Pointer:
    """What is attached to come before the instruction, and then its own handler."""
    _predecode_observed(build, ip, pc)
    return handler_of(build, ip)


def _predecode_observed(build: Builder, ip: Pointer, pc: I64) -> None:
    empty, known = build.new_block("unknown"), build.new_block("decoded")
    own = build.load(build.offset(ip, OWN), UNKNOWN, I64)
    build.branch(build.compare("eq", own, 0), empty, known)
    build.begin(empty)
    place = build.offset(FRAME, 8 * Word.PREDECODE_OBSERVED)
    build.run(build.load(place, COUNTER, Pointer), *_records(build, ip, pc), FRAME)
    build.goto(known)
    build.begin(known)
