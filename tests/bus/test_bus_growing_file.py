"""Files that grow: all that was written, and of the page cache little."""

import os
import threading
from pathlib import Path

import pytest

from mttcg_bus.host import growing_file
from mttcg_bus.host.growing_file import GrowingFile

STEP, BEHIND = 1000, 3000


@pytest.fixture
def advised(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The ranges that the kernel is advised to let go, start and end."""
    monkeypatch.setattr(growing_file, "STEP", STEP)
    monkeypatch.setattr(growing_file, "BEHIND", BEHIND)
    ranges: list[tuple[int, int]] = []

    def record(_file: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_DONTNEED
        ranges.append((start, start + length))

    monkeypatch.setattr(os, "posix_fadvise", record)
    return ranges


def test_every_byte_is_let_go_more_than_once_but_for_the_end(
    tmp_path: Path, advised: list[tuple[int, int]]
) -> None:
    file = GrowingFile(tmp_path / "file")
    expected = b""
    for n in range(200):
        pieces = [bytes([n]) * (n % 7), b"", bytes([n]) * 60]
        file.write(*pieces)
        expected += b"".join(pieces)
        assert file.size == len(expected)
    file.close()
    assert (tmp_path / "file").read_bytes() == expected
    times = [sum(start <= byte < end for start, end in advised) for byte in range(len(expected))]
    assert min(times[: -BEHIND - STEP]) >= BEHIND // STEP - 1
    assert min(times[:-STEP]) >= 1
    assert all(end <= len(expected) for _, end in advised)


def test_a_byte_can_be_written_again(tmp_path: Path) -> None:
    file = GrowingFile(tmp_path / "file")
    file.write(b"head, and ")
    file.write_again(0, b"HEAD")
    file.write(b"tail")
    file.close()
    assert (tmp_path / "file").read_bytes() == b"HEAD, and tail"


def test_a_pipe_takes_all_of_it_in_parts(tmp_path: Path, advised: list[tuple[int, int]]) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    file = GrowingFile(path)
    large = bytes(range(256)) * 4096  # more than a pipe holds
    file.write(b"first", large, b"last")
    file.close()
    reader.join()
    assert found == [b"first" + large + b"last"]
    assert advised == []
