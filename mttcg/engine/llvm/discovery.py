"""What of a code page can be reached: its instructions and the heads of its blocks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from mttcg.isa.code import Code
from mttcg.isa.facts import Facts
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.memory.address import PageOffset
from mttcg.memory.page import PAGE
from mttcg.tbcache.decode import word_at

ADDRESS_BYTES = 4
"""Length of an instruction that computes an address for the jump behind it."""
CALLS = (InstructionClass.CALL, InstructionClass.SWITCH)
NO_FOLLOWER = (Kind.JUMP, Kind.INDIRECT, Kind.ILLEGAL)
"""What comes behind these is reached from elsewhere, or not at all: padding is zeros."""


@dataclass(frozen=True)
class Instruction:
    """One instruction of the page."""

    offset: PageOffset
    word: int
    facts: Facts

    @property
    def kind(self) -> Kind:
        """What it is to a block."""
        return self.facts.kind

    @property
    def following(self) -> PageOffset:
        """Where what is after it is."""
        return PageOffset(self.offset + self.facts.length)


NOWHERE = Instruction(PageOffset(0), 0, Facts(0, Kind.PLAIN))
"""In place of one, before there is any."""


class Discovery:
    """The instructions and block heads that can be reached in a page.

    Args:
        code: the guest's instructions.
        half_at: the 16 bits at an offset in the page; past its end for what straddles it.
        entries: offsets to begin at.
        follow: also take what jumps and branches lead to; else the blocks at the entries alone.
        calls: also take what is called, not only what it returns to.
        elsewhere: whether code of a head is elsewhere, so that it is not taken again.

    Attributes:
        instructions: by offset.
        leaders: offsets of the heads.
        wanted: leaders that are to be ways in, whatever leads to them.
        elsewhere: leaders whose code is elsewhere.
        given: the entries, and `first`, the first of them.
        led: what jumps, branches, and returns from calls in the page lead to.
    """

    def __init__(
        self,
        code: Code,
        half_at: Callable[[int], int],
        entries: Iterable[PageOffset],
        follow: bool = True,
        calls: bool = True,
        elsewhere: Callable[[PageOffset], bool] = lambda leader: False,
    ) -> None:
        self.code = code
        self.half_at, self.follow, self.calls = half_at, follow, calls
        self.instructions: dict[PageOffset, Instruction] = {}
        self.leaders: set[PageOffset] = set()
        self.wanted: frozenset[PageOffset] = frozenset()
        self.elsewhere: set[PageOffset] = set()
        self.is_elsewhere = elsewhere
        self.led: set[PageOffset] = set()
        self.pending = list(entries)
        self.given = frozenset(self.pending)
        self.first = self.pending[0]
        while self.pending:
            self._follow(self.pending.pop())

    def entries(self) -> frozenset[PageOffset]:
        """The leaders that are reached otherwise than by falling or branching forward to them.

        Loops keep one way in, their head, where the compiler can see them as loops.
        """
        forward: set[PageOffset] = set()
        ways_in: set[PageOffset] = set()
        for last in self.instructions.values():
            if not last.kind.ends_block:
                continue
            for target in self.targets(last):
                backward = target <= last.offset or is_call(last)
                (ways_in if backward else forward).add(target)
            (forward if last.kind is Kind.BRANCH else ways_in).add(last.following)
        return frozenset(self.leaders - (forward - ways_in)) | self.wanted

    @cached_property
    def extents(self) -> dict[PageOffset, tuple[int, int]]:
        """How many instructions and bytes a block that begins there has, by offset."""
        found: dict[PageOffset, tuple[int, int]] = {}
        for offset in sorted(self.instructions, reverse=True):
            here = self.instructions[offset]
            ends = here.kind.ends_block or here.following not in found
            count, size = (0, 0) if ends else found[here.following]
            found[offset] = count + 1, size + here.facts.length
        return found

    def from_elsewhere(self) -> frozenset[PageOffset]:
        """The entries that nothing in the page leads to: other pages do, or pointers."""
        fallen = {
            found.following for found in self.instructions.values() if not found.kind.ends_block
        }
        return self.given - self.led - fallen

    def called(self) -> frozenset[PageOffset]:
        """The offsets that are called."""
        calls = filter(is_call, self.instructions.values())
        return frozenset(filter(self.inside, (to for call in calls for to in self.targets(call))))

    def targets(self, last: Instruction) -> list[PageOffset]:
        """The places that are named by a branch, a jump, or a jump and what is before it."""
        if last.facts.target is not None:
            return [PageOffset(last.offset + last.facts.target)]
        before = self.instructions.get(PageOffset(last.offset - ADDRESS_BYTES))
        if before is None or before.facts.address is None or last.facts.indirect is None:
            return []
        register, displacement = last.facts.indirect
        if before.facts.destination != register:
            return []
        target = before.offset + before.facts.address + displacement
        return [PageOffset(target & -self.code.alignment)]

    def inside(self, offset: PageOffset) -> bool:
        """Whether a place is in the page."""
        return 0 <= offset < PAGE

    def _is_new(self, offset: PageOffset) -> bool:
        return self.inside(offset) and offset not in self.instructions

    def _lead(self, leader: PageOffset) -> None:
        self.led.add(leader)
        if self.follow and self.inside(leader) and leader not in self.leaders:
            self.leaders.add(leader)
            if self.is_elsewhere(leader):
                self.elsewhere.add(leader)
            else:
                self.pending.append(leader)

    def _follow(self, offset: PageOffset) -> None:
        self.leaders.add(offset)
        while self._is_new(offset):
            found = self.instructions[offset] = self._read(offset)
            offset = found.following
            if found.kind.ends_block:
                self._after(found)
                return

    def _read(self, offset: PageOffset) -> Instruction:
        word = word_at(self.code, offset, self.half_at)
        return Instruction(offset, word, self.code.facts(word))

    def _after(self, last: Instruction) -> None:
        if self.calls or not is_call(last):
            for target in self.targets(last):
                self._lead(target)
        if last.kind not in NO_FOLLOWER or is_call(last):
            self._lead(last.following)


def is_call(last: Instruction) -> bool:
    """Whether it is a jump that links: what follows it is returned to."""
    return last.facts.what in CALLS
