"""The straight-line code that is being emitted: where it is, and what is known of it."""

from typing import NamedTuple

from mttcg.engine.llvm.discovery import NOWHERE, Instruction
from mttcg.engine.llvm.frame import Reason
from mttcg.engine.llvm.ir.values import BasicBlock
from mttcg.engine.llvm.observed import Entries
from mttcg.memory.address import PageOffset


class Place(NamedTuple):
    """Where in its block an instruction is.

    `left` is how many instructions of the block, this one included, are counted but not retired
    while it runs.
    """

    instruction: Instruction
    left: int

    @property
    def offset(self) -> PageOffset:
        """Where it is in the page."""
        return self.instruction.offset

    @property
    def word(self) -> int:
        """Its bits."""
        return self.instruction.word

    @property
    def following(self) -> PageOffset:
        """Where what is after it is."""
        return self.instruction.following


class Pending(NamedTuple):
    """What was run and is not counted yet: instructions and blocks in one number, and entries."""

    amount: int = 0
    entries: Entries | None = None


class Segment:
    """What those who emit its instructions share.

    Attributes:
        leader: where it begins.
        place: where the instruction is that is being emitted.
        pending: what is to be counted where it ends.
        next_round: where the next round begins, in a loop of several.
        restart: where it may be begun anew, as long as it has left no trace; None if it may not.
        checked: what was looked at, and stays as it is.
        written: names of the registers that were written so far.
        ended: whether nothing follows.
    """

    def __init__(self) -> None:
        self.leader = PageOffset(0)
        self.place = Place(NOWHERE, 0)
        self.pending = Pending()
        self.next_round: BasicBlock | None = None
        self.restart: BasicBlock | None = None
        self.checked: set[Reason] = set()
        self.written: set[str] = set()
        self.ended = False

    def begin(self, leader: PageOffset, restart: BasicBlock | None) -> None:
        """Begin another."""
        self.leader, self.restart, self.ended = leader, restart, False
        self.checked.clear()
