"""All rows, and decoding of a word by them."""

from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.table import (
    atomic,
    bitmanip,
    cache_blocks,
    compare_and_swap,
    compressed,
    conditional,
    floating_rows,
    integer,
    may_be,
    multiply,
    system,
)
from mttcg.isa.table.lookup import make_decode, make_find
from mttcg.isa.table.row import Row

_FAMILIES = (
    integer,
    multiply,
    atomic,
    compare_and_swap,
    system,
    floating_rows,
    bitmanip,
    conditional,
    cache_blocks,
    may_be,
    compressed,
)
ROWS: tuple[Row, ...] = tuple(row for family in _FAMILIES for row in family.ROWS)
"""Every instruction."""

BY_NAME = {row.name: row for row in ROWS}
"""Every instruction by its assembler name."""

SELECTORS = {2: 0xE003, 4: 0x707F}
"""By length, the bits that choose among few rows: quadrant or major opcode, and funct3."""

# lengths differ in their low two bits
find = make_find(ROWS, length, SELECTORS)
"""The row of an instruction; None if it is reserved or not in the table."""
decode = make_decode(find)
"""Take an instruction apart; None if it is reserved or not in the table.

A compressed one may have anything in its upper half.
"""
