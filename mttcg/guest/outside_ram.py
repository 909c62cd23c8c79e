"""What of a guest's file is to be loaded outside RAM, and whether the program uses it.

Linkers put the ELF headers and notes into a segment of their own, or before the code, at addresses
where a board may have nothing. A program does not use them; what it uses is in sections (System V
gABI, chapter 4). A file without section headers says only where its headers and notes are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mttcg.instrument.program.elf_segments import Placement
from mttcg.memory.ram import RamRange

ALLOCATED, THREAD_LOCAL = 2, 0x400
"""SHF_ALLOC and SHF_TLS of sh_flags."""


def parts_outside(placement: Placement, ram: RamRange) -> Iterator[range]:
    """The physical addresses of a segment that are below RAM, or above."""
    start, end = placement.loaded, placement.loaded + placement.size
    for part in (range(start, min(end, ram.base)), range(max(start, ram.end), end)):
        if part.start < part.stop:
            yield part


class Sections:
    """The sections of a file that are in memory.

    Args:
        elf: the file, as pyelftools has it.
    """

    def __init__(self, elf: Any) -> None:
        self.elf = elf
        self.found = [
            (section.name, section.header)
            for section in elf.iter_sections()
            if section["sh_flags"] & ALLOCATED and section["sh_size"] and not _is_template(section)
        ]

    def in_part(self, placement: Placement, part: range) -> tuple[list[str], list[str]]:
        """Names of what a part of a segment holds: what a program uses, and what it does not."""
        used: list[str] = []
        unused: list[str] = []
        for name, header in self.found:
            start = header["sh_addr"] + placement.shift
            if not placement.has_section(header) or start >= part.stop:
                continue
            if start + header["sh_size"] > part.start:
                (unused if header["sh_type"] == "SHT_NOTE" else used).append(name)
        place = _file_part(placement, part)
        if any(start < place.stop and end > place.start for start, end in self._headers()):
            unused.append("ELF headers")
        return used, unused

    def uses(self, placement: Placement, part: range) -> bool:
        """Whether a program uses a part of a segment."""
        if self.found:
            return bool(self.in_part(placement, part)[0])
        place = _file_part(placement, part)
        at = place.start
        for start, end in sorted([*self._headers(), *self._notes()]):
            if start <= at < end:
                at = end
        return at < place.stop

    def _headers(self) -> list[tuple[int, int]]:
        header = self.elf.header
        table = header["e_phnum"] * header["e_phentsize"]
        return [(0, header["e_ehsize"]), (header["e_phoff"], header["e_phoff"] + table)]

    def _notes(self) -> list[tuple[int, int]]:
        notes = (segment.header for segment in self.elf.iter_segments("PT_NOTE"))
        return [(note["p_offset"], note["p_offset"] + note["p_filesz"]) for note in notes]


def _is_template(section: Mapping[str, Any]) -> bool:
    """Whether a section takes room in each thread's memory and none here (.tbss)."""
    return section["sh_type"] == "SHT_NOBITS" and bool(section["sh_flags"] & THREAD_LOCAL)


def _file_part(placement: Placement, part: range) -> range:
    """Where a part of a segment is in the file; beyond the segment's bytes there it is zeros."""
    start = placement.offset + part.start - placement.loaded
    return range(start, start + part.stop - part.start)


def left_out_text(placement: Placement, part: range, unused: list[str]) -> str:
    """Say that a part of a segment is not loaded, and why."""
    whole = range(placement.loaded, placement.loaded + placement.size)
    what = f"the segment at {range_text(whole)}"
    if part != whole:
        what = f"the part at {range_text(part)} of {what}"
    holds = f"only {' and '.join(unused)}" if unused else "no section"
    return f"{what} is left out: it is outside RAM, and holds {holds}"


def range_text(part: range) -> str:
    """The first and last address."""
    return f"{part.start:#x} to {part.stop - 1:#x}"
