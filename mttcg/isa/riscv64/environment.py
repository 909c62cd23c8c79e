"""What a level lets those below it do: menvcfg and senvcfg (Privileged ISA 3.1.18, 10.1.10)."""

from mttcg.isa.operations import Operations, StateFields, SystemWords, V
from mttcg.isa.riscv64.csr_row import masked
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR
from mttcg.isa.riscv64.status import is_at_least

FENCE_IO = 1
"""FIOM: fences are complete here, whatever it says."""
INVALIDATE_BLOCKS, CLEAN_BLOCKS, ZERO_BLOCKS = 3 << 4, 1 << 6, 1 << 7
"""CBIE, CBCFE, CBZE: instructions on cache blocks (CMO 2.5)."""
RESERVED_INVALIDATION = 2 << 4
"""The value of CBIE that does not exist; 0 is kept in its place."""
KEPT = FENCE_IO | INVALIDATE_BLOCKS | CLEAN_BLOCKS | ZERO_BLOCKS
"""Bits that both have."""


def kept_of(ops: Operations[V], value: V) -> V:
    """What sticks of a value that is written to either."""
    blocks = masked(ops, value, INVALIDATE_BLOCKS)
    reserved = ops.compare("eq", blocks, ops.constant(RESERVED_INVALIDATION))
    without = masked(ops, value, KEPT & ~INVALIDATE_BLOCKS)
    return ops.select(reserved, without, masked(ops, value, KEPT))


def write_senvcfg(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    """Write senvcfg."""
    hart.write_state("senvcfg", kept_of(ops, value))


def enabled(ops: Operations[V], hart: StateFields[V], bits: int) -> V:
    """Whether the hart's level may do what some bits are for: what all levels above it say."""
    supervisors = masked(ops, hart.read_state("menvcfg"), bits)
    users = ops.binary("and", supervisors, hart.read_state("senvcfg"))
    lower = ops.select(is_at_least(ops, hart, SUPERVISOR), supervisors, users)
    return ops.select(is_at_least(ops, hart, MACHINE), ops.constant(1), lower)
