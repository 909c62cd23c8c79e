"""Goldfish real-time clock (Android emulator, GOLDFISH-VIRTUAL-HARDWARE; Linux, rtc-goldfish.c).

| offset | what |
|---|---|
| 0x00 | low half of the time; reading it keeps the high half; writing it sets the time |
| 0x04 | high half of the time, as kept; what is written is kept for the low half |
| 0x08 | writing it sets the alarm's time, with the high half, and arms it; reads that low half |
| 0x0c | high half of the alarm's time |
| 0x10 | bit 0 enables the interrupt |
| 0x14 | writing it disarms the alarm |
| 0x18 | bit 0: an alarm is armed; read-only |
| 0x1c | writing it lowers the interrupt |
"""

import math
import time
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import ClassVar

from mttcg.hardware.interrupts.ports import Line
from mttcg.memory.lock import LOCK_BYTES, SharedLock
from mttcg.state.words import MASK, WORD_BYTES

TIME_LOW, TIME_HIGH, ALARM_LOW, ALARM_HIGH = 0x00, 0x04, 0x08, 0x0C
IRQ_ENABLED, CLEAR_ALARM, ALARM_STATUS, CLEAR_INTERRUPT = 0x10, 0x14, 0x18, 0x1C
REGISTER = 4
"""Bytes of a register."""
HALF = 0xFFFF_FFFF
NANOSECONDS = 1_000_000_000
"""In a second."""


class RtcWord(IntEnum):
    """Where each part of the shared state is, in words of 8 bytes."""

    OFFSET = LOCK_BYTES // WORD_BYTES
    """What the guest has set its time ahead of the host's by, in nanoseconds, modulo 2^64."""
    READ_HIGH = OFFSET + 1
    WRITTEN_HIGH = OFFSET + 2
    ALARM = OFFSET + 3
    """The alarm's time, in nanoseconds since 1970."""
    ARMED = OFFSET + 4
    PENDING = OFFSET + 5
    ENABLED = OFFSET + 6
    END = OFFSET + 7


STATE_SIZE = RtcWord.END * WORD_BYTES
"""Bytes of shared memory that the device needs, zeroed and prepared."""


class GoldfishRtc:
    """The real-time clock: nanoseconds since 1970, of the host until the guest sets another time.

    An alarm whose time has come interrupts if that is enabled, and is armed no more. Registers are
    4 bytes wide; other accesses read as 0 and write nothing.

    Args:
        state: STATE_SIZE bytes of shared memory, prepared.
        line: the interrupt line, None if there is none.
        notify: called when the alarm was changed, so that `ring_due` is called in time.
        host_time: nanoseconds since 1970.
    """

    name = "rtc"
    size = 0x1000
    in_ram = False

    def __init__(
        self,
        state: memoryview,
        line: Line | None,
        notify: Callable[[], None],
        host_time: Callable[[], int] = time.time_ns,
    ) -> None:
        # Shared: any process may write here that holds the lock, under which the line changes, too.
        self._state = state.cast("Q")
        self._lock = SharedLock(state[:LOCK_BYTES])
        self._line, self._notify, self._host_time = line, notify, host_time

    def read(self, offset: int, size: int) -> int:
        """Return the register at `offset`."""
        if size != REGISTER:
            return 0
        state = self._state
        if offset == TIME_LOW:
            with self._lock:
                now = self._time()
                state[RtcWord.READ_HIGH] = now >> 32
            return now & HALF
        readers = {
            TIME_HIGH: lambda: state[RtcWord.READ_HIGH],
            ALARM_LOW: lambda: state[RtcWord.ALARM] & HALF,
            ALARM_HIGH: lambda: state[RtcWord.ALARM] >> 32,
            IRQ_ENABLED: lambda: state[RtcWord.ENABLED],
            ALARM_STATUS: lambda: state[RtcWord.ARMED],
        }
        return readers[offset]() if offset in readers else 0

    def write(self, offset: int, size: int, value: int) -> None:
        """Write the register at `offset`."""
        if size != REGISTER or offset not in self._WRITERS:
            return
        with self._lock:
            self._WRITERS[offset](self, value & HALF)
            self._look()
        self._notify()

    def seconds_left(self) -> float:
        """Seconds until the alarm's time, by the host's clock; infinity if none is armed."""
        with self._lock:
            if not self._state[RtcWord.ARMED]:
                return math.inf
            return max(0, self._state[RtcWord.ALARM] - self._time()) / NANOSECONDS

    def can_interrupt(self) -> bool:
        """Whether an alarm is armed that raises the line."""
        state = self._state
        return self._line is not None and bool(state[RtcWord.ARMED] and state[RtcWord.ENABLED])

    def ring_due(self) -> None:
        """Raise the line if the alarm's time has come."""
        with self._lock:
            self._look()

    def _time(self) -> int:
        return self._host_time() + self._state[RtcWord.OFFSET] & MASK

    def _keep_high(self, value: int) -> None:
        self._state[RtcWord.WRITTEN_HIGH] = value

    def _enable(self, value: int) -> None:
        self._state[RtcWord.ENABLED] = value & 1

    def _clear_alarm(self, _value: int) -> None:
        self._state[RtcWord.ARMED] = 0

    def _clear_interrupt(self, _value: int) -> None:
        self._state[RtcWord.PENDING] = 0

    def _set_time(self, low: int) -> None:
        wanted = self._state[RtcWord.WRITTEN_HIGH] << 32 | low
        self._state[RtcWord.OFFSET] = wanted - self._host_time() & MASK

    def _set_alarm(self, low: int) -> None:
        self._state[RtcWord.ALARM] = self._state[RtcWord.WRITTEN_HIGH] << 32 | low
        self._state[RtcWord.ARMED] = 1

    def _look(self) -> None:
        """Have an alarm ring whose time has come, and the line at the level that is asked for."""
        state, line = self._state, self._line
        if state[RtcWord.ARMED] and state[RtcWord.ALARM] <= self._time():
            state[RtcWord.ARMED], state[RtcWord.PENDING] = 0, 1
        raised = bool(state[RtcWord.PENDING] and state[RtcWord.ENABLED])
        if line is not None and line.high != raised:
            (line.raise_ if raised else line.lower)()

    # the class has it: a clock with methods of its own would keep all memory until collected
    _WRITERS: ClassVar[Mapping[int, Callable[["GoldfishRtc", int], None]]] = {
        TIME_LOW: _set_time,
        TIME_HIGH: _keep_high,
        ALARM_LOW: _set_alarm,
        ALARM_HIGH: _keep_high,
        IRQ_ENABLED: _enable,
        CLEAR_ALARM: _clear_alarm,
        CLEAR_INTERRUPT: _clear_interrupt,
    }


def prepare(state: memoryview) -> None:
    """Make the state ready, before any process uses it."""
    SharedLock(state[:LOCK_BYTES]).prepare()


def restore(state: memoryview, stood_ns: int) -> None:
    """Make the state of another machine's ready: its time goes on from where it stood."""
    prepare(state)
    words = state.cast("Q")
    words[RtcWord.OFFSET] = words[RtcWord.OFFSET] - stood_ns & MASK
