"""The ways out of a page's code."""

from typing import NamedTuple

from mttcg.engine.llvm.counts import Counts
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, REGISTER, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, ZERO, constant
from mttcg.engine.llvm.places import BLOCK_PC, EXIT, FRAME, NEXT, PC, SLOT, Labels
from mttcg.engine.llvm.relative import in_halves, relative
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.windows import Windows
from mttcg.memory.address import PageOffset


class WrittenHere(NamedTuple):
    """Registers that a leader's code has written where it is left before its end.

    Of a deferred piece: it publishes those that the leader's way out does not.
    """

    leader: PageOffset
    names: frozenset[str]


class Exits:
    """Emits them.

    Args:
        builder: of the function.
        labels: of the function.
        segment: that is being emitted.
        counts: counts what is pending.
        windows: of the streams that records go to.
        translated: whether addresses are: the host can't tell then in which slot of the block cache
            the page is.
    """

    def __init__(
        self,
        builder: Builder,
        labels: Labels,
        segment: Segment,
        counts: Counts,
        windows: Windows,
        translated: bool = False,
    ) -> None:
        self.builder, self.labels, self.segment = builder, labels, segment
        self.counts, self.windows, self.translated = counts, windows, translated

    def leave(self, reason: Reason, detail: I64 | int, uncounted: int) -> None:
        """Leave before this instruction.

        The interpreter runs it and goes on, or leaves for the same reason; it is the host that a
        callback has asked to stop for.
        """
        self.counts.settle(self.segment.pending, self.segment.place.left)
        self.windows.leave_cursors()
        if reason is Reason.CALLBACK:
            self._leave_to_host(reason, self.segment.place.offset)
        else:
            self.builder.store(in_halves(self.segment.place.offset), NEXT, REGISTER)
            self._leave("t")

    def leave_unless(self, bit: I1, reason: Reason, detail: I64, retired: int = 0) -> None:
        """Go on if a bit is set, else leave before this instruction.

        `retired` is 1 if the instruction counts all the same, as those do that the host runs.
        """
        build = self.builder
        on, off = build.new_block("on"), build.new_block("off")
        build.branch(bit, on, off, UNLIKELY)
        with build.cold():
            build.begin(off)
            self.leave(reason, detail, self.segment.place.left - retired)
        build.begin(on)

    def illegal_unless(self, bit: I1, word: int) -> None:
        """Go on if a bit is set, else leave, as the instruction is illegal."""
        self.leave_unless(bit, Reason.SYSTEM, constant(word), retired=1)

    def leave_if_asked(self) -> None:
        """After an operation in Python, which may have asked for a stop."""
        asked = self.builder.load_atomic(EXIT, "monotonic", I64)
        self.leave_unless(self.builder.compare("eq", asked, 0), Reason.CALLBACK, ZERO)

    def leave_at_access(self, address: I64) -> None:
        """Leave an access."""
        self.leave(Reason.ACCESS, address, self.segment.place.left)

    def go_to(self, target: int) -> None:
        """Go on in another function, at a known distance from the page's start."""
        self.builder.store(in_halves(target), NEXT, REGISTER)
        self.builder.goto(self.labels["o", self.segment.leader])

    def go_on(self, offset: PageOffset) -> None:
        """Go on with the current block in the interpreter, from an offset on."""
        self._leave_to_host(Reason.GOES_ON, offset)

    def _leave_to_host(self, reason: Reason, offset: PageOffset) -> None:
        build = self.builder
        build.store(int(reason), EXIT, COUNTER)
        build.store(relative(build, offset), PC, COUNTER)
        build.store(relative(build, self.segment.leader), BLOCK_PC, COUNTER)
        if self.translated:
            build.store(SLOT, build.offset(FRAME, 8 * Word.BLOCK_SLOT), COUNTER)
        self._leave("h")

    def _leave(self, letter: str) -> None:
        segment = self.segment
        if segment.written:
            self.builder.defer(WrittenHere(segment.leader, frozenset(segment.written)))
        self.builder.goto(self.labels[letter, segment.leader])
