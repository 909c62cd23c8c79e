"""Where the segments of a guest's ELF file lie in its memory (System V gABI, chapter 5)."""

from pathlib import Path
from typing import NamedTuple

from mttcg.instrument.errors import ElfFileError


class ElfSegment(NamedTuple):
    """A segment that is loaded: its guest-physical address, its size there, and its file offset.

    `linked` is the address that it was linked for.
    """

    address: int
    size: int
    offset: int
    linked: int


def elf_segments(path: Path | str) -> list[ElfSegment]:
    """The loaded segments of an ELF file, in order of address.

    Raises ElfFileError for a file that can't be read.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with Path(path).open("rb") as file:
            headers = [segment.header for segment in ELFFile(file).iter_segments("PT_LOAD")]
    except (OSError, ELFError) as error:
        raise ElfFileError(Path(path), str(error)) from error
    return sorted(
        ElfSegment(header["p_paddr"], header["p_memsz"], header["p_offset"], header["p_vaddr"])
        for header in headers
    )
