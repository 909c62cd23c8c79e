"""Instructions that compute a register from registers and constants alone.

`Compute` is a function of two values; the factories at the end give it the operands of a format,
so that `add`, `addi` and `c.add` are one function.
"""

from typing import Protocol

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.operations import Binary, Bits, Compare, Operations, Shift, V
from mttcg.isa.table.row import Behaviour, Decoded

MASK = (1 << 64) - 1


class Compute(Protocol):
    """A value from two."""

    def __call__(self, ops: Operations[V], a: V, b: V) -> V:
        """The result, 64 bits."""


class UnaryCompute(Protocol):
    """A value from one."""

    def __call__(self, ops: Operations[V], a: V) -> V:
        """The result, 64 bits."""


def finish(ops: Operations[V], value: V, bits: Bits) -> V:
    """What goes to a register: results of 32 bits are sign-extended (Unprivileged ISA 4.2)."""
    return value if bits == 64 else ops.sign_extend(value, bits)


def binary(operation: Binary, bits: Bits = 64) -> Compute:
    """Arithmetic that is total."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        return finish(ops, ops.binary(operation, a, b, bits), bits)

    return compute


def shift(operation: Shift, bits: Bits = 64) -> Compute:
    """Shifts look at the low 6 (5) bits of the amount."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        return finish(ops, ops.shift(operation, a, b, bits), bits)

    return compute


def compare(operation: Compare) -> Compute:
    """1 or 0."""

    def compute(ops: Operations[V], a: V, b: V) -> V:
        return ops.compare(operation, a, b)

    return compute


def register_register(compute: Compute, what: InstructionClass = InstructionClass.ALU) -> Behaviour:
    """rd = compute(rs1, rs2)."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        a, b = ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)
        ops.write_x(instruction.rd, compute(ops, a, b))

    return Behaviour(run, what)


def register_immediate(compute: Compute) -> Behaviour:
    """rd = compute(rs1, immediate)."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        b = ops.constant(instruction.immediate & MASK)
        ops.write_x(instruction.rd, compute(ops, ops.read_x(instruction.rs1), b))

    return Behaviour(run)


def register(change: UnaryCompute) -> Behaviour:
    """rd = change(rs1)."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.write_x(instruction.rd, change(ops, ops.read_x(instruction.rs1)))

    return Behaviour(run)
