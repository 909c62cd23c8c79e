"""Looking up a word in an instruction table."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

from mttcg.isa.table.row import Decoded, Row

DECODED_WORDS = 1 << 16
"""Words whose decoding is remembered."""


def _values(bits: int) -> list[int]:
    """Every value that has no bit outside `bits`."""
    found = [0]
    for bit in (1 << n for n in range(32) if bits >> n & 1):
        found += [value | bit for value in found]
    return found


def _buckets(rows: tuple[Row, ...], selectors: Mapping[int, int]) -> dict[int, tuple[Row, ...]]:
    buckets: dict[int, tuple[Row, ...]] = {}
    for row in rows:
        selector = selectors[row.length]
        for free in _values(selector & ~row.mask):
            key = row.match & selector | free
            buckets[key] = (*buckets.get(key, ()), row)
    return buckets


FindRow: TypeAlias = Callable[[int], Row | None]


def make_find(
    rows: tuple[Row, ...], length: Callable[[int], int], selectors: Mapping[int, int]
) -> FindRow:
    """A function that says which row a word is in, or None if it is in none.

    Args:
        rows: the table.
        length: bytes of an instruction, from its first 16 bits.
        selectors: by length, the bits that choose a bucket of rows. Words of different lengths
            have to differ in them.
    """
    buckets = _buckets(rows, selectors)

    def find(word: int) -> Row | None:
        size = length(word)
        word &= (1 << 8 * size) - 1
        for row in buckets.get(word & selectors[size], ()):
            if row.matches(word):
                return row
        return None

    return find


def make_decode(find: FindRow) -> Callable[[int], Decoded | None]:
    """A function that takes a word apart, or says None if it is in no row."""

    @lru_cache(maxsize=DECODED_WORDS)
    def decode(word: int) -> Decoded | None:
        row = find(word)
        if row is None:
            return None
        word &= (1 << 8 * row.length) - 1
        operands = (operand.value(word) for operand in row.format.operands)
        return Decoded(word, row, *operands)

    return decode
