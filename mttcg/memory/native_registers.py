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
    FUNCTION = 5
    """Calls `function`, which makes the access or leaves it, with words of its own, see
    `FunctionWord`."""


class FunctionWord(IntEnum):
    """The words of a native function of a device or of firmware, which one vCPU's process has.

    HOST: a host address. That of a device is `uint64 f(words, distance from the first register,
    value, stores)`; it gives 1 if it made the access, 0 if the device is to make it. That of
    firmware is `uint64 f(words, hart)`, with the host address of the state of the hart that calls;
    it gives a `CallOutcome`.
    """

    STATE = 0  # HOST of the device's state
    CONTROLLER = 1  # HOST of the state of the controller that its line leads to, 0: none
    SOURCE = 2  # the line's number there
    BELL = 3  # eventfd of the half that is in the device process, 0: none
    HARTS = 4  # HOST of the harts' states
    HART_COUNT = 5
    VALUE = 6  # what was read
    ALERTS = 7  # a bit for each hart that is to look at its inputs, as a line was raised
    TAKE = 8  # HOST of pthread_mutex_lock(3)
    MEND = 9  # HOST of pthread_mutex_consistent(3)
    RELEASE = 10  # HOST of pthread_mutex_unlock(3)
    WRITE = 11  # HOST of write(2)
    READ = 12  # HOST of read(2)
    IOCTL = 13  # HOST of ioctl(2)
    OUTPUT = 14  # descriptor to which the guest's console output goes
    INPUT = 15  # descriptor from which its input is taken
    WORDS = 16


class CallOutcome(IntEnum):
    """What came of a call of a guest to its firmware."""

    LEFT = 0
    """The host is to answer it, from its beginning."""
    ANSWERED = 1
    FENCED = 2
    """The same, and the hart's translations are to be dropped."""


WITHOUT_INTERRUPTS = (RegisterKind.TIME, RegisterKind.STATUS, RegisterKind.SEND)
"""Kinds of which no access makes an interrupt pending, or ends that."""
OF_EACH_HART = (RegisterKind.LEVEL, RegisterKind.DEADLINE)
"""Kinds of which each hart has a register."""


class NativeRegisters(NamedTuple):
    """Registers at an offset, `places` of them with so many bytes each."""

    kind: RegisterKind
    offset: int
    size: int
    data: int = 0
    mask: int = 0
    raises: int = 0
    places: int = 1
    function: tuple[str, str] | None = None
    """The module and the name of a C function that numba makes."""


class PlacedRegisters(NamedTuple):
    """Where they are on a machine.

    Attributes:
        registers: what they are.
        base: address of the first.
        number: how many there are, one behind the other.
        state: where the device's state is.
        device: the name of its row.
        controller: where the state of the controller is that its line leads to; 0 without one.
        source: the line's number there.
    """

    registers: NativeRegisters
    base: Physical
    number: int
    state: HostAddress
    device: str = ""
    controller: HostAddress = HostAddress(0)
    source: int = 0
