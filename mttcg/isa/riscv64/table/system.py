"""What concerns the machine around the hart: SYSTEM and fence.i.

Unprivileged ISA 2.8, Zicsr and Zifencei; Privileged ISA 3.3. All of it leaves to the host, but
for the CSRs of the floating-point unit, which are plain state.
"""

from typing import Literal

from mttcg.isa.riscv64.operations import Operations, V
from mttcg.isa.riscv64.table.compute import MASK
from mttcg.isa.riscv64.table.row import Decoded, Row, Semantics, encoding

SYSTEM, MISC_MEM = 0x73, 0x0F
Update = Literal["write", "set", "clear"]

FCSR_FIELDS = {1: (0, 5), 2: (5, 3), 3: (0, 8)}
"""fflags, frm, fcsr: the lowest bit of fcsr and the width each shows (20.2)."""


def leave(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """Have the host run it."""
    ops.leave(instruction.word)


def _updated(ops: Operations[V], update: Update, old: V, operand: V) -> V:
    if update == "write":
        return operand
    if update == "set":
        return ops.binary("or", old, operand)
    return ops.binary("and", old, ops.binary("xor", operand, ops.constant(MASK)))


def _replace(ops: Operations[V], whole: V, value: V, low: int, bits: int) -> V:
    kept = ops.binary("and", whole, ops.constant(MASK ^ ((1 << bits) - 1 << low)))
    placed = ops.shift("shl", ops.zero_extend(value, bits), ops.constant(low))
    return ops.binary("or", kept, placed)


def csr_access(update: Update, immediate: bool) -> Semantics:
    """Run csrrw, csrrs, csrrc, or one of them with rs1's number as the operand."""

    def run(ops: Operations[V], instruction: Decoded, pc: int) -> None:
        shown = FCSR_FIELDS.get(instruction.immediate)
        if shown is None:
            ops.leave(instruction.word)
            return
        ops.require_float(instruction.word)
        source = instruction.rs1
        operand = ops.constant(source) if immediate else ops.read_x(source)
        low, bits = shown
        whole = ops.read_fcsr()
        old = ops.zero_extend(ops.shift("lshr", whole, ops.constant(low)), bits)
        if update == "write" or source:
            ops.write_fcsr(_replace(ops, whole, _updated(ops, update, old, operand), low, bits))
        ops.write_x(instruction.rd, old)

    return run


_CSR: tuple[tuple[str, str, int, Semantics], ...] = (
    ("csrrw", "rd, csr, rs1", 1, csr_access("write", immediate=False)),
    ("csrrs", "rd, csr, rs1", 2, csr_access("set", immediate=False)),
    ("csrrc", "rd, csr, rs1", 3, csr_access("clear", immediate=False)),
    ("csrrwi", "rd, csr, number", 5, csr_access("write", immediate=True)),
    ("csrrsi", "rd, csr, number", 6, csr_access("set", immediate=True)),
    ("csrrci", "rd, csr, number", 7, csr_access("clear", immediate=True)),
)

ROWS: tuple[Row, ...] = (
    Row("ecall", "I", "none", "", 0x0000_0073, leave),
    Row("ebreak", "I", "none", "", 0x0010_0073, leave),
    Row("mret", "Sm", "none", "", 0x3020_0073, leave),
    Row("wfi", "Sm", "none", "", 0x1050_0073, leave),
    Row("fence.i", "Zifencei", "I-system", "", encoding(MISC_MEM, 1), leave),
    *(
        Row(name, "Zicsr", "I-system", syntax, encoding(SYSTEM, funct3), does)
        for name, syntax, funct3, does in _CSR
    ),
)
"""Control of the machine."""
