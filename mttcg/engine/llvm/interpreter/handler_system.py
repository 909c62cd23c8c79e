"""The words for the system in a handler: those about an instruction."""

from collections.abc import Callable

from mttcg.engine.llvm.counts import INSTRUCTION_SHIFT
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.interpreter.device_functions import alert_all
from mttcg.engine.llvm.interpreter.fetch_again import fetch_again
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa, SystemEvents
from mttcg.engine.llvm.interpreter.state_words import NativeState, arithmetic
from mttcg.engine.llvm.interpreter.system_functions import TRAP
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, ZERO, Pointer
from mttcg.engine.llvm.pauses import pause
from mttcg.engine.llvm.places import FRAME, HART, INSTRUCTIONS, SINCE
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.signature import BLOCK, IP, RUNNING, frame_word, tail_call
from mttcg.isa.operations import SystemWords
from mttcg.memory.native_registers import CallOutcome


class HandlerSystem(NativeState, SystemWords[I64]):
    """The words for the system in a handler.

    Args:
        builder: of the function.
        segment: that is being emitted.
        exits: the ways out.
        isa: the guest's.
        events: what may follow from an instruction.
        finish: emits the instruction's end.

    Attributes:
        changed: whether an interrupt may be due behind the instruction, or other code fetched.
    """

    def __init__(
        self,
        builder: Builder,
        segment: Segment,
        exits: Exits,
        isa: InterpretedIsa,
        events: SystemEvents,
        finish: Callable[[], None],
    ) -> None:
        super().__init__(builder, isa.offsets)
        self.segment, self.exits, self.isa, self.events = segment, exits, isa, events
        self.finish = finish
        self.changed = False

    def retired(self) -> I64:
        """See SystemWords."""
        build = self.builder
        counted = build.binary("sub", RUNNING, build.load(SINCE, COUNTER, I64))
        here = build.binary("ashr", counted, INSTRUCTION_SHIFT)
        return build.binary("add", build.load(INSTRUCTIONS, COUNTER, I64), here)

    def uncounted(self) -> I64:
        """See NativeState; this instruction is one of them."""
        counted = self.builder.binary("sub", RUNNING, self.builder.load(SINCE, COUNTER, I64))
        return self.builder.binary(
            "add", self.builder.binary("ashr", counted, INSTRUCTION_SHIFT), 1
        )

    def write_state(self, field: str, value: I64, number: int = 0) -> None:
        """See StateWords."""
        super().write_state(field, value, number)
        if field in self.events.timers:
            turns = frame_word(self.builder, Word.TURNS)  # the host looks when it comes there
            self.builder.store(turns, self.builder.offset(FRAME, 8 * Word.TIMER_SET), COUNTER)

    def require(self, condition: I64) -> None:
        """See SystemWords."""
        self.exits.illegal_unless(self.builder.compare("ne", condition, 0), 0)

    def call_firmware(self, condition: I64) -> None:
        """See SystemWords. What is native of the firmware answers it, or leaves it to the host."""
        build = self.builder
        on, call, ask, answered, fence, end, leave = (
            build.new_block(word)
            for word in ("on", "call", "ask", "answered", "fence", "end", "host")
        )
        build.branch(build.compare("eq", condition, 0), on, call)
        build.begin(call)
        function = build.load(build.offset(FRAME, 8 * Word.FIRMWARE), COUNTER, Pointer)
        number = build.cast("ptrtoint", function, I64)
        build.branch(build.compare("ne", number, 0), ask, leave)
        build.begin(ask)
        words = build.load(build.offset(FRAME, 8 * Word.FIRMWARE_WORDS), COUNTER, Pointer)
        outcome = build.call(I64, function, words, HART)
        build.branch(build.compare("ne", outcome, int(CallOutcome.LEFT)), answered, leave)
        build.begin(answered)
        alert_all(build, words)
        build.branch(build.compare("eq", outcome, int(CallOutcome.FENCED)), fence, end)
        build.begin(fence)
        drop = build.load(build.offset(FRAME, 8 * Word.FENCE), COUNTER, Pointer)
        build.run(drop, FRAME)
        build.goto(end)
        build.begin(end)
        self.changed = True  # an interrupt may be due behind it
        self.finish()
        self.changed = False
        build.begin(leave)
        self.exits.leave(Reason.SYSTEM, ZERO, 0)
        build.begin(on)

    def _leave_unless(self, bit: I1) -> None:
        """Leave the instruction to the host if a bit is 0."""
        build = self.builder
        on, off = build.new_block("on"), build.new_block("host")
        build.branch(bit, on, off, UNLIKELY)
        with build.cold():
            build.begin(off)
            self.exits.leave(Reason.SYSTEM, ZERO, 0)
        build.begin(on)

    def lower_input(self, number: int) -> I64:
        """See SystemWords. By an exchange, which nothing passes."""
        place = self._place("lines", number)
        self.builder.atomic("xchg", place, I64("0"))
        return ZERO

    def trap(self, cause: I64, value: I64) -> None:
        """See SystemWords."""
        build = self.builder
        for word, given in ((Word.CAUSE, cause), (Word.TRAP_VALUE, value)):
            build.store(given, build.offset(FRAME, 8 * word), COUNTER)
        tail_call(build, f"@{TRAP}", IP, RUNNING, BLOCK)
        self.segment.ended = True

    def trap_unless_call(self, cause: I64, value: I64) -> None:
        """See SystemWords."""
        self.exits.leave(Reason.SYSTEM, ZERO, 0)
        self.segment.ended = True

    def status_changed(self) -> None:
        """See SystemWords."""
        self.changed = True

    def wait(self) -> None:
        """See SystemWords. The host sleeps; a hart that does not lets others run now and then."""
        build = self.builder
        on, sleep = build.new_block("on"), build.new_block("sleep")
        waking = self.events.waking_interrupts(arithmetic(build, self.isa), self)
        build.branch(build.compare("ne", waking, 0), on, sleep)
        build.begin(sleep)
        self.exits.leave(Reason.SYSTEM, ZERO, 0)
        build.begin(on)
        pause(build)
        self.changed = True

    def fence_translations(self, address: I64 | None = None) -> None:
        """See SystemWords."""
        build = self.builder
        word = Word.FENCE if address is None else Word.FENCE_ADDRESS
        function = build.load(build.offset(FRAME, 8 * word), COUNTER, Pointer)
        build.run(function, FRAME, *(() if address is None else (address,)))
        self.changed = True  # so that the next block is looked for by its address

    def fetch_again(self) -> None:
        """See SystemWords. What is not for native code is left to the host."""
        fetch_again(self.builder, self.exits)
        self.changed = True  # so that the next block is looked for by its address
