"""Decoding of a word by the table."""

from functools import lru_cache

from mttcg.isa.riscv64.encoding import length
from mttcg.isa.riscv64.table import (
    atomic,
    bitmanip,
    compressed,
    floating_rows,
    integer,
    multiply,
    system,
)
from mttcg.isa.riscv64.table.row import Decoded, Row

_FAMILIES = (integer, multiply, atomic, system, floating_rows, bitmanip, compressed)
ROWS: tuple[Row, ...] = tuple(row for family in _FAMILIES for row in family.ROWS)
"""Every instruction."""

BY_NAME = {row.name: row for row in ROWS}
"""Every instruction by its assembler name."""

DECODED_WORDS = 1 << 16
"""Words whose decoding is remembered."""

_SELECTOR = {2: 0xE003, 4: 0x707F}
"""By length, the bits that choose a bucket: quadrant or major opcode, and funct3."""


def _values(bits: int) -> list[int]:
    """Every value that has no bit outside `bits`."""
    found = [0]
    for bit in (1 << n for n in range(32) if bits >> n & 1):
        found += [value | bit for value in found]
    return found


def _buckets() -> dict[int, tuple[Row, ...]]:
    buckets: dict[int, tuple[Row, ...]] = {}
    for row in ROWS:
        selector = _SELECTOR[row.length]
        for free in _values(selector & ~row.mask):
            key = row.match & selector | free
            buckets[key] = (*buckets.get(key, ()), row)
    return buckets


# quadrants and major opcodes differ in their low two bits, so one dictionary holds both
_BUCKETS = _buckets()


@lru_cache(maxsize=DECODED_WORDS)
def decode(word: int) -> Decoded | None:
    """Take an instruction apart; None if it is reserved or not in the table.

    A compressed one may have anything in its upper half.
    """
    size = length(word)
    word &= (1 << 8 * size) - 1
    for row in _BUCKETS.get(word & _SELECTOR[size], ()):
        if row.matches(word):
            operands = (operand.value(word) for operand in row.format.operands)
            return Decoded(word, row, *operands)
    return None
