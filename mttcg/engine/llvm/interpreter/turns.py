"""Ending a hart's turn after so many instructions exactly, where harts take turns.

Translated code, and the interpreter, look at a block's beginning, which is too late or too early by
some instructions. So they come back at a look that is early (`look_in_turn`), and the rest of the
turn is run here alone: each block is entered by way of a look (`enter_exactly`), with no
translation. Where the turn ends within the block, the record of the first instruction that is not
to run gets another handler, `TURN_OVER`. There is one such record at a time; only the hart whose
turn it is runs, so that no other meets it.
"""

from mttcg.engine.llvm.counts import retired_at
from mttcg.engine.llvm.frame import INSTRUCTIONS_PER_LOOK, ONE_INSTRUCTION, Word
from mttcg.engine.llvm.interpreter.decoding import EMPTY_NUMBER
from mttcg.engine.llvm.interpreter.fill import meet
from mttcg.engine.llvm.interpreter.observed_layout import BLOCK_ROWS, CHOSEN
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I1, I8, I64, ZERO, BasicBlock, Pointer
from mttcg.engine.llvm.places import FRAME, HART, INSTRUCTIONS, REQUEST, SINCE
from mttcg.engine.llvm.signature import frame_pointer, frame_word, handler_of, tail_call
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of
from mttcg.tbcache.predecoded import (
    ENDS_BLOCK,
    HANDLERS_AT,
    KNOWN_AT,
    OWN_HANDLER_SHIFT,
    OWN_HANDLERS,
    RECORD_SHIFT,
)

ALERT = offsets_of(VcpuState)["alert"]
TURN_OVER = "@turn_over"
"""The handler at which a turn ends."""
PLACE_STOP, TAKE_STOP = "@place_stop", "@take_stop"
RECORDS, OFFSET, LEFT, OBSERVED = (
    Pointer("%records"),
    I64("%offset"),
    I64("%left"),
    I64("%observed"),
)
"""Parameters of PLACE_STOP: the page's first record, where in the page the hart is, how many
instructions it may run, and whether something is attached to the page."""
AT, TO_RUN = Pointer("%at"), Pointer("%to_run")


def look_in_turn(build: Builder) -> None:
    """Whether the host is to look, as it is asked or the turn nears its end; when to look again."""
    retired = build.load(INSTRUCTIONS, COUNTER, I64)
    left = build.binary("sub", frame_word(build, Word.TURN_NEARS), retired)
    soon = build.compare("slt", left, INSTRUCTIONS_PER_LOOK)
    until_look = build.select(soon, left, INSTRUCTIONS_PER_LOOK, I64)
    count = build.binary("mul", until_look, -ONE_INSTRUCTION)
    near, on = build.new_block("near"), build.new_block("on")
    build.branch(build.compare("sle", left, 0), near, on)
    build.begin(near)
    build.give(I64("1"))
    build.begin(on)
    build.store(count, SINCE, COUNTER)
    alerted = build.load_atomic(build.offset(HART, ALERT), "monotonic", I64)
    asked = build.load_atomic(REQUEST, "monotonic", I64)
    build.give(build.binary("or", asked, alerted))


def is_exact(build: Builder) -> I1:
    """Whether the hart runs the last instructions of its turn."""
    return build.compare("ne", frame_word(build, Word.TURN_END), 0)


def left_of_turn(build: Builder, running: I64) -> I64:
    """How many instructions the hart may still run."""
    retired = retired_at(build, running, 0)
    return build.binary("sub", frame_word(build, Word.TURN_END), retired)


def stop_functions() -> list[Function]:
    """The two functions that put `TURN_OVER` into a record, and take it out."""
    place = Function(f"internal i64 {PLACE_STOP}", (HART, FRAME, RECORDS, OFFSET, LEFT, OBSERVED))
    take = Function(f"internal i64 {TAKE_STOP}", (HART, FRAME))
    return [place, take]


def take_stop(build: Builder) -> None:
    """The body of TAKE_STOP: the record that has TURN_OVER, if one does, gets its own handler."""
    some, none = build.new_block("some"), build.new_block("none")
    record = frame_pointer(build, Word.STOPS_AT)
    build.branch(build.compare("eq", build.cast("ptrtoint", record, I64), 0), none, some)
    build.begin(some)
    build.store(frame_word(build, Word.STOPPED_HANDLER), record, UNKNOWN)
    build.store(ZERO, build.offset(FRAME, 8 * Word.STOPS_AT), COUNTER)
    build.goto(none)
    build.begin(none)
    build.give(ZERO)


def place_stop(build: Builder) -> None:
    """The body of PLACE_STOP: have the hart stop after LEFT instructions if its block is longer."""
    one, there, stop, over = (build.new_block(word) for word in ("one", "there", "stop", "over"))
    for place, value in ((AT, OFFSET), (TO_RUN, LEFT)):
        build.allocate(place)
        build.store(value, place, UNKNOWN)
    _predecode(build)
    build.goto(one)
    build.begin(one)
    at = build.load(AT, UNKNOWN, I64)
    place = build.offset(build.offset(RECORDS, build.binary("lshr", at, 1)), KNOWN_AT)
    known = build.cast("zext", build.load(place, UNKNOWN, I8), I64)
    behind = build.binary("add", at, build.binary("and", known, ENDS_BLOCK - 1))
    left = build.binary("sub", build.load(TO_RUN, UNKNOWN, I64), 1)
    build.store(behind, AT, UNKNOWN)
    build.store(left, TO_RUN, UNKNOWN)
    goes_on = build.compare("eq", build.binary("and", known, ENDS_BLOCK), 0)
    inside = build.compare("ult", behind, PAGE)
    build.branch(build.binary("and", goes_on, inside), there, over)
    build.begin(there)
    build.branch(build.compare("eq", left, 0), stop, one)
    build.begin(stop)
    record = build.offset(RECORDS, build.binary("shl", behind, RECORD_SHIFT))
    build.store(build.load(record, UNKNOWN, I64), _word(build, Word.STOPPED_HANDLER), COUNTER)
    build.store(build.cast("ptrtoint", record, I64), _word(build, Word.STOPS_AT), COUNTER)
    build.store(frame_word(build, Word.STOP), record, UNKNOWN)
    build.goto(over)
    build.begin(over)
    build.give(ZERO)


def _word(build: Builder, word: Word) -> Pointer:
    return build.offset(FRAME, 8 * word)


def _predecode(build: Builder) -> None:
    """Have records of the block; one that begins where none was is met."""
    empty, plain, observed, on = (
        build.new_block(word) for word in ("empty", "plain", "observed", "known")
    )
    record = build.offset(RECORDS, build.binary("shl", OFFSET, RECORD_SHIFT))
    handlers = build.load(build.offset(RECORDS, HANDLERS_AT), UNKNOWN, Pointer)
    nothing = build.load(build.offset(handlers, 8 * EMPTY_NUMBER), UNKNOWN, I64)
    here = build.load(record, UNKNOWN, I64)
    build.branch(build.compare("eq", here, nothing), empty, on)
    build.begin(empty)
    build.branch(build.compare("eq", OBSERVED, 0), plain, observed)
    for block, word in ((plain, Word.PREDECODE), (observed, Word.PREDECODE_OBSERVED)):
        build.begin(block)
        build.run(frame_pointer(build, word), RECORDS, OFFSET, FRAME)
        if block is plain:
            meet(build, RECORDS, build.binary("lshr", OFFSET, 1))
        build.goto(on)
    build.begin(on)


def limit(build: Builder, ip: Pointer, entry: Pointer, pc: I64, left: I64) -> Pointer:
    """Have the hart stop after `left` instructions at the latest; the page's first record.

    entry: as `records_of` gives it.
    """
    offset = build.binary("and", pc, PAGE - 1)
    records = build.offset(ip, build.binary("sub", ZERO, build.binary("shl", offset, RECORD_SHIFT)))
    observed = build.cast("zext", build.compare("ne", ip, entry), I64)
    build.call(I64, TAKE_STOP, HART, FRAME)
    build.call(I64, PLACE_STOP, HART, FRAME, records, offset, left, observed)
    return records


def enter_exactly(
    build: Builder, found: tuple[Pointer, Pointer, I64], pc: I64, running: I64, left: I64
) -> None:
    """Run a block, whose entry is counted, in the interpreter, for `left` instructions at most.

    found: as `records_of` gives it.
    """
    ip, entry, to_pc = found
    records = limit(build, ip, entry, pc, left)
    block = build.cast("ptrtoint", ip, I64)
    plain, observed = build.new_block("plain"), build.new_block("observed")
    build.branch(build.compare("eq", ip, entry), plain, observed)
    build.begin(plain)
    offset = build.binary("and", pc, PAGE - 1)
    kept = build.offset(build.offset(records, OWN_HANDLERS), _shifted(build, offset))
    handler = _unless_translated(build, handler_of(build, ip), kept)
    tail_call(build, handler, ip, running, block, to_pc)
    build.begin(observed)
    rows = build.load(build.offset(ip, BLOCK_ROWS), UNKNOWN, I64)
    none = build.compare("eq", rows, 0)
    bare, attached = build.offset(records, CHOSEN), _word(build, Word.ENTERED)
    way = build.select(none, bare, attached, Pointer)
    handler = _unless_translated(build, build.load(entry, UNKNOWN, Pointer), way)
    tail_call(build, handler, ip, running, block, to_pc)


def _shifted(build: Builder, offset: I64) -> I64:
    return build.binary("shl", offset, OWN_HANDLER_SHIFT)


def _unless_translated(build: Builder, handler: Pointer, other: Pointer) -> Pointer:
    """A handler, or the one at another place if it enters a translation."""
    here: BasicBlock = build.block
    replaced, on = build.new_block("replaced"), build.new_block("chosen")
    same = build.compare(
        "eq", build.cast("ptrtoint", handler, I64), frame_word(build, Word.TRANSLATED)
    )
    build.branch(same, replaced, on)
    build.begin(replaced)
    own = build.load(other, UNKNOWN, Pointer)
    build.goto(on)
    build.begin(on)
    return build.phi(Pointer, (handler, here), (own, replaced))
