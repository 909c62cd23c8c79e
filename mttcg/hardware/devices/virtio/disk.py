"""What a block device's sectors are: a file of the host, alone or below an overlay.

Each operation raises OSError with what the host says; then the sectors that it was for may have any
content, old, new or mixed, and all others are as they were.
"""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from mttcg.hardware.devices.virtio.memory import Buffers

CLUSTER = 4096
"""Bytes that an overlay takes from the file below as one."""
MOST_VECTORS = 1024
"""Of preadv(2) and pwritev(2), IOV_MAX of Linux."""
KEEP_SIZE, PUNCH_HOLE = 1, 2
"""Modes of fallocate(2)."""
NO_HOLES = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""What fallocate(2) says where a file system, or a device, can't do it."""
ZEROS = bytes(1 << 16)


class Disk(Protocol):
    """Sectors; offsets and sizes are in bytes, within `size`."""

    size: int

    def read(self, offset: int, size: int, into: Buffers) -> None:
        """Read so many bytes into the front of the buffers."""

    def write(self, offset: int, size: int, source: Buffers) -> None:
        """Write so many bytes from the front of the buffers."""

    def flush(self) -> None:
        """Make what was written outlast the host."""

    def discard(self, offset: int, size: int) -> None:
        """Take note that the content is not needed."""

    def zero(self, offset: int, size: int) -> None:
        """Make it read as zeros."""


def transfer(
    call: Callable[[int, list[memoryview | bytes], int], int],
    descriptor: int,
    views: Sequence[memoryview | bytes],
    offset: int,
) -> None:
    """Have os.preadv or os.pwritev do all of it; a file that ends before is an OSError."""
    waiting = list(views)
    while waiting:
        done = call(descriptor, waiting[:MOST_VECTORS], offset)
        if done == 0:
            raise OSError(errno.EIO, "the file has become shorter")
        offset += done
        while waiting and done >= len(waiting[0]):
            done -= len(waiting.pop(0))
        if done:
            waiting[0] = memoryview(waiting[0])[done:]


def punch_hole(descriptor: int, offset: int, size: int) -> None:
    """Have a part of a file read as zeros and take no room."""
    libc = ctypes.CDLL(None, use_errno=True)
    mode = KEEP_SIZE | PUNCH_HOLE
    if libc.fallocate(descriptor, mode, ctypes.c_int64(offset), ctypes.c_int64(size)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write_zeros(descriptor: int, offset: int, size: int) -> None:
    """Store zeros in a part of a file, or make it a hole."""
    try:
        punch_hole(descriptor, offset, size)
    except OSError as error:
        if error.errno not in NO_HOLES:
            raise
        for at in range(offset, offset + size, len(ZEROS)):
            part = memoryview(ZEROS)[: offset + size - at]
            transfer(os.pwritev, descriptor, [part], at)


class FileDisk:
    """A file, which is written itself.

    Args:
        descriptor: of the file; to be written, if the disk is.
        size: bytes.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor, self.size = descriptor, size

    def read(self, offset: int, size: int, into: Buffers) -> None:
        """See Disk."""
        transfer(os.preadv, self.descriptor, into.take(size), offset)

    def write(self, offset: int, size: int, source: Buffers) -> None:
        """See Disk."""
        transfer(os.pwritev, self.descriptor, source.take(size), offset)

    def flush(self) -> None:
        """See Disk."""
        os.fdatasync(self.descriptor)

    def discard(self, offset: int, size: int) -> None:
        """See Disk; where the host has no holes, the content stays."""
        try:
            punch_hole(self.descriptor, offset, size)
        except OSError as error:
            if error.errno not in NO_HOLES:
                raise

    def zero(self, offset: int, size: int) -> None:
        """See Disk."""
        write_zeros(self.descriptor, offset, size)


def map_place(size: int) -> int:
    """Where an overlay of so many bytes has its map."""
    return -(-size // CLUSTER) * CLUSTER


def overlay_bytes(size: int) -> int:
    """How long the overlay of a disk of so many bytes is, in whole clusters."""
    return map_place(size) + map_place(-(-map_place(size) // (8 * CLUSTER)))


class OverlaidDisk:
    """A file that stays as it is, and another that has what was written.

    The overlay is a sparse file, in which everything has the place that it has in the file below.
    A cluster of it counts when all of it was written, what the guest did not write from below.
    Which do says a map behind them, a bit for each: so the file has all that there is.

    Args:
        below: descriptor of the file, to be read.
        overlay: descriptor of a file of `overlay_bytes`, which is all a hole, or has what another
            run had written.
        size: bytes.
    """

    def __init__(self, below: int, overlay: int, size: int) -> None:
        self.below, self.overlay, self.size = below, overlay, size
        self._map_at = map_place(size)
        length = overlay_bytes(size) - self._map_at
        self._above = bytearray(os.pread(overlay, length, self._map_at).ljust(length, b"\0"))
        """A bit for each cluster that the overlay has."""

    def read(self, offset: int, size: int, into: Buffers) -> None:
        """See Disk."""
        for start, end, above in self._runs(offset, offset + size):
            descriptor = self.overlay if above else self.below
            transfer(os.preadv, descriptor, into.take(end - start), start)

    def write(self, offset: int, size: int, source: Buffers) -> None:
        """See Disk."""
        self._store(offset, source.take(size), size)

    def flush(self) -> None:
        """Nothing outlasts the run."""

    def discard(self, offset: int, size: int) -> None:
        """See Disk; what is only part of a cluster stays."""
        start = -(-offset // CLUSTER) * CLUSTER
        end = (offset + size) // CLUSTER * CLUSTER
        if start < end:
            write_zeros(self.overlay, start, end - start)
            self._mark(start, end)

    def zero(self, offset: int, size: int) -> None:
        """See Disk."""
        end = offset + size
        first = min(-(-offset // CLUSTER) * CLUSTER, end)
        last = max(end // CLUSTER * CLUSTER, first)
        self.discard(first, last - first)
        for start, stop in ((offset, first), (last, end)):
            if start < stop:
                self._store(start, [ZEROS[: stop - start]], stop - start)

    def _store(self, offset: int, views: Sequence[memoryview | bytes], size: int) -> None:
        """Write, with whole clusters where the overlay has none yet."""
        end = offset + size
        start, stop = offset, end
        parts = list(views)
        if not self._has(offset):
            start = offset - offset % CLUSTER
            parts.insert(0, self._below(start, offset))
        if not self._has(end - 1):
            stop = min(-(-end // CLUSTER) * CLUSTER, self.size)
            parts.append(self._below(end, stop))
        transfer(os.pwritev, self.overlay, [part for part in parts if len(part)], start)
        self._mark(start, stop)

    def _below(self, start: int, end: int) -> memoryview:
        content = memoryview(bytearray(end - start))
        if content:
            transfer(os.preadv, self.below, [content], start)
        return content

    def _has(self, offset: int) -> bool:
        cluster = offset // CLUSTER
        return bool(self._above[cluster >> 3] >> (cluster & 7) & 1)

    def _mark(self, start: int, end: int) -> None:
        first, behind = start // CLUSTER, -(-end // CLUSTER)
        place, stop = first >> 3, -(-behind // 8)
        before = self._above[place:stop]
        for cluster in range(first, behind):
            self._above[cluster >> 3] |= 1 << (cluster & 7)
        if before != self._above[place:stop]:
            try:
                changed = bytes(self._above[place:stop])
                transfer(os.pwritev, self.overlay, [changed], self._map_at + place)
            except OSError:
                self._above[place:stop] = before
                raise

    def _runs(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Parts of which all is in the overlay, or nothing."""
        while start < end:
            above, stop = self._has(start), start
            while stop < end and self._has(stop) == above:
                stop = (stop // CLUSTER + 1) * CLUSTER
            yield start, min(stop, end), above
            start = min(stop, end)
