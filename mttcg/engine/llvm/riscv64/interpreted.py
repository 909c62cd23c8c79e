"""RISC-V as the native interpreter is made from it."""

from collections.abc import Iterator

from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa, SystemEvents, Variant
from mttcg.engine.llvm.riscv64.float_function import DYNAMIC
from mttcg.engine.llvm.riscv64.floats import TOWARDS_ZERO
from mttcg.engine.llvm.riscv64.llvm_isa import LLVM
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.csr import CSRS, HARDWARE_COUNTERS
from mttcg.isa.riscv64.interrupts import enabled_interrupts
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.state import OFFSET
from mttcg.isa.riscv64.table.decode import ROWS, decode
from mttcg.isa.riscv64.table.integer import TOTAL_STORE_ORDER
from mttcg.isa.riscv64.table.system import FCSR_FIELDS
from mttcg.isa.riscv64.traps import (
    FAULT_CAUSES,
    due_interrupts,
    take_interrupt,
    take_trap,
)
from mttcg.isa.table.layout import NOTHING, Field
from mttcg.isa.table.row import Decoded, Row

ZICSR, WRITE = "Zicsr", "csrrw"
OTHER_REGISTER = 0x7C0
"""A system register that there is not, for all that are left to the host."""
NATIVE_REGISTERS = (*FCSR_FIELDS, *(number for number in CSRS if number not in HARDWARE_COUNTERS))
"""System registers with handlers of their own."""
LOAD_RESERVED, RELEASE = "LR", 1
"""The layout, and the bit rl of its immediate."""
FULL_FENCE = 0xFF
OTHER_MODE = 0
"""A static rounding mode that the host has no instructions for."""
MODES = (OTHER_MODE, TOWARDS_ZERO, DYNAMIC)


def _put(where: Field, value: int) -> int:
    """A value in the places of a field."""
    return sum((value >> to & (1 << width) - 1) << low for low, width, to in where.pieces)


def samples(row: Row) -> Iterator[int]:
    """Words of a row, at least one for each variant."""
    layout = row.format
    if row.extension == ZICSR:
        for number in (*NATIVE_REGISTERS, OTHER_REGISTER):
            for source in (0, 1):
                yield row.match | _put(layout.immediate, number) | _put(layout.rs1, source)
    elif row.layout == LOAD_RESERVED:
        for release in (0, RELEASE):
            yield row.match | _put(layout.immediate, release)
    elif row.name == "fence":
        for sets in (FULL_FENCE, TOTAL_STORE_ORDER):
            yield row.match | _put(layout.immediate, sets)
    elif layout.rounding is not NOTHING:
        for mode in MODES:
            yield row.match | _put(layout.rounding, mode)
    else:
        yield _plain(row)


def _plain(row: Row) -> int:
    """The first word of a row whose free bits are taken from a few patterns."""
    patterns = (0, *(1 << bit for bit in range(8 * row.length)), 0x7C | 0xF80)
    return next(
        word
        for pattern in patterns
        if row.matches(word := row.match | pattern & ~row.mask & (1 << 8 * row.length) - 1)
        and (found := decode(word)) is not None
        and found.row is row
    )


def _has_source(instruction: Decoded) -> bool:
    """Whether a system register is written."""
    return instruction.rs1 != 0 or instruction.name.startswith(WRITE)


def variant(instruction: Decoded) -> Variant:
    """See InterpretedIsa."""
    row = instruction.row
    if row.extension == ZICSR:
        number = instruction.immediate
        return number if number in NATIVE_REGISTERS else 0, int(_has_source(instruction))
    if row.layout == LOAD_RESERVED:
        return (instruction.immediate & RELEASE,)
    if row.name == "fence":
        return (int(facts(instruction.word).kind is Kind.FENCE),)
    if row.format.rounding is not NOTHING:
        mode = instruction.rounding
        return (mode if mode in MODES else OTHER_MODE,)
    return ()


def known(instruction: Decoded) -> frozenset[str]:
    """See InterpretedIsa."""
    row = instruction.row
    if row.extension == ZICSR:
        return frozenset({"immediate"} | (set() if _has_source(instruction) else {"rs1"}))
    if row.name == "fence":
        return frozenset({"immediate"})
    if instruction.rounding in (TOWARDS_ZERO, DYNAMIC):
        return frozenset({"rounding"})
    return frozenset()


INTERPRETED = InterpretedIsa(
    name=RISCV64.name,
    code=RISCV64.code,
    rows=ROWS,
    llvm=LLVM,
    samples=samples,
    variant=variant,
    known=known,
    offsets=OFFSET,
    events=SystemEvents(
        take_trap=take_trap,
        take_interrupt=take_interrupt,
        due_interrupts=due_interrupts,
        waking_interrupts=enabled_interrupts,
        causes=FAULT_CAUSES,
    ),
)
