"""Traps in machine mode: exceptions, interrupts, mret (Privileged ISA 3.1.6, 3.1.7, 3.1.15).

What a hart does is in the words of StateWords.
"""

from enum import IntEnum

from mttcg.isa.operations import Operations, StateWords, SystemWords, V
from mttcg.isa.riscv64.csr import (
    EXTERNAL_NUMBER,
    MSTATUS_MIE,
    MSTATUS_MPIE,
    MSTATUS_MPP,
    SOFTWARE_NUMBER,
    TIMER_NUMBER,
    enabled_interrupts,
    masked,
    with_bits,
)
from mttcg.isa.system import MemoryFault

INTERRUPT = 1 << 63
VECTORED = 1
PRIORITY = (EXTERNAL_NUMBER, SOFTWARE_NUMBER, TIMER_NUMBER)
"""Of interrupts that are due together, the first is taken (3.1.9)."""
SAVED_SHIFT = (MSTATUS_MPIE // MSTATUS_MIE).bit_length() - 1
"""From the interrupt enable in mstatus to where a trap saves it."""


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


def _count(ops: Operations[V], hart: StateWords[V], field: str) -> None:
    hart.write_state(field, ops.binary("add", hart.read_state(field), ops.constant(1)))


def _base(ops: Operations[V], hart: StateWords[V]) -> V:
    return masked(ops, hart.read_state("mtvec"), ~3)


def _enter(ops: Operations[V], hart: StateWords[V], cause: V, pc: V, value: V, target: V) -> None:
    for field, written in (("mepc", pc), ("mcause", cause), ("mtval", value), ("pc", target)):
        hart.write_state(field, written)
    status = hart.read_state("mstatus")
    enabled = masked(ops, status, MSTATUS_MIE)
    saved = ops.shift("shl", enabled, ops.constant(SAVED_SHIFT))
    others = masked(ops, status, ~(MSTATUS_MIE | MSTATUS_MPIE))
    hart.write_state("mstatus", with_bits(ops, ops.binary("or", others, saved), MSTATUS_MPP))


def take_trap(ops: Operations[V], hart: StateWords[V], cause: V, pc: V, value: V) -> None:
    """Enter the trap handler for an exception; exceptions always go to the base address."""
    _count(ops, hart, "traps")
    _enter(ops, hart, cause, pc, value, _base(ops, hart))


def due_interrupts(ops: Operations[V], hart: StateWords[V]) -> V:
    """Interrupts of which one is to be taken now; 0 if none is."""
    enabled = masked(ops, hart.read_state("mstatus"), MSTATUS_MIE)
    return hart.given(enabled, lambda: enabled_interrupts(ops, hart))


def take_interrupt(ops: Operations[V], hart: StateWords[V], due: V) -> V:
    """Enter the handler of the first of the interrupts that are due, at the hart's pc; its code."""
    code = ops.constant(PRIORITY[-1])
    for number in reversed(PRIORITY[:-1]):
        code = ops.select(masked(ops, due, 1 << number), ops.constant(number), code)
    mode = masked(ops, hart.read_state("mtvec"), 3)
    distance = ops.select(
        ops.compare("eq", mode, ops.constant(VECTORED)),
        ops.shift("shl", code, ops.constant(2)),
        ops.constant(0),
    )
    target = ops.binary("add", _base(ops, hart), distance)
    _count(ops, hart, "interrupts")
    cause = with_bits(ops, code, INTERRUPT)
    _enter(ops, hart, cause, hart.read_state("pc"), ops.constant(0), target)
    return code


def return_from_trap(ops: Operations[V], hart: SystemWords[V]) -> None:
    """Run mret: back to mepc, with the interrupt enable of before the trap."""
    status = hart.read_state("mstatus")
    saved = masked(ops, status, MSTATUS_MPIE)
    enabled = ops.shift("lshr", saved, ops.constant(SAVED_SHIFT))
    others = with_bits(ops, masked(ops, status, ~MSTATUS_MIE), MSTATUS_MPIE)
    hart.write_state("mstatus", ops.binary("or", others, enabled))
    hart.status_changed()
    ops.jump(hart.read_state("mepc"))
