"""What concerns the machine around the hart: SYSTEM and fence.i.

Unprivileged ISA 2.8, Zicsr and Zifencei; Privileged ISA 3.3 and 10.2. All of it needs the words of
SystemOperations, but for the CSRs of the floating-point unit, which are plain state.
"""

from dataclasses import replace
from functools import partial
from typing import Literal, Protocol

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import PAUSE, Operations, SystemWords, V
from mttcg.isa.riscv64.csr import CSRS, is_read_only
from mttcg.isa.riscv64.csr_row import Csr
from mttcg.isa.riscv64.privilege import SUPERVISOR, USER, level_of
from mttcg.isa.riscv64.status import MSTATUS_TW, is_at_least, unless_trapped
from mttcg.isa.riscv64.table.compute import MASK
from mttcg.isa.riscv64.table.row import encoding, instruction_row
from mttcg.isa.riscv64.translation import fence
from mttcg.isa.riscv64.traps import Cause, return_from_machine, return_from_supervisor
from mttcg.isa.table.row import Behaviour, Decoded, Row

SYSTEM, MISC_MEM = 0x73, 0x0F
Update = Literal["write", "set", "clear"]

FCSR_FIELDS = {1: (0, 5), 2: (5, 3), 3: (0, 8)}
"""fflags, frm, fcsr: the lowest bit of fcsr and the width each shows (20.2)."""


class SystemSemantics(Protocol):
    """What an instruction does, in the words of SystemWords."""

    def __call__(self, ops: Operations[V], hart: SystemWords[V]) -> None:
        """Do it."""


def system(does: SystemSemantics) -> Behaviour:
    """An instruction without operands."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.system(instruction.word, partial(does, ops))

    return Behaviour(run, InstructionClass.SYSTEM, Kind.SYSTEM, writes="")


def _environment_call(ops: Operations[V], hart: SystemWords[V]) -> None:
    """The cause says from which level; a supervisor's may be for the host."""
    level = hart.read_state("privilege")
    is_supervisor = ops.compare("eq", level, ops.constant(SUPERVISOR))
    hart.call_firmware(ops.binary("and", is_supervisor, hart.read_state("firmware")))
    hart.trap(ops.binary("add", level, ops.constant(Cause.ECALL_USER)), ops.constant(0))


def _breakpoint(ops: Operations[V], hart: SystemWords[V]) -> None:
    hart.trap_unless_call(ops.constant(Cause.BREAKPOINT), ops.pc_plus(0))


def _wait(ops: Operations[V], hart: SystemWords[V]) -> None:
    """A user may not, and a supervisor if machine mode lets it (3.1.6.6)."""
    hart.require(unless_trapped(MSTATUS_TW)(ops, hart))
    hart.wait()


def _fence_translations() -> Behaviour:
    """The address is in rs1, which says all of them if it is x0."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        source = instruction.rs1
        of_all = source == 0
        ops.system(instruction.word, lambda hart: fence(ops, hart, ops.read_x(source), of_all))

    return Behaviour(run, InstructionClass.SYSTEM, Kind.SYSTEM, writes="")


def _order_invalidations(ops: Operations[V], hart: SystemWords[V]) -> None:
    """Run sfence.w.inval or sfence.inval.ir: each sinval.vma has dropped what it names already."""
    hart.require(is_at_least(ops, hart, SUPERVISOR))


def _pause(ops: Operations[V], instruction: Decoded) -> None:
    """Run wrs.nto or wrs.sto: wait for a store by another, which may end early (Zawrs)."""
    ops.fence(0, 0, PAUSE)


def _fetch_again(ops: Operations[V], hart: SystemWords[V]) -> None:
    hart.fetch_again()


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


def _kind_of_csr_access(instruction: Decoded) -> Kind:
    return Kind.FLOAT_CONTROL if instruction.immediate in FCSR_FIELDS else Kind.SYSTEM


def _require(ops: Operations[V], hart: SystemWords[V], number: int, csr: Csr) -> None:
    if level_of(number) > USER:
        hart.require(is_at_least(ops, hart, level_of(number)))
    if csr.allowed is not None:
        hart.require(csr.allowed(ops, hart))


def csr_access(update: Update, immediate: bool) -> Behaviour:
    """Run csrrw, csrrs, csrrc, or one of them with rs1's number as the operand."""

    def operand_of(ops: Operations[V], instruction: Decoded) -> V:
        source = instruction.rs1
        return ops.constant(source) if immediate else ops.read_x(source)

    def writes(instruction: Decoded) -> bool:
        return update == "write" or instruction.rs1 != 0

    def float_control(ops: Operations[V], instruction: Decoded) -> None:
        ops.require_float(instruction.word)
        operand = operand_of(ops, instruction)
        low, bits = FCSR_FIELDS[instruction.immediate]
        whole = ops.read_float_control()
        old = ops.zero_extend(ops.shift("lshr", whole, ops.constant(low)), bits)
        if writes(instruction):
            ops.write_float_control(
                _replace(ops, whole, _updated(ops, update, old, operand), low, bits)
            )
        ops.write_x(instruction.rd, old)

    def run(ops: Operations[V], instruction: Decoded) -> None:
        number, written = instruction.immediate, writes(instruction)
        if number in FCSR_FIELDS:
            float_control(ops, instruction)
            return
        csr = CSRS.get(number)
        if csr is None or (written and is_read_only(number)):
            ops.illegal(instruction.word)
            return

        def access(hart: SystemWords[V]) -> None:
            _require(ops, hart, number, csr)
            operand, old = operand_of(ops, instruction), csr.read(ops, hart)
            if written and csr.write is not None:
                kept = old if csr.kept is None else csr.kept(ops, hart, old)
                new = _updated(ops, update, kept, operand)
                if csr.acknowledge is not None:
                    csr.acknowledge(ops, hart, old, new)
                csr.write(ops, hart, new)
            if written and csr.changes_status:
                hart.status_changed()
            ops.write_x(instruction.rd, old)

        ops.system(instruction.word, access)

    return Behaviour(run, InstructionClass.CSR, _kind_of_csr_access)


_CSR: tuple[tuple[str, str, int, Behaviour], ...] = (
    ("csrrw", "rd, csr, rs1", 1, csr_access("write", immediate=False)),
    ("csrrs", "rd, csr, rs1", 2, csr_access("set", immediate=False)),
    ("csrrc", "rd, csr, rs1", 3, csr_access("clear", immediate=False)),
    ("csrrwi", "rd, csr, number", 5, csr_access("write", immediate=True)),
    ("csrrsi", "rd, csr, number", 6, csr_access("set", immediate=True)),
    ("csrrci", "rd, csr, number", 7, csr_access("clear", immediate=True)),
)

FENCE_TRANSLATIONS = _fence_translations()
"""What sfence.vma does, and sinval.vma at once."""

ROWS: tuple[Row, ...] = (
    instruction_row("ecall", "I", "none", "", 0x0000_0073, system(_environment_call)),
    instruction_row(
        "ebreak",
        "I",
        "none",
        "",
        0x0010_0073,
        replace(system(_breakpoint), kind=Kind.BREAKPOINT),
    ),
    instruction_row(
        "mret",
        "Sm",
        "none",
        "",
        0x3020_0073,
        replace(system(return_from_machine), goes_elsewhere=True),
    ),
    instruction_row(
        "sret",
        "S",
        "none",
        "",
        0x1020_0073,
        replace(system(return_from_supervisor), goes_elsewhere=True),
    ),
    instruction_row("sfence.vma", "S", "R-fence", "rs1, rs2", 0x1200_0073, FENCE_TRANSLATIONS),
    instruction_row(
        "sinval.vma", "Svinval", "R-fence", "rs1, rs2", 0x1600_0073, FENCE_TRANSLATIONS
    ),
    *(
        instruction_row(name, "Svinval", "none", "", match, system(_order_invalidations))
        for name, match in (("sfence.w.inval", 0x1800_0073), ("sfence.inval.ir", 0x1810_0073))
    ),
    *(
        instruction_row(name, "Zawrs", "none", "", match, Behaviour(_pause, writes=""))
        for name, match in (("wrs.nto", 0x00D0_0073), ("wrs.sto", 0x01D0_0073))
    ),
    instruction_row("wfi", "Sm", "none", "", 0x1050_0073, system(_wait)),
    instruction_row(
        "fence.i",
        "Zifencei",
        "I-system",
        "",
        encoding(MISC_MEM, 1),
        replace(system(_fetch_again), what=InstructionClass.FENCE),
    ),
    *(
        instruction_row(name, "Zicsr", "I-system", syntax, encoding(SYSTEM, funct3), does)
        for name, syntax, funct3, does in _CSR
    ),
)
"""Control of the machine."""
