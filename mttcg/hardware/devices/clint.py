"""SiFive CLINT: software interrupts and timer (SiFive FU540-C000 manual, chapter 9)."""

from typing import Protocol

MSIP = 0x0
"""Offset of msip of hart 0; 4 bytes a hart, of which bit 0 exists."""
MTIMECMP = 0x4000
"""Offset of mtimecmp of hart 0; 8 bytes a hart."""
MTIME = 0xBFF8
WORD_SIZE = 8


class ClintHarts(Protocol):
    """The harts' side of the CLINT, in shared memory. Values are unsigned 64-bit, time in ticks."""

    @property
    def count(self) -> int:
        """Number of harts."""

    def read_software(self, hart: int) -> int:
        """Return msip of a hart, 0 or 1."""

    def write_software(self, hart: int, value: int) -> None:
        """Set msip of a hart to 0 or 1; 1 wakes it."""

    def read_compare(self, hart: int) -> int:
        """Return mtimecmp of a hart."""

    def write_compare(self, hart: int, value: int) -> None:
        """Set mtimecmp of a hart; it has to look at its timer again."""

    def read_time(self) -> int:
        """Return mtime."""

    def write_time(self, value: int) -> None:
        """Set mtime, for all harts."""


class Clint:
    """The core-local interruptor.

    The registers are one little-endian array of 8-byte words, as seen by accesses of 1, 2, 4 and 8
    bytes; a write of less than a register keeps the other bytes (read, merge, write: a hart that
    writes the halves of a register which another hart writes at the same time has to take a lock,
    as on RV32). An 8-byte access at msip covers two harts. Registers of harts that are not there,
    and the gaps, read as 0 and ignore writes; so do the bytes of a misaligned access beyond its
    8-byte word.
    """

    name = "clint"
    size = 0x10000
    in_ram = False

    def __init__(self, harts: ClintHarts) -> None:
        """Serve the registers of `harts`."""
        self._harts = harts

    def read(self, offset: int, size: int) -> int:
        """Return `size` bytes at `offset`."""
        shift = 8 * (offset % WORD_SIZE)
        return self._read_word(offset - offset % WORD_SIZE) >> shift & _mask(size)

    def write(self, offset: int, size: int, value: int) -> None:
        """Write `size` bytes at `offset`."""
        shift = 8 * (offset % WORD_SIZE)
        mask = _mask(size) << shift & _mask(WORD_SIZE)
        self._write_word(offset - offset % WORD_SIZE, value << shift & mask, mask)

    def _read_word(self, word: int) -> int:
        """Return the aligned 8-byte word at offset `word`."""
        harts = self._harts
        if word < MTIMECMP:
            low, high = (self._software(word // 4 + i) for i in (0, 1))
            return high << 32 | low
        if word == MTIME:
            return harts.read_time()
        hart = (word - MTIMECMP) // WORD_SIZE
        return harts.read_compare(hart) if hart < harts.count else 0

    def _write_word(self, word: int, value: int, mask: int) -> None:
        """Write the bits in `mask` of the aligned 8-byte word at offset `word`."""
        harts = self._harts
        if word < MTIMECMP:
            for half in (0, 1):
                # only a hart whose bit 0 is written: the neighbour's msip is another hart's to set
                if mask >> 32 * half & 1 and word // 4 + half < harts.count:
                    harts.write_software(word // 4 + half, value >> 32 * half & 1)
            return
        merged = value if mask == _mask(WORD_SIZE) else self._read_word(word) & ~mask | value
        if word == MTIME:
            harts.write_time(merged)
            return
        hart = (word - MTIMECMP) // WORD_SIZE
        if hart < harts.count:
            harts.write_compare(hart, merged)

    def _software(self, hart: int) -> int:
        return self._harts.read_software(hart) & 1 if hart < self._harts.count else 0


def _mask(size: int) -> int:
    return (1 << 8 * size) - 1
