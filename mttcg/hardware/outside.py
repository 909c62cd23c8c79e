"""What devices are told of that comes from outside of the guest; the supervisor tells them."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class TakesInput(Protocol):
    """A device that has input of the console, and an interrupt for it."""

    def input_came(self) -> None:
        """Take note of input that has come; it was there before."""

    def awaits_input(self) -> bool:
        """Whether input makes it raise its line."""


@runtime_checkable
class HasAlarm(Protocol):
    """A device whose line is raised at a time of the host's clock."""

    def seconds_left(self) -> float:
        """Seconds until then; infinity if no alarm is set."""

    def can_interrupt(self) -> bool:
        """Whether the line is raised then."""

    def ring_due(self) -> None:
        """Raise it if it is time."""
