"""Zimop and Zcmop: operations that other extensions may define (Unprivileged ISA, "Zimop").

Until they do, the long ones write zero, and the short ones do nothing.
"""

from mttcg.isa.operations import Operations, V
from mttcg.isa.riscv64.table.row import instruction_row
from mttcg.isa.table.row import Behaviour, Decoded, Row


def write_zero(ops: Operations[V], instruction: Decoded) -> None:
    """Run mop.r.N or mop.rr.N."""
    ops.write_x(instruction.rd, ops.constant(0))


def do_nothing(ops: Operations[V], instruction: Decoded) -> None:
    """Run c.mop.N, and whatever else may do nothing."""


ZERO, NOTHING = Behaviour(write_zero), Behaviour(do_nothing, writes="")


def _of_one(number: int) -> int:
    """Bits of mop.r.N: N[4] at 30, N[3:2] at 26, N[1:0] at 20."""
    return 0x81C0_4073 | (number >> 4) << 30 | (number >> 2 & 3) << 26 | (number & 3) << 20


def _of_two(number: int) -> int:
    """Bits of mop.rr.N: N[2] at 30, N[1:0] at 26."""
    return 0x8200_4073 | (number >> 2) << 30 | (number & 3) << 26


ROWS: tuple[Row, ...] = (
    *(
        instruction_row(f"mop.r.{number}", "Zimop", "R-unary", "rd, rs1", _of_one(number), ZERO)
        for number in range(32)
    ),
    *(
        instruction_row(f"mop.rr.{number}", "Zimop", "R", "rd, rs1, rs2", _of_two(number), ZERO)
        for number in range(8)
    ),
    *(
        instruction_row(f"c.mop.{n}", "Zcmop", "C-none", "", 0x6081 | n >> 1 << 8, NOTHING)
        for n in range(1, 16, 2)
    ),
)
"""May-be-operations."""
