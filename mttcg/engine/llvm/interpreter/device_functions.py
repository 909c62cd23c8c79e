"""Accesses to registers that native code may answer, see `mttcg.memory.native_registers`.

`LOAD` gives the address of where the value is, `STORE` whether the access was made, or `LOOK` if
something may be due for this hart now. Both give 0 where the host is to make the access.
"""

import termios
from collections.abc import Callable, Iterator

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.state_words import TIME
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I8, I32, I64, ZERO, BasicBlock, Pointer, constant
from mttcg.engine.llvm.places import FRAME, HART
from mttcg.engine.llvm.signature import frame_word
from mttcg.memory.native_registers import FunctionWord, RegisterKind
from mttcg.state.vcpu_state import STATE_BYTES, Activity, VcpuState
from mttcg.state.words import WORD_BYTES, offsets_of

LOAD, STORE, FIND, ALERT = "@device_load", "@device_store", "@device_find", "@alert"
DONE, LOOK = 1, 2
FIELDS = ("first", "bytes", "size", "kind", "data", "mask", "raises", "state")
"""Of a row, 8 bytes each."""
ROW_BYTES = WORD_BYTES * len(FIELDS)
OFFSET = offsets_of(VcpuState)
ADDRESS, SIZE, VALUE, NUMBER, START = (
    I64(f"%{name}") for name in ("address", "size", "value", "number", "start")
)


def device_functions(make: Callable[[Function, Callable[[Builder], None]], str]) -> Iterator[str]:
    """The text of each; `make` has that of a function with a body."""
    for name, parameters, emit in (
        (f"i64 {FIND}", (ADDRESS, SIZE, START), _find),
        (f"i64 {LOAD}", (ADDRESS, SIZE), _load),
        (f"i64 {STORE}", (ADDRESS, SIZE, VALUE), _store),
        (f"i64 {ALERT}", (NUMBER,), _alert),
    ):
        function = Function(f"internal {name}", (HART, FRAME, *parameters), "noinline #0")
        yield make(function, emit)


def _field(build: Builder, row: Pointer, name: str) -> I64:
    return build.load(build.offset(row, WORD_BYTES * FIELDS.index(name)), UNKNOWN, I64)


def _find(build: Builder) -> None:
    """Give the row for an access, from START on, 0 if there is none."""
    begin, some, there, inside, other, fits, none = (
        build.new_block(word)
        for word in ("begin", "some", "there", "inside", "other", "fits", "none")
    )
    last = frame_word(build, Word.REGISTERS_END)
    build.branch(build.compare("eq", frame_word(build, Word.ACCESSES_UNSEEN), 0), none, begin)
    build.begin(begin)
    build.goto(some)
    build.begin(some)
    following = I64("%following")
    number = build.phi(I64, (START, begin), (following, other))
    row = build.cast("inttoptr", number, Pointer)
    build.branch(build.compare("eq", number, last), none, there)
    build.begin(there)
    distance = build.binary("sub", ADDRESS, _field(build, row, "first"))
    is_inside = build.compare("ult", distance, _field(build, row, "bytes"))
    build.branch(is_inside, inside, other)
    build.begin(inside)
    differs = build.binary("xor", SIZE, _field(build, row, "size"))
    odd = build.binary("and", ADDRESS, build.binary("sub", SIZE, 1))
    build.branch(build.compare("eq", build.binary("or", differs, odd), 0), fits, other)
    build.begin(other)
    build.binary("add", number, ROW_BYTES, into=following)
    build.goto(some)
    build.begin(fits)
    build.give(number)
    build.begin(none)
    build.give(ZERO)


def _answer(
    build: Builder, answers: dict[RegisterKind, Callable[[Builder, Pointer, BasicBlock], None]]
) -> None:
    """Answer an access by the kind of its row; give 0 if no row has an answer.

    What one row leaves, which is `none`, a later one may answer.
    """
    begin, look, some, none, nothing = (
        build.new_block(word) for word in ("first", "find", "found", "left", "nothing")
    )
    build.goto(begin)
    build.begin(begin)
    first, following = frame_word(build, Word.REGISTERS), I64("%following_row")
    build.goto(look)
    build.begin(look)
    start = build.phi(I64, (first, begin), (following, none))
    found = build.call(I64, FIND, HART, FRAME, ADDRESS, SIZE, start)
    build.branch(build.compare("eq", found, 0), nothing, some)
    build.begin(some)
    row = build.cast("inttoptr", found, Pointer)
    blocks = {int(kind): build.new_block(kind.name.lower()) for kind in answers}
    build.switch(_field(build, row, "kind"), none, blocks)
    for kind, answer in answers.items():
        build.begin(blocks[kind])
        answer(build, row, none)
    build.begin(none)
    build.binary("add", found, ROW_BYTES, into=following)
    build.goto(look)
    build.begin(nothing)
    build.give(ZERO)


def _number(build: Builder, row: Pointer) -> I64:
    """Of which hart a register is."""
    distance = build.binary("sub", ADDRESS, _field(build, row, "first"))
    return build.binary("udiv", distance, SIZE)


def _state(build: Builder, number: I64) -> Pointer:
    """Where a hart's state is."""
    harts = build.load(build.offset(FRAME, 8 * Word.HARTS), COUNTER, Pointer)
    return build.offset(harts, build.binary("mul", number, STATE_BYTES))


def _level(build: Builder, row: Pointer) -> Pointer:
    lines = build.offset(_state(build, _number(build, row)), OFFSET["lines"])
    return build.offset(lines, build.binary("mul", _field(build, row, "data"), WORD_BYTES))


def _deadline(build: Builder, row: Pointer) -> Pointer:
    return build.offset(_state(build, _number(build, row)), OFFSET["timer_deadline"])


def _value_place(build: Builder) -> Pointer:
    return build.offset(FRAME, 8 * Word.REGISTER_VALUE)


def _give_value(build: Builder, value: I64) -> None:
    place = _value_place(build)
    build.store(value, place, UNKNOWN)
    build.give(build.cast("ptrtoint", place, I64))


def _load_level(build: Builder, row: Pointer, _none: BasicBlock) -> None:
    """Whoever drives the line writes it at any time."""
    _give_value(build, build.load_atomic(_level(build, row), "monotonic", I64))


def _load_deadline(build: Builder, row: Pointer, _none: BasicBlock) -> None:
    """Any hart may write it at any time."""
    _give_value(build, build.load_atomic(_deadline(build, row), "monotonic", I64))


def _load_time(build: Builder, _row: Pointer, _none: BasicBlock) -> None:
    uncounted = frame_word(build, Word.UNCOUNTED)
    _give_value(build, build.call(I64, TIME, HART, FRAME, uncounted))


def _device(build: Builder, row: Pointer) -> Pointer:
    """Where a device's state is."""
    return build.cast("inttoptr", _field(build, row, "state"), Pointer)


def _masked_state(build: Builder, row: Pointer, mask: str = "mask") -> I64:
    """The bits of a device's state that the row asks for; other processes write them."""
    state = build.load_atomic(_device(build, row), "monotonic", I64)
    return build.binary("and", state, _field(build, row, mask))


def _load_status(build: Builder, row: Pointer, none: BasicBlock) -> None:
    """The supervisor sets the word before it sends the first input; from then on it is looked for.

    What comes while this looks may be seen with the next look.
    """
    usual, look, quiet = (build.new_block(word) for word in ("usual", "look", "quiet"))
    build.branch(build.compare("eq", _masked_state(build, row), 0), usual, none)
    build.begin(usual)
    began = build.load(build.offset(FRAME, 8 * Word.INPUT_BEGAN), COUNTER, Pointer)
    input_began = build.load_atomic(began, "monotonic", I64)
    build.branch(build.compare("eq", input_began, 0), quiet, look)
    build.begin(look)
    build.branch(build.compare("eq", _waiting(build), 0), quiet, none)
    build.begin(quiet)
    _give_value(build, _field(build, row, "data"))


def _waiting(build: Builder) -> I64:
    """How many characters of input wait, by ioctl(2); not 0 where that is not known."""
    place = _value_place(build)
    build.store(ZERO, place, UNKNOWN)
    function = build.load(build.offset(FRAME, 8 * Word.IOCTL), COUNTER, Pointer)
    low = build.cast("trunc", frame_word(build, Word.INPUT), I32)
    failed = build.call(I32, function, low, I64(str(termios.FIONREAD)), place)
    wide = build.cast("zext", failed, I64)
    return build.binary("or", wide, build.load(place, UNKNOWN, I64))


def _call_function(
    build: Builder, row: Pointer, none: BasicBlock, value: I64, *, stores: bool
) -> Pointer:
    """Call a device's function, and go on behind an access that it made; where the value is."""
    made = build.new_block("made")
    function = build.cast("inttoptr", _field(build, row, "data"), Pointer)
    distance = build.binary("sub", ADDRESS, _field(build, row, "first"))
    words = _field(build, row, "state")
    answer = build.call(I64, function, words, distance, value, I64(str(int(stores))))
    build.branch(build.compare("eq", answer, 0), none, made)
    build.begin(made)
    place = build.cast("inttoptr", words, Pointer)
    alert_all(build, place)
    return build.offset(place, WORD_BYTES * FunctionWord.VALUE)


def alert_all(build: Builder, words: Pointer) -> None:
    """Alert the harts that a function has in its words."""
    before = build.block
    more, raised, one, on, done = (
        build.new_block(word) for word in ("more", "raised", "one", "next", "alerted")
    )
    alerts = build.load(build.offset(words, WORD_BYTES * FunctionWord.ALERTS), UNKNOWN, I64)
    build.goto(more)
    build.begin(more)
    rest, following = I64("%rest"), I64("%following_hart")
    left = build.phi(I64, (alerts, before), (rest, on))
    number = build.phi(I64, (0, before), (following, on))
    build.branch(build.compare("eq", left, 0), done, raised)
    build.begin(raised)
    build.branch(build.compare("eq", build.binary("and", left, 1), 0), on, one)
    build.begin(one)
    build.call(I64, ALERT, HART, FRAME, number)
    build.goto(on)
    build.begin(on)
    build.binary("lshr", left, 1, into=rest)
    build.binary("add", number, 1, into=following)
    build.goto(more)
    build.begin(done)


def _load_by_function(build: Builder, row: Pointer, none: BasicBlock) -> None:
    """A load that raises a line to this hart has it look, with the next look that there is."""
    place = _call_function(build, row, none, ZERO, stores=False)
    raised, done = build.new_block("raised_here"), build.new_block("given")
    words = build.cast("inttoptr", _field(build, row, "state"), Pointer)
    alerts = build.load(build.offset(words, WORD_BYTES * FunctionWord.ALERTS), UNKNOWN, I64)
    build.branch(build.compare("eq", alerts, 0), done, raised)
    build.begin(raised)
    build.atomic("xchg", build.offset(HART, OFFSET["alert"]), I64("1"))
    build.goto(done)
    build.begin(done)
    build.give(build.cast("ptrtoint", place, I64))


def _store_by_function(build: Builder, row: Pointer, none: BasicBlock) -> None:
    _call_function(build, row, none, VALUE, stores=True)
    _give_done(build)


def _load(build: Builder) -> None:
    _answer(
        build,
        {
            RegisterKind.LEVEL: _load_level,
            RegisterKind.DEADLINE: _load_deadline,
            RegisterKind.TIME: _load_time,
            RegisterKind.STATUS: _load_status,
            RegisterKind.FUNCTION: _load_by_function,
        },
    )


def _store_level(build: Builder, row: Pointer, _none: BasicBlock) -> None:
    """One access, which nothing passes; then the hart is told, if the line is raised."""
    raised, on = build.new_block("raised"), build.new_block("lowered")
    level = build.binary("and", VALUE, 1)
    build.atomic("xchg", _level(build, row), level)
    build.branch(build.compare("eq", level, 0), on, raised)
    build.begin(raised)
    build.call(I64, ALERT, HART, FRAME, _number(build, row))
    build.goto(on)
    build.begin(on)
    _give_done(build)


def _give_done(build: Builder) -> None:
    """Say whether an interrupt is due now, by the function in the frame; there is one here."""
    function = build.load(build.offset(FRAME, 8 * Word.DUE), COUNTER, Pointer)
    due = build.call(I64, function, HART, FRAME)
    build.give(build.select(build.compare("eq", due, 0), DONE, LOOK, I64))


def _store_deadline(build: Builder, row: Pointer, _none: BasicBlock) -> None:
    """As a level."""
    build.atomic("xchg", _deadline(build, row), VALUE)
    build.call(I64, ALERT, HART, FRAME, _number(build, row))
    _give_done(build)


def _store_sent(build: Builder, row: Pointer, none: BasicBlock) -> None:
    """The state's bytes are written by any hart at any time, one access each."""
    free, sent, raising, quiet = (
        build.new_block(word) for word in ("free", "sent", "raising", "quiet")
    )
    build.branch(build.compare("eq", _masked_state(build, row), 0), quiet, none)
    build.begin(quiet)
    told = build.offset(_device(build, row), _field(build, row, "data"))
    raises = build.compare("eq", _masked_state(build, row, "raises"), 0)
    build.branch(raises, free, raising)
    build.begin(raising)
    # who clears it meanwhile, for an interrupt that is taken, is as one who does so after this
    is_told = build.cast("zext", build.load_atomic(told, "monotonic", I8), I64)
    build.branch(build.compare("eq", is_told, 0), none, free)
    build.begin(free)
    place = _value_place(build)
    build.store(VALUE, place, UNKNOWN)
    written = _write(build, frame_word(build, Word.CONSOLE), place, 1)
    # the host tries again what was interrupted, and knows what to do about a closed console
    build.branch(build.compare("eq", written, 1), sent, none)
    build.begin(sent)
    still, done = build.new_block("still"), build.new_block("done")
    build.branch(raises, still, done)
    build.begin(still)
    build.store(I8("1"), told, UNKNOWN)
    build.goto(done)
    build.begin(done)
    build.give(constant(DONE))


def _store(build: Builder) -> None:
    _answer(
        build,
        {
            RegisterKind.LEVEL: _store_level,
            RegisterKind.DEADLINE: _store_deadline,
            RegisterKind.SEND: _store_sent,
            RegisterKind.FUNCTION: _store_by_function,
        },
    )


def _write(build: Builder, descriptor: I64, place: Pointer, size: int) -> I64:
    """Call write(2)."""
    function = build.load(build.offset(FRAME, 8 * Word.WRITE), COUNTER, Pointer)
    low = build.cast("trunc", descriptor, I32)
    return build.call(I64, function, low, place, size)


def _alert(build: Builder) -> None:
    """Have a hart look at its inputs, and wake it if it sleeps; this one looks by itself.

    The input was written before. What is written here is so before the hart's activity is read: a
    hart says that it sleeps before it looks at its inputs for the last time.
    """
    other, asleep, done = (build.new_block(word) for word in ("other", "asleep", "done"))
    state = _state(build, NUMBER)
    build.branch(build.compare("eq", state, HART), done, other)
    build.begin(other)
    build.atomic("xchg", build.offset(state, OFFSET["alert"]), I64("1"))
    activity = build.load_atomic(build.offset(state, OFFSET["state"]), "monotonic", I64)
    build.branch(build.compare("eq", activity, int(Activity.IDLE)), asleep, done)
    build.begin(asleep)
    descriptors = build.load(build.offset(FRAME, 8 * Word.WAKE), COUNTER, Pointer)
    at = build.offset(descriptors, build.binary("mul", NUMBER, WORD_BYTES))
    place = _value_place(build)
    build.store(1, place, UNKNOWN)
    _write(build, build.load(at, COUNTER, I64), place, WORD_BYTES)
    build.goto(done)
    build.begin(done)
    build.give(ZERO)
