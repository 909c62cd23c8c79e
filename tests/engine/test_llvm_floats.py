"""Floating point on the host's units against the definition, with operands at all edges.

A guest loop runs one instruction over a table of operands; fcsr is set before and read after it.
"""

import struct
from collections.abc import Iterator
from itertools import product

import pytest
from engine_harness import Bare, fill
from hypothesis import given, settings
from hypothesis import strategies as st

from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.table.decode import decode
from mttcg.isa.riscv64.table.floating_rows import ROWS
from mttcg.isa.table.row import Row

BASE, PAGES = 0x8000_0000, 64
CODE, TABLE, RESULTS = BASE, BASE + 0x1000, BASE + 0x21000
BOX = 0xFFFF_FFFF_0000_0000
FIRST, SECOND, THIRD, TARGET = 13, 14, 16, 15
"""Registers of the operands and of the result, in both files."""
ROW, RESULT = struct.Struct("<4Q"), struct.Struct("<3Q")
NEAREST_EVEN, DYNAMIC = 0, 7
MODES = range(5)


def i_type(opcode: int, funct3: int, rd: int, rs1: int, immediate: int) -> int:
    return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | (immediate & 0xFFF) << 20


def s_type(opcode: int, funct3: int, rs1: int, rs2: int, immediate: int) -> int:
    low, high = immediate & 31, immediate >> 5
    return opcode | low << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | high << 25


def bne(rs1: int, rs2: int, offset: int) -> int:
    bits = offset & 0x1FFF
    high = (bits >> 12) << 31 | (bits >> 5 & 63) << 25
    return (
        0x63
        | 1 << 12
        | rs1 << 15
        | rs2 << 20
        | high
        | (bits >> 1 & 15) << 8
        | (bits >> 11 & 1) << 7
    )


def program(word: int) -> list[tuple[int, int]]:
    """x10 goes through the table up to x11, x12 through the results; x28 is fcsr before."""
    words = [
        i_type(0x07, 3, FIRST, 10, 0),  # fld
        i_type(0x07, 3, SECOND, 10, 8),
        i_type(0x07, 3, THIRD, 10, 16),
        i_type(0x03, 3, FIRST, 10, 24),  # ld
        i_type(0x73, 1, 0, 28, 3),  # csrw fcsr, x28
        word,
        i_type(0x73, 2, 29, 0, 3),  # csrr x29, fcsr
        s_type(0x27, 3, 12, TARGET, 0),  # fsd
        s_type(0x23, 3, 12, TARGET, 8),  # sd
        s_type(0x23, 3, 12, 29, 16),
        i_type(0x13, 0, 10, 10, ROW.size),
        i_type(0x13, 0, 12, 12, RESULT.size),
    ]
    words.append(bne(10, 11, -4 * len(words)))
    words.append(0x0000_0073)  # ecall
    return [(CODE + 4 * place, word) for place, word in enumerate(words)]


def word_of(row: Row, rounding: int) -> int:
    fields = TARGET << 7 | rounding << 12 | FIRST << 15 | SECOND << 20 | THIRD << 27
    return row.match | fields & ~row.mask & 0xFFFF_FFFF


def computes(row: Row) -> bool:
    return row.match & 0x7F in (0x53, 0x43, 0x47, 0x4B, 0x4F)


COMPUTING = [row for row in ROWS if computes(row)]
ROUNDED = [row for row in COMPUTING if not row.mask >> 12 & 7]


def edges(fraction: int, size: int) -> list[int]:
    """Bits of numbers at which something changes."""
    exponents = (1 << size - fraction - 1) - 1
    bias, one = exponents >> 1, 1 << fraction
    magnitudes = [
        0,
        1,
        one - 1,
        one,
        one + 1,
        bias << fraction,
        (bias << fraction) + 1,
        (bias << fraction) - 1,
        (bias - 1 << fraction) | one >> 1,
        (bias + 30 << fraction) | one - 1,
        bias + 31 << fraction,
        (bias + 31 << fraction) - 1,
        bias + 32 << fraction,
        bias + 62 << fraction,
        bias + 63 << fraction,
        bias + 64 << fraction,
        (exponents << fraction) - 1,
        exponents << fraction,
        exponents << fraction | 1,
        exponents << fraction | one >> 1,
        exponents << fraction | one >> 1 | 5,
    ]
    return [sign << size - 1 | magnitude for magnitude in magnitudes for sign in (0, 1)]


SINGLES = [BOX | bits for bits in edges(23, 32)] + [0x3FF0_0000_0000_0000, 0x0000_0000_3F80_0000]
DOUBLES = edges(52, 64)
HALF_BOX = 0xFFFF_FFFF_FFFF_0000
HALVES = [HALF_BOX | bits & 0xFFFF for bits in edges(10, 16)] + [0x0000_3C00, BOX | 0x3C00]
INTEGERS = [0, 1, -1, 1 << 31, (1 << 31) - 1, -1 << 31, 1 << 63, (1 << 63) - 1, (1 << 53) + 1]
INTEGERS += [(1 << 24) + 1, (1 << 64) - (1 << 10) - 1, 0xFFFF_FFFF, -(1 << 53) - 1]


def wide(row: Row) -> bool:
    """Whether the operands are doubles."""
    source = row.name.split(".")[-1]
    return source == "d" or (row.name.startswith("fmv") and source == "x")


def numbers_of(row: Row) -> list[int]:
    if row.name.endswith(".h"):
        return HALVES
    return DOUBLES if wide(row) else SINGLES


def table(row: Row) -> list[tuple[int, int, int, int]]:
    numbers = numbers_of(row)
    count = row.syntax.count("fs")
    if count == 0:
        return [(0, 0, 0, integer & (1 << 64) - 1) for integer in INTEGERS]
    if count == 1:
        return [(one, 0, 0, 0) for one in numbers]
    if count == 2:
        return [(one, other, 0, 0) for one, other in product(numbers[::2], numbers[1::3])]
    third = numbers[:: len(numbers) // 5]
    return [(*pair, 0) for pair in product(numbers[::5], numbers[1::6], third)]


def defined(word: int, fcsr: int, row: tuple[int, int, int, int]) -> tuple[int, int, int]:
    """The result in both files and fcsr, by the definition."""
    hart = Interpreter(fcsr=fcsr)
    hart.f[FIRST], hart.f[SECOND], hart.f[THIRD], hart.x[FIRST] = row
    hart.f[TARGET] = hart.x[TARGET] = 0
    assert hart.step(word) is None
    return hart.f[TARGET], hart.x[TARGET], hart.fcsr


class Loop:
    """A machine for one instruction."""

    def __init__(self, word: int) -> None:
        self.bare = Bare("llvm", BASE, PAGES * 4096)
        fill(program(word), self.bare.write)

    def run(self, fcsr: int, rows: list[tuple[int, int, int, int]]) -> Iterator[tuple[int, ...]]:
        """What each row of operands gives."""
        self.bare.write(TABLE, b"".join(ROW.pack(*row) for row in rows))
        x = [0] * 32
        x[10], x[11], x[12], x[28] = TABLE, TABLE + ROW.size * len(rows), RESULTS, fcsr
        self.bare.set_registers(x, [0] * 32, 0)
        for _ in self.bare.run_to_trap(CODE):
            pass
        results = self.bare.read(RESULTS, RESULT.size * len(rows))
        # what an instruction does not write keeps the result before, so only one file is meant
        return RESULT.iter_unpack(results)


def check(
    row: Row, rounding: int, fcsr: int, loop: Loop, rows: list[tuple[int, int, int, int]]
) -> None:
    word = word_of(row, rounding)
    for given_row, found in zip(rows, loop.run(fcsr, rows), strict=True):
        in_f, in_x, flags = defined(word, fcsr, given_row)
        number = in_f if row.syntax.startswith("fd") else in_x
        got = found[0] if row.syntax.startswith("fd") else found[1]
        shown = f"{row.name} {rounding} fcsr {fcsr:#x} {[hex(part) for part in given_row]}"
        assert (hex(got), hex(found[2])) == (hex(number), hex(flags)), shown


@pytest.mark.parametrize("tier", ["interpreter", "optimised"])
@pytest.mark.parametrize("row", COMPUTING, ids=lambda row: row.name)
def test_every_operation_is_exact_at_the_edges(row: Row, tier: str) -> None:
    loop = Loop(word_of(row, DYNAMIC))
    rows = table(row)
    list(loop.run(0, rows[:1]))
    if tier == "optimised":
        loop.bare.improve(CODE)
    for mode in MODES if row in ROUNDED else (NEAREST_EVEN,):
        few = rows[::9] if mode == 4 else rows  # what the host has no mode for runs step by step
        check(row, DYNAMIC, mode << 5, loop, few)
    loop.bare.close()


@pytest.mark.parametrize("tier", ["interpreter", "optimised"])
@pytest.mark.parametrize("row", ROUNDED, ids=lambda row: row.name)
def test_a_rounding_mode_of_the_instruction_goes_before_that_of_fcsr(row: Row, tier: str) -> None:
    for rounding in MODES:
        loop = Loop(word_of(row, rounding))
        rows = table(row)
        if tier == "optimised":
            list(loop.run(0, rows[:1]))
            loop.bare.improve(CODE)
        check(row, rounding, (rounding + 1) % 4 << 5, loop, rows[:: max(1, len(rows) // 12)])
        loop.bare.close()


ANY = st.one_of(
    st.floats(width=64).map(lambda number: struct.unpack("<Q", struct.pack("<d", number))[0]),
    st.floats(width=32).map(lambda n: BOX | struct.unpack("<I", struct.pack("<f", n))[0]),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, (1 << 32) - 1).map(lambda bits: BOX | bits),
    st.integers(0, (1 << 16) - 1).map(lambda bits: HALF_BOX | bits),
)


@settings(max_examples=12)
@given(
    st.sampled_from(COMPUTING),
    st.integers(0, 3),
    st.lists(st.tuples(ANY, ANY, ANY, ANY), min_size=40, max_size=80),
)
def test_random_operands(row: Row, mode: int, rows: list[tuple[int, int, int, int]]) -> None:
    loop = Loop(word_of(row, DYNAMIC))
    check(row, DYNAMIC, mode << 5, loop, rows)
    loop.bare.close()


@pytest.mark.parametrize("tier", ["interpreter", "optimised"])
@pytest.mark.parametrize("width", ["h", "s", "d"])
def test_every_constant_is_loaded(width: str, tier: str) -> None:
    row = next(row for row in ROWS if row.name == f"fli.{width}")
    for number in range(32):
        word = row.match | TARGET << 7 | number << 15
        loop = Loop(word)
        if tier == "optimised":
            list(loop.run(0, [(0, 0, 0, 0)]))
            loop.bare.improve(CODE)
        ((found, _, flags),) = loop.run(0, [(0, 0, 0, 0)])
        assert (found, flags) == (defined(word, 0, (0, 0, 0, 0))[0], 0), number
        loop.bare.close()


def test_flags_add_up_until_they_are_cleared() -> None:
    row = next(row for row in ROWS if row.name == "fdiv.d")
    one, three, zero = (struct.unpack("<Q", struct.pack("<d", n))[0] for n in (1.0, 3.0, 0.0))
    loop = Loop(word_of(row, DYNAMIC))
    for before in (0, 0b00100, 0b11111):
        ((_, _, inexact),) = loop.run(before, [(one, three, 0, 0)])
        ((_, _, by_zero),) = loop.run(before, [(one, zero, 0, 0)])
        assert (inexact, by_zero) == (before | 0b00001, before | 0b01000)
    loop.bare.close()


def test_every_row_with_floats_is_here() -> None:
    assert len(COMPUTING) > 50
    assert all(decode(word_of(row, NEAREST_EVEN)) is not None for row in COMPUTING)
