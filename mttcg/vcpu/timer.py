"""The hart's timer, and its sleep."""

import os
import select
import threading
import time

from mttcg.isa.riscv64.csr import TIMER_INTERRUPT
from mttcg.isa.riscv64.state import NEVER, Hart
from mttcg.vcpu.shared import NANOSECONDS_PER_TICK, MachineState

LONGEST_SLEEP = 3600.0
"""Seconds; a deadline further away is looked at again then."""


def seconds_until(compare: int, machine: MachineState) -> float:
    """Seconds until mtime reaches `compare`; at most LONGEST_SLEEP."""
    ticks = compare - machine.time()
    return min(max(ticks, 0) * NANOSECONDS_PER_TICK / 1e9, LONGEST_SLEEP)


def deadline(hart: Hart) -> int:
    """The mtime at which the hart's timer interrupts it; NEVER if it can't."""
    return hart.compare if hart.mie & TIMER_INTERRUPT else NEVER


class Timer:
    """Makes a running hart look when its time has come.

    A thread sleeps until then and sets the request word; it exists once a timer was needed.
    """

    def __init__(self, hart: Hart, machine: MachineState) -> None:
        self.hart, self.machine = hart, machine
        self.armed = NEVER
        self.changed = -1

    def arm(self) -> None:
        """Follow mtimecmp and mie as they are now."""
        compare = deadline(self.hart)
        if compare != NEVER and compare <= self.machine.time():
            compare = NEVER  # it is pending already, the hart sees it by itself
        if compare == self.armed:
            return
        self.armed = compare
        if self.changed < 0:
            self.changed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            threading.Thread(target=self._watch, name="timer", daemon=True).start()
        os.eventfd_write(self.changed, 1)

    def _watch(self) -> None:
        rung = NEVER
        while True:
            compare = self.armed
            waiting = compare not in (NEVER, rung)
            limit = seconds_until(compare, self.machine) if waiting else LONGEST_SLEEP
            if select.select([self.changed], [], [], limit)[0]:  # finer than poll's milliseconds
                os.eventfd_read(self.changed)
            elif waiting and compare <= self.machine.time():
                # once for each deadline: the hart sees what is pending by itself from now on
                rung = compare
                self.hart.request = 1


class Stopwatch:
    """Books the hart's time as running or idle, and its process's CPU time, in its shared state."""

    def __init__(self, hart: Hart) -> None:
        self.hart = hart
        hart.since_ns = time.monotonic_ns()

    def _elapsed(self) -> int:
        now = time.monotonic_ns()
        elapsed, self.hart.since_ns = now - self.hart.since_ns, now
        self.hart.cpu_ns = time.process_time_ns()
        return elapsed

    def skip(self) -> None:
        """Let the time since the last booking be neither."""
        self._elapsed()

    def was_running(self) -> None:
        """Book the time since the last booking as running."""
        self.hart.running_ns += self._elapsed()

    def was_idle(self) -> None:
        """Book the time since the last booking as idle."""
        self.hart.idle_ns += self._elapsed()
