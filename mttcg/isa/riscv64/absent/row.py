"""One instruction that this hart lacks."""

from typing import NamedTuple

from mttcg.isa.riscv64.table.row import encoding

OP, OP_IMM, OP_32 = 0x33, 0x13, 0x3B
OP_FP, LOAD_FP, STORE_FP = 0x53, 0x07, 0x27
AMO, MISC_MEM, SYSTEM, OP_V = 0x2F, 0x0F, 0x73, 0x57

REGISTERS = 0xFE00_707F
"""Fixed bits where rd, rs1 and rs2 are free: opcode, funct3 and funct7."""
UNARY = 0xFFF0_707F
"""The same, and rs2."""
ROUNDED, ROUNDED_UNARY = 0xFE00_007F, 0xFFF0_007F
"""As before, with any rounding mode in place of funct3."""
FUSED = 0x0600_007F
"""Opcode and format of instructions with four registers."""
EXACT = 0xFFFF_FFFF


class Absent(NamedTuple):
    """An instruction or CSR: its assembler name, the extension that has it, and its bits.

    A word is this instruction if `word & mask == match`; of a CSR, `match` is the number.
    """

    name: str
    extension: str
    match: int
    mask: int

    @property
    def fixed(self) -> int:
        """How many bits are fixed: of two rows that fit, the one with more is meant."""
        return self.mask.bit_count()


def registers(
    extension: str, *rows: tuple[str, int, int, int], mask: int = REGISTERS
) -> tuple[Absent, ...]:
    """Rows of (name, opcode, funct3, funct7)."""
    return tuple(
        Absent(name, extension, encoding(opcode, funct3, funct7), mask)
        for name, opcode, funct3, funct7 in rows
    )


def unary(
    extension: str, *rows: tuple[str, int, int, int, int], mask: int = UNARY
) -> tuple[Absent, ...]:
    """Rows of (name, opcode, funct3, funct7, what stands in rs2's place)."""
    return tuple(
        Absent(name, extension, encoding(opcode, funct3, funct7, rs2), mask)
        for name, opcode, funct3, funct7, rs2 in rows
    )


def exact(extension: str, *rows: tuple[str, int], mask: int = EXACT) -> tuple[Absent, ...]:
    """Rows of (name, fixed bits), all with the same mask."""
    return tuple(Absent(name, extension, match, mask) for name, match in rows)
