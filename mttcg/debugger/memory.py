"""Memory as packets have it: at an address, so many bytes."""

import re

from mttcg.debugger.guest import DebuggedGuest, RefusedError
from mttcg.debugger.packets import LONGEST

MOST_READ = LONGEST // 2 - 8
"""Bytes that fit a packet, two digits each."""


PLACE = re.compile(rb"([0-9a-fA-F]{1,16}),([0-9a-fA-F]{1,16})")


def place_of(text: bytes) -> tuple[int, int]:
    """Read ADDRESS,SIZE, each of at most 64 bits; ValueError for anything else."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1], 16), int(found[2], 16)


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
