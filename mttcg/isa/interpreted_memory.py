"""The memory of the interpreter, and what ends an instruction before its end."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field

from mttcg.isa.operations import Amo
from mttcg.isa.system import MemoryFault, Trap


@dataclass(frozen=True)
class LeftInstruction:
    """An instruction that the host has to run; the state is that before it."""

    word: int


class Faulted(Exception):  # noqa: N818 - no error: what the guest has tried
    """An access to memory can't be made."""

    def __init__(self, fault: MemoryFault, address: int) -> None:
        super().__init__(fault, address)
        self.fault, self.address = fault, address


class Stopped(Exception):  # noqa: N818 - no error: how an instruction ends before its end
    """The instruction does not complete."""

    def __init__(self, outcome: Trap | LeftInstruction) -> None:
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


def _place(memory: bytearray, base: int, address: int, size: int, fault: MemoryFault) -> int:
    """Where an access lies in memory at `base`; it faults if it is outside of it, even in part."""
    at = address - base
    if not 0 <= at <= len(memory) - size:
        raise Faulted(fault, address)
    return at


def _align(address: int, size: int, fault: MemoryFault) -> None:
    if address % size:
        raise Faulted(fault, address)


@dataclass
class InterpretedMemory:
    """The part of `Operations` that goes to memory, which lies at guest address `base`.

    `reservation` is the address of the last load-reserved and what it read there, zero-extended.
    An access that can't be made is `Faulted`.
    """

    memory: bytearray = field(default_factory=bytearray)
    base: int = 0
    reservation: tuple[int, int] | None = field(default=None, kw_only=True)

    def load(self, address: int, size: int) -> int:
        """See Operations."""
        at = _place(self.memory, self.base, address, size, MemoryFault.LOAD)
        return int.from_bytes(self.memory[at : at + size], "little")

    def store(self, address: int, size: int, value: int) -> None:
        """See Operations."""
        at = _place(self.memory, self.base, address, size, MemoryFault.STORE)
        self.memory[at : at + size] = unsigned(value, 8 * size).to_bytes(size, "little")

    def load_reserved(self, address: int, size: int) -> int:
        """See Operations."""
        _align(address, size, MemoryFault.LOAD_MISALIGNED)
        value = self.load(address, size)
        self.reservation = (address, value)
        return value

    def store_conditional(self, address: int, size: int, value: int) -> int:
        """See Operations. As on the host: a compare-and-swap against what was reserved."""
        _align(address, size, MemoryFault.STORE_MISALIGNED)
        _place(self.memory, self.base, address, size, MemoryFault.STORE)
        reservation, self.reservation = self.reservation, None
        if reservation is None or reservation[0] != address:
            return 1
        if self.load(address, size) != unsigned(reservation[1], 8 * size):
            return 1
        self.store(address, size, value)
        return 0

    def amo(self, operation: Amo, address: int, size: int, value: int) -> int:
        """See Operations."""
        _align(address, size, MemoryFault.STORE_MISALIGNED)
        _place(self.memory, self.base, address, size, MemoryFault.STORE)
        old = self.load(address, size)
        read, function = _AMO[operation]
        self.store(address, size, function(read(old, 8 * size), read(value, 8 * size)))
        return old

    def compare_and_swap(
        self, address: int, size: int, expected: tuple[int, ...], value: tuple[int, ...]
    ) -> tuple[int, ...]:
        """See Operations."""
        _align(address, size, MemoryFault.STORE_MISALIGNED)
        _place(self.memory, self.base, address, size, MemoryFault.STORE)
        part = size // len(value)
        places = range(address, address + size, part)
        old = tuple(self.load(place, part) for place in places)
        if old == tuple(unsigned(each, 8 * part) for each in expected):
            for place, each in zip(places, value, strict=True):
                self.store(place, part, each)
        return old

    def fence(self, predecessor: int, successor: int, mode: int) -> None:
        """See Operations. One hart alone sees its own order."""
