"""The looks for requests in a page's function."""

from collections.abc import Collection

from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, REGISTER, UNLIKELY
from mttcg.engine.llvm.ir.values import I64
from mttcg.engine.llvm.places import COUNT, NEXT, REQUEST, Labels
from mttcg.engine.llvm.relative import in_halves
from mttcg.engine.llvm.windows import SHOW
from mttcg.memory.address import PageOffset


class Looks:
    """Emits looks.

    Args:
        builder: of the function.
        labels: of the function.
        polls_every_block: whether to look each time.
        ways_in: leaders where loops begin, or control comes from elsewhere: with a look at each of
            these, others need none.
    """

    def __init__(
        self,
        builder: Builder,
        labels: Labels,
        polls_every_block: bool,
        ways_in: Collection[PageOffset],
    ) -> None:
        self.builder, self.labels, self.ways_in = builder, labels, ways_in
        self.polls_every_block = polls_every_block

    def check(self, leader: PageOffset) -> None:
        """Look for a request: each time, or when so much was counted that it is time to look."""
        if not self.polls_every_block and leader not in self.ways_in:
            return
        build = self.builder
        good = build.compare("slt", build.load(COUNT, COUNTER, I64), 0)
        if self.polls_every_block:
            asked = build.load_atomic(REQUEST, "monotonic", I64)
            good = build.binary("and", good, build.compare("eq", asked, 0))
        on, off = build.new_block("on"), build.new_block("off")
        build.branch(good, on, off, UNLIKELY)
        with build.cold():
            build.begin(off)
            self._leave_to_look(leader)
        build.begin(on)

    def _leave_to_look(self, leader: PageOffset) -> None:
        """Have the native loop look, which comes back to the leader and lets the count begin anew.

        A look of its own at each leader would be a third of the code.
        """
        build = self.builder
        build.defer(SHOW)  # before it is counted, so that what is counted was seen
        build.store(in_halves(leader), NEXT, REGISTER)
        build.goto(self.labels["l", leader])
