"""CSRs of machine, supervisor and user mode (Privileged ISA, chapters 2, 3 and 10): the table.

A number that has no row does not exist, and using it is an illegal instruction, as is using one at
a lower level than its number says.
"""

from mttcg.isa.operations import Operations, SystemWords, V
from mttcg.isa.riscv64.csr_row import Csr, Read, Write, constant, field, ignore, masked, plain
from mttcg.isa.riscv64.environment import write_senvcfg
from mttcg.isa.riscv64.interrupts import (
    DELEGABLE,
    MENVCFG,
    MENVCFG_STCE,
    MIE,
    MIP,
    SIE,
    SIP,
)
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR
from mttcg.isa.riscv64.protection import PROTECTION_REGISTERS
from mttcg.isa.riscv64.status import MSTATUS, SSTATUS, is_at_least
from mttcg.isa.riscv64.translation import SATP

DELEGABLE_EXCEPTIONS = 0xB3FF
"""All but environment calls from machine mode, and what is reserved (3.1.8)."""
CYCLE, TIME, INSTRUCTIONS = 0, 1, 2
"""Bits of mcounteren and scounteren (3.1.11)."""
FIRST_EVENT, COUNTER_NUMBERS = 3, 32
COUNTERS = (1 << COUNTER_NUMBERS) - 1
BASIC_COUNTERS = 1 << CYCLE | 1 << TIME | 1 << INSTRUCTIONS
"""Those that count something (Zicntr)."""


def counter_allowed(number: int) -> Read:
    """Whether a counter may be read: mcounteren says so to a supervisor, both to a user."""

    def allowed(ops: Operations[V], hart: SystemWords[V]) -> V:
        supervisors = masked(ops, hart.read_state("mcounteren"), 1 << number)
        users = ops.binary("and", supervisors, hart.read_state("scounteren"))
        lower = ops.select(is_at_least(ops, hart, SUPERVISOR), supervisors, users)
        return ops.select(is_at_least(ops, hart, MACHINE), ops.constant(1), lower)

    return allowed


def _timer_allowed(ops: Operations[V], hart: SystemWords[V]) -> V:
    """Whether a supervisor has its timer (Sstc)."""
    time = masked(ops, hart.read_state("mcounteren"), 1 << TIME)
    lower = ops.select(time, masked(ops, hart.read_state("menvcfg"), MENVCFG_STCE), ops.constant(0))
    return ops.select(is_at_least(ops, hart, MACHINE), ops.constant(1), lower)


def _counter(base: str) -> Read:
    """Instructions retired since the count began; cycles are one each, as QEMU's -icount 0 has."""

    def read(ops: Operations[V], hart: SystemWords[V]) -> V:
        return ops.binary("sub", hart.retired(), hart.read_state(base))

    return read


def _set_counter(base: str) -> Write:
    """The written value is what the next instruction reads (Privileged ISA 3.1.10)."""

    def write(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
        behind = ops.binary("add", hart.retired(), ops.constant(1))
        hart.write_state(base, ops.binary("sub", behind, value))

    return write


def _time(ops: Operations[V], hart: SystemWords[V]) -> V:
    return hart.time()


HARDWARE_COUNTERS = {
    **{0xB03 + n: constant(f"mhpmcounter{n + 3}", 0) for n in range(29)},
    **{0x323 + n: constant(f"mhpmevent{n + 3}", 0) for n in range(29)},
    **{
        0xC00 + n: constant(f"hpmcounter{n}", 0, allowed=counter_allowed(n))
        for n in range(FIRST_EVENT, COUNTER_NUMBERS)
    },
}
"""They count nothing (3.1.10; Zihpm)."""
CSRS: dict[int, Csr] = {
    0x100: SSTATUS,
    0x104: SIE,
    0x105: plain("stvec", ~2),
    0x106: plain("scounteren", COUNTERS),
    0x10A: Csr("senvcfg", field("senvcfg"), write_senvcfg),
    0x140: plain("sscratch"),
    0x141: plain("sepc", ~1),
    0x142: plain("scause"),
    0x143: plain("stval"),
    0x144: SIP,
    0x14D: plain("stimecmp", changes_status=True, allowed=_timer_allowed),
    0x180: SATP,
    0x300: MSTATUS,
    0x301: Csr("misa", field("misa"), ignore),
    0x302: plain("medeleg", DELEGABLE_EXCEPTIONS),
    0x303: plain("mideleg", DELEGABLE, changes_status=True),
    0x304: MIE,
    0x305: plain("mtvec", ~2),
    0x306: plain("mcounteren", COUNTERS),
    0x30A: MENVCFG,
    0x320: plain("mcountinhibit", 0),
    0x340: plain("mscratch"),
    0x341: plain("mepc", ~1),
    0x342: plain("mcause"),
    0x343: plain("mtval"),
    0x344: MIP,
    0xB00: Csr("mcycle", _counter("mcycle_base"), _set_counter("mcycle_base")),
    0xB02: Csr("minstret", _counter("minstret_base"), _set_counter("minstret_base")),
    0xC00: Csr("cycle", _counter("mcycle_base"), allowed=counter_allowed(CYCLE)),
    0xC01: Csr("time", _time, allowed=counter_allowed(TIME)),
    0xC02: Csr("instret", _counter("minstret_base"), allowed=counter_allowed(INSTRUCTIONS)),
    0xF11: constant("mvendorid", 0),
    0xF12: constant("marchid", 0),
    0xF13: constant("mimpid", 0),
    0xF14: Csr("mhartid", field("mhartid")),
    0xF15: constant("mconfigptr", 0),
    **HARDWARE_COUNTERS,
    **PROTECTION_REGISTERS,
}


def is_read_only(number: int) -> bool:
    """Whether the number's top bits say read-only (Privileged ISA 2.1)."""
    return number >> 10 == 3
