"""Loads and stores that the host makes in an instruction's place, and tells the plan of."""

from mttcg.engine.base import Engine
from mttcg.isa.facts import Access
from mttcg.memory.address import Virtual
from mttcg.memory.ram import GuestRam
from mttcg.vcpu.host.places import MemoryPart, load_parts, store_parts
from mttcg.vcpu.machine.devices import AccessedDevice

Place = tuple[tuple[AccessedDevice, int] | None, list[MemoryPart]]
"""The device that is accessed, and at which offset, None if it is RAM; and where in memory."""


def load(
    engine: Engine, ram: GuestRam, pc: Virtual, access: Access, address: Virtual, place: Place
) -> int:
    """Read; the plan is told before the register has the value, as with plain RAM."""
    found, parts = place
    if found is not None:
        value = int(found[0].read(found[1], access.size))
    else:
        value = load_parts(ram, parts)
    engine.observe(pc, address, access.size, value, False)
    write = engine.write_f if access.floating else engine.write_x
    write(access.register, access.extend(value))
    return value


def store(
    engine: Engine, ram: GuestRam, pc: Virtual, access: Access, address: Virtual, place: Place
) -> int:
    """Write; the plan is told before, as with plain RAM."""
    found, parts = place
    read = engine.read_f if access.floating else engine.read_x
    value = int(read(access.register)) & (1 << 8 * access.size) - 1
    engine.observe(pc, address, access.size, value, True)
    if found is not None:
        found[0].write(found[1], access.size, value)
    else:
        store_parts(ram, parts, value)
    return value
