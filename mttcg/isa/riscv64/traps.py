"""Traps: exceptions, interrupts, mret and sret (Privileged ISA 3.1.6 to 3.1.9, 3.1.15, 10.1).

What a hart does is in the words of StateWords. A trap goes to machine mode, or, if it is delegated
and the hart is at a lower level, to supervisor mode.
"""

from enum import IntEnum
from typing import Generic, NamedTuple

from mttcg.isa.operations import Operations, StateWords, SystemWords, V
from mttcg.isa.riscv64.csr_row import masked, with_bits
from mttcg.isa.riscv64.interrupts import PRIORITY, enabled_interrupts
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.status import (
    MPP_SHIFT,
    MSTATUS_MIE,
    MSTATUS_MPIE,
    MSTATUS_MPP,
    MSTATUS_MPRV,
    MSTATUS_SIE,
    MSTATUS_SPIE,
    MSTATUS_SPP,
    MSTATUS_TSR,
    SPP_SHIFT,
    is_at_least,
    unless_trapped,
)
from mttcg.isa.system import MemoryFault
from mttcg.state.words import MASK

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
    ECALL_USER = 8
    ECALL_SUPERVISOR = 9
    ECALL_MACHINE = 11
    INSTRUCTION_PAGE = 12
    LOAD_PAGE = 13
    STORE_PAGE = 15


FAULT_CAUSES = {
    MemoryFault.FETCH: Cause.INSTRUCTION_ACCESS,
    MemoryFault.LOAD: Cause.LOAD_ACCESS,
    MemoryFault.STORE: Cause.STORE_ACCESS,
    MemoryFault.LOAD_MISALIGNED: Cause.LOAD_MISALIGNED,
    MemoryFault.STORE_MISALIGNED: Cause.STORE_MISALIGNED,
    MemoryFault.FETCH_PAGE: Cause.INSTRUCTION_PAGE,
    MemoryFault.LOAD_PAGE: Cause.LOAD_PAGE,
    MemoryFault.STORE_PAGE: Cause.STORE_PAGE,
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
    Cause.ECALL_USER: "environment call from U-mode",
    Cause.ECALL_SUPERVISOR: "environment call from S-mode",
    Cause.ECALL_MACHINE: "environment call from M-mode",
    Cause.INSTRUCTION_PAGE: "instruction page fault",
    Cause.LOAD_PAGE: "load page fault",
    Cause.STORE_PAGE: "store/AMO page fault",
}
"""As the privileged specification has them (table of mcause, 3.1.15)."""


class Level(NamedTuple):
    """Where a level of privilege keeps what concerns its traps.

    Attributes:
        privilege: the level.
        pc, cause, value, vector: fields of the hart's state.
        enable, saved, previous: bits of mstatus: the interrupt enable, what it was before the trap,
            and the level before.
        previous_shift: where `previous` begins.
    """

    privilege: int
    pc: str
    cause: str
    value: str
    vector: str
    enable: int
    saved: int
    previous: int
    previous_shift: int

    @property
    def saved_shift(self) -> int:
        """From `enable` to `saved`."""
        return (self.saved // self.enable).bit_length() - 1


MACHINE_LEVEL = Level(
    MACHINE,
    "mepc",
    "mcause",
    "mtval",
    "mtvec",
    MSTATUS_MIE,
    MSTATUS_MPIE,
    MSTATUS_MPP,
    MPP_SHIFT,
)
SUPERVISOR_LEVEL = Level(
    SUPERVISOR,
    "sepc",
    "scause",
    "stval",
    "stvec",
    MSTATUS_SIE,
    MSTATUS_SPIE,
    MSTATUS_SPP,
    SPP_SHIFT,
)


class Entry(NamedTuple, Generic[V]):
    """What is told to a handler, and how far behind its base it begins."""

    cause: V
    pc: V
    value: V
    distance: V


def _count(ops: Operations[V], hart: StateWords[V], field: str) -> None:
    hart.write_state(field, ops.binary("add", hart.read_state(field), ops.constant(1)))


def _enter(ops: Operations[V], hart: StateWords[V], level: Level, entry: Entry[V]) -> V:
    """Enter the handler of a level; 0."""
    base = masked(ops, hart.read_state(level.vector), ~3)
    vectored = masked(ops, hart.read_state(level.vector), VECTORED)
    distance = ops.select(vectored, entry.distance, ops.constant(0))
    target = ops.binary("add", base, distance)
    fields = level.pc, level.cause, level.value, "pc"
    for field, written in zip(fields, (entry.pc, entry.cause, entry.value, target), strict=True):
        hart.write_state(field, written)
    status = hart.read_state("mstatus")
    saved = ops.shift("shl", masked(ops, status, level.enable), ops.constant(level.saved_shift))
    before = ops.constant(level.previous_shift)
    previous = ops.shift("shl", hart.read_state("privilege"), before)
    others = masked(ops, status, ~(level.enable | level.saved | level.previous))
    hart.write_state("mstatus", ops.binary("or", others, ops.binary("or", saved, previous)))
    hart.write_state("privilege", ops.constant(level.privilege))
    return ops.constant(0)


def _enter_either(ops: Operations[V], hart: StateWords[V], delegated: V, entry: Entry[V]) -> None:
    """Enter the handler of a supervisor if a trap is delegated, else that of machine mode."""
    is_not = ops.compare("eq", delegated, ops.constant(0))
    hart.given(delegated, lambda: _enter(ops, hart, SUPERVISOR_LEVEL, entry))
    hart.given(is_not, lambda: _enter(ops, hart, MACHINE_LEVEL, entry))


def take_trap(ops: Operations[V], hart: StateWords[V], cause: V, pc: V, value: V) -> None:
    """Enter the trap handler for an exception; exceptions always go to the base address."""
    _count(ops, hart, "traps")
    asked = masked(ops, ops.shift("lshr", hart.read_state("medeleg"), cause), 1)
    zero = ops.constant(0)
    delegated = ops.select(is_at_least(ops, hart, MACHINE), zero, asked)
    _enter_either(ops, hart, delegated, Entry(cause, pc, value, zero))


def allowed_interrupts(ops: Operations[V], hart: StateWords[V]) -> V:
    """The interrupts that the hart's level and mstatus let through."""
    status, level = hart.read_state("mstatus"), hart.read_state("privilege")
    delegated, zero = hart.read_state("mideleg"), ops.constant(0)
    others = ops.binary("xor", delegated, ops.constant(MASK))
    enabled = ops.select(masked(ops, status, MSTATUS_MIE), others, zero)
    machines = ops.select(ops.compare("eq", level, ops.constant(MACHINE)), enabled, others)
    enabled = ops.select(masked(ops, status, MSTATUS_SIE), delegated, zero)
    is_user = ops.compare("eq", level, ops.constant(USER))
    is_supervisor = ops.compare("eq", level, ops.constant(SUPERVISOR))
    own = ops.select(is_supervisor, enabled, ops.select(is_user, delegated, zero))
    return ops.binary("or", machines, own)


def due_interrupts(ops: Operations[V], hart: StateWords[V]) -> V:
    """Interrupts of which one is to be taken now; 0 if none is."""
    allowed = allowed_interrupts(ops, hart)
    let = ops.binary("and", allowed, hart.read_state("mie"))
    return hart.given(let, lambda: ops.binary("and", allowed, enabled_interrupts(ops, hart)))


def take_interrupt(ops: Operations[V], hart: StateWords[V], due: V) -> V:
    """Enter the handler of the first of the interrupts that are due, at the hart's pc; its code.

    Those that go to machine mode come before those that are delegated.
    """
    delegated = ops.binary("and", due, hart.read_state("mideleg"))
    machines = ops.binary("xor", due, delegated)
    first = ops.select(machines, machines, due)
    code = ops.constant(PRIORITY[-1])
    for number in reversed(PRIORITY[:-1]):
        code = ops.select(masked(ops, first, 1 << number), ops.constant(number), code)
    _count(ops, hart, "interrupts")
    cause, distance = with_bits(ops, code, INTERRUPT), ops.shift("shl", code, ops.constant(2))
    entry = Entry(cause, hart.read_state("pc"), ops.constant(0), distance)
    _enter_either(ops, hart, ops.select(machines, ops.constant(0), delegated), entry)
    return code


def _return(ops: Operations[V], hart: SystemWords[V], level: Level) -> None:
    """Go back to where a level was trapped from, with the interrupt enable of before."""
    status = hart.read_state("mstatus")
    previous = masked(ops, status, level.previous)
    privilege = ops.shift("lshr", previous, ops.constant(level.previous_shift))
    shift = ops.constant(level.saved_shift)
    enabled = ops.shift("lshr", masked(ops, status, level.saved), shift)
    others = masked(ops, status, ~(level.enable | level.previous))
    status = with_bits(ops, ops.binary("or", others, enabled), level.saved)
    is_machine = ops.compare("eq", privilege, ops.constant(MACHINE))
    status = ops.select(is_machine, status, masked(ops, status, ~MSTATUS_MPRV))
    hart.write_state("mstatus", status)
    hart.write_state("privilege", privilege)
    hart.status_changed()
    ops.jump(hart.read_state(level.pc))


def return_from_machine(ops: Operations[V], hart: SystemWords[V]) -> None:
    """Run mret."""
    hart.require(is_at_least(ops, hart, MACHINE))
    _return(ops, hart, MACHINE_LEVEL)


def return_from_supervisor(ops: Operations[V], hart: SystemWords[V]) -> None:
    """Run sret."""
    hart.require(unless_trapped(MSTATUS_TSR)(ops, hart))
    _return(ops, hart, SUPERVISOR_LEVEL)
