"""Long files, written from start to end, that keep little of the page cache.

The kernel keeps what was written in memory until it needs that for something else. A log of many
gigabytes would push out what others read, and each page that is new costs more than writing to it.
So what lies some way back is written to the disk and let go: POSIX_FADV_DONTNEED starts the one,
and does the other for what has been written (posix_fadvise(2); Linux, mm/fadvise.c).
"""

import os
import stat
from pathlib import Path

from mttcg_bus.wire import Bytes

STEP = 32 << 20
"""Bytes written between two advices."""
BEHIND = 8 * STEP
"""How far back from the end an advice reaches: what is let go has been on its way for so long."""


class GrowingFile:
    """A new file at `path`, or a device or a pipe that is there; raises OSError, as `write` does.

    size: bytes written so far.
    """

    def __init__(self, path: Path) -> None:
        self.size = self._advised = 0
        self._file = path.open("wb", buffering=0)
        self._cached = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

    def write(self, *pieces: Bytes) -> None:
        """Append all pieces, in one call of the kernel unless that takes only a part."""
        left = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
        while left:
            written = os.writev(self._file.fileno(), left)
            self.size += written
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]
        if self._cached and self.size - self._advised >= STEP:
            self._let_go()

    def _let_go(self) -> None:
        self._advised = self.size
        start = max(0, self.size - BEHIND)
        os.posix_fadvise(self._file.fileno(), start, self.size - start, os.POSIX_FADV_DONTNEED)

    def write_again(self, start: int, piece: Bytes) -> None:
        """Write over what stands from byte `start` on."""
        os.pwrite(self._file.fileno(), piece, start)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
