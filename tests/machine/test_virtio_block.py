"""The block device: what its requests do to a file, and to one below an overlay."""

import errno
import os
import random
import resource
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from virtio_driver import DATA, Machine

from mttcg.hardware.devices.virtio.block import (
    CONFIG,
    MOST_DISCARDED,
    MOST_RANGES,
    MOST_ZEROED,
    SECTOR,
    BlockDevice,
    BlockFeature,
    BlockStatus,
    Request,
)
from mttcg.hardware.devices.virtio.disk import (
    CLUSTER,
    Disk,
    FileDisk,
    OverlaidDisk,
    overlay_bytes,
)
from mttcg.hardware.devices.virtio.layout import (
    DeviceKind,
    DeviceStatus,
    Feature,
    QueueWord,
    queue_word,
)
from mttcg.hardware.devices.virtio.transport import CONFIG_START, DEVICE_ID, QUEUE_NOTIFY, STATUS
from mttcg.memory.address import Physical

BYTES = 10 * CLUSTER + 3 * SECTOR
"""Of the disk; its last cluster is no whole one."""
HEADER, STATUS_AT, CONTENT = DATA, DATA + 16, DATA + 0x1000


class DiskMachine(Machine):
    """A machine with a disk."""

    def __init__(self, disk: Disk, *, read_only: bool = False) -> None:
        self.errors: list[OSError] = []
        device = BlockDevice(disk, "virtio0", read_only=read_only, complain=self.errors.append)
        super().__init__(device)
        self.begin(self.features())

    def ask(self, kind: int, sector: int, *data: tuple[int, int, bool]) -> BlockStatus:
        """Have a request done."""
        self.ram.write(Physical(HEADER), struct.pack("<IIQ", kind, 0, sector))
        self.ram.write(Physical(STATUS_AT), b"\xff")
        self.request([(HEADER, 16, False), *data, (STATUS_AT, 1, True)])
        return BlockStatus(self.ram.read(Physical(STATUS_AT), 1)[0])

    def get(self, sector: int, size: int) -> bytes:
        assert self.ask(Request.READ, sector, (CONTENT, size, True)) is BlockStatus.OK
        return self.ram.read(Physical(CONTENT), size)

    def put(self, sector: int, content: bytes) -> BlockStatus:
        self.ram.write(Physical(CONTENT), content)
        return self.ask(Request.WRITE, sector, (CONTENT, len(content), False))

    def ranges(self, kind: int, *ranges: tuple[int, int, int]) -> BlockStatus:
        content = b"".join(struct.pack("<QII", *each) for each in ranges)
        self.ram.write(Physical(CONTENT), content)
        return self.ask(kind, 0, (CONTENT, len(content), False))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(1).randbytes(BYTES))
    return path


@pytest.fixture
def opened(image: Path) -> Iterator[Callable[[str], Disk]]:
    descriptors = []

    def open_disk(kind: str) -> Disk:
        descriptors.append(os.open(image, os.O_RDWR if kind == "file" else os.O_RDONLY))
        if kind == "file":
            return FileDisk(descriptors[0], BYTES)
        descriptors.append(os.memfd_create("overlay"))
        os.ftruncate(descriptors[1], overlay_bytes(BYTES))
        return OverlaidDisk(descriptors[0], descriptors[1], BYTES)

    yield open_disk
    for descriptor in descriptors:
        os.close(descriptor)


BOTH = pytest.mark.parametrize("kind", ["file", "overlaid"])


@BOTH
def test_random_requests_do_what_they_do_to_bytes(
    kind: str, opened: Callable[[str], Disk], image: Path
) -> None:
    chance, before = random.Random(2), image.read_bytes()
    machine, expected = DiskMachine(opened(kind)), bytearray(before)
    for _ in range(400):
        sector = chance.randrange(BYTES // SECTOR)
        count = min(chance.choice((1, 1, 2, 7, 8, 9, 30)), BYTES // SECTOR - sector)
        start, size = sector * SECTOR, count * SECTOR
        match chance.randrange(4):
            case 0:
                assert machine.get(sector, size) == expected[start : start + size]
            case 1:
                content = chance.randbytes(size)
                assert machine.put(sector, content) is BlockStatus.OK
                expected[start : start + size] = content
            case 2:
                flags = chance.randrange(2)
                answer = machine.ranges(Request.WRITE_ZEROES, (sector, count, flags))
                assert answer is BlockStatus.OK
                expected[start : start + size] = bytes(size)
            case 3:
                assert machine.ask(Request.FLUSH, 0) is BlockStatus.OK
    assert machine.get(0, BYTES) == expected
    assert image.read_bytes() == (before if kind == "overlaid" else expected)
    assert machine.errors == []


def test_another_process_goes_on_with_what_was_written(opened: Callable[[str], Disk]) -> None:
    chance, disk = random.Random(3), opened("overlaid")
    assert isinstance(disk, OverlaidDisk)
    machine = DiskMachine(disk)
    assert machine.put(3, chance.randbytes(11 * SECTOR)) is BlockStatus.OK
    assert machine.put(BYTES // SECTOR - 1, chance.randbytes(SECTOR)) is BlockStatus.OK
    assert machine.ranges(Request.WRITE_ZEROES, (40, 20, 0)) is BlockStatus.OK
    whole = machine.get(0, BYTES)
    other = DiskMachine(OverlaidDisk(disk.below, disk.overlay, BYTES))
    assert other.get(0, BYTES) == whole
    assert other.put(70, b"x" * SECTOR) is BlockStatus.OK
    assert other.get(69, 3 * SECTOR)[SECTOR : 2 * SECTOR] == b"x" * SECTOR


@pytest.mark.parametrize("size", [SECTOR, CLUSTER, CLUSTER * CLUSTER * 8, 1 << 30, BYTES])
def test_an_overlay_has_room_for_a_bit_of_each_cluster(size: int) -> None:
    clusters = -(-size // CLUSTER)
    room = overlay_bytes(size) - clusters * CLUSTER
    assert room % CLUSTER == 0 and 0 <= 8 * room - clusters < 8 * CLUSTER


@BOTH
def test_what_was_discarded_has_any_content_and_the_rest_its_own(
    kind: str, opened: Callable[[str], Disk], image: Path
) -> None:
    machine, before = DiskMachine(opened(kind)), image.read_bytes()
    assert machine.ranges(Request.DISCARD, (3, 20, 0), (40, 0, 0)) is BlockStatus.OK
    after = machine.get(0, BYTES)
    assert after[: 3 * SECTOR] == before[: 3 * SECTOR]
    assert after[23 * SECTOR :] == before[23 * SECTOR :]
    assert after[8 * SECTOR : 16 * SECTOR] == bytes(8 * SECTOR), "a whole cluster is let go of"


@BOTH
def test_buffers_may_be_divided_anywhere(kind: str, opened: Callable[[str], Disk]) -> None:
    machine = DiskMachine(opened(kind))
    whole = machine.get(7, 3 * SECTOR)
    parts = [(CONTENT + 0x2000 * n, size, True) for n, size in enumerate((1, 700, 0, 800, 35))]
    assert machine.ask(Request.READ, 7, *parts) is BlockStatus.OK
    assert b"".join(machine.ram.read(Physical(at), size) for at, size, _ in parts) == whole


def test_the_configuration_says_what_the_disk_is(opened: Callable[[str], Disk]) -> None:
    machine = DiskMachine(opened("file"))
    assert machine.read(DEVICE_ID) == DeviceKind.BLOCK
    config = bytes(machine.front.read(CONFIG_START + at, 1) for at in range(CONFIG.size))
    found = CONFIG.unpack(config)
    assert (found[0], found[6]) == (BYTES // SECTOR, SECTOR)
    assert found[14:] == (MOST_DISCARDED, MOST_RANGES, 1, MOST_ZEROED, MOST_RANGES, 1)


def test_the_disk_says_its_name(opened: Callable[[str], Disk]) -> None:
    machine = DiskMachine(opened("file"))
    assert machine.ask(Request.IDENTIFY, 0, (CONTENT, 20, True)) is BlockStatus.OK
    assert machine.ram.read(Physical(CONTENT), 20) == b"virtio0".ljust(20, b"\0")


END = BYTES // SECTOR


@pytest.mark.parametrize(
    ("kind", "sector", "size", "expected"),
    [
        (Request.READ, END, SECTOR, BlockStatus.ERROR),
        (Request.READ, END - 1, 2 * SECTOR, BlockStatus.ERROR),
        (Request.READ, (1 << 64) - 1, SECTOR, BlockStatus.ERROR),
        (Request.READ, 0, SECTOR - 1, BlockStatus.ERROR),
        (Request.READ, END, 0, BlockStatus.OK),
        (2, 0, SECTOR, BlockStatus.UNSUPPORTED),
        (10, 0, SECTOR, BlockStatus.UNSUPPORTED),
    ],
)
def test_what_is_not_on_the_disk_is_an_error(
    kind: int, sector: int, size: int, expected: BlockStatus, opened: Callable[[str], Disk]
) -> None:
    machine = DiskMachine(opened("file"))
    assert machine.ask(kind, sector, (CONTENT, size, True)) is expected
    words = machine.state.cast("Q")
    assert words[queue_word(0, QueueWord.FAILED)] == (expected is not BlockStatus.OK)


@BOTH
@pytest.mark.parametrize("sector", [END, END - 1, (1 << 64) - 1])
def test_nothing_is_written_behind_the_disk(
    sector: int, kind: str, opened: Callable[[str], Disk], image: Path
) -> None:
    machine = DiskMachine(opened(kind))
    before = machine.get(0, BYTES)
    assert machine.put(sector, bytes(2 * SECTOR)) is BlockStatus.ERROR
    assert machine.put(END, b"") is BlockStatus.OK
    assert machine.get(0, BYTES) == before
    assert image.stat().st_size == BYTES


@pytest.mark.parametrize(
    ("kind", "ranges", "expected"),
    [
        (Request.DISCARD, [(END, 1, 0)], BlockStatus.ERROR),
        (Request.DISCARD, [(0, MOST_DISCARDED + 1, 0)], BlockStatus.ERROR),
        (Request.WRITE_ZEROES, [(0, 1, 0), (0, MOST_ZEROED + 1, 0)], BlockStatus.ERROR),
        (Request.WRITE_ZEROES, [(0, 1, 0)] * (MOST_RANGES + 1), BlockStatus.ERROR),
        (Request.WRITE_ZEROES, [], BlockStatus.ERROR),
        (Request.DISCARD, [(0, 8, 1)], BlockStatus.UNSUPPORTED),
        (Request.WRITE_ZEROES, [(0, 8, 2)], BlockStatus.UNSUPPORTED),
    ],
)
def test_ranges_that_can_not_be_change_nothing(
    kind: int,
    ranges: list[tuple[int, int, int]],
    expected: BlockStatus,
    opened: Callable[[str], Disk],
    image: Path,
) -> None:
    machine, before = DiskMachine(opened("file")), image.read_bytes()
    assert machine.ranges(kind, *ranges) is expected
    assert image.read_bytes() == before


def test_a_read_only_disk_is_not_written(opened: Callable[[str], Disk], image: Path) -> None:
    machine, before = DiskMachine(opened("file"), read_only=True), image.read_bytes()
    assert machine.features() & BlockFeature.READ_ONLY
    assert machine.put(0, bytes(SECTOR)) is BlockStatus.ERROR
    for kind in (Request.DISCARD, Request.WRITE_ZEROES):
        assert machine.ranges(kind, (0, 8, 0)) is BlockStatus.ERROR
    assert machine.ask(Request.FLUSH, 0) is BlockStatus.OK
    assert machine.get(0, BYTES) == before


@pytest.mark.parametrize("buffers", [[(HEADER, 16, False)], []])
def test_a_request_without_a_status_breaks_the_device(
    buffers: list[tuple[int, int, bool]], opened: Callable[[str], Disk]
) -> None:
    machine = DiskMachine(opened("file"))
    machine.rings.offer(machine.rings.chain(buffers or [(HEADER, 0, False)]))
    machine.write(QUEUE_NOTIFY, 0)
    assert machine.read(STATUS) & DeviceStatus.NEEDS_RESET


def test_a_short_header_is_an_error(opened: Callable[[str], Disk]) -> None:
    machine = DiskMachine(opened("file"))
    assert machine.request([(HEADER, 15, False), (STATUS_AT, 1, True)]) == 1
    assert machine.ram.read(Physical(STATUS_AT), 1)[0] == BlockStatus.ERROR


class Refusing:
    """A host without room, after so many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self.write = 1 << 30, os.pwritev
        monkeypatch.setattr("os.pwritev", self.pwritev)

    def pwritev(self, descriptor: int, views: list[Any], offset: int) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = memoryview(views[0])[: self.room]
        self.room -= len(part)
        return self.write(descriptor, [part], offset)


@BOTH
def test_without_room_the_guest_gets_an_error_and_no_other_sector_changes(
    kind: str, opened: Callable[[str], Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, host = DiskMachine(opened(kind)), Refusing(monkeypatch)
    before = machine.get(0, BYTES)
    for room in (0, 100, SECTOR, CLUSTER, CLUSTER + 100):
        host.room = room
        assert machine.put(5, bytes(20 * SECTOR)) is BlockStatus.ERROR
        after = machine.get(0, BYTES)
        assert after[: 5 * SECTOR] == before[: 5 * SECTOR]
        assert after[25 * SECTOR :] == before[25 * SECTOR :]
    assert {error.errno for error in machine.errors} == {errno.ENOSPC}
    host.room = 1 << 30
    assert machine.put(5, bytes(20 * SECTOR)) is BlockStatus.OK
    assert machine.get(5, 20 * SECTOR) == bytes(20 * SECTOR)


def test_a_limit_of_file_sizes_is_an_error(opened: Callable[[str], Disk]) -> None:
    machine = DiskMachine(opened("overlaid"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (CLUSTER, limits[1]))
        assert machine.put(20, bytes(SECTOR)) is BlockStatus.ERROR
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert machine.errors[0].errno == errno.EFBIG


def test_a_file_that_has_become_shorter_is_an_error(
    opened: Callable[[str], Disk], image: Path
) -> None:
    machine = DiskMachine(opened("overlaid"))
    os.truncate(image, CLUSTER)
    assert machine.ask(Request.READ, 20, (CONTENT, SECTOR, True)) is BlockStatus.ERROR
    assert machine.put(20, bytes(SECTOR)) is BlockStatus.ERROR, "the rest of the cluster is gone"


@pytest.mark.parametrize(("features", "flushes"), [(0, 2), (BlockFeature.FLUSH, 0)])
def test_a_driver_that_does_not_flush_has_its_writes_at_once(
    features: int,
    flushes: int,
    opened: Callable[[str], Disk],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, seen = DiskMachine(opened("file")), []
    monkeypatch.setattr("os.fdatasync", seen.append)
    machine.begin(Feature.VERSION_1 | features)
    machine.put(0, bytes(SECTOR))
    machine.ranges(Request.WRITE_ZEROES, (0, 1, 0))
    assert len(seen) == flushes
    assert machine.bell.backend is not None
    machine.bell.backend.model.close()
    assert len(seen) == flushes + 1, "at the end in any case"


def test_where_there_are_no_holes_zeros_are_written(
    opened: Callable[[str], Disk], monkeypatch: pytest.MonkeyPatch, image: Path
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no holes")

    monkeypatch.setattr("mttcg.hardware.devices.virtio.disk.punch_hole", refuse)
    machine, before = DiskMachine(opened("file")), image.read_bytes()
    assert machine.ranges(Request.DISCARD, (0, 8, 0)) is BlockStatus.OK
    assert image.read_bytes() == before
    assert machine.ranges(Request.WRITE_ZEROES, (0, 50, 1)) is BlockStatus.OK
    assert image.read_bytes() == bytes(50 * SECTOR) + before[50 * SECTOR :]
