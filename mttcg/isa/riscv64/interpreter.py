"""The definition of RV64GC: an interpreter over the instruction table, in plain Python."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mttcg.isa.interpreted_memory import Stopped
from mttcg.isa.interpreter import IntegerInterpreter
from mttcg.isa.operations import Operations, StateFields
from mttcg.isa.riscv64.code import Rv64Code
from mttcg.isa.riscv64.float_operations import evaluate
from mttcg.isa.riscv64.floats import Rounding
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.table.floating import DYNAMIC
from mttcg.isa.riscv64.traps import FAULT_CAUSES, Cause
from mttcg.isa.system import Trap
from mttcg.memory.address import Virtual

ROUNDING_SHIFT = 5
"""Where frm lies in fcsr (Unprivileged ISA 20.2)."""


@dataclass
class Interpreter(IntegerInterpreter):
    """One hart and its memory.

    `float_on` says whether mstatus.FS lets floating-point instructions run.
    """

    code = Rv64Code()
    causes = FAULT_CAUSES
    f: list[int] = field(default_factory=lambda: [0] * 32)
    fcsr: int = 0
    float_on: bool = True

    def read_f(self, register: int) -> int:
        """See Operations."""
        return self.f[register]

    def write_f(self, register: int, value: int) -> None:
        """See Operations."""
        self.f[register] = value

    def illegal(
        self, word: int, unless: Callable[[Operations[int], StateFields[int]], int] | None = None
    ) -> None:
        """See Operations. Without a hart around it, it is in machine mode, which may do all."""
        if unless is not None:
            return
        word &= (1 << 8 * length(word)) - 1
        raise Stopped(Trap(Cause.ILLEGAL_INSTRUCTION, self.pc, word))

    def float(self, operation: str, rounding: int, *operands: int) -> int:
        """See Operations."""
        mode = self.fcsr >> ROUNDING_SHIFT if rounding == DYNAMIC else rounding
        bits, flags = evaluate(operation, mode, *operands)
        self.fcsr |= int(flags)
        return bits

    def require_float(self, word: int, rounds: bool = False) -> None:
        """See Operations."""
        if not self.float_on or (rounds and self.fcsr >> ROUNDING_SHIFT > max(Rounding)):
            self.illegal(word)

    def read_float_control(self) -> int:
        """See Operations."""
        return self.fcsr

    def write_float_control(self, value: int) -> None:
        """See Operations."""
        self.fcsr = value


def compute(hart: Hart, word: int) -> Virtual:
    """Run an instruction at hart.pc that computes with registers alone; the pc behind it.

    What it writes is in the hart's state then; pc is left as it is.
    """
    by = Interpreter(pc=hart.pc, x=list(hart.x), f=list(hart.f), fcsr=hart.fcsr)
    stopped = by.step(word)
    assert stopped is None, "what computes with registers alone can't stop"
    for register in range(32):
        hart.write_x(register, by.x[register])
        hart.f[register] = by.f[register]
    hart.fcsr = by.fcsr
    return by.pc
