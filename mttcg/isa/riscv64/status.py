"""mstatus, and sstatus, which is a part of it (Privileged ISA 3.1.6, 10.1.1)."""

from mttcg.isa.operations import Operations, StateFields, StateWords, SystemWords, V
from mttcg.isa.riscv64.csr_row import Csr, Read, joined, masked, with_bits
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR

MSTATUS_SIE = 1 << 1
MSTATUS_MIE = 1 << 3
MSTATUS_SPIE = 1 << 5
MSTATUS_MPIE = 1 << 7
MSTATUS_SPP = 1 << 8
MSTATUS_MPP = 3 << 11
MSTATUS_FS = 3 << 13
MSTATUS_MPRV = 1 << 17
MSTATUS_SUM = 1 << 18
MSTATUS_MXR = 1 << 19
MSTATUS_TVM = 1 << 20
MSTATUS_TW = 1 << 21
MSTATUS_TSR = 1 << 22
MSTATUS_UXL = 2 << 32
MSTATUS_SXL = 2 << 34
MSTATUS_SD = 1 << 63
MPP_SHIFT, SPP_SHIFT = 11, 8
NO_LEVEL = 2
"""Of MPP: it keeps what it was if this is written."""

OF_SUPERVISOR = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR
"""What may be written by way of sstatus."""
OF_MACHINE = (
    MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_MPRV | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR
)
"""What may be written by way of mstatus alone."""


def _whole(ops: Operations[V], hart: StateWords[V]) -> V:
    # whatever runs with the unit on may have changed its state, so it always reads as dirty
    status = hart.read_state("mstatus")
    dirty = with_bits(ops, status, MSTATUS_FS | MSTATUS_SD)
    return ops.select(masked(ops, status, MSTATUS_FS), dirty, status)


def _read_mstatus(ops: Operations[V], hart: SystemWords[V]) -> V:
    return with_bits(ops, _whole(ops, hart), MSTATUS_UXL | MSTATUS_SXL)


def _write_mstatus(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    old, level = hart.read_state("mstatus"), masked(ops, value, MSTATUS_MPP)
    is_none = ops.compare("eq", level, ops.constant(NO_LEVEL << MPP_SHIFT))
    level = ops.select(is_none, masked(ops, old, MSTATUS_MPP), level)
    others = masked(ops, value, (OF_MACHINE | OF_SUPERVISOR) & ~MSTATUS_MPP)
    hart.write_state("mstatus", ops.binary("or", others, level))


def _read_sstatus(ops: Operations[V], hart: SystemWords[V]) -> V:
    return with_bits(ops, masked(ops, _whole(ops, hart), OF_SUPERVISOR | MSTATUS_SD), MSTATUS_UXL)


def _write_sstatus(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    hart.write_state("mstatus", joined(ops, hart.read_state("mstatus"), value, OF_SUPERVISOR))


MSTATUS = Csr("mstatus", _read_mstatus, _write_mstatus, changes_status=True)
SSTATUS = Csr("sstatus", _read_sstatus, _write_sstatus, changes_status=True)


def is_at_least(ops: Operations[V], hart: StateFields[V], level: int) -> V:
    """1 if the hart has at least a level of privilege, else 0."""
    return ops.compare("ule", ops.constant(level), hart.read_state("privilege"))


def unless_trapped(bit: int) -> Read:
    """Whether a supervisor may do what machine mode can trap by a bit of mstatus."""

    def allowed(ops: Operations[V], hart: SystemWords[V]) -> V:
        trapped = masked(ops, hart.read_state("mstatus"), bit)
        free = is_at_least(ops, hart, SUPERVISOR)
        return ops.select(trapped, is_at_least(ops, hart, MACHINE), free)

    return allowed
