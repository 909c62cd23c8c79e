"""Long files, written from start to end, that keep little of the page cache, and end in order.

The kernel keeps what was written in memory until it needs that for something else. A log of many
gigabytes would push out what others read, and each page that is new costs more than writing to it.
So what lies some way back is written to the disk and let go: POSIX_FADV_DONTNEED starts the one,
and does the other for what has been written (posix_fadvise(2); Linux, mm/fadvise.c).

A disk that is full to the last byte stops everything else that writes there. So a file ends before
that, where its user left off.
"""

import os
import stat
from pathlib import Path

from mttcg_bus.errors import OutputFull
from mttcg_bus.host.limits import NO_ROOM
from mttcg_bus.wire.plain import Bytes

STEP = 32 << 20
"""Bytes written between two calls of posix_fadvise."""
BEHIND = 8 * STEP
"""Bytes before the end of the file from which on a call applies: the disk has the earliest of them
by then, so they can be let go."""
RESERVE, RESERVE_SHARE = 1 << 30, 20
"""Bytes of a file system that are left free, or this part of it if that is less."""
LOOK = 1 << 20
"""Bytes written between two looks at what is free."""


class GrowingFile:
    """A new file at `path`, or a device or a pipe that is there.

    size: bytes written so far. full: what was raised when there was no room, if that has been.
    Raises OSError, OutputFull.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.full: OutputFull | None = None
        self.size = self._advised = self._looked = 0
        self._file = path.open("wb", buffering=0)
        self._regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def write(self, *pieces: Bytes) -> None:
        """Append all pieces, in one call of the kernel unless that takes only a part.

        Raises OutputFull, with none of them written, on a full disk, and when all that is free is
        what is left to others.
        """
        start, left = self.size, [memoryview(piece).cast("B") for piece in pieces if len(piece)]
        if start - self._looked >= LOOK:
            self._look()
        try:
            self._append(left)
        except OSError as error:
            self._take_back(start)
            if error.errno in NO_ROOM:
                raise self._full(error.strerror or "no room") from error
            raise
        if self._regular and self.size - self._advised >= STEP:
            self._let_go()

    def _append(self, left: list[memoryview]) -> None:
        while left:
            written = os.writev(self._file.fileno(), left)
            self.size += written
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]

    def _take_back(self, size: int) -> None:
        """Have no more than `size` bytes, if what was written can be taken back."""
        if self._regular:
            os.ftruncate(self._file.fileno(), size)
            os.lseek(self._file.fileno(), size, os.SEEK_SET)
            self.size = size

    def _look(self) -> None:
        """Raise OutputFull if too little of the file system is free."""
        self._looked = self.size
        if not self._regular:
            return
        found = os.fstatvfs(self._file.fileno())
        reserve = min(RESERVE, found.f_blocks * found.f_frsize // RESERVE_SHARE)
        if found.f_bavail * found.f_frsize < reserve:
            wrong = f"less than {reserve >> 20} MiB of its file system are free"
            raise self._full(wrong)

    def _full(self, why: str) -> OutputFull:
        self.full = OutputFull(self.path, why, self.size)
        return self.full

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


def write_whole(path: Path, content: Bytes) -> None:
    """Write a file; who reads it meanwhile sees the old one or the new one.

    Raises OSError, and OutputFull if there is no room for it; the old one stays then.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        file = GrowingFile(part)
        try:
            file.write(content)
        finally:
            file.close()
        part.replace(path)
    except OutputFull as full:
        raise OutputFull(path, full.why, None) from full
    finally:
        part.unlink(missing_ok=True)
