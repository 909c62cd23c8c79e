"""The instructions of the SYSTEM and MISC-MEM opcodes that the host runs, one function each.

Written over the hart state alone, so that every engine shares them. The engine has spilled the
integer registers and counted the instruction as retired; whoever calls takes the retirement back
if the answer is a Trap.
"""

from collections.abc import Callable

from mttcg.isa.riscv64.csr import CSRS, MSTATUS_FS, is_read_only
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.traps import Cause, return_from_trap
from mttcg.isa.system import Clock, Effect, Trap
from mttcg.memory.address import Virtual


def _illegal(hart: Hart, word: int) -> Trap:
    return Trap(Cause.ILLEGAL_INSTRUCTION, hart.pc, word)


def _go_on(hart: Hart) -> None:
    hart.pc = Virtual(hart.pc + 4)


def _csr(hart: Hart, word: int, clock: Clock) -> Effect | Trap:
    number, operation, source = word >> 20, word >> 12 & 3, word >> 15 & 31
    csr = CSRS.get(number)
    writes = operation == 1 or source != 0
    if csr is None or (writes and is_read_only(number)):
        return _illegal(hart, word)
    operand = source if word >> 14 & 1 else hart.x[source]
    old = csr.read(hart, clock)
    if writes and csr.write is not None:
        csr.write(hart, (operand, old | operand, old & ~operand)[operation - 1])
    hart.write_x(word >> 7 & 31, old)
    _go_on(hart)
    return Effect.STATUS if writes and number in (0x300, 0x304, 0x344) else Effect.NOTHING


def _environment_call(hart: Hart, word: int, _clock: Clock) -> Effect | Trap:
    return Trap(Cause.ECALL_MACHINE, hart.pc)


def _breakpoint(hart: Hart, word: int, _clock: Clock) -> Effect | Trap:
    return Trap(Cause.BREAKPOINT, hart.pc, hart.pc)


def _machine_return(hart: Hart, word: int, _clock: Clock) -> Effect | Trap:
    return_from_trap(hart)
    return Effect.STATUS


def _wait(hart: Hart, word: int, _clock: Clock) -> Effect | Trap:
    _go_on(hart)
    return Effect.WAIT


EXACT: dict[int, Callable[[Hart, int, Clock], Effect | Trap]] = {
    0x0000_0073: _environment_call,
    0x0010_0073: _breakpoint,
    0x9002: _breakpoint,  # c.ebreak
    0x3020_0073: _machine_return,
    0x1050_0073: _wait,
}
FENCE_I = (0x0F, 1)
"""Major opcode and funct3; the other fields are reserved and ignored (Zifencei)."""


def execute(hart: Hart, word: int, clock: Clock) -> Effect | Trap:
    """Run one instruction at hart.pc that the engine left to the host.

    Anything that is not in the tables is illegal, floating point with the unit off included.
    """
    if length(word) == 2:
        word &= 0xFFFF
    handler = EXACT.get(word)
    if handler is not None:
        return handler(hart, word, clock)
    if (word & 0x7F, word >> 12 & 7) == FENCE_I:
        _go_on(hart)
        return Effect.FETCH
    if word & 0x7F == 0x73 and word >> 12 & 3 and not 1 <= word >> 20 <= 3:
        return _csr(hart, word, clock)
    return _illegal(hart, word)


def float_enabled(hart: Hart) -> bool:
    """Whether mstatus.FS lets floating-point instructions run."""
    return bool(hart.mstatus & MSTATUS_FS)
