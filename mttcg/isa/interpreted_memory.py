"""The memory of the interpreter, and what ends an instruction before its end."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mttcg.isa.operations import Amo
from mttcg.isa.system import MemoryFault, Trap
from mttcg.memory.address import Virtual


@dataclass(frozen=True)
class Left:
    """An instruction that the host has to run; the state is that before it."""

    word: int


class Stopped(Exception):  # noqa: N818 - no error: how an instruction ends before its end
    """The instruction does not complete."""

    def __init__(self, outcome: Trap | Left) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def unsigned(value: int, bits: int) -> int:
    """The low bits as an unsigned number."""
    return value & (1 << bits) - 1


def signed(value: int, bits: int) -> int:
    """The low bits as a signed number."""
    half = 1 << bits - 1
    return (value + half & 2 * half - 1) - half


Interpretation = Callable[[int, int], int]
"""How an operand is read: `unsigned` or `signed`, of so many bits."""

_AMO: dict[Amo, tuple[Interpretation, Callable[[int, int], int]]] = {
    "swap": (unsigned, lambda _, value: value),
    "add": (unsigned, operator.add),
    "xor": (unsigned, operator.xor),
    "and": (unsigned, operator.and_),
    "or": (unsigned, operator.or_),
    "min": (signed, min),
    "max": (signed, max),
    "minu": (unsigned, min),
    "maxu": (unsigned, max),
}


@dataclass
class InterpretedMemory:
    """The part of `Operations` that goes to memory, which lies at guest address `base`.

    `pc` is that of the instruction. `reservation` is the address of the last LR and what it read
    there, zero-extended.
    """

    causes: ClassVar[Mapping[MemoryFault, int]]
    """The codes of the ISA's traps for accesses that can't be made."""
    memory: bytearray = field(default_factory=bytearray)
    base: int = 0
    pc: Virtual = Virtual(0)
    reservation: tuple[int, int] | None = field(default=None, kw_only=True)

    def load(self, address: int, size: int) -> int:
        """See Operations."""
        at = self._place(address, size, MemoryFault.LOAD)
        return int.from_bytes(self.memory[at : at + size], "little")

    def store(self, address: int, size: int, value: int) -> None:
        """See Operations."""
        at = self._place(address, size, MemoryFault.STORE)
        self.memory[at : at + size] = unsigned(value, 8 * size).to_bytes(size, "little")

    def load_reserved(self, address: int, size: int) -> int:
        """See Operations."""
        self._align(address, size, MemoryFault.LOAD_MISALIGNED)
        value = self.load(address, size)
        self.reservation = (address, value)
        return value

    def store_conditional(self, address: int, size: int, value: int) -> int:
        """See Operations. As on the host: a compare-and-swap against what LR read."""
        self._align(address, size, MemoryFault.STORE_MISALIGNED)
        self._place(address, size, MemoryFault.STORE)
        reservation, self.reservation = self.reservation, None
        if reservation is None or reservation[0] != address:
            return 1
        if self.load(address, size) != unsigned(reservation[1], 8 * size):
            return 1
        self.store(address, size, value)
        return 0

    def amo(self, operation: Amo, address: int, size: int, value: int) -> int:
        """See Operations."""
        self._align(address, size, MemoryFault.STORE_MISALIGNED)
        self._place(address, size, MemoryFault.STORE)
        old = self.load(address, size)
        read, function = _AMO[operation]
        self.store(address, size, function(read(old, 8 * size), read(value, 8 * size)))
        return old

    def fence(self, predecessor: int, successor: int, mode: int) -> None:
        """See Operations. One hart alone sees its own order."""

    def _place(self, address: int, size: int, fault: MemoryFault) -> int:
        """Where an access lies in the memory; what is outside of it, even in part, traps."""
        at = address - self.base
        if not 0 <= at <= len(self.memory) - size:
            raise Stopped(Trap(self.causes[fault], self.pc, address))
        return at

    def _align(self, address: int, size: int, fault: MemoryFault) -> None:
        if address % size:
            raise Stopped(Trap(self.causes[fault], self.pc, address))
