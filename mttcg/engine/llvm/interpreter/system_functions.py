"""What happens to a hart between instructions, natively: traps, interrupts, looks for them.

`ATTEND` looks at all that may be due, and takes an interrupt; `DUE` only says whether one is. Both
are called with the hart and the frame, and have addresses in the frame. `STATUS` goes on at the
hart's pc behind an instruction that changed what may be due, `TRAP` takes the trap whose cause and
value are in the frame. The host sees a trap now and then, and if it wants to, each one, and each
interrupt: `Word.TRAPS_UNSEEN` says how many traps it need not see.
"""

from mttcg.engine.llvm.counts import publish_counts
from mttcg.engine.llvm.frame import ONE_INSTRUCTION, Reason, Word
from mttcg.engine.llvm.interpreter.going_round import let_others_run
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa, SystemEvents
from mttcg.engine.llvm.interpreter.state_words import NativeState, arithmetic
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I64, ZERO, BasicBlock, Pointer
from mttcg.engine.llvm.places import COUNT, DETAIL, EXIT, FRAME, HART, PC, REQUEST
from mttcg.engine.llvm.signature import (
    BLOCK,
    DISPATCH,
    IP,
    LEAVE,
    RUNNING,
    frame_word,
    pc_at,
    tail_call,
)

ATTEND, DUE, STATUS, TRAP = "attend", "due", "status", "trap"
ATTEND_AT_LOOK = "attend_at_look"
LAST_TRAP = (Word.LAST_CAUSE, Word.LAST_PC, Word.LAST_VALUE)
BEFORE_TRAP = (Word.BEFORE_CAUSE, Word.BEFORE_PC, Word.BEFORE_VALUE)


def _store_word(build: Builder, word: Word, value: I64) -> None:
    build.store(value, build.offset(FRAME, 8 * word), COUNTER)


class SystemFunctions:
    """Emits the bodies of these functions.

    Args:
        isa: the guest's.
        events: what happens, in the words of StateWords.
    """

    def __init__(self, isa: InterpretedIsa, events: SystemEvents) -> None:
        self.isa, self.events = isa, events

    def _follow(self, build: Builder) -> None:
        """Have addresses translated as the hart's level and status say now.

        Counts are published, as some belong to the context that the hart leaves.
        """
        if self.isa.translation:
            at = build.offset(FRAME, 8 * Word.FOLLOW_CONTEXT)
            build.run(build.load(at, COUNTER, Pointer), HART, FRAME)

    def _serve_fences(self, build: Builder, host: BasicBlock) -> None:
        """Do the fences that others asked for, or go to where the host is to look."""
        if not self.isa.translation:
            return
        fence, on = build.new_block("fence"), build.new_block("served")
        asked = build.offset(HART, self.isa.offsets["fences_asked"])
        none = build.compare("eq", build.load_atomic(asked, "monotonic", I64), 0)
        build.branch(none, on, fence)
        build.begin(fence)
        function = build.load(build.offset(FRAME, 8 * Word.SERVE_FENCES), COUNTER, Pointer)
        left = build.call(I64, function, HART, FRAME)
        build.branch(build.compare("eq", left, 0), on, host)
        build.begin(on)

    def due(self, build: Builder) -> None:
        """Give whether an interrupt is to be taken."""
        hart, ops = NativeState(build, self.isa.offsets), arithmetic(build, self.isa)
        build.give(self.events.due_interrupts(ops, hart))

    def attend(self, build: Builder) -> None:
        """Take the interrupt that is due; give 1 if the host is to look, else 0.

        The host clears the request before it looks at what was asked for. Here the alert is cleared
        before the inputs are read, by an exchange, which nothing passes: who changes an input
        afterwards sets it again.
        """
        hart, ops = NativeState(build, self.isa.offsets), arithmetic(build, self.isa)
        host, alerted, clear, inputs, some, take, on = (
            build.new_block(word)
            for word in ("host", "alerted", "clear", "inputs", "some", "take", "on")
        )
        asked = build.load_atomic(REQUEST, "monotonic", I64)
        build.branch(build.compare("eq", asked, 0), alerted, host)
        build.begin(alerted)
        alert = build.offset(HART, self.isa.offsets["alert"])
        quiet = build.compare("eq", build.load_atomic(alert, "monotonic", I64), 0)
        build.branch(quiet, inputs, clear)
        build.begin(clear)
        build.atomic("xchg", alert, I64("0"))
        build.goto(inputs)
        build.begin(inputs)
        self._serve_fences(build, host)
        due = self.events.due_interrupts(ops, hart)
        build.branch(build.compare("eq", due, 0), on, some)
        build.begin(some)
        unseen = frame_word(build, Word.TRAPS_UNSEEN)
        build.branch(build.compare("eq", unseen, 0), host, take)
        build.begin(take)
        self.events.take_interrupt(ops, hart, due)
        self._follow(build)
        build.goto(on)
        build.begin(on)
        build.give(ZERO)
        build.begin(host)
        build.give(I64("1"))

    def attend_at_look(self, build: Builder) -> None:
        """The same, in code that has run for a while."""
        let_others_run(build, self.isa)
        build.give(build.call(I64, f"@{ATTEND}", HART, FRAME))

    def status(self, build: Builder) -> None:
        """Go on at the hart's pc, where no block has been entered yet, or at an interrupt's."""
        stop, go = build.new_block("stop"), build.new_block("go")
        build.store(RUNNING, COUNT, COUNTER)
        publish_counts(build)
        self._follow(build)
        asked = build.call(I64, f"@{ATTEND}", HART, FRAME)
        asked = build.binary("or", asked, frame_word(build, Word.TIMER_SET))
        build.branch(build.compare("eq", asked, 0), go, stop)
        build.begin(go)
        tail_call(build, DISPATCH, IP, RUNNING, build.load(PC, COUNTER, I64))
        build.begin(stop)
        build.store(int(Reason.REQUEST), EXIT, COUNTER)
        build.end(returns=True)

    def trap(self, build: Builder) -> None:
        """Take a trap at an instruction, or leave that to the host, for which it is retired."""
        host, native = build.new_block("host"), build.new_block("native")
        build.branch(build.compare("eq", frame_word(build, Word.TRAPS_UNSEEN), 0), host, native)
        build.begin(host)
        build.store(ZERO, DETAIL, UNKNOWN)
        counted = build.binary("add", RUNNING, ONE_INSTRUCTION)
        tail_call(build, f"{LEAVE}_{Reason.SYSTEM.name}", IP, counted, BLOCK)
        build.begin(native)
        cause, value = frame_word(build, Word.CAUSE), frame_word(build, Word.TRAP_VALUE)
        self.take_trap(build, cause, pc_at(build, IP), value)

    def take_trap(self, build: Builder, cause: I64, pc: I64, value: I64) -> None:
        """Take a trap that the host need not see, at a pc."""
        hart, ops = NativeState(build, self.isa.offsets), arithmetic(build, self.isa)
        left = build.binary("sub", frame_word(build, Word.TRAPS_UNSEEN), 1)
        _store_word(build, Word.TRAPS_UNSEEN, left)
        _remember(build, (cause, pc, value))
        build.store(RUNNING, COUNT, COUNTER)
        publish_counts(build)
        self.events.take_trap(ops, hart, cause, pc, value)
        self._follow(build)
        tail_call(build, DISPATCH, IP, RUNNING, build.load(PC, COUNTER, I64))


def _remember(build: Builder, trap: tuple[I64, I64, I64]) -> None:
    """Keep the last trap, and the last other one before it, for whoever looks for loops."""
    last = [frame_word(build, word) for word in LAST_TRAP]
    before = [frame_word(build, word) for word in BEFORE_TRAP]
    differs = ZERO
    for old, new in zip(last, trap, strict=True):
        differs = build.binary("or", differs, build.binary("xor", old, new))  # type: ignore[assignment]
    other = build.compare("ne", differs, 0)
    for word, old, kept in zip(BEFORE_TRAP, last, before, strict=True):
        _store_word(build, word, build.select(other, old, kept, I64))
    for word, new in zip(LAST_TRAP, trap, strict=True):
        _store_word(build, word, new)
