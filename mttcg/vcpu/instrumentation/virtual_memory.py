"""RAM as a hart sees it at virtual addresses, for who looks at it from outside of the guest.

Page tables are walked as they are now. Nothing is changed by that, and whoever looks may see all
that is mapped.
"""

from collections.abc import Iterator
from typing import Any

from mttcg.isa.system import System
from mttcg.memory.address import Physical, Virtual, offset_in_page
from mttcg.memory.page import PAGE
from mttcg.memory.ram import WORD_SIZE, GuestRam
from mttcg.state.vcpu_state import VcpuState


class VirtualMemory:
    """Guest RAM behind page tables.

    Args:
        ram: guest RAM.
        system: of the harts' ISA.
    """

    def __init__(self, ram: GuestRam, system: System[Any]) -> None:
        self.ram, self.system = ram, system

    def physical(self, hart: VcpuState, address: Virtual) -> Physical | None:
        """The physical address of a virtual one; None if it has none."""
        return self.system.look_up(hart, address, self._read_word)

    def _read_word(self, address: Physical) -> int | None:
        return self.ram.read_word(address) if self.ram.range.holds(address, WORD_SIZE) else None

    def _pieces(
        self, hart: VcpuState, address: Virtual, size: int
    ) -> Iterator[tuple[Physical, int] | None]:
        """The physical addresses of a range, page by page, and their bytes; None where it ends."""
        while size > 0:
            piece = min(size, PAGE - offset_in_page(address))
            found = self.physical(hart, address)
            yield (
                None
                if found is None or not self.ram.range.holds(found, piece)
                else (
                    found,
                    piece,
                )
            )
            address, size = Virtual(address + piece), size - piece

    def find(
        self, hart: VcpuState, address: Virtual, size: int
    ) -> list[tuple[Physical, int]] | None:
        """Where so many bytes are, in order; None if they are not all in RAM."""
        pieces = list(self._pieces(hart, address, size))
        found = [piece for piece in pieces if piece is not None]
        return found if len(found) == len(pieces) else None

    def read(self, pieces: list[tuple[Physical, int]]) -> bytes:
        """The bytes of some pieces."""
        return b"".join(self.ram.read(*piece) for piece in pieces)

    def write(self, pieces: list[tuple[Physical, int]], data: bytes) -> None:
        """Write bytes to some pieces. Every vCPU may write there as well."""
        for place, size in pieces:
            self.ram.write(place, data[:size])
            data = data[size:]
