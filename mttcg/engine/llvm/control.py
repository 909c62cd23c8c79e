"""The end of an instruction, and where control goes on."""

from collections.abc import Callable

from mttcg.engine.llvm.counts import Counts
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Reason
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import REGISTER
from mttcg.engine.llvm.ir.values import I1, I64, ZERO, Relative, constant
from mttcg.engine.llvm.liveness import RegisterFlow
from mttcg.engine.llvm.observed import Retired
from mttcg.engine.llvm.pieces import Pieces
from mttcg.engine.llvm.places import NEXT, Labels
from mttcg.engine.llvm.registers import RegisterAccesses
from mttcg.engine.llvm.relative import halves_to, relative
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.woven import Woven
from mttcg.isa.operations import SystemWords
from mttcg.memory.address import PageOffset


class ControlFlow:
    """The part of `Operations` that ends a block.

    Args:
        builder: of the function.
        labels: of the function.
        segment: that is being emitted.
        leaders: places of the page that have a label.
        polls_every_block: whether each block looks for requests before it begins.
        pieces, counts, exits, registers, woven: what ends with an instruction.
        flow: learns which leaders are gone to.
    """

    def __init__(
        self,
        builder: Builder,
        labels: Labels,
        segment: Segment,
        leaders: frozenset[PageOffset],
        polls_every_block: bool,
        pieces: Pieces,
        counts: Counts,
        exits: Exits,
        registers: RegisterAccesses,
        woven: Woven,
        flow: RegisterFlow,
    ) -> None:
        self.builder, self.labels, self.segment = builder, labels, segment
        self.leaders, self.polls_every_block = leaders, polls_every_block
        self.pieces, self.counts, self.exits = pieces, counts, exits
        self.registers, self.woven, self.flow = registers, woven, flow

    def retire(self, target: I64 = ZERO, taken: I1 | None = None) -> None:
        """The instruction is over, but for going on at `target` if it is a jump, or a branch."""
        if not self.woven.sites.every_retired:
            return
        place, facts = self.segment.place, self.segment.place.instruction.facts
        value = self.registers.wrote if facts.destination else ZERO
        what = place.offset, place.word, facts.jumps, facts.destination
        self.woven.after_instruction(Retired(*what, value, target, taken, self._count_retired))

    def _count_retired(self) -> I64:
        return self.counts.retired(self.segment.pending)

    def leave(self, word: int) -> None:
        """Leave the instruction to the host; it counts as retired."""
        self.pieces.end()
        self.exits.leave(Reason.SYSTEM, constant(word), self.segment.place.left - 1)
        self.segment.ended = True

    def system(self, word: int, does: Callable[[SystemWords[I64]], None] | None = None) -> None:
        """Leave the instruction."""
        self.leave(word)

    def jump(self, target: I64) -> None:
        """Go on at an address."""
        self.retire(target)
        self.pieces.end()
        if isinstance(target, Relative):
            self.goto(PageOffset(target.distance))
        else:
            self.builder.store(halves_to(self.builder, target), NEXT, REGISTER)
            self.builder.goto(self.labels["d" if self.leaders else "o", self.segment.leader])
        self.segment.ended = True

    def branch(self, condition: I64, displacement: int) -> None:
        """Go on at a displacement, by `yes`, if condition is not 0, else after it, by `no`."""
        build, place = self.builder, self.segment.place
        there = build.compare("ne", condition, 0)
        if self.woven.sites.every_retired:
            leads = place.offset + displacement
            ways: tuple[I64, I64] = relative(build, leads), relative(build, place.following)
            self.retire(
                build.select(there, *ways, I64), I1("false") if leads == place.following else there
            )
        self.pieces.end()
        yes, no = build.new_block("yes"), build.new_block("no")
        build.branch(there, yes, no)
        build.begin(yes)
        self.goto(PageOffset(self.segment.place.offset + displacement))
        build.begin(no)
        if self.segment.next_round is not None:
            self.woven.windows.leave_cursors()
        self.goto(self.segment.place.following)
        self.segment.ended = True

    def goto(self, target: PageOffset) -> None:
        """Go on at a known place: a block of this page, or out by the dispatcher."""
        segment = self.segment
        if target == segment.leader and segment.next_round is not None:
            self.builder.goto(segment.next_round)
            return
        self.counts.settle(segment.pending)
        if target in self.leaders:
            # every loop has a jump backward, or one by the dispatcher, which looks as well;
            # what Python changes is in force with the next block, whichever that is
            self.flow.lead(segment.leader, target)
            looks = target <= segment.place.offset or self.polls_every_block
            self.builder.goto(self.labels["r" if looks else "b", target])
        else:
            self.exits.go_to(target)
