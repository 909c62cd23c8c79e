"""Registers and memory of a guest that stands still, read and written from outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mttcg.errors import UserError
from mttcg.isa.system import Clock, System
from mttcg.memory.address import Physical, Virtual
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import VcpuState
from mttcg.vcpu.instrumentation.virtual_memory import VirtualMemory

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
        self.memory = VirtualMemory(ram, system)

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
        pieces = self._find(cpu, space, address, size)
        return self.memory.read(pieces), pieces[0][0]

    def write_memory(self, cpu: int, space: str, address: int, data: bytes) -> Physical:
        """Write bytes of RAM; their physical address."""
        pieces = self._find(cpu, space, address, len(data))
        self.memory.write(pieces, data)  # no vCPU runs, so nobody else writes here
        return pieces[0][0]

    def _find(self, cpu: int, space: str, address: int, size: int) -> list[tuple[Physical, int]]:
        """The physical addresses of what a hart sees at an address of a space, and their bytes."""
        hart = self.hart(cpu)
        if space not in SPACES:
            raise InspectionError(f"space {space!r}; expected {' or '.join(SPACES)}")
        if not 0 <= size <= LARGEST_PIECE:
            raise InspectionError(f"{size} bytes at once; expected 0 to {LARGEST_PIECE}")
        found: list[tuple[Physical, int]] | None = [(Physical(address), size)]
        if space == "virtual" and size:
            found = self.memory.find(hart, Virtual(address), size)
        if found is None or not self.ram.range.holds(*found[0]):
            ram = f"{self.ram.base:#x} to {self.ram.range.end:#x}"
            raise InspectionError(f"{size} bytes at {address:#x} are not RAM; expected {ram}")
        return found
