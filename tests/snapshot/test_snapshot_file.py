"""The file of a snapshot: what was written comes back; what was cut or changed is refused."""

import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mttcg.memory.page import PAGE
from mttcg.snapshot import layout
from mttcg.snapshot.compression import pages_there, runs
from mttcg.snapshot.errors import SnapshotError
from mttcg.snapshot.layout import HEADER, WINDOW, WINDOW_PAGES
from mttcg.snapshot.reader import SnapshotFile
from mttcg.snapshot.writer import Content, SnapshotWriter

SIZE = 5 * WINDOW + 3 * PAGE


def memory(parts: dict[int, bytes], size: int = SIZE) -> Content:
    """A memory with bytes at some places, and holes elsewhere."""
    file = os.memfd_create("test")
    os.ftruncate(file, size)
    view = memoryview(mmap.mmap(file, size))
    for at, data in parts.items():
        view[at : at + len(data)] = data
    return Content("ram", view, file)


def written(path: Path, *memories: Content) -> Path:
    writer = SnapshotWriter(path)
    assert writer.write({"who": "test"}, memories) == path.stat().st_size
    writer.close()
    for each in memories:
        os.close(each.file)
    return path


def restored(path: Path, size: int = SIZE, name: str = "ram") -> tuple[bytes, int]:
    """A memory that is restored, and the bytes that its file takes."""
    file = os.memfd_create("test")
    try:
        os.ftruncate(file, size)
        with SnapshotFile(path) as snapshot:
            assert snapshot.size_of(name) == size
            snapshot.restore(name, file)
        return os.pread(file, size, 0), os.fstat(file).st_blocks * 512
    finally:
        os.close(file)


PARTS = {
    0: b"begin",
    3 * PAGE: b"\0" * PAGE,  # touched, and zero: it takes no room
    WINDOW - 2: b"over",
    3 * WINDOW + 7 * PAGE: os.urandom(5 * PAGE),
    SIZE - 3: b"end",
}


def test_what_was_written_comes_back_and_zeros_take_no_room(tmp_path: Path) -> None:
    before = memory(PARTS)
    content = bytes(before.view)
    path = written(tmp_path / "a.snap", before)
    found, room = restored(path)
    assert found == content
    pages = [content[at : at + PAGE] for at in range(0, SIZE, PAGE)]
    assert room == PAGE * sum(any(page) for page in pages)
    assert path.stat().st_size < 7 * PAGE
    assert list(tmp_path.iterdir()) == [path]


def test_several_memories_and_one_without_anything(tmp_path: Path) -> None:
    one, empty = memory({5: b"x"}), memory({})._replace(name="nothing")
    path = written(tmp_path / "a.snap", one, empty)
    assert restored(path)[0].strip(b"\0") == b"x"
    assert restored(path, name="nothing") == (bytes(SIZE), 0)
    with SnapshotFile(path) as snapshot:
        assert snapshot.machine["who"] == "test"
        assert snapshot.size_of("other") == 0


@given(some.lists(some.booleans(), min_size=1, max_size=WINDOW_PAGES))
def test_runs_are_the_pages_that_have_something(pages: list[bool]) -> None:
    window = memoryview(b"".join(b"\0" * (PAGE - 1) + bytes([page]) for page in pages))
    there = pages_there(window)
    assert there.tolist() == pages + [False] * (WINDOW_PAGES - len(pages))
    assert [at for first, end in runs(there) for at in range(first, end)] == [
        at for at, page in enumerate(pages) if page
    ]


def test_each_byte_that_was_changed_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "a.snap", memory({0: b"begin", WINDOW: b"second"}))
    good = path.read_bytes()
    content = restored(path)
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :])
        with pytest.raises(SnapshotError, match=r"a\.snap: .*; expected "):
            restored(path)
    path.write_bytes(good)
    assert restored(path) == content


@pytest.mark.parametrize("size", [0, 3, HEADER.size - 1, HEADER.size, HEADER.size + 9, -1])
def test_a_file_that_was_cut_is_refused_with_both_sizes(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "a.snap", memory(PARTS))
    good = path.read_bytes()
    path.write_bytes(good[:size])
    with pytest.raises(SnapshotError) as caught:
        SnapshotFile(path)
    if size >= HEADER.size or size < 0:
        assert f"it has {len(good[:size])} bytes; expected {len(good)}" in str(caught.value)
    else:
        assert "it is not one; expected a file that `snapshot` has written" in str(caught.value)


def test_another_format_is_refused_with_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mttcg.snapshot.writer.FORMAT", layout.FORMAT + 1)
    path = written(tmp_path / "a.snap", memory(PARTS))
    with pytest.raises(SnapshotError, match="it is of format 2; expected format 1"):
        SnapshotFile(path)


@pytest.mark.parametrize("name", ["none.snap", "."])
def test_what_can_not_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SnapshotError, match="expected a file"):
        SnapshotFile(tmp_path / name)


@pytest.mark.parametrize("name", ["no/a.snap", "."])
def test_what_can_not_be_written_is_refused_before_anything(tmp_path: Path, name: str) -> None:
    with pytest.raises(SnapshotError, match="expected a file to write"):
        SnapshotWriter(tmp_path / name)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_snapshot_file import memory
from mttcg.snapshot.writer import SnapshotWriter
def die(_file): os.kill(os.getpid(), signal.SIGKILL)
os.fsync = die
SnapshotWriter(Path({path!r})).write({{"who": "killed"}}, [memory({{0: b"new"}})])
"""


@pytest.mark.parametrize("without_names", [True, False])
def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path: Path, without_names: bool) -> None:
    path = written(tmp_path / "a.snap", memory({0: b"old"}))
    program = KILLED.format(folder=str(Path(__file__).parent), path=str(path))
    if not without_names:
        program = program.replace("SnapshotWriter(", "os.O_TMPFILE = os.O_CREAT\nSnapshotWriter(")
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert restored(path)[0].strip(b"\0") == b"old"
    assert len(list(tmp_path.iterdir())) == (1 if without_names else 2)


def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.snap", memory({0: b"old"}))

    def refuse(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    writer = SnapshotWriter(path)
    with pytest.raises(SnapshotError, match="No space left on device"):
        writer.write({"who": "test"}, [memory({0: b"new"})])
    writer.close()
    monkeypatch.undo()
    assert restored(path)[0].strip(b"\0") == b"old"
    assert list(tmp_path.iterdir()) == [path]
