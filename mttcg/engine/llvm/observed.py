"""What happens in a page's code that operations of a plan may be told of."""

from collections.abc import Callable
from typing import NamedTuple

from mttcg.engine.llvm.ir.values import I1, I64
from mttcg.instrument import events
from mttcg.memory.address import PageOffset


class Moment(NamedTuple):
    """When an atomic was: the clock before it, and the ticks until it was over."""

    before: I64
    ticks: I64


class ObservedAccess(NamedTuple):
    """A load or store, or part of an atomic; `how` as in `events.TIMED_ACCESS`."""

    offset: PageOffset
    address: I64
    size: int
    value: I64
    how: int
    moment: Moment | None = None

    @property
    def write(self) -> int:
        """1 for a store."""
        return self.how & events.WRITE


class Retired(NamedTuple):
    """An instruction that is over but for the jump.

    `jumps` says whether it always goes elsewhere, `taken` of a branch whether it does. `register`
    and `value` are as in `events.RETIRED`.
    `counted` emits how many were retired with it.
    """

    offset: PageOffset
    word: int
    jumps: bool
    register: int
    value: I64
    target: I64
    taken: I1 | None
    counted: Callable[[], I64]


class Entries(NamedTuple):
    """So many entries into the block of a leader."""

    leader: PageOffset
    number: int

    def times(self, number: int) -> "Entries":
        """As many times over."""
        return self._replace(number=self.number * number)
