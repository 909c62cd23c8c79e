"""Loads and stores, taken apart: what the host needs to run one itself (MMIO, faults).

Unprivileged ISA 2.6 (loads and stores), 20.2 and 21.2 (floating point), 26.3 (compressed).
"""

from dataclasses import dataclass

from mttcg.isa.riscv64.encoding import length


@dataclass(frozen=True)
class Access:
    """One load or store: address = x[base] + displacement."""

    store: bool
    size: int
    signed: bool
    floating: bool
    register: int
    base: int
    displacement: int

    def extend(self, value: int) -> int:
        """What a load of `value` leaves in its 64-bit register (NaN-boxed if a float)."""
        if self.floating:
            return value | 0xFFFF_FFFF_0000_0000 if self.size == 4 else value
        bits = 8 * self.size
        if self.signed and value >> (bits - 1):
            value -= 1 << bits
        return value & 0xFFFF_FFFF_FFFF_FFFF


def _bits(word: int, *fields: tuple[int, int, int]) -> int:
    """Gather (from bit, width, to bit) fields of a word into a number."""
    return sum((word >> low & (1 << width) - 1) << to for low, width, to in fields)


_WORD_OFFSET = ((10, 3, 3), (6, 1, 2), (5, 1, 6))
_DOUBLE_OFFSET = ((10, 3, 3), (5, 2, 6))
_WORD_LOAD_SP = ((12, 1, 5), (4, 3, 2), (2, 2, 6))
_DOUBLE_LOAD_SP = ((12, 1, 5), (5, 2, 3), (2, 3, 6))
_WORD_STORE_SP = ((9, 4, 2), (7, 2, 6))
_DOUBLE_STORE_SP = ((10, 3, 3), (7, 3, 6))

_COMPRESSED = {
    # quadrant << 3 | funct3: store, size, floating, offset fields
    0b00_001: (False, 8, True, _DOUBLE_OFFSET),
    0b00_010: (False, 4, False, _WORD_OFFSET),
    0b00_011: (False, 8, False, _DOUBLE_OFFSET),
    0b00_101: (True, 8, True, _DOUBLE_OFFSET),
    0b00_110: (True, 4, False, _WORD_OFFSET),
    0b00_111: (True, 8, False, _DOUBLE_OFFSET),
    0b10_001: (False, 8, True, _DOUBLE_LOAD_SP),
    0b10_010: (False, 4, False, _WORD_LOAD_SP),
    0b10_011: (False, 8, False, _DOUBLE_LOAD_SP),
    0b10_101: (True, 8, True, _DOUBLE_STORE_SP),
    0b10_110: (True, 4, False, _WORD_STORE_SP),
    0b10_111: (True, 8, False, _DOUBLE_STORE_SP),
}
STACK_POINTER = 2


def _compressed(half: int) -> Access | None:
    row = _COMPRESSED.get((half & 3) << 3 | half >> 13)
    if row is None:
        return None
    store, size, floating, fields = row
    displacement = _bits(half, *fields)
    if half & 3 == 0:
        base, register = 8 + (half >> 7 & 7), 8 + (half >> 2 & 7)
    else:
        base, register = STACK_POINTER, half >> 2 & 31 if store else half >> 7 & 31
    return Access(store, size, True, floating, register, base, displacement)


def access_of(word: int) -> Access | None:
    """The access an instruction makes, or None if it is no plain load or store."""
    if length(word) == 2:
        return _compressed(word & 0xFFFF)
    major, size = word & 0x7F, 1 << (word >> 12 & 3)
    floating = major in (0x07, 0x27)
    if major in (0x03, 0x07):
        displacement = word >> 20
        register, store = word >> 7 & 31, False
    elif major in (0x23, 0x27):
        displacement = word >> 25 << 5 | word >> 7 & 31
        register, store = word >> 20 & 31, True
    else:
        return None
    displacement -= (displacement & 0x800) << 1
    signed = not word >> 14 & 1
    return Access(store, size, signed, floating, register, word >> 15 & 31, displacement)
