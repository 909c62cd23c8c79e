"""The hart's timer, and its sleep."""

import ctypes
import os
import select
import threading
import time
from collections.abc import Callable

from mttcg.state.vcpu_state import NEVER, Activity, VcpuState
from mttcg.vcpu.machine.shared import MachineState

LONGEST_SLEEP = 3600.0
"""Seconds; a deadline further away is looked at again then."""
PR_SET_TIMERSLACK = 29
LEAST_SLACK_NS = 1


def wake_on_time() -> None:
    """Have sleeps of this thread, and of those that it starts, end when they are due.

    Else the kernel lets them last up to 50 us longer, to wake for several at a time (prctl(2)).
    """
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, LEAST_SLACK_NS)


def seconds_until(due: int, machine: MachineState) -> float:
    """Seconds until the clock reaches `due`; at most LONGEST_SLEEP."""
    return min(machine.seconds(max(due - machine.time(), 0)), LONGEST_SLEEP)


def idle_ns_so_far(hart: VcpuState) -> int:
    """Nanoseconds that a hart was idle; of one that sleeps, up to now."""
    asleep = time.monotonic_ns() - hart.since_ns if hart.state == Activity.IDLE else 0
    return hart.idle_ns + max(0, asleep)


class Timer:
    """Makes a running hart look when its time has come.

    A thread sleeps until then and sets the request word; it exists once a timer was needed.

    Args:
        hart: the hart.
        machine: has the clock.
        deadline: gives the time at which the timer interrupts the hart, NEVER if it can't.
    """

    def __init__(self, hart: VcpuState, machine: MachineState, deadline: Callable[[], int]) -> None:
        self.hart, self.machine, self.deadline = hart, machine, deadline
        self.armed = NEVER
        self.changed = -1

    def arm(self) -> None:
        """Follow the timer input, and whether its interrupt is enabled, as they are now."""
        due = self.deadline()
        if due != NEVER and due <= self.machine.time():
            due = NEVER  # it is pending already, the hart sees it by itself
        if due == self.armed:
            return
        self.armed = due
        if self.changed < 0:
            self.changed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            threading.Thread(target=self._watch, name="timer", daemon=True).start()
        os.eventfd_write(self.changed, 1)

    def _watch(self) -> None:
        rung = NEVER
        while True:
            due = self.armed
            waiting = due not in (NEVER, rung)
            limit = seconds_until(due, self.machine) if waiting else LONGEST_SLEEP
            if select.select([self.changed], [], [], limit)[0]:  # finer than poll's milliseconds
                os.eventfd_read(self.changed)
            elif waiting and due <= self.machine.time():
                # once for each deadline: the hart sees what is pending by itself from now on
                rung = due
                self.hart.request = 1


class Stopwatch:
    """Books the hart's time as running or idle, and its process's CPU time, in its shared state."""

    def __init__(self, hart: VcpuState) -> None:
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
