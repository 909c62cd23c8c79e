"""Handlers for code to which something is attached.

They are emitted by the same words as others. What is attached is only known when they run, so they
look into the frame, and call what runs operations if there are some.
"""

from collections.abc import Callable

from mttcg.engine.llvm.calls import Calls
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.handler import HERE, Handler, Operands, running
from mttcg.engine.llvm.interpreter.observed_layout import ENTRY, INSTRUCTION
from mttcg.engine.llvm.interpreter.operations import ACCESSED, RETIRED
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I1, I32, I64, ZERO, Pointer, constant
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.observed import ObservedAccess
from mttcg.engine.llvm.places import COUNT, FRAME, HART
from mttcg.engine.llvm.signature import IP, TO_PC, frame_word
from mttcg.engine.llvm.weave import ORDER, Sites
from mttcg.engine.llvm.windows import Windows
from mttcg.engine.llvm.woven import Woven, failed_one
from mttcg.instrument import events
from mttcg.instrument.native import frames
from mttcg.isa.facts import FLOATS

ATOMICS = (events.LOAD_RESERVED, events.STORE_CONDITIONAL, events.AMO)
FENCE_SETS, MEMBERS = 0xFFF, 0xFF
"""Of a fence, the bits of its mode and sets, and of its sets alone."""


class EnteringHandler(Handler):
    """A handler that enters blocks by way of what is attached to them."""

    def entry_of(self, ip: Pointer) -> Pointer:
        """What enters the block that begins with a record."""
        build = self.builder
        return build.load(build.offset(ip, ENTRY), UNKNOWN, Pointer)

    def word(self, offset: I64) -> I64:
        """The instruction, which is beside its record."""
        build = self.builder
        found = build.load(build.offset(IP, INSTRUCTION), UNKNOWN, I32)
        return build.cast("zext", found, I64)


class ObservedHandler(EnteringHandler):
    """One that tells of its accesses as well, and of its end."""

    def woven(self, build: Builder, windows: Windows, calls: Calls) -> Woven:
        """What is done where an access is made."""
        return HandlerWoven(self.isa.llvm, build, windows, calls)

    def retire(self, target: I64) -> None:
        """Run what is attached to what comes behind each instruction."""
        if self.segment.place.instruction.facts.jumps:
            self._tell(Word.EVERY_RETIRED, lambda: (target, constant(frames.JUMPS)))
        else:
            self._tell(Word.TOLD_OF_ALL, lambda: (target, ZERO))

    def retire_branch(self, taken: I1, displacement: int) -> None:
        """The same of a branch, whose displacement is an operand."""
        build = self.builder

        def went() -> tuple[I64, I64]:
            ways = HERE + displacement, HERE + self.sample.length
            there, behind = (self.operands.value(way) for way in ways)
            target = build.select(taken, there, behind, I64)
            is_elsewhere = build.compare("ne", target, behind)
            is_taken = build.select(is_elsewhere, frames.TAKEN, 0, I64)
            return target, build.binary("or", is_taken, frames.BRANCHES)

        self._tell(Word.TOLD_OF_ALL, went)

    def _tell(self, told: Word, went: Callable[[], tuple[I64, I64]]) -> None:
        """Run it, if a word says so; where control goes on, and of what kind that is."""
        build = self.builder
        run, on = build.new_block("retired"), build.new_block("on")
        build.branch(build.compare("ne", frame_word(build, told), 0), run, on)
        build.begin(run)
        target, kind = went()
        register, value = self._destination()
        what = build.binary("or", build.binary("shl", register, 32), kind)
        given = HART, IP, running(build), FRAME, TO_PC, what, value, target
        build.store(build.call(I64, RETIRED, *given), COUNT, COUNTER)
        build.goto(on)
        build.begin(on)

    def _destination(self) -> tuple[I64, I64]:
        """The register that was written, and its value; 0 for one that is always 0."""
        build, writes = self.builder, self.sample.row.behaviour.writes
        if not writes:
            return ZERO, ZERO
        number = Operands(build).field("rd")
        if writes == "f":
            return build.binary("add", number, FLOATS), self.registers.wrote
        kept = build.compare("ult", number, FLOATS)
        register, value = (
            build.select(kept, either, 0, I64) for either in (number, self.registers.wrote)
        )
        return register, value


class HandlerWoven(Woven):
    """What handlers do where an access is made: look into the frame, and call."""

    def __init__(self, isa: LlvmIsa, builder: Builder, windows: Windows, calls: Calls) -> None:
        super().__init__(builder, Sites(), windows, calls, lambda: None)
        self.isa = isa
        self.timed = self.observes_accesses = True

    def access(self, access: ObservedAccess) -> None:
        """With a load or store."""
        self._call(access, 0)

    def order(self, access: ObservedAccess) -> None:
        """With a fence, whose sets are those of the instruction."""
        build, found = self.builder, self._bits(self.isa.fence_bit, FENCE_SETS)
        has_mode = build.compare("eq", found, self.isa.fence_mode)
        sets = build.select(has_mode, found, build.binary("and", found, MEMBERS), I64)
        self._call(access._replace(value=sets), ORDER)

    def access_if(self, done: I1, access: ObservedAccess) -> None:
        """With a store-conditional, which was made if the bit `done` is set."""
        build = self.builder
        seen, not_seen, end = (build.new_block(word) for word in ("seen", "failed", "end"))
        build.branch(done, seen, not_seen)
        for block, what, mask in ((seen, access, 0), (not_seen, failed_one(access), ORDER)):
            build.begin(block)
            self._call(what, mask)
            build.goto(end)
        build.begin(end)

    def _call(self, access: ObservedAccess, mask: int) -> None:
        """Run rows whose ways have a mask's bits, if there are rows."""
        build = self.builder
        run, on = build.new_block("accessed"), build.new_block("on")
        any_rows = build.compare("ne", frame_word(build, Word.EVERY_ACCESS), 0)
        build.branch(any_rows, run, on)
        build.begin(run)
        what = access.address, access.size, access.value, self.how_of(access)
        after = build.call(I64, ACCESSED, HART, IP, running(build), FRAME, TO_PC, mask, *what)
        build.store(after, COUNT, COUNTER)
        build.goto(on)
        build.begin(on)

    def how_of(self, access: ObservedAccess) -> I64 | int:
        """As it is told; an atomic's order is that of the instruction, not of the sample."""
        if access.how & events.KIND not in ATOMICS:
            return super().how_of(access)
        order = (events.ACQUIRE, events.RELEASE)
        how = super().how_of(access._replace(how=access.how & ~sum(order)))
        for bit, flag in zip(self.isa.order_bits, order, strict=False):
            asked = self.builder.binary("mul", self._bits(bit, 1), flag)
            how = self.builder.binary("or", asked, how)
        return how

    def _bits(self, lowest: int, mask: int) -> I64:
        """Some bits of the instruction, which is beside its record."""
        build = self.builder
        word = build.load(build.offset(IP, INSTRUCTION), UNKNOWN, I32)
        shifted = build.binary("lshr", build.cast("zext", word, I64), lowest)
        return build.binary("and", shifted, mask)
