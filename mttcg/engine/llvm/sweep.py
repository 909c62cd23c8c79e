"""What of a code page can be reached: its instructions and the heads of its blocks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mttcg.engine.llvm.targets import target_of
from mttcg.isa.riscv64.decode import LONGEST_BLOCK, PAGE
from mttcg.isa.riscv64.encoding import Kind, classify, length
from mttcg.isa.riscv64.table.decode import decode

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
    """

    def __init__(
        self,
        start: int,
        half_at: Callable[[int], int],
        entries: Iterable[int],
        follow: bool = True,
    ) -> None:
        self.start, self.half_at, self.follow = start, half_at, follow
        self.instructions: dict[int, Instruction] = {}
        self.leaders: set[int] = set()
        self.pending = list(entries)
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
            for target in static_targets(last):
                backward = target <= last.pc or is_call(last.word)
                (ways_in if backward else forward).add(target)
            (forward if last.kind is Kind.BRANCH else ways_in).add(last.following)
        return frozenset(self.leaders - (forward - ways_in))

    def _inside(self, pc: int) -> bool:
        return self.start <= pc < self.start + PAGE

    def _lead(self, pc: int) -> None:
        if self.follow and self._inside(pc) and pc not in self.leaders:
            self.leaders.add(pc)
            self.pending.append(pc)

    def _follow(self, pc: int) -> None:
        self.leaders.add(pc)
        for _ in range(LONGEST_BLOCK):
            if not self._inside(pc) or pc in self.instructions:
                return
            found = self.instructions[pc] = self._read(pc)
            pc = found.following
            if found.kind.ends_block:
                self._after(found)
                return
        self._lead(pc)

    def _read(self, pc: int) -> Instruction:
        offset = pc - self.start
        word = self.half_at(offset)
        if length(word) == 4:
            word |= self.half_at(offset + 2) << 16
        kind = classify(word)
        return Instruction(pc, word, kind if decode(word) or kind.ends_block else Kind.SYSTEM)

    def _after(self, last: Instruction) -> None:
        for target in static_targets(last):
            self._lead(target)
        if last.kind not in NO_FOLLOWER or is_call(last.word):
            self._lead(last.following)


def is_call(word: int) -> bool:
    """Whether a jump links: what follows it is returned to."""
    if length(word) == 2:
        return word >> 12 == 0b1001  # c.jalr
    return word >> 7 & 31 in RETURN_ADDRESSES


def static_targets(last: Instruction) -> list[int]:
    """The addresses that a branch or direct jump names."""
    target = target_of(last.word, last.pc)
    return [] if target is None else [target]
