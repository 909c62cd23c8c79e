"""Zicbom and Zicboz: operations on cache blocks (Unprivileged ISA, "CMO").

There are no caches that a device could not see, so there is nothing to write back or to drop, and
an address is not looked at. A level may be kept from all of it by the level above.
"""

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Operations, StateFields, V
from mttcg.isa.riscv64.environment import CLEAN_BLOCKS, INVALIDATE_BLOCKS, ZERO_BLOCKS, enabled
from mttcg.isa.riscv64.extensions import BLOCK_BYTES
from mttcg.isa.riscv64.table.compute import MASK
from mttcg.isa.riscv64.table.row import instruction_row
from mttcg.isa.table.row import Behaviour, Decoded, MemoryOperand, Row

PIECE = 8


def _require(ops: Operations[V], instruction: Decoded, bits: int) -> None:
    def allowed(ops: Operations[V], hart: StateFields[V]) -> V:
        return enabled(ops, hart, bits)

    ops.illegal(instruction.word, unless=allowed)


def manage(bits: int) -> Behaviour:
    """Run cbo.inval, cbo.clean or cbo.flush, for which some bits are to be set."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        _require(ops, instruction, bits)

    return Behaviour(run, InstructionClass.FENCE, Kind.PLAIN, writes="")


def zero(ops: Operations[V], instruction: Decoded) -> None:
    """Run cbo.zero: the block around the address."""
    _require(ops, instruction, ZERO_BLOCKS)
    block = ops.binary("and", ops.read_x(instruction.rs1), ops.constant(MASK ^ BLOCK_BYTES - 1))
    for offset in range(0, BLOCK_BYTES, PIECE):
        ops.store(ops.binary("add", block, ops.constant(offset)), PIECE, ops.constant(0))


ZEROED = MemoryOperand(BLOCK_BYTES, stores=True, displaced=False)
_ROWS: tuple[tuple[str, str, int, Behaviour], ...] = (
    # name, extension, bits 20 to 31, what it does
    ("cbo.inval", "Zicbom", 0, manage(INVALIDATE_BLOCKS)),
    ("cbo.clean", "Zicbom", 1, manage(CLEAN_BLOCKS)),
    ("cbo.flush", "Zicbom", 2, manage(CLEAN_BLOCKS)),
    ("cbo.zero", "Zicboz", 4, Behaviour(zero, InstructionClass.STORE, Kind.STORE, "", ZEROED)),
)
ROWS: tuple[Row, ...] = tuple(
    instruction_row(name, extension, "R-block", "(rs1)", 0x200F | number << 20, does)
    for name, extension, number, does in _ROWS
)
"""Operations on cache blocks."""
