"""What the run loop needs of the board's devices."""

from typing import Protocol

from mttcg.memory.address import Physical


class AccessedDevice(Protocol):
    """See `mttcg.hardware.mmio.Device`."""

    @property
    def name(self) -> str:
        """See Device."""

    def read(self, offset: int, size: int) -> int:
        """See Device."""

    def write(self, offset: int, size: int, value: int) -> None:
        """See Device."""


class Devices(Protocol):
    """See `mttcg.hardware.mmio.MmioMap`."""

    def find(self, address: Physical, size: int) -> tuple[AccessedDevice, int] | None:
        """The device that answers all of an access, and the offset in it; None if none does."""
