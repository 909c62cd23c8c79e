"""How long blocks are that nobody has decoded, many at a time."""

from typing import Any, TypeAlias

import numpy as np

from mttcg.isa.code import Code
from mttcg.isa.kind import Kind
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import BlockCache

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
HALF_BITS = 16
ENDS = np.array([kind.ends_block for kind in sorted(Kind)])
"""Whether an instruction ends its block, by kind."""


def extents(cache: BlockCache, slots: Numbers, offsets: Numbers) -> Numbers:
    """How many instructions and bytes the blocks at offsets in slots have; two rows.

    All blocks are followed at once, an instruction of each at a time.
    """
    counts, at = np.zeros_like(offsets), offsets.copy()
    going = np.arange(len(offsets))
    while len(going):
        lengths, ends = _looked_at(cache.code, _words_at(cache, slots[going], at[going]))
        counts[going] += 1
        at[going] += lengths
        inside = at[going] < PAGE
        going = going[inside & ~ends]
    return np.stack((counts, at - offsets))


def _words_at(cache: BlockCache, slots: Numbers, offsets: Numbers) -> Numbers:
    """The 32 bits at offsets in slots; at a page's end with what the next one has."""
    halves = cache.original.view("<u2")
    low = halves[slots, offsets // 2].astype(np.int64)
    inside = offsets + 2 < PAGE
    behind = halves[slots, np.where(inside, offsets + 2, 0) // 2]
    high = np.where(inside, behind, cache.slots["tail"][slots]).astype(np.int64)
    return low | high << HALF_BITS


def _looked_at(code: Code, words: Numbers) -> tuple[Numbers, "np.ndarray[Any, np.dtype[np.bool_]]"]:
    """The length of the instruction that each word begins with, and whether it ends its block."""
    firsts, of_half = np.unique(words & (1 << HALF_BITS) - 1, return_inverse=True)
    lengths = np.array([code.length(half) for half in firsts.tolist()], np.int64)[of_half]
    kinds = code.kinds(words & (1 << 8 * lengths) - 1, lengths)
    return lengths, ENDS[kinds]
