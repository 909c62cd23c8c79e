"""The functions that handlers share, and those by which the interpreter is come to.

A record's handler is one of these where it has no instruction: `FILL` where none was predecoded
yet, which does that, `NEXT_PAGE` behind the page's end, `LEFT` where the host runs what the table
lacks, `TRANSLATED` where a block begins of which there is better code. `ENTER` is called like
translated code, and begins a block at a pc.
"""

from collections.abc import Callable, Iterator
from functools import partial

from mttcg.engine.llvm import places
from mttcg.engine.llvm.counts import publish_counts
from mttcg.engine.llvm.fields import define_fields
from mttcg.engine.llvm.frame import (
    FAULTS,
    ONE_BLOCK,
    ONE_INSTRUCTION,
    Reason,
    Word,
)
from mttcg.engine.llvm.interpreter.device_functions import device_functions
from mttcg.engine.llvm.interpreter.find_records import (
    is_translated,
    records_of,
    sampled_place,
    translate_pc,
)
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.operations import SHOW_RECORDS, show_records_function
from mttcg.engine.llvm.interpreter.state_words import TIME, UNCOUNTED, read_clock
from mttcg.engine.llvm.interpreter.straddle import STRADDLE, straddle
from mttcg.engine.llvm.interpreter.system_functions import (
    ATTEND,
    ATTEND_AT_LOOK,
    DUE,
    STATUS,
    TRAP,
    SystemFunctions,
)
from mttcg.engine.llvm.interpreter.turns import (
    TURN_OVER,
    enter_exactly,
    is_exact,
    left_of_turn,
    look_in_turn,
    place_stop,
    stop_functions,
    take_stop,
)
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, UNLIKELY
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I1, I64, ZERO, Pointer, constant
from mttcg.engine.llvm.jump_table import find_code, find_translated_code
from mttcg.engine.llvm.places import (
    BLOCK_PC,
    COUNT,
    DETAIL,
    EXIT,
    FRAME,
    HART,
    PC,
    REQUEST,
    SINCE,
)
from mttcg.engine.llvm.sampling import add_sample
from mttcg.engine.llvm.signature import (
    BLOCK,
    CONVENTION,
    DISPATCH,
    IP,
    LEAVE,
    LOOK,
    NO_BLOCK,
    NO_RECORD,
    PARAMETERS,
    RUNNING,
    TO_PC,
    frame_word,
    pc_at,
    tail_call,
)
from mttcg.memory.page import PAGE
from mttcg.tbcache.predecoded import OWN_HANDLER_SHIFT, OWN_HANDLERS, RECORD_SHIFT, SLOT_AT

FILL, NEXT_PAGE, LEFT, TRANSLATED = "fill", "next_page", "left", "translated"
ENTER = "enter"
LOOK_IN_TURN = "look_in_turn"
"""In the place of `ATTEND` where harts take turns."""
REASONS = (
    Reason.REQUEST,
    Reason.SYSTEM,
    Reason.ACCESS,
    Reason.LOAD_MISALIGNED,
    Reason.STORE_MISALIGNED,
    Reason.ATOMIC_ACCESS,
    Reason.ROUNDING,
    Reason.CALLBACK,
    Reason.UNPREPARED,
    Reason.LOAD_FAULT,
    Reason.STORE_FAULT,
    Reason.FETCH_FAULT,
    Reason.LOAD_PAGE_FAULT,
    Reason.STORE_PAGE_FAULT,
    Reason.FETCH_PAGE_FAULT,
)
"""Those for which handlers leave."""


def shared_functions(
    isa: InterpretedIsa,
    fill: Callable[[Builder], None],
    straddler: Callable[[Builder], Pointer],
) -> Iterator[str]:
    """The text of each; `fill` emits what is done where none was predecoded yet.

    straddler: gives the own handler of an instruction that goes over its page's end.
    """
    emitters: dict[str, Callable[[Builder], None]] = {
        DISPATCH: partial(_dispatch, isa),
        LOOK: partial(_look, isa),
        f"@{FILL}": fill,
        f"@{NEXT_PAGE}": _next_page,
        f"@{LEFT}": _left,
        f"@{TRANSLATED}": partial(_translated, isa),
        TURN_OVER: partial(_leave, isa, reason=Reason.TURN_OVER),
    }
    if isa.translation:
        emitters[f"@{STRADDLE}"] = partial(straddle, own=straddler)
    for name, emit in emitters.items():
        yield function_of(isa, Function(f"dso_local {CONVENTION} void {name}", PARAMETERS), emit)
    for reason in REASONS:
        function = Function(f"{CONVENTION} void {LEAVE}_{reason.name}", PARAMETERS)
        yield function_of(isa, function, partial(_leave_or_trap, isa, reason))
    yield function_of(
        isa, Function(f"internal i64 {TIME}", (HART, FRAME, UNCOUNTED), "noinline #0"), read_clock
    )
    for function, body in zip(stop_functions(), (place_stop, take_stop), strict=True):
        yield function_of(isa, function, body)
    yield function_of(isa, Function(f"dso_local i64 @{LOOK_IN_TURN}", (HART, FRAME)), look_in_turn)
    yield from device_functions(partial(function_of, isa))
    yield from _functions_of_system(isa)
    yield show_records_function()


def _functions_of_system(isa: InterpretedIsa) -> Iterator[str]:
    if isa.events is None:
        return
    system = SystemFunctions(isa, isa.events)
    for name, emit in (
        (ATTEND, system.attend),
        (ATTEND_AT_LOOK, system.attend_at_look),
        (DUE, system.due),
    ):
        yield function_of(isa, Function(f"i64 @{name}", (HART, FRAME)), emit)
    for name, emit in ((STATUS, system.status), (TRAP, system.trap)):
        yield function_of(isa, Function(f"{CONVENTION} void @{name}", PARAMETERS), emit)


def function_of(isa: InterpretedIsa, function: Function, emit: Callable[[Builder], None]) -> str:
    """The text of a function of the interpreter, whose body `emit` emits."""
    build = Builder(function)
    build.begin(places.Labels().entry)
    define_fields(build, isa.llvm)
    build.allocate(COUNT)
    emit(build)
    return "\n".join(function.text(advice=True))


def _publish(build: Builder, count: I64) -> None:
    build.store(count, COUNT, COUNTER)
    publish_counts(build)


def _dispatch(isa: InterpretedIsa, build: Builder) -> None:
    """Enter the block at the address in BLOCK; in its translation if its page has no records."""
    out = build.new_block("out")
    ip, entry, to_pc = records_of(build, isa, BLOCK, out)
    counted = build.binary("add", RUNNING, ONE_BLOCK)
    block = build.cast("ptrtoint", ip, I64)
    on, look = build.new_block("on"), build.new_block("look")
    build.branch(build.compare("slt", counted, 0), on, look, UNLIKELY)
    build.begin(on)
    tail_call(build, build.load(entry, UNKNOWN, Pointer), ip, counted, block, to_pc)
    build.begin(look)
    tail_call(build, LOOK, ip, counted, block, to_pc)
    build.begin(out)
    if isa.translation:
        look_up, plain, miss = (build.new_block(word) for word in ("look_up", "plain", "unmet"))
        build.branch(is_translated(build), look_up, plain)
        build.begin(look_up)
        translate_pc(build, isa, miss)
        build.begin(miss)
        _miss(build, BLOCK, RUNNING)
        build.begin(plain)
    begin, exactly = build.new_block("begin"), build.new_block("exactly")
    build.branch(is_exact(build), exactly, begin)
    build.begin(exactly)
    _miss(build, BLOCK, RUNNING)
    build.begin(begin)
    _go_to_translation(build, BLOCK, RUNNING)


def _look(isa: InterpretedIsa, build: Builder) -> None:
    """Look for a request before a block whose entry is counted already, and take a sample."""
    pc = pc_at(build, IP)
    _run_rest_of_turn(isa, build, pc)
    _show_records(build)
    build.store(build.binary("sub", RUNNING, ONE_BLOCK), COUNT, COUNTER)
    publish_counts(build, pc)
    build.store(pc, PC, COUNTER)
    none = build.compare("eq", _asked(build, isa), 0)
    go, stop, sample, wake = (build.new_block(word) for word in ("go", "stop", "sample", "wake"))
    build.branch(none, sample, stop)
    build.begin(sample)
    place = pc if isa.translation is None else sampled_place(build, pc, go)
    build.branch(add_sample(build, place), wake, go)
    for block, reason in ((stop, Reason.REQUEST), (wake, Reason.HOT)):
        build.begin(block)
        build.store(int(reason), EXIT, COUNTER)
        build.end(returns=True)
    build.begin(go)
    # an interrupt may have been taken
    tail_call(build, DISPATCH, IP, build.load(SINCE, COUNTER, I64), build.load(PC, COUNTER, I64))


def _run_rest_of_turn(isa: InterpretedIsa, build: Builder, pc: I64) -> None:
    """Where a hart runs the last instructions of its turn, run what it may of the block."""
    exactly, some, look = (build.new_block(word) for word in ("exactly", "some", "look"))
    build.branch(is_exact(build), exactly, look, UNLIKELY)
    build.begin(exactly)
    left = left_of_turn(build, RUNNING)
    build.branch(build.compare("sgt", left, 0), some, look)
    build.begin(some)
    found = records_of(build, isa, pc, look)
    enter_exactly(build, found, pc, RUNNING, left)
    build.begin(look)


def _asked(build: Builder, isa: InterpretedIsa) -> I64:
    """Whether the host is to look; other than 0 if it is."""
    attend, turn, on = (build.new_block(word) for word in ("attend", "in_turn", "attended"))
    build.branch(build.compare("eq", frame_word(build, Word.TURNS), 0), attend, turn)
    build.begin(turn)
    in_turn = build.call(I64, f"@{LOOK_IN_TURN}", HART, FRAME)
    build.goto(on)
    build.begin(attend)
    if isa.events is None:
        asked: I64 = build.load_atomic(REQUEST, "monotonic", I64)
    else:
        asked = build.call(I64, f"@{ATTEND_AT_LOOK}", HART, FRAME)
    build.goto(on)
    build.begin(on)
    return build.phi(I64, (in_turn, turn), (asked, attend))


def _leave_or_trap(isa: InterpretedIsa, reason: Reason, build: Builder) -> None:
    """Take the trap that the reason is, if the host need not see it, or leave."""
    fault = FAULTS.get(reason)
    if isa.events is not None and fault is not None and fault in isa.events.causes:
        host, native = build.new_block("host"), build.new_block("native")
        unseen = frame_word(build, Word.TRAPS_UNSEEN)
        build.branch(build.compare("eq", unseen, 0), host, native)
        build.begin(native)
        address = build.load(DETAIL, UNKNOWN, I64)
        cause = constant(isa.events.causes[fault])
        SystemFunctions(isa, isa.events).take_trap(build, cause, pc_at(build, IP), address)
        build.begin(host)
    _leave(isa, build, reason)


def _show_records(build: Builder) -> None:
    """Let records be seen before it is counted what they are of."""
    show, on = build.new_block("show"), build.new_block("on")
    build.branch(build.compare("eq", frame_word(build, Word.EMITTERS), 0), on, show)
    build.begin(show)
    build.run(SHOW_RECORDS, FRAME)
    build.goto(on)
    build.begin(on)


def _leave(isa: InterpretedIsa, build: Builder, reason: Reason) -> None:
    """Leave at an instruction in the middle of a block, which is the hart's current one."""
    if isa.translation:
        start = build.binary("and", pc_at(build, BLOCK), PAGE - 1)
        first = build.binary("sub", BLOCK, build.binary("shl", start, RECORD_SHIFT))
        slot_at = build.offset(build.cast("inttoptr", first, Pointer), SLOT_AT)
        slot = build.load(slot_at, UNKNOWN, I64)
        build.store(slot, build.offset(FRAME, 8 * Word.BLOCK_SLOT), COUNTER)
    build.store(int(reason), EXIT, COUNTER)
    build.store(pc_at(build, IP), PC, COUNTER)
    build.store(pc_at(build, BLOCK), BLOCK_PC, COUNTER)
    _publish(build, RUNNING)
    build.end(returns=True)


def come_back(build: Builder) -> None:
    """Come back at a block that was to be entered."""
    _miss(build, pc_at(build, IP), build.binary("sub", RUNNING, ONE_BLOCK))


def _next_page(build: Builder) -> None:
    """Go on in the next page, where another block begins, which may be counted already."""
    begins: I1 = build.compare("eq", build.cast("ptrtoint", IP, I64), BLOCK)
    entered = build.select(begins, ONE_BLOCK, 0, I64)
    tail_call(build, DISPATCH, IP, build.binary("sub", RUNNING, entered), pc_at(build, IP))


def _left(build: Builder) -> None:
    """Leave the instruction to the host; it counts as retired."""
    build.store(ZERO, DETAIL, UNKNOWN)
    counted = build.binary("add", RUNNING, ONE_INSTRUCTION)
    tail_call(build, f"{LEAVE}_{Reason.SYSTEM.name}", IP, counted, BLOCK)


def _translated(isa: InterpretedIsa, build: Builder) -> None:
    """Enter a block's translation.

    Where control comes from the code before, within a block, the instruction is run here.
    """
    entered, within = build.new_block("entered"), build.new_block("within")
    ip = build.cast("ptrtoint", IP, I64)
    build.branch(build.compare("eq", ip, BLOCK), entered, within)
    build.begin(within)
    tail_call(build, own_handler(build, ip, pc_at(build, IP)), IP, RUNNING, BLOCK)
    build.begin(entered)
    pc, count = pc_at(build, IP), build.binary("sub", RUNNING, ONE_BLOCK)
    if isa.translation:
        translated, plain = build.new_block("rows"), build.new_block("plain")
        unseen, miss = build.new_block("unseen"), build.new_block("unknown")
        build.branch(is_translated(build), translated, plain)
        build.begin(translated)
        code = find_translated_code(build, pc, unseen, miss)
        tail_call(build, code, NO_RECORD, count, NO_BLOCK, pc)
        build.begin(unseen)
        tail_call(build, DISPATCH, IP, count, pc)
        build.begin(miss)
        _miss(build, pc, count)
        build.begin(plain)
    _go_to_translation(build, pc, count)


def _go_to_translation(build: Builder, pc: I64, count: I64) -> None:
    """Go to the translation of a block, which counts it as entered; come back if none is known."""
    miss = build.new_block("miss")
    ram = frame_word(build, Word.RAM), frame_word(build, Word.RAM_BYTES)
    code = find_code(build, pc, *ram, miss)
    tail_call(build, code, NO_RECORD, count, NO_BLOCK, pc)
    build.begin(miss)
    _miss(build, pc, count)


def straddling_handler(build: Builder) -> Pointer:
    """The own handler of an instruction that goes over the page's end."""
    return own_handler(build, build.cast("ptrtoint", IP, I64), pc_at(build, IP))


def own_handler(build: Builder, ip: I64, pc: I64) -> Pointer:
    """The handler of an instruction whose record has `TRANSLATED` in its place."""
    offset = build.binary("and", pc, PAGE - 1)
    first = build.binary("sub", ip, build.binary("shl", offset, RECORD_SHIFT))
    own = build.binary("add", first, build.binary("shl", offset, OWN_HANDLER_SHIFT))
    at = build.cast("inttoptr", build.binary("add", own, OWN_HANDLERS), Pointer)
    return build.load(at, UNKNOWN, Pointer)


def enter(build: Builder) -> None:
    """Begin a block at the pc in TO_PC."""
    tail_call(build, DISPATCH, NO_RECORD, RUNNING, TO_PC)


def is_function(build: Builder, handler: Pointer, name: str) -> I1:
    """Whether a handler is one of these functions."""
    place = build.cast("ptrtoint", handler, I64)
    return build.compare("eq", place, build.cast("ptrtoint", Pointer(f"@{name}"), I64))


def _miss(build: Builder, pc: I64, count: I64) -> None:
    """Come back for code."""
    build.store(int(Reason.MISS), EXIT, COUNTER)
    build.store(pc, PC, COUNTER)
    _publish(build, count)
    build.end(returns=True)
