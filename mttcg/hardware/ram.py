"""Guest RAM as devices and loaders see it: by guest physical address, with its bounds checked."""

from mttcg.errors import MttcgError

WORD_SIZE = 8


class RamAddressError(MttcgError):
    """An access lies outside guest RAM."""

    def __init__(self, address: int, size: int, ram_base: int, ram_size: int) -> None:
        super().__init__(
            f"{size} bytes at {address:#x} are outside RAM, {ram_base:#x} to "
            f"{ram_base + ram_size - 1:#x}"
        )
        self.address, self.size = address, size


class GuestRam:
    """Guest RAM behind guest physical addresses."""

    def __init__(self, base: int, buffer: memoryview) -> None:
        """Show `buffer` (writable, contiguous) as the RAM that begins at guest address `base`."""
        self.base = base
        self.size = buffer.nbytes
        self._bytes = buffer.cast("B")
        self._words = self._bytes[: self.size // WORD_SIZE * WORD_SIZE].cast("Q")

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes at `address`; raises `RamAddressError` if they are not all in RAM."""
        start = self._offset(address, size)
        # Shared: any hart may write here; the guest orders that, bytes may be of different ages.
        return bytes(self._bytes[start : start + size])

    def write(self, address: int, data: bytes) -> None:
        """Store `data` at `address`; raises `RamAddressError` if it is not all in RAM."""
        start = self._offset(address, len(data))
        # Shared: any hart may read or write here; the guest orders that.
        self._bytes[start : start + len(data)] = data

    def read_word(self, address: int) -> int:
        """Return the little-endian 64-bit word at an 8-byte aligned `address`, never torn."""
        # Shared: written by any hart; one aligned 8-byte load of the host, hence one value.
        return self._words[self._word_index(address)]

    def write_word(self, address: int, value: int) -> None:
        """Store a 64-bit word at an 8-byte aligned `address`, never torn."""
        # Shared: read by any hart; one aligned 8-byte store of the host, hence one value.
        self._words[self._word_index(address)] = value

    def _word_index(self, address: int) -> int:
        if address % WORD_SIZE:
            raise RamAddressError(address, WORD_SIZE, self.base, self.size)
        return self._offset(address, WORD_SIZE) // WORD_SIZE

    def _offset(self, address: int, size: int) -> int:
        """Return where in the buffer the access begins."""
        start = address - self.base
        if start < 0 or start + size > self.size:
            raise RamAddressError(address, size, self.base, self.size)
        return start
