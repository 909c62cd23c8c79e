"""What of a code page can be reached: its instructions and the heads of its blocks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from mttcg.engine.llvm.targets import target_of
from mttcg.isa.riscv64.encoding import Kind, classify, length
from mttcg.isa.riscv64.table.decode import decode
from mttcg.memory.page import PAGE

UPPER_BYTES = 4
"""Length of auipc, which has no short form."""
RETURN_ADDRESSES = (1, 5)
"""x1 and x5: a jump that links to one of them is a call (psABI)."""
NO_FOLLOWER = (Kind.JUMP, Kind.INDIRECT, Kind.ILLEGAL)
"""What comes behind these is reached from elsewhere, or not at all: padding is zeros."""


@dataclass(frozen=True)
class Instruction:
    """One instruction of the page."""

    pc: int
    word: int
    kind: Kind

    @property
    def following(self) -> int:
        """Address after it."""
        return self.pc + length(self.word)


class Sweep:
    """The instructions and block heads that can be reached in a page.

    Args:
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
        start: int,
        half_at: Callable[[int], int],
        entries: Iterable[int],
        follow: bool = True,
        calls: bool = True,
        longest: int = PAGE,
        elsewhere: Callable[[int], bool] = lambda pc: False,
    ) -> None:
        self.start, self.half_at, self.follow, self.calls = start, half_at, follow, calls
        self.longest = longest
        self.instructions: dict[int, Instruction] = {}
        self.leaders: set[int] = set()
        self.wanted: frozenset[int] = frozenset()
        self.elsewhere: set[int] = set()
        self.is_elsewhere = elsewhere
        self.pending = list(entries)
        self.first = self.pending[0]
        while self.pending:
            self._follow(self.pending.pop())

    def entries(self) -> frozenset[int]:
        """The leaders that are reached otherwise than by falling or branching forward to them.

        Loops keep one way in, their head, where the compiler can see them as loops.
        """
        forward: set[int] = set()
        ways_in: set[int] = set()
        for last in self.instructions.values():
            if not last.kind.ends_block:
                continue
            for target in self.targets(last):
                backward = target <= last.pc or is_call(last)
                (ways_in if backward else forward).add(target)
            (forward if last.kind is Kind.BRANCH else ways_in).add(last.following)
        return frozenset(self.leaders - (forward - ways_in)) | self.wanted

    @cached_property
    def extents(self) -> dict[int, tuple[int, int]]:
        """How many instructions and bytes a block that begins there has, by address."""
        found: dict[int, tuple[int, int]] = {}
        for pc in sorted(self.instructions, reverse=True):
            here = self.instructions[pc]
            ends = here.kind.ends_block or here.following not in found
            count, size = (0, 0) if ends else found[here.following]
            found[pc] = count + 1, size + length(here.word)
        return found

    def called(self) -> frozenset[int]:
        """The addresses of the page that are called."""
        calls = filter(is_call, self.instructions.values())
        return frozenset(filter(self.inside, (to for call in calls for to in self.targets(call))))

    def targets(self, last: Instruction) -> list[int]:
        """The addresses that are named by a branch, a direct jump, or auipc with jalr."""
        direct = target_of(last.word, last.pc)
        if direct is not None:
            return [direct]
        before = self.instructions.get(last.pc - UPPER_BYTES)
        upper, jump = before and decode(before.word), decode(last.word)
        if not (before and upper and jump and last.kind is Kind.INDIRECT):
            return []
        if upper.name != "auipc" or upper.rd != jump.rs1:
            return []
        return [before.pc + upper.immediate + jump.immediate & (1 << 64) - 2]

    def inside(self, pc: int) -> bool:
        """Whether an address is in the page."""
        return self.start <= pc < self.start + PAGE

    def _is_new(self, pc: int) -> bool:
        return self.inside(pc) and pc not in self.instructions

    def _lead(self, pc: int) -> None:
        if self.follow and self.inside(pc) and pc not in self.leaders:
            self.leaders.add(pc)
            if self.is_elsewhere(pc):
                self.elsewhere.add(pc)
            else:
                self.pending.append(pc)

    def _follow(self, pc: int) -> None:
        self.leaders.add(pc)
        while self._is_new(pc) and len(self.instructions) < self.longest:
            found = self.instructions[pc] = self._read(pc)
            pc = found.following
            if found.kind.ends_block:
                self._after(found)
                return

    def _read(self, pc: int) -> Instruction:
        offset = pc - self.start
        word = self.half_at(offset)
        if length(word) == 4:
            word |= self.half_at(offset + 2) << 16
        return Instruction(pc, word, classify(word))

    def _after(self, last: Instruction) -> None:
        if self.calls or not is_call(last):
            for target in self.targets(last):
                self._lead(target)
        if last.kind not in NO_FOLLOWER or is_call(last):
            self._lead(last.following)


def is_call(last: Instruction) -> bool:
    """Whether it is a jump that links: what follows it is returned to."""
    if last.kind not in (Kind.JUMP, Kind.INDIRECT):
        return False
    if length(last.word) == 2:
        return last.word >> 12 == 0b1001  # c.jalr
    return last.word >> 7 & 31 in RETURN_ADDRESSES
