"""Registers of devices that native code may answer, as rows that say how.

A device's class is what defines it. A row says that accesses of one size to some of its registers
are no more than one of a few things; whatever else there is, native code leaves to the class.
"""

from enum import IntEnum
from typing import NamedTuple

from mttcg.memory.address import HostAddress, Physical


class RegisterKind(IntEnum):
    """What an access to a register is."""

    LEVEL = 0
    """Reads and writes bit 0: the level of a hart's interrupt input, whose number is `data`."""
    DEADLINE = 1
    """Reads and writes the time of a hart's timer."""
    TIME = 2
    """Reads the clock."""
    STATUS = 3
    """Reads `data`, as long as no input to the console waits, and unless a bit of `mask` is set
    in the first 8 bytes of the device's state."""
    SEND = 4
    """Writes a byte to the console, unless a bit of `mask` is set in the first 8 bytes of the
    device's state, and then 1 to the byte of the state whose number is `data`. If a bit of `raises`
    is set there that byte raises the line: then only where it is 1 already, and stays so."""


OF_EACH_HART = (RegisterKind.LEVEL, RegisterKind.DEADLINE)
"""Kinds of which each hart has a register."""


class NativeRegisters(NamedTuple):
    """Registers at an offset, with so many bytes each."""

    kind: RegisterKind
    offset: int
    size: int
    data: int = 0
    mask: int = 0
    raises: int = 0


class PlacedRegisters(NamedTuple):
    """Where they are on a machine.

    Attributes:
        registers: what they are.
        base: address of the first.
        number: how many there are, one behind the other.
        state: where the device's state is.
    """

    registers: NativeRegisters
    base: Physical
    number: int
    state: HostAddress
