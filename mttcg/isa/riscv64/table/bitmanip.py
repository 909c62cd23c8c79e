"""Zba, Zbb and Zbs (Unprivileged ISA, "B" Extension for Bit Manipulation)."""

from typing import Literal

from mttcg.isa.operations import Bits, Compare, Operations, V
from mttcg.isa.riscv64.table.compute import (
    MASK,
    Compute,
    UnaryCompute,
    finish,
    register,
    register_immediate,
    register_register,
)
from mttcg.isa.riscv64.table.integer import OP, OP_32, OP_IMM, OP_IMM_32
from mttcg.isa.riscv64.table.row import encoding, instruction_row
from mttcg.isa.table.row import Row

LOW_BITS, HIGH_BITS = 0x7F7F_7F7F_7F7F_7F7F, 0x8080_8080_8080_8080
"""Of every byte: all bits but the top one, and the top one."""


def shift_and_add(amount: int, word: bool) -> Compute:
    """(rs1 << amount) + rs2, rs1 an unsigned word or all of it."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        index = ops.zero_extend(a, 32) if word else a
        return ops.binary("add", ops.shift("shl", index, ops.constant(amount)), b)

    return compute


def shift_unsigned_word(ops: Operations[V], a: V, b: V) -> V:
    """Run slli.uw."""
    return ops.shift("shl", ops.zero_extend(a, 32), b)


def inverted(operation: Literal["and", "or", "xor"]) -> Compute:
    """An operation on rs1 and the complement of rs2; xnor is one too, as ~(a ^ b) = a ^ ~b."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        return ops.binary(operation, a, ops.binary("xor", b, ops.constant(MASK)))

    return compute


def choose(less: Compare, greater: bool) -> Compute:
    """The lesser or the greater of two."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        condition = ops.compare(less, a, b)
        return ops.select(condition, b, a) if greater else ops.select(condition, a, b)

    return compute


def rotate(left: bool, bits: Bits) -> Compute:
    """Rotation by the low 6 (5) bits of the amount."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        back = ops.binary("sub", ops.constant(0), b)
        to_left, to_right = (b, back) if left else (back, b)
        high = ops.shift("shl", a, to_left, bits)
        return finish(ops, ops.binary("or", high, ops.shift("lshr", a, to_right, bits)), bits)

    return compute


def _single_bit(ops: Operations[V], index: V) -> V:
    return ops.shift("shl", ops.constant(1), index)


def clear_bit(ops: Operations[V], a: V, b: V) -> V:
    """Run bclr."""
    return inverted("and")(ops, a, _single_bit(ops, b))


def extract_bit(ops: Operations[V], a: V, b: V) -> V:
    """Run bext."""
    return ops.binary("and", ops.shift("lshr", a, b), ops.constant(1))


def invert_bit(ops: Operations[V], a: V, b: V) -> V:
    """Run binv."""
    return ops.binary("xor", a, _single_bit(ops, b))


def set_bit(ops: Operations[V], a: V, b: V) -> V:
    """Run bset."""
    return ops.binary("or", a, _single_bit(ops, b))


def count(what: Literal["leading", "trailing", "ones"], bits: Bits) -> UnaryCompute:
    """Counts are of 64 bits, or of the low 32."""

    def change(ops: Operations[V], a: V) -> V:
        return ops.count(what, a, bits)

    return change


def extend(bits: int, signed: bool) -> UnaryCompute:
    """Sign or zero extension."""

    def change(ops: Operations[V], a: V) -> V:
        return ops.sign_extend(a, bits) if signed else ops.zero_extend(a, bits)

    return change


def or_combine(ops: Operations[V], a: V) -> V:
    """Run orc.b: every byte that is not 0 becomes 255.

    Adding 127 to a byte's low bits carries into its top bit unless they are all 0.
    """
    low = ops.binary("and", a, ops.constant(LOW_BITS))
    carried = ops.binary("or", a, ops.binary("add", low, ops.constant(LOW_BITS)))
    top = ops.binary("and", carried, ops.constant(HIGH_BITS))
    return ops.binary("mul", ops.shift("lshr", top, ops.constant(7)), ops.constant(0xFF))


def reverse_bytes(ops: Operations[V], a: V) -> V:
    """Run rev8."""
    return ops.byte_swap(a)


_REGISTERS: tuple[tuple[str, str, int, int, int, Compute], ...] = (
    # name, extension, opcode, funct3, funct7, function
    ("sh1add", "Zba", OP, 2, 0x10, shift_and_add(1, word=False)),
    ("sh2add", "Zba", OP, 4, 0x10, shift_and_add(2, word=False)),
    ("sh3add", "Zba", OP, 6, 0x10, shift_and_add(3, word=False)),
    ("add.uw", "Zba", OP_32, 0, 0x04, shift_and_add(0, word=True)),
    ("sh1add.uw", "Zba", OP_32, 2, 0x10, shift_and_add(1, word=True)),
    ("sh2add.uw", "Zba", OP_32, 4, 0x10, shift_and_add(2, word=True)),
    ("sh3add.uw", "Zba", OP_32, 6, 0x10, shift_and_add(3, word=True)),
    ("xnor", "Zbb", OP, 4, 0x20, inverted("xor")),
    ("orn", "Zbb", OP, 6, 0x20, inverted("or")),
    ("andn", "Zbb", OP, 7, 0x20, inverted("and")),
    ("min", "Zbb", OP, 4, 0x05, choose("slt", greater=False)),
    ("minu", "Zbb", OP, 5, 0x05, choose("ult", greater=False)),
    ("max", "Zbb", OP, 6, 0x05, choose("slt", greater=True)),
    ("maxu", "Zbb", OP, 7, 0x05, choose("ult", greater=True)),
    ("rol", "Zbb", OP, 1, 0x30, rotate(left=True, bits=64)),
    ("ror", "Zbb", OP, 5, 0x30, rotate(left=False, bits=64)),
    ("rolw", "Zbb", OP_32, 1, 0x30, rotate(left=True, bits=32)),
    ("rorw", "Zbb", OP_32, 5, 0x30, rotate(left=False, bits=32)),
    ("bset", "Zbs", OP, 1, 0x14, set_bit),
    ("bclr", "Zbs", OP, 1, 0x24, clear_bit),
    ("bext", "Zbs", OP, 5, 0x24, extract_bit),
    ("binv", "Zbs", OP, 1, 0x34, invert_bit),
)
_IMMEDIATES: tuple[tuple[str, str, str, int, int, int, Compute], ...] = (
    # name, extension, layout, opcode, funct3, funct7, function
    ("slli.uw", "Zba", "I-shift", OP_IMM_32, 1, 0x04, shift_unsigned_word),
    ("rori", "Zbb", "I-shift", OP_IMM, 5, 0x30, rotate(left=False, bits=64)),
    ("roriw", "Zbb", "I-shift-word", OP_IMM_32, 5, 0x30, rotate(left=False, bits=32)),
    ("bseti", "Zbs", "I-shift", OP_IMM, 1, 0x14, set_bit),
    ("bclri", "Zbs", "I-shift", OP_IMM, 1, 0x24, clear_bit),
    ("bexti", "Zbs", "I-shift", OP_IMM, 5, 0x24, extract_bit),
    ("binvi", "Zbs", "I-shift", OP_IMM, 1, 0x34, invert_bit),
)
_UNARY: tuple[tuple[str, int, int, int, int, UnaryCompute], ...] = (
    # name, opcode, funct3, funct7, what stands in rs2's place, function
    ("clz", OP_IMM, 1, 0x30, 0, count("leading", 64)),
    ("ctz", OP_IMM, 1, 0x30, 1, count("trailing", 64)),
    ("cpop", OP_IMM, 1, 0x30, 2, count("ones", 64)),
    ("clzw", OP_IMM_32, 1, 0x30, 0, count("leading", 32)),
    ("ctzw", OP_IMM_32, 1, 0x30, 1, count("trailing", 32)),
    ("cpopw", OP_IMM_32, 1, 0x30, 2, count("ones", 32)),
    ("sext.b", OP_IMM, 1, 0x30, 4, extend(8, signed=True)),
    ("sext.h", OP_IMM, 1, 0x30, 5, extend(16, signed=True)),
    ("zext.h", OP_32, 4, 0x04, 0, extend(16, signed=False)),
    ("orc.b", OP_IMM, 5, 0x14, 7, or_combine),
    ("rev8", OP_IMM, 5, 0x35, 24, reverse_bytes),
)

ROWS: tuple[Row, ...] = (
    *(
        instruction_row(
            name,
            extension,
            "R",
            "rd, rs1, rs2",
            encoding(opcode, funct3, funct7),
            register_register(compute),
        )
        for name, extension, opcode, funct3, funct7, compute in _REGISTERS
    ),
    *(
        instruction_row(
            name,
            extension,
            layout,
            "rd, rs1, immediate",
            encoding(opcode, funct3, funct7),
            register_immediate(compute),
        )
        for name, extension, layout, opcode, funct3, funct7, compute in _IMMEDIATES
    ),
    *(
        instruction_row(
            name,
            "Zbb",
            "R-unary",
            "rd, rs1",
            encoding(opcode, funct3, funct7, rs2),
            register(change),
        )
        for name, opcode, funct3, funct7, rs2, change in _UNARY
    ),
)
"""Addresses, bits and bytes."""
