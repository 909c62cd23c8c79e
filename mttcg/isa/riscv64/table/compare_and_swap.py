"""Zacas: compare-and-swap, also of bytes and halfwords with Zabha (Unprivileged ISA, "Zacas").

What is expected is in rd, which gets what was there. Of 16 bytes each operand is a pair of
registers, of which the first is even; in place of x0 and its successor both are 0.
"""

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Operations, V
from mttcg.isa.riscv64.table.atomic import AMO, extend
from mttcg.isa.riscv64.table.row import encoding, instruction_row
from mttcg.isa.table.row import Behaviour, Decoded, MemoryOperand, Pattern, Row, Semantics

FUNCT5 = 0b00101
ODD_PAIRS: tuple[Pattern, ...] = ((1 << 7, 1 << 7), (1 << 20, 1 << 20))
"""Reserved: rd or rs2 is odd."""
PAIR_BYTES = 16


def _behaviour(run: Semantics, size: int) -> Behaviour:
    access = MemoryOperand(size, loads=True, stores=True, extension="sign", displaced=False)
    return Behaviour(run, InstructionClass.ATOMIC, Kind.ATOMIC, memory=access)


def compare_and_swap(size: int) -> Behaviour:
    """Run amocas of up to 8 bytes."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        address, value = ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)
        expected = ops.read_x(instruction.rd)
        (old,) = ops.compare_and_swap(address, size, (expected,), (value,))
        ops.write_x(instruction.rd, extend(ops, old, size))

    return _behaviour(run, size)


def _pair(ops: Operations[V], register: int) -> tuple[V, V]:
    zero = ops.constant(0)
    is_zero = ops.compare("eq", ops.constant(register), zero)
    return ops.read_x(register), ops.select(is_zero, zero, ops.read_x(register + 1))


def compare_and_swap_pair(ops: Operations[V], instruction: Decoded) -> None:
    """Run amocas.q."""
    expected, value = _pair(ops, instruction.rd), _pair(ops, instruction.rs2)
    address = ops.read_x(instruction.rs1)
    low, high = ops.compare_and_swap(address, PAIR_BYTES, expected, value)
    if instruction.rd:
        ops.write_x(instruction.rd + 1, high)
        ops.write_x(instruction.rd, low)  # last: that is what records say was written


def _row(
    name: str, extension: str, funct3: int, does: Behaviour, excluded: tuple[Pattern, ...] = ()
) -> Row:
    match = encoding(AMO, funct3, FUNCT5 << 2)
    return instruction_row(name, extension, "AMO", "rd, rs2, (rs1)", match, does, excluded)


ROWS = (
    _row("amocas.b", "Zabha", 0, compare_and_swap(1)),
    _row("amocas.h", "Zabha", 1, compare_and_swap(2)),
    _row("amocas.w", "Zacas", 2, compare_and_swap(4)),
    _row("amocas.d", "Zacas", 3, compare_and_swap(8)),
    _row("amocas.q", "Zacas", 4, _behaviour(compare_and_swap_pair, PAIR_BYTES), ODD_PAIRS),
)
"""Compare-and-swap."""
