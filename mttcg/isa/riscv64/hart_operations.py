"""What the words of SystemOperations mean over a hart's state, in plain Python: their definition.

The engine has spilled the integer registers and counted the instruction as retired; whoever calls
takes the retirement back if it traps.
"""

from collections.abc import Callable
from typing import cast

from mttcg.isa.interpreted_memory import Stopped
from mttcg.isa.kind import Kind
from mttcg.isa.operations import SystemOperations
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Clock, Effect, Trap
from mttcg.memory.address import Virtual
from mttcg.state.words import MASK

HELD = (Kind.SYSTEM, Kind.BREAKPOINT)
"""Kinds of the instructions that an engine may leave to the host and that are not illegal then."""


class StoppedClock:
    """For what does not ask for the time."""

    def time(self) -> int:
        """See Clock."""
        return 0


class HartOperations(Interpreter):
    """The words for one instruction, or for what else happens at the hart's pc.

    Args:
        hart: the hart's state.
        clock: the guest's.

    Attributes:
        effect: what the vCPU has to do behind the instruction.
    """

    def __init__(self, hart: Hart, clock: Clock) -> None:
        super().__init__(pc=hart.pc, x=cast("list[int]", hart.x))
        self.hart, self.clock = hart, clock
        self.effect = Effect.NOTHING

    def execute(self, word: int) -> Effect | Trap:
        """Run one instruction at the hart's pc that an engine left to the host.

        What is none of the system's is illegal, floating point with the unit off included.
        """
        outcome = self.step(word) if self.code.facts(word).kind in HELD else self._refuse(word)
        if outcome is None:
            self.hart.pc = self.pc
            return self.effect
        assert isinstance(outcome, Trap), "the system's instructions are not left again"
        return outcome

    def _refuse(self, word: int) -> Trap:
        return Trap(Cause.ILLEGAL_INSTRUCTION, self.pc, word & (1 << 8 * length(word)) - 1)

    def system(self, word: int, does: Callable[[SystemOperations[int]], None]) -> None:
        """See Operations."""
        does(self)

    def read_state(self, field: str) -> int:
        """See SystemOperations."""
        value: int = getattr(self.hart, field)
        return value

    def write_state(self, field: str, value: int) -> None:
        """See SystemOperations."""
        setattr(self.hart, field, value)

    def input_level(self, number: int) -> int:
        """See SystemOperations."""
        level: int = self.hart.lines[number]
        return level

    def deadline(self) -> int:
        """See SystemOperations."""
        return self.hart.timer_deadline

    def time(self) -> int:
        """See SystemOperations."""
        return self.clock.time() & MASK

    def retired(self) -> int:
        """See SystemOperations."""
        return self.hart.instructions - 1 & MASK

    def trap(self, cause: int, value: int) -> None:
        """See SystemOperations."""
        raise Stopped(Trap(cause, Virtual(self.pc), value))

    def status_changed(self) -> None:
        """See SystemOperations."""
        self.effect = Effect.STATUS

    def wait(self) -> None:
        """See SystemOperations."""
        self.effect = Effect.WAIT

    def fetch_again(self) -> None:
        """See SystemOperations."""
        self.effect = Effect.FETCH
