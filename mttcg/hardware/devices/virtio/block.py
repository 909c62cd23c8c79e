"""The block device (section 5.2 of the specification)."""

import struct
from collections.abc import Callable
from enum import IntEnum, IntFlag

from mttcg.hardware.devices.virtio.backend import Model, Served
from mttcg.hardware.devices.virtio.disk import Disk
from mttcg.hardware.devices.virtio.layout import DeviceKind
from mttcg.hardware.devices.virtio.queue import Chain, QueueError

SECTOR = 512
"""Bytes, in which all is counted (section 5.2.4)."""
QUEUE_SIZE = 256
MOST_SEGMENTS = QUEUE_SIZE - 2
"""Buffers of data of one request; header and status have their own."""
HEADER = struct.Struct("<IIQ")
"""type, reserved, sector."""
SEGMENT = struct.Struct("<QII")
"""Of a discard or write-zeroes request: sector, number of sectors, flags."""
UNMAP = 1
CONFIG = struct.Struct("<QIIHBBIBBHIBBHIIIIIB3x")
"""struct virtio_blk_config, up to write_zeroes_may_unmap."""
MOST_DISCARDED, MOST_ZEROED = 1 << 22, 1 << 15
"""Sectors of one segment: where the host has no holes, zeros are written while others wait."""
MOST_RANGES = 16
IDENTIFIER_BYTES = 20


class BlockFeature(IntFlag):
    """Features that are offered (section 5.2.3)."""

    SEGMENTS = 1 << 2
    READ_ONLY = 1 << 5
    BLOCK_SIZE = 1 << 6
    FLUSH = 1 << 9
    DISCARD = 1 << 13
    WRITE_ZEROES = 1 << 14


class Request(IntEnum):
    """Types of requests (section 5.2.6)."""

    READ = 0
    WRITE = 1
    FLUSH = 4
    IDENTIFY = 8
    DISCARD = 11
    WRITE_ZEROES = 13


class BlockStatus(IntEnum):
    """What the last byte of a request says."""

    OK = 0
    ERROR = 1
    UNSUPPORTED = 2


class BlockDevice(Model):
    """A disk.

    Args:
        disk: its sectors.
        identifier: what it calls itself, up to 20 bytes.
        read_only: whether it can't be written.
        complain: is told of what the host refused.
    """

    kind = DeviceKind.BLOCK
    queue_sizes = (QUEUE_SIZE,)

    def __init__(
        self, disk: Disk, identifier: str, *, read_only: bool, complain: Callable[[OSError], None]
    ) -> None:
        self.disk, self.read_only, self.complain = disk, read_only, complain
        self.identifier = identifier.encode()[:IDENTIFIER_BYTES].ljust(IDENTIFIER_BYTES, b"\0")
        features = BlockFeature.SEGMENTS | BlockFeature.BLOCK_SIZE | BlockFeature.FLUSH
        if read_only:
            features |= BlockFeature.READ_ONLY
        else:
            features |= BlockFeature.DISCARD | BlockFeature.WRITE_ZEROES
        self.features = features
        self.write_through = False
        self._requests: dict[int, Callable[[Chain, int], BlockStatus]] = {
            Request.READ: self._read,
            Request.WRITE: self._write,
            Request.FLUSH: self._flush,
            Request.IDENTIFY: self._identify,
            Request.DISCARD: self._discard,
            Request.WRITE_ZEROES: self._write_zeroes,
        }

    @property
    def config(self) -> bytes:
        """struct virtio_blk_config (section 5.2.4)."""
        return CONFIG.pack(
            *(self.disk.size // SECTOR, 0, MOST_SEGMENTS),
            *(0, 0, 0),  # geometry
            SECTOR,
            *(0, 0, 0, 0),  # topology
            *(0, 0, 0),  # writeback, unused, number of queues
            *(MOST_DISCARDED, MOST_RANGES, 1),
            *(MOST_ZEROED, MOST_RANGES),
            1,  # write_zeroes_may_unmap
        )

    def begin(self, features: int) -> None:
        """A driver that does not flush relies on each write (section 5.2.6.2)."""
        self.write_through = not features & BlockFeature.FLUSH

    def serve(self, queue: int, chain: Chain) -> Served:
        """Do a request; its status is the last byte that may be written."""
        place = chain.writable.take_last()
        if place is None:
            raise QueueError("a block request has no room for its status")
        header = chain.readable.read(HEADER.size)
        status = BlockStatus.ERROR
        if len(header) == HEADER.size:
            request, _, sector = HEADER.unpack(header)
            do = self._requests.get(request)
            try:
                status = BlockStatus.UNSUPPORTED if do is None else do(chain, sector)
            except OSError as error:
                self.complain(error)
        place[0] = status
        return Served(chain.writable.used + 1, failed=status is not BlockStatus.OK)

    def close(self) -> None:
        """Write out what was written; what the host refuses is told."""
        try:
            self._flush_disk()
        except OSError as error:
            self.complain(error)

    def _flush_disk(self) -> None:
        if not self.read_only:
            self.disk.flush()

    def _range(self, sector: int, size: int) -> int | None:
        """Where so many bytes at a sector begin; None if they are not all on the disk."""
        offset = sector * SECTOR
        return offset if size % SECTOR == 0 and offset + size <= self.disk.size else None

    def _read(self, chain: Chain, sector: int) -> BlockStatus:
        size = chain.writable.left
        offset = self._range(sector, size)
        if offset is None:
            return BlockStatus.ERROR
        self.disk.read(offset, size, chain.writable)
        return BlockStatus.OK

    def _write(self, chain: Chain, sector: int) -> BlockStatus:
        size = chain.readable.left
        offset = self._range(sector, size)
        if offset is None or self.read_only:
            return BlockStatus.ERROR
        if size:
            self.disk.write(offset, size, chain.readable)
        if self.write_through:
            self.disk.flush()
        return BlockStatus.OK

    def _flush(self, _chain: Chain, _sector: int) -> BlockStatus:
        self._flush_disk()
        return BlockStatus.OK

    def _identify(self, chain: Chain, _sector: int) -> BlockStatus:
        chain.writable.write(self.identifier)
        return BlockStatus.OK

    def _discard(self, chain: Chain, _sector: int) -> BlockStatus:
        return self._ranges(chain, self.disk.discard, MOST_DISCARDED, 0)

    def _write_zeroes(self, chain: Chain, _sector: int) -> BlockStatus:
        status = self._ranges(chain, self.disk.zero, MOST_ZEROED, UNMAP)
        if status is BlockStatus.OK and self.write_through:
            self.disk.flush()
        return status

    def _ranges(
        self, chain: Chain, do: Callable[[int, int], None], most: int, flags: int
    ) -> BlockStatus:
        """Do something to each range of a request; all are looked at before (section 5.2.6.2)."""
        if self.read_only:
            return BlockStatus.ERROR
        content = chain.readable.read(chain.readable.left)
        if len(content) % SEGMENT.size or not 0 < len(content) <= MOST_RANGES * SEGMENT.size:
            return BlockStatus.ERROR
        ranges = []
        for sector, count, given in SEGMENT.iter_unpack(content):
            if given & ~flags:
                return BlockStatus.UNSUPPORTED
            offset = self._range(sector, count * SECTOR)
            if offset is None or count > most:
                return BlockStatus.ERROR
            ranges.append((offset, count * SECTOR))
        for offset, size in ranges:
            if size:
                do(offset, size)
        return BlockStatus.OK
