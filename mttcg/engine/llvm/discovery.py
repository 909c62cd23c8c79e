"""What of a code page can be reached: its instructions and the heads of its blocks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from mttcg.isa.code import Code
from mttcg.isa.facts import Facts
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.memory.address import Virtual
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

    pc: Virtual
    word: int
    facts: Facts

    @property
    def kind(self) -> Kind:
        """What it is to a block."""
        return self.facts.kind

    @property
    def following(self) -> Virtual:
        """Address after it."""
        return Virtual(self.pc + self.facts.length)


NOWHERE = Instruction(Virtual(0), 0, Facts(0, Kind.PLAIN))
"""In place of one, before there is any."""


class Discovery:
    """The instructions and block heads that can be reached in a page.

    Args:
        code: the guest's instructions.
        start: address of the page.
        half_at: the 16 bits at an offset in the page; past its end for what straddles it.
        entries: addresses to begin at.
        follow: also take what jumps and branches lead to; else the blocks at the entries alone.
        calls: also take what is called, not only what it returns to.
        longest: instructions to take, at most.
        elsewhere: whether code of a head is elsewhere, so that it is not taken again.

    Attributes:
        instructions: by address.
        leaders: addresses of the heads.
        wanted: leaders that are to be ways in, whatever leads to them.
        elsewhere: leaders whose code is elsewhere.
        first: the first of the entries.
    """

    def __init__(
        self,
        code: Code,
        start: Virtual,
        half_at: Callable[[int], int],
        entries: Iterable[Virtual],
        follow: bool = True,
        calls: bool = True,
        longest: int = PAGE,
        elsewhere: Callable[[Virtual], bool] = lambda pc: False,
    ) -> None:
        self.code = code
        self.start, self.half_at, self.follow, self.calls = start, half_at, follow, calls
        self.longest = longest
        self.instructions: dict[Virtual, Instruction] = {}
        self.leaders: set[Virtual] = set()
        self.wanted: frozenset[Virtual] = frozenset()
        self.elsewhere: set[Virtual] = set()
        self.is_elsewhere = elsewhere
        self.pending = list(entries)
        self.first = self.pending[0]
        while self.pending:
            self._follow(self.pending.pop())

    def entries(self) -> frozenset[Virtual]:
        """The leaders that are reached otherwise than by falling or branching forward to them.

        Loops keep one way in, their head, where the compiler can see them as loops.
        """
        forward: set[Virtual] = set()
        ways_in: set[Virtual] = set()
        for last in self.instructions.values():
            if not last.kind.ends_block:
                continue
            for target in self.targets(last):
                backward = target <= last.pc or is_call(last)
                (ways_in if backward else forward).add(target)
            (forward if last.kind is Kind.BRANCH else ways_in).add(last.following)
        return frozenset(self.leaders - (forward - ways_in)) | self.wanted

    @cached_property
    def extents(self) -> dict[Virtual, tuple[int, int]]:
        """How many instructions and bytes a block that begins there has, by address."""
        found: dict[Virtual, tuple[int, int]] = {}
        for pc in sorted(self.instructions, reverse=True):
            here = self.instructions[pc]
            ends = here.kind.ends_block or here.following not in found
            count, size = (0, 0) if ends else found[here.following]
            found[pc] = count + 1, size + here.facts.length
        return found

    def called(self) -> frozenset[Virtual]:
        """The addresses of the page that are called."""
        calls = filter(is_call, self.instructions.values())
        return frozenset(filter(self.inside, (to for call in calls for to in self.targets(call))))

    def targets(self, last: Instruction) -> list[Virtual]:
        """The addresses that are named by a branch, a jump, or a jump and what is before it."""
        direct = last.facts.target_from(last.pc)
        if direct is not None:
            return [direct]
        before = self.instructions.get(Virtual(last.pc - ADDRESS_BYTES))
        if before is None or before.facts.address is None or last.facts.indirect is None:
            return []
        register, displacement = last.facts.indirect
        if before.facts.destination != register:
            return []
        target = before.pc + before.facts.address + displacement
        return [Virtual(target & (1 << 64) - self.code.alignment)]

    def inside(self, pc: Virtual) -> bool:
        """Whether an address is in the page."""
        return self.start <= pc < self.start + PAGE

    def _is_new(self, pc: Virtual) -> bool:
        return self.inside(pc) and pc not in self.instructions

    def _lead(self, pc: Virtual) -> None:
        if self.follow and self.inside(pc) and pc not in self.leaders:
            self.leaders.add(pc)
            if self.is_elsewhere(pc):
                self.elsewhere.add(pc)
            else:
                self.pending.append(pc)

    def _follow(self, pc: Virtual) -> None:
        self.leaders.add(pc)
        while self._is_new(pc) and len(self.instructions) < self.longest:
            found = self.instructions[pc] = self._read(pc)
            pc = found.following
            if found.kind.ends_block:
                self._after(found)
                return

    def _read(self, pc: Virtual) -> Instruction:
        word = word_at(self.code, pc - self.start, self.half_at)
        return Instruction(pc, word, self.code.facts(word))

    def _after(self, last: Instruction) -> None:
        if self.calls or not is_call(last):
            for target in self.targets(last):
                self._lead(target)
        if last.kind not in NO_FOLLOWER or is_call(last):
            self._lead(last.following)


def is_call(last: Instruction) -> bool:
    """Whether it is a jump that links: what follows it is returned to."""
    return last.facts.what in CALLS
