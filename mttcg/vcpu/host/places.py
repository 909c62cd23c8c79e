"""Where an access that the host makes is in physical memory: in one place, or in two pages."""

from typing import NamedTuple

from mttcg.engine.base import AccessRefused, Engine
from mttcg.memory.address import Physical, Virtual, offset_in_page
from mttcg.memory.page import PAGE
from mttcg.memory.ram import GuestRam


class MemoryPart(NamedTuple):
    """So many bytes at a physical address."""

    address: Physical
    size: int


def find_places(
    engine: Engine, address: Virtual, size: int, stores: bool
) -> list[MemoryPart] | AccessRefused:
    """The places of an access; what lies in two pages is one if they follow each other."""
    inside = PAGE - offset_in_page(address)
    first = engine.translate(address, min(size, inside), stores)
    if isinstance(first, AccessRefused):
        return first
    if size <= inside:
        return [MemoryPart(first, size)]
    second = engine.translate(Virtual(address + inside), size - inside, stores)
    if isinstance(second, AccessRefused):
        return second
    if second == first + inside:
        return [MemoryPart(first, size)]
    return [MemoryPart(first, inside), MemoryPart(second, size - inside)]


def load_parts(ram: GuestRam, places: list[MemoryPart]) -> int:
    """What is there: in one load of the host, or in as many as there are bytes."""
    if len(places) == 1:
        return ram.load(*places[0])
    return int.from_bytes(b"".join(ram.read(*place) for place in places), "little")


def store_parts(ram: GuestRam, places: list[MemoryPart], value: int) -> None:
    """Store a number there, in the same way."""
    if len(places) == 1:
        ram.store(*places[0], value)
        return
    data = value.to_bytes(sum(place.size for place in places), "little")
    for place in places:
        ram.write(place.address, data[: place.size])
        data = data[place.size :]
