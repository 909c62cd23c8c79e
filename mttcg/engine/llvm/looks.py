"""The looks for requests in a page's function, and the counts that go with them."""

from collections.abc import Collection

from mttcg.engine.llvm.counts import publish_counts
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, PRESERVING, REGISTER, UNLIKELY
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I64, BasicBlock, Pointer
from mttcg.engine.llvm.places import (
    BLOCK_PC,
    COUNT,
    EXIT,
    FRAME,
    HART,
    LEAVE,
    NEXT,
    PC,
    REQUEST,
    Labels,
)
from mttcg.engine.llvm.relative import address_at, in_halves, relative
from mttcg.engine.llvm.sampling import add_sample
from mttcg.engine.llvm.windows import SHOW
from mttcg.memory.address import PageOffset
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of

ASKED = "@asked"
"""The function that says whether the vCPU is to leave translated code."""
OFFSET = offsets_of(VcpuState)


def asked_function() -> str:
    """Its text: there is a request, or an interrupt is due, as far as native code knows of these.

    A timer makes no request where native code looks at the clock.
    """
    function = Function(f"internal {PRESERVING} i64 {ASKED}", (HART, FRAME), "noinline #0")
    build = Builder(function)
    build.begin(Labels().entry)
    build.offset(HART, OFFSET["request"], REQUEST)
    asked = build.load_atomic(REQUEST, "monotonic", I64)
    alert = build.load_atomic(build.offset(HART, OFFSET["alert"]), "monotonic", I64)
    requested = build.binary("or", asked, alert)
    timer = build.offset(HART, OFFSET["timer_deadline"])
    is_set = build.compare("ne", build.load_atomic(timer, "monotonic", I64), -1)
    due = build.load(build.offset(FRAME, 8 * Word.DUE), COUNTER, I64)
    looks = build.binary("and", is_set, build.compare("ne", due, 0))
    clock, plain = build.new_block("clock"), build.new_block("plain")
    build.branch(looks, clock, plain)
    build.begin(plain)
    build.give(requested)
    build.begin(clock)
    found = build.call(I64, build.cast("inttoptr", due, Pointer), HART, FRAME)
    build.give(build.binary("or", requested, found))
    return "\n".join(function.text(advice=False))


class Looks:
    """Emits looks.

    Args:
        builder: of the function.
        labels: of the function.
        optimised: whether looks are left to the native loop; if not, they are made here, and take
            samples.
        polls_every_block: whether to look each time.
        ways_in: leaders where loops begin, or control comes from elsewhere: with a look at each of
            these, others need none.
    """

    def __init__(
        self,
        builder: Builder,
        labels: Labels,
        optimised: bool,
        polls_every_block: bool,
        ways_in: Collection[PageOffset],
    ) -> None:
        self.builder, self.labels, self.ways_in = builder, labels, ways_in
        self.optimised, self.polls_every_block = optimised, polls_every_block

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
            if self.optimised:
                self._leave_to_look(leader)
            else:
                build.store(in_halves(leader), NEXT, REGISTER)
                build.goto(self.labels.look)
        build.begin(on)

    def _leave_to_look(self, leader: PageOffset) -> None:
        """Have the native loop look, which comes back to the leader and lets the count begin anew.

        A look of its own at each leader would be a third of the code.
        """
        build = self.builder
        build.defer(SHOW)  # before it is counted, so that what is counted was seen
        pc = relative(build, leader)
        build.store(pc, PC, COUNTER)
        build.store(pc, BLOCK_PC, COUNTER)
        build.goto(self.labels["l", leader])

    def shared(self) -> None:
        """The one look that all leaders share: which one is in NEXT, where it then goes on."""
        if not self.optimised:
            build = self.builder
            build.begin(self.labels.look)
            leader = address_at(build, build.load(NEXT, REGISTER, I64))
            self._look(leader, self.labels.dispatch)

    def _look(self, pc: I64, on: BasicBlock) -> None:
        """Look for a request at a leader's pc, and `stop` for one, or `go` on with a sample."""
        build = self.builder
        build.defer(SHOW)  # before it is counted, so that what is counted was seen
        publish_counts(build, pc)
        none = build.compare("eq", build.call_aside(ASKED, HART, FRAME), 0)
        go, stop = build.new_block("go"), build.new_block("stop")
        build.branch(none, go, stop)
        build.begin(stop)
        self._leave(pc, Reason.REQUEST)
        build.begin(go)
        wake = build.new_block("wake")
        build.branch(add_sample(build, pc), wake, on)
        build.begin(wake)
        self._leave(pc, Reason.HOT)

    def _leave(self, pc: I64, reason: Reason) -> None:
        self.builder.store(int(reason), EXIT, COUNTER)
        self.builder.store(pc, PC, COUNTER)
        self.builder.goto(LEAVE)
