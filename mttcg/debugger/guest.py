"""The guest as a debugger's session uses it."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from mttcg.errors import UserError
from mttcg.isa.debug_description import DebugDescription
from mttcg.vcpu.protocol.stop_point import Motion, Reason
from mttcg.vcpu.protocol.vcpu_messages import HartStopped

Then = Callable[[], None]
"""What is called when something is so."""


class RefusedError(UserError):
    """The guest does not do what a debugger wants; says why."""


class Point(NamedTuple):
    """Where harts are to stop: before an instruction, or behind accesses to some bytes."""

    kind: Reason
    address: int
    size: int


class WentBack(NamedTuple):
    """Where a guest has gone back to.

    Attributes:
        cpu: the hart that it is about.
        stop: what it is about, if it is a point.
        at_beginning: whether there is nothing before.
        wrong: why it stands elsewhere, "" if it does not.
    """

    cpu: int
    stop: HartStopped | None
    at_beginning: bool = False
    wrong: str = ""


class DebuggedGuest(Protocol):
    """What a session asks of it. Registers and memory are asked for only while all stand.

    Attributes:
        count: of harts.
        description: of their registers.
        takes_turns: whether harts take turns, so that none can be held while others run, and the
            guest can go back.
    """

    count: int
    description: DebugDescription
    takes_turns: bool

    def stand(self, then: Then) -> None:
        """Have all harts stand; `then` is called when they do."""

    def go(self, ways: Sequence[Motion], points: Collection[Point]) -> None:
        """Let harts go on, each in its way, and stop at some points."""

    def go_back(
        self, cpu: int | None, points: Collection[Point], then: Callable[[WentBack], None]
    ) -> None:
        """Go back by one step of a hart; without one, to the last of some points before.

        It stands then. RefusedError.
        """

    def read_register(self, cpu: int, name: str) -> int:
        """A register; RefusedError."""

    def write_register(self, cpu: int, name: str, value: int) -> None:
        """Write a register; RefusedError."""

    def read_memory(self, cpu: int, address: int, size: int) -> bytes:
        """Memory as a hart sees it; RefusedError."""

    def write_memory(self, cpu: int, address: int, data: bytes) -> None:
        """Write memory as a hart sees it; RefusedError."""

    def describe(self, cpu: int) -> str:
        """What a hart is doing, in a line."""

    def command(self, line: str, then: Callable[[str], None]) -> None:
        """Do what a user asks for by `monitor`; `then` gets the text of the answer."""

    def end(self) -> None:
        """Stop the guest in order."""
