"""Noticing that a hart takes the same trap for ever.

A trap is the same once more if cause, pc and value are those of the last one, its handler would
still return to where that one was, so that none has gone on behind the instruction, and as many
instructions were retired in between as before. So a guest that makes the same call again and again
is in no loop, nor is one in which anything else is taken in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mttcg.isa.system import System, Trap
from mttcg.state.vcpu_state import VcpuState

SUSPECTED, SURE = 2000, 3000
"""Times the same trap is taken until the registers are looked at, which must not change from then
on, and until it is taken for a loop."""
MOST_TOLD = 16
"""Loops of one hart that are told of."""


@dataclass(frozen=True)
class TrapLoop:
    """A loop: the trap, the handler as its register has it, and the other trap taken before."""

    trap: Trap
    handler: int
    before: Trap | None


class TrapLoops:
    """Looks at the traps of one hart: a few comparisons for each.

    Args:
        hart: the hart.
        system: of its ISA.
        spill: brings the integer registers to the hart's state.
        found: told of each loop, once.
    """

    def __init__(
        self,
        hart: VcpuState,
        system: System[Any],
        spill: Callable[[], None],
        found: Callable[[TrapLoop], None],
    ) -> None:
        self.hart, self.system, self.spill, self.found = hart, system, spill, found
        self.last: Trap | None = None
        self.before: Trap | None = None
        self.instructions = self.between = self.interrupts = self.times = 0
        self.registers = b""
        self.told: set[Trap] = set()

    def look(self, trap: Trap) -> None:
        """Look at a trap before the hart takes it."""
        hart = self.hart
        between = hart.instructions - self.instructions
        self.instructions += between
        if trap != self.last:
            self.before, self.last, self.times = self.last, trap, 0
        elif hart.interrupts != self.interrupts:
            self.interrupts = hart.interrupts  # its handler retired instructions, too
        elif self.system.trapped_pc(hart) != trap.pc or between != self.between:
            self.between, self.times = between, 0
        else:
            self.times += 1
            if SUSPECTED <= self.times <= SURE:
                self._look_closer(trap)

    def pass_over(self, last: Trap, before: Trap | None) -> None:
        """Learn of traps that were not looked at: the last, and the last other one before it."""
        self.last, self.before, self.times = last, before, 0

    def suspects(self, trap: Trap) -> bool:
        """Whether a trap that was just looked at may be one of a loop, not told of yet."""
        again = trap not in self.told and len(self.told) < MOST_TOLD
        return again and self.system.trapped_pc(self.hart) == trap.pc

    def forget(self) -> None:
        """Begin anew: the hart goes on elsewhere than in its handler."""
        self.last, self.times = None, 0

    def _look_closer(self, trap: Trap) -> None:
        """Compare the registers with those of when this was first suspected."""
        self.spill()
        registers = self.system.integer_registers(self.hart).tobytes()
        if self.times == SUSPECTED:
            self.registers = registers
        elif registers != self.registers:
            self.times = 0
        elif self.times == SURE and trap not in self.told and len(self.told) < MOST_TOLD:
            self.told.add(trap)
            self.found(TrapLoop(trap, self.system.handler(self.hart), self.before))
