"""The native function that predecodes: from instruction words to records.

It fills a page's records from an offset to the end of the block there, or to a record that exists.
A record's operands are written before its handler, both in full words: whoever sees the handler,
in another vCPU as well, sees the operands. vCPUs that fill the same records write the same.
"""

from collections.abc import Sequence
from typing import TypeVar

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter import decoding
from mttcg.engine.llvm.interpreter.decoding import CANDIDATE, CANDIDATE_PLACES, EMPTY_NUMBER
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.straddle import STRADDLE
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, AliasClass
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I1, I8, I16, I32, I64, Pointer, Value
from mttcg.engine.llvm.places import FRAME
from mttcg.engine.llvm.signature import frame_pointer
from mttcg.isa.table.layout import NOTHING, Field, Layout, Piece
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import WORD_BYTES, offsets_of
from mttcg.tbcache.layout import SLOT, TAIL_AT
from mttcg.tbcache.predecoded import (
    ENDS_BLOCK,
    HANDLERS_AT,
    KNOWN_AT,
    OPERANDS,
    OWN_HANDLER_SHIFT,
    OWN_HANDLERS,
    PLACES,
    RECORD_BYTES,
    RECORD_SHIFT,
    SLOT_AT,
)

T = TypeVar("T", bound=Value)
PREDECODE = "predecode"
RECORDS, OFFSET = Pointer("%records"), I64("%offset")
"""Parameters: the page's first record, and the offset in the page to begin at."""
AT, CODE_WORD, CANDIDATE_AT, OPERAND_WORD = (
    Pointer(f"%{name}") for name in ("at", "code_word", "candidate_at", "operand_word")
)
"""Places of the function: the offset, the instruction, what it may be, and its operands."""
ORDERED = AliasClass(0, ordered=True)
IMMEDIATE_BITS = 8 * (RECORD_BYTES - PLACES["immediate"])
DISCARDED = offsets_of(VcpuState)["discarded"]


def discarded_register(isa: InterpretedIsa) -> int:
    """The register that takes what is written to the first."""
    return (DISCARDED - isa.llvm.files["x"]) // WORD_BYTES


def predecode_function(isa: InterpretedIsa) -> str:
    """The text of it."""
    function = Function(f"void @{PREDECODE}", (RECORDS, OFFSET, FRAME))
    return Predecode(isa, Builder(function)).source()


class Predecode:
    """Emits the function: a loop over instructions.

    Args:
        isa: the guest's.
        builder: of the function.
    """

    def __init__(self, isa: InterpretedIsa, builder: Builder) -> None:
        self.isa, self.builder = isa, builder
        words = "next", "search", "found", "write", "done"
        blocks = [builder.new_block(word) for word in words]
        self.next, self.search, self.found, self.write, self.done = blocks

    def source(self) -> str:
        """The function."""
        build = self.builder
        self.begin()
        slot = build.load(build.offset(RECORDS, SLOT_AT), COUNTER, I64)
        self.handlers = build.load(build.offset(RECORDS, HANDLERS_AT), COUNTER, Pointer)
        code = build.offset(frame_pointer(build, Word.CODE), build.binary("shl", slot, PAGE_SHIFT))
        table = frame_pointer(build, Word.DECODING)
        build.store(OFFSET, AT, UNKNOWN)
        build.goto(self.next)
        build.begin(self.next)
        self._read_word(code, slot)
        self._select(table)
        self._search()
        self._take_operands()
        self._write()
        build.begin(self.done)
        self.end()
        build.end(returns=True)
        return "\n".join(build.function.text(advice=True))

    def begin(self) -> None:
        """Begin with the places that the function has."""
        self.builder.begin(self.builder.new_block("entry"))
        for place in (AT, CODE_WORD, CANDIDATE_AT, OPERAND_WORD):
            self.builder.allocate(place)

    def end(self) -> None:
        """What is done when the records are there."""

    def describe(self, record: Pointer, word: I64, length: I64, flags: I64) -> None:
        """What is kept of an instruction beside its record: nothing."""

    def put_handler(self, record: Pointer, handler: Pointer, straddles: I1 | None) -> None:
        """Write a handler, which lets the record be seen.

        straddles: whether the instruction goes over its page's end, if that has to be looked at.
        """
        build = self.builder
        if straddles is None:
            build.store(handler, record, ORDERED)
            return
        over, on = build.new_block("over"), build.new_block("on")
        build.branch(straddles, over, on)
        build.begin(over)
        at = OWN_HANDLERS + (PAGE - 2 << OWN_HANDLER_SHIFT)
        build.store(handler, build.offset(RECORDS, at), ORDERED)
        build.goto(on)
        build.begin(on)
        chosen = build.select(straddles, Pointer(f"@{STRADDLE}"), handler, Pointer)
        build.store(chosen, record, ORDERED)

    def _straddles(self, at: I64, length: I64) -> I1 | None:
        if not self.isa.translation:
            return None
        build = self.builder
        return build.compare("ult", I64(PAGE), build.binary("add", at, length))

    def _read_word(self, code: Pointer, slot: I64) -> None:
        """The instruction at AT, with what follows it, or the half that the next page has."""
        build = self.builder
        inside, tail, both = (build.new_block(word) for word in ("inside", "tail", "both"))
        at = build.load(AT, UNKNOWN, I64)
        place = build.offset(code, at)
        build.branch(build.compare("ult", at, PAGE - 2), inside, tail)
        build.begin(inside)
        # nobody writes a slot's content while a vCPU fetches from it
        build.store(build.cast("zext", build.load(place, UNKNOWN, I32), I64), CODE_WORD, UNKNOWN)
        build.goto(both)
        build.begin(tail)
        row = build.binary("mul", slot, SLOT.itemsize)
        slots = frame_pointer(build, Word.SLOTS)
        half = build.load(build.offset(build.offset(slots, row), TAIL_AT), UNKNOWN, I32)
        high = build.binary("shl", build.cast("zext", half, I64), 16)
        low = build.cast("zext", build.load(place, UNKNOWN, I16), I64)
        build.store(build.binary("or", low, high), CODE_WORD, UNKNOWN)
        build.goto(both)
        build.begin(both)

    def _select(self, table: Pointer) -> None:
        """The first candidate of the instruction's bucket."""
        build, isa = self.builder, self.isa
        word = build.load(CODE_WORD, UNKNOWN, I64)
        blocks = {size: build.new_block(f"bytes{size}_") for size in isa.selectors}
        lowest = build.binary("and", word, len(isa.lengths) - 1)
        cases = dict(enumerate(blocks[length] for length in isa.lengths))
        build.switch(lowest, self.done, cases)
        for size, block in blocks.items():
            build.begin(block)
            bucket = self._gather(word, decoding.runs_of(isa.selectors[size]))
            first = decoding.BUCKET_BYTES * decoding.buckets_before(isa, size)
            distance = build.binary("mul", bucket, decoding.BUCKET_BYTES)
            place = build.offset(build.offset(table, distance), first)
            number = build.cast("zext", build.load(place, UNKNOWN, I16), I64)
            candidates = build.offset(table, decoding.first_candidate(isa))
            scaled = build.binary("mul", number, CANDIDATE.itemsize)
            build.store(build.offset(candidates, scaled), CANDIDATE_AT, UNKNOWN)
            build.goto(self.search)

    def _search(self) -> None:
        """The first candidate whose pattern the instruction has."""
        build, other = self.builder, self.builder.new_block("other")
        build.begin(self.search)
        word = build.cast("trunc", build.load(CODE_WORD, UNKNOWN, I64), I32)
        candidate = build.load(CANDIDATE_AT, UNKNOWN, Pointer)
        mask, match = (self._field(candidate, name, I32) for name in ("mask", "match"))
        same = build.compare("eq", build.binary("and", word, mask), match)
        build.branch(same, self.found, other)
        build.begin(other)
        build.store(build.offset(candidate, CANDIDATE.itemsize), CANDIDATE_AT, UNKNOWN)
        build.goto(self.search)

    def _take_operands(self) -> None:
        """The operands, as its layout has them."""
        build, layouts = self.builder, decoding.layouts_of(self.isa)
        build.begin(self.found)
        blocks = [build.new_block("layout") for _ in layouts]
        build.store(0, OPERAND_WORD, UNKNOWN)
        layout = self._number(build.load(CANDIDATE_AT, UNKNOWN, Pointer), "layout", I8)
        build.switch(layout, self.write, dict(enumerate(blocks)))
        for one, block in zip(layouts, blocks, strict=True):
            build.begin(block)
            word = build.load(CODE_WORD, UNKNOWN, I64)
            build.store(self._operands(word, one), OPERAND_WORD, UNKNOWN)
            build.goto(self.write)

    def _operands(self, word: I64, layout: Layout) -> I64:
        """The second word of a record."""
        build = self.builder
        immediate = layout.immediate if layout.rounding is NOTHING else layout.rounding
        total = self._immediate(word, immediate)
        for name in ("rd", "rs1", "rs2", "rs3"):
            where: Field = getattr(layout, name)
            shift = 8 * (PLACES[name] - OPERANDS)
            number = build.binary("add", self._gather(word, where.pieces), where.base)
            total = build.binary("or", total, build.binary("shl", number, shift))
        return total

    def _immediate(self, word: I64, where: Field) -> I64:
        """An immediate, with its sign, in the upper bits."""
        build = self.builder
        value = build.binary("add", self._gather(word, where.pieces), where.base)
        above = IMMEDIATE_BITS - where.signed_bits if where.signed_bits else 0
        top = build.binary("shl", value, 64 - IMMEDIATE_BITS + above)
        return build.binary("ashr", top, above)

    def _gather(self, word: I64, pieces: Sequence[Piece]) -> I64:
        """The bits of some pieces."""
        build, total = self.builder, I64("0")
        for low, width, to in pieces:
            part = build.binary("and", build.binary("lshr", word, low), (1 << width) - 1)
            total = build.binary("or", total, build.binary("shl", part, to))
        return total

    def _write(self) -> None:
        """Write the record; go on with the next if it belongs to the block, and is not there."""
        build = self.builder
        build.begin(self.write)
        candidate, at = (build.load(CANDIDATE_AT, UNKNOWN, Pointer), build.load(AT, UNKNOWN, I64))
        operands = build.load(OPERAND_WORD, UNKNOWN, I64)
        flags = self._number(candidate, "flags", I8)
        record, length = self.record_at(at), self._number(candidate, "length", I16)
        self.describe(record, build.load(CODE_WORD, UNKNOWN, I64), length, flags)
        self._put_known(at, length, flags)
        # others may write the same here, and read it as soon as the handler is there
        build.store(self._discard(operands, flags), build.offset(record, OPERANDS), ORDERED)
        handler = self._handler(candidate, at, operands)
        self.put_handler(record, handler, self._straddles(at, length))
        follows, inside = build.new_block("follows"), build.new_block("inside")
        ends = build.binary("and", flags, decoding.ENDS)
        build.branch(build.compare("ne", ends, 0), self.done, follows)
        build.begin(follows)
        following = build.binary("add", at, length)
        build.store(following, AT, UNKNOWN)
        build.branch(build.compare("ult", following, PAGE), inside, self.done)
        build.begin(inside)
        there = build.load(self.record_at(following), ORDERED, Pointer)
        empty = build.load(build.offset(self.handlers, 8 * EMPTY_NUMBER), UNKNOWN, Pointer)
        build.branch(build.compare("eq", there, empty), self.next, self.done)

    def _put_known(self, at: I64, length: I64, flags: I64) -> None:
        """Write how long the instruction is, and whether it ends its block."""
        build = self.builder
        ends = build.compare("ne", build.binary("and", flags, decoding.ENDS), 0)
        known = build.binary("or", length, build.select(ends, ENDS_BLOCK, 0, I64))
        place = build.offset(build.offset(RECORDS, build.binary("lshr", at, 1)), KNOWN_AT)
        build.store(build.cast("trunc", known, I8), place, UNKNOWN)

    def _discard(self, operands: I64, flags: I64) -> I64:
        """Operands that name another word in place of the first integer register."""
        build = self.builder
        writes = build.compare("ne", build.binary("and", flags, decoding.DISCARDS), 0)
        first = build.compare("eq", build.binary("and", operands, 0xFF), 0)
        other = build.binary("or", operands, discarded_register(self.isa))
        return build.select(build.binary("and", writes, first), other, operands, I64)

    def _handler(self, candidate: Pointer, at: I64, operands: I64) -> Pointer:
        """The handler of the instruction at an offset, by whether its target is in the page."""
        build = self.builder
        target = build.binary("add", at, build.binary("ashr", operands, 64 - IMMEDIATE_BITS))
        near, far = (self._number(candidate, name, I16) for name in ("near", "far"))
        number = build.select(build.compare("ult", target, PAGE), near, far, I64)
        place = build.offset(self.handlers, build.binary("shl", number, 3))
        return build.load(place, UNKNOWN, Pointer)

    def record_at(self, offset: I64) -> Pointer:
        """The record at an offset in the page."""
        build = self.builder
        return build.offset(RECORDS, build.binary("shl", offset, RECORD_SHIFT))

    def _field(self, candidate: Pointer, name: str, kind: type[T]) -> T:
        place = self.builder.offset(candidate, CANDIDATE_PLACES[name])
        return self.builder.load(place, UNKNOWN, kind)

    def _number(self, candidate: Pointer, name: str, kind: type[I16] | type[I8]) -> I64:
        field: Value = self._field(candidate, name, kind)
        return self.builder.cast("zext", field, I64)
