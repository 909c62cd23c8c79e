"""The A extension: Zalrsc and Zaamo (Unprivileged ISA, "A" Extension), and Zabha.

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


def extend(ops: Operations[V], value: V, size: int) -> V:
    """What a register holds of a value of so many bytes."""
    return ops.sign_extend(value, 8 * size) if size < 8 else value


def load_reserved(size: int) -> Behaviour:
    """Run lr.w or lr.d."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        value = ops.load_reserved(ops.read_x(instruction.rs1), size)
        ops.write_x(instruction.rd, extend(ops, value, size))

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
        ops.write_x(instruction.rd, extend(ops, old, size))

    return _atomic(run, size, loads=True, stores=True, operation=operation)


_SIZES = (("w", 2, 4), ("d", 3, 8))
_NARROW = (("b", 0, 1), ("h", 1, 2))
"""Suffix, funct3, bytes."""
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


def _row(
    name: str,
    funct5: int,
    funct3: int,
    does: Behaviour,
    layout: str = "AMO",
    syntax: str = "rd, rs2, (rs1)",
    extension: str = "A",
) -> Row:
    match = encoding(AMO, funct3, funct5 << 2)
    return instruction_row(name, extension, layout, syntax, match, does)


def _reserving(suffix: str, funct3: int, size: int) -> tuple[Row, ...]:
    load = _row(f"lr.{suffix}", 0b00010, funct3, load_reserved(size), "LR", "rd, (rs1)")
    return load, _row(f"sc.{suffix}", 0b00011, funct3, store_conditional(size))


def _modifying(extension: str, suffix: str, funct3: int, size: int) -> tuple[Row, ...]:
    return tuple(
        _row(
            f"amo{operation}.{suffix}",
            funct5,
            funct3,
            read_modify_write(operation, size),
            extension=extension,
        )
        for operation, funct5 in _AMOS
    )


ROWS = (
    *(row for size in _SIZES for row in (*_reserving(*size), *_modifying("A", *size))),
    *(row for size in _NARROW for row in _modifying("Zabha", *size)),
)
"""Atomics of words and doublewords, and of bytes and halfwords."""
