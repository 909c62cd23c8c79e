"""Digests of files are found by the files' state, and never those of another state."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mttcg.instrument.native import known_digests
from mttcg.instrument.native.known_digests import MOST, known_digest


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[str, bool]]:
    """Ask for the digest of two files: what it is, and whether they were read for it."""
    files = [tmp_path / "one.py", tmp_path / "other.py"]
    for file in files:
        file.write_text("first")
    monkeypatch.setattr(known_digests, "SETTLED_NANOSECONDS", -1)

    def asked() -> tuple[str, bool]:
        was_read = []

        def read() -> str:
            was_read.append(True)
            return " ".join(file.read_text() for file in files)

        return known_digest(files, tmp_path / "memory", read), bool(was_read)

    return asked


def test_files_are_read_once(ask: Callable[[], tuple[str, bool]]) -> None:
    assert [ask() for _ in range(3)] == [("first first", True), *[("first first", False)] * 2]


def test_a_changed_file_is_read_though_its_size_and_time_are_the_same(
    ask: Callable[[], tuple[str, bool]], tmp_path: Path
) -> None:
    ask()
    file = tmp_path / "other.py"
    before = file.stat()
    file.write_text("later")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_mtime_ns, file.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert ask() == ("first later", True)
    assert ask() == ("first later", False)


def test_what_was_changed_just_now_is_not_remembered(
    ask: Callable[[], tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_digests, "SETTLED_NANOSECONDS", 1 << 62)
    assert [ask() for _ in range(2)] == [("first first", True)] * 2


@pytest.mark.parametrize("there", ["", "[]", '{"a": 1}', "\x00"])
def test_a_damaged_memory_is_as_none(
    ask: Callable[[], tuple[str, bool]], tmp_path: Path, there: str
) -> None:
    (tmp_path / "memory").write_text(there)
    assert [ask() for _ in range(2)] == [("first first", True), ("first first", False)]


def test_where_nothing_can_be_written_files_are_read(
    ask: Callable[[], tuple[str, bool]], tmp_path: Path
) -> None:
    (tmp_path / "memory").mkdir()
    assert [ask() for _ in range(2)] == [("first first", True)] * 2


def test_few_states_are_remembered(ask: Callable[[], tuple[str, bool]], tmp_path: Path) -> None:
    for number in range(MOST + 5):
        (tmp_path / "one.py").write_text(str(number))
        ask()
    known = json.loads((tmp_path / "memory").read_text())
    assert list(known.values()) == [f"{number} first" for number in range(5, MOST + 5)]
