"""Machine-mode CSRs (Privileged ISA, chapters 2 and 3), in the words of SystemWords.

A table of rows: how a register is read, and what of a written value sticks (WARL). A number that
has no row does not exist, and using it is an illegal instruction.
"""

from dataclasses import dataclass
from typing import Protocol

from mttcg.isa.operations import Operations, StateWords, SystemWords, V
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


class Read(Protocol):
    """Gives a register's value."""

    def __call__(self, ops: Operations[V], hart: SystemWords[V]) -> V:
        """The value."""


class Write(Protocol):
    """Takes a value for a register, and keeps what sticks of it."""

    def __call__(self, ops: Operations[V], hart: SystemWords[V], value: V) -> None:
        """Take it."""


@dataclass(frozen=True)
class Csr:
    """One register.

    Attributes:
        name: the assembler's.
        read: how it is read.
        write: how it is written; None: writes are ignored, or illegal if its number says so.
        changes_status: whether an interrupt may be due when it was written, or floating point
            switched.
    """

    name: str
    read: Read
    write: Write | None = None
    changes_status: bool = False


def masked(ops: Operations[V], value: V, mask: int) -> V:
    """The bits of a value that are in a mask."""
    return ops.binary("and", value, ops.constant(mask & MASK))


def with_bits(ops: Operations[V], value: V, bits: int) -> V:
    """A value with some bits set."""
    return ops.binary("or", value, ops.constant(bits))


def pending(ops: Operations[V], hart: StateWords[V]) -> V:
    """The value of mip: the levels of the hart's interrupt inputs now."""
    return ops.binary("or", _pending_lines(ops, hart), _pending_timer(ops, hart))


def enabled_interrupts(ops: Operations[V], hart: StateWords[V]) -> V:
    """Those pending and enabled in mie, whatever mstatus says: what ends a wait.

    To look at the clock takes longer than all else, so that is done only if it matters.
    """
    enabled = hart.read_state("mie")
    timer = masked(ops, enabled, TIMER_INTERRUPT)
    raised = hart.given(timer, lambda: _pending_timer(ops, hart))
    return ops.binary("or", ops.binary("and", _pending_lines(ops, hart), enabled), raised)


def _pending_timer(ops: Operations[V], hart: StateWords[V]) -> V:
    return ops.shift("shl", hart.timer_level(), ops.constant(TIMER_NUMBER))


def _pending_lines(ops: Operations[V], hart: StateWords[V]) -> V:
    found = ops.constant(0)
    for number in (SOFTWARE_NUMBER, EXTERNAL_NUMBER):
        level = ops.shift("shl", hart.input_level(number), ops.constant(number))
        found = ops.binary("or", found, level)
    return found


def _read_mstatus(ops: Operations[V], hart: SystemWords[V]) -> V:
    # whatever runs with the unit on may have changed its state, so it always reads as dirty
    status = hart.read_state("mstatus")
    dirty = with_bits(ops, status, MSTATUS_FS | MSTATUS_SD)
    return ops.select(masked(ops, status, MSTATUS_FS), dirty, status)


def _write_mstatus(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    kept = masked(ops, value, MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_FS)
    hart.write_state("mstatus", with_bits(ops, kept, MSTATUS_MPP))


def _ignore(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    """Nothing of a written value sticks."""


def _field(name: str) -> Read:
    def read(ops: Operations[V], hart: SystemWords[V]) -> V:
        return hart.read_state(name)

    return read


def _plain(name: str, keep: int = MASK, *, changes_status: bool = False) -> Csr:
    def write(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
        hart.write_state(name, masked(ops, value, keep))

    return Csr(name, _field(name), write, changes_status)


def _constant(name: str, value: int) -> Csr:
    def read(ops: Operations[V], hart: SystemWords[V]) -> V:
        return ops.constant(value)

    return Csr(name, read, _ignore)


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
    **{0xB03 + n: _constant(f"mhpmcounter{n + 3}", 0) for n in range(29)},
    **{0x323 + n: _constant(f"mhpmevent{n + 3}", 0) for n in range(29)},
}
"""They count nothing (3.1.10)."""
CSRS: dict[int, Csr] = {
    0x300: Csr("mstatus", _read_mstatus, _write_mstatus, changes_status=True),
    0x301: Csr("misa", _field("misa"), _ignore),
    0x304: _plain("mie", ENABLEABLE, changes_status=True),
    0x305: _plain("mtvec", ~2),
    0x306: _plain("mcounteren", 7),
    0x320: _plain("mcountinhibit", 0),
    0x340: _plain("mscratch"),
    0x341: _plain("mepc", ~1),
    0x342: _plain("mcause"),
    0x343: _plain("mtval"),
    0x344: Csr("mip", pending, _ignore, changes_status=True),
    0x3A0: _constant("pmpcfg0", 0),
    0x3B0: _constant("pmpaddr0", 0),
    0xB00: Csr("mcycle", _counter("mcycle_base"), _set_counter("mcycle_base")),
    0xB02: Csr("minstret", _counter("minstret_base"), _set_counter("minstret_base")),
    0xC00: Csr("cycle", _counter("mcycle_base")),
    0xC01: Csr("time", _time),
    0xC02: Csr("instret", _counter("minstret_base")),
    0xF11: _constant("mvendorid", 0),
    0xF12: _constant("marchid", 0),
    0xF13: _constant("mimpid", 0),
    0xF14: Csr("mhartid", _field("mhartid")),
    0xF15: _constant("mconfigptr", 0),
    **HARDWARE_COUNTERS,
}


def is_read_only(number: int) -> bool:
    """Whether the number's top bits say read-only (Privileged ISA 2.1)."""
    return number >> 10 == 3
