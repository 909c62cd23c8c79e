"""Registers and memory of a guest that stands still, read and written from outside."""

from collections.abc import Iterable, Mapping
from typing import Any

from mttcg.errors import UserError
from mttcg.hardware.board import RAM_BASE
from mttcg.isa.riscv64.csr import CSRS, Clock, Csr
from mttcg.isa.riscv64.registers import FLOAT, INDEX, INTEGER
from mttcg.isa.riscv64.state import Hart
from mttcg.state.words import MASK

SPACES = ("virtual", "physical")
LARGEST_PIECE = 32 << 10
"""Bytes that one command reads or writes."""
CSR_BY_NAME = {csr.name: csr for csr in CSRS.values()}
NOT_SHOWN = ("mhpm", "pmp", "time")
"""CSRs that are constant, or no state of the hart: read when they are named, only."""
WRITABLE = "mstatus mie mtvec mcounteren mscratch mepc mcause mtval mcycle minstret".split()
COUNTS = ("mcycle", "minstret", "cycle", "instret")
"""What an instruction that reads them has not counted itself yet; here none reads them."""


class InspectionError(UserError):
    """A register or address that there is not, or a value that it can't have."""


class Inspection:
    """All harts and the RAM of a machine; every method is for when no vCPU runs.

    Raises InspectionError.
    """

    def __init__(self, harts: list[Hart], ram: memoryview, clock: Clock) -> None:
        self.harts, self.ram, self.clock = harts, ram, clock
        self.names = (
            "pc",
            *INTEGER,
            *FLOAT,
            "fcsr",
            *(name for name in CSR_BY_NAME if not name.startswith(NOT_SHOWN)),
        )

    def hart(self, cpu: int) -> Hart:
        """A hart by its number."""
        if not 0 <= cpu < len(self.harts):
            raise InspectionError(f"there is no vCPU {cpu}; expected 0 to {len(self.harts) - 1}")
        return self.harts[cpu]

    def read_registers(self, cpu: int, names: Iterable[str] = ()) -> dict[str, int]:
        """Registers by name, all that are worth it without `names`."""
        hart = self.hart(cpu)
        return {name: self._read(hart, name) for name in names or self.names}

    def write_registers(self, cpu: int, values: Mapping[str, Any]) -> dict[str, int]:
        """Write all, or none if one of them can't be; what they have then."""
        hart = self.hart(cpu)
        for name, value in values.items():
            _check_writable(name, value)
        for name, value in values.items():
            self._write(hart, name, value)
        return {name: self._read(hart, name) for name in values}

    def _read(self, hart: Hart, name: str) -> int:
        if name in CSR_BY_NAME:
            value = CSR_BY_NAME[name].read(hart, self.clock)
            return value + 1 & MASK if name in COUNTS else value
        if name == "fcsr":
            return hart.fcsr
        file, number = _place(name)
        return hart.pc if file == "pc" else int((hart.x if file == "x" else hart.f)[number])

    @staticmethod
    def _write(hart: Hart, name: str, value: int) -> None:
        # only here, while its vCPU stands still, does another process write into a hart's state
        csr: Csr | None = CSR_BY_NAME.get(name)
        if csr is not None and csr.write is not None:
            csr.write(hart, value)
            return
        if name == "fcsr":
            hart.fcsr = value & 0xFF
            return
        file, number = _place(name)
        if file == "pc":
            hart.pc = value
        elif file == "x":
            hart.write_x(number, value)
        else:
            hart.f[number] = value

    def read_memory(self, cpu: int, space: str, address: int, size: int) -> tuple[bytes, int]:
        """Bytes of RAM, and their physical address."""
        physical = self._physical(cpu, space, address, size)
        at = physical - RAM_BASE
        return bytes(self.ram[at : at + size]), physical

    def write_memory(self, cpu: int, space: str, address: int, data: bytes) -> int:
        """Write bytes of RAM; their physical address."""
        physical = self._physical(cpu, space, address, len(data))
        at = physical - RAM_BASE
        self.ram[at : at + len(data)] = data  # no vCPU runs, so nobody else writes here
        return physical

    def _physical(self, cpu: int, space: str, address: int, size: int) -> int:
        """The physical address; every hart is in machine mode, where that is the address itself."""
        self.hart(cpu)
        if space not in SPACES:
            raise InspectionError(f"space {space!r}; expected {' or '.join(SPACES)}")
        if size > LARGEST_PIECE:
            raise InspectionError(f"{size} bytes at once; expected at most {LARGEST_PIECE}")
        if not RAM_BASE <= address <= RAM_BASE + len(self.ram) - size:
            ram = f"{RAM_BASE:#x} to {RAM_BASE + len(self.ram):#x}"
            raise InspectionError(f"{size} bytes at {address:#x} are not RAM; expected {ram}")
        return address


def _place(name: str) -> tuple[str, int]:
    try:
        return INDEX[name]
    except KeyError:
        wrong = f"there is no register {name!r}; expected a0, x10, fa0, pc, mstatus or the like"
        raise InspectionError(wrong) from None


def _check_writable(name: str, value: Any) -> None:
    if name in CSR_BY_NAME and name not in WRITABLE:
        raise InspectionError(f"{name} can't be written; expected {', '.join(WRITABLE)}")
    if name not in CSR_BY_NAME and name != "fcsr":
        _place(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MASK:
        raise InspectionError(f"{name}: {value!r}; expected an unsigned 64-bit value")
    if name == "pc" and value % 2:
        raise InspectionError(f"pc: {value:#x} is odd; expected the address of an instruction")
