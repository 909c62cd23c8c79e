"""What encodings that have no row are to a block.

Some end it: those among instructions that do, so that a block ends at the same place on a hart that
has them, and some whose trap the host takes at once.
"""

from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.length import length
from mttcg.isa.table.row import Pattern

OPCODE, HALF = 0x7F, 0xFFFF
RESERVED: tuple[tuple[Pattern, Kind], ...] = (
    ((HALF, 0x0000), Kind.ILLEGAL),  # defined so, and what memory holds where no code is
    ((0xE003, 0x8000), Kind.SYSTEM),  # quadrant 0, funct3 4, but for Zcb
    ((0xFC63, 0x9C61), Kind.SYSTEM),
    ((OPCODE, 0x0F), Kind.SYSTEM),  # MISC-MEM
    ((OPCODE, 0x2F), Kind.ATOMIC),
    ((OPCODE, 0x63), Kind.BRANCH),
    ((OPCODE, 0x67), Kind.INDIRECT),
    ((OPCODE, 0x73), Kind.SYSTEM),
)
"""Mask and value of encodings, which differ in their length's bits, and their kind."""


def kind_of_reserved(word: int) -> Kind:
    """The kind of an instruction that the table lacks."""
    if length(word) == 2:
        word &= HALF
    kinds = (kind for (mask, value), kind in RESERVED if word & mask == value)
    return next(kinds, Kind.PLAIN)
