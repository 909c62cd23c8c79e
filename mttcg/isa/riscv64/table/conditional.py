"""Zicond: a register or zero, by a condition (Unprivileged ISA, "Zicond")."""

from mttcg.isa.operations import Operations, V
from mttcg.isa.riscv64.table.compute import register_register
from mttcg.isa.riscv64.table.integer import OP
from mttcg.isa.riscv64.table.row import encoding, instruction_row


def zero_if_zero(ops: Operations[V], a: V, b: V) -> V:
    """Run czero.eqz."""
    return ops.select(b, a, ops.constant(0))


def zero_unless_zero(ops: Operations[V], a: V, b: V) -> V:
    """Run czero.nez."""
    return ops.select(b, ops.constant(0), a)


ROWS = tuple(
    instruction_row(
        name, "Zicond", "R", "rd, rs1, rs2", encoding(OP, funct3, 0x07), register_register(compute)
    )
    for name, funct3, compute in (
        ("czero.eqz", 5, zero_if_zero),
        ("czero.nez", 7, zero_unless_zero),
    )
)
"""Conditional zeros."""
