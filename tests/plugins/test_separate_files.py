"""Symbols and lines that are in a file of their own, made by objcopy."""

import shutil
import subprocess
from pathlib import Path

import pytest
from plugin_harness import guest_path

from mttcg.guest.elf import load_guest
from mttcg.hardware.boards.riscv_virt import BOARD
from mttcg.instrument import ElfFileError, elf_functions, source_lines
from mttcg.option_values import MIB

OBJCOPY = next(filter(None, map(shutil.which, ("riscv64-linux-gnu-objcopy", "llvm-objcopy"))), "")
pytestmark = pytest.mark.skipif(not OBJCOPY, reason="there is no objcopy for the guest (binutils)")
BUILD_ID = bytes(range(0x10, 0x24))
NOTE = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0" + BUILD_ID


class Made:
    """hello, a debug file of it, and the rest, with a build id and a link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole, self.debug = folder / "whole.elf", folder / "hello.debug"
        self.stripped = folder / "hello.elf"
        note = folder / "note"
        note.write_bytes(NOTE)
        self._copy(f"--add-section=.note.gnu.build-id={note}", guest_path("hello"), self.whole)
        self._copy("--only-keep-debug", self.whole, self.debug)
        self._copy("--strip-all", self.whole, self.stripped)

    def _copy(self, option: str, source: Path, result: Path) -> None:
        command = [OBJCOPY, option, str(source), str(result)]
        subprocess.run(command, check=True, cwd=self.folder, stderr=subprocess.DEVNULL)

    def link(self) -> None:
        """Have the stripped file name the other."""
        self._copy(f"--add-gnu-debuglink={self.debug.name}", self.stripped, self.stripped)

    def move(self, place: str) -> None:
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        self.debug.rename(target)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.mark.parametrize("place", ["hello.debug", ".debug/hello.debug"])
def test_a_file_that_is_linked_to_is_found_beside_the_program(made: Made, place: str) -> None:
    assert elf_functions(made.stripped) == []
    made.link()
    made.move(place)
    functions = elf_functions(made.whole)
    assert "finish" in {name for _, _, name in functions}
    assert elf_functions(made.stripped) == functions
    rows = list(source_lines(made.whole).rows())
    assert rows
    assert list(source_lines(made.stripped).rows()) == rows


def test_a_guest_has_the_symbols_of_its_debug_file(made: Made) -> None:
    made.link()
    whole, stripped = (
        load_guest(file, BOARD.ram_base, 16 * MIB) for file in (made.whole, made.stripped)
    )
    assert stripped.symbols == whole.symbols
    assert stripped.warnings == ()


@pytest.mark.parametrize(
    "place",
    [
        f"usr/lib/debug/.build-id/10/{BUILD_ID[1:].hex()}.debug",
        "usr/lib/debug/bin/hello.debug",
    ],
)
def test_below_usr_lib_debug_of_a_root(made: Made, place: str) -> None:
    made.link()
    made.move(place)
    inside = made.folder / "bin" / "hello.elf"
    inside.parent.mkdir()
    made.stripped.rename(inside)
    assert elf_functions(inside) == []
    assert elf_functions(inside, made.folder) == elf_functions(made.whole)


@pytest.mark.parametrize("by_id", [False, True])
def test_one_of_another_build_is_told_of(made: Made, by_id: bool) -> None:
    made.link()
    content = made.debug.read_bytes().replace(BUILD_ID, bytes(20))
    made.debug.write_bytes(content)
    if by_id:
        made.move(f"usr/lib/debug/.build-id/10/{BUILD_ID[1:].hex()}.debug")
    with pytest.raises(ElfFileError, match=r"it is not the debug file of .*: of another build"):
        elf_functions(made.stripped, made.folder)
    if not by_id:
        found = load_guest(made.stripped, BOARD.ram_base, 16 * MIB)
        assert found.symbols == ()
        assert "of another build" in found.warnings[0]


def test_a_stripped_guest_says_what_it_lacks_when_names_are_wanted(made: Made) -> None:
    found = load_guest(made.stripped, BOARD.ram_base, 16 * MIB)
    assert found.warnings == ()
    assert found.symbols == ()
    [warning] = found.warnings
    assert warning.startswith(f"{made.stripped}: it was stripped, so its functions have no names; ")


def test_a_link_to_itself_or_out_of_the_folder_is_none(made: Made) -> None:
    made.link()
    for name in (b"hello.elf\0\0\0", b"../../bin/sh"):
        content = made.stripped.read_bytes().replace(b"hello.debug\0", name)
        other = made.folder / "other" / "hello.elf"
        other.parent.mkdir(exist_ok=True)
        other.write_bytes(content)
        assert elf_functions(other) == []
