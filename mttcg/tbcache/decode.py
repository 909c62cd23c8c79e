"""Decoding of one block into rows that lie in the shared cache."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mttcg.isa.code import Code
from mttcg.memory.page import PAGE

INSTRUCTION = np.dtype(
    [
        ("word", "<u4"),
        ("offset", "<u2"),  # bytes from the start of the page
        ("length", "u1"),
        ("kind", "u1"),
        ("access", "u1"),  # bytes read or written, 0 if none
        ("base", "u1"),  # register its address is based on
        ("displacement", "<i2"),
    ]
)
"""One decoded instruction, as it lies in the shared cache."""


def word_at(code: Code, offset: int, half_at: Callable[[int], int]) -> int:
    """The instruction at an offset, 16 or 32 bits; `half_at` as for `decode_block`."""
    half = half_at(offset)
    return half | half_at(offset + 2) << 16 if code.length(half) > 2 else half


def decode_block(code: Code, offset: int, half_at: Callable[[int], int]) -> "np.ndarray[Any, Any]":
    """Decode from `offset` (bytes into the page) to the end of the block.

    It ends after the first instruction whose kind says so, or at the page's end, and nowhere else:
    so where it ends does not depend on where it was entered, nor on what an engine translates
    together.

    `half_at(offset)` gives the 16 bits there; it is asked past the page's end only for the second
    half of an instruction that straddles it. Returns an array of INSTRUCTION.
    """
    rows: list[tuple[int, ...]] = []
    while offset < PAGE:
        word = word_at(code, offset, half_at)
        facts = code.facts(word)
        access = (0, 0, 0)
        if facts.access is not None:
            access = facts.access.size, facts.access.base, facts.access.displacement
        rows.append((word, offset, facts.length, facts.kind, *access))
        offset += facts.length
        if facts.kind.ends_block:
            break
    return np.array(rows, dtype=INSTRUCTION)
