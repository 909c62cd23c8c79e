"""RISC-V as the native interpreter is made from it."""

from collections.abc import Iterator

from mttcg.engine.llvm.interpreter.address_translation import NativeTranslation
from mttcg.engine.llvm.interpreter.interpreted_isa import (
    EVERY_WORD,
    HandlerVariant,
    InterpretedIsa,
    SystemEvents,
)
from mttcg.engine.llvm.riscv64.float_conversions import TOWARDS_ZERO
from mttcg.engine.llvm.riscv64.float_function import DYNAMIC
from mttcg.engine.llvm.riscv64.llvm_isa import LLVM
from mttcg.engine.llvm.riscv64.nearest_away import NEAREST_AWAY
from mttcg.engine.llvm.riscv64.paging.contexts import TABLES_BYTES
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.csr import CSRS, HARDWARE_COUNTERS
from mttcg.isa.riscv64.interrupts import enabled_interrupts
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.length import LENGTHS
from mttcg.isa.riscv64.protection import PROTECTION_REGISTERS
from mttcg.isa.riscv64.state import OFFSET
from mttcg.isa.riscv64.table.decode import ROWS, SELECTORS
from mttcg.isa.riscv64.table.integer import LOADS, PAUSE_SETS, STORES, TOTAL_STORE_ORDER, is_pause
from mttcg.isa.riscv64.table.reserved import RESERVED
from mttcg.isa.riscv64.table.system import FCSR_FIELDS
from mttcg.isa.riscv64.traps import (
    FAULT_CAUSES,
    Cause,
    due_interrupts,
    take_interrupt,
    take_trap,
)
from mttcg.isa.table.layout import NOTHING, Field
from mttcg.isa.table.row import Decoded, Pattern, Row

ZICSR, WRITE = "Zicsr", "csrrw"
FENCES_OF_ADDRESS = ("sfence.vma", "sinval.vma")
RARE = {**HARDWARE_COUNTERS, **PROTECTION_REGISTERS}
NATIVE_REGISTERS = (*FCSR_FIELDS, *(number for number in CSRS if number not in RARE))
"""System registers with handlers of their own."""
CONSTANT_REGISTERS = tuple(
    (first + low, 0xFFF ^ number - 1)
    for first in (0xB00, 0x320)
    for low, number in ((3, 1), (4, 4), (8, 8), (16, 16))
)
"""Those of machine mode that read as zero, mhpmcounter3 and mhpmevent3 and those behind them, which
share handlers: numbers, and their bits that count. Others are left to the host."""
LOAD_RESERVED, RELEASE = "LR", 1
"""The layout, and the bit rl of its immediate."""
COMPARE_AND_SWAP = "amocas"
"""It reads rd, too, so that the first register has a handler of its own."""
FULL_FENCE = 0xFF
PAUSES = 2
"""The variant of fence that is a pause."""
OTHER_MODE = 0
"""Any other static rounding mode; which one is known when the handler runs."""
MODES = (TOWARDS_ZERO, NEAREST_AWAY, DYNAMIC)


def _having(where: Field, value: int, bits: int | None = None) -> Pattern:
    """Words that have a value in a field, in some bits of it or in all."""
    return (where.mask if bits is None else where.encoded(bits)), where.encoded(value)


def _both(one: Pattern, other: Pattern) -> Pattern:
    """Words that have both of two patterns, which are of different bits."""
    return one[0] | other[0], one[1] | other[1]


def variants(row: Row) -> tuple[HandlerVariant, ...]:
    """See InterpretedIsa."""
    layout = row.format
    if row.extension == ZICSR:
        return tuple(_registers(row))
    if row.layout == LOAD_RESERVED:
        released = _having(layout.immediate, RELEASE, RELEASE)
        return HandlerVariant(released, 1), HandlerVariant(EVERY_WORD, 0)
    if row.name.startswith(COMPARE_AND_SWAP):
        return HandlerVariant(_having(layout.rd, 0), 1), HandlerVariant(EVERY_WORD, 0)
    if row.name == "fence":
        registers = _both(_having(layout.rd, 0), _having(layout.rs1, 0))
        pause = HandlerVariant(_both(_having(layout.immediate, PAUSE_SETS), registers), PAUSES)
        return pause, *(HandlerVariant(*fence) for fence in _fences(layout.immediate))
    if row.name in FENCES_OF_ADDRESS:
        return HandlerVariant(_having(layout.rs1, 0), 0), HandlerVariant(EVERY_WORD, 1)
    if layout.rounding is not NOTHING:
        static = [HandlerVariant(_having(layout.rounding, mode), mode) for mode in MODES]
        return (*static, HandlerVariant(EVERY_WORD, OTHER_MODE))
    return (HandlerVariant(EVERY_WORD, 0),)


def _registers(row: Row) -> Iterator[HandlerVariant]:
    """Each register with a handler of its own is a number, and by whether it is written."""
    where = row.format.immediate
    constants = len(NATIVE_REGISTERS)
    registers = [(_having(where, number), place) for place, number in enumerate(NATIVE_REGISTERS)]
    registers += [(_having(where, number, bits), constants) for number, bits in CONSTANT_REGISTERS]
    registers.append((EVERY_WORD, constants + 1))
    writes = row.name.startswith(WRITE)
    sources = (EVERY_WORD,) if writes else (_having(row.format.rs1, 0), EVERY_WORD)
    for register, place in registers:
        for number, source in enumerate(sources):
            yield HandlerVariant(_both(register, source), len(sources) * place + number)


def _fences(sets: Field) -> Iterator[tuple[Pattern, int]]:
    """Fences that the host has to make are 1, others 0, and first an example of each."""
    yield _having(sets, TOTAL_STORE_ORDER), 0
    yield _having(sets, FULL_FENCE), 1
    for before in _bits(STORES):
        for after in _bits(LOADS):
            both = before << 4 | after
            yield _having(sets, both, both), 1
    yield EVERY_WORD, 0


def _bits(number: int) -> list[int]:
    """The bits that a number has, each alone."""
    return [1 << bit for bit in range(number.bit_length()) if number >> bit & 1]


def known(instruction: Decoded) -> frozenset[str]:
    """See InterpretedIsa."""
    row = instruction.row
    if row.extension == ZICSR:
        reads = not instruction.rs1 and not row.name.startswith(WRITE)
        return frozenset({"immediate"} | ({"rs1"} if reads else set()))
    if row.name in FENCES_OF_ADDRESS:
        return frozenset() if instruction.rs1 else frozenset({"rs1"})
    if row.name == "fence":
        return frozenset({"immediate", "rd", "rs1"} if is_pause(instruction) else {"immediate"})
    if row.name.startswith(COMPARE_AND_SWAP) and not instruction.rd:
        return frozenset({"rd"})
    if instruction.rounding in MODES:
        return frozenset({"rounding"})
    return frozenset()


INTERPRETED = InterpretedIsa(
    name=RISCV64.name,
    code=RISCV64.code,
    rows=ROWS,
    llvm=LLVM,
    variants=variants,
    known=known,
    reserved=(*RESERVED, (EVERY_WORD, Kind.PLAIN)),
    offsets=OFFSET,
    events=SystemEvents(
        take_trap=take_trap,
        take_interrupt=take_interrupt,
        due_interrupts=due_interrupts,
        waking_interrupts=enabled_interrupts,
        causes=FAULT_CAUSES,
        illegal=Cause.ILLEGAL_INSTRUCTION,
        timers=frozenset({"stimecmp"}),
    ),
    translation=NativeTranslation("mttcg.engine.llvm.riscv64.paging.native", TABLES_BYTES),
    lengths=LENGTHS,
    selectors=SELECTORS,
)
