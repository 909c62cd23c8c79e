"""Having all of a machine stand still at one point, and letting it go on.

The number of a standstill is stored in the machine's page, and everybody is asked to look. Each
vCPU comes out of translated code, brings its registers to its hart's state, stores the number there
and sleeps; so does the device process, between two requests. When all have, the supervisor is the
only one who reads and writes harts, RAM and the devices' state.
"""

import itertools
import time
from collections.abc import Callable

from mttcg.state.vcpu_state import ENDED
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.tasks import Answer, CommandError, Task, Work

STOP_SECONDS = 30.0
"""How long vCPUs may take to come to a stop."""


class Standstill:
    """A machine's, of which there is one: who else wants the guest to stand uses the same.

    Args:
        run: the machine.

    Attributes:
        since_ns: the monotonic clock when all came to stand, None while the guest runs.
    """

    def __init__(self, run: RunState) -> None:
        self.run = run
        self.numbers = itertools.count(1)
        self.since_ns: int | None = None

    def begin(self, seconds: float = STOP_SECONDS) -> Work:
        """Have all stand still; CommandError, and the guest goes on, if they don't in time."""
        limit = time.monotonic() + seconds
        number = self.ask()
        yield lambda: not self.moving(number) or time.monotonic() > limit
        moving = ", ".join(self.moving(number))
        if moving:
            self._let_go()
            raise CommandError(f"{moving} did not come to a stop in time; the guest goes on")
        self.since_ns = time.monotonic_ns()

    def ask(self) -> int:
        """Ask all to stand still; the number that they show when they do."""
        number = next(self.numbers)
        self.run.machine.pause = number
        self.run.harts.request_all()
        self.run.call_devices()
        return number

    def moving(self, number: int) -> list[str]:
        """What does not stand still yet."""
        harts = (h for h in self.run.harts.harts if h.held != number and h.state not in ENDED)
        moving = [f"vCPU {hart.index}" for hart in harts]
        if self.run.device_fds and self.run.machine.devices.held != number:
            moving.append("the device process")
        return moving

    def end(self) -> int:
        """Let all go on, the clock as if no time had passed; for how many nanoseconds they stood.

        Raises CommandError if they did not stand.
        """
        stood = time.monotonic_ns() - self.check()
        self.run.machine.shift_clock(stood)
        self.since_ns = None
        self._let_go()
        return stood

    def check(self) -> int:
        """Since when all stand still; raises CommandError."""
        if self.since_ns is None:
            raise CommandError("the guest is not paused; expected `pause` before")
        return self.since_ns

    def during(self, work: Callable[[], Answer]) -> Task:
        """Do something while all stand still; they go on behind it, unless they stood before."""
        goes_on = self.since_ns is None
        if goes_on:
            yield from self.begin()
        try:
            return work()
        finally:
            if goes_on:
                self.end()

    def time(self) -> int:
        """The guest's clock, which stands still with it."""
        machine = self.run.machine
        return machine.time() if self.since_ns is None else machine.time_at(self.since_ns)

    def _let_go(self) -> None:
        self.run.machine.pause = 0
        self.run.harts.request_all()
        self.run.call_devices()
