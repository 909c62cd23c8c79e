"""Storing zeros to a block of memory, where translated code has left that to the host."""

from mttcg.engine.base import AccessRefused, Engine, Exit
from mttcg.isa.facts import Access
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import Physical, Virtual
from mttcg.memory.ram import GuestRam

WIDEST = 8
"""Bytes of the widest access that is made at once."""


def zero_block(
    engine: Engine, ram: GuestRam, left: Exit, access: Access, address: Virtual
) -> AccessRefused | None:
    """Zero the block around an address, and go on behind the instruction.

    What keeps it from that, and nothing is done, if not all of it is RAM, and may be written.
    """
    first = Virtual(address & -access.size)
    place = engine.translate(first, access.size, True)
    if isinstance(place, AccessRefused):
        return place
    if not ram.range.holds(place, access.size):
        return AccessRefused(MemoryFault.STORE, first)
    for distance in range(0, access.size, WIDEST):
        engine.observe(left.pc, Virtual(first + distance), WIDEST, 0, True)
        ram.store(Physical(place + distance), WIDEST, 0)
    hart = engine.hart
    hart.pc = Virtual(left.pc + engine.cache.code.facts(left.word).length)
    engine.retired(left.pc, left.word, hart.pc)
    engine.resume(hart.pc)
    return None
