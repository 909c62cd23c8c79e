"""The interrupt inputs of the harts and their clock, for controllers in any process of a machine.

What `mttcg.hardware.interrupts.ports` describes, over the harts' states in shared memory.
"""

from functools import partial

from mttcg.vcpu.machine.shared import Harts


class HartLine:
    """The line to one interrupt input of one hart."""

    def __init__(self, harts: Harts, hart: int, number: int) -> None:
        self.levels, self.number = harts.harts[hart].lines, number
        self.request = partial(harts.request, hart)

    @property
    def high(self) -> bool:
        """Whether it is raised."""
        return self.levels[self.number] != 0

    def raise_(self) -> None:
        """Raise it, and make the hart look."""
        self.levels[self.number] = 1
        self.request()

    def lower(self) -> None:
        """Lower it."""
        self.levels[self.number] = 0


class HartTimer:
    """The timer input of one hart."""

    def __init__(self, harts: Harts, hart: int) -> None:
        self.hart, self.request = harts.harts[hart], partial(harts.request, hart)

    def read(self) -> int:
        """The time from which its interrupt is pending, in ticks."""
        return self.hart.timer_deadline

    def set(self, ticks: int) -> None:
        """Set that time; the hart sets its timer anew."""
        self.hart.timer_deadline = ticks
        self.request()


class HartInputs:
    """The interrupt inputs of one hart."""

    def __init__(self, harts: Harts, hart: int) -> None:
        self.harts, self.hart = harts, hart
        self.timer = HartTimer(harts, hart)

    def line(self, number: int) -> HartLine:
        """The line to an input, by the number that the ISA gives its interrupt."""
        return HartLine(self.harts, self.hart, number)


class SharedClock:
    """The time that all harts share, in ticks."""

    def __init__(self, harts: Harts) -> None:
        self.harts = harts

    def time(self) -> int:
        """What it is."""
        return self.harts.machine.time()

    def set_time(self, ticks: int) -> None:
        """Set it; every hart sets its timer anew."""
        self.harts.machine.set_time(ticks)
        self.harts.request_all()


def inputs_of(harts: Harts) -> list[HartInputs]:
    """The inputs of all harts, in their order."""
    return [HartInputs(harts, hart) for hart in range(harts.count)]
