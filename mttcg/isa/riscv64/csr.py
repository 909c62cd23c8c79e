"""Machine-mode CSRs over the hart state (Privileged ISA, chapters 2 and 3).

A table of rows: how a register is read, and what of a written value sticks (WARL). A number that
has no row does not exist, and using it is an illegal instruction.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mttcg.isa.riscv64.state import Hart
from mttcg.isa.system import Clock
from mttcg.state.words import MASK

MSTATUS_MIE = 1 << 3
MSTATUS_MPIE = 1 << 7
MSTATUS_MPP = 3 << 11
MSTATUS_FS = 3 << 13
MSTATUS_SD = 1 << 63

SOFTWARE_NUMBER, TIMER_NUMBER, EXTERNAL_NUMBER = 3, 7, 11
"""Machine-level interrupts, as mcause has them (3.1.15)."""
SOFTWARE_INTERRUPT = 1 << SOFTWARE_NUMBER
TIMER_INTERRUPT = 1 << TIMER_NUMBER
EXTERNAL_INTERRUPT = 1 << EXTERNAL_NUMBER
ENABLEABLE = SOFTWARE_INTERRUPT | TIMER_INTERRUPT | EXTERNAL_INTERRUPT


@dataclass(frozen=True)
class Csr:
    """One register: name, how to read it, how to write it (None: read-only, writes are ignored)."""

    name: str
    read: Callable[[Hart, Clock], int]
    write: Callable[[Hart, int], None] | None = None


def retired(hart: Hart) -> int:
    """Instructions retired before the one that asks, which its block has counted already."""
    return hart.instructions - 1 - hart.minstret_base & MASK


def cycles(hart: Hart) -> int:
    """Cycles: one for each instruction, as on QEMU with -icount shift=0."""
    return hart.instructions - 1 - hart.mcycle_base & MASK


def pending(hart: Hart, clock: Clock) -> int:
    """The value of mip: the levels of the hart's interrupt inputs now."""
    lines = hart.lines
    software, external = lines[SOFTWARE_NUMBER], lines[EXTERNAL_NUMBER]
    timer = TIMER_INTERRUPT if clock.time() >= hart.timer_deadline else 0
    return software << SOFTWARE_NUMBER | external << EXTERNAL_NUMBER | timer


def _read_mstatus(hart: Hart, _clock: Clock) -> int:
    # whatever runs with the unit on may have changed its state, so it always reads as dirty
    return hart.mstatus | MSTATUS_FS | MSTATUS_SD if hart.mstatus & MSTATUS_FS else hart.mstatus


def _write_mstatus(hart: Hart, value: int) -> None:
    hart.mstatus = value & (MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_FS) | MSTATUS_MPP


def _write_counter(base: str) -> Callable[[Hart, int], None]:
    def write(hart: Hart, value: int) -> None:
        setattr(hart, base, hart.instructions - value)

    return write


def _plain(name: str, keep: int = MASK) -> Csr:
    def read(hart: Hart, _clock: Clock) -> int:
        value: int = getattr(hart, name)
        return value

    def write(hart: Hart, value: int) -> None:
        setattr(hart, name, value & keep)

    return Csr(name, read, write)


def _constant(name: str, value: int) -> Csr:
    return Csr(name, lambda _hart, _clock: value, lambda _hart, _value: None)


CSRS: dict[int, Csr] = {
    0x300: Csr("mstatus", _read_mstatus, _write_mstatus),
    0x301: Csr("misa", lambda hart, _: hart.misa, lambda _hart, _value: None),
    0x304: _plain("mie", ENABLEABLE),
    0x305: _plain("mtvec", ~2 & MASK),
    0x306: _plain("mcounteren", 7),
    0x320: _plain("mcountinhibit", 0),
    0x340: _plain("mscratch"),
    0x341: _plain("mepc", ~1 & MASK),
    0x342: _plain("mcause"),
    0x343: _plain("mtval"),
    0x344: Csr("mip", pending, lambda _hart, _value: None),
    0x3A0: _constant("pmpcfg0", 0),
    0x3B0: _constant("pmpaddr0", 0),
    0xB00: Csr("mcycle", lambda hart, _: cycles(hart), _write_counter("mcycle_base")),
    0xB02: Csr("minstret", lambda hart, _: retired(hart), _write_counter("minstret_base")),
    0xC00: Csr("cycle", lambda hart, _: cycles(hart)),
    0xC01: Csr("time", lambda _, clock: clock.time()),
    0xC02: Csr("instret", lambda hart, _: retired(hart)),
    0xF11: Csr("mvendorid", lambda _hart, _clock: 0),
    0xF12: Csr("marchid", lambda _hart, _clock: 0),
    0xF13: Csr("mimpid", lambda _hart, _clock: 0),
    0xF14: Csr("mhartid", lambda hart, _: hart.index),
    0xF15: Csr("mconfigptr", lambda _hart, _clock: 0),
    **{0xB03 + n: _constant(f"mhpmcounter{n + 3}", 0) for n in range(29)},
    **{0x323 + n: _constant(f"mhpmevent{n + 3}", 0) for n in range(29)},
}


def is_read_only(number: int) -> bool:
    """Whether the number's top bits say read-only (Privileged ISA 2.1)."""
    return number >> 10 == 3
