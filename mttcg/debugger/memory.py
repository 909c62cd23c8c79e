"""Memory as packets have it: at an address, so many bytes."""

from mttcg.debugger.guest import DebuggedGuest, RefusedError
from mttcg.debugger.packets import LONGEST

MOST_READ = LONGEST // 2 - 8
"""Bytes that fit a packet, two digits each."""


def place_of(text: bytes) -> tuple[int, int]:
    """Read ADDRESS,SIZE."""
    address, _, size = text.partition(b",")
    return int(address, 16), int(size, 16)


class MemoryPackets:
    """The memory of a guest, as a hart sees it.

    Args:
        guest: the guest.
    """

    def __init__(self, guest: DebuggedGuest) -> None:
        self.guest = guest

    def read(self, cpu: int, rest: bytes) -> bytes:
        """ADDRESS,SIZE: the bytes, as digits."""
        address, size = place_of(rest)
        return self.guest.read_memory(cpu, address, min(size, MOST_READ)).hex().encode()

    def write(self, cpu: int, rest: bytes, in_digits: bool) -> None:
        """ADDRESS,SIZE:DATA, the data as digits or as it is."""
        place, _, data = rest.partition(b":")
        address, size = place_of(place)
        data = bytes.fromhex(data.decode()) if in_digits else data
        if size != len(data):
            raise RefusedError(f"{len(data)} bytes are given for {size}")
        if size:
            self.guest.write_memory(cpu, address, data)
