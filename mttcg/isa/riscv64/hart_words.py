"""What SystemWords mean over a hart's state, in plain Python: their definition.

The engine has spilled the integer registers and counted the instruction as retired; whoever calls
takes the retirement back if it traps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from mttcg.isa.interpreted_memory import LeftInstruction, Stopped
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Operations, StateFields, SystemWords
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Clock, Effect, Trap
from mttcg.memory.address import Virtual
from mttcg.state.words import MASK

SYSTEM_KINDS = (Kind.SYSTEM, Kind.BREAKPOINT)
"""Those of the instructions that an engine leaves to the host and that are not illegal then."""
ARITHMETIC = Interpreter()
"""The words that compute, for what is no instruction."""


class StoppedClock:
    """For what does not ask for the time."""

    def time(self) -> int:
        """See Clock."""
        return 0


class HartWords:
    """The words for one instruction, or for what else happens at the hart's pc.

    Args:
        hart: the hart's state.
        clock: the guest's.
        word: the instruction, if it is one.

    Attributes:
        effect: what the vCPU has to do behind the instruction.
    """

    def __init__(self, hart: Hart, clock: Clock, word: int = 0) -> None:
        self.hart, self.clock, self.word = hart, clock, word
        self.effect = Effect.NOTHING

    def read_state(self, field: str, number: int = 0) -> int:
        """See SystemWords."""
        value = getattr(self.hart, field)
        return int(value[number] if isinstance(value, memoryview) else value)

    def write_state(self, field: str, value: int, number: int = 0) -> None:
        """See SystemWords."""
        words = getattr(self.hart, field)
        if isinstance(words, memoryview):
            words[number] = value
        else:
            setattr(self.hart, field, value)

    def input_level(self, number: int) -> int:
        """See SystemWords."""
        level: int = self.hart.lines[number]
        return level

    def timer_level(self) -> int:
        """See SystemWords."""
        return int(self.hart.timer_deadline <= self.clock.time())

    def has_come(self, time: int) -> int:
        """See SystemWords."""
        return int(time <= self.time())

    def given(self, condition: int, then: Callable[[], int]) -> int:
        """See SystemWords."""
        return then() if condition else 0

    def time(self) -> int:
        """See SystemWords."""
        return self.clock.time() & MASK

    def retired(self) -> int:
        """See SystemWords."""
        return self.hart.instructions - 1 & MASK

    def call_firmware(self, condition: int) -> None:
        """See SystemWords."""
        if condition:
            self.effect = Effect.CALL
            raise Stopped(LeftInstruction(self.word))

    def lower_input(self, number: int) -> int:
        """See SystemWords. What is behind it is Python, which takes longer than the store."""
        self.hart.lines[number] = 0
        return 0

    def require(self, condition: int) -> None:
        """See SystemWords."""
        if not condition:
            raise Stopped(Trap(Cause.ILLEGAL_INSTRUCTION, self.hart.pc, self.word))

    def trap(self, cause: int, value: int) -> None:
        """See SystemWords."""
        raise Stopped(Trap(cause, self.hart.pc, value))

    def trap_unless_call(self, cause: int, value: int) -> None:
        """See SystemWords. Whoever runs an instruction has looked before."""
        self.trap(cause, value)

    def status_changed(self) -> None:
        """See SystemWords."""
        if self.effect is not Effect.TRANSLATIONS:  # which is more
            self.effect = Effect.STATUS

    def wait(self) -> None:
        """See SystemWords."""
        self.effect = Effect.WAIT

    def fetch_again(self) -> None:
        """See SystemWords."""
        self.effect = Effect.FETCH

    def fence_translations(self, address: int | None = None) -> None:
        """See SystemWords. To drop more than what is of an address is allowed."""
        self.effect = Effect.TRANSLATIONS


@dataclass(kw_only=True)
class HartInterpreter(Interpreter):
    """Runs an instruction with these words; its integer registers are those of the hart."""

    words: HartWords

    def illegal(
        self, word: int, unless: Callable[[Operations[int], StateFields[int]], int] | None = None
    ) -> None:
        """See Operations."""
        if unless is None:
            super().illegal(word)
        else:
            self.words.require(unless(cast("Operations[int]", self), self.words))

    def system(self, word: int, does: Callable[[SystemWords[int]], None] | None = None) -> None:
        """See Operations."""
        assert does is not None, "all is in the words"
        does(self.words)


def execute(hart: Hart, word: int, clock: Clock) -> Effect | Trap:
    """Run one instruction at the hart's pc that an engine left to the host.

    What is none of the system's is illegal, floating point with the unit off included.
    """
    word &= (1 << 8 * length(word)) - 1
    words = HartWords(hart, clock, word)
    by = HartInterpreter(pc=hart.pc, x=cast("list[int]", hart.x), words=words)
    if by.code.facts(word).kind not in SYSTEM_KINDS:
        return Trap(Cause.ILLEGAL_INSTRUCTION, hart.pc, word)
    outcome = by.step(word)
    if outcome is None:
        hart.pc = by.pc
        return words.effect
    if isinstance(outcome, Trap):
        return outcome
    assert words.effect is Effect.CALL, "nothing else is left again"
    hart.pc = Virtual(hart.pc + length(word) & MASK)
    return Effect.CALL
