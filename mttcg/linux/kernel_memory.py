"""The kernel's memory at its own virtual addresses, and the structures in it."""

from collections.abc import Sequence

from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_isa import KernelIsa
from mttcg.linux.layout import Layout
from mttcg.memory.address import Physical, Virtual, offset_in_page, page_start
from mttcg.memory.page import PAGE
from mttcg.memory.ram import WORD_SIZE, GuestRam


class KernelMemory:
    """RAM as the kernel sees it at one moment: what was looked up is kept.

    Args:
        ram: guest RAM.
        isa: walks page tables.
        tables: page tables that harts have: the kernel is in all of them, but what it has mapped
            since (its stacks, modules) at first only in those of who came to it.
        layout: of the kernel's structures.

    Every method raises KernelDataError for what is not mapped, or no RAM.
    """

    def __init__(
        self, ram: GuestRam, isa: KernelIsa, tables: Sequence[int], layout: Layout
    ) -> None:
        self.ram, self.isa, self.tables, self.layout = ram, isa, tables, layout
        self.pages: dict[Virtual, Physical] = {}

    def physical(self, address: int) -> Physical:
        """Where an address of the kernel's is."""
        page = page_start(Virtual(address))
        if page not in self.pages:
            found = self._look_up(page)
            if found is None:
                wrong = f"there is no memory at {address:#x}"
                raise KernelDataError("the kernel", wrong, "its structures")
            self.pages[page] = found
        return Physical(self.pages[page] + offset_in_page(Virtual(address)))

    def with_space(self, space: int) -> "KernelMemory":
        """Memory as an address space has it, by the page number of its root."""
        tables = [self.isa.with_space(self.tables[0], space)]
        return KernelMemory(self.ram, self.isa, tables, self.layout)

    def find(self, page: int) -> Physical | None:
        """Where the page at an address is, None if it is not in RAM."""
        return self._look_up(Virtual(page))

    def _look_up(self, page: Virtual) -> Physical | None:
        places = (self.isa.look_up(each, page, self._read_word) for each in self.tables)
        mapped = (place for place in places if place is not None)
        return next((place for place in mapped if self.ram.range.holds(place, PAGE)), None)

    def _read_word(self, address: Physical) -> int | None:
        return self.ram.read_word(address) if self.ram.range.holds(address, WORD_SIZE) else None

    def read(self, address: int, size: int) -> bytes:
        """Bytes at an address."""
        found = bytearray()
        while size > 0:
            piece = min(size, PAGE - offset_in_page(Virtual(address)))
            found += self.ram.read(self.physical(address), piece)
            address, size = address + piece, size - piece
        return bytes(found)

    def number(self, address: int, size: int = WORD_SIZE) -> int:
        """A little-endian number at an address: a word in one load, if it is aligned."""
        if size == WORD_SIZE and address % WORD_SIZE == 0:
            return self.ram.read_word(self.physical(address))
        return int.from_bytes(self.read(address, size), "little")

    def member(self, structure: int, name: str) -> int:
        """A member of the structure at an address, as a number: "task_struct.pid"."""
        place = self.layout[name]
        return self.number(structure + place.offset, place.size)

    def store(self, structure: int, name: str, value: int) -> None:
        """Write a member that is a word."""
        self.ram.write_word(self.physical(structure + self.layout[name].offset), value)

    def text(self, structure: int, name: str) -> str:
        """A member that is text, up to its end."""
        place = self.layout[name]
        found = self.read(structure + place.offset, place.size)
        return found.split(b"\0")[0].decode("utf-8", "replace")

    def place(self, structure: int, name: str) -> int:
        """The address of a member of the structure at an address."""
        return structure + self.layout[name].offset

    def listed(self, head: int, name: str, most: int) -> list[int]:
        """The structures of a list, which are linked by a member; `head`: address of its head.

        Raises KernelDataError if there are more than `most`: then it does not end.
        """
        offset = self.layout[name].offset
        found: list[int] = []
        at = self.number(head)
        while at != head:
            if len(found) == most:
                raise KernelDataError(
                    "the kernel", f"its list of {name.split('.')[0]} has no end", "a list"
                )
            found.append(at - offset)
            at = self.number(at)
        return found
