"""Traps in machine mode: exceptions, interrupts, mret (Privileged ISA 3.1.6, 3.1.7, 3.1.15)."""

from enum import IntEnum

from mttcg.isa.riscv64.csr import (
    EXTERNAL_INTERRUPT,
    MSTATUS_MIE,
    MSTATUS_MPIE,
    MSTATUS_MPP,
    SOFTWARE_INTERRUPT,
    TIMER_INTERRUPT,
    pending,
)
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.system import Clock, MemoryFault, Trap
from mttcg.memory.address import Virtual

INTERRUPT = 1 << 63
VECTORED = 1


class Cause(IntEnum):
    """Exception codes of mcause."""

    INSTRUCTION_MISALIGNED = 0
    INSTRUCTION_ACCESS = 1
    ILLEGAL_INSTRUCTION = 2
    BREAKPOINT = 3
    LOAD_MISALIGNED = 4
    LOAD_ACCESS = 5
    STORE_MISALIGNED = 6
    STORE_ACCESS = 7
    ECALL_MACHINE = 11


FAULT_CAUSES = {
    MemoryFault.FETCH: Cause.INSTRUCTION_ACCESS,
    MemoryFault.LOAD: Cause.LOAD_ACCESS,
    MemoryFault.STORE: Cause.STORE_ACCESS,
    MemoryFault.LOAD_MISALIGNED: Cause.LOAD_MISALIGNED,
    MemoryFault.STORE_MISALIGNED: Cause.STORE_MISALIGNED,
}
CAUSE_NAMES = {
    Cause.INSTRUCTION_MISALIGNED: "instruction address misaligned",
    Cause.INSTRUCTION_ACCESS: "instruction access fault",
    Cause.ILLEGAL_INSTRUCTION: "illegal instruction",
    Cause.BREAKPOINT: "breakpoint",
    Cause.LOAD_MISALIGNED: "load address misaligned",
    Cause.LOAD_ACCESS: "load access fault",
    Cause.STORE_MISALIGNED: "store/AMO address misaligned",
    Cause.STORE_ACCESS: "store/AMO access fault",
    Cause.ECALL_MACHINE: "environment call from M-mode",
}
"""As the privileged specification has them (table of mcause, 3.1.15)."""


def _enter(hart: Hart, cause: int, pc: Virtual, value: int, target: int) -> None:
    enabled = bool(hart.mstatus & MSTATUS_MIE)
    hart.mepc, hart.mcause, hart.mtval = pc, cause, value
    status = hart.mstatus & ~(MSTATUS_MIE | MSTATUS_MPIE) | MSTATUS_MPP
    hart.mstatus = status | (MSTATUS_MPIE if enabled else 0)
    hart.pc = Virtual(target)


def take_trap(hart: Hart, trap: Trap) -> None:
    """Enter the trap handler for an exception; exceptions always go to the base address."""
    hart.traps += 1
    _enter(hart, trap.cause, trap.pc, trap.value, hart.mtvec & ~3)


def enabled_interrupts(hart: Hart, clock: Clock) -> int:
    """Interrupts pending and enabled in mie, whatever mstatus.MIE says: what ends a wfi."""
    return pending(hart, clock) & hart.mie


def take_interrupt(hart: Hart, clock: Clock) -> int | None:
    """Enter the handler of the interrupt that is due at hart.pc, by priority; its code, or None."""
    if not hart.mstatus & MSTATUS_MIE:
        return None
    due = enabled_interrupts(hart, clock)
    for bit in (EXTERNAL_INTERRUPT, SOFTWARE_INTERRUPT, TIMER_INTERRUPT):
        if due & bit:
            code = bit.bit_length() - 1
            vectored = 4 * code if hart.mtvec & 3 == VECTORED else 0
            hart.interrupts += 1
            _enter(hart, INTERRUPT | code, hart.pc, 0, (hart.mtvec & ~3) + vectored)
            return code
    return None


def return_from_trap(hart: Hart) -> None:
    """Run mret: back to mepc, with the interrupt enable of before the trap."""
    enabled = bool(hart.mstatus & MSTATUS_MPIE)
    status = hart.mstatus & ~MSTATUS_MIE | MSTATUS_MPIE
    hart.mstatus = status | (MSTATUS_MIE if enabled else 0)
    hart.pc = hart.mepc
