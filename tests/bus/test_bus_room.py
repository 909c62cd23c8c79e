"""Recordings and other files that grow: how they end where there is no room for more."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from bus_harness import RECORD, records_of

from mttcg_bus.errors import OutputFull, RecordingCut
from mttcg_bus.host import growing_file
from mttcg_bus.host.growing_file import GrowingFile
from mttcg_bus.recording.recording import LEAST_LIMIT, Recording, RecordingWriter
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.parts import Parts
from mttcg_bus.wire.stream import StreamSpec

STREAM = "test.event"
PARTS = Parts(
    RunInfo("r1", "/g.elf", 1, "none", 0, 0, 0, (), ("test",)),
    {STREAM: StreamSpec(STREAM, RECORD)},
    ("",),
)
COUNT = 200
"""Records of a batch."""


def write_until_full(path: Path, limit: int = 0) -> tuple[int, OutputFull]:
    """Write batches until there is no room, and stop; how many were written, and the error."""
    writer = RecordingWriter(path, PARTS, limit)
    with pytest.raises(OutputFull) as caught:
        for first in range(0, 10**6, COUNT):
            writer.write(Batch(STREAM, 0, first, records_of(0, first, COUNT)))
    writer.stop(caught.value.why)
    writer.close()
    return writer.batches, caught.value


def cut_of(path: Path) -> RecordingCut:
    with Recording(path) as recording, pytest.raises(RecordingCut) as caught:
        list(recording)
    return caught.value


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    """Let the kernel make no file of this process longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_device_that_is_full_is_an_error_of_the_bus() -> None:
    with pytest.raises(OutputFull, match="/dev/full: No space left on device; it ends after 0 b"):
        RecordingWriter(Path("/dev/full"), PARTS)


def test_a_recording_stops_at_its_limit_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    batches, error = write_until_full(path, LEAST_LIMIT)
    assert error.why == f"it has reached its limit of {LEAST_LIMIT} bytes"
    assert LEAST_LIMIT // 2 < path.stat().st_size <= LEAST_LIMIT
    cut = cut_of(path)
    assert (cut.batches, cut.good, cut.why) == (batches, path.stat().st_size, error.why)
    good = f"{COUNT * batches} records in {batches} batches are good"
    assert str(cut) == f"recording {path}: stopped ({error.why}); {good}"


def test_where_the_kernel_takes_no_more_whole_batches_stay(tmp_path: Path) -> None:
    path, most = tmp_path / "recording", 50_001
    with longest_file(most):
        batches, error = write_until_full(path)
    assert (error.why, batches > 5) == ("File too large", True)
    assert most // 2 < error.size <= path.stat().st_size <= most
    cut = cut_of(path)
    assert (cut.batches, cut.good) == (batches, path.stat().st_size)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Blocks of 4096 bytes that are free, of a file system of 1000000; to be set."""
    blocks = [10**6]

    def statvfs(_descriptor: int) -> SimpleNamespace:
        return SimpleNamespace(f_blocks=10**6, f_bavail=blocks[0], f_frsize=4096)

    monkeypatch.setattr(os, "fstatvfs", statvfs)
    monkeypatch.setattr(growing_file, "LOOK", 5000)
    return blocks


RESERVE = 10**6 // 20
WHY = f"less than {RESERVE * 4096 >> 20} MiB of its file system are free"


def test_a_reserve_of_the_file_system_is_left_free(tmp_path: Path, free: list[int]) -> None:
    path = tmp_path / "file"
    file = GrowingFile(path)
    free[0] = RESERVE
    file.write(bytes(5000))
    file.write(b"more")
    free[0] = RESERVE - 1
    file.write(b"and more")  # from one look to the next
    file.write(bytes(4996))
    with pytest.raises(OutputFull, match=f"{path}: {WHY}; it ends after 10008 bytes"):
        file.write(b"x")
    file.write(b"the end")  # what is to be said of it has room
    file.close()
    assert path.stat().st_size == 10008 + len(b"the end")
    with pytest.raises(OutputFull, match="it ends after 0 bytes"):
        GrowingFile(path)


def test_a_recording_stops_before_the_reserve_is_used(tmp_path: Path, free: list[int]) -> None:
    path = tmp_path / "recording"
    writer = RecordingWriter(path, PARTS)
    writer.write(Batch(STREAM, 0, 0, records_of(0, 0, 2000)))
    free[0] = RESERVE - 1
    with pytest.raises(OutputFull) as caught:
        writer.write(Batch(STREAM, 0, 2000, records_of(0, 2000, 10)))
    writer.stop(caught.value.why)
    writer.close()
    cut = cut_of(path)
    assert (cut.why, cut.records, cut.good) == (WHY, 2000, path.stat().st_size)


def test_of_a_large_file_system_the_reserve_is_no_twentieth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = growing_file.RESERVE // 4096
    found = SimpleNamespace(f_blocks=10**9, f_bavail=left, f_frsize=4096)
    monkeypatch.setattr(os, "fstatvfs", lambda _descriptor: found)
    GrowingFile(tmp_path / "file").close()
    found.f_bavail = left - 1
    with pytest.raises(OutputFull, match="less than 1024 MiB of its file system are free"):
        GrowingFile(tmp_path / "file")
