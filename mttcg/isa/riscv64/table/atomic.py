"""The A extension: Zalrsc and Zaamo (Unprivileged ISA, "A" Extension).

The bits aq and rl are decoded but not passed on: every atomic operation is sequentially
consistent, which is as strong as any of them ask.
"""

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Amo, Operations, V
from mttcg.isa.riscv64.table.row import encoding, instruction_row
from mttcg.isa.table.row import Behaviour, Decoded, MemoryOperand, Row, Semantics

AMO = 0x2F


def _atomic(
    semantics: Semantics, size: int, loads: bool, stores: bool, operation: Amo | None = None
) -> Behaviour:
    access = MemoryOperand(
        size, loads, stores, extension="sign", displaced=False, operation=operation
    )
    return Behaviour(semantics, InstructionClass.ATOMIC, Kind.ATOMIC, memory=access)


def _extend(ops: Operations[V], value: V, size: int) -> V:
    return ops.sign_extend(value, 32) if size == 4 else value


def load_reserved(size: int) -> Behaviour:
    """Run lr.w or lr.d."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        value = ops.load_reserved(ops.read_x(instruction.rs1), size)
        ops.write_x(instruction.rd, _extend(ops, value, size))

    return _atomic(run, size, loads=True, stores=False)


def store_conditional(size: int) -> Behaviour:
    """Run sc.w or sc.d."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        address, value = ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)
        ops.write_x(instruction.rd, ops.store_conditional(address, size, value))

    return _atomic(run, size, loads=False, stores=True)


def read_modify_write(operation: Amo, size: int) -> Behaviour:
    """Run an AMO."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        address, value = ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)
        old = ops.amo(operation, address, size, value)
        ops.write_x(instruction.rd, _extend(ops, old, size))

    return _atomic(run, size, loads=True, stores=True, operation=operation)


_SIZES = (("w", 2, 4), ("d", 3, 8))
_AMOS: tuple[tuple[Amo, int], ...] = (
    ("add", 0b00000),
    ("swap", 0b00001),
    ("xor", 0b00100),
    ("or", 0b01000),
    ("and", 0b01100),
    ("min", 0b10000),
    ("max", 0b10100),
    ("minu", 0b11000),
    ("maxu", 0b11100),
)


def _row(name: str, layout: str, syntax: str, funct5: int, funct3: int, does: Behaviour) -> Row:
    return instruction_row(name, "A", layout, syntax, encoding(AMO, funct3, funct5 << 2), does)


def _rows(suffix: str, funct3: int, size: int) -> tuple[Row, ...]:
    return (
        _row(f"lr.{suffix}", "LR", "rd, (rs1)", 0b00010, funct3, load_reserved(size)),
        _row(f"sc.{suffix}", "AMO", "rd, rs2, (rs1)", 0b00011, funct3, store_conditional(size)),
        *(
            _row(
                f"amo{operation}.{suffix}",
                "AMO",
                "rd, rs2, (rs1)",
                funct5,
                funct3,
                read_modify_write(operation, size),
            )
            for operation, funct5 in _AMOS
        ),
    )


ROWS = tuple(row for suffix, funct3, size in _SIZES for row in _rows(suffix, funct3, size))
"""Atomics of words and doublewords."""
