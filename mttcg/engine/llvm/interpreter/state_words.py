"""StateWords in native code: fields of the hart's state, its inputs, and the clock."""

from collections.abc import Callable, Mapping

from mttcg.engine.llvm.arithmetic import Arithmetic
from mttcg.engine.llvm.calls import Calls
from mttcg.engine.llvm.counts import Counts
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.plain_ram import PlainRam
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER
from mttcg.engine.llvm.ir.values import I1, I32, I64, Pointer
from mttcg.engine.llvm.pieces import Pieces
from mttcg.engine.llvm.places import FRAME, HART, INSTRUCTIONS, Labels
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.signature import frame_pointer, frame_word
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.windows import Windows
from mttcg.isa.operations import Operations, StateWords
from mttcg.state.words import WORD_BYTES

TIME = "@time"
"""The function that reads the guest's clock."""
UNCOUNTED = I64("%uncounted")
"""Its parameter: instructions that the hart's counter lacks."""
CLOCK_MONOTONIC = 1
"""Of clock_gettime(2), which Python's monotonic_ns is."""
NANOSECONDS = 1_000_000_000
"""In a second."""


class NativeState(StateWords[I64]):
    """StateWords as native code.

    Args:
        builder: of the function.
        offsets: where the fields of the hart's state are, in bytes.
    """

    def __init__(self, builder: Builder, offsets: Mapping[str, int]) -> None:
        self.builder, self.offsets = builder, offsets

    def _place(self, field: str, number: int = 0) -> Pointer:
        return self.builder.offset(HART, self.offsets[field] + WORD_BYTES * number)

    def read_state(self, field: str, number: int = 0) -> I64:
        """See StateWords."""
        return self.builder.load(self._place(field, number), COUNTER, I64)

    def write_state(self, field: str, value: I64, number: int = 0) -> None:
        """See StateWords."""
        self.builder.store(value, self._place(field, number), COUNTER)

    def input_level(self, number: int) -> I64:
        """See StateWords. Whoever drives the line writes it at any time."""
        return self.builder.load_atomic(self._place("lines", number), "monotonic", I64)

    def timer_level(self) -> I64:
        """See StateWords. Whoever sets the timer writes its time, whenever."""
        build = self.builder
        deadline = build.load_atomic(self._place("timer_deadline"), "monotonic", I64)
        return self.has_come(deadline)

    def has_come(self, time: I64) -> I64:
        """See StateWords. The clock is not read for a time that does not come."""
        build = self.builder
        is_set = build.compare("ne", time, -1)
        return self._if(
            is_set, lambda: build.cast("zext", build.compare("ule", time, self.time()), I64)
        )

    def given(self, condition: I64, then: Callable[[], I64]) -> I64:
        """See StateWords."""
        return self._if(self.builder.compare("ne", condition, 0), then)

    def _if(self, bit: I1, then: Callable[[], I64]) -> I64:
        build = self.builder
        yes, on, before = build.new_block("yes"), build.new_block("on"), build.block
        build.branch(bit, yes, on)
        build.begin(yes)
        value, end = then(), build.block
        build.goto(on)
        build.begin(on)
        return build.phi(I64, (value, end), (0, before))

    def time(self) -> I64:
        """See StateWords."""
        return self.builder.call(I64, TIME, HART, FRAME, self.uncounted())

    def uncounted(self) -> I64:
        """Instructions up to here that the hart's counter lacks."""
        return I64("0")


def arithmetic(build: Builder, isa: InterpretedIsa) -> Operations[I64]:
    """The words that compute, in a function that is no instruction's."""
    segment, host = Segment(), isa.llvm.host_float
    parts = build, Labels(), segment
    windows, calls = Windows(build, host), Calls(build, host)
    exits = Exits(*parts, Counts(build, Sites(), calls), windows)
    spans = PlainRam(build, segment, exits)
    pieces = Pieces(*parts, spans, windows, joined=True)
    return Arithmetic(build, segment, spans, pieces)  # type: ignore[return-value]


def read_clock(build: Builder) -> None:
    """The body of `TIME`: ticks, as `MachineState.time` has them.

    The clock's origin is written by whoever sets the clock, at any time, in one access.
    """
    turns, wall, on = (build.new_block(word) for word in ("turns", "wall", "on"))
    by_turns = frame_pointer(build, Word.TURN_CLOCK)
    none = build.compare("eq", build.cast("ptrtoint", by_turns, I64), 0)
    build.branch(none, wall, turns)
    build.begin(turns)
    retired = build.binary("add", build.load(INSTRUCTIONS, COUNTER, I64), UNCOUNTED)
    by_instructions = build.binary("add", retired, build.load(by_turns, COUNTER, I64))
    build.goto(on)
    build.begin(wall)
    at = build.offset(FRAME, 8 * Word.SECONDS)
    function = build.load(build.offset(FRAME, 8 * Word.CLOCK), COUNTER, Pointer)
    build.call(I32, function, I32(CLOCK_MONOTONIC), at)
    seconds = build.binary("mul", frame_word(build, Word.SECONDS), NANOSECONDS)
    now = build.binary("add", seconds, frame_word(build, Word.NANOSECONDS))
    origin = build.load(build.offset(FRAME, 8 * Word.CLOCK_ORIGIN), COUNTER, Pointer)
    by_clock = build.binary("sub", now, build.load_atomic(origin, "monotonic", I64))
    build.goto(on)
    build.begin(on)
    elapsed = build.phi(I64, (by_instructions, turns), (by_clock, wall))
    ticks, per = frame_word(build, Word.TICKS), frame_word(build, Word.TICKS_PER)
    whole = build.binary("mul", build.binary("udiv", elapsed, per), ticks)
    rest = build.binary("mul", build.binary("urem", elapsed, per), ticks)
    build.give(build.binary("add", whole, build.binary("udiv", rest, per)))
