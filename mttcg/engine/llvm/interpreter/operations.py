"""Native functions that run a plan's operations for the interpreter.

They are driven by data, so nothing is compiled for a plan: what is attached to a place is a list of
rows, each with a function, its data, and a `Way` of running it. `ENTERED` and its kin stand in for
a handler, before a block or an instruction; `ACCESSED` and `RETIRED` are called by handlers.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from mttcg.engine.llvm import places
from mttcg.engine.llvm.counts import publish_counts, retired_at
from mttcg.engine.llvm.fields import define_fields
from mttcg.engine.llvm.frame import ONE_INSTRUCTION, Reason, Word
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.observed_layout import (
    BLOCK_ROWS,
    BYTES_SHIFT,
    EXTENT,
    INSTRUCTION,
    INSTRUCTION_ROWS,
    INSTRUCTIONS_BITS,
    LENGTH_BITS,
    OWN,
    RECORD_NUMBER_SHIFT,
)
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, Form
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I1, I32, I64, ZERO, Pointer, Value
from mttcg.engine.llvm.places import COUNT, EXIT, FRAME, HART, REQUEST, SINCE
from mttcg.engine.llvm.signature import (
    BLOCK,
    CONVENTION,
    IP,
    LEAVE,
    PARAMETERS,
    RUNNING,
    TO_PC,
    frame_word,
    handler_of,
    pc_at,
    tail_call,
)
from mttcg.engine.llvm.weave import IN_EACH_BLOCK, RUNS_ONCE, SCOPED, WAY_BITS, Way
from mttcg.instrument.native import frames
from mttcg.memory.code_pages import HALVES

ENTERED, ENTERED_TABLE, ENTERED_BARE = "entered", "entered_table", "entered_bare"
BEFORE = "before"
"""Functions that stand in for handlers: before a block with operations, with a table that counts
and nothing else, with nothing; before an instruction with operations."""
T = TypeVar("T", bound=Value)
RUN, ACCESSED, RETIRED = "@run_operations", "@accessed", "@retired"
SHOW_RECORDS = "@show_records"

ROWS, MASK, INDEX = I64("%rows"), I64("%mask"), I64("%index")
GIVEN = tuple(I64(f"%{name}") for name in "abcde")
"""What operations are given behind their data."""
ADDRESS, SIZE, VALUE, HOW = (I64(f"%{name}") for name in ("address", "size", "value", "how"))
WHAT, TARGET = I64("%what"), I64("%target")
SLOT_SHIFT = HALVES.bit_length() - 1
_RETURN = Form("ret i64 %s", "", ("i64",), ends=True)
AT = Pointer("%at")


def operation_functions(
    isa: InterpretedIsa, others: Mapping[str, Callable[[Builder], None]]
) -> Iterator[str]:
    """The text of each, and of what calls out of the guest's floating-point control.

    others: names of further functions that stand in for handlers, and what emits them.
    """
    host = isa.llvm.host_float
    stand_ins: dict[str, Callable[[Builder], None]] = {
        **others,
        ENTERED: _entered,
        ENTERED_TABLE: _entered_table,
        ENTERED_BARE: lambda build: _go_on(build, RUNNING),
        BEFORE: _before,
    }
    for name, emit in stand_ins.items():
        head = f"dso_local {CONVENTION} void @{name}"
        yield _function(isa, Function(head, PARAMETERS, aliased=True), emit)
    called: dict[str, tuple[tuple[Value, ...], Callable[[Builder], None]]] = {
        f"i64 {RUN}": ((ROWS, MASK, INDEX, *GIVEN), lambda build: _run(build, isa)),
        f"i64 {ACCESSED}": ((MASK, ADDRESS, SIZE, VALUE, HOW), _accessed),
        f"i64 {RETIRED}": ((WHAT, VALUE, TARGET), _retired),
    }
    for name, (given, emit) in called.items():
        parameters = (HART, IP, RUNNING, FRAME, TO_PC, *given)
        function = Function(f"dso_local {name}", parameters, "noinline #0", aliased=True)
        yield _function(isa, function, emit)
    if host.control is not None:
        yield host.call_out_function


def show_records_function() -> str:
    """The text of what lets records be seen, by the publisher and if this process is killed."""
    function = Function(f"dso_local void {SHOW_RECORDS}", (FRAME,), "noinline #0", aliased=True)
    build = Builder(function)
    build.begin(places.Labels().entry)
    build.allocate(AT)
    _show_records(build)
    return "\n".join(function.text(advice=True))


def _function(isa: InterpretedIsa, function: Function, emit: Callable[[Builder], None]) -> str:
    build = Builder(function)
    build.begin(places.Labels().entry)
    define_fields(build, isa.llvm)
    build.allocate(COUNT)
    build.allocate(AT)
    emit(build)
    return "\n".join(function.text(advice=True))


def _return(build: Builder, value: I64) -> None:
    build.add(_RETURN)
    build.push((value,))


def _word_at(build: Builder, number: I64) -> Pointer:
    return build.cast("inttoptr", number, Pointer)


def _run(build: Builder, isa: InterpretedIsa) -> None:
    """Run rows, those whose ways have the bits of a mask; the running count afterwards."""
    build.store(RUNNING, COUNT, COUNTER)
    first = build.binary("and", ROWS, (1 << 32) - 1)
    build.store(first, AT, COUNTER)
    end = build.binary("add", first, build.binary("lshr", ROWS, 32))
    words = ("next", "row", "told", "scope", "wanted", "once", "due", "out")
    following, row, told, scope, wanted, once, due, out = map(build.new_block, words)
    build.goto(following)
    build.begin(following)
    number = build.load(AT, COUNTER, I64)
    build.branch(build.compare("ult", number, end), row, out)
    build.begin(row)
    build.store(build.binary("add", number, 1), AT, COUNTER)
    way = _of_row(build, Word.WAYS, build.binary("shl", number, 3), I64)
    asked = build.compare("eq", build.binary("and", way, MASK), MASK)
    build.branch(asked, told, following)
    build.begin(told)
    twice = build.binary("shl", number, 4)
    scoped = build.compare("ne", build.binary("and", way, SCOPED), 0)
    build.branch(scoped, scope, wanted)
    build.begin(scope)
    mask = _of_row(build, Word.SCOPES, twice, I64)
    there = _of_row(build, Word.SCOPES, build.binary("add", twice, 8), I64)
    here = build.load(places.CONTEXT, COUNTER, I64)
    build.branch(build.compare("eq", build.binary("and", here, mask), there), wanted, following)
    build.begin(wanted)
    function = _of_row(build, Word.ROWS, twice, Pointer)
    data = _of_row(build, Word.ROWS, build.binary("add", twice, 8), I64)
    build.branch(build.compare("eq", build.binary("and", way, RUNS_ONCE), 0), due, once)
    build.begin(once)
    build.branch(build.compare("eq", _flag(build, data, way), 0), due, following)
    build.begin(due)
    plain = build.binary("and", way, (1 << WAY_BITS) - 1)
    ways: dict[Way, Callable[[], None]] = {
        Way.COUNT: lambda: _add(build, data),
        Way.TABLE: lambda: _add(build, build.binary("add", data, build.binary("shl", INDEX, 3))),
        Way.RECORD: lambda: _record(build, isa, function, data),
        Way.PYTHON: lambda: _call_python(build, isa, function, data),
    }
    for known, emit in ways.items():
        same, other = build.new_block("same"), build.new_block("other")
        build.branch(build.compare("eq", plain, int(known)), same, other)
        build.begin(same)
        emit()
        build.goto(following)
        build.begin(other)
    isa.llvm.host_float.call_out(build, function, data, *GIVEN)
    build.goto(following)
    build.begin(out)
    _return(build, build.load(COUNT, COUNTER, I64))


def _of_row(build: Builder, table: Word, offset: I64, kind: type[T]) -> T:
    at = build.load(build.offset(FRAME, 8 * table), COUNTER, Pointer)
    return build.load(build.offset(at, offset), UNKNOWN, kind)


def _flag(build: Builder, data: I64, way: I64) -> I64:
    """The flag of an operation that runs once, or once in each block; its function sets it."""
    flags = build.load(build.offset(_word_at(build, data), 8 * frames.FLAGS), UNKNOWN, Pointer)
    each = build.compare("ne", build.binary("and", way, IN_EACH_BLOCK), 0)
    offset = build.select(each, build.binary("shl", INDEX, 3), 0, I64)
    return build.load(build.offset(flags, offset), UNKNOWN, I64)


def _add(build: Builder, number: I64) -> None:
    """Add one to a word, which this vCPU alone writes."""
    at = _word_at(build, number)
    build.store(build.binary("add", build.load(at, UNKNOWN, I64), 1), at, UNKNOWN)


def _record(build: Builder, isa: InterpretedIsa, function: Pointer, data: I64) -> None:
    """Write a record; where the window is full another is opened, for which Python may wait."""
    emitter = _word_at(build, data)
    cursor, size, limit = (
        build.load(build.offset(emitter, 8 * word), UNKNOWN, I64)
        for word in (frames.CURSOR, frames.ITEMSIZE, frames.LIMIT)
    )
    fits, full, on = build.new_block("fits"), build.new_block("full"), build.new_block("on")
    room = build.compare("ule", build.binary("add", cursor, size), limit)
    build.branch(room, fits, full)
    build.begin(fits)
    build.run(function, data, *GIVEN)
    build.goto(on)
    build.begin(full)
    isa.llvm.host_float.call_out(build, function, data, *GIVEN)
    build.goto(on)
    build.begin(on)


def _call_python(build: Builder, isa: InterpretedIsa, function: Pointer, data: I64) -> None:
    """Call Python, which finds exact counts; what it asks for is seen before the next block."""
    publish_counts(build)
    isa.llvm.host_float.call_out(build, function, data, *GIVEN)
    asked, on = build.new_block("asked"), build.new_block("on")
    none = build.compare("eq", build.load_atomic(REQUEST, "monotonic", I64), 0)
    build.branch(none, on, asked)
    build.begin(asked)
    for at in (COUNT, SINCE):  # nothing was counted since, and it is time to look
        build.store(ZERO, at, COUNTER)
    build.goto(on)
    build.begin(on)


def _run_rows(build: Builder, count: I64, rows: I64, index: I64, *given: I64 | int) -> I64:
    """Run rows, if there are some, with what operations are given; the count afterwards."""
    before, run, on = build.block, build.new_block("run"), build.new_block("on")
    build.branch(build.compare("eq", rows, 0), on, run)
    build.begin(run)
    after = build.call(I64, RUN, HART, IP, count, FRAME, TO_PC, rows, 0, index, *given)
    build.goto(on)
    build.begin(on)
    return build.phi(I64, (count, before), (after, run))


def _index(build: Builder) -> I64:
    """The number of a place's word in a table of blocks or instructions."""
    number = build.binary("lshr", build.cast("ptrtoint", IP, I64), RECORD_NUMBER_SHIFT)
    return build.binary("add", number, frame_word(build, Word.RECORDS_TO_INDEX))


def _extent(build: Builder) -> I64:
    return build.cast("zext", build.load(build.offset(IP, EXTENT), UNKNOWN, I32), I64)


def _go_on(build: Builder, count: I64) -> None:
    tail_call(build, handler_of(build, IP), IP, count, BLOCK)


def _unless_asked(build: Builder, count: I64, handler: Pointer) -> None:
    """Go on in a handler, unless Python has asked for control."""
    on, off = build.new_block("on"), build.new_block("off")
    none: I1 = build.compare("eq", build.load_atomic(EXIT, "monotonic", I64), 0)
    build.branch(none, on, off)
    build.begin(off)
    tail_call(build, f"{LEAVE}_{Reason.CALLBACK.name}", IP, count, BLOCK)
    build.begin(on)
    tail_call(build, handler, IP, count, BLOCK)


def _entered(build: Builder) -> None:
    """Run what is attached to all blocks, then what is to this one."""
    extent, pc, index = _extent(build), pc_at(build, IP), _index(build)
    instructions = build.binary("and", extent, (1 << INSTRUCTIONS_BITS) - 1)
    size = build.binary("lshr", extent, BYTES_SHIFT)
    slot = build.binary("lshr", index, SLOT_SHIFT)
    half = build.binary("and", index, HALVES - 1)
    given = pc, instructions, slot, half, size
    count = _run_rows(build, RUNNING, frame_word(build, Word.EVERY_BLOCK), index, *given)
    here = build.load(build.offset(IP, BLOCK_ROWS), UNKNOWN, I64)
    count = _run_rows(build, count, here, index, *given)
    _unless_asked(build, count, handler_of(build, IP))


def count_in_table(build: Builder) -> None:
    """Count a block in the one table in which all do."""
    word = build.binary("shl", _index(build), 3)
    _add(build, build.binary("add", frame_word(build, Word.ENTRY_TABLE), word))


def _entered_table(build: Builder) -> None:
    """Count a block in the one table."""
    count_in_table(build)
    _go_on(build, RUNNING)


def _before(build: Builder) -> None:
    """Run what is attached to all instructions, then what is to this one."""
    length = build.binary("lshr", _extent(build), INSTRUCTIONS_BITS)
    length = build.binary("and", length, (1 << LENGTH_BITS) - 1)
    given = pc_at(build, IP), length, ZERO, ZERO, ZERO
    count = _run_rows(build, RUNNING, frame_word(build, Word.EVERY_INSTRUCTION), ZERO, *given)
    here = build.load(build.offset(IP, INSTRUCTION_ROWS), UNKNOWN, I64)
    count = _run_rows(build, count, here, ZERO, *given)
    _unless_asked(build, count, build.load(build.offset(IP, OWN), UNKNOWN, Pointer))


def _accessed(build: Builder) -> None:
    """Run what is attached to accesses, or to their order; the running count afterwards."""
    how = build.binary("and", HOW, frame_word(build, Word.HOW_MASK))
    given = pc_at(build, IP), ADDRESS, SIZE, VALUE, how
    rows = frame_word(build, Word.EVERY_ACCESS)
    after = build.call(I64, RUN, HART, IP, RUNNING, FRAME, TO_PC, rows, MASK, ZERO, *given)
    _return(build, after)


def _retired(build: Builder) -> None:
    """Run what is attached to what comes behind each instruction, which is not counted yet.

    It returns the running count.
    """
    word = build.cast("zext", build.load(build.offset(IP, INSTRUCTION), UNKNOWN, I32), I64)
    what = build.binary("or", WHAT, word)
    counted = retired_at(build, RUNNING, ONE_INSTRUCTION)
    given = pc_at(build, IP), what, VALUE, TARGET, counted
    rows = frame_word(build, Word.EVERY_RETIRED)
    after = build.call(I64, RUN, HART, IP, RUNNING, FRAME, TO_PC, rows, 0, _index(build), *given)
    _return(build, after)


def _show_records(build: Builder) -> None:
    """Show the windows of all emitters; it computes with integers alone, so MXCSR stays."""
    emitters = build.load(build.offset(FRAME, 8 * Word.EMITTERS), COUNTER, Pointer)
    shower = build.load(build.offset(FRAME, 8 * Word.SHOW_WINDOW), COUNTER, Pointer)
    end = build.binary("shl", build.load(emitters, UNKNOWN, I64), 3)
    following, one, out = (build.new_block(word) for word in ("next", "one", "out"))
    build.store(ZERO, AT, COUNTER)
    build.goto(following)
    build.begin(following)
    offset = build.load(AT, COUNTER, I64)
    build.branch(build.compare("ult", offset, end), one, out)
    build.begin(one)
    after = build.binary("add", offset, 8)
    build.store(after, AT, COUNTER)
    emitter = build.load(build.offset(emitters, after), UNKNOWN, I64)
    build.run(shower, emitter, *[0] * 5)
    build.goto(following)
    build.begin(out)
    build.end(returns=True)
