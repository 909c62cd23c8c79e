"""Debug files: symbols and lines of a program, in a file of their own.

Source: GDB's manual, "Debugging Information in Separate Files". A program names its debug file
by its build id, in a note, and by a section `.gnu_debuglink`, which has the name of the file and
the CRC-32 of its content. By its build id it is below usr/lib/debug of the root of the program's
file system, where distributions have it; by its name it is beside the program, in a folder .debug
there, or at the program's path below usr/lib/debug.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mttcg.instrument.errors import ElfFileError

BUILD_ID, DEBUG_LINK, LINES, SYMBOLS = (
    ".note.gnu.build-id",
    ".gnu_debuglink",
    ".debug_line",
    ".symtab",
)
DISTRIBUTED = Path("usr/lib/debug")
CRC_BYTES = SIZE_BYTES = 4
NOTE = b"\x03\0\0\0GNU\0"
"""Of a build id: the note's type and name, behind the sizes of name and id (gABI, chapter 5)."""


def file_with(section: str, path: Path, root: Path | None = None) -> Path:
    """The file that has a section of a program: its own, or its debug file; its own without one.

    section: `SYMBOLS`, or `LINES`. root: of the program's file system, None if nobody says. Raises
    ElfFileError for a file that can't be read, and for a debug file that is another program's.
    """
    from mttcg.instrument.program.debug_sections import DebugFile

    try:
        with path.open("rb") as file:
            elf = DebugFile(file)
            if elf.has_section(section):
                return path
            build_id, link = _build_id(elf), _debug_link(elf)
    except OSError as error:
        raise ElfFileError(path, error.strerror or str(error)) from error
    except Exception as error:
        # pyelftools trusts what it parses: damage shows as any of a dozen kinds of exception
        raise ElfFileError(path, " ".join(str(error).split())[:100]) from error
    return _fitting(path, root, build_id, link) or path


def no_symbols(path: Path) -> str:
    """Say that a file was stripped, and what helps."""
    return (
        f"{path}: it was stripped, so its functions have no names; give a file that was not, or "
        "its debug file beside it (objcopy --only-keep-debug, --add-gnu-debuglink)"
    )


def _build_id(elf: Any) -> str:
    """In hexadecimal digits, "" without one."""
    section = elf.get_section_by_name(BUILD_ID)
    content = b"" if section is None else section.data()
    at = 2 * SIZE_BYTES
    return content[at + len(NOTE) :].hex() if content[at:].startswith(NOTE) else ""


def _debug_link(elf: Any) -> tuple[str, int] | None:
    """A file's name and the CRC-32 of its content."""
    section = elf.get_section_by_name(DEBUG_LINK)
    if section is None:
        return None
    content = section.data()
    name = content.split(b"\0")[0].decode("utf-8", "surrogateescape")
    return name, int.from_bytes(content[-CRC_BYTES:], "little" if elf.little_endian else "big")


def _fitting(
    path: Path, root: Path | None, build_id: str, link: tuple[str, int] | None
) -> Path | None:
    """The debug file that is there and is the program's; raises ElfFileError for another's."""
    wrong: ElfFileError | None = None
    if build_id and root is not None:
        kept = root / DISTRIBUTED / ".build-id" / build_id[:2] / f"{build_id[2:]}.debug"
        if kept.is_file():
            if _id_of(kept) == build_id:
                return kept
            wrong = ElfFileError(kept, f"it is not the debug file of {path}: of another build")
    name, checksum = link or ("", 0)
    for candidate in _linked(path, root, name):
        if candidate.is_file() and not candidate.samefile(path):
            if _crc_of(candidate) == checksum:
                return candidate
            wrong = ElfFileError(candidate, f"it is not the debug file of {path}: of another build")
    if wrong is not None:
        raise wrong
    return None


def _linked(path: Path, root: Path | None, name: str) -> Iterator[Path]:
    """Where a debug file of a name may be."""
    if not name or "/" in name:
        return
    yield path.parent / name
    yield path.parent / ".debug" / name
    if root is not None and path.is_relative_to(root):
        yield root / DISTRIBUTED / path.relative_to(root).parent / name


def _id_of(path: Path) -> str:
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            return _build_id(ELFFile(file))
    except Exception as error:
        raise ElfFileError(path, " ".join(str(error).split())[:100]) from error


def _crc_of(path: Path) -> int:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError as error:
        raise ElfFileError(path, error.strerror or str(error)) from error
