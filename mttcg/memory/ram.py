"""Where guest RAM is, and guest RAM behind physical addresses with its bounds checked."""

from collections.abc import Iterator
from typing import NamedTuple

from mttcg.errors import MttcgError
from mttcg.memory.address import HostAddress, Physical, PhysicalPage
from mttcg.memory.page import PAGE

WORD_SIZE = 8
FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""Of numbers by their bytes, see `memoryview.cast`."""


class RamAddressError(MttcgError):
    """An access lies outside guest RAM."""

    def __init__(self, address: int, size: int, ram_base: int, ram_size: int) -> None:
        super().__init__(
            f"{size} bytes at {address:#x} are outside RAM, {ram_base:#x} to "
            f"{ram_base + ram_size - 1:#x}"
        )
        self.address, self.size = address, size


class RamRange(NamedTuple):
    """The physical addresses of RAM; whole pages."""

    base: Physical
    size: int
    """Bytes."""

    @classmethod
    def of(cls, plain: tuple[int, int] | None) -> "RamRange | None":
        """That of a base and a size, as users have them; None of None."""
        return None if plain is None else cls(Physical(plain[0]), plain[1])

    @property
    def end(self) -> Physical:
        """The first address behind it."""
        return Physical(self.base + self.size)

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return self.size // PAGE

    def holds(self, address: Physical, size: int = 1) -> bool:
        """Whether so many bytes at an address are all in it."""
        return self.base <= address <= self.end - size

    def offset_of(self, address: Physical) -> int:
        """Bytes from its start to an address, which is below 0 or beyond its size outside of it."""
        return address - self.base

    def page_of(self, address: Physical) -> PhysicalPage:
        """The page that has an address; that of one outside of RAM is no page of it."""
        return PhysicalPage((address - self.base) // PAGE)

    def pages_of(self, address: Physical, size: int) -> Iterator[PhysicalPage]:
        """The pages that so many bytes at an address lie in, in order."""
        last = self.page_of(Physical(address + size - 1))
        return map(PhysicalPage, range(self.page_of(address), last + 1))

    def has_page(self, page: PhysicalPage) -> bool:
        """Whether a page is one of it."""
        return 0 <= page < self.size // PAGE

    def start_of(self, page: PhysicalPage) -> Physical:
        """The first address of a page."""
        return Physical(self.base + page * PAGE)

    def host_of(self, address: Physical, mapping: HostAddress) -> HostAddress:
        """The door from physical to host: where an address is, if RAM is mapped at `mapping`."""
        return HostAddress(mapping + address - self.base)


class GuestRam:
    """Guest RAM behind guest physical addresses."""

    def __init__(self, base: Physical, buffer: memoryview) -> None:
        """Show `buffer` (writable, contiguous) as the RAM that begins at `base`."""
        self.range = RamRange(base, buffer.nbytes)
        self.base, self.size = self.range
        self._bytes = buffer.cast("B")
        self._words = self._bytes[: self.size // WORD_SIZE * WORD_SIZE].cast("Q")

    def read(self, address: Physical, size: int) -> bytes:
        """Return `size` bytes at `address`; raises `RamAddressError` if they are not all in RAM."""
        start = self._offset(address, size)
        # Shared: any hart may write here; the guest orders that, bytes may be of different ages.
        return bytes(self._bytes[start : start + size])

    def write(self, address: Physical, data: bytes) -> None:
        """Store `data` at `address`; raises `RamAddressError` if it is not all in RAM."""
        start = self._offset(address, len(data))
        # Shared: any hart may read or write here; the guest orders that.
        self._bytes[start : start + len(data)] = data

    def view(self, address: Physical, size: int) -> memoryview:
        """Show `size` bytes at `address` as they are; raises `RamAddressError`."""
        start = self._offset(address, size)
        # Shared: any hart may write here, also while it is read; the guest orders that.
        return self._bytes[start : start + size]

    def load(self, address: Physical, size: int) -> int:
        """What a hart's load of 1, 2, 4 or 8 bytes reads, in one load of the host."""
        return int(self._number(address, size)[0])

    def store(self, address: Physical, size: int, value: int) -> None:
        """Do what a hart's store does, in one store of the host: copying bytes may store twice."""
        self._number(address, size)[0] = value

    def _number(self, address: Physical, size: int) -> "memoryview[int]":
        start = self._offset(address, size)
        return self._bytes[start : start + size].cast(FORMATS[size])  # type: ignore[call-overload, no-any-return]

    def read_word(self, address: Physical) -> int:
        """Return the little-endian 64-bit word at an 8-byte aligned `address`, never torn."""
        # Shared: written by any hart; one aligned 8-byte load of the host, hence one value.
        return self._words[self._word_index(address)]

    def write_word(self, address: Physical, value: int) -> None:
        """Store a 64-bit word at an 8-byte aligned `address`, never torn."""
        # Shared: read by any hart; one aligned 8-byte store of the host, hence one value.
        self._words[self._word_index(address)] = value

    def _word_index(self, address: Physical) -> int:
        if address % WORD_SIZE:
            raise RamAddressError(address, WORD_SIZE, self.base, self.size)
        return self._offset(address, WORD_SIZE) // WORD_SIZE

    def _offset(self, address: Physical, size: int) -> int:
        """Return where in the buffer the access begins."""
        if not self.range.holds(address, size):
            raise RamAddressError(address, size, self.base, self.size)
        return self.range.offset_of(address)
