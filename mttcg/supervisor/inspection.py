"""Registers and memory of a guest that stands still, read and written from outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mttcg.errors import UserError
from mttcg.isa.system import Clock, System
from mttcg.memory.address import Physical, Virtual, physical_of
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import VcpuState

SPACES = ("virtual", "physical")
LARGEST_PIECE = 32 << 10
"""Bytes that one command reads or writes."""


class InspectionError(UserError):
    """A vCPU or address that there is not."""


class Inspection:
    """All harts and the RAM of a machine; every method is for when no vCPU runs.

    Raises InspectionError, RegisterError.
    """

    def __init__(
        self, harts: Sequence[VcpuState], ram: GuestRam, clock: Clock, system: System[Any]
    ) -> None:
        self.harts, self.ram, self.clock, self.system = harts, ram, clock, system

    def hart(self, cpu: int) -> VcpuState:
        """A hart by its number."""
        if not 0 <= cpu < len(self.harts):
            raise InspectionError(f"there is no vCPU {cpu}; expected 0 to {len(self.harts) - 1}")
        return self.harts[cpu]

    def read_registers(self, cpu: int, names: Iterable[str] = ()) -> dict[str, int]:
        """Registers by name, all that are worth it without `names`."""
        hart, read = self.hart(cpu), self.system.read_register
        names = names or self.system.register_names
        return {name: read(hart, name, self.clock) for name in names}

    def write_registers(self, cpu: int, values: Mapping[str, Any]) -> dict[str, int]:
        """Write all, or none if one of them can't be; what they have then."""
        hart, system = self.hart(cpu), self.system
        for name, value in values.items():
            system.check_writable(name, value)
        for name, value in values.items():
            # only here, while its vCPU stands still, does another process write into a hart's state
            system.write_register(hart, name, value)
        return self.read_registers(cpu, values) if values else {}

    def read_memory(self, cpu: int, space: str, address: int, size: int) -> tuple[bytes, Physical]:
        """Bytes of RAM, and their physical address."""
        physical = self._physical(cpu, space, address, size)
        return self.ram.read(physical, size), physical

    def write_memory(self, cpu: int, space: str, address: int, data: bytes) -> Physical:
        """Write bytes of RAM; their physical address."""
        physical = self._physical(cpu, space, address, len(data))
        self.ram.write(physical, data)  # no vCPU runs, so nobody else writes here
        return physical

    def _physical(self, cpu: int, space: str, address: int, size: int) -> Physical:
        """The physical address of what a hart sees at an address of a space."""
        self.hart(cpu)
        if space not in SPACES:
            raise InspectionError(f"space {space!r}; expected {' or '.join(SPACES)}")
        if size > LARGEST_PIECE:
            raise InspectionError(f"{size} bytes at once; expected at most {LARGEST_PIECE}")
        found = physical_of(Virtual(address)) if space == "virtual" else Physical(address)
        if not self.ram.range.holds(found, size):
            ram = f"{self.ram.base:#x} to {self.ram.range.end:#x}"
            raise InspectionError(f"{size} bytes at {address:#x} are not RAM; expected {ram}")
        return found
