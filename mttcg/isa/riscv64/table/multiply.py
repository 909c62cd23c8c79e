"""The M extension (Unprivileged ISA, "M" Extension for Integer Multiplication and Division)."""

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.operations import Bits, Operations, V
from mttcg.isa.riscv64.table.compute import MASK, Compute, binary, finish, register_register
from mttcg.isa.riscv64.table.integer import OP, OP_32
from mttcg.isa.riscv64.table.row import encoding, instruction_row

MULTIPLY, FIRST_DIVISION = 0x01, 4


def multiply_high(signed_a: bool, signed_b: bool) -> Compute:
    """The upper half of the product."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        return ops.multiply_high(a, b, signed_a, signed_b)

    return compute


def _overflows(ops: Operations[V], a: V, b: V, bits: Bits) -> V:
    least = ops.compare("eq", a, ops.constant(MASK & -1 << bits - 1))
    return ops.binary("and", least, ops.compare("eq", b, ops.constant(MASK)))


def divide(signed: bool, bits: Bits, remainder: bool) -> Compute:
    """Division, with these results where there is none: x/0 = -1, x%0 = x; least/-1 = least,
    least%-1 = 0 (table "Semantics for division by zero and division overflow").

    The divisor is 1 where the quotient does not exist, which is right for the overflow as it is.
    """

    def compute(ops: Operations[V], a: V, b: V) -> V:
        if bits == 32:
            extend = ops.sign_extend if signed else ops.zero_extend
            a, b = extend(a, bits), extend(b, bits)
        by_zero = ops.compare("eq", b, ops.constant(0))
        unfit = ops.binary("or", by_zero, _overflows(ops, a, b, bits)) if signed else by_zero
        divisor = ops.select(unfit, ops.constant(1), b)
        if remainder:
            result = ops.binary("srem" if signed else "urem", a, divisor, bits)
            return finish(ops, ops.select(by_zero, a, result), bits)
        result = ops.binary("sdiv" if signed else "udiv", a, divisor, bits)
        return finish(ops, ops.select(by_zero, ops.constant(MASK), result), bits)

    return compute


_COMPUTE: tuple[tuple[str, int, int, Compute], ...] = (
    ("mul", OP, 0, binary("mul")),
    ("mulh", OP, 1, multiply_high(True, True)),
    ("mulhsu", OP, 2, multiply_high(True, False)),
    ("mulhu", OP, 3, multiply_high(False, False)),
    ("div", OP, 4, divide(True, 64, remainder=False)),
    ("divu", OP, 5, divide(False, 64, remainder=False)),
    ("rem", OP, 6, divide(True, 64, remainder=True)),
    ("remu", OP, 7, divide(False, 64, remainder=True)),
    ("mulw", OP_32, 0, binary("mul", 32)),
    ("divw", OP_32, 4, divide(True, 32, remainder=False)),
    ("divuw", OP_32, 5, divide(False, 32, remainder=False)),
    ("remw", OP_32, 6, divide(True, 32, remainder=True)),
    ("remuw", OP_32, 7, divide(False, 32, remainder=True)),
)


def _what(funct3: int) -> InstructionClass:
    return InstructionClass.DIVIDE if funct3 >= FIRST_DIVISION else InstructionClass.MULTIPLY


ROWS = tuple(
    instruction_row(
        name,
        "M",
        "R",
        "rd, rs1, rs2",
        encoding(opcode, funct3, MULTIPLY),
        register_register(compute, _what(funct3)),
    )
    for name, opcode, funct3, compute in _COMPUTE
)
"""Multiplication and division."""
