"""Storing zeros to a block of memory, where translated code has left that to the host."""

from mttcg.engine.base import Engine, Exit
from mttcg.isa.facts import Access
from mttcg.memory.address import Virtual, physical_of
from mttcg.memory.ram import GuestRam

WIDEST = 8
"""Bytes of the widest access that is made at once."""


def zero_block(engine: Engine, ram: GuestRam, left: Exit, access: Access, address: Virtual) -> bool:
    """Zero the block around an address, and go on behind the instruction.

    False, and nothing is done, if not all of it is RAM.
    """
    first = Virtual(address & -access.size)
    if not ram.range.holds(physical_of(first), access.size):
        return False
    for at in range(first, first + access.size, WIDEST):
        engine.observe(left.pc, Virtual(at), WIDEST, 0, True)
        ram.store(physical_of(Virtual(at)), WIDEST, 0)
    hart = engine.hart
    hart.pc = Virtual(left.pc + engine.cache.code.facts(left.word).length)
    engine.retired(left.pc, left.word, hart.pc)
    engine.resume(hart.pc)
    return True
