"""The committed example guests are what their sources give."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "guests"
LARGEST = 40 * 1024
"""Bytes that a guest loads."""
LARGEST_WITH_LINES = 96 * 1024
"""Bytes of a file, with the compressed information about its source lines."""


def load_build() -> ModuleType:
    """examples/guests/build.py as a module; it is a script, in no package."""
    specification = importlib.util.spec_from_file_location("build_guests", FOLDER / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


BUILD = load_build()


@pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None,
    reason="ziglang is not installed, so the guests cannot be rebuilt",
)
def test_rebuilding_gives_the_committed_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    BUILD.build(Path("guests"))
    assert list(BUILD.differences(tmp_path / "guests")) == []


@pytest.mark.parametrize("guest", BUILD.guests())
def test_guest_is_small_and_names_no_path(guest: str) -> None:
    with (FOLDER / f"{guest}.elf").open("rb") as file:
        image = ELFFile(file)
        assert sum(part["p_filesz"] for part in image.iter_segments("PT_LOAD")) < LARGEST
        sections = [section.data() for section in image.iter_sections()]  # decompressed
    content = (FOLDER / f"{guest}.elf").read_bytes()
    assert len(content) < LARGEST_WITH_LINES
    content += b"".join(sections)
    for folder in (FOLDER.parents[1], Path.home(), Path(sys.prefix)):
        # "/" is in the guests' texts, and a place that short says nothing.
        assert len(str(folder)) < 4 or str(folder).encode() not in content


@pytest.mark.parametrize("guest", BUILD.guests())
def test_settable_symbols_have_bytes_in_the_file(guest: str) -> None:
    with (FOLDER / f"{guest}.elf").open("rb") as file:
        image = ELFFile(file)
        table = image.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        for name in ("harts_expected", "rounds", "exit_code", "fault"):
            for symbol in table.get_symbol_by_name(name) or ():
                assert symbol["st_size"] == 8
                assert list(image.address_offsets(symbol["st_value"], 8))


def test_a_changed_guest_is_named(tmp_path: Path) -> None:
    built, committed = tmp_path / "built", tmp_path / "committed"
    for folder in (built, committed):
        folder.mkdir()
        for guest in BUILD.guests():
            (folder / f"{guest}.elf").write_bytes(b"same")
    (committed / "mix.elf").write_bytes(b"other")
    (committed / "hello.elf").unlink()
    (committed / "orphan.elf").write_bytes(b"")
    assert [line.split()[0] for line in BUILD.differences(built, committed)] == [
        "hello.elf",
        "mix.elf",
        "orphan.elf",
    ]
