"""Where the segments of a guest's ELF file are in its memory (System V gABI, chapter 5).

A segment is linked for one address (p_vaddr) and loaded to another (p_paddr); mostly the two are
the same. Guests run without translation, so what is loaded is used where it was loaded, whatever it
was linked for. But a segment that is linked for another place in RAM, while the code that starts
runs where it was loaded, is moved there by the guest itself, and used there: as .data, which
start-up code copies. This module alone knows the way from one address to the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mttcg.instrument.errors import ElfFileError
from mttcg.memory.address import Physical, Virtual, physical_of, virtual_of
from mttcg.memory.ram import RamRange

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

EXECUTABLE = 1
"""PF_X of p_flags."""


class ElfSegment(NamedTuple):
    """A segment that is loaded: its guest-physical address, its size there, and its file offset.

    `linked` is the address that it was linked for.
    """

    address: int
    size: int
    offset: int
    linked: int


@dataclass(frozen=True)
class Placement:
    """Where a segment is.

    linked: the address that it was linked for, which code may never see it at. loaded: where it is
    at the start. size: bytes in memory. offset, file_size: bytes in the file. moved: whether the
    guest moves it to the address that it was linked for.
    """

    linked: int
    loaded: Physical
    size: int
    offset: int
    file_size: int
    executable: bool
    moved: bool = False

    @property
    def address(self) -> Virtual:
        """The address at which the guest uses the segment."""
        return Virtual(self.linked) if self.moved else virtual_of(self.loaded)

    @property
    def shift(self) -> int:
        """The loaded address less the linked one."""
        return self.loaded - self.linked

    def of_linked(self, linked: int) -> Virtual:
        """Convert an address that code was linked for to the one at which it is used."""
        return Virtual(linked - self.linked + self.address)

    def has_linked(self, linked: int) -> bool:
        """Whether an address is one that it was linked for."""
        return self.linked <= linked < self.linked + self.size

    def within(self, ram: RamRange) -> "Placement | None":
        """The part of it that is loaded into RAM; None if none is."""
        start, end = max(self.loaded, ram.base), min(self.loaded + self.size, ram.end)
        if start >= end:
            return None
        before = start - self.loaded
        return replace(
            self,
            linked=self.linked + before,
            loaded=start,
            size=end - start,
            offset=self.offset + before,
            file_size=min(max(self.file_size - before, 0), end - start),
        )

    def has_section(self, section: Mapping[str, Any]) -> bool:
        """Whether a section is part of it, by its header; an empty one may be at either end."""
        start, size = section["sh_addr"], section["sh_size"]
        if not self.linked <= start <= start + size <= self.linked + self.size:
            return False
        if section["sh_type"] == "SHT_NOBITS":
            return True
        at = section["sh_offset"]
        return bool(self.offset <= at and at + size <= self.offset + self.file_size)


@dataclass(frozen=True)
class Placements:
    """Where all loaded segments of a file are, in order of where they are used.

    entry: pc at which the guest starts, None if it is in no segment.
    """

    segments: tuple[Placement, ...]
    entry: Virtual | None

    @classmethod
    def of(cls, elf: "ELFFile", ram: RamRange | None = None) -> "Placements":
        """The placements of a file's segments.

        ram: what alone is loaded into; without it nothing counts as moved by the guest.
        """
        headers = (segment.header for segment in elf.iter_segments("PT_LOAD"))
        found = [_placement(header) for header in headers if header["p_memsz"]]
        if ram is not None:
            found = [inside for one in found if (inside := one.within(ram)) is not None]
        start, entry = _start(found, elf["e_entry"])
        if start is not None and ram is not None:
            found = [_moved(one, start, ram) for one in found]
        return cls(tuple(sorted(found, key=lambda one: one.address)), entry)

    def of_linked(self, linked: int) -> Virtual:
        """Convert an address that code was linked for to the one at which it is used.

        An address in no segment stays as it is. Of several segments that were linked for the same
        address (overlays), one with code is taken before one with data.
        """
        found = [one for one in self.segments if one.has_linked(linked)]
        found.sort(key=lambda one: not one.executable)
        return found[0].of_linked(linked) if found else Virtual(linked)

    def has_linked(self, linked: int) -> bool:
        """Whether an address is one that a segment was linked for."""
        return any(one.has_linked(linked) for one in self.segments)

    def with_section(self, section: Mapping[str, Any]) -> Placement | None:
        """The segment that a section is part of, by its header; None if it is not loaded."""
        found = [one for one in self.segments if one.has_section(section)]
        found.sort(key=lambda one: not one.has_linked(section["sh_addr"]))
        return found[0] if found else None

    def at(self, address: Virtual) -> Placement | None:
        """The segment that is used at an address."""
        for one in self.segments:
            if one.address <= address < one.address + one.size:
                return one
        return None

    def initial(self, address: Virtual) -> Physical:
        """Convert an address of use to where its content is when the guest starts."""
        found = self.at(address)
        if found is None:
            return physical_of(address)
        distance = address - found.address
        return Physical(found.loaded + distance)


def _placement(header: Mapping[str, Any]) -> Placement:
    return Placement(
        header["p_vaddr"],
        Physical(header["p_paddr"]),
        header["p_memsz"],
        header["p_offset"],
        header["p_filesz"],
        bool(header["p_flags"] & EXECUTABLE),
    )


def _start(found: list[Placement], entry: int) -> tuple[Placement | None, Virtual | None]:
    """The segment that the guest starts in, and where; an entry may be given as it is loaded."""
    for one in found:
        if one.has_linked(entry):
            return one, virtual_of(Physical(entry + one.shift))
    for one in found:
        if one.loaded <= entry < one.loaded + one.size:
            return one, virtual_of(Physical(entry))
    return None, None


def _moved(placement: Placement, start: Placement, ram: RamRange) -> Placement:
    in_ram = ram.holds(physical_of(Virtual(placement.linked)), placement.size)
    if not in_ram or placement.shift in (0, start.shift):
        return placement
    return replace(placement, moved=True)


def elf_segments(path: Path | str, ram: tuple[int, int] | None = None) -> list[ElfSegment]:
    """The loaded segments of an ELF file, in order of address.

    ram: base and bytes of the guest's RAM, as `RunInfo` has them. With it, what is outside is left
    out, and a segment that the guest moves to another place in RAM, for which it was linked, is at
    that place.
    Raises ElfFileError for a file that can't be read.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with Path(path).open("rb") as file:
            found = Placements.of(ELFFile(file), RamRange.of(ram))
    except (OSError, ELFError) as error:
        raise ElfFileError(Path(path), str(error)) from error
    return [ElfSegment(one.address, one.size, one.offset, one.linked) for one in found.segments]
