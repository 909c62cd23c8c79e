"""The machine's own page of shared memory, and the harts' side of the CLINT.

The machine page is written by the vCPU that ends the guest, once, and by the supervisor; `stop`
is stored after everything that says why, `pause` before the harts are asked to look.
"""

import os
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Protocol

from mttcg.isa.system import System
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import VcpuState

MACHINE_BYTES = PAGE
NANOSECONDS_PER_TICK = 100
"""mtime runs at 10 MHz, as on QEMU's virt board."""

_STOP, _REASON, _STATUS, _ORIGIN, _PAUSE, _WRITTEN = range(6)
UART_STATE = 1024
HTIF_STATE = 2048


class Ending(IntEnum):
    """Why the machine stops."""

    NOT_YET = 0
    GUEST = 1
    SUPERVISOR = 2
    CALLBACK = 3
    FAULT = 4
    TRAP_LOOP = 5


class MachineState:
    """The machine page."""

    def __init__(self, segment: memoryview) -> None:
        self.segment = segment
        self.words = segment[:UART_STATE].cast("Q")

    @property
    def stopping(self) -> bool:
        """Whether every vCPU is to leave."""
        return self.words[_STOP] != 0

    @property
    def ending(self) -> Ending:
        """Why; valid once `stopping`."""
        return Ending(self.words[_REASON])

    @property
    def status(self) -> int:
        """The guest's exit code; valid if the guest ended."""
        return self.words[_STATUS]

    def stop(self, ending: Ending, status: int = 0) -> None:
        """Make every vCPU leave; the first reason stands."""
        if not self.stopping:
            self.words[_STATUS] = status & 0xFFFF_FFFF_FFFF_FFFF
            self.words[_REASON] = ending
            self.words[_STOP] = 1

    @property
    def pause(self) -> int:
        """Number of the pause in which every vCPU is to stand still; 0 if they are to run."""
        return self.words[_PAUSE]

    @pause.setter
    def pause(self, number: int) -> None:
        """Set it; numbers are not used again, so that a pause is not taken for the one before."""
        self.words[_PAUSE] = number

    @property
    def written(self) -> int:
        """How often RAM was written from outside; each vCPU looks at its code again then."""
        return self.words[_WRITTEN]

    @written.setter
    def written(self, count: int) -> None:
        """Set it; the supervisor does, while all are paused."""
        self.words[_WRITTEN] = count

    def shift_clock(self, nanoseconds: int) -> None:
        """Let mtime have stood still for so long; no vCPU may run."""
        self.words[_ORIGIN] = self.words[_ORIGIN] + nanoseconds & 0xFFFF_FFFF_FFFF_FFFF

    def start_clock(self) -> None:
        """Let mtime begin at 0 now."""
        self.words[_ORIGIN] = time.monotonic_ns()

    def time(self) -> int:
        """Ticks of mtime."""
        return self.time_at(time.monotonic_ns())

    def time_at(self, monotonic_ns: int) -> int:
        """Ticks of mtime at another time."""
        elapsed = monotonic_ns - self.words[_ORIGIN] & 0xFFFF_FFFF_FFFF_FFFF
        return elapsed // NANOSECONDS_PER_TICK

    def set_time(self, ticks: int) -> None:
        """Set mtime."""
        origin = time.monotonic_ns() - ticks * NANOSECONDS_PER_TICK
        self.words[_ORIGIN] = origin & 0xFFFF_FFFF_FFFF_FFFF


class InterruptWords(Protocol):
    """What a hart's state has for the CLINT: msip and mtimecmp."""

    software_interrupt: int
    compare: int


class Harts:
    """All harts, from any process: their state, and how to get their attention.

    Args:
        segment: the shared hart states.
        wake_fds: an eventfd per hart, on which it sleeps.
        machine: the machine page, for the clock.
        system: of their ISA.
    """

    def __init__(
        self,
        segment: memoryview,
        wake_fds: list[int],
        machine: MachineState,
        system: System[Any],
    ) -> None:
        states = [system.state_at(segment, index) for index in range(len(wake_fds))]
        self.harts: Sequence[VcpuState] = states
        self.lines: Sequence[InterruptWords] = states
        self.wake_fds, self.machine = wake_fds, machine

    @property
    def count(self) -> int:
        """Number of harts."""
        return len(self.harts)

    def request(self, hart: int) -> None:
        """Make a hart look at what is asked of it: it leaves its code, or wakes."""
        self.harts[hart].request = 1
        os.eventfd_write(self.wake_fds[hart], 1)

    def request_all(self) -> None:
        """Make every hart look."""
        for hart in range(self.count):
            self.request(hart)

    def read_software(self, hart: int) -> int:
        """Msip of a hart."""
        return self.lines[hart].software_interrupt & 1

    def write_software(self, hart: int, value: int) -> None:
        """Set msip of a hart; 1 makes it look."""
        self.lines[hart].software_interrupt = value & 1
        if value & 1:
            self.request(hart)

    def read_compare(self, hart: int) -> int:
        """Mtimecmp of a hart."""
        return self.lines[hart].compare

    def write_compare(self, hart: int, value: int) -> None:
        """Set mtimecmp of a hart, which sets its timer anew."""
        self.lines[hart].compare = value
        self.request(hart)

    def read_time(self) -> int:
        """Ticks of mtime."""
        return self.machine.time()

    def write_time(self, value: int) -> None:
        """Set mtime; every hart sets its timer anew."""
        self.machine.set_time(value)
        self.request_all()
