"""The ports through which interrupts go, from a device to a controller, and from there to a hart.

A controller is a device that has lines for others to raise. What raises a line does not know what
the line leads to. Any process of the machine may use a port: what is behind it is shared memory,
and a hart that is to look is asked to, awake or asleep.
"""

from typing import Protocol, runtime_checkable


class Line(Protocol):
    """One interrupt line, which has one driver; its level stays until the driver changes it."""

    @property
    def high(self) -> bool:
        """Whether it is raised."""

    def raise_(self) -> None:
        """Raise it; a hart that it leads to looks."""

    def lower(self) -> None:
        """Lower it."""


class TimerPort(Protocol):
    """The timer input of a hart: its interrupt is pending from a time on."""

    def read(self) -> int:
        """Return that time, in ticks; all ones if there is none."""

    def set(self, ticks: int) -> None:
        """Set that time; the hart sets its timer anew."""


class HartPorts(Protocol):
    """The interrupt inputs of one hart."""

    @property
    def timer(self) -> TimerPort:
        """The timer input."""

    def line(self, number: int) -> Line:
        """Return the line to an input, by the number that the architecture gives its interrupt."""


class BoardClock(Protocol):
    """The time that all harts share, in ticks of the board's timebase."""

    def time(self) -> int:
        """Return it."""

    def set_time(self, ticks: int) -> None:
        """Set it; every hart sets its timer anew."""


@runtime_checkable
class InterruptController(Protocol):
    """A device that has lines for other devices."""

    def line(self, number: int) -> Line:
        """Return the line of that number."""
