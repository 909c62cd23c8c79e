"""Decoding of one block: capstone names the instructions, the encoding gives their kinds."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np

from mttcg.isa.riscv64.encoding import Kind, classify, length
from mttcg.isa.riscv64.loadstore import access_of
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


@cache
def _capstone() -> Any:
    import capstone

    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)


def disassemble(code: bytes, address: int) -> list[tuple[int, int, str]]:
    """Text of a run of instructions: (address, length in bytes, text) each.

    What capstone does not know is shown as data (`.insn`), and the run goes on after it.
    """
    lines: list[tuple[int, int, str]] = []
    at = 0
    while at + 2 <= len(code):
        for _, size, name, operands in _capstone().disasm_lite(code[at:], address + at):
            lines.append((address + at, size, f"{name} {operands}".strip()))
            at += size  # capstone's addresses wrap
        if at + 2 <= len(code):
            size = length(int.from_bytes(code[at : at + 2], "little"))
            word = int.from_bytes(code[at : at + size], "little")
            lines.append((address + at, size, f".insn {word:#x}"))
            at += size
    return lines


@lru_cache(maxsize=1 << 16)
def describe(word: int) -> tuple[int, Kind, int, int, int]:
    """Length, kind, bytes accessed, base register and displacement of an instruction."""
    kind, access = classify(word), access_of(word)
    if access is not None:
        return length(word), kind, access.size, access.base, access.displacement
    if kind is Kind.ATOMIC:
        return length(word), kind, 1 << (word >> 12 & 3), word >> 15 & 31, 0
    return length(word), kind, 0, 0, 0


def decode_block(offset: int, half_at: Callable[[int], int]) -> "np.ndarray[Any, Any]":
    """Decode from `offset` (bytes into the page) to the end of the block.

    It ends after the first instruction whose kind says so, or at the page's end, and nowhere else:
    so where it ends does not depend on where it was entered, nor on what an engine translates
    together.

    `half_at(offset)` gives the 16 bits there; it is asked past the page's end only for the second
    half of an instruction that straddles it. Returns an array of INSTRUCTION.
    """
    rows: list[tuple[int, ...]] = []
    while offset < PAGE:
        word = half_at(offset)
        if length(word) == 4:
            word |= half_at(offset + 2) << 16
        size, kind, access, base, displacement = describe(word)
        rows.append((word, offset, size, kind, access, base, displacement))
        offset += size
        if kind.ends_block:
            break
    return np.array(rows, dtype=INSTRUCTION)
