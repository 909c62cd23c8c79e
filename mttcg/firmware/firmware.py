"""What a vCPU knows of firmware, and firmware of the machine; of no ISA."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from mttcg.hardware.board import Console
from mttcg.hardware.interrupts.ports import HartPorts
from mttcg.memory.address import Virtual
from mttcg.memory.ram import GuestRam


class Then(Enum):
    """What the vCPU does when a call was answered."""

    GO_ON = "go on behind the call"
    LOOK = "the same; an interrupt may be due now, or the timer is another"
    SLEEP = "wait until an interrupt is pending, then go on"
    SLEEP_AND_RESTART = "wait until an interrupt is pending, then start at a given place"
    STOP = "sleep until another hart starts this one"


@dataclass(frozen=True)
class CallAnswer:
    """The answer to a call.

    Attributes:
        registers: integer registers to write, by number.
        then: what the vCPU does.
        place: for SLEEP_AND_RESTART, where it starts, and with which argument.
    """

    registers: Mapping[int, int] = field(default_factory=dict)
    then: Then = Then.GO_ON
    place: tuple[Virtual, int] = (Virtual(0), 0)


class Firmware(Protocol):
    """Answers the calls of one hart, which has spilled its integer registers."""

    def answer(self) -> CallAnswer:
        """CallAnswer the call that its registers have."""


class Fences(Protocol):
    """Asks harts to drop what they have of address translations, or of code."""

    def ask(self, harts: Iterable[int], translations: bool, code: bool) -> None:
        """Ask them, and return when all have done it."""


@dataclass(frozen=True)
class FirmwarePorts:
    """What firmware on one vCPU is connected to.

    Attributes:
        harts: the states of all harts, in their order.
        inputs: their interrupt inputs.
        wake: makes a hart look at what is asked of it, awake or asleep.
        lock: what a hart holds while it decides to start another.
        ram: guest RAM.
        console: the other end of the guest's console.
        finish: ends the run with a status.
        say: shows the user a line.
        fences: asks other harts for fences.
    """

    harts: Sequence[Any]
    inputs: Sequence[HartPorts]
    wake: Callable[[int], None]
    lock: AbstractContextManager[Any]
    ram: GuestRam
    console: Console
    finish: Callable[[int], None]
    say: Callable[[str], None]
    fences: Fences | None = None


class MakeFirmware(Protocol):
    """Makes the firmware of one vCPU."""

    def __call__(self, index: int, ports: FirmwarePorts) -> Firmware:
        """For hart `index`."""
