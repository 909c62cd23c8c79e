"""The machine's own shared memory, and all harts.

The first half KiB of that memory is written by the vCPU that ends the guest, once, and by the
supervisor; `stop` is stored after everything that says why, `pause` before the harts are asked to
look. The second is the device process's. The rest is the states of the board's devices.
"""

import os
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from mttcg.isa.system import System
from mttcg.memory.address import HostAddress
from mttcg.memory.host import address_of_buffer
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.state.words import MASK, WORD_BYTES, offsets_of
from mttcg.vcpu.machine.device_activity import DeviceActivity
from mttcg.vcpu.machine.turn_words import TURN_WORDS, TurnWords

DEVICE_STATE = 1024
"""Where the devices' states begin, in bytes."""
DEVICE_ACTIVITY = 64
"""The word with which the words of the device process begin."""
NANOSECONDS = 1_000_000_000
"""In a second."""

_STOP, _REASON, _STATUS, _ORIGIN, _PAUSE, _WRITTEN, _IN_LINE, _INPUT_BEGAN, _INPUT_ENDED = range(9)
_WINDOW_SIZE = 9
FIRST_DAY = 1_735_689_600 * NANOSECONDS
"""When runs that repeat begin: 1 January 2025."""
_TURN_WORDS = slice(16, 16 + TURN_WORDS)


def machine_bytes(device_state: int) -> int:
    """Bytes of the machine's memory, whole pages, with so many bytes for devices."""
    return -(-(DEVICE_STATE + device_state) // PAGE) * PAGE


def context_address(hart: VcpuState) -> HostAddress:
    """Where the state of a hart has its context, in this process."""
    return HostAddress(address_of_buffer(hart.words) + offsets_of(VcpuState)["context"])


class Ending(IntEnum):
    """Why the machine stops."""

    NOT_YET = 0
    GUEST = 1
    SUPERVISOR = 2
    CALLBACK = 3
    FAULT = 4
    TRAP_LOOP = 5
    LOG_OVER = 6


class MachineState:
    """The machine's memory.

    Args:
        segment: the memory.
        timebase: ticks of its clock a second.
    """

    def __init__(self, segment: memoryview, timebase: int) -> None:
        self.words = segment[:DEVICE_STATE].cast("Q")
        self.device_state = segment[DEVICE_STATE:]
        self.timebase = timebase
        self.turns = TurnWords(self.words[_TURN_WORDS])

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

    @property
    def clock_origin(self) -> HostAddress:
        """Where the time is, in nanoseconds of the monotonic clock, at which the clock was 0."""
        return HostAddress(address_of_buffer(self.words) + WORD_BYTES * _ORIGIN)

    @property
    def input_began(self) -> HostAddress:
        """Where the word is that is not 0 once the console had input."""
        return HostAddress(address_of_buffer(self.words) + WORD_BYTES * _INPUT_BEGAN)

    def begin_input(self) -> None:
        """Say that the console has input; the supervisor does, before it sends the first."""
        self.words[_INPUT_BEGAN] = 1

    @property
    def devices(self) -> DeviceActivity:
        """What the device process is doing."""
        return DeviceActivity(self.words[DEVICE_ACTIVITY:])

    @property
    def input_ended(self) -> bool:
        """Whether the console gets no more input than it has."""
        return self.words[_INPUT_ENDED] != 0

    def end_input(self) -> None:
        """Say that the console has had its last input; the supervisor does, behind that."""
        self.words[_INPUT_ENDED] = 1

    @property
    def in_line(self) -> bool:
        """Whether the guest's output, beside which plugins print, ends within a line."""
        return self.words[_IN_LINE] != 0

    @in_line.setter
    def in_line(self, is_so: bool) -> None:
        """Set it; the supervisor does when it has shown something, a vCPU when it began a line.

        Both may do so at once: then a line of a plugin's may stand behind one of the guest's.
        """
        self.words[_IN_LINE] = is_so

    @property
    def window_size(self) -> tuple[int, int]:
        """Columns and rows of the terminal that the console is on; 0 and 0 if it is on none."""
        size = self.words[_WINDOW_SIZE]
        return size >> 32, size & 0xFFFF_FFFF

    @window_size.setter
    def window_size(self, size: tuple[int, int]) -> None:
        """Set it, in one store; the supervisor does."""
        self.words[_WINDOW_SIZE] = size[0] << 32 | size[1]

    @property
    def takes_turns(self) -> bool:
        """Whether harts take turns, and the clock is what they have retired."""
        return self.turns.are_taken

    def real_time(self) -> int:
        """Nanoseconds since 1970: the host's, or of a day that runs that repeat begin on."""
        return FIRST_DAY + self.elapsed() if self.takes_turns else time.time_ns()

    def nanoseconds_of(self, ticks: int) -> int:
        """How long the clock has run when it first has a time."""
        return -(-ticks * NANOSECONDS // self.timebase)

    def elapsed(self) -> int:
        """How long the clock has run, in nanoseconds; outside of a turn, to the end of the last."""
        if self.takes_turns:
            return self.turns.elapsed()
        return time.monotonic_ns() - self.words[_ORIGIN] & MASK

    def shift_clock(self, nanoseconds: int) -> None:
        """Let the clock have stood still for so long; no vCPU may run."""
        self.words[_ORIGIN] = self.words[_ORIGIN] + nanoseconds & 0xFFFF_FFFF_FFFF_FFFF

    def start_clock(self, nanoseconds: int = 0) -> None:
        """Let the clock begin now; nanoseconds: that it has run before."""
        self.turns.now = nanoseconds
        self.words[_ORIGIN] = time.monotonic_ns() - nanoseconds & 0xFFFF_FFFF_FFFF_FFFF

    def nanoseconds_at(self, monotonic_ns: int) -> int:
        """How long the clock has run at another time, which is now where harts take turns."""
        if self.takes_turns:
            return self.elapsed()
        return monotonic_ns - self.words[_ORIGIN] & 0xFFFF_FFFF_FFFF_FFFF

    def time(self) -> int:
        """Ticks of the clock."""
        return self.elapsed() * self.timebase // NANOSECONDS

    def time_at(self, monotonic_ns: int) -> int:
        """Ticks of the clock at another time."""
        return self.nanoseconds_at(monotonic_ns) * self.timebase // NANOSECONDS

    def seconds(self, ticks: int) -> float:
        """So many ticks in seconds."""
        return ticks / self.timebase

    def set_time(self, ticks: int) -> None:
        """Set the clock; in a turn, if harts take turns."""
        if self.takes_turns:
            self.turns.set_elapsed(self.nanoseconds_of(ticks))
            return
        origin = time.monotonic_ns() - ticks * NANOSECONDS // self.timebase
        self.words[_ORIGIN] = origin & 0xFFFF_FFFF_FFFF_FFFF


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
        self.harts: Sequence[VcpuState] = [
            system.state_at(segment, index) for index in range(len(wake_fds))
        ]
        self.wake_fds, self.machine = wake_fds, machine

    @property
    def count(self) -> int:
        """Number of harts."""
        return len(self.harts)

    def wake(self, hart: int) -> None:
        """Have the vCPU of a hart that waits for its turn look whether it is."""
        os.eventfd_write(self.wake_fds[hart], 1)

    def request(self, hart: int) -> None:
        """Make a hart look at what is asked of it: it leaves its code, or wakes."""
        self.harts[hart].request = 1
        os.eventfd_write(self.wake_fds[hart], 1)

    def request_all(self, asleep: bool = True) -> None:
        """Make every hart look; asleep: also those that sleep."""
        for number, hart in enumerate(self.harts):
            if asleep or hart.state != Activity.IDLE:
                self.request(number)
