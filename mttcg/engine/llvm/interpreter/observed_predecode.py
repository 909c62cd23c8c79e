"""Predecoding of code to which something is attached, natively: records, and what is beside them.

As `predecode`, of a page that is the vCPU's own. Beside each record it writes the instruction, and
what is known of the block that begins there; an instruction that has something attached gets a
handler that runs this first.
"""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.checked import CHECKED_HANDLER
from mttcg.engine.llvm.interpreter.decoding import ENDS
from mttcg.engine.llvm.interpreter.fill import meet
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.observed_layout import (
    BLOCK_ROWS,
    BYTES_SHIFT,
    CHECKED,
    CHOSEN,
    ENDS_BIT,
    ENTRY,
    EXTENT,
    FIRST_ENTRY,
    INSTRUCTION,
    INSTRUCTION_ROWS,
    INSTRUCTIONS_BITS,
    LENGTH_BITS,
    OWN,
)
from mttcg.engine.llvm.interpreter.operations import BEFORE, ENTERED
from mttcg.engine.llvm.interpreter.predecode import AT, OFFSET, RECORDS, Predecode
from mttcg.engine.llvm.interpreter.straddle import STRADDLE
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import UNKNOWN
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I1, I32, I64, ZERO, BasicBlock, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.engine.llvm.signature import (
    BLOCK,
    IP,
    RUNNING,
    frame_word,
    handler_of,
    pc_at,
    tail_call,
)
from mttcg.memory.page import PAGE
from mttcg.tbcache.predecoded import RECORD_SHIFT

PREDECODE_OBSERVED, MEET = "predecode_observed", "meet"
"""What predecodes, and what enters a block for the first time, so that it is known from then on."""
INSTRUCTIONS, BYTES = Pointer("%instructions"), Pointer("%bytes")
"""Places: how much of the block there is from AT on."""


def predecode_observed_function(isa: InterpretedIsa) -> str:
    """The text of what predecodes."""
    function = Function(f"void @{PREDECODE_OBSERVED}", (RECORDS, OFFSET, FRAME), aliased=True)
    return PredecodeObserved(isa, Builder(function)).source()


class PredecodeObserved(Predecode):
    """Emits the function."""

    def begin(self) -> None:
        """Have places of its own as well."""
        super().begin()
        self.builder.allocate(INSTRUCTIONS)
        self.builder.allocate(BYTES)

    def put_handler(self, record: Pointer, handler: Pointer, straddles: I1 | None) -> None:
        """Write a handler, or one that first runs what is attached to the instruction."""
        build = self.builder
        build.store(handler, build.offset(record, OWN), UNKNOWN)
        chosen = _own_or_before(build, record, handler)
        if straddles is not None:
            chosen = build.select(straddles, Pointer(f"@{STRADDLE}"), chosen, Pointer)
            checks = build.load(build.offset(RECORDS, CHECKED), UNKNOWN, I64)
            unchecked = build.compare("eq", checks, 0)
            chosen = build.select(unchecked, chosen, Pointer(f"@{CHECKED_HANDLER}"), Pointer)
        super().put_handler(record, chosen, None)

    def describe(self, record: Pointer, word: I64, length: I64, flags: I64) -> None:
        """Write the instruction, and of the block what the instruction itself says."""
        build = self.builder
        bits = build.binary("shl", length, 3)
        mask = build.binary("sub", build.binary("shl", I64(1), bits), 1)
        instruction = build.cast("trunc", build.binary("and", word, mask), I32)
        build.store(instruction, build.offset(record, INSTRUCTION), UNKNOWN)
        ends = build.compare("ne", build.binary("and", flags, ENDS), 0)
        above = build.binary("shl", length, INSTRUCTIONS_BITS)
        extent = build.binary("or", above, build.select(ends, ENDS_BIT, 0, I64))
        self._put_extent(record, extent)
        first = build.load(build.offset(RECORDS, FIRST_ENTRY), UNKNOWN, I64)
        build.store(first, build.offset(record, ENTRY), UNKNOWN)

    def end(self) -> None:
        """Complete what is known of the blocks: how much there is behind each instruction."""
        build = self.builder
        build.store(OFFSET, AT, UNKNOWN)
        build.store(0, INSTRUCTIONS, UNKNOWN)
        build.store(0, BYTES, UNKNOWN)
        self._measure()
        build.store(OFFSET, AT, UNKNOWN)
        self._complete()

    def _measure(self) -> None:
        """Add up to the end of the block, or to what was complete before."""
        build = self.builder
        one, new, known, over = (build.new_block(word) for word in ("one", "new", "known", "over"))
        build.goto(one)
        build.begin(one)
        extent = self._extent()
        instructions = self._instructions(extent)
        build.branch(build.compare("eq", instructions, 0), new, known)
        build.begin(known)
        self._add(INSTRUCTIONS, instructions)
        self._add(BYTES, build.binary("lshr", extent, BYTES_SHIFT))
        build.goto(over)
        build.begin(new)
        self._add(INSTRUCTIONS, I64(1))
        self._add(BYTES, self._length(extent))
        self._advance(extent, one, over)
        build.begin(over)

    def _complete(self) -> None:
        """Write what each new place has of its block."""
        build = self.builder
        one, new, over = (build.new_block(word) for word in ("each", "incomplete", "complete"))
        build.goto(one)
        build.begin(one)
        extent = self._extent()
        build.branch(build.compare("eq", self._instructions(extent), 0), new, over)
        build.begin(new)
        instructions, size = (build.load(at, UNKNOWN, I64) for at in (INSTRUCTIONS, BYTES))
        whole = build.binary("or", build.binary("or", extent, instructions), self._above(size))
        self._put_extent(self.record_at(build.load(AT, UNKNOWN, I64)), whole)
        self._add(INSTRUCTIONS, I64(-1))
        self._add(BYTES, build.binary("sub", ZERO, self._length(extent)))
        self._advance(extent, one, over)
        build.begin(over)

    def _advance(self, extent: I64, on: BasicBlock, over: BasicBlock) -> None:
        """Go on with the next instruction, unless the block ends."""
        build = self.builder
        inside = build.new_block("inside")
        ends = build.compare("ne", build.binary("and", extent, ENDS_BIT), 0)
        build.branch(ends, over, inside)
        build.begin(inside)
        self._add(AT, self._length(extent))
        more: I1 = build.compare("ult", build.load(AT, UNKNOWN, I64), PAGE)
        build.branch(more, on, over)

    def _above(self, size: I64) -> I64:
        return self.builder.binary("shl", size, BYTES_SHIFT)

    def _add(self, place: Pointer, amount: I64) -> None:
        build = self.builder
        build.store(build.binary("add", build.load(place, UNKNOWN, I64), amount), place, UNKNOWN)

    def _extent(self) -> I64:
        build = self.builder
        at = build.offset(self.record_at(build.load(AT, UNKNOWN, I64)), EXTENT)
        return build.cast("zext", build.load(at, UNKNOWN, I32), I64)

    def _put_extent(self, record: Pointer, extent: I64) -> None:
        build = self.builder
        build.store(build.cast("trunc", extent, I32), build.offset(record, EXTENT), UNKNOWN)

    def _instructions(self, extent: I64) -> I64:
        return self.builder.binary("and", extent, (1 << INSTRUCTIONS_BITS) - 1)

    def _length(self, extent: I64) -> I64:
        length = self.builder.binary("lshr", extent, INSTRUCTIONS_BITS)
        return self.builder.binary("and", length, (1 << LENGTH_BITS) - 1)


def _own_or_before(build: Builder, record: Pointer, handler: Pointer) -> Pointer:
    """An instruction's handler, or what first runs what is attached to the instruction."""
    rows = build.load(build.offset(record, INSTRUCTION_ROWS), UNKNOWN, I64)
    attached = build.binary("or", rows, frame_word(build, Word.EVERY_INSTRUCTION))
    none = build.compare("eq", attached, 0)
    return build.select(none, handler, Pointer(f"@{BEFORE}"), Pointer)


def own_observed(build: Builder) -> Pointer:
    """The handler of an instruction that is looked at first: at its end, or at its protection."""
    return _own_or_before(build, IP, build.load(build.offset(IP, OWN), UNKNOWN, Pointer))


def _records(build: Builder) -> tuple[Pointer, I64]:
    """The page's first record, and the offset of this one in the page."""
    offset = build.binary("and", pc_at(build, IP), PAGE - 1)
    back = build.binary("sub", ZERO, build.binary("shl", offset, RECORD_SHIFT))
    return build.offset(IP, back), offset


def fill_observed(build: Builder) -> None:
    """Predecode what is here, to the end of its block, and go on, or enter the block."""
    records, offset = _records(build)
    build.run(f"@{PREDECODE_OBSERVED}", records, offset, FRAME)
    enters, on = build.new_block("enters"), build.new_block("on")
    begins = build.compare("eq", build.cast("ptrtoint", IP, I64), BLOCK)
    build.branch(begins, enters, on)
    build.begin(enters)
    entry = build.load(build.offset(IP, ENTRY), UNKNOWN, Pointer)
    tail_call(build, entry, IP, RUNNING, BLOCK)
    build.begin(on)
    tail_call(build, handler_of(build, IP), IP, RUNNING, BLOCK)


def meet_observed(build: Builder) -> None:
    """Have a block known, and entered by what is attached to it from now on."""
    records, offset = _records(build)
    meet(build, records, build.binary("lshr", offset, 1))
    rows = build.load(build.offset(IP, BLOCK_ROWS), UNKNOWN, I64)
    chosen = build.load(build.offset(records, CHOSEN), UNKNOWN, Pointer)
    none = build.compare("eq", rows, 0)
    entry = build.select(none, chosen, Pointer(f"@{ENTERED}"), Pointer)
    build.store(entry, build.offset(IP, ENTRY), UNKNOWN)
    tail_call(build, entry, IP, RUNNING, BLOCK)
