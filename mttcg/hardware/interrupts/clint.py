"""SiFive CLINT: software interrupts and timer (SiFive FU540-C000 manual, chapter 9)."""

from collections.abc import Sequence

from mttcg.hardware.interrupts.ports import BoardClock, Line, TimerPort

MSIP = 0x0
"""Offset of msip of hart 0; MSIP_SIZE bytes a hart, of which bit 0 exists."""
MSIP_SIZE = 4
MTIMECMP = 0x4000
"""Offset of mtimecmp of hart 0; 8 bytes a hart."""
MTIME = 0xBFF8
WORD_SIZE = 8


class Clint:
    """The core-local interruptor: an interrupt controller that has no lines for other devices.

    For each hart it drives a software line, whose level is msip, and the timer, whose time is
    mtimecmp; mtime is the clock.

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

    def __init__(
        self, software: Sequence[Line], timers: Sequence[TimerPort], clock: BoardClock
    ) -> None:
        """Drive the lines and timers of the harts, in their order."""
        self._software, self._timers, self._clock = software, timers, clock

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
        if word < MTIMECMP:
            low, high = (self._read_software(word // 4 + i) for i in (0, 1))
            return high << 32 | low
        if word == MTIME:
            return self._clock.time()
        hart = (word - MTIMECMP) // WORD_SIZE
        return self._timers[hart].read() if hart < len(self._timers) else 0

    def _write_word(self, word: int, value: int, mask: int) -> None:
        """Write the bits in `mask` of the aligned 8-byte word at offset `word`."""
        if word < MTIMECMP:
            for half in (0, 1):
                # only a hart whose bit 0 is written: the neighbour's msip is another hart's to set
                if mask >> 32 * half & 1:
                    self._write_software(word // 4 + half, value >> 32 * half & 1)
            return
        merged = value if mask == _mask(WORD_SIZE) else self._read_word(word) & ~mask | value
        if word == MTIME:
            self._clock.set_time(merged)
            return
        hart = (word - MTIMECMP) // WORD_SIZE
        if hart < len(self._timers):
            self._timers[hart].set(merged)

    def _read_software(self, hart: int) -> int:
        return int(self._software[hart].high) if hart < len(self._software) else 0

    def _write_software(self, hart: int, value: int) -> None:
        if hart < len(self._software):
            line = self._software[hart]
            (line.raise_ if value else line.lower)()


def _mask(size: int) -> int:
    return (1 << 8 * size) - 1
