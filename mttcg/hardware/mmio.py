"""Which device answers at which guest physical address."""

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple, Protocol

from mttcg.errors import MttcgError
from mttcg.memory.address import Physical
from mttcg.memory.ram import RamRange

ADDRESS_SPACE = 1 << 64
"""Bytes that a 64-bit physical address can name."""


class Device(Protocol):
    """What the map needs of a device. Offsets are in bytes from the device's first address."""

    @property
    def name(self) -> str:
        """Short name for reports and errors."""

    @property
    def size(self) -> int:
        """Bytes of address space that it takes."""

    @property
    def in_ram(self) -> bool:
        """Whether it overlays RAM (HTIF) rather than having addresses of its own."""

    def read(self, offset: int, size: int) -> int:
        """Return the value of `size` (1, 2, 4 or 8) bytes at `offset`, zero-extended."""

    def write(self, offset: int, size: int, value: int) -> None:
        """Take a write of the low `size` (1, 2, 4 or 8) bytes of `value` at `offset`."""


class MmioRange(NamedTuple):
    """Where a device is."""

    base: Physical
    """Address of its first byte."""
    size: int
    """Bytes."""
    device: Device

    @property
    def end(self) -> Physical:
        """First address after the device."""
        return Physical(self.base + self.size)

    def __str__(self) -> str:
        """Name the device and its addresses."""
        return f"{self.device.name} at {self.base:#x} to {self.end - 1:#x}"


class MmioRangeError(MttcgError):
    """A device can't be placed where it was asked to be."""

    def __init__(self, message: str, device: str, other: str | None = None) -> None:
        super().__init__(message)
        self.device, self.other = device, other


class MmioEmptyError(MmioRangeError):
    """A device takes no addresses."""

    def __init__(self, base: Physical, device: Device) -> None:
        super().__init__(f"device {device.name} at {base:#x} is empty", device.name)


class MmioOverflowError(MmioRangeError):
    """A device does not fit the 64-bit address space."""

    def __init__(self, base: Physical, device: Device) -> None:
        size = device.size
        message = f"device {device.name} of {size:#x} bytes at {base:#x} does not fit 64 bits"
        super().__init__(message, device.name)


class MmioOverlapError(MmioRangeError):
    """Two devices would answer at one address."""

    def __init__(self, placed: MmioRange, other: MmioRange) -> None:
        message = f"device {placed} overlaps device {other}"
        super().__init__(message, placed.device.name, other.device.name)


class MmioInRamError(MmioRangeError):
    """A device touches RAM without overlaying it, or overlays more than RAM."""

    def __init__(self, placed: MmioRange, ram: RamRange) -> None:
        verb = "is not all within" if placed.device.in_ram else "overlaps"
        where = f"RAM at {ram.base:#x} to {ram.end - 1:#x}"
        super().__init__(f"device {placed} {verb} {where}", placed.device.name, "RAM")


class MmioMap:
    """Devices by address; ranges never overlap."""

    def __init__(
        self,
        ram_base: Physical,
        ram_size: int,
        on_nothing: Callable[[Physical], None] = lambda _address: None,
    ) -> None:
        """Start with no device, beside RAM of `ram_size` bytes at `ram_base`.

        `on_nothing` is called with each address that is looked for where nothing is.
        """
        self._on_nothing = on_nothing
        self._ram = RamRange(ram_base, ram_size)
        self._ranges: list[MmioRange] = []
        self._bases: list[int] = []

    def add(self, base: Physical, device: Device) -> None:
        """Place `device` with its first byte at guest physical address `base`.

        Raises a `MmioRangeError`, and changes nothing, if the range is empty, does not fit the
        address space, overlaps another device, or touches RAM (a device with `in_ram` has to lie
        within RAM).
        """
        placed = MmioRange(base, device.size, device)
        self._check(placed)
        index = bisect_right(self._bases, base)
        self._ranges.insert(index, placed)
        self._bases.insert(index, base)

    def find(self, address: Physical, size: int) -> tuple[Device, int] | None:
        """Return the device that answers all `size` bytes at `address`, and the offset in it.

        None if there is none, or if the access reaches beyond the device's end.
        """
        index = bisect_right(self._bases, address) - 1
        if index >= 0 and address + size <= self._ranges[index].end:
            placed = self._ranges[index]
            return placed.device, address - placed.base
        if not self._ram.holds(address, size):
            self._on_nothing(address)
        return None

    def ranges(self) -> tuple[MmioRange, ...]:
        """Return all ranges, in order of address."""
        return tuple(self._ranges)

    def _check(self, placed: MmioRange) -> None:
        if placed.size <= 0:
            raise MmioEmptyError(placed.base, placed.device)
        if placed.base < 0 or placed.end > ADDRESS_SPACE:
            raise MmioOverflowError(placed.base, placed.device)
        for other in self._ranges:
            if placed.base < other.end and other.base < placed.end:
                raise MmioOverlapError(placed, other)
        touches = placed.base < self._ram.end and self._ram.base < placed.end
        within = self._ram.holds(placed.base, placed.size)
        if (placed.device.in_ram and not within) or (touches and not placed.device.in_ram):
            raise MmioInRamError(placed, self._ram)
